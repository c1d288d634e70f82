// The spectrum of a stretch of sound in bands of 80 Hz, for the spectrogram.

const SIZE = 512;
export const BANDS = 100;
const TOP_HZ = 8000;
const FLOOR_DB = -75;
const TOP_DB = -15;

export class Spectrum {
  constructor(rate) {
    this.real = new Float32Array(SIZE);
    this.imaginary = new Float32Array(SIZE);
    this.window = Float32Array.from({ length: SIZE }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / SIZE));
    this.cosines = Float32Array.from({ length: SIZE / 2 }, (_, at) => Math.cos((2 * Math.PI * at) / SIZE));
    this.sines = Float32Array.from({ length: SIZE / 2 }, (_, at) => Math.sin((2 * Math.PI * at) / SIZE));
    this.bin = (band) => Math.round((((band + 0.5) * TOP_HZ) / BANDS / rate) * SIZE);
  }

  /** [BANDS] values from 0 (silent) to 1 of the 512 samples from `at`. */
  bands(samples, at) {
    const { real, imaginary } = this;
    for (let index = 0; index < SIZE; index++) real[index] = (samples[at + index] ?? 0) * this.window[index];
    imaginary.fill(0);
    this.transform();
    return Array.from({ length: BANDS }, (_, band) => {
      const bin = this.bin(band);
      const power = bin < SIZE / 2 ? real[bin] ** 2 + imaginary[bin] ** 2 : 0;
      const db = 10 * Math.log10(power + 1e-12) - 20 * Math.log10(SIZE / 4);
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
