// The page's request as code for other programs, without the key.

import { base, needsKey } from "./api.js";
import { voicesOf } from "./speech.js";

const DEFAULTS = { stability: 0.5, style: 0, speed: 1 };
const KEY = "sk-...";

/** Only the settings that differ from the server's own. */
function changed(settings) {
  return Object.fromEntries(Object.entries(settings).filter(([name, value]) => value !== DEFAULTS[name]));
}

const json = (value) => JSON.stringify(value); // Of these values also a Python literal, but for booleans.
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const address = () => base.href.replace(/\/$/, "");
const socketAddress = () => address().replace(/^http/, "ws");
const fileName = ({ format }) => `out.${format.split("_")[0]}`;
const keyLine = (line) => (needsKey() ? line : "");

/** Where a text, or the turns of a dialogue, are sent. */
const path = ({ turns, voice }) => (turns ? "/v1/text-to-dialogue" : `/v1/text-to-speech/${voice}`);
const streamAddress = (request) => `${address()}${path(request)}/stream?output_format=${request.format}`;

function options({ turns, seed, normalise, ssml }) {
  const fields = {};
  if (seed !== null) fields.seed = seed;
  if (!normalise) fields.apply_text_normalization = "off";
  if (ssml && !turns) fields.enable_ssml_parsing = true;
  return fields;
}

function body(request) {
  const { text, turns } = request;
  const settings = changed(request.settings);
  const fields = turns ? { inputs: turns } : { text };
  if (Object.keys(settings).length) fields[turns ? "settings" : "voice_settings"] = settings;
  return { ...fields, ...options(request) };
}

function curl(request) {
  return `curl -N ${shell(streamAddress(request))} \\
${keyLine(`  -H 'xi-api-key: ${KEY}' \\\n`)}  -H 'content-type: application/json' \\
  -d ${shell(json(body(request)))} \\
  -o ${fileName(request)}
`;
}

function elevenlabs(request) {
  const { enable_ssml_parsing: ssml, ...fields } = body(request);
  fields.output_format = request.format;
  if (!request.turns) fields.voice_id = request.voice;
  const lines = Object.entries(fields).map(([name, value]) => `    ${name}=${json(value)},\n`);
  if (ssml) lines.push(`    request_options={"additional_body_parameters": {"enable_ssml_parsing": True}},\n`);
  return `# pip install elevenlabs
from elevenlabs import ElevenLabs

client = ElevenLabs(base_url=${json(address())}, api_key="${KEY}")
audio = client.text_to_${request.turns ? "dialogue" : "speech"}.stream(
${lines.join("")})
with open(${json(fileName(request))}, "wb") as file:
    for part in audio:
        file.write(part)
`;
}

function javascript(request) {
  return `const answer = await fetch(
  ${json(streamAddress(request))},
  {
    method: "POST",
    headers: { "content-type": "application/json"${keyLine(`, "xi-api-key": "${KEY}"`)} },
    body: JSON.stringify(${json(body(request))}),
  },
);
if (!answer.ok) throw new Error(await answer.text());
for await (const part of answer.body) {
  console.log(part.length, "bytes of audio"); // play or store them here
}
`;
}

const wordLines = (text) => `for word in ${json(text)}.split():  # as a language model writes
    ws.send(json.dumps({"text": word + " "}))
ws.send(json.dumps({"text": ""}))`;

const turnLines = (turns) => `for turn in [
${turns.map((turn) => `    ${json(turn)},\n`).join("")}]:
    ws.send(json.dumps({"inputs": [{**turn, "new_turn": True}]}))
ws.send(json.dumps({"close_socket": True}))`;

function websocketClient(request) {
  const { turns } = request;
  const settings = changed(request.settings);
  const first = turns ? { voices: voicesOf(turns) } : { text: " " };
  if (Object.keys(settings).length) first.voice_settings = settings;
  if (request.schedule.length && !turns) first.generation_config = { chunk_length_schedule: request.schedule };
  if (needsKey()) first.authorization = `Bearer ${KEY}`;
  return `# pip install websocket-client
import base64, json, websocket

ws = websocket.create_connection(
    "${socketAddress()}${path(request)}/stream-input"
    "?${new URLSearchParams({ output_format: request.format, ...options(request) })}"
)
ws.send(json.dumps(${json(first)}))
${turns ? turnLines(turns) : wordLines(request.text)}

with open(${json(fileName(request))}, "wb") as file:
    while True:
        message = json.loads(ws.recv())
        if message.get("error"):
            raise SystemExit(message["message"])
        if message.get("audio"):
            file.write(base64.b64decode(message["audio"]))
        if message.get("${turns ? "is_final" : "isFinal"}"):
            break
`;
}

/** Voice and settings for an agent; in a dialogue it knows stability and no more. */
function forAgent({ turns, voice, settings }) {
  const { stability, ...more } = changed(settings);
  return {
    voice: turns?.[0].voice_id ?? voice,
    settings: { ...(stability !== undefined && { stability }), ...(!turns && more) },
  };
}

function pipecat(request) {
  const { voice, settings } = forAgent(request);
  const named = Object.entries({ voice, ...settings }).map(([name, value]) => `${name}=${json(value)}`);
  const service = `ElevenLabs${request.turns ? "Dialogue" : ""}TTSService`;
  return `# pip install 'pipecat-ai[elevenlabs]'
from pipecat.services.elevenlabs.${request.turns ? "dialogue." : ""}tts import ${service}

tts = ${service}(
    url=${json(socketAddress())},
    api_key="${KEY}",
    settings=${service}.Settings(${named.join(", ")}),
)
`;
}

function livekit(request) {
  const { voice, settings } = forAgent(request);
  const more = request.turns ? [`\n    model="eleven_v4_turbo",`] : [];
  if (Object.keys(settings).length) {
    const all = json({ stability: 0.5, similarity_boost: 0.75, ...settings });
    more.push(`\n    voice_settings=elevenlabs.VoiceSettings(**${all}),`);
  }
  return `# pip install livekit-plugins-elevenlabs
from livekit.plugins import elevenlabs

tts = elevenlabs.TTS(
    base_url="${address()}/v1",
    api_key="${KEY}",
    voice_id=${json(voice)},${more.join("")}
)
`;
}

export const LANGUAGES = {
  curl: { label: "curl", write: curl },
  python: { label: "Python", write: elevenlabs, note: "The ElevenLabs SDK, unmodified." },
  javascript: { label: "JavaScript", write: javascript, note: "Node, Deno, Bun or a browser." },
  websocket: { label: "WebSocket", write: websocketClient, note: "websocket-client: text in pieces, audio while it is written." },
  pipecat: { label: "Pipecat", write: pipecat, note: "The pipeline chooses the format and sends the text, of one voice." },
  livekit: { label: "LiveKit", write: livekit, note: "The agent sends the text, of one voice." },
};

