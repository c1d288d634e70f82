"""The server's log, which never raises: a line that cannot be written is dropped and counted."""

from __future__ import annotations

import traceback
from typing import Any

import structlog

MAX_TRACEBACK_CHARS = 8000
"""Kept characters at the end of a traceback; an exception group's can have any length."""


class QuietLog:
    """A wrapper of structlog's logger that raises no `Exception`.

    An embedding program configures structlog, and its configuration may raise errors.
    """

    def __init__(self) -> None:
        self._log: Any = structlog.get_logger("zelitrio.server")
        self.lost = 0
        """Number of lines for which structlog raised an error."""

    def info(self, event: str, **values: object) -> None:
        """Log an event."""
        self._write("info", event, values)

    def warning(self, event: str, **values: object) -> None:
        """Log something that an operator should look at."""
        self._write("warning", event, values)

    def error(self, event: str, *, exc_info: BaseException | None = None, **values: object) -> None:
        """Log a failure, with the traceback of its error.

        The traceback is formatted here, because structlog's default uses rich, which shows all local
        variables and may take seconds.
        """
        if exc_info is not None:
            try:
                lines = "".join(traceback.format_exception(exc_info))
            except Exception:  # raised by the error's own __str__
                lines = type(exc_info).__name__
            values["traceback"] = lines[-MAX_TRACEBACK_CHARS:]
        self._write("error", event, values)

    def _write(self, level: str, event: str, values: dict[str, object]) -> None:
        try:
            getattr(self._log, level)(event, **values)
        except Exception:
            self.lost += 1


_log = QuietLog()


def get_log() -> QuietLog:
    """The log of this process's servers."""
    return _log
