// The player's audio thread: plays what it was handed, and says exactly what it played and when.

const REPORT_S = 0.01;
const FADE = 64; // Samples of fade after a stop, so that the cut does not click.

class PlayerProcessor extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.startSamples = processorOptions.startSamples;
    this.queue = [];
    this.offset = 0; // Samples of the first block that were played.
    this.queued = 0;
    this.played = 0;
    this.isPlaying = false;
    this.hasStarted = false;
    this.hasEnd = false;
    this.isStopping = false;
    this.isOver = false;
    this.reportedAt = 0;
    this.silentAt = 0; // The frame after the last one that was played.
    this.port.onmessage = ({ data }) => {
      if (data.samples) {
        this.queue.push(data.samples);
        this.queued += data.samples.length;
      }
      if (data.end) this.hasEnd = true;
      if (data.stop) this.isStopping = true;
    };
  }

  process(_inputs, [[output]]) {
    if (this.isOver) return false;
    if (this.isStopping) {
      const count = this.isPlaying ? this.take(output.subarray(0, FADE)) : 0;
      for (let at = 0; at < count; at++) output[at] *= 1 - (at + 1) / count;
      return this.finish("stopped");
    }
    if (!this.isPlaying && this.queued && (this.hasEnd || this.queued >= this.startSamples)) {
      this.isPlaying = true;
      this.silentAt = currentFrame;
      this.report(this.hasStarted ? "resumed" : "started");
      this.hasStarted = true;
    }
    if (this.isPlaying) {
      const count = this.take(output);
      if (count < output.length && !this.hasEnd) {
        this.isPlaying = false;
        this.report("underrun");
      }
    }
    if (this.hasEnd && !this.queued) return this.finish("ended");
    if (currentFrame - this.reportedAt >= REPORT_S * sampleRate) this.report("level");
    return true;
  }

  /** Fill the output from the queue; returns how many samples there were. */
  take(output) {
    let filled = 0;
    while (filled < output.length && this.queue.length) {
      const block = this.queue[0];
      const part = block.subarray(this.offset, this.offset + output.length - filled);
      output.set(part, filled);
      filled += part.length;
      this.offset += part.length;
      if (this.offset === block.length) {
        this.queue.shift();
        this.offset = 0;
      }
    }
    this.queued -= filled;
    this.played += filled;
    if (filled) this.silentAt = currentFrame + filled;
    return filled;
  }

  finish(type) {
    this.isOver = true;
    this.isPlaying = false;
    this.report(type);
    return false;
  }

  /** `time` is on the context's clock: the moment at which `played` samples have been put out. */
  report(type) {
    this.reportedAt = currentFrame;
    const { played, queued, isPlaying } = this;
    this.port.postMessage({ type, played, queued, isPlaying, time: this.silentAt / sampleRate });
  }
}

registerProcessor("zelitrio-player", PlayerProcessor);
