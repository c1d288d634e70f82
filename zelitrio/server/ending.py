"""The end of a server: a drain, or a failure, which every peer learns of."""

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
"""For telling every peer before the process ends: the engine broke, or time is up."""
GRACE_S = 1.0
"""For answers under way when the server ends; conversations had their own, longer time before."""
_LOOK_S = 0.05
_Args = TypeVarTuple("_Args")
log = get_log()


@attrs.define(eq=False)
class Ending:
    """Watches over the tasks of one server, and ends it.

    Args:
        scope: of everything that the server runs.

    Attributes:
        failure: the reason of its end; None after a drain.
    """

    state: ServerState
    idle: IdleConnections
    scope: trio.CancelScope
    failure: EngineError | ServerError | None = None

    async def watch(self, task: Callable[[*_Args], Awaitable[None]], *args: *_Args) -> None:
        """Run a task of the server.  An error in it ends the server in order, not the nursery."""
        try:
            await task(*args)
        except Exception as error:
            log.error("server_failed", exc_info=error)
            failure = ServerError(f"internal error: {type(error).__name__}: {error}")
            failure.__cause__ = error
            await self._fail(failure)

    async def watch_engine(self) -> None:
        """Wait until the engine breaks, tell every peer, and end."""
        try:
            await self.state.engine.wait_failed()
        except EngineError as error:
            log.error("engine_failed", error=str(error))
            await self._fail(error)

    async def drain(self) -> None:
        """Wait for the order to drain, and end when all conversations have."""
        state = self.state
        await state.service.drain.wait()
        if state.service.failure is not None:
            return
        log.info("draining", conversations=state.conversations)
        with trio.move_on_after(state.settings.drain_s) as patience:
            await state.wait_quiet()
            # The last bytes of the last answers may still be on their way.
            self.idle.finish()
            with trio.move_on_after(GRACE_S):
                await state.wait_unconnected()
        if patience.cancelled_caught:
            state.service.cut_off.set()
            with trio.move_on_after(FAREWELL_S):
                await state.wait_quiet()
        self.scope.cancel()

    async def _fail(self, error: EngineError | ServerError) -> None:
        if self.failure is not None:
            return  # the first failure is being told
        self.failure = self.state.failure = error
        if isinstance(error, ServerError):
            await self._wait_spoken()
        self.state.service.failure = error
        self.state.service.drain.set()
        with trio.move_on_after(FAREWELL_S):
            await self.state.wait_quiet()
        self.scope.cancel()

    async def _wait_spoken(self) -> None:
        """The engine still works: let it finish what is being spoken, for as long as a drain may take."""
        try:
            with trio.move_on_after(self.state.settings.drain_s):
                while self.state.engine.statistics().speaking:  # noqa: ASYNC110 - the engine has no event
                    await trio.sleep(_LOOK_S)
        except Exception as error:
            log.error("engine_silent", exc_info=error)
