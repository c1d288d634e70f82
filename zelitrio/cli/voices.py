"""`zelitrio voices`: list voices; add, remove, show and mix public ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from zelitrio.cli.configure import LIST
from zelitrio.errors import LocalError, VoiceError

if TYPE_CHECKING:  # the room imports torch
    from zelitrio.voices import Download, Origin

Folders = Annotated[list[Path] | None, LIST, Parameter(name="--voices", env_var="ZELITRIO_VOICES")]
Home = Annotated[Path | None, Parameter(name="--into")]
NAMES = "piper:en_US-ljspeech-medium, kokoro, kokoro:af_heart"
"""Examples of names to fetch."""
Yes = Annotated[bool, Parameter(negative=())]

voices = App(
    name="voices",
    help="List the voices; add, remove, show and mix public ones.",
    sort_key=3,
    result_action="return_value",
)


@voices.default
def list_voices(*, folders: Folders = None) -> None:
    """List the voices, the default one first.

    Parameters
    ----------
    folders
        A folder with more voices; repeat for more.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from zelitrio.cli.catalogue import load_voices, unread_voices

    labels = ("language", "family", "quality", "licence")
    table = Table("voice", "Hz", "MB", *labels, box=box.SIMPLE_HEAD)
    table.columns[0].no_wrap = True
    catalogue = load_voices(folders)
    for voice in catalogue:
        said = [voice.labels.get(name, "") for name in labels]
        memory = f"{voice.model.memory_bytes / 1e6:.1f}"
        table.add_row(voice.voice_id, str(voice.sample_rate_hz), memory, *said)
    Console().print(table)
    print("MB: memory of its weights while it is loaded; voices of one folder share them.")
    for line in unread_voices(catalogue):
        _say(line)


voices.command(list_voices, name="list")


@voices.command
def add(
    source: str,
    /,
    *,
    into: Home = None,
    yes: Yes = False,
    accept_licence: Yes = False,
    measure: Annotated[list[str] | None, LIST] = None,
) -> None:
    """Add a public voice: Piper's or Kokoro's.

    SOURCE is a file, a folder, or a name to fetch from Hugging Face: piper:en_US-ljspeech-medium, kokoro,
    kokoro:af_heart, kokoro:af_heart,am_michael. Licence, size and checksums are shown first. An interrupted
    fetch is continued by the same command. HF_ENDPOINT names a mirror, HF_HOME the cache folder, and
    HF_HUB_OFFLINE=1 uses only the cache.

    Parameters
    ----------
    source
        A file, a folder, or a name.
    into
        The folder for voices [default: the platform's data folder].
    yes
        Fetch without asking.
    accept_licence
        Add a voice even if its licence forbids commercial use.
    measure
        Kokoro's voices to measure for an early start on a CPU [default: all of up to four].
    """
    from zelitrio.voices import (
        Origin,
        check_new,
        check_room,
        fetch,
        is_name,
        plan,
        voice_home,
    )

    home = into or voice_home()
    if home.exists() and not home.is_dir():
        raise LocalError(f"{home}: expected a folder, found a file")
    wanted: tuple[str, ...] = ()
    origin = Origin(source=source)
    if is_name(source):
        download = plan(source)
        _tell(download)
        _check_licence(download.licence, accept_licence=accept_licence)
        check_new(home, download.title, download.voices)
        check_room(home, download.size)
        if not yes and not _agrees():
            raise LocalError("nothing was fetched: expected yes; --yes does not ask")
        path, wanted = fetch(download), download.voices
        licence = download.licence or origin.licence
        origin = Origin(source=f"https://huggingface.co/{download.repository.name}", licence=licence)
    else:
        path = Path(source)
        if not path.exists():
            raise LocalError(f"{source}: expected a file, a folder, or a name ({NAMES}); found none of them")
    _install(path, home, origin, wanted, measure, accept_licence=accept_licence)


def _install(
    path: Path,
    home: Path,
    origin: Origin,
    wanted: tuple[str, ...],
    measure: list[str] | None,
    *,
    accept_licence: bool,
) -> None:
    """Convert a source into a new folder of `home`, completely or not at all."""
    import tempfile

    from zelitrio.voices import ADDING, changing, check_new, convert, load_folder

    try:
        # Written to a temporary folder and moved when complete, so that a server never sees an incomplete
        # voice.
        with (
            changing(home, lambda: _say(f"waiting: another process changes {home}")),
            tempfile.TemporaryDirectory(dir=home, prefix=ADDING) as place,
        ):
            made = convert(path, Path(place) / "voice", origin, voices=wanted, measure=measure, say=_say)
            _check_licence(made.licence, accept_licence=accept_licence)
            check_new(home, made.name, made.voices)
            folder = home / made.name
            (Path(place) / "voice").rename(folder)
    except OSError as error:
        if error.filename is not None:
            raise
        raise VoiceError(home, f"cannot be written ({error.strerror or error})") from error
    _say(f"added {', '.join(made.voices[:6])}{' and more' if len(made.voices) > 6 else ''} to {folder}")
    voices = load_folder(folder)
    for missing in dict.fromkeys(voice.languages[0].missing for voice in voices):
        if missing:
            _say(f"before it speaks: {missing}")
    _say(f"hear it: zelitrio speak TEXT --voice {made.voices[0]}")


@voices.command
def remove(voice: str, /, *, into: Home = None) -> None:
    """Delete an added voice and the other voices of its folder.

    Parameters
    ----------
    voice
        The voice's id, or its folder's name.
    into
        The folder for voices [default: the platform's data folder].
    """
    from zelitrio.voices import remove_installed, voice_home

    one = remove_installed(into or voice_home(), voice)
    _say(f"removed {one.folder}, {_size(one.size)}")


@voices.command
def show(voice: str, /, *, into: Home = None) -> None:
    """Show a voice's source, licence and size.

    Parameters
    ----------
    voice
        The voice's id, or its folder's name.
    into
        The folder for voices [default: the platform's data folder].
    """
    from zelitrio.voices import find_installed, voice_home

    one = find_installed(into or voice_home(), voice)
    voices = f"{len(one.voices)} voice{'' if len(one.voices) == 1 else 's'}"
    print(f"{one.folder}\n{one.family}, {voices}, {_size(one.size)}\n\n{one.card}")


@voices.command
def available(search: str = "", /) -> None:
    """List the names that `add` can fetch.

    Parameters
    ----------
    search
        Only names that contain this, such as de_ or kokoro.
    """
    from zelitrio.voices import available as look

    for name, language, quality in look():
        if search in name:
            print(f"{name:44} {language:8} {quality}")


@voices.command
def mix(name: str, mixture: str, /, *, into: Home = None) -> None:
    """Save a mix of Kokoro's voices as a voice.

    Parameters
    ----------
    name
        Name of the new voice.
    mixture
        Voices with weights: "af_heart(2)+af_bella(1)". Without weights all are equal.
    into
        The folder for voices [default: the platform's data folder].
    """
    from zelitrio.voices import save_mix, voice_home

    save_mix(into or voice_home(), name, mixture)
    _say(f"{name} is {mixture}")


def _tell(download: Download) -> None:
    _say(f"{download.repository.name}, revision {download.repository.revision[:12]}")
    _say(f"licence: {download.licence or 'not stated'}")
    for file in download.files[:8]:
        _say(f"  {file.path}  {_size(file.size or 0)}  {file.sha256 or 'no checksum'}")
    if len(download.files) > 8:
        _say(f"  and {len(download.files) - 8} more files")
    _say(f"{_size(download.size)} in all")


def _check_licence(licence: str, *, accept_licence: bool) -> None:
    from zelitrio.voices import forbids

    if forbids(licence) and not accept_licence:
        raise LocalError(f"licence {licence}: it forbids commercial use; --accept-licence adds it anyway")


def _agrees() -> bool:
    print("Fetch it? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
