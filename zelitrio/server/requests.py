"""Read an HTTP request: its account, its output format, and its body within limits of size and time."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

import trio
from starlette.requests import Request

from zelitrio.audio import AudioFormat, parse_format
from zelitrio.errors import RemoteError
from zelitrio.protocol import DialogueRequest, SpeechRequest, credential_of
from zelitrio.server.state import ServerState
from zelitrio.session import AccountLike

ACCOUNT = "zelitrio.account"


def account_name_of(scope: Mapping[str, Any]) -> str | None:
    """The name of a request's account, if known."""
    return scope.get(ACCOUNT)


def authorize(state: ServerState, request: Request) -> AccountLike:
    """The account of a request.

    Raises:
        RemoteError: `missing_api_key` or `invalid_api_key`, also for a key that has expired.
    """
    credential = credential_of(request.headers.items(), request.query_params.get("authorization"))
    account = authorize_credential(state, credential)
    request.scope[ACCOUNT] = account.name
    return account


def authorize_credential(state: ServerState, credential: str | None) -> AccountLike:
    """The account of a key.

    Raises:
        RemoteError: `missing_api_key` or `invalid_api_key`, also for a key that has expired.
    """
    account = state.access.keys.account(credential)
    if account is not None:
        return account
    if credential is None:
        raise RemoteError("missing_api_key", "An API key is needed: send it in the xi-api-key header.")
    raise RemoteError("invalid_api_key", "Invalid API key")


def authorize_list(state: ServerState, request: Request) -> None:
    """Check the key of a request for a list; with `--open-lists` it may have none.

    Raises:
        RemoteError: see `authorize`.  An invalid key is always refused.
    """
    named = credential_of(request.headers.items(), request.query_params.get("authorization"))
    if named is not None or not state.settings.open_lists:
        authorize(state, request)


def read_format(wanted: SpeechRequest | DialogueRequest) -> AudioFormat:
    """The output format of a request.

    Raises:
        RemoteError: `invalid_output_format`, also for an invalid name in the body that the query overrides.
    """
    if wanted.unused_format is not None:
        parse_format(wanted.unused_format)
    return parse_format(wanted.output_format)


async def read_body(state: ServerState, request: Request) -> bytes:
    """Read the whole body, within the time of a head plus that of a write.

    Raises:
        RemoteError: `message_too_big` (413) or `input_timeout_exceeded` (408).
        starlette.requests.ClientDisconnect: the client left.
    """
    limit = state.settings.max_body_bytes
    too_big = RemoteError("message_too_big", f"Request body: expected at most {limit} bytes.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise too_big
    timeout_s = state.settings.head_timeout_s + state.settings.write_timeout_s
    body = bytearray()
    with trio.move_on_after(timeout_s) as scope:
        async with aclosing(request.stream()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > limit:
                    raise too_big
    if scope.cancelled_caught:
        raise RemoteError("input_timeout_exceeded", f"Request body: expected within {timeout_s:g} s.")
    return bytes(body)
