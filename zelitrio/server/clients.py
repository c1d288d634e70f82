"""Count the clients of a server: their connections and their conversations."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from zelitrio.session import Signal


@attrs.define(eq=False)
class Clients:
    """The connections and conversations in progress.

    Args:
        most: connections that are served at once; more are turned away.
        tell: called with the number of connections when it changes.
    """

    most: int
    _tell: Callable[[float], None]
    connections: int = attrs.field(default=0, init=False)
    turned_away: int = attrs.field(default=0, init=False)
    """Connections above the limit that are being answered."""
    conversations: int = attrs.field(default=0, init=False)
    """Sockets and speech requests in progress, for which a drain waits."""
    _changed: Signal = attrs.field(factory=Signal, init=False)

    @property
    def are_full(self) -> bool:
        """Whether one more connection is turned away."""
        return self.connections >= self.most

    def connected(self, by: int) -> None:
        """Count a connection that was opened (1) or closed (-1)."""
        self.connections += by
        self._tell(self.connections)
        self._changed.notify()

    def begin(self) -> None:
        """Count a conversation that begins."""
        self.conversations += 1

    def end(self) -> None:
        """Count a conversation that has ended."""
        self.conversations -= 1
        self._changed.notify()

    async def wait_quiet(self) -> None:
        """Wait until no conversation is in progress."""
        while self.conversations:
            await self._changed.wait()

    async def wait_unconnected(self) -> None:
        """Wait until no client is connected."""
        while self.connections:
            await self._changed.wait()
