"""The event loop of a command, and when Ctrl-C may interrupt it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVarTuple

import trio

_Args = TypeVarTuple("_Args")


def run_loop(command: Callable[[*_Args], Awaitable[None]], *args: *_Args) -> None:
    """Run an async function to its end in a loop of its own; blocks the calling thread, the main one.

    Ctrl-C is raised where the command waits, nowhere else.  Trio's default raises it anywhere in our
    code, so also between two steps of a context manager that closes a nursery: about one press in a
    hundred left the process hanging.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; in a group where the command has a nursery open.
    """
    trio.run(command, *args, restrict_keyboard_interrupt_to_checkpoints=True)
