// Records every sample between a page's player and the loudspeaker, with its frame number.

class Recorder extends AudioWorkletProcessor {
  process([[input]], [[output]]) {
    if (input) {
      output.set(input);
      this.port.postMessage({ frame: currentFrame, block: input.slice() });
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
