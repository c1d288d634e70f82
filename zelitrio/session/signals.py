"""A signal that wakes tasks after a change."""

from __future__ import annotations

import attrs
import trio


@attrs.define(eq=False)
class Signal:
    """Wakes every task that waits at the moment of `notify`; it can be sent any number of times."""

    _next: trio.Event | None = attrs.field(default=None, init=False)

    async def wait(self) -> None:
        """Wait for the next `notify`."""
        if self._next is None:
            self._next = trio.Event()
        await self._next.wait()

    def notify(self) -> None:
        """Wake all waiting tasks."""
        if self._next is not None:
            self._next.set()
            self._next = None
