// Plays samples as they come. Two ways with one face: a worklet, and scheduled buffers where the browser
// has no worklet (pages over plain http from another machine).

const contexts = new Map(); // By sample rate: opening one costs tens of milliseconds.
const BLOCKED_AFTER_MS = 400;
const REST_AFTER_MS = 2000;
let resting = 0;

/** A context for this rate, with the worklet loaded where there is one. */
export function prepareContext(rate) {
  if (!contexts.has(rate)) {
    const context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    const module = new URL("worklet.js", import.meta.url);
    const ready = (context.audioWorklet?.addModule(module) ?? Promise.resolve()).catch(() => {
      contexts.delete(rate);
      throw new Error("The player could not be loaded. Try again, or reload the page.");
    });
    ready.catch(() => {}); // Told to the run that needs it.
    contexts.set(rate, { context, ready });
  }
  return contexts.get(rate);
}

/** Let sound out, inside of a click; resolves to false where the browser holds it back. */
export async function allowSound(rate) {
  clearTimeout(resting);
  const { context, ready } = prepareContext(rate);
  await ready;
  if (context.state === "running") return true;
  const resumed = context.resume().then(() => true);
  const late = new Promise((resolve) => setTimeout(resolve, BLOCKED_AFTER_MS, false));
  return Promise.race([resumed, late]);
}

/** Let all contexts rest: a running one keeps a processor busy. The last sound leaves before that. */
export function restContexts() {
  clearTimeout(resting);
  resting = setTimeout(() => {
    for (const { context } of contexts.values()) context.suspend();
  }, REST_AFTER_MS);
}

/** A player for one run. `on(type, report)` hears started, resumed, underrun, level, ended, stopped. */
export function openPlayer(rate, startS, on) {
  const { context } = prepareContext(rate);
  return context.audioWorklet ? new WorkletPlayer(context, startS, on) : new BufferPlayer(context, startS, on);
}

class Player {
  constructor(context) {
    this.context = context;
    this.latency = context.baseLatency || 0;
    this.askAt = context.currentTime + 0.5;
  }

  /** Seconds from the context's clock to the ear; Firefox hangs if asked while its sound starts. */
  latencyS() {
    const { currentTime } = this.context;
    if (currentTime > this.askAt) {
      this.askAt = currentTime + 1;
      this.latency = this.context.outputLatency || this.latency;
    }
    return this.latency;
  }

  /** When a moment on the context's clock is heard, on the page's clock. */
  wallTime(time) {
    return performance.now() + 1000 * (time - this.context.currentTime + this.latencyS());
  }
}

class WorkletPlayer extends Player {
  constructor(context, startS, on) {
    super(context);
    this.last = { played: 0, queued: 0, time: 0, isPlaying: false };
    this.node = new AudioWorkletNode(context, "zelitrio-player", {
      numberOfInputs: 0,
      outputChannelCount: [1],
      processorOptions: { startSamples: Math.round(startS * context.sampleRate) },
    });
    this.node.port.onmessage = ({ data }) => {
      this.last = data;
      if (data.type === "ended" || data.type === "stopped") {
        this.node.port.onmessage = null;
        this.node.disconnect();
      }
      on(data.type, data);
    };
    this.node.connect(context.destination);
  }

  push(samples) {
    this.node.port.postMessage({ samples }, [samples.buffer]);
  }

  end() {
    this.node.port.postMessage({ end: true });
  }

  stop() {
    this.node.port.postMessage({ stop: true });
  }

  /** Samples heard by now. */
  heard() {
    const { played, time, isPlaying } = this.last;
    const since = this.context.currentTime - time - this.latencyS();
    const moved = isPlaying ? since : Math.min(since, 0); // What was put out is heard to its end.
    return Math.max(0, played + Math.round(moved * this.context.sampleRate));
  }
}

class BufferPlayer extends Player {
  constructor(context, startS, on) {
    super(context);
    this.startS = startS;
    this.on = on;
    this.held = []; // Blocks that wait for the start.
    this.heldSamples = 0;
    this.sources = new Set();
    this.pushed = 0;
    this.beganAt = null; // When the first sample of this stretch plays.
    this.before = 0; // Samples of earlier stretches.
    this.until = 0;
    this.timer = setInterval(() => this.look(), 10);
  }

  push(samples) {
    this.held.push(samples);
    this.heldSamples += samples.length;
    if (this.beganAt !== null || this.heldSamples >= this.startS * this.context.sampleRate) this.schedule();
  }

  end() {
    this.hasEnd = true;
    this.schedule();
  }

  stop() {
    for (const source of this.sources) source.stop();
    this.finish("stopped");
  }

  schedule() {
    const { context } = this;
    for (const samples of this.held.splice(0)) {
      if (this.beganAt === null || context.currentTime > this.until) {
        const type = this.pushed ? "resumed" : "started";
        this.before = this.pushed;
        this.beganAt = this.until = context.currentTime + 0.005;
        this.report(type);
      }
      const buffer = context.createBuffer(1, samples.length, context.sampleRate);
      buffer.copyToChannel(samples, 0);
      const source = new AudioBufferSourceNode(context, { buffer });
      source.onended = () => this.sources.delete(source);
      this.sources.add(source);
      source.connect(context.destination);
      source.start(this.until);
      this.until += buffer.duration;
      this.pushed += samples.length;
    }
    this.heldSamples = 0;
  }

  played() {
    if (this.beganAt === null) return this.before;
    const since = Math.round((this.context.currentTime - this.beganAt) * this.context.sampleRate);
    return Math.min(this.pushed, this.before + Math.max(0, since));
  }

  heard() {
    const late = Math.round(this.latencyS() * this.context.sampleRate);
    return Math.max(0, this.played() - late);
  }

  look() {
    if (this.beganAt !== null && this.context.currentTime > this.until && !this.held.length) {
      if (this.hasEnd) return this.finish("ended");
      if (!this.isDry) this.report("underrun");
      this.isDry = true;
      return undefined;
    }
    this.isDry = false;
    return this.hasEnd && !this.pushed ? this.finish("ended") : this.report("level");
  }

  finish(type) {
    clearInterval(this.timer);
    this.report(type);
    this.on = () => {};
  }

  report(type) {
    const played = this.played();
    const queued = this.pushed + this.heldSamples - played;
    this.on(type, { type, played, queued, time: this.beganAt && type === "started" ? this.beganAt : this.context.currentTime });
  }
}
