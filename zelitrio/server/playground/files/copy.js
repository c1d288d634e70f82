// The request that the page would send, as code for other programs. The key is never part of it.

import { base, needsKey } from "./api.js";

const DEFAULTS = { stability: 0.5, style: 0, speed: 1, similarity_boost: 0.75, use_speaker_boost: true };
const KEY = "sk-...";

/** Only the settings that differ from the server's own. */
function changed(settings) {
  return Object.fromEntries(Object.entries(settings).filter(([name, value]) => value !== DEFAULTS[name]));
}

const json = (value) => JSON.stringify(value);
/** A Python literal of a flat object of numbers and booleans. */
const python = (value) => json(value).replace(/true/g, "True").replace(/false/g, "False").replaceAll(":", ": ").replaceAll(",", ", ");
const shell = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const address = () => base.href.replace(/\/$/, "");
const socketAddress = () => address().replace(/^http/, "ws");

function body({ text, settings, seed, normalise, ssml }) {
  const fields = { text };
  if (Object.keys(changed(settings)).length) fields.voice_settings = changed(settings);
  if (seed !== null) fields.seed = seed;
  if (!normalise) fields.apply_text_normalization = "off";
  if (ssml) fields.enable_ssml_parsing = true;
  return fields;
}

function query({ format, seed, normalise, ssml }) {
  const parts = [`output_format=${format}`];
  if (seed !== null) parts.push(`seed=${seed}`);
  if (!normalise) parts.push("apply_text_normalization=off");
  if (ssml) parts.push("enable_ssml_parsing=true");
  return parts.join("&");
}

function fileName({ format }) {
  const codec = format.split("_")[0];
  return { mp3: "out.mp3", opus: "out.opus" }[codec] ?? `out.${codec}`;
}

const keyLine = (line) => (needsKey() ? line : "");

function curl(request) {
  const path = `${address()}/v1/text-to-speech/${request.voice}/stream?output_format=${request.format}`;
  return `curl -N ${shell(path)} \\
${keyLine(`  -H 'xi-api-key: ${KEY}' \\\n`)}  -H 'content-type: application/json' \\
  -d ${shell(json(body(request)))} \\
  -o ${fileName(request)}
`;
}

function elevenlabs(request) {
  const fields = body(request);
  const more = [];
  if (fields.voice_settings) more.push(`    voice_settings=VoiceSettings(**${python(fields.voice_settings)}),\n`);
  if (fields.seed !== undefined) more.push(`    seed=${fields.seed},\n`);
  if (!request.normalise) more.push(`    apply_text_normalization="off",\n`);
  if (request.ssml) more.push(`    request_options={"additional_body_parameters": {"enable_ssml_parsing": True}},\n`);
  return `# pip install elevenlabs
from elevenlabs import ElevenLabs${fields.voice_settings ? ", VoiceSettings" : ""}

client = ElevenLabs(base_url=${json(address())}, api_key="${KEY}")
audio = client.text_to_speech.stream(
    voice_id=${json(request.voice)},
    text=${json(request.text)},
    output_format=${json(request.format)},
${more.join("")})
with open(${json(fileName(request))}, "wb") as file:
    for part in audio:
        file.write(part)
`;
}

function javascript(request) {
  return `const answer = await fetch(
  ${json(`${address()}/v1/text-to-speech/${request.voice}/stream?output_format=${request.format}`)},
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

function websocketClient(request) {
  const opening = { text: " " };
  const settings = changed(request.settings);
  const first = [`"text": " "`];
  if (Object.keys(settings).length) first.push(`"voice_settings": ${python(settings)}`);
  if (request.schedule.length) first.push(`"generation_config": {"chunk_length_schedule": ${json(request.schedule)}}`);
  if (needsKey()) first.push(`"authorization": "Bearer ${KEY}"`);
  return `# pip install websocket-client
import base64, json, websocket

ws = websocket.create_connection(
    "${socketAddress()}/v1/text-to-speech/${request.voice}/stream-input"
    "?${query(request)}"
)
ws.send(json.dumps({${first.join(", ")}}))
for word in ${json(request.text)}.split():  # as a language model writes
    ws.send(json.dumps({"text": word + " "}))
ws.send(json.dumps({"text": ""}))

with open(${json(fileName(request))}, "wb") as file:
    while True:
        message = json.loads(ws.recv())
        if message.get("error"):
            raise SystemExit(message["message"])
        if message.get("audio"):
            file.write(base64.b64decode(message["audio"]))
        if message.get("isFinal"):
            break
`;
}

function pipecat(request) {
  const settings = changed(request.settings);
  const more = Object.entries(settings).map(([name, value]) => `, ${name}=${python(value)}`);
  return `# pip install 'pipecat-ai[elevenlabs]'
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

tts = ElevenLabsTTSService(
    url=${json(socketAddress())},
    api_key="${KEY}",
    settings=ElevenLabsTTSService.Settings(voice=${json(request.voice)}${more.join("")}),
)
`;
}

function livekit(request) {
  const settings = changed(request.settings);
  const extra = Object.keys(settings).length
    ? `\n    voice_settings=elevenlabs.VoiceSettings(\n        **${python({ stability: 0.5, similarity_boost: 0.75, ...settings })}\n    ),`
    : "";
  return `# pip install livekit-plugins-elevenlabs
from livekit.plugins import elevenlabs

tts = elevenlabs.TTS(
    base_url="${address()}/v1",
    api_key="${KEY}",
    voice_id=${json(request.voice)},${extra}
)
`;
}

export const LANGUAGES = {
  curl: { label: "curl", write: curl },
  python: { label: "Python", write: elevenlabs, note: "The ElevenLabs SDK, unmodified." },
  javascript: { label: "JavaScript", write: javascript, note: "Node, Deno, Bun or a browser." },
  websocket: { label: "WebSocket", write: websocketClient, note: "websocket-client: text in pieces, audio while it is written." },
  pipecat: { label: "Pipecat", write: pipecat, note: "The pipeline chooses the format and sends the text." },
  livekit: { label: "LiveKit", write: livekit, note: "The agent sends the text." },
};

