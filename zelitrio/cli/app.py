"""The command line: it runs a command; a failure becomes one line on stderr and an exit code.

0  done                              2  wrong usage: a flag, a setting, a missing file
1  not possible                      3  the engine failed; a supervisor should start it again
130  interrupted                     4  the server failed; a supervisor should start it again
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError, UnusedCliTokensError

from zelitrio import __version__
from zelitrio.cli.bench import bench
from zelitrio.cli.configure import SOURCES, check_whole_numbers, name_as_written
from zelitrio.cli.deploy import deploy
from zelitrio.cli.keys import keys
from zelitrio.cli.normalise import normalise
from zelitrio.cli.serve import serve
from zelitrio.cli.speak import speak
from zelitrio.cli.train import train
from zelitrio.cli.voices import voices
from zelitrio.errors import (
    EngineError,
    LocalError,
    RemoteError,
    ServerError,
    SettingError,
    ZelitrioError,
    leaves,
)

app = App(
    name="zelitrio",
    help="Self-hosted realtime text to speech.",
    version=__version__,
    config=(check_whole_numbers,),
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
app.command(speak, sort_key=1)
app.command(serve, sort_key=2, config=SOURCES)
app.command(voices)
app.command(normalise, sort_key=4)
app.command(train, sort_key=5)
app.command(keys)
app.command(deploy, sort_key=7, config=SOURCES)
app.command(bench)


def main(tokens: Sequence[str] | None = None) -> None:
    """Run the command line and exit; never returns.

    Args:
        tokens: the words after `zelitrio`; None: those of this process.
    """
    sys.exit(run(sys.argv[1:] if tokens is None else tokens))


def run(tokens: Sequence[str]) -> int:
    """Run one command line, print its error to stderr and return its exit code."""
    try:
        app(list(tokens), exit_on_error=False, print_error=False)
        sys.stdout.flush()
    except UnusedCliTokensError as error:
        left_over = " ".join(error.unused_tokens or ())
        expected = "RECORDINGS and OUT" if tokens[0] == "train" else "one TEXT, in quotes if it has spaces"
        return _fail(2, f"expected {expected}; left over: {left_over}")
    except CycloptsError as error:
        return _fail(2, str(error))
    except KeyboardInterrupt:
        return 130
    except (Exception, BaseExceptionGroup) as error:  # a group may hold a KeyboardInterrupt
        return _explain(error, tokens)
    return 0


def _explain(error: BaseException, tokens: Sequence[str]) -> int:
    if os.environ.get("ZELITRIO_TRACEBACK"):
        traceback.print_exception(error)
    causes = list(leaves(error))
    if any(isinstance(cause, KeyboardInterrupt) for cause in causes):
        return 130
    # If several tasks failed at once, an error raised on purpose usually caused the others.
    cause = next((cause for cause in causes if isinstance(cause, ZelitrioError)), causes[0])
    match cause:
        case BrokenPipeError():
            # The reader of stdout has closed it.  Without this, Python fails again at its own close.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        case SettingError():
            names = " and ".join(name_as_written(name, tokens) for name in cause.names)
            return _fail(2, f"{names}: {cause.reason}")
        case LocalError():
            return _fail(2, str(cause))
        case EngineError():
            return _fail(3, str(cause))
        case ServerError():
            return _fail(4, str(cause))
        case RemoteError():
            return _fail(1, f"{cause.message} ({cause.code})")
        case ZelitrioError():
            return _fail(1, str(cause))
        case FileNotFoundError() | IsADirectoryError() | NotADirectoryError() if cause.filename is not None:
            return _fail(2, f"{cause.filename}: {cause.strerror}")
        case OSError():
            named = f"{cause.filename}: " if cause.filename is not None else ""
            return _fail(1, f"{named}{cause.strerror or cause}")
    return _fail(1, f"internal error: {type(cause).__name__}: {cause} (ZELITRIO_TRACEBACK=1 shows where)")


def _fail(exit_code: int, message: str) -> int:
    print(f"zelitrio: {' '.join(message.split())}", file=sys.stderr)
    return exit_code
