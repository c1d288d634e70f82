"""The end of a server: a drain, or a failure that is reported to every peer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVarTuple

import attrs
import trio

from zelitrio.errors import EngineError, ServerError
from zelitrio.server.idle import IdleConnections
from zelitrio.server.quiet_log import get_log
from zelitrio.server.state import ServerState

FAREWELL_S = 2.0
"""Time to notify every peer of the end after a failure or a drain that took too long."""
GRACE_S = 1.0
"""Time for HTTP answers in progress when the server ends; conversations had `drain_s` before."""
_LOOK_S = 0.05
_Args = TypeVarTuple("_Args")
log = get_log()


@attrs.define(eq=False)
class Ending:
    """Runs the tasks of one server, and ends it.

    Args:
        state: the server's state.
        idle: connections that wait for a request.
        scope: cancels everything that the server runs.

    Attributes:
        failure: the error that ended the server; None after a drain.
    """

    state: ServerState
    idle: IdleConnections
    scope: trio.CancelScope
    failure: EngineError | ServerError | None = None

    async def watch(self, task: Callable[[*_Args], Awaitable[None]], *args: *_Args) -> None:
        """Run a task of the server.  An error in it ends the server in order; it is not raised here."""
        try:
            await task(*args)
        except Exception as error:
            log.error("server_failed", exc_info=error)
            failure = ServerError(f"internal error: {type(error).__name__}: {error}")
            failure.__cause__ = error
            await self._fail(failure)

    async def watch_engine(self) -> None:
        """Wait until the engine fails, tell every peer, and end."""
        try:
            await self.state.engine.wait_failed()
        except EngineError as error:
            log.error("engine_failed", error=str(error))
            await self._fail(error)

    async def drain(self) -> None:
        """Wait for the drain event, then for all conversations, and end."""
        state = self.state
        await state.service.drain.wait()
        if state.service.failure is not None:
            return
        log.info("draining", conversations=state.clients.conversations)
        with trio.move_on_after(state.settings.drain_s) as patience:
            await state.clients.wait_quiet()
            # The last bytes of the last answers may not be sent yet.
            self.idle.finish()
            with trio.move_on_after(GRACE_S):
                await state.clients.wait_unconnected()
        if patience.cancelled_caught:
            state.service.cut_off.set()
            with trio.move_on_after(FAREWELL_S):
                await state.clients.wait_quiet()
        self.scope.cancel()

    async def _fail(self, error: EngineError | ServerError) -> None:
        if self.failure is not None:
            return  # peers are already notified of the first failure
        self.failure = self.state.failure = error
        if isinstance(error, ServerError):
            await self._wait_spoken()
        self.state.service.failure = error
        self.state.service.drain.set()
        with trio.move_on_after(FAREWELL_S):
            await self.state.clients.wait_quiet()
        self.scope.cancel()

    async def _wait_spoken(self) -> None:
        """Wait until nothing is spoken, at most for the time of a drain; the engine still works."""
        try:
            with trio.move_on_after(self.state.settings.drain_s):
                while self.state.engine.statistics().speaking:  # noqa: ASYNC110 - the engine has no event
                    await trio.sleep(_LOOK_S)
        except Exception as error:
            log.error("engine_silent", exc_info=error)
