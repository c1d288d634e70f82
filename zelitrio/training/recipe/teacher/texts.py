"""Chooses texts for the teacher: lines of prose, and the replies of a voice agent.

Prose has few questions, short answers, numbers, names and commands.  The agent's texts come from templates
and from a list written by hand.  The choice depends only on a seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import attrs

from zelitrio.training.recipe.teacher.phrases import phrases

PROSE = "prose"
KINDS = (PROSE, "question", "answer", "number", "command")
"""Kinds of sentences."""
_SHORTEST, _LONGEST = 20, 130
"""Range of a prose line's length in characters."""


@attrs.frozen
class Text:
    """One text to speak."""

    text: str
    kind: str
    held_out: bool
    """Whether it is kept out of training, for measurements."""


def draw_texts(
    prose: Path, count: int, *, seed: int = 1, prose_share: float = 0.45, left_out: Collection[str] = ()
) -> list[Text]:
    """Choose texts, in an order in which every prefix is a fair sample.

    Args:
        prose: file with a sentence of prose on each line.
        count: number of texts.
        seed: chooses the texts.
        prose_share: share of prose among them.
        left_out: sentences of benchmarks; no text with the same letters is chosen.
    """
    rng = random.Random(seed)
    lines = [line.strip().strip('"') for line in prose.read_text(encoding="utf-8").splitlines()]
    lines = sorted({line for line in lines if _SHORTEST <= len(line) <= _LONGEST})
    rng.shuffle(lines)
    asked = {_letters(text) for text in left_out}
    agent: dict[str, str] = {}
    while len(agent) < count * (1 - prose_share):
        kind = rng.choices(KINDS[1:], (0.3, 0.25, 0.3, 0.15))[0]
        text = _MAKERS[kind](rng)
        agent.setdefault(text[:1].upper() + text[1:], kind)
    texts = [(line, PROSE) for line in lines[: round(count * prose_share)]] + list(agent.items())
    texts = [(text, kind) for text, kind in texts if _letters(text) not in asked]
    rng.shuffle(texts)
    return [Text(text.replace("..", "."), kind, rng.random() < 0.012) for text, kind in texts]


def _letters(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _one(rng: random.Random, of: str) -> str:
    return rng.choice(phrases()[of])


def _name(rng: random.Random) -> str:
    first = _one(rng, "FIRST_NAMES")
    return first if rng.random() < 0.4 else f"{first} {_one(rng, 'LAST_NAMES')}"


def _time(rng: random.Random) -> str:
    hour = rng.randint(1, 12)
    minute = rng.choice(("", ":15", ":30", ":45", f":{rng.randint(10, 59)}", ":05"))
    return f"{hour}{minute} {rng.choice(('a.m.', 'p.m.'))}" if rng.random() < 0.7 else f"{hour} o'clock"


def _date(rng: random.Random) -> str:
    month, day = _one(rng, "MONTHS"), rng.randint(1, 28)
    return rng.choice(
        (
            f"{month} {day}",
            f"{month} {day}, {rng.randint(1950, 2031)}",
            f"{_one(rng, 'DAYS')}, {month} {day}",
            f"the {day}{_ending(day)} of {month}",
            _one(rng, "DAYS"),
        )
    )


def _ending(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _price(rng: random.Random) -> str:
    return rng.choice(
        (
            f"${rng.randint(1, 999)}",
            f"${rng.randint(1, 99)}.{rng.randint(1, 99):02}",
            f"${rng.randint(1, 99)},{rng.randint(0, 999):03}",
            f"{rng.randint(2, 900)} dollars",
        )
    )


def _phone(rng: random.Random) -> str:
    return f"{rng.randint(201, 989)}-{rng.randint(200, 999)}-{rng.randint(0, 9999):04}"


def _address(rng: random.Random) -> str:
    return f"{rng.randint(1, 9999)} {_one(rng, 'STREETS')}, {_one(rng, 'CITIES')}"


def _gate(rng: random.Random) -> str:
    return f"gate {rng.choice('ABCDEF')}{rng.randint(1, 60)}"


def _amount(rng: random.Random) -> str:
    return rng.choice(
        (
            str(rng.randint(2, 99)),
            str(rng.randint(100, 999)),
            f"{rng.randint(1, 99)},{rng.randint(0, 999):03}",
            f"{rng.randint(1, 99)}.{rng.randint(1, 9)}",
            f"{rng.randint(1, 99)} percent",
        )
    )


def _list(rng: random.Random) -> str:
    items = rng.sample(phrases()["ITEMS"], rng.randint(2, 5))
    return (
        ", ".join(items[:-1]) + ("," if len(items) > 2 else "") + f" {rng.choice(('and', 'or'))} {items[-1]}"
    )


def _question(rng: random.Random) -> str:
    item, place, topic, task = (_one(rng, part) for part in ("ITEMS", "PLACES", "TOPICS", "TASKS"))
    return rng.choice(
        (
            f"Would you like {item} with that?",
            f"Do you want me to {task}?",
            f"Can I {task} for you, {_one(rng, 'FIRST_NAMES')}?",
            f"Did you say {rng.choice((_time(rng), _date(rng), _name(rng), _amount(rng)))}?",
            f"Is {_time(rng)} on {_one(rng, 'DAYS')} all right?",
            f"What time should I {task}?",
            f"Where would you like the {item} delivered?",
            f"How many {item} do you need?",
            f"Could you tell me more about {topic}?",
            f"Have you tried the {_one(rng, 'ADJECTIVES')} one at {place}?",
            f"Are you calling about {topic}?",
            f"Who should I ask for at {_one(rng, 'COMPANIES')}?",
            f"May I have your {_one(rng, 'DETAILS')}, please?",
            f"Shall I {task} now, or wait until {_one(rng, 'DAYS')}?",
            f"Why is {topic} so {_one(rng, 'ADJECTIVES')}?",
            f"Is there anything else about {topic}?",
            f"When was the last time you visited {place}?",
            f"Which do you prefer, {_one(rng, 'ITEMS')} or {item}?",
            f"You're at {place}, aren't you?",
            f"Does {_name(rng)} know about {topic}?",
        )
    )


def _answer(rng: random.Random) -> str:
    item, place, topic, task = (_one(rng, part) for part in ("ITEMS", "PLACES", "TOPICS", "TASKS"))
    short, more = _one(rng, "SHORT_ANSWERS"), _one(rng, "CONTINUATIONS")
    return rng.choice(
        (
            short,
            f"{short} {more}",
            f"{short} I'll {task}.",
            _one(rng, "HAND_WRITTEN"),
            _one(rng, "HAND_WRITTEN"),
            f"{short} {_one(rng, 'HAND_WRITTEN')}",
            f"{more} {_one(rng, 'HAND_WRITTEN')}",
            f"I'm sorry, {_name(rng)}, but {topic} is {_one(rng, 'ADJECTIVES')} right now.",
            f"I apologize for the trouble with {topic}. {more}",
            f"Thanks, {_name(rng)}. I've added {_list(rng)}.",
            f"We have {_list(rng)}.",
            f"{topic[:1].upper()}{topic[1:]} looks {' and '.join(rng.sample(phrases()['ADJECTIVES'], 2))}.",
            f"You can find {item} at {place}, next to {_one(rng, 'PLACES')}.",
            f"{_name(rng)} from {_one(rng, 'COMPANIES')} called about {topic}.",
            f"My name is {_name(rng)}, and I work at {_one(rng, 'COMPANIES')}.",
            f"Well, {more[:1].lower()}{more[1:]}",
        )
    )


def _number(rng: random.Random) -> str:
    item, place, topic = (_one(rng, part) for part in ("ITEMS", "PLACES", "TOPICS"))
    code = "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(rng.randint(2, 3)))
    return rng.choice(
        (
            f"Your total is {_price(rng)}.",
            f"It costs {_price(rng)}, or {_price(rng)} with {item}.",
            f"The number is {_phone(rng)}.",
            f"Your appointment is on {_date(rng)} at {_time(rng)}.",
            f"We're open from {_time(rng)} to {_time(rng)}, {_one(rng, 'DAYS')} to {_one(rng, 'DAYS')}.",
            f"Please send it to {_address(rng)}.",
            f"The address is {_address(rng)}, {rng.randint(10001, 98999)}.",
            f"Flight {rng.randint(2, 2999)} to {_one(rng, 'CITIES')}: {_gate(rng)}, at {_time(rng)}.",
            f"That's {_amount(rng)} {item}.",
            f"About {_amount(rng)} of {topic} comes from {place}.",
            f"It is {rng.randint(-20, 110)} degrees, with a {rng.randint(1, 9)}0 percent chance of rain.",
            f"Your confirmation code is {code} {rng.randint(10, 9999)}.",
            f"In {rng.randint(1700, 2030)}, {_one(rng, 'CITIES')} had {_amount(rng)} people.",
            f"{_date(rng)}, {_time(rng)}.",
            f"{_amount(rng)}, {_amount(rng)}, {_amount(rng)}.",
            f"Turn left in {rng.randint(2, 9)}00 feet, then drive {rng.randint(2, 40)} miles to {place}.",
            f"Order number {rng.randint(1000, 99999)} will arrive on {_date(rng)}.",
            f"{_name(rng)} is {rng.randint(5, 99)} years old and lives at {_address(rng)}.",
        )
    )


def _command(rng: random.Random) -> str:
    item, place, task = (_one(rng, part) for part in ("ITEMS", "PLACES", "TASKS"))
    return rng.choice(
        (
            _one(rng, "COMMANDS"),
            _one(rng, "COMMANDS"),
            f"Please {task}.",
            f"{task[:1].upper()}{task[1:]} before {_time(rng)}.",
            f"Don't forget the {item}!",
            f"First, {task}. Then, {_one(rng, 'TASKS')}.",
            f"Take {item} to {place}, and {_one(rng, 'TASKS')}.",
            f"Hold on, {_name(rng)}; don't {task} yet!",
        )
    )


_MAKERS: dict[str, Callable[[random.Random], str]] = {
    "question": _question,
    "answer": _answer,
    "number": _number,
    "command": _command,
}


def in_turns(texts: Sequence[Text], voices: int) -> list[tuple[Text, int]]:
    """Pair each text with a voice, in turn; all voices say the held-out texts."""
    return [
        (text, voice)
        for number, text in enumerate(texts)
        for voice in (range(voices) if text.held_out else (number % voices,))
    ]
