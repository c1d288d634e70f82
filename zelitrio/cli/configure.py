"""Where settings come from besides flags: the environment, then a TOML file.

cyclopts calls these after it has read the flags, in the order of `SOURCES`.  A source fills only what
earlier ones left open, except `api_keys`: keys of all sources are valid together.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cyclopts import App, Argument, ArgumentCollection, Parameter, Token, default_name_transform

from zelitrio.cli.key_file import read_key_file
from zelitrio.errors import LocalError
from zelitrio.settings import hash_key

PREFIX = "ZELITRIO_"
_FOR_OTHER_COMMANDS = ("api_key", "url", "traceback")
_REPEATABLE = {
    "api_keys": "api-key",
    "api_key_hashes": "api-key-hash",
    "cors_origins": "cors-origin",
    "trusted_proxies": "trusted-proxy",
}


def flag_name(name: str) -> str:
    """Return a setting's flag without the hyphens: a flag that may repeat is in the singular."""
    return _REPEATABLE.get(name) or default_name_transform(name)


def setting_names(arguments: Iterable[Argument]) -> dict[str, Argument]:
    """Return the settings by the name that they have in a TOML file."""
    return {argument.field_info.name: argument for argument in arguments if not argument.children}


def read_environment(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Take `ZELITRIO_MAX_STREAMS=64` and the like.

    Raises:
        LocalError: a name with our prefix is not a setting.
    """
    values = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    for name in _FOR_OTHER_COMMANDS:
        values.pop(PREFIX + name.upper(), None)
    known = {PREFIX + name.upper(): argument for name, argument in setting_names(arguments).items()}
    _fill(known, {name: _split(known.get(name), value) for name, value in values.items()}, "environment")


def read_file(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Take `max_streams = 64` and the like from the file that `--config` names.

    Raises:
        LocalError: the file cannot be read, or a name in it is not a setting.
    """
    known = setting_names(arguments)
    named = known.pop("config").tokens
    if not named:
        return
    path = Path(named[0].value)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise LocalError(f"{path}: not TOML: {error}") from error
    values: dict[str, list[str]] = {}
    for name, value in found.items():
        items = value if isinstance(value, list) else [value]
        if name in known and not all(isinstance(item, str | int | float) for item in items):
            raise LocalError(f"{path}: {name}: expected text, a number or a list of text")
        # A path in the file starts from the file's folder.
        is_path = name in known and "Path" in str(known[name].hint)
        values[name] = [str(path.parent / str(item)) if is_path else str(item) for item in items]
    _fill(known, values, str(path))


def hash_keys(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Add the hashes of all keys, and those of the key file, to `api_key_hashes`.

    Raises:
        LocalError: the key file cannot be read or holds something else.
    """
    known = setting_names(arguments)
    hashes = {hash_key(token.value) for token in known["api_keys"].tokens if token.value}
    for token in known["key_file"].tokens:
        hashes |= read_key_file(Path(token.value))
    target = known["api_key_hashes"]
    for digest in sorted(hashes):
        target.append(Token(keyword="api_keys", value=digest, index=len(target.tokens)))


def check_whole_numbers(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse 80.5 for a whole number, which cyclopts would round.

    Raises:
        LocalError: such a value.
    """
    for argument in arguments:
        for token in argument.tokens:
            if argument.resolved_hint is int and not token.value.lstrip("-").isdecimal():
                raise LocalError(f"{token.keyword}: expected a whole number, found {token.value!r}")


def _split(argument: Argument | None, value: str) -> list[str]:
    if argument is None or not _is_list(argument):
        return [value]
    separator = os.pathsep if "Path" in str(argument.hint) else ","
    return [item.strip() for item in value.split(separator) if item.strip()]


def _is_list(argument: Argument) -> bool:
    return any(kind in str(argument.hint) for kind in ("list[", "tuple[", "frozenset["))


def _fill(known: Mapping[str, Argument], values: Mapping[str, list[str]], source: str) -> None:
    for name, items in values.items():
        argument = known.get(name)
        if argument is None:
            nearest = get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise LocalError(f"{source}: unknown setting {name}{hint}")
        if argument.tokens and argument.field_info.name != "api_keys":
            continue
        if len(items) > 1 and not _is_list(argument):
            raise LocalError(f"{source}: {name}: expected one value, found a list")
        for item in items:
            argument.append(Token(keyword=name, value=item, source=source, index=len(argument.tokens)))


def _shown_default(value: Any) -> Any:
    if isinstance(value, tuple):
        value = ", ".join(value)
    return None if value in (None, "", frozenset()) else str(value)


SOURCES: tuple[Any, ...] = (read_environment, read_file, hash_keys, check_whole_numbers)
LIST = Parameter(name_transform=flag_name, negative_iterable=(), consume_multiple=False)
FLAT = Parameter(
    name="*",
    name_transform=flag_name,
    negative_iterable=(),
    consume_multiple=False,
    show_default=_shown_default,
)
"""Each field of an attrs class becomes a flag of its own."""
