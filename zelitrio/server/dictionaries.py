"""Endpoints for pronunciation dictionaries: those that clients keep, and those of `--lexicon` (read only)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import attrs
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol import RuleRequest, parse_dictionary_request
from zelitrio.server.dictionary_store import KeptDictionary, Version, dictionary_not_found
from zelitrio.server.form import form_text, read_form
from zelitrio.server.json_answer import to_json
from zelitrio.server.operation import Endpoints, operation
from zelitrio.server.query import Flag, Page, PageToken, Whole, Word
from zelitrio.server.requests import authorize, read_body
from zelitrio.text import Dictionary, Rule, pls_of, rules_from_file, rules_of

_PAGE = Page(Whole("page_size", 1, 100, default=30), PageToken("cursor"))
_SORT = Word("sort", ("creation_time_unix", "name"))
_DIRECTION = Word("sort_direction", ("ascending", "descending", "asc", "desc"))
_ARCHIVED = Flag("include_archived", default=True)
_ALL = "/v1/pronunciation-dictionaries"
_ONE = f"{_ALL}/{{dictionary_id}}"
PLS = "application/pls+xml"


def kept_of(file: Dictionary) -> KeptDictionary:
    """Convert a dictionary of `--lexicon` to the type of those that clients keep."""
    return KeptDictionary(
        dictionary_id=file.dictionary_id,
        name=file.dictionary_id,
        description=None,
        created_by="zelitrio",
        created_at=file.modified_at,
        versions=(Version(rules_of(file), file),),
    )


def dictionary_json(kept: KeptDictionary, *, can_change: bool = True) -> dict[str, Any]:
    """A dictionary in the vendor's format."""
    return {
        "id": kept.dictionary_id,
        "latest_version_id": kept.latest.version_id,
        "latest_version_rules_num": len(kept.latest.rules),
        "name": kept.name,
        "permission_on_resource": "admin" if can_change else "viewer",
        "created_by": kept.created_by,
        "creation_time_unix": kept.created_at,
        "archived_time_unix": kept.archived_at,
        "description": kept.description,
    }


def created_json(kept: KeptDictionary) -> dict[str, Any]:
    """The answer to a request that created a dictionary."""
    return {
        "id": kept.dictionary_id,
        "name": kept.name,
        "created_by": kept.created_by,
        "creation_time_unix": kept.created_at,
        "description": kept.description,
        "permission_on_resource": "admin",
        **changed_json(kept),
    }


def changed_json(kept: KeptDictionary) -> dict[str, Any]:
    """The answer to a request that created a version."""
    return {
        "id": kept.dictionary_id,
        "version_id": kept.latest.version_id,
        "version_rules_num": len(kept.latest.rules),
    }


def rules_json(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """Rules in the vendor's format."""
    return [
        {
            "type": "phoneme" if rule.alias is None else "alias",
            "string_to_replace": rule.written,
            **(
                {"phoneme": rule.phoneme, "alphabet": rule.alphabet}
                if rule.alias is None
                else {"alias": rule.alias}
            ),
            "case_sensitive": rule.case_sensitive,
            "word_boundaries": rule.word_boundaries,
        }
        for rule in rules
    ]


def without(rules: Sequence[Rule], strings: Sequence[str]) -> tuple[Rule, ...]:
    """The rules for texts other than `strings`."""
    dropped = set(strings)
    return tuple(rule for rule in rules if rule.written not in dropped)


class DictionaryEndpoints(Endpoints):
    """The endpoints under `/v1/pronunciation-dictionaries`."""

    @operation("GET", _ALL, _PAGE.size, _PAGE.after, _SORT, _DIRECTION, _ARCHIVED)
    async def list_dictionaries(self, request: Request) -> Response:
        """Dictionaries in pages; those of `--lexicon` hold for every request that names none."""
        authorize(self._state, request)
        query = request.query_params
        archived = _ARCHIVED.read(query)
        found = [one for one in self._all() if archived or one.archived_at is None]
        sort = _SORT.read(query)
        if sort == "name":
            found.sort(key=lambda one: one.name.lower())
        elif sort is not None:
            found.sort(key=lambda one: one.created_at)
        if (_DIRECTION.read(query) or "").startswith("desc"):
            found.reverse()
        page, following = _PAGE.of(found, [one.dictionary_id for one in found], query)
        return to_json(
            {
                "pronunciation_dictionaries": [self._json(one) for one in page],
                "next_cursor": following,
                "has_more": following is not None,
            }
        )

    @operation("GET", _ONE)
    async def get_dictionary(self, request: Request) -> Response:
        """One dictionary, with its latest rules."""
        kept = self._found(request)
        return to_json(self._json(kept) | {"rules": rules_json(kept.latest.rules)})

    @operation("GET", f"{_ONE}/{{version_id}}/download")
    async def download_dictionary(self, request: Request) -> Response:
        """A version of a dictionary as a PLS file."""
        kept = self._found(request)
        version = kept.version(request.path_params["version_id"])
        if version is None:
            raise dictionary_not_found(f"{kept.dictionary_id}/{request.path_params['version_id']}")
        name = f'attachment; filename="{kept.dictionary_id}.pls"'
        return Response(pls_of(version.rules), media_type=PLS, headers={"content-disposition": name})

    @operation("POST", f"{_ALL}/add-from-rules", body="NewDictionary", errors=("403",))
    async def add_dictionary_from_rules(self, request: Request) -> Response:
        """Keep a new dictionary of rules."""
        account = authorize(self._state, request)
        wanted = parse_dictionary_request(await read_body(self._state, request), "NewDictionary")
        kept = await self._state.dictionaries.add(
            wanted.name or "", wanted.description, account.name, _rules(wanted.rules)
        )
        return to_json(created_json(kept))

    @operation("POST", f"{_ALL}/add-from-file", body="DictionaryFile", errors=("403",))
    async def add_dictionary_from_file(self, request: Request) -> Response:
        """Keep a new dictionary of a PLS file, or of a table as `--lexicon` takes it."""
        account = authorize(self._state, request)
        fields = read_form(request.headers.get("content-type", ""), await read_body(self._state, request))
        name = (form_text(fields, "name") or "").strip()
        text = form_text(fields, "file")
        for field, value in (("name", name), ("file", text)):
            if not value:
                raise RemoteError("missing", "Field required", param=field)
        try:
            rules = rules_from_file(text or "")
        except LocalError as error:
            raise RemoteError("value_error", str(error), param="file") from error
        if not rules:
            raise RemoteError("value_error", "file: expected at least one rule, found none", param="file")
        description = form_text(fields, "description")
        kept = await self._state.dictionaries.add(name[:200], description, account.name, rules)
        return to_json(created_json(kept))

    @operation("POST", f"{_ONE}/add-rules", body="RulesRequest", errors=("403",))
    async def add_rules(self, request: Request) -> Response:
        """Add rules to a dictionary, or change those for the same texts."""
        kept = self._own(request)
        wanted = parse_dictionary_request(await read_body(self._state, request), "RulesRequest")
        added = _rules(wanted.rules)
        rest = without(kept.latest.rules, [rule.written for rule in added])
        return to_json(changed_json(await self._state.dictionaries.set_rules(kept, (*rest, *added))))

    @operation("POST", f"{_ONE}/set-rules", body="RulesRequest", errors=("403",))
    async def set_rules(self, request: Request) -> Response:
        """Put rules in the place of all that a dictionary has."""
        kept = self._own(request)
        wanted = parse_dictionary_request(await read_body(self._state, request), "RulesRequest")
        return to_json(changed_json(await self._state.dictionaries.set_rules(kept, _rules(wanted.rules))))

    @operation("POST", f"{_ONE}/remove-rules", body="RuleStrings", errors=("403",))
    async def remove_rules(self, request: Request) -> Response:
        """Remove the rules for some texts from a dictionary."""
        kept = self._own(request)
        wanted = parse_dictionary_request(await read_body(self._state, request), "RuleStrings")
        rest = without(kept.latest.rules, wanted.rule_strings)
        return to_json(changed_json(await self._state.dictionaries.set_rules(kept, rest)))

    @operation("PATCH", _ONE, body="DictionaryUpdate", errors=("403",))
    async def update_dictionary(self, request: Request) -> Response:
        """Change a dictionary's name, or archive it; its versions stay."""
        kept = self._own(request)
        wanted = parse_dictionary_request(await read_body(self._state, request), "DictionaryUpdate")
        changed = attrs.evolve(kept, name=wanted.name or kept.name)
        if wanted.is_archived is not None:
            changed = attrs.evolve(changed, archived_at=int(time.time()) if wanted.is_archived else None)
        return to_json(dictionary_json(await self._state.dictionaries.change(changed)))

    @operation("DELETE", _ONE, errors=("403", "500"))
    async def delete_dictionary(self, request: Request) -> Response:
        """Delete a dictionary with all its versions."""
        await self._state.dictionaries.remove(self._own(request))
        return to_json({"status": "ok"})

    def _all(self) -> list[KeptDictionary]:
        return [*map(kept_of, self._state.service.dictionaries or ()), *self._state.dictionaries]

    def _json(self, kept: KeptDictionary) -> dict[str, Any]:
        can_change = self._state.dictionaries.find(kept.dictionary_id) is not None
        return dictionary_json(kept, can_change=can_change)

    def _found(self, request: Request) -> KeptDictionary:
        authorize(self._state, request)
        wanted = request.path_params["dictionary_id"]
        kept = next((one for one in self._all() if one.dictionary_id == wanted), None)
        if kept is None:
            raise dictionary_not_found(wanted)
        return kept

    def _own(self, request: Request) -> KeptDictionary:
        kept = self._found(request)
        if self._state.dictionaries.find(kept.dictionary_id) is None:
            message = "This dictionary is a file of the server and cannot be changed."
            raise RemoteError("missing_permissions", message, param="dictionary_id")
        return kept


def _rules(wanted: Sequence[RuleRequest] | None) -> tuple[Rule, ...]:
    return tuple(Rule(**attrs.asdict(one)) for one in wanted or ())
