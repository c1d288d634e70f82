"""A page over plain http from another machine, which gets no worklets and codecs from browsers."""

from __future__ import annotations

import pytest
from browsing import open_browser, open_tab
from real_server import KEY, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_a_page_over_plain_http_from_another_machine_still_speaks(keyed_server: Server) -> None:
    """Such a page has no worklet and no codecs, so it plays scheduled buffers."""
    address = keyed_server.url.replace("127.0.0.1", "a-machine")
    with (
        open_browser("--host-resolver-rules=MAP a-machine 127.0.0.1") as browser,
        open_tab(browser, address) as tab,
    ):
        assert not tab.page.evaluate("isSecureContext")
        tab.page.fill("#key", KEY)
        tab.page.click("#key-form button")
        tab.wait_state("Ready")
        assert tab.page.locator("#format option").count() == 5
        tab.write("Without a worklet, too.")
        tab.page.click("#speak")
        tab.wait_state("Finished")
        assert tab.page.locator(".word.said").count() == 4
        run = tab.export()["runs"][-1]
        assert run["complete"] and run["first_sound_ms"] > run["first_byte_ms"]
        tab.write("A long text that is going to be stopped. " * 5)
        tab.page.click("#speak")
        tab.until("document.querySelectorAll('.word.said').length > 3")
        tab.page.click("#stop")
        tab.wait_state("Silence after")
