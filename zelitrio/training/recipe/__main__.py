"""The recipes as commands: `python -m zelitrio.training.recipe --help`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import orjson
from cyclopts import App, Parameter

from zelitrio.errors import ZelitrioError
from zelitrio.text import DATA
from zelitrio.training.device import choose_device
from zelitrio.training.recipe import letter_to_sound
from zelitrio.training.recipe.natural import STEPS, Natural, Pace
from zelitrio.training.recipe.teacher import run
from zelitrio.training.recipe.teacher.export import export
from zelitrio.training.recipe.teacher.kokoro import KokoroTeacher
from zelitrio.training.recipe.teacher.maker import SpeechPlan, make_speech

app = App(name="python -m zelitrio.training.recipe", help=__doc__)
FLAT = Parameter(name="*")
_PACE = Pace()


@app.command
def natural(
    corpus: Path,
    work: Path,
    out: Path,
    *,
    only: Literal["prepare", "align", "acoustic", "vocoder", "refine", "export"] | None = None,
    device: str = "auto",
    threads: int = 1,
    pace: Annotated[Pace, FLAT] = _PACE,
) -> None:
    """Make the natural voices from recordings; a second run continues where the first stopped.

    Parameters
    ----------
    corpus
        Has a folder for each speaker, with recordings and a metadata.csv.
    work
        Folder for features, alignments and runs.
    out
        The voice folder to write.
    only
        Do only this step.
    device
        auto, cpu, cuda or cuda:N.
    threads
        Threads of torch on a CPU.
    """
    steps = Natural(corpus, work, out, choose_device(device, threads), pace)
    for step in STEPS if only is None else (only,):
        getattr(steps, step)()


@app.command
def speech(plan: Annotated[SpeechPlan, FLAT], *, teacher: Path, device: str = "auto") -> None:
    """Make a teacher's speech; a second run continues where the first stopped.

    Parameters
    ----------
    teacher
        Voice folder of `zelitrio voices add kokoro`.
    device
        auto, cpu, cuda or cuda:N.
    """
    speaker = KokoroTeacher.at(teacher, choose_device(device, threads=1))
    make_speech(plan, speaker, lambda **row: print(orjson.dumps(row).decode(), flush=True))


@app.command
def teacher(options: Annotated[run.Options, FLAT]) -> None:
    """Make the built-in voices from a teacher's speech within a given time, on a machine with a GPU."""
    choose_device(options.device, threads=0)
    run.run(options)


@app.command
def taught(*, start: Path, run_out: Path, out: Path) -> None:
    """Write the weights of a `teacher --start` run to a voice folder.

    Parameters
    ----------
    start
        The voice folder with which the run started.
    run_out
        The run's `--out`.
    out
        The voice folder to write.
    """
    export(start, run_out, out)


@app.command(name="letter-to-sound")
def train_letter_to_sound(
    *, out: Path = DATA / "letter_to_sound.xz", order: int = 8, threshold: float = 0.3
) -> None:
    """Train the letter-to-sound model on the CMU dictionary, and measure it."""
    letter_to_sound.make(out, order, threshold)


def main() -> None:
    """Run a recipe; a failure is one line and status 1."""
    try:
        app()
    except ZelitrioError as error:
        sys.exit(f"{app.name[0]}: {error}")


if __name__ == "__main__":
    main()
