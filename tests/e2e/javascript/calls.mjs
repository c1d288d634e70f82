// One call of an official package, by name; its answer as a line of JSON.
//
//     node calls.mjs dialogue http://127.0.0.1:8020 KEY

import { ElevenLabsClient } from "@elevenlabs/elevenlabs-js";
import OpenAI from "openai";

const [name, url, key] = process.argv.slice(2);
const elevenlabs = new ElevenLabsClient({ baseUrl: url, apiKey: key });
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const began = performance.now();

const DIALOGUE = {
  inputs: [
    { text: "Knock knock, my old friend. ", voiceId: "zeli-voice-1" },
    { text: "Who is there, at this hour?", voiceId: "zeli-voice-2" },
  ],
  outputFormat: "pcm_24000",
};
const SPEECH = { model: "tts-1", voice: "alloy", input: "Hello from JavaScript, my friend." };

async function gathered(stream) {
  const parts = [];
  let firstMs;
  for await (const part of stream) {
    firstMs ??= performance.now() - began;
    parts.push(Buffer.from(part));
  }
  return { audio: Buffer.concat(parts).toString("base64"), parts: parts.length, firstMs };
}

const calls = {
  dialogue: async () => gathered(await elevenlabs.textToDialogue.convert(DIALOGUE)),
  "dialogue stream": async () => gathered(await elevenlabs.textToDialogue.stream(DIALOGUE)),
  "dialogue times": () => elevenlabs.textToDialogue.convertWithTimestamps(DIALOGUE),
  "dialogue stream times": async () => {
    const lines = [];
    for await (const line of await elevenlabs.textToDialogue.streamWithTimestamps(DIALOGUE)) lines.push(line);
    return lines;
  },
  speech: async () =>
    gathered(
      await elevenlabs.textToSpeech.stream("zeli-voice-1", { text: SPEECH.input, outputFormat: "mp3_44100_128" }),
    ),
  "speech stream times": async () => {
    const lines = [];
    const asked = { text: SPEECH.input, outputFormat: "pcm_24000" };
    for await (const line of await elevenlabs.textToSpeech.streamWithTimestamps("zeli-voice-1", asked)) lines.push(line);
    return lines;
  },
  "look-ups": async () => ({
    user: (await elevenlabs.user.get()).subscription.tier,
    models: (await elevenlabs.models.list()).map((model) => model.modelId),
    voices: (await elevenlabs.voices.getAll()).voices.map((voice) => voice.voiceId),
    found: (await elevenlabs.voices.search({ search: "zeli", pageSize: 1 })).totalCount,
  }),
  "openai speech": async () => {
    const answers = {};
    for (const format of ["mp3", "opus", "aac", "flac", "wav", "pcm"]) {
      const answer = await openai.audio.speech.create({ ...SPEECH, response_format: format });
      answers[format] = Buffer.from(await answer.arrayBuffer()).toString("base64");
    }
    return answers;
  },
  "openai stream": async () =>
    gathered((await openai.audio.speech.create({ ...SPEECH, response_format: "pcm" })).body),
  "openai whole": async () => {
    const answer = await openai.audio.speech.create({ ...SPEECH, response_format: "wav", stream: false });
    const length = Number(answer.headers.get("content-length"));
    return { audio: Buffer.from(await answer.arrayBuffer()).toString("base64"), length };
  },
  "openai models": async () => {
    const models = [];
    for await (const model of openai.models.list()) models.push(model.id);
    return { models, one: await openai.models.retrieve("tts-1") };
  },
};

let answer;
try {
  answer = { value: await calls[name]() };
} catch (error) {
  answer = { error: error.constructor.name, status: error.statusCode ?? error.status ?? String(error) };
}
console.log(JSON.stringify(answer));
