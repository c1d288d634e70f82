"""The OpenAPI document, derived from the running server.

Paths, names and summaries come from the routes and the first lines of their docstrings.  Shapes of
answers come from the functions that make the answers, ranges from the settings and the validators.
Only the two request bodies and the list of errors are written here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
import orjson
from starlette.routing import BaseRoute, Route

from zelitrio import __version__
from zelitrio.accounts import BREAKDOWNS, INTERVALS, MAX_UNIX_MS, METRICS, Quota
from zelitrio.audio import DEFAULT_FORMAT, FORMATS
from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    MAX_DICTIONARIES,
    NORMALISE_CHOICES,
    OPENAI_FORMATS,
    CharTimes,
    error_body,
    openai_error_body,
    timed_audio_line,
)
from zelitrio.server.dictionaries import dictionary_json, rules_json
from zelitrio.server.metadata import TOKEN_KINDS, model_json, user_json, voice_json
from zelitrio.server.openai_speech import OPENAI_VOICES
from zelitrio.settings import MAX_SEED, VoiceSettings, range_of
from zelitrio.text import Dictionary, explain, load_front_end

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue

Schema = dict[str, Any]
NDJSON = "application/x-ndjson"
_REALTIME = ("stream-input", "multi-stream-input")
_OPEN = ("live", "ready", "metrics", "openapi", "docs")
"""Operations that need no key."""
_BODIES = {
    "convert": "SpeechRequest",
    "stream": "SpeechRequest",
    "convert_with_timestamps": "SpeechRequest",
    "stream_with_timestamps": "SpeechRequest",
    "create_speech": "OpenAISpeechRequest",
    "normalise_text": "SpeechRequest",
}
_ERRORS = {
    "400": "A query parameter is wrong",
    "401": "The key is missing or wrong",
    "404": "There is no such voice, dictionary or token kind",
    "408": "The body came too slowly",
    "413": "The body is too large",
    "422": "A field of the body is missing or wrong",
    "429": "The server is at its capacity; see retry-after",
    "500": "An error of the server",
    "503": "The server is draining",
}
_SPEECH_HEADERS = {
    "request-id": "Name of this request in the log",
    "character-cost": "Characters of the text",
    "current-concurrent-requests": "Conversations at present, this one included",
    "maximum-concurrent-requests": "Streams that the device can feed in real time",
    "tts-latency-ms": "From the request to the first audio",
    "server-timing": "The same for a browser's tools",
}


def openapi_document(
    routes: Iterable[BaseRoute], catalogue: Catalogue, url: str = "http://127.0.0.1:8020"
) -> Schema:
    """Describe all HTTP routes except the realtime sockets.

    Args:
        routes: of the application.
        catalogue: its voices; the first one is the example for a voice's shape.
        url: the address in front of every path, as the client sees it.
    """
    described = [
        route
        for route in routes
        if isinstance(route, Route) and route.include_in_schema and not route.path.endswith(_REALTIME)
    ]
    paths: dict[str, Schema] = {}
    answers = _answers()
    for route in described:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            paths.setdefault(route.path, {})[method.lower()] = _operation(route, answers)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "zelitrio",
            "version": __version__,
            "description": "Self-hosted realtime text to speech. README describes the realtime sockets "
            "`/v1/text-to-speech/{voice_id}/stream-input` and `.../multi-stream-input`. Every address "
            "answers 403 to web pages that may not use the server, and 503 if it has no connection left.",
        },
        "servers": [{"url": url}],
        "security": [{"xi-api-key": []}, {"bearer": []}, {}],
        "paths": paths,
        "components": {
            "schemas": {**_requests(catalogue), **_shapes(catalogue)},
            "securitySchemes": {
                "xi-api-key": {"type": "apiKey", "in": "header", "name": "xi-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def schema_like(example: object) -> Schema:
    """Return the schema of a JSON value: the same names, each with a value of the same type."""
    match example:
        case None:
            return {"type": ["string", "number", "null"]}
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case float():
            return {"type": "number"}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array", "items": schema_like(example[0]) if example else {}}
        case dict():
            properties = {name: schema_like(value) for name, value in example.items()}
            return {"type": "object", "properties": properties, "required": list(example)}
    raise TypeError(f"expected a JSON value, found {example!r}")


def _operation(route: Route, answers: Mapping[str, Schema]) -> Schema:
    name = route.endpoint.__name__
    operation: Schema = {
        "operationId": name,
        "summary": (route.endpoint.__doc__ or "").split("\n")[0].rstrip("."),
        "responses": {"200": {"description": "Success", "content": answers.get(name, _json({}))}},
    }
    parameters = [_path_parameter(one) for one in re.findall(r"\{(\w+)\}", route.path)]
    errors: tuple[str, ...] = ("401", "404") if parameters else ("401",)
    if name == "search_voices":
        parameters.append(_query("search", {"type": "string"}))
    if name == "character_stats":
        errors = ("400", "401")
        milliseconds = {"type": "integer", "minimum": 0, "maximum": MAX_UNIX_MS}
        parameters += [{**_query(one, milliseconds), "required": True} for one in ("start_unix", "end_unix")]
        for one, known in (
            ("breakdown_type", BREAKDOWNS),
            ("aggregation_interval", INTERVALS),
            ("metric", METRICS),
        ):
            parameters.append(_query(one, {"type": "string", "enum": list(known)}))
    if name in _BODIES:
        errors = tuple(_ERRORS)
        if name != "normalise_text":
            operation["responses"]["200"]["headers"] = {
                header: {"description": text, "schema": {"type": "string"}}
                for header, text in _SPEECH_HEADERS.items()
            }
        operation["requestBody"] = {"required": True, "content": _json(_ref(_BODIES[name]))}
        if name not in ("create_speech", "normalise_text"):
            formats = {"enum": [*sorted(FORMATS), ""], "default": DEFAULT_FORMAT.name}
            parameters.append(_query("output_format", formats))
    if name in _OPEN:
        errors = ()
        operation["security"] = [{}]
    if parameters:
        operation["parameters"] = parameters
    for status in errors:
        shape = "FieldErrors" if status == "422" else "Error"
        if name == "create_speech":
            if status in ("404", "422"):  # OpenAI has 400 for both
                continue
            shape = "OpenAIError"
        operation["responses"][status] = {"description": _ERRORS[status], "content": _json(_ref(shape))}
    if name == "ready":
        operation["responses"]["503"] = {"description": _ERRORS["503"], "content": answers[name]}
    return operation


def _answers() -> dict[str, Schema]:
    """The content of each operation's answer."""
    audio = {
        kind: {"schema": {"type": "string", "format": "binary"}}
        for kind in sorted({one.content_type for one in FORMATS.values()})
    }
    text, page = ({kind: {"schema": {"type": "string"}}} for kind in ("text/plain", "text/html"))
    lines = {NDJSON: {"schema": {**_ref("TimedAudio"), "description": "One object on each line"}}}
    voices = schema_like({"voices": []}) | {"properties": {"voices": _array("Voice")}}
    pages = schema_like({"voices": [], "has_more": False, "total_count": 0, "next_page_token": None})
    pages["properties"]["voices"] = _array("Voice")
    dictionaries = schema_like({"pronunciation_dictionaries": [], "next_cursor": None, "has_more": False})
    dictionaries["properties"]["pronunciation_dictionaries"] = _array("Dictionary")
    return {
        "convert": audio,
        "stream": audio,
        "create_speech": {**audio, "text/event-stream": {"schema": schema_like({"data": ""})}},
        "convert_with_timestamps": _json(_ref("TimedAudio")),
        "stream_with_timestamps": lines,
        "list_voices": _json(voices),
        "search_voices": _json(pages),
        "get_voice": _json(_ref("Voice")),
        "get_voice_settings": _json(_ref("VoiceSettings")),
        "default_settings": _json(_ref("VoiceSettings")),
        "list_models": _json(_array("Model")),
        "character_stats": _json(
            {
                **schema_like({"time": [0], "usage": {}}),
                "properties": {
                    "time": {"type": "array", "items": {"type": "integer"}},
                    "usage": {
                        "type": "object",
                        "additionalProperties": {"type": "array", "items": {"type": "number"}},
                    },
                },
            }
        ),
        "get_user": _json(_ref("User")),
        "get_subscription": _json(schema_like(user_json(Quota(""), 1)["subscription"])),
        "create_token": _json(schema_like({"token": ""})),
        "list_dictionaries": _json(dictionaries),
        "get_dictionary": _json(_ref("Rules")),
        "normalise_text": _json(_ref("NormalisedText")),
        "live": text,
        "ready": text,
        "metrics": text,
        "openapi": _json({"type": "object"}),
        "docs": page,
    }


def _requests(catalogue: Catalogue) -> dict[str, Schema]:
    """The two request bodies.  A field that is null counts as absent, so all but the text may be null."""
    # Numbers out of range are clamped, not refused: a range is part of the description only.
    settings = {
        field.name: _nullable(
            "boolean" if isinstance(field.default, bool) else "number",
            description=field.metadata["help"],
            default=field.default,
        )
        for field in attrs.fields(VoiceSettings)
    }
    low, high = range_of(VoiceSettings, "speed")
    text = {"type": "string", "pattern": r"\S"}
    locator = {
        "type": "object",
        "properties": {
            "pronunciation_dictionary_id": {"type": "string"},
            "version_id": _nullable("string"),
        },
        "required": ["pronunciation_dictionary_id"],
    }
    voices = [*catalogue.voices, *(voice.name for voice in catalogue.voices.values()), *OPENAI_VOICES]
    named = {"enum": list(dict.fromkeys(voices))}
    return {
        "SpeechRequest": {
            "type": "object",
            "properties": {
                "text": text,
                "model_id": _nullable("string", description="Any; the voice says which model speaks"),
                "language_code": _nullable("string"),
                "voice_settings": {"type": ["object", "null"], "properties": settings},
                "seed": _nullable("integer", minimum=0, maximum=MAX_SEED),
                "previous_text": _nullable(
                    "string",
                    description="If its last sentence is open, the speech continues its melody",
                ),
                "next_text": _nullable(
                    "string", description="If there is any, a text without an end mark keeps its melody up"
                ),
                "apply_text_normalization": {"enum": [*NORMALISE_CHOICES, None]},
                "enable_ssml_parsing": _nullable("boolean"),
                "pronunciation_dictionary_locators": _nullable(
                    "array", items=locator, maxItems=MAX_DICTIONARIES
                ),
            },
            "required": ["text"],
        },
        "OpenAISpeechRequest": {
            "type": "object",
            "properties": {
                "input": text,
                "voice": {
                    "description": "A voice of this server by id or name, or one of OpenAI's names",
                    "anyOf": [named, {"type": "object", "properties": {"id": named}, "required": ["id"]}],
                },
                "model": _nullable("string", description="Any; the voice says which model speaks"),
                "response_format": {"enum": [*OPENAI_FORMATS, None], "default": "mp3"},
                "speed": _nullable("number", description=f"Clamped to {low} to {high}", default=1.0),
                "stream_format": {"enum": ["audio", "sse", None], "default": "audio"},
                "instructions": {"description": "Accepted, without effect"},
            },
            "required": ["input", "voice"],
        },
    }


def _shapes(catalogue: Catalogue) -> dict[str, Schema]:
    """The shapes of answers, from the functions that make them."""
    voice = schema_like(voice_json(catalogue.default))
    voice["properties"] |= {
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "settings": _ref("VoiceSettings"),
    }
    dictionary = Dictionary(dictionary_id="", version_id="", entries={"word": ("W",)})
    times = CharTimes(chars=("a",), starts_ms=(0,), durations_ms=(1,))
    timed = orjson.loads(timed_audio_line(b"", times, times))
    alignment = {"anyOf": [_ref("Alignment"), {"type": "null"}]}
    properties = {"audio_base64": {"type": "string"}} | dict.fromkeys(
        ("alignment", "normalized_alignment"), alignment
    )
    refused = RemoteError("invalid_parameters", "", param="")
    field_error = error_body(RemoteError("string_type", "", param="text"), "")["detail"][0] | {"loc": [""]}
    field = schema_like(field_error)
    field["properties"]["input"] = {}
    error = schema_like(error_body(refused, ""))
    error["properties"]["detail"]["required"].remove("param")
    openai = schema_like(openai_error_body(refused))
    openai["properties"]["error"]["properties"]["param"] = _nullable("string")
    return {
        "VoiceSettings": schema_like(attrs.asdict(VoiceSettings())),
        "Voice": voice,
        "Model": schema_like(model_json()),
        "User": schema_like(user_json(Quota(""), 1)),
        "Dictionary": schema_like(dictionary_json(dictionary)),
        "Rules": schema_like(dictionary_json(dictionary) | {"rules": rules_json(dictionary)}),
        "NormalisedText": schema_like(explain(load_front_end(), "a").to_json()),
        "Alignment": schema_like(timed["alignment"]),
        "TimedAudio": schema_like(timed) | {"properties": properties},
        "Error": error,
        "FieldErrors": {"type": "object", "properties": {"detail": {"type": "array", "items": field}}},
        "OpenAIError": openai,
    }


def _path_parameter(name: str) -> Schema:
    schema = {"enum": list(TOKEN_KINDS)} if name == "kind" else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(name: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "schema": schema}


def _nullable(kind: str, **more: Any) -> Schema:
    return {"type": [kind, "null"], **more}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _array(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
