"""A dialogue: voices take turns, words and turns are marked during playback, and the shown code does the
same."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from browsing import Tab
from test_playground_speaks import lateness, pcm

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCRIPT = "A: Did you hear that?\nB: Hear what?\nA: Somebody is\nin the kitchen.\nc: It's me."
TURNS = ["Did you hear that?", "Hear what?", "Somebody is in the kitchen.", "It's me."]
VOICES = ["zeli-voice-1", "zeli-voice-2", "zeli-voice-1", "zeli-voice-4"]


def begin(tab: Tab, script: str = SCRIPT) -> None:
    tab.choose("dialogue")
    tab.write(script)
    if tab.page.is_visible("#voice-C"):
        tab.page.select_option("#voice-C", "zeli-voice-4")


def test_voices_take_turns_and_every_sample_is_played(recorded: Tab) -> None:
    begin(recorded)
    assert [label.inner_text().split("\n")[0] for label in recorded.page.locator("#cast label").all()] == [
        "Voice A",
        "Voice B",
        "Voice C",
    ]
    recorded.set_range("start", 0.4)
    recorded.page.click("#speak")
    recorded.until("document.querySelectorAll('.turn:has(.now)').length === 1")
    recorded.wait_state("Finished")
    shown = recorded.page.locator(".turn")
    assert [turn.inner_text().strip() for turn in shown.all()] == TURNS
    named = [turn.get_attribute("data-voice") for turn in shown.all()]
    assert named == ["Zeli 1", "Zeli 2", "Zeli 1", "Zeli 4"]
    sent, (_, played) = pcm(recorded), recorded.played()
    np.testing.assert_array_equal(played[played != 0], sent[sent != 0])
    assert recorded.page.locator(".word.timed").count() == len(" ".join(TURNS).split())
    recorded.until("document.querySelector('#wave').ariaLabel.endsWith('in 4 turns')")
    late = lateness(recorded)
    assert abs(statistics.median(late)) <= 0.08, late
    run = recorded.export()["runs"][-1]
    assert run["way"] == "dialogue" and run["voices"] == sorted(set(VOICES))
    assert not recorded.complaints


def test_stop_is_silence_and_another_dialogue_can_begin(recorded: Tab) -> None:
    begin(recorded, "\n".join(f"{'AB'[n % 2]}: This turn is going to be stopped." for n in range(20)))
    recorded.page.click("#speak")
    recorded.until("document.querySelectorAll('.word.said').length > 4")
    recorded.page.click("#stop")
    recorded.wait_state("Silence after")
    recorded.page.wait_for_timeout(300)
    frame, played = recorded.played()
    last = (frame + int(np.flatnonzero(played)[-1])) / 24000
    assert last - recorded.page.evaluate("window.recorded.stops[0]") <= 0.1
    recorded.write("A: Now another.\nB: Yes.")
    recorded.page.click("#speak")
    recorded.wait_state("Finished")
    assert recorded.page.locator(".turn").count() == 2


def test_each_view_keeps_its_own_text(tab: Tab) -> None:
    tab.write("A text.")
    begin(tab)
    tab.choose("words")
    assert tab.page.input_value("#text") == "A text."
    tab.choose("type")
    assert tab.page.input_value("#text") == ""
    tab.choose("dialogue")
    assert tab.page.input_value("#text") == SCRIPT
    assert tab.page.is_hidden("#voice") and tab.page.input_value("#voice-C") == "zeli-voice-4"
    tab.write("A:\nB:  ")
    tab.page.click("#speak")
    assert tab.state == "There is no text to speak."


def test_read_and_streams_at_once_take_the_dialogue_too(tab: Tab) -> None:
    begin(tab, "A: Dr. Smith.\nB: Yes.")
    tab.view("read")
    tab.until("document.querySelector('#reading-state').textContent === '3 spoken words.'")
    tab.view("measure")
    tab.page.fill("#streams", "1")
    tab.page.click("#load")
    tab.wait_state("1 of 1 streams spoke.")
    assert all("text-to-dialogue" in address for address in tab.requests if address.startswith("ws"))


@pytest.mark.parametrize("language", ["curl", "python", "websocket"])
def test_copied_code_speaks_the_dialogue(tab: Tab, tmp_path: Path, language: str) -> None:
    begin(tab)
    tab.set_range("speed", 1.1)
    written = code(tab, language)
    assert all(voice in written for voice in VOICES)
    command = ["bash", "-c", written] if language == "curl" else [sys.executable, "-c", written]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    made = np.frombuffer((tmp_path / "out.pcm").read_bytes(), "<i2")
    tab.page.click("#speak")
    tab.wait_state("Finished")
    assert abs(len(made) - len(pcm(tab))) < 0.15 * len(made)


def test_copied_code_for_agents_uses_the_dialogue_endpoint(tab: Tab) -> None:
    begin(tab)
    assert "ElevenLabsDialogueTTSService" in code(tab, "pipecat")
    assert 'model="eleven_v4_turbo"' in code(tab, "livekit")
    for language in ("pipecat", "livekit"):
        ast.parse(code(tab, language))
    tab.page.evaluate(f"async () => {{ {code(tab, 'javascript')} }}")
    assert not tab.complaints


def code(tab: Tab, language: str) -> str:
    tab.view("copy")
    tab.page.check(f"[name=language][value={language}]", force=True)
    return tab.page.inner_text("#code")
