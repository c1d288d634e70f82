"""How a voice sounds, in numbers: what recognisers hear, what a listener model scores, signal facts.

    python -m bench.voice                      the built-in voices and, beside them, flite and espeak-ng
    python -m bench.voice --voices DIR --quick 30 sentences and nothing else, in under two minutes
    python -m bench.voice --corpus DIR         also each voice beside held-out recordings of its speaker
    python -m bench.voice --corpus DIR --work DIR --out bench/results/voice
                                               also durations phone by phone, from the training's work
                                               folder; lines and a page of pictures into the folder

Prints one JSON line per system and list, then a table.  Needs the extras `bench` and `train`; what else is
not installed is named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from bench.machine import circumstances
from bench.voice.judged import Ears, Judged, Row, row_of
from bench.voice.spoken import LISTS, SEED, read_lines
from bench.voice.systems import Say, voice_system
from bench.voice.table import plain_table
from zelitrio.voices import load_builtin, load_folder

QUICK_PER_LIST = 6
SCORED_OF = 3
"""DNSMOS hears every third sentence of a list; in a quick run it hears two of three."""


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    rows = []
    around = circumstances()
    for row in measure(options):
        rows.append(row)
        print(json.dumps({**row, "seed": SEED, "quick": options.quick, **around}), flush=True)
    print(plain_table([row for row in rows if "sentences" in row]), file=sys.stderr)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--voices", type=Path, help="a voice folder; the built-in one if not given")
    parser.add_argument("--voice", action="append", help="voice id; every voice of the folder if not given")
    parser.add_argument("--corpus", type=Path, help="corpus folder, for natural recordings")
    parser.add_argument("--work", type=Path, help="the training's work folder, for its alignments")
    parser.add_argument("--quick", action="store_true", help="30 sentences, no references, no pictures")
    parser.add_argument("--out", type=Path, help="folder for the lines and the page")
    return parser.parse_args()


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """One row of figures per system and list, and per voice what else is measured."""
    voices = [
        voice
        for voice in (load_folder(options.voices) if options.voices else load_builtin())
        if not options.voice or voice.voice_id in options.voice
    ]
    ears = Ears()
    systems = {voice.voice_id: voice_system(voice) for voice in voices}
    for line in ears.left_out:
        say_left_out(line)
    for name, say in systems.items():
        yield from on_lists(ears, name, say, options.quick)


def say_left_out(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def on_lists(ears: Ears, name: str, say: Say, quick: bool) -> Iterator[Row]:
    """A row per list and one over all of them."""
    everything: list[Judged] = []
    for list_name in LISTS:
        texts = read_lines(list_name)
        texts = texts[:QUICK_PER_LIST] if quick else texts
        judged = [
            ears.judge(say(text), scored=(at % SCORED_OF == 0) != quick) for at, text in enumerate(texts)
        ]
        yield row_of(name, list_name, judged)
        everything += judged
    yield row_of(name, "all", everything)


if __name__ == "__main__":
    main()
