"""The page on a phone, by keyboard, for a screen reader, in light and dark; and its code examples."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from browsing import Tab, audio_in, open_tab
from real_server import KEY, Server, started

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
ROOT = Path(__file__).parents[2]
VIEWS = ("measure", "read", "copy")


def speak(tab: Tab, text: str) -> None:
    tab.write(text)
    tab.page.click("#speak")
    tab.wait_state("Finished")


@pytest.fixture(params=["light", "dark"])
def schemed(request: pytest.FixtureRequest, browser: Browser, keyed_server: Server) -> Iterator[Tab]:
    with open_tab(browser, keyed_server.url, color_scheme=request.param) as tab:
        yield tab


def test_axe_finds_nothing(schemed: Tab) -> None:
    schemed.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))

    def check(where: str) -> None:
        found = schemed.page.evaluate("axe.run({ resultTypes: ['violations'] })")
        named = {
            one["id"]: [node["html"][:120] for node in one["nodes"]]
            for one in (*found["violations"], *found["incomplete"])
            if one["id"] != "aria-valid-attr-value"  # A panel that is hidden is still its tab's.
        }
        assert not named, (where, named)

    check("asked for a key")
    schemed.page.fill("#key", "wrong")
    schemed.page.click("#key-form button")
    schemed.wait_trouble()
    check("wrong key")
    schemed.page.fill("#key", KEY)
    schemed.page.click("#key-form button")
    schemed.wait_state("Ready")
    schemed.page.click("summary:has-text('Settings')")
    schemed.page.click("summary:has-text('What the figures mean')")
    schemed.page.fill("#streams", "3")
    schemed.page.click("#load")
    schemed.until("!document.querySelector('#load-result').hidden")
    speak(schemed, "Dr. Smith paid $12.50.")
    for name in VIEWS:
        schemed.view(name)
        schemed.page.wait_for_timeout(500)
        check(name)
    for way in ("words", "type", "dialogue"):
        schemed.choose(way)
        check(way)
    schemed.page.click("#speak")
    schemed.until("document.querySelectorAll('.turn .word.said').length > 3")
    check("a dialogue in mid-speech")


def test_a_phone_shows_all_of_it_without_scrolling_sideways(browser: Browser, open_server: Server) -> None:
    with open_tab(browser, open_server.url, **PHONE) as tab:
        tab.page.tap("text=Numbers")
        tab.page.tap("#speak")
        tab.wait_state("Finished")
        tab.page.tap("summary:has-text('Settings')")
        tab.choose("dialogue")
        for name in VIEWS:
            tab.view(name)
            tab.page.wait_for_timeout(500)
            wide = tab.page.evaluate("document.documentElement.scrollWidth")
            assert wide == 360, name
            outside = tab.page.evaluate(
                """[...document.querySelectorAll("button, input, select, textarea, canvas, dd, label")]
                     .filter((one) => one.offsetParent && !one.closest(".scroll, pre, .hidden"))
                     .filter((one) => one.getBoundingClientRect().right > 360)
                     .map((one) => one.id || one.outerHTML)"""
            )
            assert not outside, name


@pytest.mark.parametrize("way", ["whole", "dialogue"])
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(tab: Tab, way: str) -> None:
    tab.choose(way)
    tab.page.click("summary:has-text('Settings')")
    tab.page.evaluate("document.activeElement.blur()")
    wanted = set(
        tab.page.evaluate(
            """[...document.querySelectorAll("button, input, select, textarea, a, summary")]
                 .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0)
                 .filter((one) => one.type !== "radio" || one.checked)
                 .map((one) => one.id || one.outerHTML)"""
        )
    )
    reached: set[str] = set()
    for _ in range(2 * len(wanted)):
        tab.page.keyboard.press("Tab")
        name, is_seen = tab.page.evaluate(
            """(() => {
                 const one = document.activeElement;
                 const outlined = one.type === "radio" ? one.nextElementSibling : one;
                 return [one.id || one.outerHTML, getComputedStyle(outlined).outlineStyle === "solid"];
               })()"""
        )
        if name.startswith("<body"):
            continue  # The browser's own controls come between the last and the first.
        assert is_seen, name
        reached.add(name)
    assert wanted <= reached


def test_arrows_move_between_the_views_and_control_enter_speaks(tab: Tab) -> None:
    tab.page.focus("[name=view]:checked")
    for name in ("read", "copy", "measure"):
        tab.page.keyboard.press("ArrowRight")
        assert tab.page.evaluate("document.activeElement.value") == name
        assert tab.page.is_visible(f"#panel-{name}")
    tab.write("Spoken from the keyboard.")
    tab.page.focus("#text")
    tab.page.keyboard.press("Control+Enter")
    tab.wait_state("Finished")


def test_pictures_have_text_alternatives(tab: Tab) -> None:
    speak(tab, "Some words for the pictures.")
    tab.until("!document.querySelector('#wave').ariaLabel.includes('empty')")
    for name in ("wave", "spectrogram", "buffer"):
        label = tab.page.get_attribute(f"#{name}", "aria-label")
        assert label is not None and "s of speech" in label
        inked = tab.page.evaluate(
            f"""(() => {{
                 const canvas = document.querySelector("#{name}");
                 const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
                 return pixels.some((value) => value > 0);
               }})()"""
        )
        assert inked, name


def test_the_read_view_shows_the_words_of_a_text(tab: Tab) -> None:
    tab.view("read")
    # A character outside of the first plane counts once in a span, and twice in JavaScript.
    tab.write("\N{PARTY POPPER} Dr. Smith paid $12.50 at a@b.com, on time.")
    tab.until("document.querySelector('#reading').textContent.includes('$12.50')")
    assert tab.page.inner_text("#reading-state") == "16 spoken words."
    shown = {
        group.locator(".written").inner_text(): (
            [word.inner_text() for word in group.locator(".spoken").all()],
            [mark.inner_text() for mark in group.locator(".rule, .break").all()],
        )
        for group in tab.page.locator("#reading li").all()
    }
    assert shown["Dr."] == (["doctor"], ["abbreviation"])
    assert shown["$12.50"][0] == ["twelve", "dollars", "and", "fifty", "cents"]
    assert shown["a@b.com"] == (["a", "at", "b", "dot", "com"], ["email", "short pause"])
    assert shown["time"] == (["time"], ["full stop"])
    assert tab.page.locator("#reading .phones").first.inner_text() == "D AA1 K T ER0"
    tab.page.click("summary:has-text('Settings')")
    tab.page.uncheck("#normalise")
    tab.until("!document.querySelector('#reading').textContent.includes('cents')")
    tab.write(" ")
    tab.until("document.querySelector('#reading-state').textContent === 'There is no text to read.'")
    assert not tab.complaints


def code(tab: Tab, language: str) -> str:
    tab.view("copy")
    tab.page.check(f"[name=language][value={language}]", force=True)
    return tab.page.inner_text("#code").replace("sk-...", KEY)


@pytest.fixture
def entered(browser: Browser, keyed_server: Server) -> Iterator[Tab]:
    """A tab with a key, a text, and settings that need quoting in every language."""
    with open_tab(browser, keyed_server.url) as tab:
        tab.page.fill("#key", KEY)
        tab.page.click("#key-form button")
        tab.wait_state("Ready")
        tab.write('It\'s "quoted", $HOME and {braces}\\ too:\nhere.')
        tab.set_range("speed", 1.1)
        tab.page.click("summary:has-text('Settings')")
        tab.page.fill("#seed", "7")
        yield tab


@pytest.mark.parametrize("language", ["curl", "python", "websocket"])
def test_copied_code_runs_as_it_stands_and_speaks_the_same(
    entered: Tab, tmp_path: Path, language: str
) -> None:
    written = code(entered, language)
    command = ["bash", "-c", written] if language == "curl" else [sys.executable, "-c", written]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    made = np.frombuffer((tmp_path / "out.pcm").read_bytes(), "<i2")
    assert len(made) > 24000
    entered.page.click("#speak")
    entered.wait_state("Finished")
    spoken = np.frombuffer(entered.sent(), "<i2")
    assert abs(len(made) - len(spoken)) < 0.15 * len(spoken)


def test_copied_javascript_runs(entered: Tab) -> None:
    written = code(entered, "javascript")
    entered.page.evaluate(f"async () => {{ {written} }}")
    assert not entered.complaints[1:]  # The first is the browser's note of the 401 answer.


@pytest.mark.parametrize("language", ["pipecat", "livekit"])
def test_copied_code_for_agents_names_server_and_voice(
    entered: Tab, keyed_server: Server, language: str
) -> None:
    written = code(entered, language)
    ast.parse(written)
    assert "speed" in written and "zeli-voice-1" in written
    assert keyed_server.url.removeprefix("http://") in written


def test_the_key_is_never_in_the_code(entered: Tab) -> None:
    entered.view("copy")
    for radio in entered.page.locator("[name=language]").all():
        radio.check(force=True)
        assert KEY not in entered.page.inner_text("#code")


def test_copy_puts_the_code_on_the_clipboard(browser: Browser, open_server: Server) -> None:
    with open_tab(browser, open_server.url, permissions=["clipboard-read", "clipboard-write"]) as tab:
        tab.view("copy")
        tab.page.click("#copy")
        tab.until("document.querySelector('#copied').textContent === 'Copied.'")
        assert tab.page.evaluate("navigator.clipboard.readText()") == tab.page.inner_text("#code")
        assert "xi-api-key" not in tab.page.inner_text("#code")  # This server asks for none.


@contextmanager
def paced_server() -> Iterator[str]:
    """The real server with an engine that feeds every stream: 0.8 s of audio, a block every 40 ms."""
    command = [sys.executable, "-m", "bench.scripted_server"]
    command += ["--block-ms", "40", "--every-s", "0.04", "--blocks", "20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        try:
            ready = next(line for line in process.stdout if line.startswith("ready at "))
            yield ready.removeprefix("ready at ").strip()
        finally:
            process.terminate()


def test_twenty_streams_at_once_all_speak_and_are_measured(browser: Browser) -> None:
    with paced_server() as url, open_tab(browser, url) as tab:
        result = run_twenty(tab)
        assert tab.state == "20 of 20 streams spoke."
        assert result["failed"] == 0 and result["audio_s"] == pytest.approx(20 * 0.8)
        assert not tab.page.inner_text("#load-note")
        # Each stream plays for 0.8 s, so streams in turn would take 16 s.
        assert result["took_s"] < 16


def test_many_streams_report_a_full_server(browser: Browser) -> None:
    with started("--max-streams", "2", key=None) as server, open_tab(browser, server.url) as tab:
        result = run_twenty(tab)
        assert result["failed"] > 0
        assert "The server is full" in tab.page.inner_text("#load-note")


def run_twenty(tab: Tab) -> dict[str, Any]:
    """Run 20 streams, and compare the page's figures with the messages of its sockets."""
    tab.write("Twenty of these.")
    tab.page.fill("#streams", "20")
    tab.page.click("#load")
    tab.until("document.querySelector('#load').textContent === 'Stop'")
    tab.until("document.querySelector('#load').textContent === 'Run'")
    (result,) = tab.export()["parallel"]
    spoke = 20 - result["failed"]
    ended = [frames for frames in tab.sockets if frames and frames[-1].get("isFinal")]
    assert len(tab.sockets) == result["streams"] == 20 and spoke == len(ended) > 0
    assert tab.state == f"{spoke} of 20 streams spoke."
    first = result["first_byte_ms"]
    assert len(first["each"]) == spoke
    assert 0 < first["p50"] <= first["p95"] <= first["p99"] == max(first["each"])
    assert result["audio_s"] == pytest.approx(sum(len(audio_in(frames)) // 2 for frames in ended) / 24000)
    assert "p99" in (tab.page.get_attribute("#load-plot", "aria-label") or "")
    return result
