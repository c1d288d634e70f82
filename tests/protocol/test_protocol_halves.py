"""Two UTF-16 surrogates in two messages are one character, and a single one does not end a socket."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_driver import connect, steady

from zelitrio.protocol import Dialect, EndContext, Event, Fail, Text
from zelitrio.protocol.halves import join_halves

HIGH, LOW = "\ud83d", "\udc4d"


def texts(events: list[Event]) -> str:
    assert not any(isinstance(event, Fail) for event in events)
    return "".join(event.text for event in events if isinstance(event, Text))


def said(dialect: Dialect, *pieces: str) -> str:
    connection = connect(dialect)
    context = {} if dialect is Dialect.SINGLE else {"context_id": "a"}
    events = []
    for piece in (" ", *pieces):
        events += connection.receive(json.dumps({"text": piece, **context}), 0.0)
    return texts(events)


@pytest.mark.parametrize("dialect", Dialect)
def test_a_character_cut_between_two_messages_is_whole_again(dialect: Dialect) -> None:
    assert said(dialect, f"Nice {HIGH}", f"{LOW} work. ") == "Nice 👍 work. "
    assert said(dialect, f"{HIGH}", f"{LOW}{HIGH}", f"{LOW}!") == "👍👍!"


@pytest.mark.parametrize("dialect", Dialect)
def test_a_single_surrogate_is_replaced(dialect: Dialect) -> None:
    assert said(dialect, f"a{LOW}b", f"c{HIGH}", "d") == "a\ufffdbc\ufffdd"
    assert said(dialect, f"a{HIGH}") == "a"


def test_the_halves_of_two_contexts_are_not_joined() -> None:
    connection = connect(Dialect.MULTI)
    events = []
    for context, text in (("a", f"x{HIGH}"), ("b", f"{LOW}y"), ("a", f"{LOW}z")):
        events += connection.receive(json.dumps({"text": text, "context_id": context}), 0.0)
    said = [(event.context_id, event.text) for event in events if isinstance(event, Text)]
    assert said == [("a", "x"), ("b", "\ufffdy"), ("a", "👍z")]


def test_the_end_may_follow_a_surrogate() -> None:
    connection = connect()
    connection.receive(json.dumps({"text": f"Hi {HIGH}"}), 0.0)
    assert EndContext(None, discard=False) in connection.receive('{"text": ""}', 0.0)


@pytest.mark.parametrize(
    "message",
    [
        r'{"text": "a", "context_id": "\ud83d"}',
        r'{"text": "\ud83d", "voice_settings": {"speed": NaN}}',
        r'["\ud83d"]',
        r'{"text": ["\ud83d"]}',
        r'{"text": "\ud83d"',
        '{"text": "\\ud83d", "a": ' + "[" * 100_000,
    ],
)
def test_a_message_that_is_wrong_otherwise_stays_wrong(message: str) -> None:
    connection = connect()
    (*_, event) = connection.receive(message, 0.0)
    assert isinstance(event, Fail) and event.error.code == "invalid_input_message"


@steady
@given(st.lists(st.text(alphabet=st.sampled_from(["a", " ", HIGH, LOW, "é", "👍"]), max_size=5), max_size=6))
def test_any_cut_gives_whole_characters_and_loses_none(pieces: list[str]) -> None:
    held, heard = "", ""
    for piece in pieces:
        text, held = join_halves(held, piece)
        text.encode()
        heard += text
    whole = "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert heard + ("\ufffd" if held else "") == whole
