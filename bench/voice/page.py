"""The page of a run: README.md beside its pictures and its lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.voice.judged import Row
from bench.voice.table import COLUMNS, markdown_table

LISTS_TEXT = """\
Word error in per cent by two recognisers; DNSMOS (ovrl, sig, bak, p808), each sentence repeated to 9 s
with half a second of silence between, and the standard error of ovrl (ovrl_se); pitch in Hz and the
spread of ln f0; silence before and after in ms (median, longest); loudness in LUFS (EBU R128);
sharp bends of the waveform per minute, and the total outside of plosive releases; real-time factor on
one thread. `every second`: all systems on the half of the lists that the references
speak. Recognisers make fewer errors on regular speech: a word error below that of a recording does not
mean better speech."""
HELD_OUT_TEXT = """\
Recordings that were not in training, the same words by the voice, and copy synthesis: frames and pulses
of the recordings, without room noise as in training, through the voice's vocoder. Distance in
dB of 13 mel cepstra after time warping; pitch correlation and root mean square difference in semitones
over the warped frames; error of the length without silence at the ends; log-spectral distance of the
copy in dB; duration of single phones against the alignment (mean absolute error, bias, correlation of
logarithms)."""
SEAMS_TEXT = """\
Median jumps between the 20 ms before and after a place (pitch: 60 ms), with the 95th percentile after it:
at joins of chunks, at word boundaries inside of chunks, and at the joins' places in the same sentences
spoken whole. `above`: the shares of joins and of their places beyond the 95th percentile inside; cuts are
only possible at some words, so the second share is not always 5 %."""
MELODY_TEXT = """\
Semitones. Questions: the last 150 ms that are voiced above the sentence's median, and the share that end
more than one semitone above the same words as a statement. Series: an item's end above its own middle,
and the step from item to item."""
HELD_COLUMNS = (
    "system list sentences mcd_db pitch_r pitch_rms_st length_error_pct length_bias_pct lsd_db "
    "phones phone_ms phone_bias_ms phone_r"
).split()
MELODY_COLUMNS = (
    "system question_end_st statement_end_st risen_pct item_end_st last_item_end_st item_step_st "
    "last_item_step_st"
).split()


def write_page(
    folder: Path,
    rows: Sequence[Row],
    pictures: Sequence[Path],
    around: dict[str, Any],
    left_out: Sequence[str],
) -> None:
    """Write README.md; the lines beside it have all its figures."""
    parts = [
        "# How the voices sound",
        f"`python -m bench.voice --corpus DIR --work DIR --out bench/results/voice`, commit"
        f" {around['commit']}, {around['processor']} with {around['cores']} cores, load {around['busy']}."
        " The lines are in `voice.jsonl`, the method in `bench/README.md`. No person listened: every"
        " statement is a number or a picture.",
        *(f"Not in this run: {line}." for line in left_out),
        "## What was heard",
        LISTS_TEXT,
        markdown_table([row for row in rows if "words" in row], ["system", "list", *COLUMNS]),
        "## Beside recordings",
        HELD_OUT_TEXT,
        markdown_table([row for row in rows if "mcd_db" in row], HELD_COLUMNS),
        "## Seams",
        SEAMS_TEXT,
        _seams([row for row in rows if row["list"] == "seams"]),
        "## Melody",
        MELODY_TEXT,
        markdown_table(
            _merged([row for row in rows if row["list"] in ("questions", "series")]), MELODY_COLUMNS
        ),
        "## Speed",
        markdown_table(
            [row for row in rows if row["list"] == "speed"], ["system", "rtf_1_thread", "rtf_2_thread"]
        ),
        "## Pictures",
        "Spectrograms to 12 kHz, 75 dB deep, with the pitch as a white line, 50 to 500 Hz.",
        *(f"![{path.stem}]({path.name})" for path in pictures),
    ]
    (folder / "README.md").write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")


def _seams(rows: Sequence[Row]) -> str:
    lines: list[Row] = []
    for row in rows:
        for kind, unit in (("level_db", "dB"), ("shape_db", "dB"), ("pitch_st", "semitones")):
            line: Row = {"voice": row["system"], "jump": f"{kind.split('_')[0]}, {unit}"}
            for name in ("join", "inside", "uncut"):
                line[name] = f"{row[f'{kind}_{name}']} ({row[f'{kind}_{name}_p95']})"
            above = [f"{row[f'{kind}_{name}_above_pct']} %" for name in ("join", "uncut")]
            lines.append({**line, "above": " and ".join(above)})
    clicks = ", ".join(
        f"{row['system']}: {row['joins']} joins, {row['sharp_at_joins']} of them with a sharp bend"
        f" within 50 ms, {row['sharp_uncut']} at the same places uncut,"
        f" {row['length_cut_to_uncut']} times as long cut as whole"
        for row in rows
    )
    return markdown_table(lines, ["voice", "jump", "join", "inside", "uncut", "above"]) + f"\n\n{clicks}."


def _merged(rows: Sequence[Row]) -> list[Row]:
    by_system: dict[object, Row] = {}
    for row in rows:
        by_system.setdefault(row["system"], {}).update(row)
    return list(by_system.values())
