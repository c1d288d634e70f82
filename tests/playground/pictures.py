"""Take pictures of the playground: each view in light and dark, and at phone width.

    python tests/playground/pictures.py FOLDER

It starts its own server.  `readme.png` is the picture in README.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1]))

from browsing import SOUND_FLAG, Tab, open_browser, open_tab
from real_server import started

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DESK = {"viewport": {"width": 1280, "height": 860}}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
WORDS = 12
"""Words to wait for before a picture in mid-speech."""


def main(folder: Path) -> None:
    """Take all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with started(key=None) as server, open_browser(SOUND_FLAG) as browser:
        for scheme in ("light", "dark"):
            for size, options in (("desk", DESK), ("phone", PHONE)):
                take_all(
                    browser, server.url, folder / f"{size}-{scheme}", {**options, "color_scheme": scheme}
                )
        with open_tab(browser, server.url, **DESK) as tab:
            speak(tab, "Story")
            tab.page.screenshot(path=folder / "readme.png")


def take_all(browser: Browser, url: str, start: Path, options: dict[str, object]) -> None:
    """One picture of each view."""

    def take(tab: Tab, name: str) -> None:
        tab.page.screenshot(path=f"{start}-{name}.png", full_page=True)

    with open_tab(browser, url, **options) as tab:
        speak(tab, "Support call")
        take(tab, "speak")
        tab.wait_state("Finished")
        tab.write("Dr. Smith paid $12.50 at 5:30 p.m.")
        tab.page.fill("#streams", "5")
        tab.page.click("#load")
        tab.until("!document.querySelector('#load-result').hidden")
        for name in ("measure", "read", "copy"):
            tab.view(name)
            tab.page.wait_for_timeout(700)
            take(tab, name)
        tab.page.click("summary:has-text('Settings')")
        take(tab, "settings")
        tab.page.click("summary:has-text('Settings')")
        tab.choose("dialogue")
        tab.set_range("start", 0.4)
        tab.page.click("#speak")
        tab.until(f"document.querySelectorAll('.turn .word.said').length > {WORDS}")
        take(tab, "dialogue")


def speak(tab: Tab, example: str) -> None:
    """Speak an example until some of its words have been played."""
    tab.page.click(f"#examples button:text-is('{example}')")
    tab.set_range("start", 0.4)
    tab.page.click("#speak")
    tab.until(f"document.querySelectorAll('.word.said').length > {WORDS}")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tests/playground/pictures.py FOLDER")
    main(Path(sys.argv[1]))
