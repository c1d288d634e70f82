"""The state of an engine: whether it serves, its Trio run, and the error that ended it."""

from __future__ import annotations

import trio

from zelitrio.errors import EngineError, LocalError


class Lifetime:
    """The state of one engine.  Made in the engine's Trio run."""

    def __init__(self) -> None:
        self.token = trio.lowlevel.current_trio_token()
        self._nursery: trio.Nursery | None = None
        self._failure: EngineError | None = None
        self._ended = trio.Event()

    @property
    def nursery(self) -> trio.Nursery:
        """Open while the engine serves; call `check` first."""
        assert self._nursery is not None
        return self._nursery

    def begin(self, nursery: trio.Nursery) -> None:
        """Note that the engine serves from now on."""
        self._nursery = nursery

    def end(self, failure: EngineError | None) -> None:
        """Note that the engine has ended; pass None after a close without failure."""
        self._nursery, self._failure = None, failure
        self._ended.set()

    async def wait_ended(self) -> None:
        """Wait until the engine has ended, then raise the error of `check`."""
        self.check_run()
        await self._ended.wait()
        self.check()

    def check(self) -> None:
        """Raise an error if the engine cannot be used here.

        Raises:
            EngineError: it failed or was closed.
            LocalError: this is not the Trio run that opened it.
        """
        if self._failure is not None:
            # A new error each time, because one raised in many tasks would collect all their tracebacks.
            raise EngineError(str(self._failure)) from self._failure
        if self._nursery is None:
            raise EngineError("the engine is closed")
        self.check_run()

    def check_run(self) -> None:
        """Raise LocalError if this is not the Trio run that opened the engine."""
        # Waiting for this run's events in another run would break this run.
        try:
            here = trio.lowlevel.current_trio_token()
        except RuntimeError:
            raise LocalError(
                "engine: expected to be used in the Trio run that opened it, found none"
            ) from None
        if here is not self.token:
            raise LocalError("engine: expected to be used in the Trio run that opened it, found another")
