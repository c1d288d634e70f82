// What a text becomes: the spoken words, their phones and the breaks, under the characters they come from.

import { call } from "./api.js";

const BREAKS = {
  comma: "short pause",
  colon: "pause",
  dash: "pause",
  stop: "full stop",
  question: "question",
  exclaim: "exclamation",
  paragraph: "paragraph",
  cut: "goes on",
};

/** Ask the server how it reads a text: its words, and list items that show them. */
export async function readingOf(text, { normalise, ssml }) {
  const answer = await call("v1/text/normalise", {
    method: "POST",
    body: { text, apply_text_normalization: normalise ? "auto" : "off", enable_ssml_parsing: ssml },
  });
  const { words } = await answer.json();
  return { words, items: groupsOf([...text], words).map(groupElement) };
}

/** Group words of the same characters, and those of one rule without a space between. Spans count code points. */
function groupsOf(chars, words) {
  const groups = [];
  for (const word of words) {
    const last = groups.at(-1);
    const isOne = last && (word.start < last.end || (word.rule && word.rule === last.rule && word.start === last.end));
    if (isOne) {
      last.words.push(word);
      last.end = Math.max(last.end, word.end);
    } else {
      groups.push({ start: word.start, end: word.end, rule: word.rule, words: [word] });
    }
  }
  for (const group of groups) group.text = chars.slice(group.start, group.end).join("");
  return groups;
}

function groupElement({ text, rule, words }) {
  const item = make("li", "group");
  const written = make("span", "written", text);
  const said = make("span", "said-words");
  for (const { spoken, phones } of words) {
    const word = make("span", "said-word");
    word.append(make("span", "spoken", spoken), make("span", "phones", phones.join(" ")));
    said.append(word);
  }
  item.append(written, said);
  if (rule) item.append(make("span", "rule", rule.replaceAll("_", " ")));
  const { break: pause, pause_seconds: seconds } = words.at(-1);
  const name = seconds ? `${seconds} s of silence` : BREAKS[pause];
  if (name) item.append(make("span", "break", name));
  return item;
}

/** A new element. */
export function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}
