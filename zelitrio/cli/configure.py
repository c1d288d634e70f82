"""Where settings come from besides flags: the environment, then the TOML file that `--config` names.

cyclopts calls the functions of `SOURCES` after it has read the flags.  A source fills only what earlier ones
left open, except `api_keys`: keys of all sources are valid together.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cyclopts import App, Argument, ArgumentCollection, Parameter, Token, default_name_transform

from zelitrio.cli.key_file import read_key_file
from zelitrio.errors import LocalError
from zelitrio.settings import hash_key

PREFIX = "ZELITRIO_"
_FOR_OTHER_COMMANDS = ("ZELITRIO_API_KEY", "ZELITRIO_URL", "ZELITRIO_TRACEBACK")
_SINGULAR = {"api_keys": "api-key", "api_key_hashes": "api-key-hash", "cors_origins": "cors-origin"}
_SINGULAR |= {"trusted_proxies": "trusted-proxy"}


def flag_name(name: str) -> str:
    """Return a setting's flag without the hyphens: a flag that may repeat is in the singular."""
    return _SINGULAR.get(name) or default_name_transform(name)


def setting_names(arguments: Iterable[Argument]) -> dict[str, Argument]:
    """Return the settings by the name that they have in a TOML file."""
    return {argument.field_info.name: argument for argument in arguments if not argument.children}


def read_sources(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Take `ZELITRIO_MAX_STREAMS=64` from the environment, `max_streams = 64` from the file, and hash keys.

    Raises:
        LocalError: a name is not a setting, or a file cannot be read.
    """
    known = setting_names(arguments)
    for variable, text in os.environ.items():
        if variable.startswith(PREFIX) and variable not in _FOR_OTHER_COMMANDS:
            names = {PREFIX + name.upper(): argument for name, argument in known.items()}
            argument = _find(names, variable, "environment")
            parts = text.split(os.pathsep if _is_path(argument) else ",")
            items = [part.strip() for part in parts if part.strip()] if _is_list(argument) else [text]
            _fill(argument, variable, items, "environment")
    for token in known.pop("config").tokens:
        path = Path(token.value)
        for name, value in _read_toml(path).items():
            argument = _find(known, name, str(path))
            items = value if isinstance(value, list) else [value]
            if not all(isinstance(item, str | int | float) for item in items):
                raise LocalError(f"{path}: {name}: expected text, a number or a list of text")
            # A path in the file starts from the file's folder.
            items = [str(path.parent / str(item) if _is_path(argument) else item) for item in items]
            _fill(argument, name, items, str(path))
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


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise LocalError(f"{path}: not TOML: {error}") from error


def _find(known: dict[str, Argument], name: str, source: str) -> Argument:
    if name not in known:
        nearest = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        raise LocalError(f"{source}: unknown setting {name}{hint}")
    return known[name]


def _fill(argument: Argument, name: str, items: list[str], source: str) -> None:
    if argument.tokens and argument.field_info.name != "api_keys":
        return
    if len(items) > 1 and not _is_list(argument):
        raise LocalError(f"{source}: {name}: expected one value, found a list")
    for item in items:
        argument.append(Token(keyword=name, value=item, source=source, index=len(argument.tokens)))


def _is_list(argument: Argument) -> bool:
    return bool(argument.token_count()[1])


def _is_path(argument: Argument) -> bool:
    return "Path" in str(argument.hint)


def _shown_default(value: Any) -> Any:
    if isinstance(value, tuple):
        value = ", ".join(value)
    return None if value in (None, "", frozenset()) else str(value)


SOURCES: tuple[Any, ...] = (read_sources, check_whole_numbers)
LIST = Parameter(name_transform=flag_name, negative_iterable=(), consume_multiple=False)
FLAT = Parameter.combine(LIST, Parameter(name="*", show_default=_shown_default))
"""Each field of an attrs class becomes a flag of its own."""
