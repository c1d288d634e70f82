"""Parse requests that create or change pronunciation dictionaries, in the vendor's format."""

from __future__ import annotations

from collections.abc import Collection

import attrs

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


@attrs.frozen(kw_only=True)
class DictionaryRequest:
    """The fields of a body; None: the field is absent."""

    name: str | None = None
    description: str | None = None
    is_archived: bool | None = None
    rules: tuple[RuleRequest, ...] | None = None
    rule_strings: tuple[str, ...] = ()


def parse_dictionary_request(body: bytes, needed: Collection[str]) -> DictionaryRequest:
    """Read a body; unknown fields are ignored.

    Args:
        body: JSON.
        needed: names of the required fields.

    Raises:
        RemoteError: a field is missing or of a wrong type (a 422 code, `param` is the field).
    """
    fields = Fields(decode_object(body, in_body), in_body)
    for field in needed:
        if field not in fields:
            raise fields.error("missing", field, "a value")
    name = fields.text("name", max_chars=MAX_NAME_CHARS)
    if name is not None and not name.strip():
        raise fields.error(
            "string_too_short", "name", "a string with at least 1 character that is not a space"
        )
    rules = _items(fields, "rules")
    strings = _items(fields, "rule_strings") or []
    if not all(isinstance(one, str) for one in strings):
        raise fields.error("list_type", "rule_strings", "a list of strings")
    return DictionaryRequest(
        name=name,
        description=fields.text("description", max_chars=MAX_SAID_CHARS),
        is_archived=fields.flag("archived"),
        rules=None if rules is None else tuple(_rule(one, at, fields) for at, one in enumerate(rules)),
        rule_strings=tuple(str(one) for one in strings),
    )


def _items(fields: Fields, name: str) -> list[object] | None:
    items = fields.items(name)
    if items is not None and not 1 <= len(items) <= MAX_RULES:
        raise fields.error("list_type", name, f"a list of 1 to {MAX_RULES}")
    return items


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
