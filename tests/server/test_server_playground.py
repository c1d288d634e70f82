"""The playground's files over HTTP: small, complete, and from this server only."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest
from running import KEY, running

from zelitrio.server.playground.pages import page_files
from zelitrio.settings import VoiceSettings, range_of

BUDGET_BYTES = 100_000
PICTURE_BYTES = 200_000
ROOT = Path(__file__).parents[2]


def test_the_page_is_small():
    assert sum(len(file.content) for file in page_files().values()) < BUDGET_BYTES


def test_readme_begins_with_a_small_picture_of_it():
    beginning = (ROOT / "README.md").read_text("utf-8").partition("\n## ")[0]
    (picture,) = re.findall(r"!\[[^]]+\]\((docs/[\w.]+)\)", beginning)
    assert (ROOT / picture).stat().st_size < PICTURE_BYTES


def test_the_page_names_no_other_server():
    for name, file in page_files().items():
        links = set(re.findall(r"\b(?:https?|wss?)://[\w.-]+", file.content.decode()))
        assert links <= {"http://www.w3.org"}, name  # the namespace of SVG


def test_every_referenced_file_exists_and_every_file_is_referenced():
    texts = {name: file.content.decode() for name, file in page_files().items()}
    named = set(re.findall(r'"playground/([\w.]+)"', texts["index.html"]))
    for text in texts.values():
        named |= set(re.findall(r'from "\./([\w.]+)"', text))
        named |= set(re.findall(r'new URL\("([\w.]+)", import\.meta\.url\)', text))
    assert named == set(texts) - {"index.html"}


@pytest.mark.parametrize("path", ["/", "/playground"])
async def test_the_page_is_served_without_a_key(path):
    async with running(keys=[KEY]) as server, server.http() as http:
        answer = await http.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "<title>zelitrio playground</title>" in answer.text
        assert (await http.head(path)).status_code == 200


async def test_each_file_has_its_type_and_security_headers():
    types = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    async with running() as server, server.http() as http:
        for name in {"", *page_files()} - {"index.html"}:
            answer = await http.get(f"/playground/{name}".rstrip("/"))
            assert answer.status_code == 200, name
            assert answer.headers["content-type"].startswith(types[name.rpartition(".")[2] or "html"])
            assert answer.headers["x-content-type-options"] == "nosniff"
            policy = dict(
                rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; ")
            )
            assert policy["default-src"] == "'none'"
            fetched = [value for rule, value in policy.items() if rule.endswith("-src")]
            assert set(fetched) == {"'self'", "'none'"}
            assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"


async def test_a_file_that_the_browser_has_is_not_sent_again():
    async with running() as server, server.http() as http:
        first = await http.get("/playground/app.js")
        again = await http.get("/playground/app.js", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        changed = await http.get("/playground/app.js", headers={"if-none-match": '"another"'})
        assert changed.status_code == 200


@pytest.mark.parametrize("name", ["missing.js", "index.html", "pages.py", "..%2fpages.py", "a/b"])
async def test_nothing_else_is_served(name):
    async with running() as server, server.http() as http:
        answer = await http.get(f"/playground/{name}")
        assert answer.status_code == 404
        assert answer.json()["detail"]["code"] == "not_found"


def test_its_sliders_have_the_ranges_and_the_defaults_of_the_settings():
    script = page_files()["app.js"].content.decode()
    settings = attrs.fields_dict(VoiceSettings)
    for name in ("speed", "stability", "style"):
        (slider,) = re.findall(rf"^  {name}: {{ (.*) }},$", script, re.MULTILINE)
        said = {key: float(value) for key, value in re.findall(r"\b(min|max|value): ([\d.]+)", slider)}
        low, high = range_of(VoiceSettings, name)
        assert (said.get("min", 0), said.get("max", 1), said["value"]) == (low, high, settings[name].default)
