"""`zelitrio train`: a voice from a folder of recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter
from cyclopts.validators import Number

_LENGTH = Group.create_ordered("How long")


def train(
    recordings: Path,
    out: Path | None = None,
    /,
    *,
    check: Annotated[bool, Parameter(negative=())] = False,
    begin: Annotated[Literal["builtin", "scratch"], Parameter(name="--from")] = "builtin",
    voice_id: str | None = None,
    name: str | None = None,
    work: Path | None = None,
    device: str = "auto",
    threads: Annotated[int, Parameter(validator=Number(gte=0, lte=256))] = 0,
    steps: Annotated[int | None, Parameter(group=_LENGTH, validator=Number(gte=1, lte=10**7))] = None,
    minutes: Annotated[float | None, Parameter(group=_LENGTH, validator=Number(gt=0, lte=10**6))] = None,
) -> None:
    """Make a voice from recordings, for `--voices` of the other commands.

    Checks the recordings first, reports each problem, and leaves out unusable recordings. Ctrl-C keeps the
    progress, and the same command continues. Needs the extra `train`.

    Parameters
    ----------
    recordings
        A folder with metadata.csv, a line file|text or file|text|normalised text for each recording.
    out
        The voice folder to write.
    check
        Only check the recordings.
    begin
        Tune the built-in voice (at least 20 recordings and a minute of speech) or begin from scratch (100
        recordings and 20 minutes).
    voice_id
        The voice's id for clients [default: the name of OUT].
    name
        The voice's name for people [default: the name of OUT].
    work
        Folder for checkpoints, loss curves and samples [default: OUT.work].
    device
        auto, cpu, cuda or cuda:N.
    threads
        Threads on a CPU; 0: torch's default.
    steps
        Steps of the acoustic model; the vocoder's follow [default: 150 for two minutes of speech, more for
        longer recordings, 10000 from scratch].
    minutes
        Training time on this machine, instead of steps.
    """
    from zelitrio.cli.training import Request, run_request

    run_request(
        Request(
            recordings=recordings,
            out=out,
            check_only=check,
            begin=begin,
            voice_id=voice_id,
            name=name,
            work=work,
            device=device,
            threads=threads,
            steps=steps,
            minutes=minutes,
        )
    )
