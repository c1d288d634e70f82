"""The silence before and after speech, and the error of a speed.

    python -m bench.edges --voices FOLDER --speakers af_heart,am_michael --sentences 25

FOLDER is an output of `zelitrio voices add`.  Silence is below -40 dB of the utterance's peak sample.
Speed is measured against the same sentence at speed 1, from the first audible sample to the last.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np
import trio
from numpy.typing import NDArray

from bench.options import Options, numbers, parse, parser
from zelitrio.bench_client import audible_sample, read_texts
from zelitrio.engine import Engine, open_engine
from zelitrio.settings import VoiceSettings
from zelitrio.text import read_text
from zelitrio.voices import Catalogue, Voice

LISTS = sorted((Path(__file__).parent / "sentences").glob("*.txt"))


@attrs.frozen(kw_only=True)
class Edges:
    """The parts of one sentence's audio, in ms."""

    before: float
    speech: float
    after: float


def edges_of(pcm: NDArray[np.float32], rate_hz: int) -> Edges:
    """Find the audible part of a sound.

    Raises:
        ValueError: all samples are silent.
    """
    first, after = audible_sample(pcm), audible_sample(pcm[::-1])
    if first is None or after is None:
        raise ValueError("expected a sound, found silence")
    in_ms = 1000 / rate_hz
    return Edges(before=first * in_ms, after=after * in_ms, speech=(len(pcm) - first - after) * in_ms)


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--speakers", default="", help="voice ids, separated by commas [all of the folder]")
    made.add_argument(
        "--sentences", type=int, default=25, help="sentences of each voice, from all lists in turn"
    )
    made.add_argument("--speeds", type=numbers, default=(0.7, 0.85, 1.2))
    trio.run(measure, parse(made))


async def measure(options: Options) -> None:
    """Measure every voice, at speed 1 and then at the other speeds."""
    extra, report = options.extra, options.report("edges")
    catalogue = options.catalogue()
    names = extra.speakers.split(",") if extra.speakers else list(catalogue.voices)
    voices = [catalogue.voices[name] for name in names]
    texts = some_sentences(extra.sentences)
    rows = []
    async with open_engine(Catalogue(voices), options.engine) as engine:
        for voice in voices:
            heard = [await heard_edges(engine, voice, text, 1.0) for text in texts]
            figures = {name: _figures([getattr(one, name) for one in heard]) for name in ("before", "after")}
            report.line("silence", voice=voice.voice_id, sentences=len(texts), **figures)
            row: list[object] = [voice.voice_id]
            for name in figures:
                row += [figures[name]["p50"], figures[name]["max"]]
            for speed in extra.speeds:
                offs = []
                for text, plain in zip(texts, heard, strict=True):
                    other = await heard_edges(engine, voice, text, speed)
                    offs.append(100 * (other.speech * speed / plain.speech - 1))
                total = {"mean": round(float(np.mean(offs)), 2), "most": round(float(np.abs(offs).max()), 2)}
                report.line("speed", voice=voice.voice_id, speed=speed, longer_percent=total)
                row += [total["mean"], total["most"]]
            rows.append(row)
    heads = ["voice", "before p50", "most", "after p50", "most"]
    report.table([*heads, *itertools.chain(*((f"x{speed:g} %", "most") for speed in extra.speeds))], rows)


def some_sentences(count: int) -> list[str]:
    """Return `count` sentences, taken from the lists in turn."""
    turns = itertools.zip_longest(*(read_texts(path) for path in LISTS))
    return [text for turn in turns for text in turn if text is not None][:count]


async def heard_edges(engine: Engine, voice: Voice, text: str, speed: float) -> Edges:
    """Speak one sentence and return its edges."""
    settings = VoiceSettings(stability=1.0, speed=speed)
    parts = []
    async with engine.open_stream(voice, settings, seed=1) as stream:
        for utterance in read_text(text, limit=voice.limit):
            stream.feed(utterance)
        stream.finish()
        async for block in stream:
            parts.append(block.pcm)
    return edges_of(np.concatenate(parts), voice.sample_rate_hz)


def _figures(values: Sequence[float]) -> dict[str, float]:
    return {"p50": round(float(np.median(values)), 1), "max": round(max(values), 1)}


if __name__ == "__main__":
    main()
