"""Servers for the page's tests, once a session, and a browser for each file of tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browsing import SOUND_FLAG, Tab, open_browser, open_tab
from firefox import find_firefox
from real_server import Server, started

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need Firefox where it is not installed."""
    of_firefox = [item for item in items if item.get_closest_marker("firefox")]
    if of_firefox and find_firefox() is None:
        config.hook.pytest_deselected(items=of_firefox)
        items[:] = [item for item in items if item not in of_firefox]


@pytest.fixture(scope="session")
def open_server() -> Iterator[Server]:
    """A server without keys."""
    with started(key=None) as server:
        yield server


@pytest.fixture(scope="session")
def keyed_server() -> Iterator[Server]:
    with started() as server:
        yield server


# Not for the whole session, because playwright allows only one instance at a time.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser(SOUND_FLAG) as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser, open_server: Server) -> Iterator[Tab]:
    with open_tab(browser, open_server.url) as tab:
        yield tab


@pytest.fixture
def recorded(browser: Browser, open_server: Server) -> Iterator[Tab]:
    """A tab that records the samples it plays."""
    with open_tab(browser, open_server.url, record=True) as tab:
        yield tab
