"""Schemas of each operation's answers, for the OpenAPI document, from the functions that make the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import orjson

from zelitrio.accounts import HistoryItem, Quota
from zelitrio.audio import DEFAULT_FORMAT, FORMATS
from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    MARK_KINDS,
    CharTimes,
    Marks,
    error_body,
    marks_in_seconds,
    openai_error_body,
    timed_audio_line,
)
from zelitrio.server.dictionaries import PLS, changed_json, created_json, dictionary_json, kept_of, rules_json
from zelitrio.server.history import item_json, page_json
from zelitrio.server.metadata import user_json
from zelitrio.server.models import listed_voice_json, model_json, models_of, openai_model_json
from zelitrio.server.openapi_schemas import NDJSON, Schema, array, json_of, nullable, ref, schema_like
from zelitrio.server.voices import voice_json
from zelitrio.settings import VoiceSettings
from zelitrio.text import Rule, compile_rules, explain, load_front_end

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue


def answers() -> dict[str, Schema]:
    """The content of each operation's answer."""
    audio = {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in sorted({one.content_type for one in FORMATS.values()})
    }
    text, page = ({kind: {"schema": {"type": "string"}}} for kind in ("text/plain", "text/html"))
    pages = schema_like({"voices": [], "has_more": False, "total_count": 0, "next_page_token": None})
    pages["properties"]["voices"] = array("Voice")
    dictionaries = schema_like({"pronunciation_dictionaries": [], "next_cursor": None, "has_more": False})
    dictionaries["properties"]["pronunciation_dictionaries"] = array("Dictionary")
    usage = schema_like({"time": [0], "usage": {}})
    usage["properties"]["usage"] = {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "number"}},
    }
    listed_items = schema_like(page_json([], has_more=False))
    listed_items["properties"]["history"] = array("HistoryItem")
    sound = {"schema": {"type": "string", "format": "binary"}}
    named = schema_like({"models": [{"id": "", "name": ""}]})
    listed = {"anyOf": [array("ListedVoice"), {"type": "array", "items": {"type": "string"}}]}
    return {
        "convert": audio,
        "stream": audio,
        "convert_dialogue": audio,
        "stream_dialogue": audio,
        "vapi_voice_request": {"audio/raw": {"schema": {"type": "string", "format": "binary"}}},
        "jambonz_speech": {**audio, "audio/l16": audio["audio/pcm"]},
        "create_speech": {**audio, "text/event-stream": {"schema": schema_like({"data": ""})}},
        "convert_with_timestamps": json_of(ref("TimedAudio")),
        "stream_with_timestamps": _lines("TimedAudio"),
        "convert_dialogue_with_timestamps": json_of(ref("TimedDialogue")),
        "stream_dialogue_with_timestamps": _lines("TimedDialogue"),
        "list_voices": json_of(_with("voices", array("Voice"))),
        "search_voices": json_of(pages),
        "get_voice": json_of(ref("Voice")),
        "get_voice_settings": json_of(ref("VoiceSettings")),
        "default_settings": json_of(ref("VoiceSettings")),
        "list_models": json_of({"anyOf": [ref("OpenAIModels"), array("Model")]}),
        "get_model": json_of(ref("OpenAIModel")),
        "list_audio_models": json_of(named),
        "list_audio_voices": json_of(_with("voices", listed)),
        "character_stats": json_of(usage),
        "get_user": json_of(ref("User")),
        "get_subscription": json_of(schema_like(user_json(Quota(""), 1)["subscription"])),
        "create_token": json_of(schema_like({"token": ""})),
        "list_dictionaries": json_of(dictionaries),
        "get_dictionary": json_of(ref("Rules")),
        "download_dictionary": {PLS: {"schema": {"type": "string"}}},
        "add_dictionary_from_rules": json_of(ref("NewDictionaryAnswer")),
        "add_dictionary_from_file": json_of(ref("NewDictionaryAnswer")),
        "add_rules": json_of(ref("NewVersion")),
        "set_rules": json_of(ref("NewVersion")),
        "remove_rules": json_of(ref("NewVersion")),
        "update_dictionary": json_of(ref("Dictionary")),
        "delete_dictionary": json_of(schema_like({"status": "ok"})),
        "list_history": json_of(listed_items),
        "get_history_item": json_of(ref("HistoryItem")),
        "get_history_audio": audio,
        "delete_history_item": json_of(schema_like({"status": "ok"})),
        "download_history": {**audio, "application/zip": sound},
        "normalise_text": json_of(ref("NormalisedText")),
        "live": text,
        "ready": text,
        "metrics": text,
        "openapi": json_of({"type": "object"}),
        "docs": page,
    }


def shapes(catalogue: Catalogue) -> dict[str, Schema]:
    """The schemas of answers by name."""
    voice = schema_like(voice_json(catalogue.default))
    voice["properties"] |= {
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "settings": ref("VoiceSettings"),
    }
    models = schema_like({"object": "list", "data": []})
    models["properties"]["data"] = array("OpenAIModel")
    kept = kept_of(compile_rules("", [Rule("a", alias="b")]))
    rules = schema_like(dictionary_json(kept) | {"rules": rules_json(kept.latest.rules)})
    rules["properties"]["rules"] = {"type": "array", "items": {"type": "object"}}
    return {
        "VoiceSettings": schema_like(attrs.asdict(VoiceSettings())),
        "Voice": voice,
        "ListedVoice": schema_like(listed_voice_json(catalogue.default)),
        "Model": schema_like(model_json(models_of([catalogue.default])[0])),
        "OpenAIModel": schema_like(openai_model_json("")),
        "OpenAIModels": models,
        "User": schema_like(user_json(Quota(""), 1)),
        "HistoryItem": _item(),
        "Dictionary": schema_like(dictionary_json(kept)),
        "NewDictionaryAnswer": schema_like(created_json(kept)),
        "NewVersion": schema_like(changed_json(kept)),
        "Rules": rules,
        "NormalisedText": schema_like(explain(load_front_end(), "a").to_json()),
        **_timed(),
        **_errors(),
    }


def _item() -> Schema:
    example = HistoryItem(
        item_id="",
        key="",
        created_at_s=0,
        voice_id="",
        voice_name="",
        model_id=None,
        request_id=None,
        kind="",
        format=DEFAULT_FORMAT.name,
        settings="{}",
    )
    item = schema_like(item_json(example))
    item["properties"]["settings"] = {"type": "object"}
    return item


def _timed() -> dict[str, Schema]:
    times = CharTimes(chars=("a",), starts_ms=(0,), durations_ms=(1,))
    timed = orjson.loads(timed_audio_line(b"", times, times))
    alignment = {"anyOf": [ref("Alignment"), {"type": "null"}]}
    audio = schema_like(timed)
    marks = marks_in_seconds({kind: Marks(("a",), (1,), (2,)) for kind in MARK_KINDS})
    audio["properties"] = {
        "audio_base64": {"type": "string"},
        **dict.fromkeys(("alignment", "normalized_alignment"), alignment),
        **{kind: schema_like(example) for kind, example in marks.items()},
    }
    segment = {
        "voice_id": "",
        "start_time_seconds": 0.5,
        "end_time_seconds": 0.5,
        "character_start_index": 0,
        "character_end_index": 0,
        "dialogue_input_index": 0,
    }
    return {
        "Alignment": schema_like(timed["alignment"]),
        "TimedAudio": audio,
        "TimedDialogue": {
            **audio,
            "properties": {**audio["properties"], "voice_segments": array("VoiceSegment")},
            "required": [*audio["required"], "voice_segments"],
        },
        "VoiceSegment": schema_like(segment),
    }


def _errors() -> dict[str, Schema]:
    refused = RemoteError("invalid_parameters", "", param="")
    field_error = error_body(RemoteError("string_type", "", param="text"), "")["detail"][0] | {"loc": [""]}
    field = schema_like(field_error)
    field["properties"]["input"] = {}
    error = schema_like(error_body(refused, ""))
    error["properties"]["detail"]["required"].remove("param")
    openai = schema_like(openai_error_body(refused))
    openai["properties"]["error"]["properties"]["param"] = nullable("string")
    return {
        "Error": error,
        "FieldErrors": {"type": "object", "properties": {"detail": {"type": "array", "items": field}}},
        "OpenAIError": openai,
    }


def _with(name: str, schema: Schema) -> Schema:
    return {"type": "object", "properties": {name: schema}, "required": [name]}


def _lines(name: str) -> Schema:
    return {NDJSON: {"schema": {**ref(name), "description": "One object on each line"}}}
