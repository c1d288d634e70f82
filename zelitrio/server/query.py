"""Parameters of a query: each reads itself from a request and has a schema for OpenAPI."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TypeVar

import attrs
from starlette.datastructures import QueryParams

from zelitrio.audio import FORMATS
from zelitrio.errors import RemoteError
from zelitrio.protocol import query_flag
from zelitrio.server.openapi_schemas import Schema

Item = TypeVar("Item")


@attrs.frozen
class Parameter(ABC):
    """A parameter by name; `read` raises `invalid_parameters` for a wrong value."""

    name: str

    @property
    @abstractmethod
    def schema(self) -> Schema:
        """The schema of its values."""

    @property
    def is_required(self) -> bool:
        """Whether every request must have it."""
        return False


@attrs.frozen
class Text(Parameter):
    """Any text; empty counts as absent."""

    description: str = ""

    @property
    def schema(self) -> Schema:
        """See Parameter."""
        return {"type": "string", **({"description": self.description} if self.description else {})}

    def read(self, query: QueryParams) -> str | None:
        """The text; None if it is absent."""
        return query.get(self.name) or None


@attrs.frozen
class PageToken(Text):
    """A text that an earlier answer gave to the client."""

    @property
    def schema(self) -> Schema:
        """See Parameter; the schema can allow only an absent token."""
        return {"enum": [""]}


@attrs.frozen
class Texts(Parameter):
    """Up to `max_items` texts: the parameter may repeat."""

    max_items: int = 100

    @property
    def schema(self) -> Schema:
        """See Parameter."""
        return {"type": "array", "items": {"type": "string"}, "maxItems": self.max_items}

    def read(self, query: QueryParams) -> list[str]:
        """The texts that are not empty."""
        found = [value for value in query.getlist(self.name) if value]
        if len(found) > self.max_items:
            raise wrong(self.name, f"at most {self.max_items} values", str(len(found)))
        return found


@attrs.frozen
class Word(Parameter):
    """One of a few words; empty counts as absent."""

    allowed: Sequence[str]
    default: str | None = None

    @property
    def schema(self) -> Schema:
        """See Parameter."""
        return {"enum": [*self.allowed, ""], **({"default": self.default} if self.default else {})}

    def read(self, query: QueryParams) -> str | None:
        """The word; the default if it is absent."""
        value = query.get(self.name) or self.default
        if value is not None and value not in self.allowed:
            raise wrong(self.name, ", ".join(self.allowed), value)
        return value


@attrs.frozen
class Flag(Parameter):
    """True or false."""

    default: bool = False

    @property
    def schema(self) -> Schema:
        """See Parameter."""
        return {"type": "boolean", "default": self.default}

    def read(self, query: QueryParams) -> bool:
        """The value; the default if it is absent."""
        return query_flag(query, self.name) if self.name in query else self.default


@attrs.frozen
class Whole(Parameter):
    """A whole number from `low` to `high`; without a default it is required."""

    low: int
    high: int
    default: int | None = None

    @property
    def schema(self) -> Schema:
        """See Parameter."""
        schema: Schema = {"type": "integer", "minimum": self.low, "maximum": self.high}
        return schema if self.default is None else {**schema, "default": self.default}

    @property
    def is_required(self) -> bool:
        """See Parameter."""
        return self.default is None

    def read(self, query: QueryParams) -> int:
        """The number; the default if it is absent."""
        text = query.get(self.name, "" if self.default is None else str(self.default))
        if not re.fullmatch("[0-9]{1,15}", text) or not self.low <= int(text) <= self.high:
            raise wrong(self.name, f"a whole number from {self.low} to {self.high}", text)
        return int(text)


@attrs.frozen
class Page:
    """A page of a list: its size, and the token of the last item before it."""

    size: Whole
    after: PageToken

    def of(
        self, items: Sequence[Item], tokens: Sequence[str], query: QueryParams
    ) -> tuple[Sequence[Item], str | None]:
        """The requested page, and the token of the next one; None after the last page.

        Raises:
            RemoteError: `invalid_parameters`: the size is out of range, or no item has that token.
        """
        size, token, first = self.size.read(query), self.after.read(query), 0
        if token is not None:
            if token not in tokens:
                raise wrong(self.after.name, "the token of a page before", token)
            first = tokens.index(token) + 1
        last = first + size
        return items[first:last], tokens[last - 1] if last < len(items) else None


def output_format(default: str) -> Word:
    """The parameter that names the format of the audio."""
    return Word("output_format", sorted(FORMATS), default)


def wrong(name: str, expected: str, found: str) -> RemoteError:
    """The error for a parameter of a query."""
    message = f"{name}: expected {expected}, found {found[:64]!r}"
    return RemoteError("invalid_parameters", message, param=name)
