"""JSON answers."""

from __future__ import annotations

import orjson
from starlette.responses import Response


def to_json(content: object, status: int = 200) -> Response:
    """Make a JSON answer."""
    return Response(orjson.dumps(content), status, media_type="application/json")
