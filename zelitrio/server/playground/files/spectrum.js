// The spectrum of a stretch of sound in mel bands, for the spectrogram.

const SIZE = 512;
export const BANDS = 80;
const FLOOR_DB = -75;
const TOP_DB = -15;

const mel = (hz) => 1127 * Math.log1p(hz / 700);
const hertz = (place) => 700 * Math.expm1(place / 1127);

export class Spectrum {
  constructor(rate) {
    this.real = new Float32Array(SIZE);
    this.imaginary = new Float32Array(SIZE);
    this.window = Float32Array.from({ length: SIZE }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / SIZE));
    this.cosines = Float32Array.from({ length: SIZE / 2 }, (_, at) => Math.cos((2 * Math.PI * at) / SIZE));
    this.sines = Float32Array.from({ length: SIZE / 2 }, (_, at) => Math.sin((2 * Math.PI * at) / SIZE));
    this.topHz = Math.min(8000, rate / 2);
    const edge = (band) => (hertz((mel(this.topHz) * band) / BANDS) * SIZE) / rate;
    this.edges = Array.from({ length: BANDS }, (_, band) => {
      const low = Math.floor(edge(band));
      return [low, Math.max(low + 1, Math.ceil(edge(band + 1)))];
    });
  }

  /** [BANDS] values from 0 (silent) to 1 of the 512 samples from `at`. */
  bands(samples, at) {
    const { real, imaginary } = this;
    for (let index = 0; index < SIZE; index++) real[index] = (samples[at + index] ?? 0) * this.window[index];
    imaginary.fill(0);
    this.transform();
    return this.edges.map(([low, high]) => {
      let most = 0;
      for (let bin = low; bin < high; bin++) most = Math.max(most, real[bin] ** 2 + imaginary[bin] ** 2);
      const db = 10 * Math.log10(most + 1e-12) - 20 * Math.log10(SIZE / 4);
      return Math.min(1, Math.max(0, (db - FLOOR_DB) / (TOP_DB - FLOOR_DB)));
    });
  }

  /** A Fourier transform in place. */
  transform() {
    const { real, imaginary } = this;
    for (let at = 1, mirror = 0; at < SIZE; at++) {
      let bit = SIZE >> 1;
      for (; mirror & bit; bit >>= 1) mirror ^= bit;
      mirror ^= bit;
      if (at < mirror) {
        [real[at], real[mirror]] = [real[mirror], real[at]];
        [imaginary[at], imaginary[mirror]] = [imaginary[mirror], imaginary[at]];
      }
    }
    for (let length = 2; length <= SIZE; length *= 2) {
      const half = length / 2;
      const stride = SIZE / length;
      for (let start = 0; start < SIZE; start += length) {
        for (let index = 0; index < half; index++) {
          const [one, other] = [start + index, start + index + half];
          const [cosine, sine] = [this.cosines[index * stride], this.sines[index * stride]];
          const re = real[other] * cosine + imaginary[other] * sine;
          const im = imaginary[other] * cosine - real[other] * sine;
          [real[other], imaginary[other]] = [real[one] - re, imaginary[one] - im];
          real[one] += re;
          imaginary[one] += im;
        }
      }
    }
  }
}
