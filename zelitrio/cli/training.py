"""One run of `zelitrio train`: check the arguments, train, and print the result."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from zelitrio.cli.training_view import TrainingView
from zelitrio.errors import LocalError

_VOICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@attrs.frozen(kw_only=True)
class Request:
    """The command line of `zelitrio train`."""

    recordings: Path
    out: Path | None
    check_only: bool
    begin: str
    voice_id: str | None
    name: str | None
    work: Path | None
    device: str
    threads: int
    steps: int | None
    minutes: float | None


def run_request(request: Request) -> None:
    """Check, train, export and measure.

    Raises:
        LocalError: a flag or file is wrong, or too few recordings can be used.
        KeyboardInterrupt: it was stopped; the progress is kept.
    """
    _refuse_nonsense(request)
    from zelitrio.training import RECIPES, Order, choose_device, look_through, make_voice, missing_packages

    recipe = RECIPES[request.begin]
    with TrainingView() as view:
        if request.check_only:
            look_through(request.recordings, recipe, view)
            return
        if request.out is None:
            raise LocalError("OUT: expected a folder for the voice, found none")
        if missing := missing_packages():
            raise LocalError(
                f"training needs {', '.join(missing)}, which cannot be imported: "
                "python -m pip install 'zelitrio[train]'"
            )
        label = request.out.resolve().name  # OUT may be "."
        order = Order(
            recordings=request.recordings,
            out=request.out,
            work=request.work or request.out.resolve().with_name(f"{label}.work"),
            voice_id=_voice_id(request.voice_id, label),
            name=request.name or label,
            recipe=recipe,
            steps=request.steps,
            minutes=request.minutes,
            device=choose_device(request.device, request.threads),
        )
        made = make_voice(order, view)
        if made is None:
            raise KeyboardInterrupt
        for line in made.verdict.lines():
            view.say(line)
        view.say(
            f"{made.folder}: voice {order.voice_id}, {made.size_bytes / 1e6:.1f} MB; "
            f'try: zelitrio speak "Hello there." --voices {made.folder} --voice {order.voice_id}'
        )


def _refuse_nonsense(request: Request) -> None:
    if not request.recordings.is_dir():
        raise LocalError(f"{request.recordings}: expected a folder of recordings, found none")
    if request.steps is not None and request.minutes is not None:
        raise LocalError("--steps and --minutes: expected one of them, found both")


def _voice_id(given: str | None, label: str) -> str:
    voice_id = given or re.sub(r"[^A-Za-z0-9_-]+", "-", label).strip("-_")
    if not _VOICE_ID.fullmatch(voice_id):
        raise LocalError(f"--voice-id: expected up to 64 letters, digits, - and _, found {given or label!r}")
    from zelitrio.cli.catalogue import load_voices

    if load_voices(None).find(voice_id) is not None:
        raise LocalError(f"--voice-id: expected one that is not built in, found {voice_id!r}")
    return voice_id
