"""The two examples of the docs page run with replacements of the packages that they import."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import attrs
import pytest

from zelitrio.server.docs_sockets import LIVEKIT, PIPECAT, sockets_html


class FrameProcessor:
    """Records the frames that it passes on."""

    def __init__(self) -> None:
        self.passed: list[object] = []

    async def process_frame(self, frame: object, direction: str) -> None:
        pass

    async def push_frame(self, frame: object, direction: str) -> None:
        self.passed.append(frame)


@attrs.frozen
class TTSTextFrame:
    text: str
    context_id: str


@attrs.frozen
class InterruptionFrame:
    pass


class AgentSession:
    """Takes handlers, and calls them like the real one."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.handlers: dict[str, Any] = {}

    def on(self, event: str) -> Any:
        return lambda handler: self.handlers.setdefault(event, handler)


def run(example: str, monkeypatch: pytest.MonkeyPatch, **modules: dict[str, Any]) -> dict[str, Any]:
    for name, names in modules.items():
        module = ModuleType(name)
        vars(module).update(names)
        monkeypatch.setitem(sys.modules, name.replace("__", "."), module)
    found: dict[str, Any] = {}
    exec(compile(example, "example", "exec"), found)
    return found


@pytest.fixture
def heard(monkeypatch) -> Any:
    found = run(
        PIPECAT,
        monkeypatch,
        pipecat__frames__frames={"TTSTextFrame": TTSTextFrame, "InterruptionFrame": InterruptionFrame},
        pipecat__processors__frame_processor={"FrameProcessor": FrameProcessor},
    )
    return found["Heard"]()


async def test_an_interruption_reports_only_words_of_its_turn(heard, capsys):
    frames = [
        *(TTSTextFrame(word, "one") for word in ("Sure,", "I", "can.")),
        *(TTSTextFrame(word, "two") for word in ("And", "then")),
        InterruptionFrame(),
        InterruptionFrame(),
        TTSTextFrame("Three", "three"),
        InterruptionFrame(),
    ]
    for frame in frames:
        await heard.process_frame(frame, "downstream")
    assert capsys.readouterr().out.splitlines() == [
        "heard of the last turn: And then",
        "heard of the last turn: Three",
    ]
    assert heard.passed == frames


def test_items_that_are_not_messages_are_ignored(monkeypatch, capsys):
    found = run(
        LIVEKIT,
        monkeypatch,
        livekit__agents={"AgentSession": AgentSession},
        livekit__plugins={"elevenlabs": SimpleNamespace(TTS=dict)},
    )
    session = found["session"]
    assert session.options["use_tts_aligned_transcript"]
    hear = session.handlers["conversation_item_added"]
    hear(SimpleNamespace(item=SimpleNamespace(type="agent_handoff")))
    hear(SimpleNamespace(item=SimpleNamespace(type="message", role="user", text_content="Hello")))
    assert capsys.readouterr().out == ""
    said = SimpleNamespace(type="message", role="assistant", text_content="This is", interrupted=True)
    hear(SimpleNamespace(item=said))
    assert capsys.readouterr().out == "heard: This is interrupted: True\n"


def test_the_page_contains_both_examples_unchanged():
    page = sockets_html()
    assert "class Heard(FrameProcessor):" in page and "use_tts_aligned_transcript=True" in page
