"""Voices, as the vendor's clients look for them: all, a search with filters and pages, or one."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zelitrio.errors import RemoteError
from zelitrio.server.json_answer import to_json
from zelitrio.server.models import family_of, language_ids, model_id_of
from zelitrio.server.requests import authorize
from zelitrio.server.state import ServerState
from zelitrio.settings import VoiceSettings

if TYPE_CHECKING:
    from zelitrio.voices import Voice

DEFAULT_PAGE, MAX_PAGE = 10, 100
MAX_IDS = 100
SORTS = ("name", "created_at_unix")
DIRECTIONS = ("asc", "desc")
VOICE_TYPES = ("personal", "community", "default", "workspace", "non-default", "non-community", "saved")
_OF_THIS_SERVER = ("default", "workspace", "non-community")
"""Types that a voice of this server has.  Nothing was bought, copied or saved."""
LABELS = ("gender", "age", "accent")
"""Filters that compare one label."""
FILTERS = ("search", "category", "voice_type", *LABELS, "language", "use_cases", "voice_ids")
"""Parameters that choose among voices."""


def voice_json(voice: Voice) -> dict[str, Any]:
    """A voice as the vendor's clients know it."""
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
    """The settings of a request without any."""
    return attrs.asdict(VoiceSettings())


@attrs.frozen
class VoiceQuery:
    """Which voices a client looks for.

    Attributes:
        tests: each holds of the voices it looks for.
        sort: a name out of SORTS; None: as the server offers them.
        is_descending: the last first.
    """

    tests: tuple[Callable[[Voice], bool], ...]
    sort: str | None
    is_descending: bool

    def find(self, voices: Iterable[Voice]) -> list[Voice]:
        """The voices that it means, in its order."""
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
    if words := query.get("search", "").lower().split():
        tests.append(lambda voice: all(word in _searched(voice) for word in words))
    if category := query.get("category"):
        tests.append(lambda voice: voice.category == category)
    if voice_type := one_of(query, "voice_type", VOICE_TYPES):
        tests.append(lambda voice: voice_type in _OF_THIS_SERVER)
    for name in LABELS:
        if value := query.get(name, "").lower():
            tests.append(_has_label(name, [value]))
    if languages := _several(query, "language"):
        wanted = {re.split("[-_]", one)[0] for one in languages}
        tests.append(lambda voice: not wanted.isdisjoint(language_ids([voice])))
    if uses := _several(query, "use_cases"):
        tests.append(_has_label("use_case", uses))
    if ids := [one for one in query.getlist("voice_ids") if one]:
        if len(ids) > MAX_IDS:
            raise _wrong("voice_ids", f"at most {MAX_IDS} ids", str(len(ids)))
        tests.append(lambda voice: voice.voice_id in ids)
    direction = one_of(query, "sort_direction", DIRECTIONS)
    return VoiceQuery(tuple(tests), one_of(query, "sort", SORTS), direction == "desc")


def page_of(voices: Sequence[Voice], query: QueryParams) -> dict[str, Any]:
    """One page of the voices found, in the vendor's newer form.

    Raises:
        RemoteError: `invalid_parameters`: the size or the token is not one.
    """
    size = whole_parameter(query, "page_size", DEFAULT_PAGE, 1, MAX_PAGE)
    first = 0
    if token := query.get("next_page_token"):
        places = {_token(voice.voice_id): at + 1 for at, voice in enumerate(voices)}
        if token not in places:
            raise _wrong("next_page_token", "the token of a page before", token)
        first = places[token]
    page = voices[first : first + size]
    has_more = first + size < len(voices)
    return {
        "voices": [voice_json(voice) for voice in page],
        "has_more": has_more,
        "total_count": len(voices),
        "next_page_token": _token(page[-1].voice_id) if has_more else None,
    }


def whole_parameter(query: QueryParams, name: str, default: int, low: int, high: int) -> int:
    """A whole number of a query.

    Raises:
        RemoteError: `invalid_parameters`: it is not one, or out of range.
    """
    text = query.get(name)
    if text is None:
        return default
    if not re.fullmatch("[0-9]{1,12}", text) or not low <= int(text) <= high:
        raise _wrong(name, f"a whole number from {low} to {high}", text)
    return int(text)


def _searched(voice: Voice) -> str:
    parts = (voice.voice_id, voice.name, voice.description, voice.category, *voice.labels.values())
    return "\n".join(parts).lower()


def _has_label(name: str, values: Sequence[str]) -> Callable[[Voice], bool]:
    return lambda voice: voice.labels.get(name, "").lower() in values


def _several(query: QueryParams, name: str) -> list[str]:
    return [value.lower() for value in query.getlist(name) if value]


def one_of(query: QueryParams, name: str, allowed: Sequence[str]) -> str | None:
    """A word of a query out of a few; None if it is absent or empty.

    Raises:
        RemoteError: `invalid_parameters`: it is another.
    """
    value = query.get(name) or None
    if value is not None and value not in allowed:
        raise _wrong(name, ", ".join(allowed), value)
    return value


def _token(voice_id: str) -> str:
    return base64.urlsafe_b64encode(voice_id.encode()).decode()


def _wrong(name: str, expected: str, found: str) -> RemoteError:
    message = f"{name}: expected {expected}, found {found[:64]!r}"
    return RemoteError("invalid_parameters", message, param=name)


class Voices:
    """The endpoints under `/v1/voices` and `/v2/voices`."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Where they live."""
        return [
            Route("/v1/voices", self.list_voices),
            Route("/v2/voices", self.search_voices),
            Route("/v1/voices/settings/default", self.default_settings),
            Route("/v1/voices/{voice_id}", self.get_voice),
            Route("/v1/voices/{voice_id}/settings", self.get_voice_settings),
        ]

    async def list_voices(self, request: Request) -> Response:
        """All voices, or those that the filters leave."""
        authorize(self._state, request)
        return to_json({"voices": [voice_json(voice) for voice in self._found(request)]})

    async def search_voices(self, request: Request) -> Response:
        """Voices by search and filters, in pages."""
        authorize(self._state, request)
        return to_json(page_of(self._found(request), request.query_params))

    async def get_voice(self, request: Request) -> Response:
        """One voice."""
        return to_json(voice_json(self._voice(request)))

    async def get_voice_settings(self, request: Request) -> Response:
        """One voice's settings."""
        self._voice(request)
        return to_json(settings_json())

    async def default_settings(self, request: Request) -> Response:
        """The settings of a voice unless a request changes them."""
        authorize(self._state, request)
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
