"""Each error is shown as a sentence with a remedy."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from browsing import Tab, open_browser, open_tab
from real_server import KEY, VOICE, Server, started

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that allows sound only after a click on the page."""
    with open_browser("--autoplay-policy=document-user-activation-required") as browser:
        yield browser


LONG = "This sentence is written slowly, word by word, and it does not end for a while. " * 6


def speak_slowly(tab: Tab) -> None:
    """Keep a stream open for half a minute."""
    tab.choose("words")
    tab.set_range("pace", 3)
    tab.write(LONG)
    tab.page.click("#speak")
    tab.until("document.querySelectorAll('.word.said').length > 1")


def test_a_wrong_key_is_reported_and_the_right_one_opens_the_page(
    browser: Browser, keyed_server: Server
) -> None:
    with open_tab(browser, keyed_server.url) as tab:
        assert "asks for a key" in tab.trouble
        assert tab.page.evaluate("document.activeElement.id") == "key"
        tab.page.fill("#key", "sk-wrong")
        tab.page.keyboard.press("Enter")
        tab.until("document.querySelector('#trouble').textContent.includes('does not know this key')")
        assert tab.page.get_attribute("#key", "aria-invalid") == "true"
        assert tab.page.is_disabled("#speak")
        tab.page.fill("#key", KEY)
        tab.page.keyboard.press("Enter")
        tab.wait_state("Ready")
        assert not tab.trouble and not tab.page.is_visible("#key-form")
        for _ in range(2):
            tab.write("Hello there.")
            tab.page.click("#speak")
            tab.wait_state("Finished")
        check_key_stays_in_the_tab(browser, keyed_server, tab)


def check_key_stays_in_the_tab(browser: Browser, server: Server, tab: Tab) -> None:
    assert all(KEY not in address for address in tab.requests)
    tokens = [
        address.partition("single_use_token=")[2] for address in tab.requests if address.startswith("ws")
    ]
    assert len(tokens) == len(set(tokens)) == 2 and all(tokens)
    stored = tab.page.evaluate(
        "[Object.values(localStorage), document.cookie, Object.values(sessionStorage)]"
    )
    assert stored == [[], "", [KEY]]
    other = tab.page.context.new_page()
    other.goto(f"{server.url}/")
    other.wait_for_selector("#key-form:not([hidden])")
    other.close()
    tab.page.click("#forget")
    tab.page.wait_for_selector("#key-form:not([hidden])")
    assert tab.page.evaluate("sessionStorage.length") == 0


def test_words_typed_before_the_socket_is_open_are_spoken_too(browser: Browser, keyed_server: Server) -> None:
    with open_tab(browser, keyed_server.url) as tab:
        tab.page.route(
            "**/single-use-token/*",
            lambda route: (tab.page.wait_for_timeout(1500), route.continue_()),
        )
        tab.page.fill("#key", KEY)
        tab.page.keyboard.press("Enter")
        tab.wait_state("Ready")
        tab.choose("type")
        tab.page.click("#text")
        tab.page.keyboard.type("Hello there, nobody knows it. ")
        tab.page.click("#speak")
        tab.wait_state("Finished")
        assert tab.page.locator(".word.timed").count() == 5


def test_the_page_loads_nothing_from_other_servers_and_logs_no_errors(tab: Tab) -> None:
    tab.write("All of it comes from here.")
    tab.page.click("#speak")
    tab.wait_state("Finished")
    for name in ("read", "copy"):
        tab.view(name)
        tab.page.wait_for_timeout(300)
    host = tab.url.removeprefix("http://")
    assert all(address.partition("://")[2].startswith(host) for address in tab.requests)
    assert not tab.complaints


PRESS_SPEAK = """
addEventListener("load", () => {
  const press = setInterval(() => {
    const [button, trouble] = ["speak", "trouble"].map((id) => document.getElementById(id));
    if (!trouble.hidden) {
      clearInterval(press);
      console.info(trouble.textContent);
    } else if (!button.disabled) {
      button.click();
    }
  }, 100);
});
"""
"""Presses Speak without a click: any action of playwright counts as a click on the page."""


def test_blocked_sound_is_reported_and_starts_after_a_click(browser: Browser, open_server: Server) -> None:
    page = browser.new_page()
    page.add_init_script(PRESS_SPEAK)
    with page.expect_console_message(lambda message: message.type == "info", timeout=20_000) as told:
        page.goto(f"{open_server.url}/")
    assert "holds the sound back" in told.value.text
    tab = Tab(page, page.url)
    tab.page.click("#unblock")
    tab.until("document.querySelector('#trouble').hidden")
    tab.wait_state("Finished")
    page.close()


def test_a_server_killed_in_mid_speech_is_reported_and_retry_speaks_again(browser: Browser) -> None:
    with started(key=None, ended_with=-signal.SIGKILL) as server, open_tab(browser, server.url) as tab:
        speak_slowly(tab)
        os.kill(server.pid, signal.SIGKILL)
        assert "connection to the server is lost" in tab.wait_trouble()
        heard = tab.page.locator(".word.said").count()
        assert heard and tab.page.is_visible("#retry") and tab.page.is_enabled("#speak")
        tab.page.click("#retry")
        tab.until("document.querySelector('#trouble').textContent.includes('does not answer')")
        with started(key=None, port=server.port):
            tab.write("Here again.")
            tab.page.click("#retry")
            tab.wait_state("Finished")
            assert not tab.trouble
            assert tab.page.inner_text("#transcript").split() == ["Here", "again."]


def test_the_page_names_a_full_and_a_draining_server(browser: Browser) -> None:
    with (
        started("--max-streams", "1", "--drain-s", "60", key=None, ended_with=0) as server,
        open_tab(browser, server.url) as tab,
    ):
        # A client that does not read its long answer holds the only place, and delays the drain.
        long = {"text": "A text that is too long for the buffers of a connection. " * 150}
        address = f"{server.url}/v1/text-to-speech/{VOICE}/stream?output_format=pcm_48000"
        with httpx.stream("POST", address, json=long, timeout=60):
            tab.write("Is there room?")
            tab.page.click("#speak")
            assert "The server is full" in tab.wait_trouble()
            os.kill(server.pid, signal.SIGTERM)
            tab.until("fetch('ready').then((answer) => answer.status === 503, () => false)")
            for _ in range(3):
                tab.page.click("#retry")
                assert "is draining" in tab.wait_trouble()
        # Now the last conversation is over, and the server ends.
        tab.until("fetch('ready').then(() => false, () => true)")
        tab.page.click("#retry")
        assert "ended after its drain" in tab.wait_trouble()
        assert tab.page.is_visible("#retry")


def test_a_drain_closes_a_stream_that_waits_for_text_and_the_page_says_so(browser: Browser) -> None:
    with started("--drain-s", "5", key=None, ended_with=0) as server, open_tab(browser, server.url) as tab:
        speak_slowly(tab)
        os.kill(server.pid, signal.SIGTERM)
        assert "draining" in tab.wait_trouble()
        assert tab.page.locator(".word.said").count() > 1


def test_an_empty_text_and_a_number_out_of_range_are_reported(tab: Tab) -> None:
    tab.write("  ")
    tab.page.click("#speak")
    assert tab.state == "There is no text to speak."
    tab.page.fill("#streams", "51")
    tab.page.click("#load")
    assert tab.state == "Streams: a number from 1 to 50."
    assert tab.page.evaluate("document.activeElement.id") == "streams"
