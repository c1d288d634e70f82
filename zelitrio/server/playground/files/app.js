// The page itself: its controls, one run at a time, and what is shown of it.

import * as api from "./api.js";
import { LANGUAGES } from "./copy.js";
import { FORMATS, playableFormats } from "./decode.js";
import { download, drawParallel, faster, history, ms, percentile, remember, runParallel } from "./measure.js";
import { allowSound, openPlayer, prepareContext, restContexts } from "./player.js";
import { readingOf } from "./read.js";
import { Pictures } from "./see.js";
import { Run } from "./speech.js";
import { Transcript } from "./transcript.js";

const EXAMPLES = {
  Greeting: "Hello there. This is zelitrio, speaking on your own machine. Nothing you say here leaves it.",
  Numbers:
    "Dr. Smith paid $12.50 on 3/4 at 5:30 p.m. for 2.5 kg of flour. Call 555-0142 before Jan 1, 2027, or write to orders@example.com.",
  Names: "Siobhan and Nguyen met Xavier at the Louvre. From there they went to Worcester, Oaxaca and Reykjavik.",
  Story:
    "The lighthouse had been dark for eleven years when the light came back. Nobody in the village had climbed the hill. Nobody had the key. And yet, every night at nine, the beam swept slowly over the water, as if it were looking for someone.",
  "Support call":
    "Thanks for waiting, Maria. I can see your order, number 48213, and it left our warehouse this morning. Would you like me to text you the tracking link, or is there anything else I can help you with?",
};
const WAYS = {
  whole: "One message with the whole text.",
  words: "Word by word, as a language model writes. Speech begins before the text is complete.",
  type: "Each word leaves when you finish it. Enter speaks what waits.",
};
const WAY_NAMES = { whole: "Whole", words: "Model", type: "Typed" };

const at = (id) => document.getElementById(id);
const text = at("text");
const transcript = new Transcript(at("transcript"), at("transcript-box"));
const pictures = new Pictures({
  wave: at("wave"),
  spectrogram: at("spectrogram"),
  buffer: at("buffer"),
  playhead: at("playhead"),
  axis: at("axis"),
});
let current = null; // The run that speaks, with its player.
let voices = [];
let written = ""; // The text of the other two ways, while the box is for typing.
let loadAbort = null;
const loads = [];

// What the controls say.

const way = () => document.querySelector("[name=way]:checked").value;

function request() {
  const schedule = at("schedule").value.split(/[\s,;]+/).filter(Boolean).map(Number);
  return {
    voice: at("voice").value,
    format: at("format").value,
    settings: {
      speed: Number(at("speed").value),
      stability: Number(at("stability").value),
      style: Number(at("style").value),
    },
    seed: /^\d{1,10}$/.test(at("seed").value) ? Number(at("seed").value) : null,
    schedule: schedule.every((size) => size >= 1) ? schedule : [],
    normalise: at("normalise").checked,
    ssml: at("ssml").checked,
  };
}

function textToSpeak() {
  return way() === "type" ? written : text.value;
}

// What the page says.

function say(sentence) {
  at("state").textContent = sentence;
}

/** Show a failure as a sentence, with what to do about it. */
function complain(problem, { retry } = {}) {
  if (problem.code === "stopped") return;
  const isKey = ["missing_api_key", "invalid_api_key", "unauthorized"].includes(problem.code);
  at("key-form").hidden = !isKey;
  at("key").setAttribute("aria-invalid", String(isKey && Boolean(api.key())));
  at("trouble-text").textContent = problem.message;
  at("trouble").hidden = false;
  at("retry").hidden = !retry || isKey;
  at("retry").onclick = retry ?? null;
  at("unblock").hidden = problem.code !== "blocked";
  if (isKey) {
    if (api.key()) api.setKey("");
    at("forget").hidden = true;
    at("key").focus();
  }
  say(isKey ? "A key is needed." : "Stopped by an error.");
}

function calm() {
  at("trouble").hidden = true;
  at("key").setAttribute("aria-invalid", "false");
}

function showButtons() {
  const typing = way() === "type";
  at("speak").textContent = typing ? "Finish" : "Speak";
  at("speak").disabled = !voices.length || (typing ? !current?.isTaking : Boolean(current?.isTaking));
  at("flush").disabled = !current?.isTaking;
  at("stop").disabled = !current;
  at("load").textContent = loadAbort ? "Stop" : "Run";
  at("load").disabled = !voices.length;
}

// One run.

async function begin() {
  calm();
  current?.halt();
  const wanted = request();
  const { rate } = FORMATS[wanted.format];
  const mine = (current = { way: way(), wanted, isTaking: true, underruns: 0, startedAt: new Date() });
  const isMine = () => current === mine;
  transcript.clear();
  at("transcript-hint").hidden = true;
  pictures.clear(rate);
  showFigures({});
  say("Connecting");
  showButtons();

  const run = (mine.run = new Run(wanted, {
    samples: (samples) => {
      pictures.add(samples); // Before the player, which takes the samples away.
      mine.player.push(samples);
    },
    segment: ({ sample, alignment }) => {
      transcript.align(sample, alignment, rate);
      pictures.addSegment(sample);
    },
    end: () => {
      mine.player.end();
      mine.isTaking = false;
      showButtons();
    },
    fail: (problem) => {
      mine.player.end(); // What has arrived is heard to its end.
      mine.isTaking = false;
      mine.failed = true;
      complain(problem, { retry });
      showButtons();
    },
  }));
  mine.halt = () => {
    mine.isTaking = false;
    clearTimeout(mine.timer);
    mine.player?.stop();
    if (current === mine) current = null;
    showButtons();
    return run.stop();
  };

  try {
    const [isAllowed, totals] = await Promise.all([allowSound(rate), api.firstAudioTotals(), run.open()]);
    if (!isMine()) return null;
    mine.totals = totals;
    mine.player = openPlayer(rate, Number(at("start").value) / 1000, (type, report) => onPlayer(mine, type, report));
    if (!isAllowed) {
      complain({ code: "blocked", message: "The browser holds the sound back until you allow it." });
    }
  } catch (problem) {
    if (isMine()) {
      current = null;
      complain(problem, { retry });
      showButtons();
    }
    return null;
  }
  say("Speaking");
  return mine;
}

function retry() {
  if (way() === "type") {
    calm();
    text.focus();
  } else {
    speak();
  }
}

async function speak() {
  const whole = textToSpeak();
  if (!whole.trim()) {
    say("There is no text to speak.");
    text.focus();
    return;
  }
  const mine = await begin();
  if (!mine) return;
  if (mine.way === "whole") {
    send(mine, whole, true);
    finish(mine);
  } else {
    writeWords(mine, whole.match(/\S+\s*/gu));
  }
}

/** Send the words at the chosen pace; the clock decides how many are due, however late a timer is. */
function writeWords(mine, words) {
  const began = performance.now();
  let sent = 0;
  const step = () => {
    if (current !== mine || !mine.isTaking) return;
    const due = 1 + Math.floor(((performance.now() - began) / 1000) * Number(at("pace").value));
    while (sent < Math.min(due, words.length)) send(mine, words[sent++]);
    if (sent === words.length) finish(mine);
    else mine.timer = setTimeout(step, 1000 / Number(at("pace").value));
  };
  step();
}

function send(mine, words, flush = false) {
  transcript.add(words);
  mine.run.text(words, flush);
}

function finish(mine) {
  mine.run.end();
  mine.hasEnd = true;
  at("flush").disabled = true;
}

async function stop() {
  const mine = current;
  if (!mine) return;
  mine.stopAt = performance.now();
  const silent = new Promise((resolve) => (mine.onStopped = resolve));
  const released = mine.halt();
  say("Stopped.");
  if (!mine.player || !mine.hasStarted) return;
  const [, releasedMs] = await Promise.all([silent, released]);
  if (!current) say(`Silence after ${ms(mine.silenceMs)}. The server let go after ${ms(releasedMs)}.`);
}

function onPlayer(mine, type, report) {
  const began = mine.run.sent[0]?.at ?? performance.now();
  const wall = mine.player?.wallTime(report.time) ?? 0;
  const { rate } = mine.run;
  if (type === "started") {
    mine.hasStarted = true;
    mine.soundAt = wall;
    setTimeout(askServer, 500, mine);
    requestAnimationFrame(() => follow(mine));
  }
  if (type === "underrun") {
    mine.underruns += 1;
    pictures.addUnderrun((performance.now() - began) / 1000);
  }
  if (current === mine || type === "ended") {
    pictures.addLevel((performance.now() - began) / 1000, report.queued / rate);
  }
  if (type === "stopped" && mine.stopAt) {
    mine.silenceMs = Math.max(0, wall - mine.stopAt);
    mine.onStopped();
  }
  if (type === "ended" || type === "stopped") {
    mine.isOver = true;
    settle(mine, type);
  }
}

/** Move the marks while the run is heard. */
function follow(mine) {
  if (mine.isOver || mine.run !== (current?.run ?? mine.run)) return;
  const heard = mine.player.heard();
  transcript.mark(heard);
  pictures.move(heard);
  if (performance.now() - (mine.shownAt ?? 0) > 100) {
    mine.shownAt = performance.now();
    showFigures(figuresOf(mine));
  }
  requestAnimationFrame(() => follow(mine));
}

function figuresOf(mine) {
  const figures = mine.run.figures();
  const { audibleAt, rate } = mine.run;
  const released = figures.first_byte_ms === null ? null : mine.run.releasedAt();
  const sound = mine.soundAt && audibleAt !== null ? mine.soundAt + (1000 * audibleAt) / rate - released : null;
  return {
    at: mine.startedAt.toISOString(),
    way: mine.way,
    voice: mine.wanted.voice,
    format: mine.wanted.format,
    settings: mine.wanted.settings,
    ...figures,
    first_sound_ms: sound,
    server_first_byte_ms: mine.serverMs ?? null,
    underruns: mine.underruns,
    silence_ms: mine.silenceMs ?? null,
    complete: !mine.failed && mine.run.state === "ended",
  };
}

function showFigures(figures) {
  at("first-byte").textContent = ms(figures.first_byte_ms);
  at("first-sound").textContent = ms(figures.first_sound_ms);
  at("in-server").textContent = ms(figures.server_first_byte_ms);
  at("speedup").textContent = faster(figures.real_time_factor);
  at("gap").textContent = ms(figures.gaps_ms?.length ? Math.max(...figures.gaps_ms) : null);
  at("underruns").textContent = figures.underruns ?? "–";
}

/** A run is over: keep its figures, and let the pictures say in words what they show. */
async function settle(mine, type) {
  if (current === mine) {
    current = null;
    if (type === "ended") {
      transcript.mark(null);
      pictures.finish();
      if (!mine.failed) say(`Finished: ${(mine.run.samples / mine.run.rate).toFixed(1)} s of speech.`);
    }
    showButtons();
  }
  if (!current) restContexts();
  await askServer(mine);
  const figures = figuresOf(mine);
  if (!figures.packets.length) return;
  remember(figures);
  if (!current) showFigures(figures);
  describe(figures);
  showHistory();
}

/** Take the server's own figure, unless another stream has begun to speak since: then the sums are of both. */
async function askServer(mine) {
  const totals = mine.totals && mine.serverMs === undefined && (await api.firstAudioTotals());
  if (totals && totals.count - mine.totals.count === 1) mine.serverMs = 1000 * (totals.sum - mine.totals.sum);
}

function describe({ audio_s: seconds, segments, underruns }) {
  const length = `${seconds.toFixed(1)} s of speech`;
  at("wave").setAttribute("aria-label", `Waveform of ${length} in ${segments.length} chunks`);
  at("spectrogram").setAttribute("aria-label", `Spectrogram of ${length}`);
  at("buffer").setAttribute("aria-label", `Buffer over time: ${underruns} underruns in ${length}`);
}

function showHistory() {
  const rows = history.map((run) => {
    const row = document.createElement("tr");
    const cells = [
      WAY_NAMES[run.way],
      nameOf(run.voice),
      ms(run.first_byte_ms),
      ms(run.first_sound_ms),
      ms(run.server_first_byte_ms),
      faster(run.real_time_factor),
      run.underruns,
    ];
    for (const cell of cells) row.insertCell().textContent = cell;
    return row;
  });
  at("history").replaceChildren(...rows.reverse());
  at("export").disabled = false;
}

const nameOf = (id) => voices.find((voice) => voice.voice_id === id)?.name ?? id;

// As I type.

/** Send the finished words and keep the unfinished one in the box. */
async function typed() {
  if (way() !== "type") return;
  if (mineTyping || !current?.isTaking) {
    if (!mineTyping && !text.value.trim()) return;
    mineTyping ??= begin().finally(() => (mineTyping = null));
    if (!(await mineTyping)) return;
  }
  const end = text.value.search(/\S*$/u);
  if (end > 0 && current?.isTaking) {
    send(current, text.value.slice(0, end));
    text.value = text.value.slice(end);
  }
}
let mineTyping = null;

async function flush({ andEnd = false } = {}) {
  await mineTyping;
  if (!current?.isTaking) return;
  if (way() === "type" && text.value.trim()) {
    send(current, `${text.value.trimEnd()} `);
    text.value = "";
  }
  if (andEnd) finish(current);
  else current.run.flush();
}

// Controls.

function onWay() {
  const typing = way() === "type";
  current?.halt();
  at("way-note").textContent = WAYS[way()];
  at("pace-row").hidden = way() !== "words";
  at("examples").hidden = typing;
  text.placeholder = typing ? "Type here" : "Text to speak";
  if (typing && text.dataset.way !== "type") [written, text.value] = [text.value, ""];
  if (!typing && text.dataset.way === "type") text.value = written;
  text.dataset.way = way();
  showButtons();
}

function onVoice() {
  const voice = voices.find(({ voice_id: id }) => id === at("voice").value);
  at("voice-note").textContent = voice ? `${languageOf(voice)}. ${voice.description}` : "";
  showCode();
}

function languageOf(voice) {
  const code = voice.labels?.language ?? "en";
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code);
  } catch {
    return code;
  }
}

function showVoices() {
  const groups = new Map();
  for (const voice of voices) {
    const language = languageOf(voice);
    if (!groups.has(language)) {
      const group = document.createElement("optgroup");
      group.label = language;
      groups.set(language, group);
    }
    groups.get(language).append(new Option(voice.name, voice.voice_id));
  }
  at("voice").replaceChildren(...groups.values());
  onVoice();
}

function onFormat() {
  at("format-note").textContent = FORMATS[at("format").value].note;
  showCode();
}

async function load() {
  if (loadAbort) {
    loadAbort.abort();
    return;
  }
  const count = Math.round(Number(at("streams").value));
  if (!(count >= 1 && count <= 50)) {
    say("Streams: a number from 1 to 50.");
    at("streams").focus();
    return;
  }
  calm();
  loadAbort = new AbortController();
  showButtons();
  const wanted = request();
  const result = await runParallel(Array(count).fill(wanted), textToSpeak(), Number(at("apart").value), {
    signal: loadAbort.signal,
    progress: (ended, all) => say(`${ended} of ${all} streams have ended.`),
  });
  loadAbort = null;
  showButtons();
  loads.push({ at: new Date().toISOString(), voice: wanted.voice, format: wanted.format, ...result });
  at("export").disabled = false;
  at("load-note").textContent = result.errors.join(" ");
  showLoad(result);
}

function showLoad(result) {
  at("load-result").hidden = false;
  const { p50, p95, p99 } = result.first_byte_ms;
  const figures = {
    "First byte p50": ms(p50),
    p95: ms(p95),
    p99: ms(p99),
    "Audio per second": result.audio_seconds_per_second ? `${result.audio_seconds_per_second.toFixed(1)} s` : "–",
    Underruns: result.underruns,
    Refused: result.failed,
  };
  const items = Object.entries(figures).map(([name, value]) => {
    const item = document.createElement("div");
    const [term, description] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, description.textContent] = [name, value];
    item.append(term, description);
    return item;
  });
  at("load-figures").replaceChildren(...items);
  at("load-plot").setAttribute(
    "aria-label",
    `First audio of ${result.streams} streams: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}`,
  );
  drawParallel(at("load-plot"), result);
  say(`${result.streams - result.failed} of ${result.streams} streams spoke.`);
}

// Tabs.

const tabs = [...document.querySelectorAll("[role=tab]")];

function select(tab) {
  for (const one of tabs) {
    const isThis = one === tab;
    one.setAttribute("aria-selected", String(isThis));
    one.tabIndex = isThis ? 0 : -1;
    at(one.getAttribute("aria-controls")).hidden = !isThis;
  }
  if (tab.id === "tab-read") read();
  if (tab.id === "tab-copy") showCode();
  if (tab.id === "tab-measure" && loads.length) drawParallel(at("load-plot"), loads.at(-1));
}

const isShown = (panel) => !at(panel).hidden;

let readings = 0;

async function read() {
  if (!isShown("panel-read")) return;
  const { normalise, ssml } = request();
  const what = textToSpeak();
  const mine = ++readings; // An answer to an older text may come later.
  at("reading-state").textContent = "";
  if (!what.trim()) {
    at("reading").replaceChildren();
    at("reading-state").textContent = "There is no text to read.";
    return;
  }
  try {
    const { words, items } = await readingOf(what, { normalise, ssml });
    if (mine !== readings) return;
    at("reading").replaceChildren(...items);
    at("reading-state").textContent = `${words.length} spoken words.`;
  } catch (problem) {
    at("reading-state").textContent = problem.message;
  }
}

function showCode() {
  if (!isShown("panel-copy")) return;
  const { write, note } = LANGUAGES[document.querySelector("[name=language]:checked").value];
  at("code").textContent = write({ ...request(), text: textToSpeak() || "Hello there." });
  at("code-note").textContent = note ?? "";
  at("copied").textContent = "";
}

async function copyCode() {
  try {
    await navigator.clipboard.writeText(at("code").textContent);
    at("copied").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(at("code"));
    at("copied").textContent = "The code is selected. Press Ctrl and C to copy it.";
  }
}

// Start.

async function start() {
  at("key-form").hidden = true;
  try {
    voices = await api.voices();
  } catch (problem) {
    voices = [];
    complain(problem, { retry: () => (calm(), start()) });
    showButtons();
    return;
  }
  calm();
  at("forget").hidden = !api.key();
  showVoices();
  showButtons();
  say("Ready");
  prepareContext(FORMATS[at("format").value].rate);
}

function shown(id, format) {
  const show = () => (at(`${id}-value`).textContent = format(Number(at(id).value)));
  at(id).addEventListener("input", show);
  show();
}

function build() {
  for (const [name, example] of Object.entries(EXAMPLES)) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.onclick = () => {
      text.value = example;
      text.dispatchEvent(new Event("input"));
    };
    at("examples").append(button);
  }
  text.value = EXAMPLES.Greeting;
  for (const [name, { label }] of Object.entries(LANGUAGES)) {
    const item = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "language", value: name });
    input.checked = name === "curl";
    input.onchange = showCode;
    const span = document.createElement("span");
    span.textContent = label;
    item.append(input, span);
    at("languages").append(item);
  }
  shown("pace", (value) => String(value));
  shown("speed", (value) => `${value.toFixed(2)}×`);
  shown("stability", (value) => value.toFixed(2));
  shown("style", (value) => value.toFixed(2));
  shown("start", (value) => (value ? `${value} ms` : "nothing"));
  onWay();
}

function listen() {
  at("speak").onclick = () => (way() === "type" ? flush({ andEnd: true }) : speak());
  at("flush").onclick = () => flush();
  at("stop").onclick = stop;
  at("load").onclick = load;
  at("export").onclick = () =>
    download("zelitrio-runs.json", { page: location.href, browser: navigator.userAgent, runs: history, parallel: loads });
  at("copy").onclick = copyCode;
  at("voice").onchange = onVoice;
  at("format").onchange = onFormat;
  for (const radio of document.querySelectorAll("[name=way]")) radio.onchange = onWay;
  at("unblock").onclick = async () => {
    if (await allowSound(FORMATS[at("format").value].rate)) calm();
  };
  at("dismiss").onclick = calm;
  at("key-form").onsubmit = (event) => {
    event.preventDefault();
    api.setKey(at("key").value.trim());
    at("key").value = "";
    start();
  };
  at("forget").onclick = () => {
    api.setKey("");
    location.reload();
  };
  let readTimer;
  const onRequest = () => {
    clearTimeout(readTimer);
    readTimer = setTimeout(read, 300);
    showCode();
  };
  document.querySelector(".left").addEventListener("input", onRequest);
  text.addEventListener("input", (event) => event.isComposing || typed());
  text.addEventListener("compositionend", typed);
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.shiftKey) return;
    if (way() === "type") {
      event.preventDefault();
      flush();
    } else if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      speak();
    }
  });
  document.addEventListener("keydown", ({ key }) => key === "Escape" && stop());
  for (const tab of tabs) {
    tab.onclick = () => select(tab);
    tab.onkeydown = ({ key }) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!step) return;
      const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
      select(next);
      next.focus();
    };
  }
}

build();
listen();
playableFormats().then((names) => {
  at("format").replaceChildren(...names.map((name) => new Option(FORMATS[name].label, name)));
  onFormat();
  start();
});
