"""Voices, models, the user and tokens, which clients ask for before they speak."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zelitrio.accounts import Quota, StatisticsQuery, character_statistics
from zelitrio.errors import RemoteError
from zelitrio.server.requests import authorize
from zelitrio.server.state import ServerState
from zelitrio.server.synthesis import MAX_WHOLE_CHARS
from zelitrio.settings import VoiceSettings

if TYPE_CHECKING:
    from zelitrio.voices import Voice

MODEL_ID = "zeli-1"
LANGUAGES = {
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ja": "Japanese",
    "pt": "Portuguese",
    "zh": "Chinese",
}
"""Names of languages; of others the code is the name."""
TOKEN_KINDS = ("tts_websocket",)
NO_LIMIT = 10_000_000
"""For clients that want a number where this server has no limit."""


def to_json(content: object, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(content), status, media_type="application/json")


def voice_json(voice: Voice) -> dict[str, Any]:
    """A voice as the vendor's clients know it."""
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
        "high_quality_base_model_ids": [MODEL_ID],
        "is_owner": True,
        "is_legacy": False,
        "is_mixed": False,
        "created_at_unix": None,
    }


def settings_json() -> dict[str, Any]:
    """The settings of a request without any."""
    return attrs.asdict(VoiceSettings())


def language_ids(voices: Iterable[Voice]) -> list[str]:
    """The languages of some voices, as two letters, each once and in their order."""
    return list(dict.fromkeys(voice.labels.get("language", "en").partition("-")[0] for voice in voices))


def model_json(languages: Sequence[str] = ("en",)) -> dict[str, Any]:
    """The one model.  Every other id is accepted and means this one."""
    return {
        "model_id": MODEL_ID,
        "name": "Zeli 1",
        "description": "Realtime English speech, on this server.",
        "can_be_finetuned": False,
        "can_do_text_to_speech": True,
        "can_do_voice_conversion": False,
        "can_use_style": True,
        "can_use_speaker_boost": True,
        "serves_pro_voices": False,
        "token_cost_factor": 1.0,
        "requires_alpha_access": False,
        "max_characters_request_free_user": MAX_WHOLE_CHARS,
        "max_characters_request_subscribed_user": MAX_WHOLE_CHARS,
        "maximum_text_length_per_request": MAX_WHOLE_CHARS,
        "languages": [{"language_id": one, "name": LANGUAGES.get(one, one)} for one in languages],
        "model_rates": {"character_cost_multiplier": 1.0},
        "concurrency_group": "standard",
    }


def user_json(quota: Quota, voices: int) -> dict[str, Any]:
    """The owner of the key, its limits and its usage."""
    return {
        "user_id": quota.name,
        "workspace_id": "zelitrio",
        "subscription": {
            "tier": "self_hosted",
            "character_count": quota.used,
            "character_limit": NO_LIMIT if quota.characters is None else quota.characters,
            "max_credit_limit_extension": "unlimited" if quota.characters is None else 0,
            "can_extend_character_limit": False,
            "allowed_to_extend_character_limit": False,
            "next_character_count_reset_unix": quota.resets_at_unix,
            "voice_slots_used": voices,
            "professional_voice_slots_used": 0,
            "professional_voice_slots_used_in_workspace": 0,
            "voice_limit": voices,
            "max_voice_add_edits": None,
            "voice_add_edit_counter": 0,
            "professional_voice_limit": 0,
            "can_extend_voice_limit": False,
            "can_use_instant_voice_cloning": False,
            "can_use_professional_voice_cloning": False,
            "current_overage": {"amount": "0", "currency": "usd"},
            "status": "active",
            "open_invoices": [],
            "has_open_invoices": False,
        },
        "is_new_user": False,
        "xi_api_key": None,
        "can_use_delayed_payment_methods": False,
        "is_onboarding_completed": True,
        "is_onboarding_checklist_completed": True,
        "created_at": 0,
        "seat_type": "workspace_admin",
    }


def read_statistics_query(values: Mapping[str, str]) -> StatisticsQuery:
    """Read what usage is asked for.

    Raises:
        RemoteError: `invalid_parameters`, with the name of the parameter.
    """
    times: list[int] = []
    for name in ("start_unix", "end_unix"):
        text = values.get(name, "")
        if not re.fullmatch(r"[0-9]{1,15}", text):
            message = f"{name}: expected milliseconds since 1970, found {text[:64]!r}"
            raise RemoteError("invalid_parameters", message, param=name)
        times.append(int(text))
    return StatisticsQuery(
        start_ms=times[0],
        end_ms=times[1],
        breakdown=values.get("breakdown_type", "none"),
        interval=values.get("aggregation_interval", "day"),
        metric=values.get("metric", "credits"),
    )


class Metadata:
    """The endpoints without speech."""

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
            Route("/v1/models", self.list_models),
            Route("/v1/user", self.get_user),
            Route("/v1/user/subscription", self.get_subscription),
            Route("/v1/usage/character-stats", self.character_stats),
            Route("/v1/single-use-token/{kind}", self.create_token, methods=["POST"]),
        ]

    async def list_voices(self, request: Request) -> Response:
        """All voices."""
        authorize(self._state, request)
        return to_json({"voices": [voice_json(voice) for voice in self._voices()]})

    async def search_voices(self, request: Request) -> Response:
        """All voices, in one page of the newer form."""
        authorize(self._state, request)
        words = request.query_params.get("search", "").lower()
        voices = [voice_json(voice) for voice in self._voices()]
        found = [voice for voice in voices if words in f"{voice['name']} {voice['description']}".lower()]
        return to_json(
            {"voices": found, "has_more": False, "total_count": len(found), "next_page_token": None}
        )

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

    async def list_models(self, request: Request) -> Response:
        """The models, as a bare list."""
        authorize(self._state, request)
        return to_json([model_json(language_ids(self._voices()))])

    async def get_user(self, request: Request) -> Response:
        """Who holds this key."""
        account = authorize(self._state, request)
        return to_json(user_json(self._state.accounts.quota(account.name), len(self._voices())))

    async def get_subscription(self, request: Request) -> Response:
        """The subscription of this key's owner."""
        account = authorize(self._state, request)
        quota = self._state.accounts.quota(account.name)
        return to_json(user_json(quota, len(self._voices()))["subscription"])

    async def character_stats(self, request: Request) -> Response:
        """Usage of this key over time."""
        account = authorize(self._state, request)
        query = read_statistics_query(request.query_params)
        rows = await self._state.accounts.usage(account.name, *query.days)
        return to_json(character_statistics(query, rows))

    async def create_token(self, request: Request) -> Response:
        """A token for a browser, which must not see the key: it opens one socket within 15 minutes."""
        account = authorize(self._state, request)
        kind = request.path_params["kind"]
        if kind not in TOKEN_KINDS:
            known = ", ".join(TOKEN_KINDS)
            raise RemoteError("not_found", f"token kind: expected {known}, found {kind[:64]!r}", param="kind")
        return to_json({"token": self._state.tokens.mint(account)})

    def _voices(self) -> list[Voice]:
        return list(self._state.engine.catalogue.voices.values())

    def _voice(self, request: Request) -> Voice:
        authorize(self._state, request)
        voice_id = request.path_params["voice_id"]
        voice = self._state.engine.catalogue.find(voice_id)
        if voice is None:
            message = f"A voice with voice_id '{voice_id}' was not found."
            raise RemoteError("voice_not_found", message, param="voice_id")
        return voice
