"""Public voices by name, fetched from Hugging Face or from a mirror of it.

`huggingface_hub` does the transfer: it honours HF_ENDPOINT and HF_HUB_OFFLINE, resumes, and shows progress.
It is an extra, imported only here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from zelitrio.errors import LocalError, VoiceError
from zelitrio.voices.origin import checksum

PIPER_REPOSITORY = "rhasspy/piper-voices"
KOKORO_REPOSITORY = "hexgrad/Kokoro-82M"
_PIPER_NAME = re.compile(r"([a-z]{2,3})_([A-Z]{2,3})-([A-Za-z0-9_]+)-([a-z_]+)")
_KOKORO_WEIGHTS = "kokoro-v1_0.pth"
_KOKORO_LICENCE = "Apache-2.0"


@attrs.frozen(kw_only=True)
class RemoteFile:
    """One file of a repository."""

    path: str
    size: int | None
    sha256: str | None
    """None for a small file, which the site has no checksum of."""


@attrs.frozen(kw_only=True)
class Download:
    """The files that a name stands for."""

    name: str
    repository: str
    revision: str
    files: tuple[RemoteFile, ...]
    licence: str
    voices: tuple[str, ...] = ()
    """Of Kokoro's, which were asked for; empty: all."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(file.size or 0 for file in self.files)


def is_name(source: str) -> bool:
    """Whether a source is a name to fetch and not a path."""
    return source.partition(":")[0] in ("piper", "kokoro") and not Path(source).exists()


def plan(name: str) -> Download:
    """Look a name up: `piper:en_US-lessac-medium`, `kokoro` or `kokoro:af_heart`.  Blocks on the network.

    Raises:
        LocalError: the extra is not installed, or nothing has that name.
        VoiceError: the site cannot be reached.
    """
    family, _, rest = name.partition(":")
    if family == "piper":
        match = _PIPER_NAME.fullmatch(rest)
        if match is None:
            raise LocalError(f"{name}: expected piper:LANGUAGE_COUNTRY-NAME-QUALITY, found {rest!r}")
        language, country, speaker, quality = match.groups()
        stem = f"{language}/{language}_{country}/{speaker}/{quality}"
        paths = [f"{stem}/{rest}.onnx", f"{stem}/{rest}.onnx.json", f"{stem}/MODEL_CARD"]
        return _look_up(name, PIPER_REPOSITORY, paths, ())
    wanted = tuple(filter(None, rest.split(",")))
    paths = [_KOKORO_WEIGHTS, "config.json"]
    paths += [f"voices/{voice}.pt" for voice in wanted] or ["voices/*.pt"]
    return _look_up(name, KOKORO_REPOSITORY, paths, wanted)


def fetch(download: Download) -> Path:
    """Bring all files to the hub's cache and check them.  Blocks on the network.

    Returns:
        What to convert.

    Raises:
        VoiceError: the site cannot be reached, or a file is not what its checksum says.
    """
    hub = _hub()
    main = Path()
    for file in download.files:
        try:
            path = Path(hub.hf_hub_download(download.repository, file.path, revision=download.revision))
        except Exception as error:  # the library raises its own, httpx's and the system's
            raise VoiceError(f"{download.repository}/{file.path}", _first_line(error)) from error
        if file.sha256 is not None and (found := checksum(path)) != file.sha256:
            raise VoiceError(path, "checksum", expected=file.sha256, found=found)
        if path.suffix in (".onnx", ".pth"):
            main = path
    return main


def available() -> list[tuple[str, str, str]]:
    """Names that can be fetched, with language and quality.  Blocks on the network."""
    hub = _hub()
    found: list[tuple[str, str, str]] = []
    try:
        path = hub.hf_hub_download(PIPER_REPOSITORY, "voices.json")
        for key, voice in json.loads(Path(path).read_text(encoding="utf-8")).items():
            found.append((f"piper:{key}", str(voice["language"]["code"]), str(voice["quality"])))
        for file in _files(hub, KOKORO_REPOSITORY)[1]:
            if file.path.startswith("voices/") and file.path.endswith(".pt"):
                found.append((f"kokoro:{Path(file.path).stem}", Path(file.path).stem[:1], "high"))
    except Exception as error:
        raise VoiceError("Hugging Face", _first_line(error)) from error
    return found


def _look_up(name: str, repository: str, paths: Sequence[str], voices: tuple[str, ...]) -> Download:
    hub = _hub()
    try:
        revision, files, licence = _files(hub, repository)
    except Exception as error:
        raise VoiceError(repository, _first_line(error)) from error
    found = [file for file in files if any(_fits(file.path, path) for path in paths)]
    missing = [path for path in paths if not any(_fits(file.path, path) for file in found)]
    needed = [path for path in missing if not path.endswith("MODEL_CARD")]
    if needed:
        raise LocalError(f"{name}: {repository} has no {needed[0]}")
    if repository == KOKORO_REPOSITORY:
        licence = licence or _KOKORO_LICENCE
    return Download(
        name=name,
        repository=repository,
        revision=revision,
        files=tuple(found),
        licence=licence,
        voices=voices,
    )


def _fits(path: str, pattern: str) -> bool:
    folder, _, last = pattern.rpartition("/")
    if last.startswith("*"):
        return path.rpartition("/")[0] == folder and path.endswith(last[1:])
    return path == pattern


def _files(hub: Any, repository: str) -> tuple[str, list[RemoteFile], str]:
    info = hub.HfApi().model_info(repository, files_metadata=True)
    files = [
        RemoteFile(
            path=file.rfilename, size=file.size, sha256=file.lfs.sha256 if file.lfs is not None else None
        )
        for file in info.siblings or []
    ]
    licence = str(info.card_data.get("license") or "") if info.card_data else ""
    return info.sha or "main", files, licence


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise LocalError("fetching voices needs huggingface_hub: pip install 'zelitrio[hub]'") from error
    return huggingface_hub


def _first_line(error: Exception) -> str:
    said = str(error).strip()
    return f"cannot be fetched ({said.splitlines()[0] if said else type(error).__name__})"
