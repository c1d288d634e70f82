"""The page in Firefox: it speaks, plays every sample, marks each word, and stops when asked."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from firefox import FirefoxTab, open_firefox
from real_server import Server

pytestmark = [pytest.mark.browser, pytest.mark.firefox, pytest.mark.timeout(300)]

TEXT = "The quick brown fox jumps over the lazy dog."


def test_the_page_speaks_in_firefox_and_is_silent_when_told(open_server: Server) -> None:
    with open_firefox(f"{open_server.url}/") as tab:
        tab.until("document.querySelector('#state').textContent === 'Ready'")
        assert tab.evaluate("[...document.querySelector('#format').options].length") >= 5
        check_every_sample(tab)
        check_stop(tab)


def check_every_sample(tab: FirefoxTab) -> None:
    tab.evaluate(f"void (document.querySelector('#text').value = '{TEXT}')")
    tab.press("#speak")
    tab.until("document.querySelector('#state').textContent.startsWith('Finished')")
    frames = tab.evaluate("window.frames_")
    sent = np.frombuffer(b"".join(base64.b64decode(frame.get("audio") or "") for frame in frames), "<i2")
    played = np.array(tab.evaluate("window.takeSamples().samples"), np.float64)
    assert len(sent) > 24000
    np.testing.assert_array_equal(played[played != 0], sent[sent != 0].astype(np.float64))
    words = len(TEXT.split())
    assert tab.evaluate("document.querySelectorAll('.word.said').length") == words
    assert len(tab.evaluate("window.recorded.marks")) >= words - 2  # Two short words may share a frame.


def check_stop(tab: FirefoxTab) -> None:
    tab.evaluate(f"void (document.querySelector('#text').value = '{TEXT} '.repeat(20))")
    tab.evaluate("void window.forget()")
    tab.press("#speak")
    tab.until("document.querySelectorAll('.word.said').length > 3")
    tab.press("#stop")
    tab.until("document.querySelector('#state').textContent.startsWith('Silence after')")
    taken = tab.evaluate(
        "(({ frame, samples }) => [frame, samples.findLastIndex(Boolean)])(window.takeSamples())"
    )
    silent_s = sum(taken) / 24000 - tab.evaluate("window.recorded.stops[0]")
    assert silent_s <= 0.1
