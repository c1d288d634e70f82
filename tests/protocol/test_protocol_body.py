"""The fields of a body: the reader and the schema agree."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from zelitrio.errors import RemoteError
from zelitrio.protocol import body_schemas
from zelitrio.protocol.body import boolean, one_of, read_body, schema_of, settings, spoken, string, whole
from zelitrio.protocol.fields import Fields, in_body
from zelitrio.settings import VoiceSettings


@attrs.frozen(kw_only=True)
class Order:
    note: str | None = string("For the cook")
    text: str = spoken(name="input")
    is_urgent: bool = boolean(name="urgent")
    seed: int | None = whole(0, 10)
    kind: str = one_of(("soup", "bread"))
    voice: VoiceSettings = settings("voice")


def read(**body: Any) -> Order:
    return read_body(Order, Fields(body, in_body))


def test_a_body_is_read_by_the_names_that_clients_know() -> None:
    body = {"input": "Hi", "note": "n", "urgent": True, "seed": 3, "kind": "bread", "voice": {"speed": 1.1}}
    assert read(**body) == Order(
        note="n", text="Hi", is_urgent=True, seed=3, kind="bread", voice=VoiceSettings(speed=1.1)
    )


def test_absent_null_and_empty_fields_have_their_defaults() -> None:
    nulls = dict.fromkeys(("note", "urgent", "seed", "kind", "voice"))
    assert (
        read(input="Hi")
        == read(input="Hi", **nulls)
        == read(input="Hi", note="", unknown=1)
        == Order(text="Hi")
    )


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing", "input"),
        ({"seed": -1}, "missing", "input"),
        ({"input": " "}, "string_too_short", "input"),
        ({"input": "Hi", "note": 1}, "string_type", "note"),
        ({"input": "Hi", "urgent": "yes"}, "bool_type", "urgent"),
        ({"input": "Hi", "seed": 11}, "int_type", "seed"),
        ({"input": "Hi", "kind": "tea"}, "enum", "kind"),
        ({"input": "Hi", "voice": {"speed": "fast"}}, "float_type", "voice.speed"),
    ],
)
def test_a_wrong_field_is_named_and_a_missing_one_comes_first(
    body: dict[str, Any], code: str, param: str
) -> None:
    with pytest.raises(RemoteError) as caught:
        read(**body)
    assert (caught.value.code, caught.value.param) == (code, param)


def test_the_schema_says_names_types_ranges_defaults_and_what_is_required() -> None:
    schema = schema_of(Order)
    assert schema["required"] == ["input"]
    assert schema["properties"] | {"voice": None} == {
        "note": {"type": ["string", "null"], "description": "For the cook"},
        "input": {"type": "string", "pattern": r"\S"},
        "urgent": {"type": ["boolean", "null"], "default": False},
        "seed": {"type": ["integer", "null"], "minimum": 0, "maximum": 10},
        "kind": {"enum": ["soup", "bread", None], "default": "soup"},
        "voice": None,
    }
    assert set(schema["properties"]["voice"]["properties"]) == set(attrs.asdict(VoiceSettings()))


def test_a_schema_of_some_attributes_may_require_more() -> None:
    schema = schema_of(Order, ("note", "seed"), ("seed",))
    assert schema["required"] == ["seed"]
    assert schema["properties"]["seed"]["type"] == "integer"
    assert set(schema["properties"]) == {"note", "seed"}


def test_changing_a_schema_changes_no_later_one() -> None:
    before = body_schemas()
    before["DialogueRequest"]["properties"]["inputs"]["items"]["properties"].clear()
    before["SpeechRequest"]["properties"]["seed"].clear()
    after = body_schemas()
    assert after["SpeechRequest"]["properties"]["seed"]
    assert set(after["DialogueRequest"]["properties"]["inputs"]["items"]["properties"]) == {
        "text",
        "voice_id",
    }
