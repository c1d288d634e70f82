// The text on its way: grey until it has sound, marked while its word is heard.

import { make } from "./read.js";

export class Transcript {
  constructor(element, scroller) {
    this.element = element;
    this.scroller = scroller;
    this.clear();
  }

  clear() {
    this.element.replaceChildren();
    this.place = this.element; // Where text is added: a turn of a dialogue is an element.
    this.words = []; // { span, start, end } in samples, once known.
    this.compact = ""; // All text without its spaces, and for each of its characters the word.
    this.owners = [];
    this.found = 0; // Characters of `compact` that have their times.
    this.timed = []; // Words with times, in order of their start.
    this.current = null;
    this.isOpen = false; // Whether the last word may still grow.
  }

  /** Begin a turn of a dialogue. */
  turn(name) {
    this.place = make("span", "turn");
    this.place.dataset.voice = name;
    this.element.append(this.place);
    this.isOpen = false;
  }

  /** Show text that was sent. */
  add(text) {
    for (const part of text.match(/\s+|\S+/gu) ?? []) {
      if (/^\s/u.test(part)) {
        this.place.append(part);
        this.isOpen = false;
        continue;
      }
      if (!this.isOpen) {
        const span = make("span", "word");
        this.words.push({ span, start: null, end: null });
        this.place.append(span);
      }
      const word = this.words.at(-1);
      word.span.textContent += part;
      for (const char of part) {
        this.compact += char;
        for (let unit = 0; unit < char.length; unit++) this.owners.push(word);
      }
      this.isOpen = true;
    }
  }

  /** Give times to the words of a segment that begins at this sample. Returns the starts of turns among them. */
  align(sample, { chars, starts, lengths }, rate) {
    const turns = [];
    const solid = chars.map((char, index) => ({ char, index })).filter(({ char }) => char.trim());
    const at = this.compact.indexOf(solid.map(({ char }) => char).join(""), this.found);
    if (at < 0) return turns;
    let place = at;
    for (const { char, index } of solid) {
      const word = this.owners[place];
      const start = sample + (starts[index] * rate) / 1000;
      if (word.start === null) {
        word.start = start;
        word.span.classList.add("timed");
        this.timed.push(word);
        if (!word.span.previousElementSibling) turns.push(start);
      }
      word.end = start + (lengths[index] * rate) / 1000;
      place += char.length;
    }
    this.found = place;
    return turns;
  }

  /** Mark the word that is heard at this sample; null: none. */
  mark(sample) {
    let word = null;
    if (sample !== null) {
      for (let at = this.timed.length - 1; at >= 0 && !word; at--) {
        if (this.timed[at].start <= sample) word = this.timed[at];
      }
    }
    if (word === this.current) return;
    this.current?.span.classList.remove("now");
    if (word) {
      for (const earlier of this.timed) {
        if (earlier.start > word.start) break;
        earlier.span.classList.add("said");
      }
      word.span.classList.add("now");
      this.follow(word.span);
    }
    this.current = word;
  }

  follow(span) {
    const { scroller } = this;
    const top = span.offsetTop - scroller.offsetTop;
    if (top < scroller.scrollTop || top + span.offsetHeight > scroller.scrollTop + scroller.clientHeight) {
      scroller.scrollTop = top - scroller.clientHeight / 3;
    }
  }
}
