"""Where settings come from besides flags: the environment, then the TOML file that `--config` names.

cyclopts calls the functions of `SOURCES` after it has read the flags.  A source fills only what earlier
ones left open, except `api_keys`: keys of all sources are valid together.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cyclopts import App, Argument, ArgumentCollection, CoercionError, Parameter, Token

from zelitrio.cli.key_file import read_key_file
from zelitrio.errors import LocalError
from zelitrio.settings import hash_key

PREFIX = "ZELITRIO_"
_FOR_OTHER_COMMANDS = ("ZELITRIO_API_KEY", "ZELITRIO_URL", "ZELITRIO_TRACEBACK")
_SINGULAR = {"api_keys": "api-key", "api_key_hashes": "api-key-hash", "cors_origins": "cors-origin"}
_SINGULAR |= {"trusted_proxies": "trusted-proxy"}


def flag_name(name: str) -> str:
    """Return a setting's flag without the hyphens: a flag that may repeat is in the singular."""
    return _SINGULAR.get(name) or name.replace("_", "-")


def name_as_written(name: str, tokens: Sequence[str]) -> str:
    """Return a setting's name as the user wrote it: `--port`, `ZELITRIO_PORT`, or `port` in the file."""
    flag, variable = f"--{flag_name(name)}", f"{PREFIX}{name.upper()}"
    flags = {token.partition("=")[0].replace("--no-", "--") for token in tokens}
    if flag in flags:
        return flag
    if variable in os.environ:
        return variable
    return name if "--config" in flags or f"{PREFIX}CONFIG" in os.environ else flag


def read_environment(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Take `ZELITRIO_MAX_STREAMS=64`: a comma separates values, `os.pathsep` separates paths."""
    known = {f"{PREFIX}{name.upper()}": argument for name, argument in _by_name(arguments).items()}
    for variable, text in sorted(os.environ.items()):
        if variable.startswith(PREFIX) and variable not in _FOR_OTHER_COMMANDS:
            argument = _find(known, variable)
            _fill(argument, argument.env_var_split(text), variable)


def read_file(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Take `max_streams = 64`: a relative path starts from the folder of the file.

    Raises:
        LocalError: the file cannot be read, is not TOML, or holds an unknown name or a value of a wrong type.
    """
    known = _by_name(arguments)
    for path in [Path(token.value) for token in known.pop("config").tokens]:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise LocalError(f"{path}: expected a TOML file: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise LocalError(f"{path}: not TOML: {error}") from error
        for name, value in values.items():
            argument = _find(known, name, f"{path}: ")
            words = value if isinstance(value, list) else [value]
            if not all(isinstance(word, str | int | float) for word in words):
                raise LocalError(f"{path}: {name}: expected text, a number or a list of text")
            if "Path" in str(argument.hint):
                words = [path.parent / str(word) for word in words]
            _fill(argument, words, name, str(path))


def hash_keys(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Turn keys and files of keys into `api_key_hashes`."""
    hashes = {hash_key(token.value) for token in arguments["--api-key"].tokens if token.value}
    for token in arguments["--key-file"].tokens:
        hashes |= read_key_file(Path(token.value))
    for digest in sorted(hashes):
        arguments["--api-key-hash"].append(Token(keyword="api_keys", value=digest))


def check_whole_numbers(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse 80.5 for a whole number, which cyclopts would round.

    Raises:
        CoercionError: such a value.
    """
    for argument in arguments:
        for token in argument.tokens:
            if argument.resolved_hint is int and not token.value.lstrip("-").isdecimal():
                raise CoercionError(token=token, argument=argument, target_type=int)


def _by_name(arguments: ArgumentCollection) -> dict[str, Argument]:
    return {argument.field_info.name: argument for argument in arguments if not argument.children}


def _find(known: dict[str, Argument], name: str, source: str = "") -> Argument:
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    raise LocalError(f"{source}{name}: no such setting" + (f"; did you mean {close[0]}?" if close else ""))


def _fill(argument: Argument, words: Sequence[Any], name: str, source: str = "") -> None:
    if len(words) > 1 and not _is_list(argument.hint):
        raise LocalError(f"{source and source + ': '}{name}: expected one value, found {len(words)}")
    if not argument.tokens or argument.field_info.name == "api_keys":
        for at, word in enumerate(words):
            argument.append(Token(keyword=name, value=str(word), source=source, index=at))


def _is_list(hint: Any) -> bool:
    return "[" in str(hint)


def _split(hint: Any, text: str, *, delimiter: str | None = None) -> list[str]:
    separator = os.pathsep if "Path" in str(hint) else ","
    return [part.strip() for part in text.split(separator) if part.strip()] if _is_list(hint) else [text]


def _shown_default(value: Any) -> Any:
    value = ", ".join(map(str, value)) if isinstance(value, tuple) else value
    return None if value in (None, "", frozenset()) else str(value)


SOURCES: tuple[Any, ...] = (read_environment, read_file, check_whole_numbers, hash_keys)
LIST = Parameter(name_transform=flag_name, negative_iterable=(), consume_multiple=False, env_var_split=_split)
FLAT = Parameter.combine(LIST, Parameter(name="*", show_default=_shown_default))
"""Each field of an attrs class becomes a flag of its own."""
