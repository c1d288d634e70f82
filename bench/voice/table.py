"""Rows of figures as text."""

from __future__ import annotations

from collections.abc import Sequence

from bench.voice.judged import Row

COLUMNS = (
    "sentences wer_pocketsphinx wer_moonshine wer_whisper distill distill_se ovrl ovrl_se sig bak p808 "
    "f0_hz ln_f0_std words_per_s "
    "lead_ms lead_ms_max tail_ms tail_ms_max lufs sharp_per_min clicks rtf"
).split()


def cells(rows: Sequence[Row], columns: Sequence[str]) -> list[list[str]]:
    """A line of heads and one per row; empty columns are left out."""
    shown = [key for key in columns if any(key in row for row in rows)]
    return [shown, *([str(row.get(key, "")) for key in shown] for row in rows)]


def plain_table(rows: Sequence[Row]) -> str:
    """Format rows for a terminal."""
    lines = cells(rows, ["system", "list", *COLUMNS])
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def markdown_table(rows: Sequence[Row], columns: Sequence[str]) -> str:
    """Format rows for a page."""
    head, *lines = cells(rows, columns)
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *lines))
