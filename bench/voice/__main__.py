"""The quality of a voice in numbers: word error, predicted listener scores, signal measurements.

    python -m bench.voice                      the built-in voices and, beside them, flite and espeak-ng
    python -m bench.voice --voices DIR --quick 30 sentences and nothing else, in under two minutes
    python -m bench.voice --per-list 40 --each FILE
                                               all sentences of the lists and nothing else; a line for each
                                               sentence is added to the file
    python -m bench.voice --beside DIR --beside-voice ID
                                               also public voices, which say the same sentences
    python -m bench.voice --corpus DIR         also each voice beside held-out recordings of its speaker
    python -m bench.voice --corpus DIR --work DIR --out bench/results/voice
                                               also durations phone by phone, from the training's work
                                               folder; lines and a page of pictures into the folder

Prints one JSON line per system and list, then a table.  Needs the extras `bench` and `train`.  Other packages
that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch

from bench.machine import circumstances
from bench.voice.judged import Row
from bench.voice.measure import QUICK_PER_LIST, Measure
from bench.voice.spoken import SEED
from bench.voice.table import plain_table
from zelitrio.voices import load_builtin, load_folder

LINES = "voice.jsonl"


def main() -> None:
    options = arguments()
    torch.set_num_threads(1)
    voices = [
        voice
        for voice in (load_folder(options.voices) if options.voices else load_builtin())
        if not options.voice or voice.voice_id in options.voice
    ]
    beside = [
        voice
        for folder in options.beside or ()
        for voice in load_folder(folder)
        if not options.beside_voice or voice.voice_id in options.beside_voice
    ]
    around = circumstances()
    run = Measure(
        voices,
        beside=beside,
        corpus=options.corpus,
        work=options.work,
        per_list=QUICK_PER_LIST if options.quick else options.per_list,
        heard=(lambda line: add_line(options.each, {**line, **around})) if options.each else None,
    )
    for line in run.left_out:
        print(line, file=sys.stderr, flush=True)
    rows: list[Row] = []
    lines: list[str] = []
    for row in run.rows():
        rows.append(row)
        lines.append(json.dumps({**row, "seed": SEED, "quick": options.quick, **around}))
        print(lines[-1], flush=True)
    print(plain_table([row for row in rows if "words" in row]), file=sys.stderr)
    if options.out:
        from bench.voice.page import write_page

        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / LINES).write_text("\n".join(lines) + "\n", encoding="utf-8")
        write_page(options.out, rows, run.draw(options.out), around, run.left_out)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--voices", type=Path, help="a voice folder [the built-in one]")
    parser.add_argument("--voice", action="append", help="voice id; may repeat [all voices of the folder]")
    parser.add_argument("--beside", type=Path, action="append", help="a folder of public voices; may repeat")
    parser.add_argument("--beside-voice", action="append", help="id of a public voice; may repeat [all]")
    parser.add_argument("--corpus", type=Path, help="corpus folder, for natural recordings")
    parser.add_argument("--work", type=Path, help="the training's work folder, for its alignments")
    parser.add_argument("--quick", action="store_true", help="the same as --per-list 6")
    parser.add_argument(
        "--per-list", type=int, help="number of sentences of each list; without references and pictures"
    )
    parser.add_argument("--each", type=Path, help="append a line for each sentence to this file")
    parser.add_argument("--out", type=Path, help="folder for the lines and the page; replaces its files")
    options = parser.parse_args()
    if (options.quick or options.per_list) and (options.corpus or options.out):
        parser.error(
            "--quick and --per-list: expected neither --corpus nor --out with it, for it draws and compares"
            " nothing"
        )
    return options


def add_line(path: Path, line: Row) -> None:
    """Add a JSON line to a file."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
