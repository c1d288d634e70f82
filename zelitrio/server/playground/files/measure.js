// Figures: this run, the runs before it, and many streams at once.

import { fit } from "./see.js";
import { make } from "./read.js";
import { Run, underrunsOf } from "./speech.js";

const KEPT = 20;
const PATIENCE_MS = 120_000;

/** The nearest-rank percentile; null of none. */
export function percentile(values, part) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted.length ? sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] : null;
}

export const ms = (value) => (value === null || value === undefined ? "–" : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);

/** "12 times" as fast as real time, from a real-time factor. */
export const faster = (factor) => (factor ? `${(1 / factor).toFixed(factor > 0.1 ? 1 : 0)}×` : "–");

export const history = [];

export function remember(run) {
  history.push(run);
  if (history.length > KEPT) history.shift();
}

/** Speak a text on N streams at once, without playing them. Returns one result per stream. */
export async function runParallel(requests, text, apartMs, { progress, signal }) {
  const runs = requests.map((request) => openOne(request));
  let ended = 0;
  signal.addEventListener("abort", () => runs.forEach(({ stop }) => stop()));
  const results = await Promise.all(
    runs.map(async ({ run, done, settle }, number) => {
      try {
        await run.open();
        settle.opened();
        await Promise.all(runs.map(({ opened }) => opened)); // All start from open sockets.
        if (apartMs) await new Promise((resolve) => setTimeout(resolve, number * apartMs));
        run.whole(text);
        await done;
        const figures = run.figures();
        return { ...figures, underruns: underrunsOf(figures.packets), error: null };
      } catch (problem) {
        return { first_byte_ms: null, error: problem.message };
      } finally {
        settle.opened();
        ended += 1;
        progress(ended, runs.length);
      }
    }),
  );
  return summary(results, runs);
}

function openOne(request) {
  const settle = {};
  const opened = new Promise((resolve) => (settle.opened = resolve));
  const done = new Promise((resolve, reject) => Object.assign(settle, { end: resolve, fail: reject }));
  done.catch(() => {}); // Told to the stream that waits for it.
  const run = new Run(request, settle);
  setTimeout(settle.fail, PATIENCE_MS, new Error("The stream took more than two minutes."));
  const stop = () => {
    settle.fail(new Error("Stopped."));
    run.stop();
  };
  return { run, opened, done, settle, stop };
}

function summary(results, runs) {
  const good = results.filter(({ error }) => !error);
  const firsts = good.map((one) => one.first_byte_ms);
  const begins = runs.flatMap(({ run }) => run.sent.slice(0, 1).map(({ at }) => at));
  const ends = runs.flatMap(({ run }) => run.packets.slice(-1).map(({ at }) => at));
  const tookS = ends.length ? (Math.max(...ends) - Math.min(...begins)) / 1000 : null;
  const audioS = good.reduce((sum, { audio_s: seconds }) => sum + seconds, 0);
  return {
    streams: results.length,
    failed: results.length - good.length,
    errors: [...new Set(results.map(({ error }) => error).filter(Boolean))],
    first_byte_ms: {
      p50: percentile(firsts, 0.5),
      p95: percentile(firsts, 0.95),
      p99: percentile(firsts, 0.99),
      each: firsts,
    },
    gap_ms: { p99: percentile(good.flatMap((one) => one.gaps_ms), 0.99) },
    underruns: good.reduce((sum, one) => sum + one.underruns, 0),
    audio_s: audioS,
    took_s: tookS,
    audio_seconds_per_second: tookS ? audioS / tookS : null,
  };
}

/** Draw first audio of each stream, soonest first, with the percentiles as lines. */
export function drawParallel(canvas, { first_byte_ms: first }) {
  const { pen, width, height } = fit(canvas);
  const values = [...first.each].sort((one, other) => one - other);
  if (!values.length) return;
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name).trim();
  const top = values.at(-1) * 1.1;
  const step = width / values.length;
  const place = (value) => height - (value / top) * (height - 14);
  pen.fillStyle = colour("--wave");
  values.forEach((value, at) => {
    pen.fillRect(at * step + 1, place(value), Math.max(1, step - 2), height - place(value));
  });
  pen.font = "11px system-ui, sans-serif";
  pen.textBaseline = "bottom";
  for (const name of ["p50", "p95", "p99"]) {
    const y = place(first[name]);
    pen.fillStyle = colour("--mark");
    pen.fillRect(0, y, width, 1);
  }
  pen.fillStyle = colour("--muted");
  pen.textAlign = "left";
  pen.fillText(`p50 ${ms(first.p50)}`, 2, place(first.p50));
  pen.textAlign = "right";
  pen.fillText(`p99 ${ms(first.p99)}`, width - 2, Math.max(12, place(first.p99)));
}

/** Offer an object as a JSON file. */
export function download(name, content) {
  const link = make("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
