"""The operation of an endpoint, the source of routes and of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs
from starlette.routing import Route

from zelitrio.server.query import Parameter
from zelitrio.server.state import ServerState

Endpoint = TypeVar("Endpoint", bound=Callable[..., object])


@attrs.frozen(kw_only=True)
class Operation:
    """One method at one path.

    Attributes:
        queries: parameters of the query.
        body: name of the body's schema; None: no body.
        errors: statuses besides those that follow from the rest.
        is_open: it needs no key.
        is_openai: its errors have OpenAI's shape.
        speaks: its answer has the headers of speech.
    """

    method: str
    path: str
    queries: tuple[Parameter, ...] = ()
    body: str | None = None
    errors: tuple[str, ...] = ()
    is_open: bool = False
    is_openai: bool = False
    speaks: bool = False


def operation(method: str, path: str, *queries: Parameter, **more: Any) -> Callable[[Endpoint], Endpoint]:
    """Mark a method of `Endpoints` as an endpoint; `more` holds further attributes of its `Operation`."""
    said = Operation(method=method, path=path, queries=queries, **more)

    def mark(endpoint: Endpoint) -> Endpoint:
        vars(endpoint)["operation"] = said
        return endpoint

    return mark


def operation_of(endpoint: Callable[..., object]) -> Operation | None:
    """The operation that an endpoint was marked with."""
    return getattr(endpoint, "operation", None)


class Endpoints:
    """A group of endpoints: its methods that `operation` marks."""

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        """A route for each: `/a/b` comes before `/a/{name}`, which matches it too."""
        said = {name: operation_of(member) for name, member in vars(type(self)).items()}
        routes = [
            Route(one.path, getattr(self, name), methods=[one.method]) for name, one in said.items() if one
        ]
        return sorted(routes, key=lambda route: "{" in route.path)
