"""What waits to be sent: a silenced owner's audio never follows audio of his that was taken back."""

from __future__ import annotations

import trio
import trio.testing

from zelitrio.session.outbox import PACKETS_PER_CONTEXT, Outbox, Outgoing

OWNER = object()


async def put(outbox: Outbox, scope: trio.CancelScope) -> None:
    with scope:
        await outbox.put(Outgoing("late", OWNER))


async def test_room_that_comes_in_the_turn_of_the_silencing_is_not_used() -> None:
    outbox, scope = Outbox(), trio.CancelScope()
    async with trio.open_nursery() as nursery:
        for _ in range(PACKETS_PER_CONTEXT):
            await outbox.put(Outgoing("early", OWNER))
        nursery.start_soon(put, outbox, scope)
        await trio.testing.wait_all_tasks_blocked()
        await outbox.get()  # makes room: the waiting task will run in the next turn
        scope.cancel()
        outbox.drop(OWNER)
    outbox.close(1000, "")
    assert await outbox.get() == (1000, "")


async def test_a_silenced_task_that_was_about_to_run_queues_nothing() -> None:
    outbox, scope = Outbox(), trio.CancelScope()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(put, outbox, scope)
        scope.cancel()
    outbox.close(1000, "")
    assert await outbox.get() == (1000, "")
