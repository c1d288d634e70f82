"""Paths as clients and proxies write them, and addresses in the server's answers."""

from __future__ import annotations

import socket

import pytest
import trio
from running import KEY, VOICE, hear, running, say

from zelitrio.errors import LocalError
from zelitrio.server.places import Place, Places
from zelitrio.settings import ServerSettings

FORWARDED = {
    "x-forwarded-proto": "https",
    "x-forwarded-host": "speech.example.com",
    "x-forwarded-prefix": "/tts",
}


def written_twice(path: str) -> list[str]:
    return [path, path + "/", "/" + path, path.replace("/v1/", "/v1//"), "//" + path + "//"]


@pytest.mark.parametrize("path", written_twice("/v1/voices") + written_twice("/openapi.json"))
async def test_slashes_too_many_are_the_same_path_without_a_redirect(path):
    async with running() as server, await server.connect() as stream:
        await stream.send_all(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        answer = b"".join([piece async for piece in stream])
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_whole_url_in_the_request_line_is_the_path_in_it():
    async with running() as server, await server.connect() as stream:
        await stream.send_all(b"GET http://localhost/v1/voices HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("prefix", ["", "/", "/tts", "/tts//", "//tts"])
async def test_a_socket_opens_at_every_spelling_of_its_path(prefix):
    target = f"{prefix}/v1/text-to-speech/{VOICE}/stream-input?output_format=pcm_24000"
    async with running(root_path="/tts") as server, server.socket_at(target) as socket:
        await say(socket, text="Hello there. ")
        await say(socket, text="")
        assert (await hear(socket))[-1]["isFinal"]


@pytest.mark.parametrize("path", ["/tts/v1/voices", "/v1/voices", "/tts/v1/voices/", "//tts//v1/voices"])
async def test_a_root_path_is_served_with_and_without_it(path):
    async with running(root_path="/tts") as server, server.http() as http:
        assert (await http.get(server.url + path)).status_code == 200
        assert (await http.get("/ttsx/v1/voices")).status_code == 404
        servers = (await http.get("/tts/openapi.json")).json()["servers"]
        assert servers == [{"url": f"{server.url}/tts"}]


@pytest.mark.parametrize("written", ["tts", "/tts", "tts/", "/tts/", "//tts//"])
async def test_a_root_path_may_be_written_with_and_without_slashes_at_its_ends(written):
    async with running(root_path=written) as server, server.http() as http:
        assert (await http.get("/tts/openapi.json")).json()["servers"] == [{"url": f"{server.url}/tts"}]
        assert (await http.get("/v1/voices")).status_code == 200


@pytest.mark.parametrize("written", ["", "/", "//"])
def test_a_root_path_of_slashes_is_empty(written):
    assert ServerSettings(root_path=written).root_path == ""


async def test_addresses_in_answers_are_those_that_a_trusted_proxy_names():
    async with running(trusted_proxies=("127.0.0.0/8",)) as server, server.http() as http:
        described = (await http.get("/tts/openapi.json", headers=FORWARDED)).json()
        assert described["servers"] == [{"url": "https://speech.example.com/tts"}]
        page = (await http.get("/docs/", headers=FORWARDED)).text
        assert 'href="/tts/openapi.json"' in page and "https://speech.example.com/tts/v1/" in page


@pytest.mark.parametrize("trusted", [(), ("10.0.0.0/8", "::1")])
async def test_an_untrusted_peer_cannot_set_the_servers_address(trusted):
    async with running(trusted_proxies=trusted) as server, server.http() as http:
        described = (await http.get("/openapi.json", headers=FORWARDED)).json()
        assert described["servers"] == [{"url": server.url}]
        assert (await http.get("/tts/v1/voices", headers=FORWARDED)).status_code == 404


async def test_a_page_of_the_public_address_is_the_servers_own():
    own = {"xi-api-key": KEY, "origin": "https://speech.example.com"}
    settings = {"trusted_proxies": ("*",), "cors_origins": ("https://other.example",)}
    async with running(keys=[KEY], **settings) as server, server.http(headers=own) as http:
        assert (await http.get("/v1/voices", headers=FORWARDED)).status_code == 200
        assert (await http.get("/v1/voices")).status_code == 403


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Place("http", "box:8020", "/root")),
        ({"proto": "HTTPS"}, Place("https", "box:8020", "/root")),
        ({"proto": "wss, http", "host": "a.example:1, b"}, Place("https", "a.example:1", "/root")),
        ({"proto": "javascript", "host": "a b", "prefix": "//evil"}, Place("http", "box:8020", "/root")),
        ({"host": "[::1]:8", "prefix": "/a/b/"}, Place("http", "[::1]:8", "/a/b")),
        ({"host": 'x"><script>', "prefix": '/"><script>'}, Place("http", "box:8020", "/root")),
        ({"prefix": "/"}, Place("http", "box:8020", "/root")),
    ],
)
def test_a_proxys_headers_count_only_if_they_are_valid(said, expected):
    places = Places(ServerSettings(trusted_proxies=("10.0.0.0/8", "fd00::/8"), root_path="/root"))
    headers = {"host": "box:8020"} | {f"x-forwarded-{name}": value for name, value in said.items()}
    for peer in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1%eth0"):
        assert places.find(headers, peer, "http") == expected
    for peer in ("11.1.2.3", "::1", None):
        assert places.find(headers, peer, "http") == Place("http", "box:8020", "/root")


@pytest.mark.parametrize(
    "wrong",
    [
        {"trusted_proxies": ("proxy.example",)},
        {"trusted_proxies": ("10.0.0.1/8",)},
        {"root_path": "/a b"},
        {"root_path": "https://example.com/tts"},
        {"root_path": "/tts/../v1"},
        {"host": ()},
        {"host": ("",)},
        {"host": "127.0.0.1"},
    ],
)
def test_a_wrong_address_in_the_settings_is_refused(wrong):
    with pytest.raises(LocalError, match=next(iter(wrong))):
        ServerSettings(**wrong)


async def test_every_address_means_both_families_on_one_port():
    async with running(keys=[KEY], host=("::",)) as server:
        for address in ("127.0.0.1", "::1"):
            async with await trio.open_tcp_stream(address, server.port) as stream:
                await stream.send_all(b"GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n")
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")


async def test_several_addresses_are_all_served_and_each_once():
    hosts = ("127.0.0.1", "localhost", "127.0.0.2")
    async with running(host=hosts) as server:
        for address in ("127.0.0.1", "127.0.0.2"):
            async with await trio.open_tcp_stream(address, server.port) as stream:
                await stream.send_all(b"GET /live HTTP/1.1\r\nhost: localhost\r\n\r\n")
                assert (await stream.receive_some()).startswith(b"HTTP/1.1 200 ")


async def test_one_unavailable_address_among_several_is_an_error():
    with pytest.raises((LocalError, ExceptionGroup)) as caught:
        async with running(keys=[KEY], host=("127.0.0.1", "192.0.2.1")):
            pass
    assert "192.0.2.1" in str(caught.getrepr(chain=False))


async def test_a_system_without_ipv6_serves_every_address_it_has(monkeypatch):
    real = trio.socket.socket

    def without_ipv6(family=socket.AF_INET, *rest):
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return real(family, *rest)

    monkeypatch.setattr(trio.socket, "socket", without_ipv6)
    async with running(keys=[KEY], host=("::",)) as server, server.http() as http:
        assert (await http.get("/live")).status_code == 200
