"""The HTTP application: its routes, middleware and error answers."""

from __future__ import annotations

from functools import partial
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from zelitrio.errors import RemoteError
from zelitrio.protocol import telephony, to_remote_error
from zelitrio.server.accounting import Accounting, request_id_of
from zelitrio.server.answer import RETRY_AFTER_S
from zelitrio.server.dialogue import Dialogue
from zelitrio.server.dictionaries import DictionaryEndpoints
from zelitrio.server.docs import docs_page
from zelitrio.server.history import HistoryEndpoints
from zelitrio.server.json_answer import to_json
from zelitrio.server.metadata import Metadata
from zelitrio.server.models import ModelLists
from zelitrio.server.normalising import Normalising
from zelitrio.server.openai_speech import OpenAISpeech
from zelitrio.server.openapi import openapi_document
from zelitrio.server.operation import Endpoints, operation
from zelitrio.server.origins import OriginGuard
from zelitrio.server.places import Placing, place_of
from zelitrio.server.playground import Playground
from zelitrio.server.refusals import vendor_error
from zelitrio.server.requests import account_name_of
from zelitrio.server.state import ServerState
from zelitrio.server.synthesis import Synthesis
from zelitrio.server.telephony import Telephony
from zelitrio.server.tracing import TracingApp
from zelitrio.server.voices import Voices

_SPOKEN = ("/v1/text-to-speech/{voice_id}", "/v1/text-to-dialogue")


def make_app(state: ServerState) -> ASGIApp:
    """Make the application that answers all HTTP requests."""
    app = Starlette(
        routes=[
            *Synthesis(state).routes(),
            *Dialogue(state).routes(),
            *OpenAISpeech(state).routes(),
            *Voices(state).routes(),
            *ModelLists(state).routes(),
            *Telephony(state).routes(),
            *Metadata(state).routes(),
            *DictionaryEndpoints(state).routes(),
            *HistoryEndpoints(state).routes(),
            *Normalising(state).routes(),
            *Operations(state).routes(),
            *Playground().routes(),
        ],
        exception_handlers={
            RemoteError: partial(_show_remote_error, state),
            HTTPException: _show_http_error,
            ClientDisconnect: _show_nobody,
            Exception: _show_bug,
        },
    )
    # `Placing` removes a slash at the end.  A redirect would name this server's own scheme and host, not
    # those of a proxy: clients that used TLS sent their keys to http://.
    app.router.redirect_slashes = False
    placed = Placing(OriginGuard(app, state.access.origins), state.places)
    return TracingApp(Accounting(placed, state.metrics), state.tracing)


class Operations(Endpoints):
    """Endpoints for operators; no key is needed."""

    def routes(self) -> list[Route]:
        """The addresses of sockets too, which say so when they are asked without an upgrade."""
        sockets = [f"{base}/{end}" for base in _SPOKEN for end in ("stream-input", "multi-stream-input")]
        return super().routes() + [
            Route(path, self.upgrade_needed, include_in_schema=False)
            for path in (*sockets, telephony.JAMBONZ_SOCKET)
        ]

    @operation("GET", "/live", is_open=True)
    async def live(self, request: Request) -> Response:
        """The process answers."""
        return PlainTextResponse("live\n")

    @operation("GET", "/ready", is_open=True)
    async def ready(self, request: Request) -> Response:
        """New conversations are welcome."""
        if self._state.is_ready:
            return PlainTextResponse("ready\n")
        return PlainTextResponse("draining\n", 503, headers={"retry-after": str(RETRY_AFTER_S)})

    @operation("GET", "/metrics", is_open=True)
    async def metrics(self, request: Request) -> Response:
        """All counters, for Prometheus."""
        return Response(self._state.metrics.expose(), media_type=CONTENT_TYPE_LATEST)

    @operation("GET", "/openapi.json", is_open=True)
    async def openapi(self, request: Request) -> Response:
        """What can be asked over HTTP, for machines."""
        return to_json(self._document(request))

    @operation("GET", "/docs", is_open=True)
    async def docs(self, request: Request) -> Response:
        """What can be asked over HTTP, for people."""
        return Response(
            docs_page(self._document(request), place_of(request.scope).prefix),
            media_type="text/html; charset=utf-8",
        )

    def _document(self, request: Request) -> dict[str, Any]:
        url = place_of(request.scope).url
        return openapi_document(request.app.routes, self._state.engine.catalogue, url)

    async def upgrade_needed(self, request: Request) -> Response:
        """Answer a request for a realtime path without an upgrade."""
        text = "This address speaks WebSocket.\n"
        return PlainTextResponse(text, 426, headers={"upgrade": "websocket", "connection": "Upgrade"})


async def _show_remote_error(state: ServerState, request: Request, error: Exception) -> Response:
    assert isinstance(error, RemoteError)
    state.metrics.request_refused(account_name_of(request.scope), error.code)
    return vendor_error(error, request_id_of(request.scope))


async def _show_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "invalid_parameters")
    message = {
        404: f"Nothing is served at {request.url.path[:200]}.",
        405: f"{request.method} is not served at {request.url.path[:200]}.",
    }.get(error.status_code, str(error.detail))
    response = vendor_error(RemoteError(code, message), request_id_of(request.scope))
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        # Starlette names only the methods of the first route, but each method of a path has its own route.
        routes = [route for route in request.app.routes if isinstance(route, Route)]
        found = next(route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
        methods = [route.methods or set() for route in routes if route.path == found.path]
        response.headers["allow"] = ", ".join(sorted(set().union(*methods)))
    return response


async def _show_nobody(request: Request, error: Exception) -> Response:
    return Response(status_code=400)  # the client has left


async def _show_bug(request: Request, error: Exception) -> Response:
    # Starlette raises it again, and the exchange logs it.
    return vendor_error(to_remote_error(error), request_id_of(request.scope))
