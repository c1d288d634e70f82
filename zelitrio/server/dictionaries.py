"""Pronunciation dictionaries, as a client looks them up: what `--lexicon` loaded, read only."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zelitrio.errors import RemoteError
from zelitrio.server.json_answer import to_json
from zelitrio.server.requests import authorize
from zelitrio.server.state import ServerState
from zelitrio.text import Dictionary


def dictionary_json(one: Dictionary) -> dict[str, Any]:
    """A dictionary as the vendor's clients know it."""
    return {
        "id": one.dictionary_id,
        "latest_version_id": one.version_id,
        "latest_version_rules_num": len(one.entries) + len(one.aliases),
        "name": one.dictionary_id,
        "permission_on_resource": "viewer",
        "created_by": "zelitrio",
        "creation_time_unix": one.modified_at,
        "archived_time_unix": None,
        "description": None,
    }


def rules_json(one: Dictionary) -> list[dict[str, Any]]:
    """Its rules, one for each word."""
    return [
        {
            "type": "phoneme",
            "string_to_replace": word,
            "phoneme": " ".join(phones),
            "alphabet": "cmu-arpabet",
            "case_sensitive": False,
            "word_boundaries": True,
        }
        for word, phones in one.entries.items()
    ] + [
        {
            "type": "alias",
            "string_to_replace": word,
            "alias": said,
            "case_sensitive": word != word.lower(),
            "word_boundaries": True,
        }
        for word, said in one.aliases.items()
    ]


class DictionaryEndpoints:
    """The endpoints under `/v1/pronunciation-dictionaries`."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """Where they live."""
        base = "/v1/pronunciation-dictionaries"
        return [Route(base, self.list_dictionaries), Route(f"{base}/{{dictionary_id}}", self.get_dictionary)]

    async def list_dictionaries(self, request: Request) -> Response:
        """All of them, on one page."""
        authorize(self._state, request)
        loaded = [dictionary_json(one) for one in self._state.service.dictionaries or ()]
        return to_json({"pronunciation_dictionaries": loaded, "next_cursor": None, "has_more": False})

    async def get_dictionary(self, request: Request) -> Response:
        """One of them, with what it says."""
        authorize(self._state, request)
        dictionary_id = request.path_params["dictionary_id"]
        dictionaries = self._state.service.dictionaries
        found = dictionaries.find(dictionary_id) if dictionaries is not None else None
        if found is None:
            message = f"A pronunciation dictionary with id {dictionary_id[:64]!r} does not exist."
            raise RemoteError("pronunciation_dictionary_not_found", message, param="dictionary_id")
        return to_json(dictionary_json(found) | {"rules": rules_json(found)})
