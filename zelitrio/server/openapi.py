"""The OpenAPI document, derived from the running server.

Paths, names and summaries come from the routes and the first lines of their docstrings.  Shapes of
answers come from the functions that make the answers, ranges from the settings and the validators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import getdoc
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from zelitrio import __version__
from zelitrio.accounts import BREAKDOWNS, INTERVALS, MAX_UNIX_MS, METRICS
from zelitrio.audio import DEFAULT_FORMAT, FORMATS
from zelitrio.server.dictionaries import (
    DICTIONARIES_PAGE,
    DICTIONARY_DIRECTIONS,
    DICTIONARY_SORTS,
    MAX_DICTIONARIES_PAGE,
)
from zelitrio.server.history import (
    HISTORY_DIRECTIONS,
    HISTORY_PAGE,
    MAX_HISTORY_PAGE,
    MAX_UNIX_S,
    SOURCES,
)
from zelitrio.server.metadata import TOKEN_KINDS
from zelitrio.server.models import SHAPES
from zelitrio.server.openapi_answers import answers, shapes
from zelitrio.server.openapi_bodies import bodies, body_of
from zelitrio.server.openapi_schemas import Schema, json_of, query, ref
from zelitrio.server.telephony import JAMBONZ_FORMAT
from zelitrio.server.voices import DEFAULT_PAGE, DIRECTIONS, FILTERS, MAX_PAGE, SORTS, VOICE_TYPES

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue

_REALTIME = ("stream-input", "multi-stream-input")
_OPEN = ("live", "ready", "metrics", "openapi", "docs")
"""Operations that need no key."""
_OPENAI = ("create_speech", "get_model", "list_audio_models", "list_audio_voices")
"""Operations with errors in OpenAI's shape."""
_ERRORS = {
    "400": "A query parameter is wrong",
    "401": "The key is missing or wrong",
    "404": "There is no such voice, model, dictionary, history item or token kind",
    "408": "The body came too slowly",
    "413": "The body is too large",
    "422": "A field of the body is missing or wrong",
    "429": "The server is at its capacity; see retry-after",
    "500": "An error of the server",
    "503": "The server is draining",
}
_FILE = "The dictionary is a file of the server"
_SPEECH_HEADERS = {
    "request-id": "Name of this request in the log",
    "character-cost": "Characters of the text",
    "current-concurrent-requests": "Conversations at present, this one included",
    "maximum-concurrent-requests": "Streams that the device can feed in real time",
    "tts-latency-ms": "From the request to the first audio",
    "server-timing": "The same for a browser's tools",
}
_MORE_HEADERS = {
    "history-item-id": {
        "description": "Of this speech in the history, with `--history`",
        "required": False,
        "schema": {"type": "string"},
    },
    "x-clamped-settings": {
        "description": "Settings that were out of range, as they count: `speed=1.2, style=1`",
        "required": False,
        "schema": {"type": "string"},
    },
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
    content = answers()
    for route in described:
        for method in sorted((route.methods or set()) - {"HEAD"}):
            paths.setdefault(route.path, {})[method.lower()] = _operation(route, content)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "zelitrio",
            "version": __version__,
            "description": "Self-hosted realtime text to speech. README describes the realtime sockets "
            "`/v1/text-to-speech/{voice_id}/stream-input` and `.../multi-stream-input`. "
            "`/v1/jambonz/stream` is a streaming socket of jambonz' custom speech vendor. Every address "
            "answers 403 to web pages that may not use the server, and 503 if it has no connection left.",
        },
        "servers": [{"url": url}],
        "security": [{"xi-api-key": []}, {"bearer": []}, {}],
        "paths": paths,
        "components": {
            "schemas": {**bodies(catalogue), **shapes(catalogue)},
            "securitySchemes": {
                "xi-api-key": {"type": "apiKey", "in": "header", "name": "xi-api-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _operation(route: Route, content: Mapping[str, Schema]) -> Schema:
    name = route.endpoint.__name__
    success: Schema = {"description": "Success", "content": content[name]}
    summary, _, more = (getdoc(route.endpoint) or "").partition("\n\n")
    operation: Schema = {
        "operationId": name,
        "summary": summary.rstrip("."),
        "description": " ".join(more.split()),
        "responses": {"200": success},
    }
    in_path = [_path_parameter(one) for one in re.findall(r"\{(\w+)\}", route.path)]
    in_query = _queries(name)
    errors: tuple[str, ...] = ("401",)
    if in_path or "history" in name:
        errors += ("404",)
    if in_query:
        errors = ("400", *errors)
    if (body := body_of(name)) is not None:
        errors = tuple(_ERRORS)
        content_of = {"multipart/form-data": {"schema": body}} if name.endswith("_file") else json_of(body)
        operation["requestBody"] = {"required": True, "content": content_of}
        if "dictionary" in name or name.endswith("_rules"):
            errors = (*errors, "403")
        elif name not in ("normalise_text", "download_history"):
            success["headers"] = {
                header: {"description": text, "schema": {"type": "string"}}
                for header, text in _SPEECH_HEADERS.items()
            } | _MORE_HEADERS
    if name in _OPEN:
        errors = ()
        operation["security"] = [{}]
    if name == "delete_dictionary":
        errors = (*errors, "403", "500")
    elif "history" in name and body is None:
        errors = (*errors, "500")
    if in_path or in_query:
        operation["parameters"] = [*in_path, *in_query]
    for status in errors:
        if name == "create_speech" and status in ("404", "422"):  # OpenAI has 400 for both
            continue
        operation["responses"][status] = {
            "description": _ERRORS.get(status, _FILE),
            "content": _error(name, status),
        }
    if name == "ready":
        operation["responses"]["503"] = {"description": _ERRORS["503"], "content": content[name]}
    return operation


def _error(name: str, status: str) -> Schema:
    if name == "list_models":
        return json_of({"anyOf": [ref("Error"), ref("OpenAIError")]})
    if name in _OPENAI:
        return json_of(ref("OpenAIError"))
    return json_of(ref("FieldErrors" if status == "422" else "Error"))


def _queries(name: str) -> list[Schema]:
    """The query parameters of an operation."""
    if name.startswith(("convert", "stream")):
        formats = {"enum": [*sorted(FORMATS), ""], "default": DEFAULT_FORMAT.name}
        return [query("output_format", formats)]
    if name == "jambonz_speech":
        return [query("output_format", {"enum": [*sorted(FORMATS), ""], "default": JAMBONZ_FORMAT})]
    if name == "vapi_voice_request":
        return [query("voice", {"type": "string"})]
    if name in ("list_voices", "search_voices"):
        return _voice_queries(is_paged=name == "search_voices")
    if name == "list_models":
        return [query("format", {"enum": list(SHAPES)})]
    if name == "list_audio_voices":
        return [query("legacy", {"type": "boolean"})]
    if name == "list_dictionaries":
        size = {"type": "integer", "minimum": 1, "maximum": MAX_DICTIONARIES_PAGE}
        return [
            query("page_size", {**size, "default": DICTIONARIES_PAGE}),
            query("cursor", {"enum": [""]}),
            query("sort", {"enum": [*DICTIONARY_SORTS, ""]}),
            query("sort_direction", {"enum": [*DICTIONARY_DIRECTIONS, ""]}),
            query("include_archived", {"type": "boolean", "default": True}),
        ]
    if name == "list_history":
        return _history_queries()
    if name == "character_stats":
        milliseconds = {"type": "integer", "minimum": 0, "maximum": MAX_UNIX_MS}
        choices = {"breakdown_type": BREAKDOWNS, "aggregation_interval": INTERVALS, "metric": METRICS}
        times = [{**query(one, milliseconds), "required": True} for one in ("start_unix", "end_unix")]
        return times + [query(one, {"type": "string", "enum": list(known)}) for one, known in choices.items()]
    if name == "normalise_text":
        said = {"type": "string", "description": "Read as this voice reads; the first one by default"}
        return [query("voice_id", said)]
    return []


def _voice_queries(*, is_paged: bool) -> list[Schema]:
    several = ("language", "use_cases", "voice_ids")
    choices = {"voice_type": VOICE_TYPES, "sort": SORTS, "sort_direction": DIRECTIONS}
    text: Schema = {"type": "string"}
    found = [
        query(one, {"type": "array", "items": text} if one in several else text)
        for one in FILTERS
        if one not in choices
    ]
    found += [query(one, {"type": "string", "enum": [*known, ""]}) for one, known in choices.items()]
    if is_paged:
        size = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": DEFAULT_PAGE}
        found += [query("page_size", size), query("next_page_token", {"enum": [""]})]
    return found


def _history_queries() -> list[Schema]:
    text: Schema = {"type": "string"}
    seconds: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_UNIX_S}
    size = {"type": "integer", "minimum": 1, "maximum": MAX_HISTORY_PAGE, "default": HISTORY_PAGE}
    return [
        query("page_size", size),
        query("start_after_history_item_id", {"enum": [""]}),
        *(query(name, text) for name in ("voice_id", "model_id", "search")),
        *(query(name, seconds) for name in ("date_before_unix", "date_after_unix")),
        query("sort_direction", {"enum": [*HISTORY_DIRECTIONS, ""]}),
        query("source", {"enum": [*SOURCES, ""]}),
    ]


def _path_parameter(name: str) -> Schema:
    schema = {"enum": list(TOKEN_KINDS)} if name == "kind" else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}
