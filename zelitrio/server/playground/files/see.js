// The pictures of a run: waveform with its chunks, spectrogram, and the player's buffer over time.

import { BANDS, Spectrum } from "./spectrum.js";

const STEP_S = 0.01; // One column of the pictures.
const FRAME_MS = 40; // Between two drawings: a slow machine has more to do than to draw.
const SHORTEST_S = 4; // The time axis is at least this long.
const LONGEST_S = 600; // Of a longer run the rest is not drawn.

export class Pictures {
  constructor({ wave, spectrogram, buffer, playhead, axis }) {
    Object.assign(this, { wave, spectrogram, buffer, playhead, axis });
    this.store = document.createElement("canvas");
    this.store.height = BANDS;
    new ResizeObserver(() => this.draw()).observe(wave.parentElement);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.paintedColumns = 0;
      this.draw();
    });
    this.clear(24000);
  }

  clear(rate) {
    this.rate = rate;
    this.step = Math.round(rate * STEP_S);
    this.spectrum = new Spectrum(rate);
    this.peaks = []; // Loudest sample of each column.
    this.columns = []; // Bands of each column.
    this.paintedColumns = 0;
    this.tail = new Float32Array(0); // Samples whose columns are not complete.
    this.samples = 0;
    this.segments = [];
    this.levels = []; // { at, s }: seconds in the buffer.
    this.underruns = [];
    this.heard = null;
    this.store.width = 512;
    this.draw();
  }

  add(samples) {
    this.samples += samples.length;
    if (this.samples > LONGEST_S * this.rate) return;
    const joined = new Float32Array(this.tail.length + samples.length);
    joined.set(this.tail);
    joined.set(samples, this.tail.length);
    let at = 0;
    for (; at + this.step <= joined.length; at += this.step) {
      let peak = 0;
      for (let index = at; index < at + this.step; index++) peak = Math.max(peak, Math.abs(joined[index]));
      this.peaks.push(peak);
      this.columns.push(this.spectrum.bands(joined, at));
    }
    this.tail = joined.slice(at);
    this.soon();
  }

  addSegment(sample) {
    this.segments.push(sample / this.rate);
    this.soon();
  }

  addLevel(atS, seconds) {
    this.levels.push({ at: atS, s: seconds });
    this.soon();
  }

  addUnderrun(atS) {
    this.underruns.push(atS);
    this.soon();
  }

  /** Where the listener is, in samples; null: not playing. */
  move(sample) {
    this.heard = sample;
    const part = sample === null ? 0 : sample / this.rate / this.spanS();
    this.playhead.hidden = sample === null;
    this.playhead.style.left = `${100 * Math.min(1, part)}%`;
    this.soon();
  }

  /** Show the run as heard to its end. */
  finish() {
    this.move(null);
    this.heard = this.samples;
  }

  spanS() {
    return Math.max(SHORTEST_S, Math.min(LONGEST_S, this.samples / this.rate));
  }

  soon() {
    if (this.isDue) return;
    this.isDue = true;
    setTimeout(() => {
      this.isDue = false;
      this.draw();
    }, FRAME_MS);
  }

  draw() {
    const style = getComputedStyle(this.wave);
    this.colour = (name) => style.getPropertyValue(name).trim();
    this.drawWave();
    this.drawSpectrogram();
    this.drawBuffer();
    this.axis.textContent = `${this.spanS().toFixed(1)} s`;
  }

  drawWave() {
    const { pen, width, height } = fit(this.wave);
    const perPixel = this.spanS() / STEP_S / width;
    const heardColumn = this.heard === null ? -1 : this.heard / this.step;
    const middle = height / 2;
    pen.fillStyle = this.colour("--line");
    pen.fillRect(0, middle, width, 1);
    for (let x = 0; x < width; x += 3) {
      const from = Math.floor(x * perPixel);
      if (from >= this.peaks.length) break;
      const peak = Math.max(...this.peaks.slice(from, Math.max(from + 1, Math.ceil((x + 3) * perPixel))));
      const tall = Math.max(1, Math.sqrt(peak) * (height - 8));
      pen.fillStyle = this.colour(from < heardColumn ? "--accent" : "--wave");
      pen.fillRect(x, middle - tall / 2, 2, tall);
    }
    pen.fillStyle = this.colour("--mark");
    for (const seconds of this.segments.slice(1)) {
      const x = Math.round((seconds / this.spanS()) * width);
      pen.fillRect(x, 0, 1, height);
      pen.fillRect(x, 0, 6, 3);
    }
  }

  drawSpectrogram() {
    this.paintColumns();
    const { pen, width, height } = fit(this.spectrogram);
    const columns = this.columns.length;
    if (!columns) return;
    pen.imageSmoothingEnabled = true;
    const drawn = (width * columns * STEP_S) / this.spanS();
    pen.drawImage(this.store, 0, 0, columns, BANDS, 0, 0, drawn, height);
  }

  /** Put new columns into the stored picture. */
  paintColumns() {
    const columns = this.columns.length;
    if (columns > this.store.width) {
      this.store.width = 2 ** Math.ceil(Math.log2(columns)); // This also empties it.
      this.paintedColumns = 0;
    }
    if (this.paintedColumns >= columns) return;
    const image = new ImageData(columns - this.paintedColumns, BANDS);
    const colours = ramp([this.colour("--panel"), this.colour("--wave"), this.colour("--accent"), this.colour("--text")]);
    for (let column = 0; column < image.width; column++) {
      const bands = this.columns[this.paintedColumns + column];
      for (let band = 0; band < BANDS; band++) {
        image.data.set(colours[Math.round(255 * bands[band])], 4 * ((BANDS - 1 - band) * image.width + column));
      }
    }
    this.store.getContext("2d").putImageData(image, this.paintedColumns, 0);
    this.paintedColumns = columns;
  }

  drawBuffer() {
    const { pen, width, height } = fit(this.buffer);
    const last = this.levels.at(-1);
    if (!last) return;
    const span = Math.max(SHORTEST_S, last.at);
    const most = Math.max(1, this.levels.reduce((top, { s }) => Math.max(top, s), 0));
    const place = ({ at, s }) => [(at / span) * width, height - 1 - (s / most) * (height - 16)];
    pen.beginPath();
    pen.moveTo(place(this.levels[0])[0], height);
    for (const level of this.levels) pen.lineTo(...place(level));
    pen.lineTo(place(last)[0], height);
    pen.fillStyle = this.colour("--wave");
    pen.fill();
    pen.fillStyle = this.colour("--bad");
    for (const at of this.underruns) pen.fillRect((at / span) * width - 1, 0, 2, height);
    pen.fillStyle = this.colour("--muted");
    pen.font = "11px system-ui, sans-serif";
    pen.textAlign = "left";
    pen.fillText(`${most.toFixed(1)} s`, 2, 11);
    pen.textAlign = "right";
    pen.fillText(`${span.toFixed(1)} s after the text`, width - 2, 11);
  }
}

/** Match a canvas to its place on the screen, empty it, and return its pen and its size. */
export function fit(canvas) {
  const { width, height } = canvas.getBoundingClientRect();
  const scale = devicePixelRatio;
  const [wide, tall] = [Math.round(width * scale), Math.round(height * scale)];
  if (canvas.width !== wide || canvas.height !== tall) Object.assign(canvas, { width: wide, height: tall });
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

/** 256 colours from the first of these to the last. */
function ramp(colours) {
  const stops = colours.map((colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)));
  return Array.from({ length: 256 }, (_, index) => {
    const place = (index / 255) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(place));
    return [...stops[low].map((value, part) => Math.round(value + (stops[low + 1][part] - value) * (place - low))), 255];
  });
}
