"""Public voices by name: their files on Hugging Face or a mirror of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import attrs
import orjson

from zelitrio.errors import LocalError, VoiceError
from zelitrio.voices.convert_kokoro import KOKORO_LANGUAGES, kokoro_title
from zelitrio.voices.hub_files import RemoteFile, Repository, bring, look_up
from zelitrio.voices.origin import stated_licence

PIPER_REPOSITORY = "rhasspy/piper-voices"
KOKORO_REPOSITORY = "hexgrad/Kokoro-82M"
_PIPER_NAME = re.compile(r"([a-z]{2,3})_([A-Z]{2,3})-([A-Za-z0-9_]+)-([a-z_]+)")
_KOKORO_WEIGHTS = "kokoro-v1_0.pth"
_KOKORO_LICENCE = "Apache-2.0"


@attrs.frozen(kw_only=True)
class Download:
    """The files of a name."""

    name: str
    repository: Repository
    files: tuple[RemoteFile, ...]
    licence: str
    """From the voice's own card, or else from the repository."""
    title: str
    """Name of its folder after conversion."""
    voices: tuple[str, ...] = ()
    """The requested voices of Kokoro; empty: all."""

    @property
    def size(self) -> int:
        """Total bytes."""
        return sum(file.size or 0 for file in self.files)


def is_name(source: str) -> bool:
    """Whether a source is a name to fetch and not a path."""
    return source.partition(":")[0] in ("piper", "kokoro") and not Path(source).exists()


def plan(name: str) -> Download:
    """Look a name up: `piper:en_US-ljspeech-medium`, `kokoro` or `kokoro:af_heart`.  Blocks on the network.

    It fetches only the card of a Piper voice, which states the licence.

    Raises:
        LocalError: the extra is not installed, or the name is unknown.
        VoiceError: the site cannot be reached.
    """
    family, _, rest = name.partition(":")
    if family == "piper":
        match = _PIPER_NAME.fullmatch(rest)
        if match is None:
            raise LocalError(f"{name}: expected piper:LANGUAGE_COUNTRY-NAME-QUALITY, found {rest!r}")
        language, country, speaker, quality = match.groups()
        stem = f"{language}/{language}_{country}/{speaker}/{quality}"
        card = f"{stem}/MODEL_CARD"
        repository, files = _choose(
            name, PIPER_REPOSITORY, [f"{stem}/{rest}.onnx", f"{stem}/{rest}.onnx.json"], [card]
        )
        licence = ""
        if (file := repository.file(card)) is not None:
            said = bring(repository, file).read_text(encoding="utf-8", errors="replace")
            licence = stated_licence(said)
        return Download(
            name=name,
            repository=repository,
            files=files,
            licence=licence or repository.licence,
            title=rest,
        )
    wanted = tuple(dict.fromkeys(filter(None, rest.split(","))))
    paths = [_KOKORO_WEIGHTS, "config.json"]
    paths += [f"voices/{voice}.pt" for voice in wanted] or ["voices/*.pt"]
    repository, files = _choose(name, KOKORO_REPOSITORY, paths, [])
    return Download(
        name=name,
        repository=repository,
        files=files,
        licence=repository.licence or _KOKORO_LICENCE,
        title=kokoro_title(wanted),
        voices=wanted,
    )


def fetch(download: Download) -> Path:
    """Fetch all files into the hub's cache and check them.  Blocks on the network.

    Returns:
        The source for `convert`.

    Raises:
        VoiceError: the site cannot be reached, or a checksum does not match.
    """
    main = Path()
    for file in download.files:
        path = bring(download.repository, file)
        if path.suffix in (".onnx", ".pth"):
            main = path
    return main


def available() -> list[tuple[str, str, str]]:
    """Names that can be fetched, with language and quality.  Blocks on the network.

    Raises:
        LocalError: the extra is not installed.
        VoiceError: the site cannot be reached, or its list is damaged.
    """
    (piper, *_), (kokoro, *_) = look_up(PIPER_REPOSITORY), look_up(KOKORO_REPOSITORY)
    listed = piper.file("voices.json")
    if listed is None:
        raise VoiceError(PIPER_REPOSITORY, "list of voices", expected="voices.json", found=None)
    path = bring(piper, listed)
    try:
        found = [
            (f"piper:{key}", str(voice["language"]["code"]), str(voice["quality"]))
            for key, voice in orjson.loads(path.read_bytes()).items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VoiceError(path, "is damaged", expected="a list of voices", found=repr(error)) from error
    for file in kokoro.files:
        if _fits(file.path, "voices/*.pt"):
            voice = Path(file.path).stem
            found.append((f"kokoro:{voice}", KOKORO_LANGUAGES.get(voice[:1], ""), "high"))
    return found


def _choose(
    name: str, called: str, needed: Sequence[str], wished: Sequence[str]
) -> tuple[Repository, tuple[RemoteFile, ...]]:
    """The first revision that has all needed files, and these files."""
    missing = ""
    for repository in look_up(called):
        paths = [file.path for file in repository.files]
        lacks = [pattern for pattern in needed if not any(_fits(path, pattern) for path in paths)]
        if not lacks:
            patterns = (*needed, *wished)
            return repository, tuple(
                file for file in repository.files if any(_fits(file.path, pattern) for pattern in patterns)
            )
        missing = missing or lacks[0]
    raise LocalError(f"{name}: {called} has no {missing}; `zelitrio voices available` lists the names")


def _fits(path: str, pattern: str) -> bool:
    folder, _, last = pattern.rpartition("/")
    if last.startswith("*"):
        return path.rpartition("/")[0] == folder and path.endswith(last[1:])
    return path == pattern
