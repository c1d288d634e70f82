// The page: its controls, one run at a time, and its pictures.

import * as api from "./api.js";
import { LANGUAGES } from "./copy.js";
import { FORMATS, playableFormats } from "./decode.js";
import { Cast, SCRIPT, turnsOf } from "./dialogue.js";
import { download, drawParallel, faster, history, ms, percentile, remember, runParallel } from "./measure.js";
import { allowSound, openPlayer, prepareContext, restContexts } from "./player.js";
import { make, readingOf } from "./read.js";
import { Pictures } from "./see.js";
import { Run, voicesOf } from "./speech.js";
import { Transcript } from "./transcript.js";

const EXAMPLES = {
  Greeting: "Hello there. This is zelitrio, speaking on your own machine. Nothing you say here leaves it.",
  Numbers:
    "Dr. Smith paid $12.50 on 3/4 at 5:30 p.m. for 2.5 kg of flour. Call 555-0142 before Jan 1, 2027, or write to orders@example.com.",
  Names: "Siobhan and Nguyen met Xavier at the Louvre. From there they went to Worcester, Oaxaca and Reykjavik.",
  Story:
    "The lighthouse had been dark for eleven years when the light came back. Nobody in the village had the key. And yet, every night at nine, the beam swept over the water.",
  "Support call":
    "Thanks for waiting, Maria. I can see your order, number 48213, and it left our warehouse this morning. Would you like me to text you the tracking link?",
};
const WAYS = {
  whole: "One message with the whole text.",
  words: "Word by word, as a language model writes. Speech begins before the text is complete.",
  type: "Each word leaves when you finish it. Enter speaks what waits.",
  dialogue: "Voices take turns. Each line begins with a letter and a colon; each letter has a voice.",
};

const SLIDERS = {
  speed: { name: "Speed", min: 0.7, max: 1.2, value: 1, note: "How fast. Pauses that the text asks for keep their length." },
  stability: { name: "Stability", value: 0.5, note: "At 1 every reading is the same. Lower values vary melody and rhythm more." },
  style: { name: "Style", value: 0, note: "Higher values widen the melody." },
  start: { name: "Player waits for", max: 0.5, value: 0, note: "Seconds of audio that it gathers first. More helps on a slow network." },
};

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
const cast = new Cast(at("cast"), at("voice"));
let voices = [];
const drafts = { text: EXAMPLES.Greeting, typed: "", script: SCRIPT };
let draft = "text"; // What the box holds.
let loadAbort = null;
const loads = [];

// What the controls say.

const way = () => document.querySelector("[name=way]:checked").value;

/** The turns that the box holds, with their voices; undefined: it is no dialogue. */
function turns() {
  if (way() !== "dialogue") return undefined;
  return turnsOf(text.value).map((turn) => ({ text: turn.text, voice_id: cast.voice(turn.letter) }));
}

function request() {
  const schedule = at("schedule").value.split(/[\s,;]+/).filter(Boolean).map(Number);
  return {
    voice: at("voice").value,
    turns: turns(),
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
  if (way() === "type") return drafts.text;
  return turns()?.map((turn) => turn.text).join("\n") ?? text.value;
}

// What the page says.

function say(sentence) {
  at("state").textContent = sentence;
}

/** Show a failure as a sentence, with what to do about it. */
function complain(problem, { retry } = {}) {
  if (problem.code === "stopped") return;
  const isKey = ["needs_authorization", "invalid_api_key"].includes(problem.code);
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
      const starts = transcript.align(sample, alignment, rate);
      for (const start of wanted.turns ? starts : [sample]) pictures.addSegment(start);
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
    mine.player = openPlayer(rate, Number(at("start").value), (type, report) => onPlayer(mine, type, report));
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
  if (mine.way === "words") {
    writeWords(mine, whole.match(/\S+\s*/gu));
    return;
  }
  for (const turn of mine.wanted.turns ?? [{ text: whole }]) {
    if (turn.voice_id) transcript.turn(nameOf(turn.voice_id));
    transcript.add(turn.text);
  }
  mine.run.whole(whole);
  at("flush").disabled = true;
}

/** Send the words at the chosen pace; the clock decides how many are due. */
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

function send(mine, words) {
  transcript.add(words);
  mine.run.text(words);
}

function finish(mine) {
  mine.run.end();
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
    voices: mine.wanted.turns && voicesOf(mine.wanted.turns),
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
  showTerms("figures", {
    "First byte": ms(figures.first_byte_ms),
    "First sound": ms(figures.first_sound_ms),
    "In the server": ms(figures.server_first_byte_ms),
    "Real time": faster(figures.real_time_factor),
    "Longest gap": ms(figures.gaps_ms?.length ? Math.max(...figures.gaps_ms) : null),
    Underruns: figures.underruns ?? "–",
  });
}

function showTerms(id, terms) {
  const items = Object.entries(terms).map(([name, value]) => {
    const item = make("div");
    item.append(make("dt", "", name), make("dd", "", value));
    return item;
  });
  at(id).replaceChildren(...items);
}

/** A run is over: keep its figures and describe the pictures. */
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

/** Take the server's own figure, unless another stream has begun to speak: then sums are of both. */
async function askServer(mine) {
  const totals = mine.totals && mine.serverMs === undefined && (await api.firstAudioTotals());
  if (totals && totals.count - mine.totals.count === 1) mine.serverMs = 1000 * (totals.sum - mine.totals.sum);
}

function describe({ audio_s: seconds, way: sent, underruns }) {
  const length = `${seconds.toFixed(1)} s of speech`;
  const marks = `${pictures.segments.length} ${sent === "dialogue" ? "turns" : "chunks"}`;
  at("wave").setAttribute("aria-label", `Waveform of ${length} in ${marks}`);
  at("spectrogram").setAttribute("aria-label", `Spectrogram of ${length}`);
  at("buffer").setAttribute("aria-label", `Buffer over time: ${underruns} underruns in ${length}`);
}

function showHistory() {
  const rows = history.map((run) => {
    const row = make("tr");
    const cells = [
      run.way,
      (run.voices ?? [run.voice]).map(nameOf).join(", "),
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
  current?.halt();
  at("way-note").textContent = WAYS[way()];
  at("pace-row").hidden = way() !== "words";
  const isDialogue = (at("voice-field").hidden = way() === "dialogue");
  at("cast").hidden = !isDialogue;
  drafts[draft] = text.value;
  draft = isDialogue ? "script" : way() === "type" ? "typed" : "text";
  drafts.typed = "";
  text.value = drafts[draft];
  text.placeholder = draft === "typed" ? "Type here" : "Text to speak";
  at("examples").hidden = draft !== "text";
  onText();
}

function onText() {
  if (draft === "script") cast.show(turnsOf(text.value));
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
      groups.set(language, Object.assign(make("optgroup"), { label: language }));
    }
    groups.get(language).append(new Option(voice.name, voice.voice_id));
  }
  at("voice").replaceChildren(...groups.values());
  onText();
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
  showTerms("load-figures", {
    "First byte p50": ms(p50),
    p95: ms(p95),
    p99: ms(p99),
    "Audio per second": result.audio_seconds_per_second ? `${result.audio_seconds_per_second.toFixed(1)} s` : "–",
    Underruns: result.underruns,
    Refused: result.failed,
  });
  at("load-plot").setAttribute(
    "aria-label",
    `First audio of ${result.streams} streams: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}`,
  );
  drawParallel(at("load-plot"), result);
  say(`${result.streams - result.failed} of ${result.streams} streams spoke.`);
}

// Views.

const view = () => document.querySelector("[name=view]:checked").value;

function onView() {
  for (const name of ["measure", "read", "copy"]) at(`panel-${name}`).hidden = name !== view();
  if (view() === "measure" && loads.length) drawParallel(at("load-plot"), loads.at(-1));
  read();
  showCode();
}

let readings = 0;

async function read() {
  if (view() !== "read") return;
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
  if (view() !== "copy") return;
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

function sliderOf([id, { name, note, value, min = 0, max = 1 }]) {
  const input = Object.assign(make("input"), { type: "range", id, min, max, step: 0.05, value });
  const output = make("output");
  const label = Object.assign(make("label", "", `${name} `), { htmlFor: id });
  label.append(output);
  (input.oninput = () => (output.value = Number(input.value).toFixed(2)))();
  const said = Object.assign(make("p", "note", note), { id: `${id}-note` });
  input.setAttribute("aria-describedby", said.id);
  const box = make("div", "setting");
  box.append(label, input, said);
  return box;
}

function build() {
  for (const [name, example] of Object.entries(EXAMPLES)) {
    const button = make("button", "", name);
    button.onclick = () => {
      text.value = example;
      text.dispatchEvent(new Event("input"));
    };
    at("examples").append(button);
  }
  text.value = EXAMPLES.Greeting;
  for (const [name, { label }] of Object.entries(LANGUAGES)) {
    const item = make("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "language", value: name });
    input.checked = name === "curl";
    input.onchange = showCode;
    item.append(input, make("span", "", label));
    at("languages").append(item);
  }
  at("sliders").append(...Object.entries(SLIDERS).map(sliderOf));
  at("pace").oninput = () => (at("pace-value").value = at("pace").value);
  at("pace").oninput();
  showFigures({});
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
  for (const radio of document.querySelectorAll("[name=view]")) radio.onchange = onView;
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
    onText();
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
}

build();
listen();
playableFormats().then((names) => {
  at("format").replaceChildren(...names.map((name) => new Option(FORMATS[name].label, name)));
  onFormat();
  start();
});
