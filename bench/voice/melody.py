"""The melody of questions, series and cut sentences."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from bench.voice.in_engine import Stream, stream
from bench.voice.judged import Row
from bench.voice.pitch import FRAMES_PER_S, ln_f0, semitones
from bench.voice.spoken import RATE_HZ, read_lines
from zelitrio.engine import Engine
from zelitrio.text import Break, Utterance, load_front_end

END_FRAMES = 15
TONE_FRAMES = 8
CLEAR_ST = 1.0
"""A question rises if its end, above its middle, is this much higher than its statement's."""
Contour = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class Pair:
    """A yes-no question and its statement: contours of ln f0 every 10 ms, nan where unvoiced."""

    question: str
    asked: Contour
    stated: Contour


async def ask(engine: Engine, voice_id: str) -> list[Pair]:
    """Speak every question of the list and its statement."""
    pairs = []
    for line in read_lines("melody/questions"):
        question, statement = line.split("|")
        said = [
            ln_f0((await stream(engine, voice_id, [load_front_end().utterance(text)])).pcm)
            for text in (question, statement)
        ]
        pairs.append(Pair(question, *said))
    return pairs


def end_st(contour: Contour) -> float:
    """Pitch of the last 150 voiced ms above the median of the whole, in semitones."""
    voiced = contour[~np.isnan(contour)]
    return semitones(float(np.median(voiced[-END_FRAMES:]) - np.median(voiced)))


def question_row(system: str, pairs: Sequence[Pair]) -> Row:
    """Figures of the ends of questions and statements."""
    asked = np.array([end_st(pair.asked) for pair in pairs])
    stated = np.array([end_st(pair.stated) for pair in pairs])
    return {
        "system": system,
        "list": "questions",
        "pairs": len(pairs),
        "question_end_st": round(float(np.median(asked)), 2),
        "statement_end_st": round(float(np.median(stated)), 2),
        "risen_pct": round(100 * float(np.mean(asked - stated > CLEAR_ST))),
    }


async def series_row(engine: Engine, voice_id: str) -> Row:
    """Figures of the pitch of a series' items.

    The last word of each item represents it.  `item_end_st`: its last 80 ms above its own median, for all
    items but the last; `last_item_end_st`: the same for the last; `item_step_st`: from one item's median to
    the next one's; `last_item_step_st`: to the last one's.
    """
    ends: list[float] = []
    steps: list[float] = []
    last_ends: list[float] = []
    last_steps: list[float] = []
    for text in read_lines("melody/series"):
        utterance = load_front_end().utterance(text)
        contours = item_contours(utterance, await stream(engine, voice_id, [utterance]))
        if len(contours) < 2:
            continue  # a series without all contours does not count
        middles = [float(np.median(contour)) for contour in contours]
        tones = [
            float(np.median(contour[-TONE_FRAMES:])) - middle
            for contour, middle in zip(contours, middles, strict=True)
        ]
        ends += tones[:-1]
        last_ends.append(tones[-1])
        moves = np.diff(middles).tolist()
        steps += moves[:-1]
        last_steps.append(moves[-1])
    row: Row = {"system": voice_id, "list": "series", "series": len(last_ends)}
    figures = {
        "item_end_st": ends,
        "last_item_end_st": last_ends,
        "item_step_st": steps,
        "last_item_step_st": last_steps,
    }
    return row | {key: round(semitones(float(np.median(values))), 2) for key, values in figures.items()}


def item_contours(utterance: Utterance, said: Stream) -> list[Contour]:
    """Voiced ln f0 of the last word of each item; items without a voiced frame are left out."""
    contour = ln_f0(said.pcm)
    found = []
    for word, (begin, end) in zip(utterance.words, said.words, strict=True):
        if word.after is not Break.NONE:
            frames = contour[begin * FRAMES_PER_S // RATE_HZ : end * FRAMES_PER_S // RATE_HZ]
            found.append(frames[~np.isnan(frames)])
    return [frames for frames in found if len(frames)]
