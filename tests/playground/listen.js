// Run before the page's own code: records what is played, when words are marked and when Stop is pressed.
// Times are on the audio context's clock, so that a busy machine delays nothing that is compared.

window.recorded = { pieces: [], marks: [], stops: [], rate: 0, latency: 0 };
let clock = null;

const addModule = AudioWorklet.prototype.addModule;
AudioWorklet.prototype.addModule = async function (url, ...rest) {
  await addModule.call(this, URL.createObjectURL(new Blob([RECORDER], { type: "text/javascript" })));
  return addModule.call(this, url, ...rest);
};

const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (!(target instanceof AudioDestinationNode)) return connect.call(this, target, ...rest);
  clock = this.context;
  window.recorded.rate = clock.sampleRate;
  const recorder = new AudioWorkletNode(clock, "recorder", { outputChannelCount: [1] });
  recorder.port.onmessage = ({ data }) => window.recorded.pieces.push(data);
  connect.call(recorder, target, ...rest);
  return connect.call(this, recorder);
};

/** All samples as 16-bit numbers, from the first frame on, with the silences between. */
window.takeSamples = () => {
  const { pieces } = window.recorded;
  if (!pieces.length) return { frame: 0, samples: [] };
  const { frame } = pieces[0];
  const samples = [];
  for (const piece of pieces) {
    while (samples.length < piece.frame - frame) samples.push(0);
    for (const sample of piece.block) samples.push(sample * 32768);
  }
  return { frame, samples };
};

window.forget = () => Object.assign(window.recorded, { pieces: [], marks: [], stops: [] });

document.addEventListener("DOMContentLoaded", () => {
  const words = () => [...document.querySelectorAll(".word")];
  new MutationObserver((changes) => {
    for (const { target } of changes) {
      if (!target.classList.contains("now") || window.recorded.marks.at(-1)?.word === words().indexOf(target)) continue;
      window.recorded.marks.push({ word: words().indexOf(target), time: clock.currentTime });
      // Firefox hangs if it is asked while its sound starts.
      window.recorded.latency = (!navigator.userAgent.includes("Firefox") && clock.outputLatency) || clock.baseLatency;
    }
  }).observe(document.querySelector("#transcript"), { subtree: true, attributeFilter: ["class"] });
  const pressed = () => clock && window.recorded.stops.push(clock.currentTime);
  document.querySelector("#stop").addEventListener("click", pressed, { capture: true });
});
