"""Messages to systemd, through a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from zelitrio.cli.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(manager.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_a_message_reaches_the_manager(manager: socket.socket) -> None:
    Notifier({"NOTIFY_SOCKET": manager.getsockname()}).tell("READY=1")
    assert heard(manager) == ["READY=1"]


def test_an_abstract_address_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0zelitrio-test-" + str(os.getpid()))
        listening.setblocking(False)
        Notifier({"NOTIFY_SOCKET": "@zelitrio-test-" + str(os.getpid())}).tell("STOPPING=1")
        assert heard(listening) == ["STOPPING=1"]


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@"])
def test_without_a_manager_nothing_happens(address: str) -> None:
    Notifier({"NOTIFY_SOCKET": address}).tell("READY=1")


async def test_signs_of_life_come_three_times_per_period(
    manager: socket.socket, autojump_clock: trio.testing.MockClock
) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000000"})
    with trio.move_on_after(95):
        await notifier.run_watchdog()
    assert heard(manager) == ["WATCHDOG=1"] * 10


@pytest.mark.parametrize(
    "environment", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "5", "WATCHDOG_PID": "1"}]
)
async def test_without_a_watchdog_no_signs_of_life_are_sent(environment: dict[str, str]) -> None:
    with trio.fail_after(5):
        await Notifier(environment).run_watchdog()
