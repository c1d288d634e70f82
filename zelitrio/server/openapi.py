"""The OpenAPI document: what this server answers over HTTP, no more and no less.

Written by hand, so that it says what a reader wants to know; a test holds it against the routes.
"""

from __future__ import annotations

from typing import Any

from zelitrio.audio import DEFAULT_FORMAT, FORMATS
from zelitrio.server.schemas import SCHEMAS, array, ref

VERSION = "1"
_JSON = "application/json"
_VOICE = {"name": "voice_id", "in": "path", "required": True, "schema": {"type": "string"}}
_KIND = {"name": "kind", "in": "path", "required": True, "schema": {"enum": ["tts_websocket"]}}
_DICTIONARY = {"name": "dictionary_id", "in": "path", "required": True, "schema": {"type": "string"}}
_FORMAT = {
    "name": "output_format",
    "in": "query",
    "schema": {"type": "string", "enum": sorted(FORMATS), "default": str(DEFAULT_FORMAT)},
}
_SEARCH = {"name": "search", "in": "query", "schema": {"type": "string"}}
_AUDIO_TYPES = sorted({one.content_type for one in FORMATS.values()})


def openapi_document() -> dict[str, Any]:
    """The whole document, as JSON takes it."""
    speech = "/v1/text-to-speech/{voice_id}"
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "zelitrio",
            "version": VERSION,
            "description": "Self-hosted realtime text to speech. The realtime sockets "
            f"`{speech}/stream-input` and `{speech}/multi-stream-input` are described in the README. "
            "Any address answers 403 to web pages that may not use the server, "
            "and 503 when it has all the connections it takes.",
        },
        "security": [{"xi-api-key": []}, {"bearer": []}, {}],
        "paths": {
            speech: {"post": _speak("convert", "Speech in one body", _audio())},
            f"{speech}/stream": {"post": _speak("stream", "Speech as it is made", _audio())},
            f"{speech}/with-timestamps": {
                "post": _speak(
                    "convert_with_timestamps", "Speech and times in one object", _json(ref("TimedAudio"))
                )
            },
            f"{speech}/stream/with-timestamps": {
                "post": _speak(
                    "stream_with_timestamps",
                    "Speech and times as they are made: one object on each line, each ended by a newline",
                    _json(ref("TimedAudio")),
                )
            },
            "/v1/audio/speech": {"post": _openai()},
            "/v1/voices": {"get": _get("list_voices", "All voices", ref("Voices"))},
            "/v2/voices": {"get": _get("search_voices", "Voices by pages", ref("VoicePage"), _SEARCH)},
            "/v1/voices/settings/default": {
                "get": _get(
                    "default_settings", "Settings a voice has unless told otherwise", ref("VoiceSettings")
                )
            },
            "/v1/voices/{voice_id}": {"get": _get("get_voice", "One voice", ref("Voice"), _VOICE)},
            "/v1/voices/{voice_id}/settings": {
                "get": _get("get_voice_settings", "One voice's settings", ref("VoiceSettings"), _VOICE)
            },
            "/v1/models": {"get": _get("list_models", "The models", array(ref("Model")))},
            "/v1/user": {"get": _get("get_user", "Who holds this key", ref("User"))},
            "/v1/user/subscription": {
                "get": _get("get_subscription", "What this key may do", ref("Subscription"))
            },
            "/v1/single-use-token/{kind}": {"post": _token()},
            "/v1/pronunciation-dictionaries": {
                "get": _get("list_dictionaries", "All pronunciation dictionaries", ref("Dictionaries"))
            },
            "/v1/pronunciation-dictionaries/{dictionary_id}": {
                "get": _get("get_dictionary", "One dictionary and what it says", ref("Rules"), _DICTIONARY)
            },
            "/live": {"get": _plain("live", "Whether the process answers", "live")},
            "/ready": {"get": _ready()},
            "/metrics": {"get": _plain("metrics", "Counters for Prometheus", "zelitrio_streams_active 0.0")},
            "/openapi.json": {"get": _get("openapi", "This document", {"type": "object"}, errors=())},
            "/docs": {"get": _html("docs", "This document, to be read")},
        },
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "xi-api-key": {"type": "apiKey", "in": "header", "name": "xi-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _speak(name: str, summary: str, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "parameters": [_VOICE, _FORMAT],
        "requestBody": {"required": True, "content": _json(ref("SpeechRequest"))},
        "responses": {
            "200": {"description": "The speech", "headers": _headers(), "content": content},
            **_errors("400", "401", "404", "408", "413", "422", "429", "500", "503"),
        },
    }


def _openai() -> dict[str, Any]:
    responses = {
        status: {"description": description, "content": _json(ref("OpenAIError"))}
        for status, description in _ERRORS.items()
        if status not in ("404", "422")
    }
    content = {**_audio(), "text/event-stream": {"schema": {"type": "string"}}}
    return {
        "operationId": "create_speech",
        "summary": "Speech as it is made, as OpenAI's SDKs ask for it",
        "requestBody": {"required": True, "content": _json(ref("OpenAISpeechRequest"))},
        "responses": {
            "200": {"description": "The speech", "headers": _headers(), "content": content},
            **responses,
        },
    }


def _get(
    name: str,
    summary: str,
    schema: dict[str, Any],
    *parameters: dict[str, Any],
    errors: tuple[str, ...] = ("401",),
) -> dict[str, Any]:
    missing = ("404",) if any(one["in"] == "path" for one in parameters) else ()
    return {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": {
            "200": {"description": "As asked", "content": _json(schema)},
            **_errors(*errors, *missing),
        },
    }


def _token() -> dict[str, Any]:
    return {
        **_get(
            "create_token",
            "A token that opens one realtime socket, once, within 15 minutes",
            ref("Token"),
            _KIND,
        ),
        "responses": {
            "200": {"description": "The token", "content": _json(ref("Token"))},
            **_errors("401", "404"),
        },
    }


def _plain(name: str, summary: str, example: str) -> dict[str, Any]:
    content = {"text/plain": {"schema": {"type": "string"}, "example": example}}
    return {
        "operationId": name,
        "summary": summary,
        "security": [{}],
        "responses": {"200": {"description": "As asked", "content": content}},
    }


def _ready() -> dict[str, Any]:
    operation = _plain("ready", "Whether new conversations are welcome", "ready")
    operation["responses"]["503"] = {"description": "The server is draining"}
    return operation


def _html(name: str, summary: str) -> dict[str, Any]:
    operation = _plain(name, summary, "")
    operation["responses"]["200"]["content"] = {"text/html": {"schema": {"type": "string"}}}
    return operation


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {_JSON: {"schema": schema}}


def _audio() -> dict[str, Any]:
    return {kind: {"schema": {"type": "string", "format": "binary"}} for kind in _AUDIO_TYPES}


def _errors(*statuses: str) -> dict[str, Any]:
    return {
        status: {
            "description": _ERRORS[status],
            "content": _json(ref("FieldErrors" if status == "422" else "Error")),
        }
        for status in statuses
    }


def _headers() -> dict[str, Any]:
    return {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in {
            "request-id": "Names this request in the log",
            "character-cost": "Characters of the text",
            "current-concurrent-requests": "Conversations under way, this one included",
            "maximum-concurrent-requests": "Streams that the device can feed in real time",
            "tts-latency-ms": "From the request to the first audio",
            "server-timing": "The same for a browser's tools",
        }.items()
    }


_ERRORS = {
    "400": "A query parameter is wrong",
    "401": "The key is missing or wrong",
    "404": "There is no such voice or dictionary",
    "408": "The body came too slowly",
    "413": "The body is too large",
    "422": "A field of the body is missing or wrong",
    "429": "The server is at its capacity; see retry-after",
    "500": "Our fault",
    "503": "The server is draining",
}
