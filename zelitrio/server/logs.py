"""Logs: JSON lines on standard error, or coloured text on a terminal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import orjson
import structlog

from zelitrio.server.log_writer import LogWriter

_writer: LogWriter | None = None


def configure_logging(form: str = "auto", level: str = "info") -> None:
    """Configure structlog for this process; embedding programs do not need it.

    It logs to standard error, because `zelitrio speak` may write audio to standard output.  Lines that cannot
    be written are dropped; see `LogWriter`.

    Args:
        form: json, console, or auto (console on a terminal).
        level: the lowest level that is written: debug, info, warning or error.
    """
    global _writer
    _writer = LogWriter(_standard_error())
    is_console = form == "console" or (form == "auto" and _is_terminal())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _take_traceback,
            escape_values,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if is_console
            else structlog.processors.JSONRenderer(orjson.dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_LineLogger,
        cache_logger_on_first_use=False,
    )
    # The other rooms log by the standard library and do not know structlog.
    rooms = logging.getLogger("zelitrio")
    rooms.handlers = [_Forward()]
    rooms.setLevel(level.upper())


def lines_dropped() -> int:
    """Number of log lines of this process that could not be written."""
    return 0 if _writer is None else _writer.dropped


def flush_log() -> None:
    """Write as many waiting lines as possible now."""
    if _writer is not None:
        _writer.flush()


def _take_traceback(
    logger: object, method: str, values: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Rename the server's own tracebacks to the key that renderers print on separate lines."""
    if "traceback" in values:
        values["exception"] = values.pop("traceback")
    return values


def escape_values(
    logger: object, method: str, values: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Escape control characters in all values.

    Peers choose voice ids, paths and texts, and a terminal would execute control sequences in them.
    """
    return {
        name: escaped(value, keep="\n" if name == "exception" else "") if isinstance(value, str) else value
        for name, value in values.items()
    }


def escaped(text: str, keep: str = "") -> str:
    r"""Write characters that are not printable as escapes such as \x1b, except those in `keep`."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in keep else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _standard_error() -> int:
    try:
        # A copy, because a program that closes and opens files may give number 2 to another file.
        return os.dup(sys.stderr.fileno())
    except (AttributeError, OSError, ValueError):  # no standard error, or one that is closed
        return -1


def _is_terminal() -> bool:
    try:
        return sys.stderr.isatty()
    except (AttributeError, ValueError):
        return False


class _Forward(logging.Handler):
    """Passes lines of the standard library's loggers to this log."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(record.levelno, record.getMessage())


class _LineLogger:
    """The logger that structlog gives rendered lines to, with a method for each level."""

    def __init__(self, *args: object) -> None:
        assert _writer is not None
        write = _writer.write

        def msg(line: str | bytes) -> None:
            data = line.encode("utf-8", "backslashreplace") if isinstance(line, str) else line
            write(data + b"\n")

        self.msg: Callable[[Any], None] = msg
        self.debug = self.info = self.warning = self.error = self.critical = self.exception = self.msg
