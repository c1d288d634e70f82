"""The outbox keeps the order and its bounds, and drops packets of a cancelled owner."""

from __future__ import annotations

from collections import deque

import attrs
import pytest
import trio
import trio.testing

from zelitrio.session.outbox import PACKETS_PER_CONTEXT, Outbox, Outgoing

OWNER, OTHER = object(), object()


@attrs.define(eq=False)
class Wire:
    """A transport that accepts `room` messages at once, and the others on `flush`."""

    room: int = 0
    sent: list[str] = attrs.field(factory=list)
    _kept: deque[str] = attrs.field(factory=deque)
    _open: trio.Event = attrs.field(factory=trio.Event)

    def offer(self, *messages: str) -> bool:
        (text,) = messages
        assert not self._kept, "offered before what went before had left"
        if self.room:
            self.room -= 1
            self.sent.append(text)
            return True
        self._kept.append(text)
        return False

    async def flush(self) -> None:
        await trio.lowlevel.checkpoint()
        while not self.room:
            await self._open.wait()
        self.room -= 1
        self.sent.append(self._kept.popleft())

    def let_through(self, messages: int = 1000) -> None:
        self.room = messages
        self._open.set()
        self._open = trio.Event()


async def put(outbox: Outbox, scope: trio.CancelScope) -> None:
    with scope:
        await outbox.put(Outgoing(("late",), OWNER))


async def fill(outbox: Outbox, owner: object = OWNER) -> None:
    """Post as much as the owner may have waiting, and one message that the transport has begun."""
    for number in range(PACKETS_PER_CONTEXT + 1):
        await outbox.put(Outgoing((str(number),), owner))


async def test_a_peer_that_takes_everything_needs_no_writer():
    wire, left = Wire(room=3), list[str]()
    outbox = Outbox(wire.offer)
    for text in "abc":
        await outbox.put(Outgoing((text,), OWNER, sent=lambda text=text: left.append(text)))
    assert wire.sent == left == ["a", "b", "c"]


async def test_messages_to_a_slow_peer_go_through_the_writer_in_order():
    wire, left = Wire(room=1), list[str]()
    outbox = Outbox(wire.offer)
    for text in "abcd":
        owner = OTHER if text == "d" else OWNER
        await outbox.put(Outgoing((text,), owner, sent=lambda text=text: left.append(text)))
    outbox.post("notice")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.write, wire.flush)
        await trio.testing.wait_all_tasks_blocked()
        assert wire.sent == left == ["a"]
        wire.let_through(1)
        await trio.testing.wait_all_tasks_blocked()
        # There is room for one more message, but it must not overtake.
        outbox.post("behind")
        wire.let_through()
        outbox.close(1000, "bye")
    assert wire.sent == ["a", "b", "c", "d", "notice", "behind"] and left == ["a", "b", "c", "d"]


async def test_audio_waits_for_room_per_owner_and_notices_do_not_wait(autojump_clock):
    wire = Wire()
    outbox = Outbox(wire.offer)
    await fill(outbox)
    with trio.move_on_after(1) as scope:
        await outbox.put(Outgoing(("3",), OWNER))
    assert scope.cancelled_caught
    await outbox.put(Outgoing(("other",), OTHER))
    outbox.post("notice")
    outbox.close(1000, "bye")
    outbox.close(1011, "too late")
    wire.let_through()
    assert await outbox.write(wire.flush) == (1000, "bye")
    assert wire.sent == ["0", "1", "2", "other", "notice"]


async def test_dropping_an_owner_removes_only_its_whole_audio_messages(autojump_clock):
    wire = Wire()
    outbox = Outbox(wire.offer)
    await fill(outbox)
    await outbox.put(Outgoing(("theirs",), OTHER))
    outbox.post("notice")
    outbox.drop(OWNER)
    outbox.close(1000, "")
    wire.let_through()
    await outbox.write(wire.flush)
    assert wire.sent == ["0", "theirs", "notice"]


@pytest.mark.parametrize("is_full", [True, False])
async def test_a_silenced_task_that_was_about_to_run_sends_nothing(is_full) -> None:
    wire, scope = Wire(room=0 if is_full else 5), trio.CancelScope()
    outbox = Outbox(wire.offer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(outbox.write, wire.flush)
        if is_full:
            await fill(outbox)
        nursery.start_soon(put, outbox, scope)
        if is_full:
            await trio.testing.wait_all_tasks_blocked()
            wire.let_through()
        # The waiting task or the new one would run in the next turn.
        scope.cancel()
        outbox.drop(OWNER)
        outbox.close(1000, "")
    assert "late" not in wire.sent
