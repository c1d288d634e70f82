"""An answer in JSON."""

from __future__ import annotations

import orjson
from starlette.responses import Response


def to_json(content: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(content), status, media_type="application/json")
