"""Where settings come from besides flags: the environment, then the TOML file that `--config` names.

cyclopts calls the functions of `SOURCES` after it has read the flags.  A source fills only what earlier
ones left open, except `api_keys`: keys of all sources are valid together.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from cyclopts import App, ArgumentCollection, CoercionError, Parameter, Token
from cyclopts.argument import update_argument_collection

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


def read_environment(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Take `ZELITRIO_MAX_STREAMS=64`: a comma separates values, `os.pathsep` separates paths."""
    for variable, text in sorted(os.environ.items()):
        if variable.startswith(PREFIX) and variable not in _FOR_OTHER_COMMANDS:
            name = variable.removeprefix(PREFIX).lower()
            argument = arguments.get(f"--{flag_name(name)}", None)
            _fill(arguments, name, argument.env_var_split(text) if argument else text, variable)


def read_file(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Take `max_streams = 64`: a relative path starts from the folder of the file.

    Raises:
        LocalError: the file is not TOML, or a value is a date or a list of lists.
        OSError: the file cannot be read.
    """
    others = arguments.copy()
    others.remove(arguments["--config"])
    for token in arguments["--config"].tokens:
        path = Path(token.value)
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise LocalError(f"{path}: not TOML: {error}") from error
        for name, value in values.items():
            argument = others.get(f"--{flag_name(name)}", None)
            items = value if isinstance(value, list) else [value]
            if not all(isinstance(item, str | int | float | dict) for item in items):
                raise LocalError(f"{path}: {name}: expected text, a number or a list of text")
            if argument and "Path" in str(argument.hint):
                value = [str(path.parent / str(item)) for item in items]
            _fill(others, name, value, str(path))


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


def _fill(arguments: ArgumentCollection, name: str, value: Any, source: str) -> None:
    keys = arguments["--api-key"]
    earlier, keys.tokens = keys.tokens, []
    one = value[0] if isinstance(value, list) and len(value) == 1 else value
    if one != []:
        named = {_SINGULAR.get(name, name): one}
        update_argument_collection(named, source, arguments, root_keys=(), allow_unknown=False)
    keys.tokens = [*earlier, *keys.tokens]


def _split(hint: Any, text: str, *, delimiter: str | None = None) -> list[str]:
    if "[" not in str(hint):
        return [text]
    separator = os.pathsep if "Path" in str(hint) else ","
    return [part.strip() for part in text.split(separator) if part.strip()]


def _shown_default(value: Any) -> Any:
    if isinstance(value, tuple):
        value = ", ".join(value)
    return None if value in (None, "", frozenset()) else str(value)


SOURCES: tuple[Any, ...] = (read_environment, read_file, check_whole_numbers, hash_keys)
LIST = Parameter(name_transform=flag_name, negative_iterable=(), consume_multiple=False, env_var_split=_split)
FLAT = Parameter.combine(LIST, Parameter(name="*", show_default=_shown_default))
"""Each field of an attrs class becomes a flag of its own."""
