"""The settings of a server from defaults < TOML file < environment < flags.

One flat namespace everywhere: `max_streams` is `--max-streams`, `ZELITRIO_MAX_STREAMS` and
`max_streams = 64` in the file.  A name that nobody knows is refused with the nearest that exists.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import attrs

from zelitrio.cli.keys import read_key_file
from zelitrio.errors import LocalError
from zelitrio.server import hash_key
from zelitrio.settings import EngineSettings, ServerSettings, SessionSettings

PREFIX = "ZELITRIO_"
_ROOMS = (EngineSettings, SessionSettings, ServerSettings)
_LISTS = ("api_key_hashes", "cors_origins")
_FIELDS: Mapping[str, type[Any]] = {
    field.name: room for room in _ROOMS for field in attrs.fields(room) if field.name not in _LISTS
}
_OTHERS = ("api_keys", "cors_origins", "key_file", "voices", "lexicon")
# Read by other parts of the command line, so not unknown.
_NOT_SETTINGS = ("config", "api_key", "url", "traceback")


@attrs.frozen(kw_only=True)
class Configuration:
    """All that `zelitrio serve` needs to know.

    Attributes:
        voices: a folder with more voices; None for the built-in ones alone.
        lexicon: files of pronunciations, the most important first.
    """

    engine: EngineSettings
    session: SessionSettings
    server: ServerSettings
    voices: Path | None
    lexicon: tuple[Path, ...] = ()


def configure(flags: Mapping[str, object], environment: Mapping[str, str]) -> Configuration:
    """Merge all sources; keys are the exception, for those of every source are valid together.

    Args:
        flags: by setting name; None means not given.  `config` names the TOML file.
        environment: usually `os.environ`; only names with our prefix are looked at.

    Raises:
        LocalError: an unknown name, a value of the wrong type or out of range, a broken file, or
            a server that would be open to the network without a key.
    """
    from_environment = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX)
    }
    file = flags.get("config") or from_environment.get("config")
    sources = [
        _checked(_read_toml(Path(str(file))), str(file)) if file else {},
        _checked(from_environment, "environment", PREFIX),
        {name: value for name, value in flags.items() if value is not None and name != "config"},
    ]
    merged: dict[str, object] = {}
    keys: list[str] = []
    for source in sources:
        keys += _list(source, "api_keys", "keys")
        merged.update(source)

    key_file = _path(merged.get("key_file"))
    hashes = {hash_key(key) for key in keys} | (read_key_file(key_file) if key_file else set())
    rooms: dict[type[Any], dict[str, Any]] = {
        room: {
            name: _convert(room, name, merged[name])
            for name in _FIELDS
            if _FIELDS[name] is room and name in merged
        }
        for room in _ROOMS
    }
    origins = tuple(_list(merged, "cors_origins", "origins")) if "cors_origins" in merged else None
    server = ServerSettings(**rooms[ServerSettings], api_key_hashes=frozenset(hashes), cors_origins=origins)
    _check_exposure(server)
    return Configuration(
        engine=EngineSettings(**rooms[EngineSettings]),
        session=SessionSettings(**rooms[SessionSettings]),
        server=server,
        voices=_path(merged.get("voices")),
        lexicon=_paths(merged.get("lexicon")),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_exposure(server: ServerSettings) -> None:
    # The server asks the same, and of the addresses a name stands for; but only once torch is imported.
    if (server.tls_cert is None) != (server.tls_key is None):
        raise LocalError("tls_cert and tls_key: expected both or neither")
    for path in (server.tls_cert, server.tls_key):
        if path is not None and not path.is_file():
            raise LocalError(f"{path}: expected a file in PEM form, found none")
    if not server.api_key_hashes and not is_loopback(server.host):
        raise LocalError(
            f"host: without an API key only loopback is served, found {server.host!r}; "
            "give --api-key, ZELITRIO_API_KEYS or --key-file"
        )


def _read_toml(path: Path) -> dict[str, object]:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise LocalError(f"{path}: not TOML: {error}") from error
    for name in ("tls_cert", "tls_key", "key_file", "voices"):
        if isinstance(settings.get(name), str):  # what a file names lies beside it
            settings[name] = str(path.parent / settings[name])
    if settings.get("lexicon") is not None:
        settings["lexicon"] = [path.parent / one for one in _paths(settings["lexicon"])]
    return settings


def _checked(source: Mapping[str, object], where: str, prefix: str = "") -> dict[str, object]:
    known = [*_FIELDS, *_OTHERS]
    for name in source:
        if name in known or (prefix and name in _NOT_SETTINGS):
            continue
        nearest = get_close_matches(name, known, n=1, cutoff=0.5)
        shown = [prefix + (text.upper() if prefix else text) for text in (name, *nearest)]
        hint = f"; did you mean {shown[1]}?" if nearest else ""
        raise LocalError(f"{where}: unknown setting {shown[0]}{hint}")
    return {name: value for name, value in source.items() if name in known}


def _list(source: Mapping[str, object], name: str, what: str) -> list[str]:
    value = source.get(name)
    items = value.split(",") if isinstance(value, str) else value
    if items is None:
        return []
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        # The value itself is not shown: it may be a key in clear.
        raise LocalError(f"{name}: expected a list of {what}, found {type(value).__name__}")
    return [item.strip() for item in items if item.strip()]


def _path(value: object) -> Path | None:
    if value is None or isinstance(value, Path):
        return value
    if isinstance(value, str) and value:
        return Path(value)
    raise LocalError(f"expected a path, found {value!r}")


def _paths(value: object) -> tuple[Path, ...]:
    """Several: a list in flags and files, one text with the system's separator in the environment."""
    several = value.split(os.pathsep) if isinstance(value, str) else value or ()
    if not isinstance(several, list | tuple):
        raise LocalError(f"lexicon: expected a list of files, found {value!r}")
    return tuple(path for one in several if (path := _path(one)) is not None)


def _convert(room: type[Any], name: str, value: object) -> object:
    """Make what came as text what the field wants; ranges are the settings class's own business."""
    kind = getattr(attrs.fields(room), name).type
    if "Path" in str(kind):
        return _path(value)
    if kind in (str, "str") and isinstance(value, str):
        return value
    if kind in (bool, "bool"):
        words = {"1": True, "true": True, "yes": True, "on": True}
        words |= {"0": False, "false": False, "no": False, "off": False}
        found = words.get(value.strip().lower()) if isinstance(value, str) else value
        if isinstance(found, bool):
            return found
        raise LocalError(f"{name}: expected true or false, found {value!r}")
    number = int if kind in (int, "int") else float if kind in (float, "float") else None
    if number is not None and not isinstance(value, bool) and isinstance(value, str | int | float):
        try:
            converted = number(value)
            if converted == value or isinstance(value, str):
                return converted
        except ValueError:
            pass
    expected = {int: "a whole number", float: "a number"}.get(number, "text") if number else "text"
    raise LocalError(f"{name}: expected {expected}, found {value!r}")
