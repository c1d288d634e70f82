"""The origin of a converted voice: licence and checksums, for its model card."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson

from zelitrio.errors import VoiceError
from zelitrio.voices.public_folder import CARD

Progress = Callable[[str], None]
"""Called with a short line about each step."""


@attrs.frozen(kw_only=True)
class Origin:
    """The source and licence of a voice, for its model card."""

    source: str
    licence: str = "unknown: see the source"


@attrs.frozen(kw_only=True)
class ConvertedVoice:
    """The result of a conversion."""

    name: str
    """The name for its folder."""
    voices: tuple[str, ...]
    licence: str


_FORBIDDING = re.compile(
    r"non-?commercial|\bnc\b|-nc\b|research (?:purposes )?only"
    # The address of an agreement "for Research Purposes only" in Piper's lessac cards.
    r"|lessac_blizzard20\d\d/license",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"see (?:the )?url", re.IGNORECASE)


def forbids(licence: str) -> bool:
    """Whether a licence forbids commercial use."""
    return _FORBIDDING.search(licence) is not None


def stated_licence(card: str) -> str:
    """The licence in a Piper voice's card: a name, an address, or empty."""
    stated = re.search(r"(?im)^\W*licen[cs]e:[ \t]*(\S.*?)[ \t]*$", card)
    if stated is None:
        return ""
    if _ELSEWHERE.fullmatch(stated.group(1)) and (url := re.search(r"(?im)^\W*url:[ \t]*(\S+)", card)):
        return f"see {url.group(1)}"
    return stated.group(1)


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a source.

    Raises:
        VoiceError: it cannot be read or is not a JSON object.
    """
    try:
        found = orjson.loads(path.read_bytes())
    except OSError as error:
        raise VoiceError(path, f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise VoiceError(path, "is damaged", expected="JSON", found=str(error)) from error
    if not isinstance(found, dict):
        raise VoiceError(path, "is damaged", expected="a JSON object", found=type(found).__name__)
    return found


def write_card(folder: Path, name: str, origin: Origin, files: Sequence[Path], said: str) -> None:
    """Write the model card: source, licence, checksums, and the text of the source's own card."""
    lines = [
        f"# {name}",
        "",
        f"- Source: {origin.source}",
        f"- Licence: {origin.licence}",
        "- Converted by zelitrio from these files (SHA-256):",
        *[f"  - `{file.name}` {checksum(file)}" for file in files],
    ]
    if said:
        lines += ["", "The source's own card:", "", said.rstrip()]
    (folder / CARD).write_text("\n".join(lines) + "\n", encoding="utf-8")
