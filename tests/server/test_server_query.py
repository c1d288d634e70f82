"""The parameters of a query: the reader and the schema agree, and routes with fixed paths come first."""

from __future__ import annotations

import pytest
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.errors import RemoteError
from zelitrio.server.operation import Endpoints, operation, operation_of
from zelitrio.server.query import Flag, Page, PageToken, Parameter, Text, Texts, Whole, Word

SIZE = Whole("size", 1, 3, default=2)
WHEN = Whole("when", 0, 10**15 - 1)
PAGE = Page(SIZE, PageToken("after"))
LETTERS = "abcde"


@pytest.mark.parametrize(
    ("parameter", "query", "expected"),
    [
        (Text("q"), "", None),
        (Text("q"), "q=", None),
        (Text("q"), "q=a+b", "a b"),
        (Texts("q"), "q=a&q=&q=b", ["a", "b"]),
        (Word("q", ("a", "b")), "", None),
        (Word("q", ("a", "b"), default="b"), "q=", "b"),
        (Word("q", ("a", "b")), "q=a", "a"),
        (Flag("q"), "", False),
        (Flag("q", default=True), "", True),
        (Flag("q", default=True), "q=False", False),
        (SIZE, "", 2),
        (SIZE, "size=3", 3),
        (WHEN, "when=999999999999999", 999_999_999_999_999),
    ],
)
def test_a_parameter_is_read(parameter: Parameter, query: str, expected: object) -> None:
    assert parameter.read(QueryParams(query)) == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("parameter", "query"),
    [
        (Word("q", ("a", "b")), "q=c"),
        (Texts("q", max_items=1), "q=a&q=b"),
        (Flag("q"), "q=perhaps"),
        (SIZE, "size=0"),
        (SIZE, "size=4"),
        (SIZE, "size=-1"),
        (SIZE, "size=٣"),
        (SIZE, "size="),
        (WHEN, ""),
        (WHEN, "when=1000000000000000"),
    ],
)
def test_a_wrong_value_is_refused_with_the_parameter_s_name(parameter: Parameter, query: str) -> None:
    with pytest.raises(RemoteError) as caught:
        parameter.read(QueryParams(query))  # type: ignore[attr-defined]
    assert (caught.value.code, caught.value.param) == ("invalid_parameters", parameter.name)
    assert caught.value.message.startswith(f"{parameter.name}: expected ")


def test_only_a_number_without_a_default_is_required() -> None:
    assert [one.is_required for one in (Text("q"), Texts("q"), Flag("q"), Word("q", ()), SIZE, WHEN)] == [
        *[False] * 5,
        True,
    ]


def test_pages_hold_every_item_once_and_the_last_one_has_no_token() -> None:
    seen, token = [], ""
    while token is not None:
        page, token = PAGE.of(LETTERS, list(LETTERS), QueryParams({"after": token}))
        seen.append("".join(page))
    assert seen == ["ab", "cd", "e"]


def test_an_empty_list_is_one_page_and_an_unknown_token_is_refused() -> None:
    assert PAGE.of("", [], QueryParams("")) == ("", None)
    with pytest.raises(RemoteError, match="after: expected the token of a page before, found 'z'"):
        PAGE.of(LETTERS, list(LETTERS), QueryParams("after=z"))


class Letters(Endpoints):
    @operation("GET", "/letters/{name}", errors=("500",))
    async def one(self, request: Request) -> Response:
        return Response()

    @operation("POST", "/letters/add", body="Letter")
    async def add(self, request: Request) -> Response:
        return Response()

    async def helper(self, request: Request) -> Response:
        return Response()


def test_the_marked_methods_are_the_routes_with_fixed_paths_first() -> None:
    routes = Letters(None).routes()  # type: ignore[arg-type]
    assert [route.path for route in routes] == ["/letters/add", "/letters/{name}"]
    said = [operation_of(route.endpoint) for route in routes]
    assert [one and (one.method, one.body, one.errors) for one in said] == [
        ("POST", "Letter", ()),
        ("GET", None, ("500",)),
    ]
