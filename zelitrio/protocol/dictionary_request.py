"""Parse requests that create or change pronunciation dictionaries, in ElevenLabs' format."""

from __future__ import annotations

import attrs

from zelitrio.protocol.body import TEXT, Schema, read_body, read_by, schema_of
from zelitrio.protocol.fields import Fields, decode_object, in_body

MAX_RULES = 2000
MAX_NAME_CHARS = 200
MAX_WRITTEN_CHARS, MAX_SAID_CHARS = 200, 1000
RULE_TYPES = ("alias", "phoneme")
RULE_ALPHABETS = ("ipa", "cmu-arpabet", "cmu")


@attrs.frozen(kw_only=True)
class RuleRequest:
    """One rule: a text, and the words or phones in its place; see `zelitrio.text.Rule`."""

    written: str
    alias: str | None = None
    phoneme: str | None = None
    alphabet: str = "ipa"
    case_sensitive: bool = True
    word_boundaries: bool = True


def _items(fields: Fields, name: str) -> list[object] | None:
    items = fields.items(name)
    if items is not None and not 1 <= len(items) <= MAX_RULES:
        raise fields.error("list_type", name, f"a list of 1 to {MAX_RULES}")
    return items


def _rules(fields: Fields, name: str) -> tuple[RuleRequest, ...] | None:
    rules = _items(fields, name)
    return None if rules is None else tuple(_rule(one, at, fields) for at, one in enumerate(rules))


def _strings(fields: Fields, name: str) -> tuple[str, ...]:
    strings = _items(fields, name) or []
    if not all(isinstance(one, str) for one in strings):
        raise fields.error("list_type", name, "a list of strings")
    return tuple(str(one) for one in strings)


def _name(fields: Fields, name: str) -> str | None:
    found = fields.text(name, max_chars=MAX_NAME_CHARS)
    if found is not None and not found.strip():
        expected = "a string with at least 1 character that is not a space"
        raise fields.error("string_too_short", name, expected)
    return found


def _rule(item: object, at: int, fields: Fields) -> RuleRequest:
    if not isinstance(item, dict):
        raise fields.error("dict_type", "rules", "a list of objects")
    rule = Fields(item, in_body, f"rules.{at}.")
    kind = rule.choice("type", RULE_TYPES)
    if kind is None:
        raise rule.error("missing", "type", "alias or phoneme")
    said = _text(rule, kind, MAX_SAID_CHARS)
    case_sensitive, word_boundaries = rule.flag("case_sensitive"), rule.flag("word_boundaries")
    return RuleRequest(
        written=_text(rule, "string_to_replace", MAX_WRITTEN_CHARS),
        alias=said if kind == "alias" else None,
        phoneme=said if kind == "phoneme" else None,
        alphabet=rule.choice("alphabet", RULE_ALPHABETS) or "ipa",
        case_sensitive=case_sensitive is not False,
        word_boundaries=word_boundaries is not False,
    )


def _text(rule: Fields, name: str, max_chars: int) -> str:
    text = rule.text(name, max_chars=max_chars)
    if text is None:
        raise rule.error("missing", name, "a string")
    if not text.strip():
        raise rule.error("string_too_short", name, "a string that is not blank")
    return text


def _rule_schema(kind: str, said: Schema) -> Schema:
    flags = {name: {"type": ["boolean", "null"]} for name in ("case_sensitive", "word_boundaries")}
    written = {**TEXT, "maxLength": MAX_WRITTEN_CHARS}
    properties = {
        "type": {"const": kind},
        "string_to_replace": written,
        kind: {**TEXT, "maxLength": MAX_SAID_CHARS},
        **said,
        **flags,
    }
    return {"type": "object", "properties": properties, "required": ["type", "string_to_replace", kind]}


_SOUNDS = "Sounds of the alphabet, such as təˈmeɪtoʊ or T AH0 M EY1 T OW0"
_RULE: Schema = {
    "anyOf": [
        _rule_schema("alias", {}),
        _rule_schema(
            "phoneme",
            {
                "phoneme": {**TEXT, "maxLength": MAX_SAID_CHARS, "description": _SOUNDS},
                "alphabet": {"enum": [*RULE_ALPHABETS, None], "default": "ipa"},
            },
        ),
    ]
}
_LIST: Schema = {"type": "array", "minItems": 1, "maxItems": MAX_RULES}


@attrs.frozen(kw_only=True)
class DictionaryRequest:
    """The fields of a body; None: the field is absent."""

    name: str | None = read_by(_name, {**TEXT, "maxLength": MAX_NAME_CHARS})
    description: str | None = read_by(
        lambda fields, name: fields.text(name, max_chars=MAX_SAID_CHARS),
        {"type": "string", "maxLength": MAX_SAID_CHARS},
    )
    is_archived: bool | None = read_by(Fields.flag, {"type": "boolean"}, name="archived")
    rules: tuple[RuleRequest, ...] | None = read_by(_rules, {**_LIST, "items": _RULE})
    rule_strings: tuple[str, ...] = read_by(_strings, {**_LIST, "items": {"type": "string"}}, default=())


_BODIES = {
    "NewDictionary": (("name", "description", "rules"), ("name", "rules")),
    "RulesRequest": (("rules",), ("rules",)),
    "RuleStrings": (("rule_strings",), ("rule_strings",)),
    "DictionaryUpdate": (("name", "is_archived"), ()),
}
"""The attributes that each body may have, and its required fields."""


def dictionary_schemas() -> dict[str, Schema]:
    """The schemas of the bodies, and of the form with a file."""
    file = {"type": "string", "format": "binary", "description": "PLS, or a table as --lexicon takes it"}
    form = schema_of(DictionaryRequest, ("name", "description"), ("name",))
    form = {**form, "properties": {**form["properties"], "file": file}, "required": ["name", "file"]}
    bodies = {name: schema_of(DictionaryRequest, *said) for name, said in _BODIES.items()}
    return {**bodies, "DictionaryFile": form}


def parse_dictionary_request(body: bytes, kind: str) -> DictionaryRequest:
    """Read a body; unknown fields are ignored.

    Args:
        body: JSON.
        kind: name of its schema.

    Raises:
        RemoteError: a field is missing or of a wrong type (a 422 code, `param` is the field).
    """
    fields = Fields(decode_object(body, in_body), in_body)
    for field in _BODIES[kind][1]:
        if field not in fields:
            raise fields.error("missing", field, "a value")
    return read_body(DictionaryRequest, fields)
