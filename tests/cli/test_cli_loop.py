"""Where Ctrl-C may interrupt a command's event loop."""

from __future__ import annotations

import signal

import pytest
import trio
import trio.testing

from zelitrio.cli.loop import run_loop


def test_control_c_interrupts_where_the_command_waits_and_nowhere_else() -> None:
    reached = []

    async def command(name: str) -> None:
        signal.raise_signal(signal.SIGINT)
        reached.append(f"{name} goes on between two waits")
        await trio.lowlevel.checkpoint()
        reached.append("not interrupted")

    with pytest.raises(KeyboardInterrupt):
        run_loop(command, "it")
    assert reached == ["it goes on between two waits"]


def test_control_c_ends_every_task() -> None:
    ended = []

    async def wait() -> None:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("task")

    async def command() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
            signal.raise_signal(signal.SIGINT)
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as raised:
        run_loop(command)
    assert isinstance(raised.value.exceptions[0], KeyboardInterrupt)
    assert ended == ["task"]
