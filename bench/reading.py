"""The speed of reading text: microseconds of a sentence, and growth with the length of difficult text.

    python -m bench.reading

Only `FrontEnd.utterance` runs, without engine or server.  The table shows the same text in 4 KiB and in
64 KiB.  A growth of 16 is linear.
"""

from __future__ import annotations

import time
from pathlib import Path

from bench.options import parse, parser
from zelitrio.bench_client import SENTENCES, summary
from zelitrio.text import FrontEnd, load_front_end

ROUNDS = 20
UNITS = ("word ", "1-", "A1B2", "$a$ ", "[a](", "x = ", "12B ", "<a>", "**a", "&#39;", "5' ", "Dr. ")
SMALL, LARGE = 4 * 1024, 64 * 1024


def main(arguments: list[str] | None = None) -> None:
    """Run the bench."""
    options = parse(parser(__doc__), arguments)
    report = options.report("reading")
    front_end = load_front_end()
    folder = Path(__file__).parent / "sentences"
    texts = [*SENTENCES, *(folder / "harvard.txt").read_text(encoding="utf-8").splitlines()]
    texts = [text for text in texts if text.strip()]
    figures = summary([min(_seconds(front_end, text) for _ in range(ROUNDS)) for text in texts], 1e6, 1)
    report.line("sentence_us", **figures)
    rows = []
    for unit in UNITS:
        small, large = (_seconds(front_end, unit * (size // len(unit))) for size in (SMALL, LARGE))
        report.line("nasty", unit=unit, growth=large / small, large_ms=large * 1e3)
        rows.append([unit, large / small, large * 1e3])
    report.table(
        ["unit", "growth (16: linear)", "64 KiB, ms"],
        rows,
        f"a sentence takes {figures['p50']} us at p50, {figures['p99']} us at p99",
    )


def _seconds(front_end: FrontEnd, text: str) -> float:
    begin = time.thread_time()
    front_end.utterance(text)
    return time.thread_time() - begin


if __name__ == "__main__":
    main()
