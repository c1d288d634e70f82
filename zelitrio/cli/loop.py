"""Run a command's event loop, which Ctrl-C interrupts only where the command waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVarTuple

import trio

from zelitrio.cli.observed_clock import ObservedClock

_Args = TypeVarTuple("_Args")


def run_loop(command: Callable[[*_Args], Awaitable[None]], *args: *_Args) -> None:
    """Run an async function in a new event loop.  Blocks the calling thread, which must be the main one.

    Ctrl-C is raised only where the command waits.  Trio's default raises it anywhere in our code, even inside
    a context manager that closes a nursery, and then about 1 % of presses left the process hanging.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; it is in a group if the command has an open nursery.
    """
    trio.run(command, *args, clock=ObservedClock(), restrict_keyboard_interrupt_to_checkpoints=True)
