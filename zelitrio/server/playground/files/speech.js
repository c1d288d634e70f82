// One run over a realtime socket: text goes out, samples and times come in, and every moment is noted.
// Knows nothing of the page or the loudspeaker.

import { socketUrl, trouble, Trouble, whyClosed, whyRefused } from "./api.js";
import { FORMATS, fromBase64, openDecoder } from "./decode.js";

const AUDIBLE = 0.003; // Louder than this can be heard: 50 dB below full scale.

/** What a request says besides its text; the page's controls fill it. */
function queryOf(request) {
  const query = { output_format: request.format, sync_alignment: "true", inactivity_timeout: "180" };
  if (request.seed !== null) query.seed = request.seed;
  if (!request.normalise) query.apply_text_normalization = "off";
  if (request.ssml) query.enable_ssml_parsing = "true";
  return query;
}

function pathOf({ turns, voice }) {
  return turns ? "v1/text-to-dialogue/stream-input" : `v1/text-to-speech/${encodeURIComponent(voice)}/stream-input`;
}

/** The first message of a stream. */
function openingOf({ turns, settings, schedule }) {
  if (turns) return { voices: voicesOf(turns), voice_settings: settings };
  const opening = { text: " ", voice_settings: settings };
  if (schedule.length) opening.generation_config = { chunk_length_schedule: schedule };
  return opening;
}

/** The voices of a dialogue, each once. */
export const voicesOf = (turns) => [...new Set(turns.map(({ voice_id: voice }) => voice))];

/** Characters of these texts that are no spaces. */
function solidIn(texts) {
  return texts.reduce((sum, text) => sum + text.replace(/\s+/gu, "").length, 0);
}

export class Run {
  /**
   * @param request voice or turns, format, settings, seed, normalise, ssml, schedule.
   * @param hear `samples(block)`, `segment({ sample, alignment })`, `end()`, `fail(trouble)`, each optional.
   */
  constructor(request, hear) {
    this.request = request;
    this.hear = hear;
    this.rate = FORMATS[request.format].rate;
    this.sent = []; // { at, solid }: characters sent by that moment, without spaces.
    this.chars = 0;
    this.solid = 0;
    this.packets = []; // { at, seconds, bytes }
    this.segments = []; // { sample, solid }
    this.samples = 0;
    this.audibleAt = null; // Sample number of the first that can be heard.
    this.finalAt = null;
    this.state = "opening"; // then open, ended, stopped or failed.
    this.decoded = Promise.resolve();
  }

  async open() {
    const begin = performance.now();
    const url = await socketUrl(pathOf(this.request), queryOf(this.request));
    this.tokenMs = performance.now() - begin;
    if (this.state !== "opening") throw new Trouble("stopped", "");
    this.decoder = openDecoder(
      this.request.format,
      (samples) => this.take(samples),
      (error) => this.fail(new Trouble("decode", `The browser cannot decode this audio: ${error.message}`)),
    );
    const dialled = performance.now();
    const socket = (this.socket = new WebSocket(url));
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onclose = async ({ code }) => reject(await this.refusal(code));
    });
    this.connectMs = performance.now() - dialled;
    socket.onmessage = ({ data }) => this.receive(JSON.parse(data));
    socket.onclose = (event) => this.closed(event);
    this.state = "open";
    this.say(openingOf(this.request));
  }

  async refusal(code) {
    if (this.state === "stopped") return new Trouble("stopped", "");
    this.state = "failed";
    return code === 1006 ? whyRefused() : trouble("connection_lost");
  }

  say(message) {
    if (this.state === "open" && this.socket.readyState === WebSocket.OPEN) {
      this.socket.send(JSON.stringify(message));
    }
  }

  /** Send text; `flush` speaks everything that waits. */
  text(text, flush = false) {
    this.note(text);
    this.say(flush ? { text, flush: true } : { text });
  }

  note(text) {
    this.chars += text.length;
    this.solid += solidIn([text]);
    this.sent.push({ at: performance.now(), solid: this.solid });
  }

  /** Send all of it and no more: the turns of a dialogue, or a text. */
  whole(text) {
    const { turns } = this.request;
    if (turns) {
      this.note(turns.map((turn) => turn.text).join(""));
      this.say({ inputs: turns.map((turn) => ({ ...turn, new_turn: true })), close_socket: true });
    } else {
      this.text(text, true);
      this.end();
    }
  }

  flush() {
    this.say({ flush: true });
  }

  /** No more text. */
  end() {
    this.say({ text: "" });
  }

  /** Barge-in: the server drops what it has not spoken. Resolves when it has let go. */
  stop() {
    const begin = performance.now();
    const wasOpen = this.state === "open";
    this.state = "stopped";
    this.decoder?.close();
    if (!this.socket || this.socket.readyState === WebSocket.CLOSED) return Promise.resolve(0);
    const gone = new Promise((resolve) => {
      if (wasOpen) this.socket.onclose = () => resolve(performance.now() - begin);
      else resolve(0);
    });
    this.socket.close(1000);
    return gone;
  }

  receive(frame) {
    if (this.state !== "open") return;
    if (frame.error) this.problem = trouble(frame.error, frame.message);
    if (frame.isFinal ?? frame.is_final) this.finalAt = performance.now();
    if (!frame.audio) return;
    const bytes = fromBase64(frame.audio);
    const packet = { at: performance.now(), samples: 0, bytes: bytes.length };
    this.packets.push(packet);
    const { alignment: told } = frame;
    if (told) {
      const alignment = {
        chars: told.chars,
        starts: told.charStartTimesMs ?? told.char_start_times_ms,
        lengths: told.charDurationsMs ?? told.char_durations_ms,
      };
      this.segments.push({ sample: this.coded(), solid: solidIn(told.chars) });
      this.hear.segment?.({ sample: this.coded(), alignment });
    }
    this.decoder.push(bytes);
  }

  /** Samples that all packets before the newest stand for; a codec may still hold some of them. */
  coded() {
    return this.decoder.samples ?? this.samples;
  }

  take(samples) {
    if (this.audibleAt === null) {
      const at = samples.findIndex((sample) => Math.abs(sample) > AUDIBLE);
      if (at >= 0) this.audibleAt = this.samples + at;
    }
    this.samples += samples.length;
    if (this.packets.length) this.packets.at(-1).samples += samples.length;
    this.hear.samples?.(samples);
  }

  async closed({ code }) {
    if (this.state !== "open") return;
    if (this.finalAt !== null && code === 1000) {
      await this.decoder.finish();
      if (this.state !== "open") return;
      this.state = "ended";
      this.hear.end?.();
      return;
    }
    this.fail(this.problem ?? (code === 1012 ? trouble("service_restart") : await whyClosed("connection_lost")));
  }

  fail(problem) {
    if (this.state !== "open") return;
    this.state = "failed";
    this.socket.close();
    this.hear.fail?.(problem);
  }

  /** When the first chunk's last character was sent. First audio counts from here. */
  releasedAt() {
    const needed = this.segments[0]?.solid ?? 0;
    return (this.sent.find(({ solid }) => solid >= needed) ?? this.sent.at(-1))?.at ?? null;
  }

  /** All figures of this run, in milliseconds and seconds; null while unknown. */
  figures() {
    const first = this.packets[0]?.at ?? null;
    const released = first === null ? null : this.releasedAt();
    const audio = this.samples / this.rate;
    const last = this.packets.at(-1)?.at ?? null;
    const began = this.sent[0]?.at ?? null;
    return {
      token_ms: this.tokenMs ?? null,
      connect_ms: this.connectMs ?? null,
      first_byte_ms: first === null ? null : first - released,
      first_word_to_first_byte_ms: first === null ? null : first - began,
      gaps_ms: this.packets.slice(1).map(({ at }, index) => at - this.packets[index].at),
      packets: this.packets.map(({ at, samples, bytes }) => ({
        at_ms: at - began,
        seconds: samples / this.rate,
        bytes,
      })),
      segments: this.segments.map(({ sample, solid }) => ({ at_s: sample / this.rate, characters: solid })),
      audio_s: audio,
      real_time_factor: last !== null && audio ? (last - released) / 1000 / audio : null,
      characters: this.chars,
    };
  }
}

/** Gaps that a listener would hear who plays the packets as they came, and nothing in advance. */
export function underrunsOf(packets) {
  let count = 0;
  let until = packets[0]?.at_ms ?? 0;
  for (const { at_ms: at, seconds } of packets) {
    if (at > until) count += 1;
    until = Math.max(until, at) + 1000 * seconds;
  }
  return count;
}
