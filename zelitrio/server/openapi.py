"""The OpenAPI document, derived from the code of the running server.

Paths and names come from the routes, summaries from the first lines of their docstrings.  The schemas of
answers come from the functions that make the answers, ranges from the settings and the validators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from inspect import getdoc
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute, Route

from zelitrio import __version__
from zelitrio.server.metadata import TOKEN_KINDS
from zelitrio.server.openapi_answers import answers, shapes
from zelitrio.server.openapi_bodies import bodies
from zelitrio.server.openapi_schemas import Schema, json_of, ref
from zelitrio.server.operation import Operation, operation_of
from zelitrio.server.query import Parameter

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue

_OPTIONAL = ("history-item-id", "x-clamped-settings")
"""Headers that not every answer with speech has."""
_ERRORS = {
    "400": "A query parameter is wrong",
    "401": "The key is missing or wrong",
    "403": "The dictionary is a file of the server",
    "404": "There is no such voice, model, dictionary, history item or token kind",
    "408": "The body came too slowly",
    "413": "The body is too large",
    "422": "A field of the body is missing or wrong",
    "429": "The server is at its capacity; see retry-after",
    "500": "An error of the server",
    "503": "The server is draining",
}
_HEADERS = {
    name: {"description": text, "required": name not in _OPTIONAL, "schema": {"type": "string"}}
    for name, text in {
        "request-id": "Name of this request in the log",
        "character-cost": "Characters of the text",
        "current-concurrent-requests": "Open conversations, including this one",
        "maximum-concurrent-requests": "Streams that the device can feed in real time",
        "tts-latency-ms": "Milliseconds from the request to the first audio",
        "server-timing": "The same, for the developer tools of browsers",
        "history-item-id": "Id of this speech in the history, with `--history`",
        "x-clamped-settings": "Settings that were out of range, with the values used: `speed=1.2, style=1`",
    }.items()
}


def openapi_document(
    routes: Iterable[BaseRoute], catalogue: Catalogue, url: str = "http://127.0.0.1:8020"
) -> Schema:
    """Describe all operations over HTTP.

    Args:
        routes: of the application.
        catalogue: the voices; the first one is the example of a voice.
        url: the base URL of the server, as the client sees it.
    """
    paths: dict[str, Schema] = {}
    content = answers()
    for route in routes:
        if isinstance(route, Route) and (said := operation_of(route.endpoint)) is not None:
            paths.setdefault(said.path, {})[said.method.lower()] = _operation(route, said, content)
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


def _operation(route: Route, said: Operation, content: Mapping[str, Schema]) -> Schema:
    name = route.endpoint.__name__
    success: Schema = {"description": "Success", "content": content[name]}
    summary, _, more = (getdoc(route.endpoint) or "").partition("\n\n")
    described: Schema = {
        "operationId": name,
        "summary": summary.rstrip("."),
        "description": " ".join(more.split()),
        "responses": {"200": success},
    }
    in_path = [_path_parameter(one) for one in re.findall(r"\{(\w+)\}", said.path)]
    if in_path or said.queries:
        described["parameters"] = [*in_path, *map(_query_parameter, said.queries)]
    if said.speaks:
        success["headers"] = _HEADERS
    if said.body is not None:
        kind = "multipart/form-data" if said.body == "DictionaryFile" else "application/json"
        described["requestBody"] = {"required": True, "content": {kind: {"schema": ref(said.body)}}}
    if said.is_open:
        described["security"] = [{}]
    for status in _errors(said, has_path=bool(in_path)):
        described["responses"][status] = {
            "description": _ERRORS[status],
            "content": _error(said, name, status),
        }
    if name == "ready":
        described["responses"]["503"] = {"description": _ERRORS["503"], "content": content[name]}
    return described


def _errors(said: Operation, *, has_path: bool) -> list[str]:
    if said.is_open:
        return []
    if said.body is not None:
        usual = {*_ERRORS} - {"403"}
        # OpenAI has 400 for a wrong field and for a voice that there is not.
        return sorted(usual - {"404", "422"} if said.is_openai else usual | {*said.errors})
    return sorted({"401", *(["404"] if has_path else []), *(["400"] if said.queries else []), *said.errors})


def _error(said: Operation, name: str, status: str) -> Schema:
    if name == "list_models":
        return json_of({"anyOf": [ref("Error"), ref("OpenAIError")]})
    if said.is_openai:
        return json_of(ref("OpenAIError"))
    return json_of(ref("FieldErrors" if status == "422" else "Error"))


def _query_parameter(one: Parameter) -> Schema:
    return {"name": one.name, "in": "query", "required": one.is_required, "schema": one.schema}


def _path_parameter(name: str) -> Schema:
    schema = {"enum": list(TOKEN_KINDS)} if name == "kind" else {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": schema}
