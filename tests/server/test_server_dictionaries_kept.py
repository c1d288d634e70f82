"""Pronunciation dictionaries that a client stores, through ElevenLabs' package."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import elevenlabs
import httpx
import orjson
import pytest
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core import ApiError
from running import KEY, VOICE, hear, running, say

from zelitrio.server.dictionary_store import FOLDER, MAX_KEPT, MAX_VERSIONS
from zelitrio.text import Dictionaries, load_dictionary, load_front_end

BASE = "/v1/pronunciation-dictionaries"
ALIAS = {"type": "alias", "string_to_replace": "ZQL", "alias": "zebra queue language"}
IPA = {"type": "phoneme", "string_to_replace": "tomato", "phoneme": "təˈmɑːtoʊ", "alphabet": "ipa"}
CMU = {
    "type": "phoneme",
    "string_to_replace": "New Foobarton",
    "phoneme": "N UW1 F UW1 B AA2",
    "alphabet": "cmu-arpabet",
}
RULES = [ALIAS, IPA, CMU]
PLS = """<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" alphabet="ipa">
  <lexeme><grapheme>tomato</grapheme><phoneme>təˈmɑːtoʊ</phoneme></lexeme>
  <lexeme><grapheme>UN</grapheme><alias>United Nations</alias></lexeme>
</lexicon>"""


@asynccontextmanager
async def client_of(server) -> AsyncIterator[AsyncElevenLabs]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield AsyncElevenLabs(base_url=server.url, api_key=KEY, httpx_client=http)


async def words_of(server, text: str, *locators: tuple[str, str | None]) -> list[tuple[str, str]]:
    """Return the words of a text and their phones, as the server reads them."""
    body = {
        "text": text,
        "pronunciation_dictionary_locators": [
            {"pronunciation_dictionary_id": one, "version_id": version} for one, version in locators
        ],
    }
    async with server.http(headers={"xi-api-key": KEY}) as http:
        answer = await http.post("/v1/text/normalise", json=body)
    assert answer.status_code == 200, answer.text
    return [(word["spoken"], " ".join(word["phones"])) for word in answer.json()["words"]]


async def test_the_official_package_stores_changes_and_uses_rules(tmp_path):
    async with running(keys=[KEY], state_dir=tmp_path) as server, client_of(server) as client:
        api = client.pronunciation_dictionaries
        made = await api.create_from_rules(name="Brands", description="Ours", rules=RULES)
        assert made.version_rules_num == 3 and made.name == "Brands"
        plain = await words_of(server, "A tomato of ZQL in New Foobarton.")
        said = await words_of(server, "A tomato of ZQL in New Foobarton.", (made.id, made.version_id))
        assert plain != said
        assert ("tomato", "T AH0 M AA1 T OW0") in said
        assert [word for word, _ in said][3:6] == ["zebra", "queue", "language"]
        assert said[-1][1] == "N UW1 F UW1 B AA2"
        read = await api.get(made.id)
        assert [rule.string_to_replace for rule in read.rules] == ["ZQL", "tomato", "New Foobarton"]
        assert read.rules[1].phoneme == "təˈmɑːtoʊ" and read.permission_on_resource == "admin"
        added = await api.rules.add(
            made.id, rules=[{**ALIAS, "alias": "squid"}, {**ALIAS, "string_to_replace": "QQ"}]
        )
        assert added.version_rules_num == 4 and added.version_id != made.version_id
        assert ("squid", "S K W IH1 D") in await words_of(server, "ZQL", (made.id, None))
        assert len(await words_of(server, "ZQL", (made.id, made.version_id))) == 3
        removed = await api.rules.remove(made.id, rule_strings=["QQ", "tomato", "gone"])
        assert removed.version_rules_num == 2
        replaced = await api.rules.set(made.id, rules=[IPA])
        assert replaced.version_rules_num == 1
        assert (await api.update(made.id, name="Fruit")).name == "Fruit"
        assert (await api.update(made.id, archived=True)).archived_time_unix
        listed = await api.list(include_archived=False)
        assert listed.pronunciation_dictionaries == []


async def test_an_uploaded_file_is_returned_as_pls(tmp_path):
    async with running(keys=[KEY], state_dir=tmp_path) as server, client_of(server) as client:
        api = client.pronunciation_dictionaries
        for text in (PLS, "tomato\tT AH0 M AA1 T OW0\nUN -> United Nations\n"):
            made = await api.create_from_file(name="File", file=("a.pls", text.encode()))
            assert made.version_rules_num == 2
            said = await words_of(server, "A tomato of the UN.", (made.id, made.version_id))
            assert ("tomato", "T AH0 M AA1 T OW0") in said and said[-1][0] == "nations"
            data = b"".join([piece async for piece in api.download(made.id, made.version_id)])
            again = await api.create_from_file(name="Again", file=("b.pls", data))
            assert await words_of(server, "A tomato of the UN.", (again.id, None)) == said


async def test_everything_survives_a_restart(tmp_path):
    async with running(keys=[KEY], state_dir=tmp_path) as server, client_of(server) as client:
        made = await client.pronunciation_dictionaries.create_from_rules(name="Brands", rules=RULES)
        changed = await client.pronunciation_dictionaries.rules.add(made.id, rules=[{**ALIAS, "alias": "x"}])
        before = await client.pronunciation_dictionaries.get(made.id)
    (tmp_path / FOLDER / "pd_damaged.json").write_text("{")
    (tmp_path / FOLDER / "pd_newer.json").write_text('{"format": 2}')
    async with running(keys=[KEY], state_dir=tmp_path) as server, client_of(server) as client:
        assert await client.pronunciation_dictionaries.get(made.id) == before
        for version in (made.version_id, changed.version_id):
            assert await words_of(server, "ZQL", (made.id, version))
        assert len((await client.pronunciation_dictionaries.list()).pronunciation_dictionaries) == 1
        async with server.http(headers={"xi-api-key": KEY}) as http:
            assert (await http.delete(f"{BASE}/{made.id}")).status_code == 200
            assert (await http.get(f"{BASE}/{made.id}")).status_code == 404
    assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == ["pd_damaged.json", "pd_newer.json"]


async def test_sockets_and_http_use_the_named_dictionary(tmp_path):
    async with running(keys=[KEY], state_dir=tmp_path) as server, client_of(server) as client:
        rule = {**ALIAS, "alias": "one two three four five six"}
        made = await client.pronunciation_dictionaries.create_from_rules(name="Long", rules=[rule])
        locator = {"pronunciation_dictionary_id": made.id, "version_id": made.version_id}
        spoken: dict[str, int] = {}
        async with server.http(headers={"xi-api-key": KEY}) as http:
            for name, locators in (("plain", []), ("named", [locator])):
                body = {"text": "ZQL", "pronunciation_dictionary_locators": locators}
                answer = await http.post(f"/v1/text-to-speech/{VOICE}?output_format=pcm_24000", json=body)
                spoken[name] = len(answer.content)
                dialogue = {"inputs": [{"text": "ZQL", "voice_id": VOICE}]}
                answer = await http.post(
                    "/v1/text-to-dialogue?output_format=pcm_24000",
                    json=dialogue | {"pronunciation_dictionary_locators": locators},
                )
                assert len(answer.content) == spoken[name]
        assert spoken["named"] > spoken["plain"]
        async with server.socket(headers=[("xi-api-key", KEY)]) as socket:
            await say(socket, text=" ", pronunciation_dictionary_locators=[locator])
            await say(socket, text="ZQL")
            await say(socket, text="")
            frames = await hear(socket)
        assert sum(len(frame["audio"] or "") for frame in frames) * 3 // 4 == pytest.approx(
            spoken["named"], abs=8
        )


async def test_files_of_the_server_are_listed_first_and_cannot_be_changed(tmp_path):
    (tmp_path / "brands.txt").write_text("zelitrio\tZ EH1 L\nw3c -> the web\n")
    loaded = Dictionaries(load_front_end(), [load_dictionary(tmp_path / "brands.txt")])
    state = {"state_dir": tmp_path / "state", "dictionaries": loaded}
    async with running(keys=[KEY], **state) as server, client_of(server) as client:
        api = client.pronunciation_dictionaries
        await api.create_from_rules(name="a", rules=[ALIAS])
        listed = (await api.list()).pronunciation_dictionaries
        assert [(one.name, one.permission_on_resource) for one in listed] == [
            ("brands", "viewer"),
            ("a", "admin"),
        ]
        for change in (
            lambda: api.rules.add("brands", rules=[ALIAS]),
            lambda: api.rules.remove("brands", rule_strings=["zelitrio"]),
            lambda: api.update("brands", name="b"),
        ):
            with pytest.raises(ApiError) as caught:
                await change()
            assert caught.value.status_code == 403
        data = b"".join([piece async for piece in api.download("brands", listed[0].latest_version_id)])
        assert b"<grapheme>w3c</grapheme>" in data and b"Z EH1 L" in data
        assert await words_of(server, "zelitrio", ("brands", None)) == [("zelitrio", "Z EH1 L")]
        # A client's dictionary applies only to requests that name it.
        assert "zebra" not in [word for word, _ in await words_of(server, "ZQL")]


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ({"case_sensitive": True}, "nyc NYC", "city NYC"),
        ({"case_sensitive": False}, "nyc NYC xnyc", "city city xnyc"),
        ({"string_to_replace": "NYC", "case_sensitive": False}, "nyc NYC", "city city"),
        ({"string_to_replace": "ny", "word_boundaries": False}, "anyone", "acityone"),
        ({"string_to_replace": "&&", "alias": "and"}, "you && me", "you and me"),
    ],
)
async def test_an_alias_applies_to_its_case_and_place(tmp_path, rule, text, expected):
    rule = {"type": "alias", "string_to_replace": "nyc", "alias": "city", **rule}
    async with running(keys=[KEY], state_dir=tmp_path) as server, client_of(server) as client:
        made = await client.pronunciation_dictionaries.create_from_rules(name="a", rules=[rule])
        said = [word for word, _ in await words_of(server, text, (made.id, None))]
        assert said == [word for word, _ in await words_of(server, expected)]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("add-from-rules", {"rules": [ALIAS]}, "name"),
        ("add-from-rules", {"name": " ", "rules": [ALIAS]}, "name"),
        ("add-from-rules", {"name": "a"}, "rules"),
        ("add-from-rules", {"name": "a", "rules": []}, "rules"),
        ("add-from-rules", {"name": "a", "rules": [5]}, "rules"),
        ("add-from-rules", {"name": "a", "rules": [{"type": "alias"}]}, "rules.0.alias"),
        ("add-from-rules", {"name": "a", "rules": [ALIAS, {**IPA, "phoneme": "漢"}]}, "rules"),
        ("add-from-rules", {"name": "a", "rules": [{**CMU, "phoneme": "XX"}]}, "rules"),
        ("add-from-rules", {"name": "a", "rules": [{**IPA, "alphabet": "sampa"}]}, "rules.0.alphabet"),
        ("add-from-rules", {"name": "a", "rules": [{**ALIAS, "string_to_replace": "a" * 201}]}, "rules.0"),
        ("add-from-rules", {"name": "a", "rules": [ALIAS] * 2001}, "rules"),
    ],
)
async def test_an_error_names_the_wrong_rule_and_nothing_is_stored(tmp_path, path, body, param):
    async with running(state_dir=tmp_path) as server, server.http() as http:
        answer = await http.post(f"{BASE}/{path}", json=body)
        assert answer.status_code == 422
        assert ".".join(answer.json()["detail"][0]["loc"][1:]).startswith(param)
        assert (await http.get(BASE)).json()["pronunciation_dictionaries"] == []
        assert not list(tmp_path.glob(f"{FOLDER}/*"))


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"<lexicon", 422),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><lexicon/>", 422),
        (b"<lexicon/>", 422),
        (b"no tab here", 422),
        (b"\xff\xfe", 422),
    ],
)
async def test_a_wrong_file_is_refused(tmp_path, content, status):
    async with running(state_dir=tmp_path) as server, server.http() as http:
        files = {"file": ("a.pls", content)}
        answer = await http.post(f"{BASE}/add-from-file", data={"name": "a"}, files=files)
        assert answer.status_code == status, answer.text
        for kind in ("multipart/form-data", "multipart/form-data; boundary=x", "text/plain"):
            answer = await http.post(f"{BASE}/add-from-file", content=b"x", headers={"content-type": kind})
            assert answer.status_code == 400


async def test_the_number_of_dictionaries_and_of_versions_is_bounded(tmp_path):
    async with running(state_dir=tmp_path) as server, server.http() as http:
        body = {"name": "a", "rules": [ALIAS]}
        ids = [(await http.post(f"{BASE}/add-from-rules", json=body)).json()["id"] for _ in range(MAX_KEPT)]
        assert (await http.post(f"{BASE}/add-from-rules", json=body)).status_code == 400
        assert (await http.delete(f"{BASE}/{ids[0]}")).json() == {"status": "ok"}
        assert (await http.post(f"{BASE}/add-from-rules", json=body)).status_code == 200
        versions = []
        for number in range(MAX_VERSIONS + 3):
            rules = {"rules": [{**ALIAS, "alias": f"number {number}"}]}
            answer = await http.post(f"{BASE}/{ids[1]}/set-rules", json=rules)
            versions.append(answer.json()["version_id"])
        statuses = [(await http.get(f"{BASE}/{ids[1]}/{one}/download")).status_code for one in versions]
        assert statuses == [404] * 3 + [200] * MAX_VERSIONS
        pages, cursor = [], ""
        while cursor is not None:
            page = (await http.get(BASE, params={"page_size": 64, "cursor": cursor})).json()
            elevenlabs.GetPronunciationDictionariesMetadataResponseModel.model_validate(page)
            pages += [one["id"] for one in page["pronunciation_dictionaries"]]
            cursor = page["next_cursor"]
        assert len(pages) == len(set(pages)) == MAX_KEPT


async def test_a_disk_error_changes_nothing(tmp_path):
    (tmp_path / FOLDER).write_text("in the way")
    async with running(state_dir=tmp_path) as server, server.http() as http:
        answer = await http.post(f"{BASE}/add-from-rules", json={"name": "a", "rules": [ALIAS]})
        assert answer.status_code == 500
        assert (await http.get(BASE)).json()["pronunciation_dictionaries"] == []


async def test_without_a_state_directory_they_last_as_long_as_the_server():
    async with running() as server, server.http() as http:
        made = await http.post(f"{BASE}/add-from-rules", json={"name": "a", "rules": [ALIAS]})
        assert made.status_code == 200
        locator = {"pronunciation_dictionary_id": made.json()["id"], "version_id": made.json()["version_id"]}
        body = orjson.dumps({"text": "ZQL", "pronunciation_dictionary_locators": [locator]})
        answer = await http.post("/v1/text/normalise", content=body)
        assert len(answer.json()["words"]) == 3


async def test_a_wrong_method_gets_the_allowed_methods():
    async with running() as server, server.http() as http:
        answer = await http.put(f"{BASE}/any")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH"
        assert (await http.get(f"{BASE}/add-from-rules")).status_code == 404  # no dictionary of this id
        assert (await http.put(f"{BASE}/add-from-rules")).headers["allow"] == "POST"
