"""HTTP answers for errors, in the vendor's format and in OpenAI's."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response

from zelitrio.errors import RemoteError
from zelitrio.protocol import error_body, openai_error_body, outcome_of
from zelitrio.server.answer import RETRY_AFTER_S


def vendor_error(error: RemoteError, request_id: str) -> Response:
    """An error in the vendor's format."""
    return _shown(error, error_body(error, request_id))


def openai_error(error: RemoteError, request_id: str) -> Response:
    """An error in OpenAI's format, which has no field for the request's id."""
    return _shown(error, openai_error_body(error))


def _shown(error: RemoteError, body: dict[str, Any]) -> Response:
    status = outcome_of(error).http_status
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else None
    return Response(orjson.dumps(body), status, headers, media_type="application/json")
