// Bytes of each output format to samples. PCM and G.711 are read here; MP3 and Opus by the browser.

export const FORMATS = {
  pcm_24000: { rate: 24000, label: "PCM 24 kHz", note: "48 kB a second, no codec: the least delay." },
  pcm_16000: { rate: 16000, label: "PCM 16 kHz", note: "32 kB a second, as most voice agents take it." },
  pcm_48000: { rate: 48000, label: "PCM 48 kHz", note: "96 kB a second, as WebRTC takes it." },
  mp3_44100_128: { rate: 44100, label: "MP3 128 kbit/s", note: "16 kB a second; plays everywhere.", codec: "mp3" },
  opus_48000_64: { rate: 48000, label: "Opus 64 kbit/s", note: "8 kB a second in Ogg pages of 20 ms.", codec: "opus" },
  ulaw_8000: { rate: 8000, label: "µ-law 8 kHz", note: "8 kB a second: a telephone line." },
  alaw_8000: { rate: 8000, label: "A-law 8 kHz", note: "8 kB a second: a telephone line." },
};

/** The formats that this browser can decode. */
export async function playableFormats() {
  const names = [];
  for (const [name, { codec, rate }] of Object.entries(FORMATS)) {
    const config = { codec, sampleRate: rate, numberOfChannels: 1 };
    const fits =
      !codec ||
      (globalThis.AudioDecoder && (await AudioDecoder.isConfigSupported(config).catch(() => ({}))).supported);
    if (fits) names.push(name);
  }
  return names;
}

/** One stream's decoder: `push(bytes)` and `finish()` hand samples to `deliver`. */
export function openDecoder(name, deliver, fail) {
  const { codec, rate } = FORMATS[name];
  if (codec === "mp3") return new BrowserDecoder(codec, rate, splitMp3, deliver, fail);
  if (codec === "opus") return new BrowserDecoder(codec, rate, openOgg(), deliver, fail);
  const read = name.startsWith("pcm") ? fromPcm : name.startsWith("ulaw") ? fromUlaw : fromAlaw;
  return { push: (bytes) => deliver(read(bytes)), finish: async () => {}, close: () => {} };
}

export function fromBase64(text) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}

function fromPcm(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.length >> 1 }, (_, at) => view.getInt16(2 * at, true) / 32768);
}

function fromUlaw(bytes) {
  return Float32Array.from(bytes, (byte) => {
    const code = ~byte & 255;
    const size = ((((code & 15) << 3) + 132) << ((code >> 4) & 7)) - 132;
    return (code & 128 ? -size : size) / 32768;
  });
}

function fromAlaw(bytes) {
  return Float32Array.from(bytes, (byte) => {
    const code = byte ^ 85;
    const power = (code >> 4) & 7;
    const step = ((code & 15) << 4) + 8;
    const size = power ? (step + 256) << (power - 1) : step;
    return (code & 128 ? size : -size) / 32768;
  });
}

const MP3_KBPS = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];

/** The whole MPEG-1 layer 3 frames at the start of `bytes`, and what is left over. */
function splitMp3(bytes) {
  const packets = [];
  let at = 0;
  while (at + 4 <= bytes.length) {
    const kbps = MP3_KBPS[bytes[at + 2] >> 4];
    const length = Math.floor((144000 * kbps) / 44100) + ((bytes[at + 2] >> 1) & 1);
    if (at + length > bytes.length) break;
    packets.push(bytes.slice(at, at + length));
    at += length;
  }
  return { packets, rest: bytes.slice(at), samples: 1152 };
}

/** Splits Ogg pages into the packets of one Opus stream, without its two header packets. */
function openOgg() {
  let headers = 2;
  return (bytes) => {
    const packets = [];
    let at = 0;
    while (at + 27 <= bytes.length) {
      const segments = bytes[at + 26];
      const lacing = bytes.subarray(at + 27, at + 27 + segments);
      const body = at + 27 + segments;
      const length = lacing.reduce((sum, size) => sum + size, 0);
      if (lacing.length < segments || body + length > bytes.length) break;
      let begin = body;
      let end = body;
      for (const size of lacing) {
        end += size;
        if (size === 255) continue; // The packet goes on; pages of 20 ms hold whole ones.
        if (headers) headers -= 1;
        else packets.push(bytes.slice(begin, end));
        begin = end;
      }
      at = body + length;
    }
    return { packets, rest: bytes.slice(at), samples: 960 };
  };
}

class BrowserDecoder {
  constructor(codec, rate, split, deliver, fail) {
    this.split = split;
    this.rate = rate;
    this.rest = new Uint8Array(0);
    this.samples = 0;
    this.decoder = new AudioDecoder({
      output: (data) => {
        const samples = new Float32Array(data.numberOfFrames);
        data.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
        data.close();
        deliver(samples);
      },
      error: fail,
    });
    this.decoder.configure({ codec, sampleRate: rate, numberOfChannels: 1 });
  }

  push(bytes) {
    const joined = new Uint8Array(this.rest.length + bytes.length);
    joined.set(this.rest);
    joined.set(bytes, this.rest.length);
    const { packets, rest, samples } = this.split(joined);
    this.rest = rest;
    for (const data of packets) {
      const timestamp = Math.round((1e6 * this.samples) / this.rate);
      this.decoder.decode(new EncodedAudioChunk({ type: "key", timestamp, data }));
      this.samples += samples;
    }
  }

  async finish() {
    await this.decoder.flush();
    this.decoder.close();
  }

  close() {
    if (this.decoder.state !== "closed") this.decoder.close();
  }
}
