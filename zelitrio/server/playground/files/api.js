// The server: addresses, the key of this tab, single-use tokens, errors as sentences.

const KEY = "zelitrio-key";
const TOKEN_AGE_MS = 10 * 60 * 1000; // The server keeps a token for 15 minutes.

/** The folder of the page, which is `/` or a proxy's prefix. */
export const base = new URL(".", document.baseURI);

let spare = null; // A token fetched ahead, so that a socket opens without another round trip.
let asksForKey = false;
let hasDrained = false;

/** A failure in words; `code` is the server's. */
export class Trouble extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const SENTENCES = {
  needs_authorization: "This server asks for a key. Enter it below.",
  invalid_api_key: "The server does not know this key. Check it and enter it again.",
  origin_not_allowed: "The server does not accept pages of this address. Its flag --cors-origin allows them.",
  system_busy: "The server is full: it speaks as many streams as it can. Try again in a moment.",
  concurrent_limit_exceeded: "This key speaks as many streams as it may. Wait until one has ended.",
  rate_limit_exceeded: "This key has sent too many requests. Try again in a moment.",
  quota_exceeded: "This key has used up its characters.",
  too_many_connections: "The server has reached its limit of connections. Try again in a moment.",
  service_restart: "The server is draining: it finishes what it speaks and takes nothing new. Try again soon.",
  drained: "The server has ended after its drain. Try again when it is back.",
  input_timeout_exceeded: "The server got no text for too long, so it ended the stream.",
  connection_lost: "The connection to the server is lost.",
  unreachable: "The server does not answer. Check that it runs, then try again.",
};

export function trouble(code, message) {
  if (code === "service_restart") hasDrained = true;
  return new Trouble(code, SENTENCES[code] ?? message ?? "Something went wrong.");
}

export function key() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // The browser keeps nothing for this page.
  }
}

/** Keep the key in this tab, or forget it (""). */
export function setKey(value) {
  spare = null;
  if (value) sessionStorage.setItem(KEY, value);
  else sessionStorage.removeItem(KEY);
}

export function needsKey() {
  return asksForKey;
}

/** Fetch an address of the server; a failure becomes a Trouble. */
export async function call(path, { method = "GET", body } = {}) {
  const headers = {};
  if (key()) headers["xi-api-key"] = key();
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(new URL(path, base), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch {
    throw trouble(hasDrained ? "drained" : "unreachable");
  }
  if (answer.ok) return answer;
  const { detail } = await answer.json().catch(() => ({}));
  if (Array.isArray(detail)) throw new Trouble("invalid", detail.map((one) => one.msg).join(" "));
  let code = detail?.code ?? (answer.status === 503 ? "service_restart" : "");
  if (code === "unauthorized") code = detail.status;
  if (answer.status === 401 && code !== "quota_exceeded") asksForKey = true;
  throw trouble(code, detail?.message ?? `The server answered with status ${answer.status}.`);
}

export async function voices() {
  const found = (await (await call("v1/voices")).json()).voices;
  // Asked again without the key: an open server needs no tokens.
  if (!asksForKey && key()) {
    const open = await fetch(new URL("v1/voices", base), { cache: "no-store" });
    asksForKey = open.status === 401;
  }
  if (asksForKey) prefetchToken();
  return found;
}

async function mint() {
  const { token } = await (await call("v1/single-use-token/tts_websocket", { method: "POST" })).json();
  return { token, at: performance.now() };
}

function prefetchToken() {
  spare = mint().catch(() => null);
}

async function takeToken() {
  const ahead = await spare;
  const fresh = ahead && performance.now() - ahead.at < TOKEN_AGE_MS ? ahead : await mint();
  prefetchToken();
  return fresh.token;
}

/** The address of a realtime socket; with a single-use token where the server asks for keys. */
export async function socketUrl(path, query) {
  const url = new URL(path, base);
  url.protocol = base.protocol === "https:" ? "wss:" : "ws:";
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  if (asksForKey) url.searchParams.set("single_use_token", await takeToken());
  return url;
}

/** Why a socket did not open, or broke: browsers hide the answer. */
export async function whyClosed(fallback) {
  try {
    await call("ready");
    hasDrained = false;
  } catch (problem) {
    return problem.code === "unreachable" ? trouble(fallback) : problem;
  }
  return trouble(fallback);
}

/** What an upgrade was refused with: the same address, asked without an upgrade. */
export async function whyRefused() {
  try {
    await call("v1/voices");
  } catch (problem) {
    return problem;
  }
  return whyClosed("connection_lost");
}

/** The server's count and sum of first audio, from its metrics; null if unreadable. */
export async function firstAudioTotals() {
  try {
    const text = await (await call("metrics")).text();
    const read = (name) => Number(new RegExp(`^zelitrio_first_audio_seconds_${name} (\\S+)`, "m").exec(text)[1]);
    return { count: read("count"), sum: read("sum") };
  } catch {
    return null;
  }
}
