"""Files of a Hugging Face repository: listed, fetched, resumed, checked, and stored in the library's own
cache.

`huggingface_hub` knows the site, a mirror (HF_ENDPOINT), keys and the layout of its cache.  After an
interruption its own download starts again from the beginning, so this one keeps and continues the fetched
part.  The library is an extra, imported only here.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from zelitrio.errors import LocalError, VoiceError
from zelitrio.voices.origin import checksum

_SHA256_LENGTH = 64
_SPARE_BYTES = 16 << 20
"""Free bytes that a disk must have besides a file."""


@attrs.frozen(kw_only=True)
class RemoteFile:
    """One file of a repository."""

    path: str
    size: int | None
    sha256: str | None
    """None for a small file, for which the site has no checksum."""
    blob: str
    """Its name in the cache."""


@attrs.frozen(kw_only=True)
class Repository:
    """A repository's files at one revision."""

    name: str
    revision: str
    files: tuple[RemoteFile, ...]
    licence: str = ""

    def file(self, path: str) -> RemoteFile | None:
        """The file of that path, or None."""
        return next((file for file in self.files if file.path == path), None)


def look_up(name: str) -> list[Repository]:
    """Return the repository's present state; offline, the revisions in the cache, newest first.

    Blocks on the network.

    Raises:
        LocalError: the extra is not installed.
        VoiceError: the site cannot be reached, or, offline, the cache has nothing of it.
    """
    hub = library()
    if is_offline():
        found = list(_cached(name))
        if not found:
            raise VoiceError(name, "is not in the cache, and HF_HUB_OFFLINE is set")
        return found
    try:
        info = hub.HfApi().model_info(name, files_metadata=True)
    except Exception as error:  # errors of the library, its HTTP client and the system
        raise VoiceError(name, first_line(error)) from error
    files = tuple(
        RemoteFile(
            path=file.rfilename,
            size=file.size,
            sha256=file.lfs.sha256 if file.lfs is not None else None,
            blob=file.lfs.sha256
            if file.lfs is not None
            else file.blob_id or file.rfilename.replace("/", "--"),
        )
        for file in info.siblings or []
    )
    licence = str(info.card_data.get("license") or "") if info.card_data else ""
    return [Repository(name=name, revision=info.sha or "main", files=files, licence=licence)]


def bring(repository: Repository, file: RemoteFile) -> Path:
    """Return the file in the cache, fetched if missing.  Blocks on the network.

    Raises:
        VoiceError: the site cannot be reached, the disk is full, or the checksum does not match.
    """
    place = _folder(repository.name)
    link = place / "snapshots" / repository.revision / file.path
    if link.exists():
        _check(link, file)
        return link
    called = f"{repository.name}/{file.path}"
    if is_offline():
        raise VoiceError(called, "is not in the cache, and HF_HUB_OFFLINE is set")
    blob = place / "blobs" / file.blob
    try:
        blob.parent.mkdir(parents=True, exist_ok=True)
        with library().utils.WeakFileLock(blob.with_name(f"{blob.name}.lock")):
            if not blob.exists():
                _fetch(repository, file, blob)
        _link(link, blob)
        main = place / "refs" / "main"
        main.parent.mkdir(exist_ok=True)
        main.write_text(repository.revision)
    except VoiceError:
        raise
    except Exception as error:  # errors of the library, its HTTP client and the system
        raise VoiceError(called, first_line(error)) from error
    return link


def check_room(folder: Path, needed: int) -> None:
    """Check that a disk has room for a number of bytes.

    Args:
        folder: on that disk; need not exist.
        needed: bytes.

    Raises:
        VoiceError: the disk has less room.
    """
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    if free < needed + _SPARE_BYTES:
        wanted = f"{(needed + _SPARE_BYTES) / 1e6:.0f} MB free"
        raise VoiceError(folder, "the disk is full", expected=wanted, found=f"{free / 1e6:.0f} MB")


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids the network."""
    return bool(library().constants.HF_HUB_OFFLINE)


def library() -> Any:
    """Return the package `huggingface_hub`.

    Raises:
        LocalError: it is not installed.
    """
    try:
        import huggingface_hub
        import huggingface_hub.constants
        import huggingface_hub.file_download
        import huggingface_hub.utils
    except ImportError as error:
        raise LocalError("fetching voices needs huggingface_hub: pip install 'zelitrio[hub]'") from error
    return huggingface_hub


def first_line(error: Exception) -> str:
    """The first line of a fetch's error message."""
    said = str(error).strip()
    return f"cannot be fetched ({said.splitlines()[0] if said else type(error).__name__})"


def _fetch(repository: Repository, file: RemoteFile, blob: Path) -> None:
    """Fetch the missing part of a file.  An incomplete file is kept for the next attempt."""
    hub = library()
    part = blob.with_name(f"{blob.name}.incomplete")
    have = part.stat().st_size if part.exists() else 0
    if file.size is not None and have > file.size:
        part.unlink()
        have = 0
    check_room(part.parent, (file.size or 0) - have)
    with part.open("ab") as out:
        hub.file_download.http_get(
            hub.hf_hub_url(repository.name, file.path, revision=repository.revision),
            out,
            resume_size=have,
            headers=hub.utils.build_hf_headers(),
            expected_size=file.size,
            displayed_filename=Path(file.path).name,
        )
    _check(part, file)
    part.replace(blob)


def _check(path: Path, file: RemoteFile) -> None:
    if file.sha256 is None:
        return
    found = checksum(path)
    if found != file.sha256:
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise VoiceError(file.path, "checksum", expected=file.sha256, found=f"{found}; it was deleted")


def _link(link: Path, blob: Path) -> None:
    """Put a link to a file where the library looks for it."""
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)  # one that points nowhere
    depth = len(link.relative_to(blob.parent.parent).parts) - 1
    try:
        link.symlink_to(Path(*[".."] * depth, "blobs", blob.name))
    except OSError:  # a system without links
        shutil.copyfile(blob, link)


def _cached(name: str) -> Iterator[Repository]:
    place = _folder(name)
    snapshots = sorted(place.glob("snapshots/*"), key=lambda path: path.stat().st_mtime, reverse=True)
    main = place / "refs" / "main"
    first = main.read_text().strip() if main.exists() else ""
    for snapshot in sorted(snapshots, key=lambda path: path.name != first):
        files = tuple(
            RemoteFile(
                path=path.relative_to(snapshot).as_posix(),
                size=path.stat().st_size,
                # The library names a large file by its checksum.
                sha256=blob if len(blob := path.resolve().name) == _SHA256_LENGTH else None,
                blob=blob,
            )
            for path in sorted(snapshot.rglob("*"))
            if path.is_file()
        )
        if files:
            yield Repository(name=name, revision=snapshot.name, files=files)


def _folder(name: str) -> Path:
    return Path(library().constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
