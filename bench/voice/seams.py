"""Audible cuts: jumps at the joins of chunks against jumps inside of chunks.

Sentences are cut into two or three pieces between words without a mark.  Jumps are measured at each join, at
every other such boundary inside of a chunk, and at the join's place in the same sentence spoken whole.
A jump is the difference between the 20 ms before and the 20 ms after: of level in dB, of spectral shape in dB
(24 mel bands, root mean square, without level), and of pitch in semitones (60 ms each).  A join is 20 ms
before its word, and up to 40 ms after a plosive, because there the pieces overlap.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import torch

from bench.voice.edges import sharp_places
from bench.voice.in_engine import Stream, stream
from bench.voice.judged import Row
from bench.voice.pitch import ln_f0, semitones
from bench.voice.spoken import RATE_HZ, Pcm
from zelitrio.engine import Engine
from zelitrio.text import Break, Utterance, load_front_end, read_text
from zelitrio.training import mel_filters

SIDE_SAMPLES = RATE_HZ // 50
PITCH_FRAMES = 6
BANDS = 24
FLOOR = 1e-6
"""Power 60 dB below the speech's counts as silence."""
KINDS = ("level_db", "shape_db", "pitch_st")


@attrs.frozen(eq=False)
class Cut:
    """A sentence spoken whole and in pieces."""

    words: tuple[int, ...]
    """The first words of all pieces but the first."""
    inside: tuple[int, ...]
    """Words inside of a piece without a mark before them."""
    whole: Stream
    pieces: Stream


async def cut_and_whole(engine: Engine, voice_id: str, text: str, count: int) -> Cut:
    """Speak a sentence whole and in pieces of about equal length."""
    whole = load_front_end().utterance(text)
    chosen = cut_words(whole, count)
    at = [0, *(whole.words[index].span[0] for index in chosen), len(text)]
    pieces = read_text(*(text[begin:end] for begin, end in itertools.pairwise(at)))
    read = [word.spoken for piece in pieces for word in piece.words]
    if read != [word.spoken for word in whole.words]:
        raise ValueError(f"{text!r}: expected pieces read as the whole, found {read}")
    unmarked = [index for index in range(1, len(whole.words)) if whole.words[index - 1].after is Break.NONE]
    return Cut(
        tuple(chosen),
        tuple(index for index in unmarked if index not in chosen),
        await stream(engine, voice_id, [whole]),
        await stream(engine, voice_id, pieces),
    )


def cut_words(utterance: Utterance, count: int) -> list[int]:
    """The first words of `count` equal pieces, moved to a word without a mark before it."""
    words = utterance.words
    free = [index for index in range(1, len(words)) if words[index - 1].after is Break.NONE]
    return sorted({min(free, key=lambda index: abs(index - len(words) * n / count)) for n in range(1, count)})


def jumps(pcm: Pcm, contour: npt.NDArray[np.float64], places: Sequence[int]) -> dict[str, list[float]]:
    """Measure the jumps at samples of a recording, by kind; a pitch jump is nan if either side is unvoiced.

    `contour` is the recording's ln f0 every 10 ms.
    """
    floor = FLOOR * float(np.mean(np.square(pcm, dtype=np.float64))) + 1e-12
    filters = mel_filters(SIDE_SAMPLES, BANDS, RATE_HZ).double().numpy()
    window = torch.hann_window(SIDE_SAMPLES).numpy()
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for place in places:
        if not SIDE_SAMPLES <= place <= len(pcm) - SIDE_SAMPLES:
            continue
        sides = [pcm[place - SIDE_SAMPLES : place], pcm[place : place + SIDE_SAMPLES]]
        levels = [10 * np.log10(np.mean(np.square(side, dtype=np.float64)) + floor) for side in sides]
        shapes = [10 * np.log10(filters @ np.abs(np.fft.rfft(side * window)) ** 2 + floor) for side in sides]
        shapes = [shape - shape.mean() for shape in shapes]
        frame = round(place * 100 / RATE_HZ)
        pitch = [contour[max(0, frame - PITCH_FRAMES) : frame], contour[frame : frame + PITCH_FRAMES]]
        voiced = all((~np.isnan(side)).any() for side in pitch)
        found["level_db"].append(abs(levels[1] - levels[0]))
        found["shape_db"].append(float(np.sqrt(np.mean((shapes[1] - shapes[0]) ** 2))))
        found["pitch_st"].append(
            abs(semitones(float(np.nanmedian(pitch[1]) - np.nanmedian(pitch[0])))) if voiced else float("nan")
        )
    return found


def seam_row(system: str, cuts: Sequence[Cut]) -> Row:
    """Jumps at joins, inside of chunks and at the same places of uncut speech: medians, 95th percentiles."""
    groups: dict[str, dict[str, list[float]]] = {
        name: {kind: [] for kind in KINDS} for name in ("join", "inside", "uncut")
    }
    sharp = {"join": 0, "uncut": 0}
    joins = 0
    for cut in cuts:
        places = {
            "join": (cut.pieces, list(cut.pieces.starts[1:])),
            "inside": (cut.pieces, [cut.pieces.words[index][0] for index in cut.inside]),
            "uncut": (cut.whole, [cut.whole.words[index][0] for index in cut.words]),
        }
        for name, (spoken, samples) in places.items():
            for kind, values in jumps(spoken.pcm, ln_f0(spoken.pcm), samples).items():
                groups[name][kind] += values
        joins += len(cut.pieces.starts) - 1
        # A join may be near a plosive, which is as sharp in the uncut sentence.
        for name in sharp:
            spoken, samples = places[name]
            bends = np.array(sharp_places(spoken.pcm))
            sharp[name] += sum(bool((np.abs(bends - place) < RATE_HZ // 20).any()) for place in samples)
    row: Row = {
        "system": system,
        "list": "seams",
        "joins": joins,
        "inside": len(groups["inside"]["level_db"]),
    }
    for kind in KINDS:
        limit = float(np.nanpercentile(groups["inside"][kind], 95))
        for name, group in groups.items():
            row[f"{kind}_{name}"] = round(float(np.nanmedian(group[kind])), 2)
            row[f"{kind}_{name}_p95"] = round(float(np.nanpercentile(group[kind], 95)), 2)
        for name in ("join", "uncut"):
            found = np.array(groups[name][kind])
            row[f"{kind}_{name}_above_pct"] = round(100 * float(np.mean(found[~np.isnan(found)] > limit)))
    row |= {"sharp_at_joins": sharp["join"], "sharp_uncut": sharp["uncut"]}
    lengths = [len(cut.pieces.pcm) / len(cut.whole.pcm) for cut in cuts]
    row["length_cut_to_uncut"] = round(float(np.median(lengths)), 3)
    return row
