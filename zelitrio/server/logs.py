"""Logs: JSON lines on standard error, or coloured text when a person is reading."""

from __future__ import annotations

import sys

import orjson
import structlog


def configure_logging() -> None:
    """Set structlog up for this process: called by the program's entry, never by a library user's.

    Standard error, because `zelitrio speak` may write audio to standard output.
    """
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if sys.stderr.isatty():
        structlog.configure(
            processors=[*processors, structlog.dev.ConsoleRenderer()],
            logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        )
    else:
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(orjson.dumps)]
        structlog.configure(
            processors=processors, logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer)
        )
