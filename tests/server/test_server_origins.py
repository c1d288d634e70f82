"""Pages of other origins are answered with a key and refused without one."""

from __future__ import annotations

import pytest
from running import KEY, VOICE, hear, read_all, running, say
from trio_websocket import HandshakeError

SPEECH = f"/v1/text-to-speech/{VOICE}"
TEXT = "A short text. "
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,xi-api-key",
    "access-control-request-private-network": "true",
}
ELSEWHERE = "https://elsewhere.example"
HERE = ["http://localhost:3000", "http://127.0.0.1:8020", "http://[::1]:80", "https://app.localhost"]
NOT_HERE = [
    ELSEWHERE,
    "null",
    "http://localhost.elsewhere.example",
    "http://127.0.0.1.elsewhere.example:8020",
    "http://elsewhere.example/localhost",
    "http://notlocalhost",
    "http://1127.0.0.1",
    "",
]


async def test_with_a_key_pages_of_any_origin_are_answered():
    async with running(keys=[KEY]) as server, server.http(headers={"origin": ELSEWHERE}) as http:
        leave = await http.options(f"{SPEECH}/stream", headers=PREFLIGHT)
        assert leave.status_code == 200
        assert leave.headers["access-control-allow-origin"] == "*"
        assert leave.headers["access-control-allow-headers"] == "content-type,xi-api-key"
        assert leave.headers["access-control-allow-private-network"] == "true"
        assert "POST" in leave.headers["access-control-allow-methods"]
        answer = await http.post(f"{SPEECH}/stream", json={"text": TEXT}, headers={"xi-api-key": KEY})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        exposed = set(answer.headers["access-control-expose-headers"].split(", "))
        assert {"request-id", "character-cost", "tts-latency-ms", "server-timing"} <= exposed
        refused = await http.post(f"{SPEECH}/stream", json={"text": TEXT})
        assert refused.status_code == 401 and refused.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("origin", NOT_HERE)
async def test_without_a_key_other_origins_are_refused_over_http_and_sockets(origin):
    async with running() as server, server.http(headers={"origin": origin}) as http:
        # A browser sends this without a preflight: the body has the type of a form.
        answer = await http.post(
            SPEECH, content=b'{"text": "Hello."}', headers={"content-type": "text/plain"}
        )
        assert answer.status_code == 403
        assert answer.json()["detail"]["code"] == "origin_not_allowed"
        assert "access-control-allow-origin" not in answer.headers
        assert (await http.options(SPEECH, headers=PREFLIGHT)).status_code == 403
        with pytest.RaisesGroup(pytest.RaisesExc(HandshakeError), flatten_subgroups=True):
            async with server.socket(headers=[("Origin", origin)]):
                pass


@pytest.mark.parametrize("origin", HERE)
async def test_without_a_key_pages_of_this_machine_are_allowed(origin):
    async with running() as server, server.http(headers={"origin": origin}) as http:
        leave = await http.options(SPEECH, headers=PREFLIGHT)
        assert (leave.status_code, leave.headers["access-control-allow-origin"]) == (200, origin)
        answer = await http.post(SPEECH, json={"text": TEXT})
        assert answer.status_code == 200 and answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]
        async with server.socket(headers=[("Origin", origin)]) as socket:
            await say(socket, text=TEXT)
            await say(socket, text="")
            assert (await hear(socket))[-1]["isFinal"]


async def test_only_named_origins_are_allowed():
    named = ("https://One.Example", "null")  # browsers write hosts in lower case
    for keys in ([], [KEY]):
        async with running(keys=keys, cors_origins=named) as server, server.http() as http:
            for origin, status in (("https://one.example", 200), ("null", 200), (ELSEWHERE, 403)):
                answer = await http.get("/live", headers={"origin": origin})
                assert answer.status_code == status


@pytest.mark.parametrize(("keys", "status"), [([KEY], 200), ([], 403)])
async def test_the_servers_own_name_is_an_allowed_origin_only_with_a_key(keys, status):
    own = {"host": "speech.example:8020", "origin": "http://Speech.example:8020"}
    async with running(keys=keys, cors_origins=("https://one.example",)) as server, server.http() as http:
        assert (await http.get("/live", headers=own)).status_code == status


async def test_any_origin_can_be_allowed_without_a_key():
    async with running(cors_origins=("*",)) as server, server.http(headers={"origin": ELSEWHERE}) as http:
        assert (await http.post(SPEECH, json={"text": TEXT})).status_code == 200


async def test_the_second_request_of_a_connection_is_checked_too():
    async with running() as server, server.http() as http:
        assert (await http.get("/live")).status_code == 200
        assert (await http.get("/live", headers={"origin": ELSEWHERE})).status_code == 403


HOSTS = [
    ("127.0.0.1:8020", True),
    ("localhost", True),
    ("LOCALHOST:8020", True),
    ("voice.localhost:1", True),
    ("[::1]:8020", True),
    ("tts", True),
    ("named.example:443", True),
    ("evil.example", False),
    ("evil.example.:8020", False),
    ("127.0.0.1.evil.example", False),
    ("localhost.evil.example", False),
    ("1.2.3.4.5", False),
]


@pytest.mark.parametrize(("host", "allowed"), HOSTS)
async def test_without_a_key_a_public_name_is_refused_as_a_host(host, allowed):
    async with running(cors_origins=("https://named.example",)) as server, server.http() as http:
        for path in ("/live", "/v1/voices", "/metrics", "/docs"):
            answer = await http.get(path, headers={"host": host})
            assert answer.status_code == (200 if allowed else 403), answer.text
    async with running(keys=[KEY]) as server, server.http() as http:
        assert (await http.get("/live", headers={"host": host})).status_code == 200


async def test_a_request_without_a_host_is_accepted_because_browsers_send_one():
    async with running() as server, await server.connect() as stream:
        await stream.send_all(b"GET /live HTTP/1.0\r\n\r\n")
        assert (await read_all(stream)).startswith(b"HTTP/1.1 200")
