"""The routes of the playground: its files, read once, with headers that forbid other resources."""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files

import attrs
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

PLAYGROUND_PATH = "/playground"
INDEX = "index.html"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # Only this server's own files and URLs.  Trusted Types make scripts fail that write HTML.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # The page must match the server's version: browsers ask each time and usually get a 304.
    "cache-control": "no-cache",
}


@attrs.frozen
class PageFile:
    """One file of the page."""

    content: bytes
    media_type: str
    etag: str


@functools.cache
def page_files() -> dict[str, PageFile]:
    """All files of the page by name."""
    found = {}
    for entry in files(__package__).joinpath("files").iterdir():
        media_type = _MEDIA_TYPES.get(f".{entry.name.rpartition('.')[2]}")
        if media_type is not None:
            content = entry.read_bytes()
            found[entry.name] = PageFile(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:16]}"')
    return found


class Playground:
    """The page and its files.  No key is needed, because they are public parts of the package."""

    def routes(self) -> list[Route]:
        """The routes; they are not part of the API, so the OpenAPI document does not list them."""
        places = {
            "/": self.playground,
            PLAYGROUND_PATH: self.playground,
            f"{PLAYGROUND_PATH}/{{name}}": self.playground_file,
        }
        return [Route(path, endpoint, include_in_schema=False) for path, endpoint in places.items()]

    async def playground(self, request: Request) -> Response:
        """The page."""
        return _answer(page_files()[INDEX], request)

    async def playground_file(self, request: Request) -> Response:
        """A style sheet, a script or the icon."""
        found = page_files().get(request.path_params["name"])
        if found is None or request.path_params["name"] == INDEX:
            raise HTTPException(404)
        return _answer(found, request)


def _answer(file: PageFile, request: Request) -> Response:
    headers = {**_HEADERS, "etag": file.etag}
    if file.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
