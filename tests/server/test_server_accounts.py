"""Keys with limits on a real server with a real database: sockets, HTTP and the ElevenLabs SDK."""

import time
from pathlib import Path

import httpx
import trio
from elevenlabs import ElevenLabs
from elevenlabs.core.api_error import ApiError
from running import VOICE, hear, pcm_in, running, say, until

from zelitrio.accounts import (
    Database,
    Key,
    Period,
)
from zelitrio.accounts.database import DATABASE_NAME
from zelitrio.settings import hash_key

TEXT = "Hello there, my friend."
PATH = f"/v1/text-to-speech/{VOICE}?output_format=pcm_24000"


def create(folder: Path, name: str, **limits: object) -> dict[str, str]:
    with Database(folder) as database:
        key = Key(name=name, digest=hash_key(name), created_at_s=time.time(), **limits)  # type: ignore[arg-type]
        database.add_key(key)
    return {"xi-api-key": name}


def stored(folder: Path, key: str) -> dict[str, tuple[int, int, int]]:
    with Database(folder) as database:
        return {
            row.place.kind.value: (row.usage.characters, row.usage.requests, row.usage.refusals)
            for row in database.usage(key=key)
        }


async def test_a_key_that_is_created_and_revoked_is_known_to_a_running_server(tmp_path: Path) -> None:
    create(tmp_path, "first")
    async with running(state_dir=tmp_path) as server, server.http() as http:
        assert (await http.get("/v1/voices")).status_code == 401
        headers = create(tmp_path, "second")
        statuses: list[int] = []
        with trio.fail_after(20):
            while 200 not in statuses:
                statuses.append((await http.get("/v1/voices", headers=headers)).status_code)
                await trio.sleep(0.05)
        with Database(tmp_path) as database:
            database.revoke_key("second", time.time())
        with trio.fail_after(20):
            while statuses[-1] != 401:
                statuses.append((await http.get("/v1/voices", headers=headers)).status_code)
                await trio.sleep(0.05)
        assert set(statuses) == {200, 401}


async def test_a_quota_error_has_the_vendors_shape_and_affects_no_other_key(tmp_path: Path) -> None:
    limited = create(tmp_path, "limited", characters=2 * len(TEXT), period=Period.DAY)
    free = create(tmp_path, "free")
    async with running(state_dir=tmp_path) as server, server.http() as http:
        for _ in range(2):
            assert (await http.post(PATH, json={"text": TEXT}, headers=limited)).status_code == 200
        answer = await http.post(PATH, json={"text": TEXT}, headers=limited)
        assert answer.status_code == 401
        detail = answer.json()["detail"]
        assert detail["code"] == detail["status"] == "quota_exceeded"
        assert f"quota of {2 * len(TEXT)} characters a day: 0 are left" in detail["message"]
        async with server.socket(headers=list(limited.items())) as socket:
            await say(socket, text=" ")
            await say(socket, text=TEXT, flush=True)
            (frame,) = await hear(socket)
        assert frame["error"] == "quota_exceeded" and frame["code"] == 1008
        assert (await http.post(PATH, json={"text": TEXT}, headers=free)).status_code == 200
        await until(lambda: "http" in stored(tmp_path, "limited"), 20)
    assert stored(tmp_path, "limited") == {"http": (2 * len(TEXT), 2, 1), "socket": (0, 0, 1)}
    assert stored(tmp_path, "free") == {"http": (len(TEXT), 1, 0)}


async def test_a_socket_that_exceeds_its_quota_speaks_the_earlier_text(tmp_path: Path) -> None:
    headers = create(tmp_path, "app", characters=len(TEXT) + 5)
    async with running(state_dir=tmp_path) as server:
        async with server.socket(headers=list(headers.items())) as socket:
            await say(socket, text=" ")
            await say(socket, text=TEXT + " ", flush=True)
            first = [await socket.get_message()]
            await say(socket, text="And some more of it. ", flush=True)
            frames = await hear(socket)
        assert first and frames[-1]["error"] == "quota_exceeded"


async def test_too_many_streams_at_once_are_refused_and_one_that_ends_makes_room(tmp_path: Path) -> None:
    headers = create(tmp_path, "app", concurrent=1)
    pairs = list(headers.items())
    async with (
        running(state_dir=tmp_path) as server,
        server.http() as http,
        server.socket(headers=pairs) as waiting,
        server.socket(headers=pairs) as speaking,
    ):
        await say(waiting, text=" ")  # a waiting socket does not count as a stream
        await say(speaking, text=" ")
        await say(speaking, text=TEXT)
        answer = None
        await until(lambda: server.engine is not None)
        with trio.fail_after(5):
            while answer is None or answer.status_code == 200:
                answer = await http.post(PATH, json={"text": TEXT}, headers=headers)
        assert answer.status_code == 429
        assert answer.json()["detail"]["code"] == "concurrent_limit_exceeded"
        assert answer.json()["detail"]["status"] == "too_many_concurrent_requests"
        assert answer.headers["retry-after"] == "1"
        await say(speaking, text="")
        assert len(pcm_in(await hear(speaking)))
        assert (await http.post(PATH, json={"text": TEXT}, headers=headers)).status_code == 200


async def test_the_error_of_an_expired_key_has_its_date(tmp_path: Path) -> None:
    headers = create(tmp_path, "old", expires_at_s=86_400.0)
    async with running(state_dir=tmp_path) as server, server.http() as http:
        answer = await http.get("/v1/voices", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["detail"]["message"] == "This API key expired on 1970-01-02."
        async with server.socket(headers=list(headers.items())) as socket:
            await say(socket, text=" ")
            frames = await hear(socket)
        assert frames[-1]["error"] == "invalid_api_key"
        assert "expired on 1970-01-02" in frames[-1]["message"]


async def test_usage_and_limits_as_the_vendor_s_sdk_reads_them(tmp_path: Path) -> None:
    headers = create(tmp_path, "app", characters=1000)
    async with running(state_dir=tmp_path) as server, server.http() as http:
        assert (await http.post(PATH, json={"text": TEXT}, headers=headers)).status_code == 200

        def with_sdk() -> None:
            with httpx.Client(trust_env=False) as connections:
                use(ElevenLabs(base_url=server.url, api_key="app", httpx_client=connections))

        def use(client: ElevenLabs) -> None:
            subscription = client.user.subscription.get()
            assert subscription.character_count == len(TEXT)
            assert subscription.character_limit == 1000
            assert client.user.get().subscription.character_count == len(TEXT)
            now_ms = round(time.time() * 1000)
            for _ in range(100):
                told = client.usage.get(
                    start_unix=now_ms - 86_400_000, end_unix=now_ms, breakdown_type="voice"
                )
                if told.usage:
                    break
                time.sleep(0.1)
            assert sum(told.usage[VOICE]) == len(TEXT) and len(told.time) == 2
            try:
                client.usage.get(start_unix=now_ms, end_unix=now_ms, metric="fiat_units_spent")
            except ApiError as error:
                assert error.status_code == 400
            else:
                raise AssertionError("expected an error for a metric that is not known")

        await trio.to_thread.run_sync(with_sdk)


async def test_a_database_failure_while_serving_does_not_stop_speech(tmp_path: Path) -> None:
    headers = create(tmp_path, "app")
    async with running(state_dir=tmp_path) as server, server.http() as http:
        (tmp_path / DATABASE_NAME).write_bytes(b"\0" * 8192)
        await trio.sleep(1.2)
        for _ in range(3):
            assert (await http.post(PATH, json={"text": TEXT}, headers=headers)).status_code == 200
        assert b"zelitrio_characters_total" in (await http.get("/metrics")).content
