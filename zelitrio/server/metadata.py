"""Endpoints for the user, the subscription, the usage and single-use tokens."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.accounts import (
    BREAKDOWNS,
    INTERVALS,
    MAX_UNIX_MS,
    METRICS,
    Quota,
    StatisticsQuery,
    character_statistics,
)
from zelitrio.errors import RemoteError
from zelitrio.server.json_answer import to_json
from zelitrio.server.operation import Endpoints, operation
from zelitrio.server.query import Whole, Word
from zelitrio.server.requests import authorize

TOKEN_KINDS = ("tts_websocket",)
NO_LIMIT = 10_000_000
"""Sent for "no limit", because clients expect a number."""
_START, _END = Whole("start_unix", 0, MAX_UNIX_MS), Whole("end_unix", 0, MAX_UNIX_MS)
_BREAKDOWN = Word("breakdown_type", tuple(BREAKDOWNS))
_INTERVAL = Word("aggregation_interval", tuple(INTERVALS))
_METRIC = Word("metric", tuple(METRICS))


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


def read_statistics_query(query: QueryParams) -> StatisticsQuery:
    """Read the parameters of a usage request.

    Raises:
        RemoteError: `invalid_parameters`, with the name of the parameter.
    """
    return StatisticsQuery(
        start_ms=_START.read(query),
        end_ms=_END.read(query),
        breakdown=_BREAKDOWN.read(query) or "none",
        interval=_INTERVAL.read(query) or "day",
        metric=_METRIC.read(query) or "credits",
    )


class Metadata(Endpoints):
    """The endpoints without speech."""

    @operation("GET", "/v1/user")
    async def get_user(self, request: Request) -> Response:
        """Who holds this key."""
        account = authorize(self._state, request)
        return to_json(
            user_json(self._state.access.accounts.quota(account.name), len(self._state.engine.catalogue))
        )

    @operation("GET", "/v1/user/subscription")
    async def get_subscription(self, request: Request) -> Response:
        """The subscription of this key's owner."""
        account = authorize(self._state, request)
        quota = self._state.access.accounts.quota(account.name)
        return to_json(user_json(quota, len(self._state.engine.catalogue))["subscription"])

    @operation("GET", "/v1/usage/character-stats", _START, _END, _BREAKDOWN, _INTERVAL, _METRIC)
    async def character_stats(self, request: Request) -> Response:
        """Usage of this key over time."""
        account = authorize(self._state, request)
        query = read_statistics_query(request.query_params)
        rows = await self._state.access.accounts.usage(account.name, *query.days)
        return to_json(character_statistics(query, rows))

    @operation("POST", "/v1/single-use-token/{kind}")
    async def create_token(self, request: Request) -> Response:
        """A token for a browser, which must not see the key: it opens one socket within 15 minutes."""
        account = authorize(self._state, request)
        kind = request.path_params["kind"]
        if kind not in TOKEN_KINDS:
            known = ", ".join(TOKEN_KINDS)
            raise RemoteError("not_found", f"token kind: expected {known}, found {kind[:64]!r}", param="kind")
        return to_json({"token": self._state.access.tokens.mint(account)})
