"""The vendor's endpoints for voices: a list, a search with filters and pages, single voices."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.errors import RemoteError
from zelitrio.server.json_answer import to_json
from zelitrio.server.models import family_of, language_ids, model_id_of
from zelitrio.server.operation import Endpoints, operation
from zelitrio.server.query import Page, PageToken, Text, Texts, Whole, Word
from zelitrio.server.requests import authorize
from zelitrio.settings import VoiceSettings

if TYPE_CHECKING:
    from zelitrio.voices import Voice

_SEARCH, _CATEGORY = Text("search"), Text("category")
_TYPE = Word(
    "voice_type", ("personal", "community", "default", "workspace", "non-default", "non-community", "saved")
)
_OF_THIS_SERVER = ("default", "workspace", "non-community")
"""Values of `voice_type` that match all voices of this server."""
_LABELS = (Text("gender"), Text("age"), Text("accent"))
"""Filters on the label of the same name."""
_LANGUAGE, _USES, _IDS = Texts("language"), Texts("use_cases"), Texts("voice_ids", max_items=100)
_SORT = Word("sort", ("name", "created_at_unix"))
_DIRECTION = Word("sort_direction", ("asc", "desc"))
_FILTERS = (_SEARCH, _CATEGORY, *_LABELS, _LANGUAGE, _USES, _IDS, _TYPE, _SORT, _DIRECTION)
_PAGE = Page(Whole("page_size", 1, 100, default=10), PageToken("next_page_token"))


def voice_json(voice: Voice) -> dict[str, Any]:
    """A voice in the vendor's format."""
    model_id = model_id_of(family_of(voice))
    return {
        "voice_id": voice.voice_id,
        "name": voice.name,
        "category": voice.category,
        "description": voice.description,
        "labels": dict(voice.labels),
        "preview_url": None,
        "settings": settings_json(),
        "samples": None,
        "available_for_tiers": [],
        "high_quality_base_model_ids": [model_id],
        "verified_languages": [
            {"language": one, "model_id": model_id, "accent": voice.labels.get("accent")}
            for one in language_ids([voice])
        ],
        "is_owner": True,
        "is_legacy": False,
        "is_mixed": False,
        "created_at_unix": None,
    }


def settings_json() -> dict[str, Any]:
    """The default voice settings in the vendor's format."""
    return attrs.asdict(VoiceSettings())


@attrs.frozen
class VoiceQuery:
    """A client's search for voices.

    Attributes:
        tests: conditions that all must hold for a voice.
        sort: "name"; anything else: the server's order.
        is_descending: whether to reverse the order.
    """

    tests: tuple[Callable[[Voice], bool], ...]
    sort: str | None
    is_descending: bool

    def find(self, voices: Iterable[Voice]) -> list[Voice]:
        """The matching voices, in order."""
        found = [voice for voice in voices if all(test(voice) for test in self.tests)]
        if self.sort == "name":
            found.sort(key=lambda voice: voice.name.lower())
        return found[::-1] if self.is_descending else found


def read_voice_query(query: QueryParams) -> VoiceQuery:
    """Read filters and order.  Unknown parameters are ignored.

    Raises:
        RemoteError: `invalid_parameters`, with the name of the parameter.
    """
    tests: list[Callable[[Voice], bool]] = []
    if words := (_SEARCH.read(query) or "").lower().split():
        tests.append(lambda voice: all(word in _searched(voice) for word in words))
    if category := _CATEGORY.read(query):
        tests.append(lambda voice: voice.category == category)
    if voice_type := _TYPE.read(query):
        tests.append(lambda voice: voice_type in _OF_THIS_SERVER)
    for label in _LABELS:
        if value := label.read(query):
            tests.append(_has_label(label.name, [value]))
    if languages := _LANGUAGE.read(query):
        wanted = {re.split("[-_]", one.lower())[0] for one in languages}
        tests.append(lambda voice: not wanted.isdisjoint(language_ids([voice])))
    if uses := _USES.read(query):
        tests.append(_has_label("use_case", uses))
    if ids := _IDS.read(query):
        tests.append(lambda voice: voice.voice_id in ids)
    return VoiceQuery(tuple(tests), _SORT.read(query), _DIRECTION.read(query) == "desc")


def page_of(voices: Sequence[Voice], query: QueryParams) -> dict[str, Any]:
    """One page of the voices found, in the vendor's newer format.

    Raises:
        RemoteError: `invalid_parameters`: the page's size or token is invalid.
    """
    page, following = _PAGE.of(voices, [_token(voice.voice_id) for voice in voices], query)
    return {
        "voices": [voice_json(voice) for voice in page],
        "has_more": following is not None,
        "total_count": len(voices),
        "next_page_token": following,
    }


def _searched(voice: Voice) -> str:
    parts = (voice.voice_id, voice.name, voice.description, voice.category, *voice.labels.values())
    return "\n".join(parts).lower()


def _has_label(name: str, values: Sequence[str]) -> Callable[[Voice], bool]:
    wanted = [value.lower() for value in values]
    return lambda voice: voice.labels.get(name, "").lower() in wanted


def _token(voice_id: str) -> str:
    return base64.urlsafe_b64encode(voice_id.encode()).decode()


class Voices(Endpoints):
    """The endpoints under `/v1/voices` and `/v2/voices`."""

    @operation("GET", "/v1/voices", *_FILTERS)
    async def list_voices(self, request: Request) -> Response:
        """All voices, or those that the filters leave."""
        authorize(self._state, request)
        return to_json({"voices": [voice_json(voice) for voice in self._found(request)]})

    @operation("GET", "/v2/voices", *_FILTERS, _PAGE.size, _PAGE.after)
    async def search_voices(self, request: Request) -> Response:
        """Voices by search and filters, in pages."""
        authorize(self._state, request)
        return to_json(page_of(self._found(request), request.query_params))

    @operation("GET", "/v1/voices/settings/default")
    async def default_settings(self, request: Request) -> Response:
        """The settings of a voice unless a request changes them."""
        authorize(self._state, request)
        return to_json(settings_json())

    @operation("GET", "/v1/voices/{voice_id}")
    async def get_voice(self, request: Request) -> Response:
        """One voice."""
        return to_json(voice_json(self._voice(request)))

    @operation("GET", "/v1/voices/{voice_id}/settings")
    async def get_voice_settings(self, request: Request) -> Response:
        """One voice's settings."""
        self._voice(request)
        return to_json(settings_json())

    def _found(self, request: Request) -> list[Voice]:
        query = read_voice_query(request.query_params)
        return query.find(self._state.engine.catalogue.voices.values())

    def _voice(self, request: Request) -> Voice:
        authorize(self._state, request)
        voice_id = request.path_params["voice_id"]
        voice = self._state.engine.catalogue.find(voice_id)
        if voice is None:
            message = f"A voice with voice_id '{voice_id}' was not found."
            raise RemoteError("voice_not_found", message, param="voice_id")
        return voice
