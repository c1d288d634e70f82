"""The errors that zelitrio raises on purpose, by their cause.

LocalError: the caller of our Python API.  RemoteError: the peer.  VoiceError: a voice file.  EngineError: the
engine.  ServerError: the server.  Any other exception that reaches a user is a bug.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


class ZelitrioError(Exception):
    """Base of all errors raised on purpose."""


class LocalError(ZelitrioError):
    """The caller broke the rules of our API: a setting out of range, a call in the wrong order."""


class SettingError(LocalError):
    """A setting is invalid or contradicts another one.

    Attributes:
        reason: the expected value and the found one.
        names: the settings by their Python names.
    """

    def __init__(self, reason: str, *names: str) -> None:
        super().__init__(f"{' and '.join(names)}: {reason}")
        self.reason = reason
        self.names = names


class RemoteError(ZelitrioError):
    """The peer broke the protocol, or its request is refused.

    Attributes:
        code: ElevenLabs' error code; `zelitrio.protocol.outcome_of` has its close code and HTTP status.
        message: a text for people: the thing, the expected value, the found value.
        param: name of the invalid parameter, if any.
    """

    def __init__(self, code: str, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


class VoiceError(ZelitrioError):
    """A voice file is not valid."""

    def __init__(self, path: Path | str, what: str, *, expected: object = None, found: object = None) -> None:
        text = f"{path}: {what}"
        if expected is not None or found is not None:
            text += f": expected {expected}, found {found}"
        super().__init__(text)
        self.path = Path(path)
        self.expected = expected
        self.found = found


class EngineError(ZelitrioError):
    """The engine cannot continue: a lost device, a failed warm-up, a thread that ended."""


class ServerError(ZelitrioError):
    """The server cannot continue: one of its tasks failed; that error is the `__cause__`."""


class UtteranceError(EngineError):
    """One utterance failed.  Its stream has ended; all other streams continue."""


class CapacityError(EngineError):
    """The engine refuses another stream, because it could not serve all of them in real time.

    Attributes:
        retry_after_s: seconds after which a new request can succeed.
    """

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in an exception group and its nested groups; a plain error yields itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def first_error(error: BaseException) -> BaseException:
    """The first error in an exception group; a plain error gives itself."""
    return next(leaves(error))
