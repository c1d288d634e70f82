// A dialogue as a script: a line is a turn, and its letter says which voice speaks it.

import { make } from "./read.js";

export const SCRIPT = `A: Did you hear that?
B: Hear what? I was asleep.
A: Somebody is in the kitchen. They are making coffee.
B: Then it is morning, and that is me tomorrow.`;

const TURN = /^\s*(?:([a-j])\s*:)?\s*(.*)/iu; // The server takes ten voices.

/** The turns of a script. A line without a letter goes on with the turn before it. */
export function turnsOf(script) {
  const turns = [];
  for (const line of script.split("\n")) {
    const [, letter, text] = TURN.exec(line);
    if (letter || !turns.length) turns.push({ letter: (letter ?? "a").toUpperCase(), text: "" });
    if (text) turns.at(-1).text += `${text} `;
  }
  return turns.filter(({ text }) => text);
}

/** The menus that give each letter of a script its voice. */
export class Cast {
  /** @param menu the page's menu of voices, which those of the letters copy. */
  constructor(element, menu) {
    Object.assign(this, { element, menu, chosen: {} });
  }

  show(turns) {
    const letters = [...new Set(turns.map(({ letter }) => letter))].sort();
    if (this.letters === `${letters}` && this.element.querySelectorAll("option").length) return;
    this.letters = `${letters}`;
    this.element.replaceChildren(...letters.map((letter) => this.field(letter)));
  }

  field(letter) {
    const label = make("label", "", `Voice ${letter}`);
    const menu = this.menu.cloneNode(true);
    menu.removeAttribute("aria-describedby");
    menu.id = `voice-${letter}`;
    menu.value = this.voice(letter);
    menu.onchange = () => (this.chosen[letter] = menu.value);
    label.append(menu);
    return label;
  }

  /** The voice of a letter: the one chosen, else the next of the list. */
  voice(letter) {
    const { options } = this.menu;
    const next = options[(this.menu.selectedIndex + letter.charCodeAt(0) - 65) % options.length];
    return this.chosen[letter] ?? next?.value;
  }
}
