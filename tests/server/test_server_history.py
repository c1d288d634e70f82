"""`/v1/history` through a real server: HTTP and sockets, one key at a time, ElevenLabs' own SDK."""

from __future__ import annotations

import base64
import io
import os
import signal
import wave
import zipfile
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio
from elevenlabs.client import ElevenLabs
from elevenlabs.core import ApiError
from running import VOICE, hear, running
from running import say as send
from test_server_killed import start

from zelitrio.accounts.history_file import HistoryFile
from zelitrio.errors import LocalError

ONE, TWO = {"xi-api-key": "one"}, {"xi-api-key": "two"}
TEXT = "Kept for later. "


async def say(server, text: str = TEXT, headers=ONE, **query: str):
    async with server.http(headers=headers) as http:
        answer = await http.post(
            f"/v1/text-to-speech/{VOICE}", params={"output_format": "pcm_24000", **query}, json={"text": text}
        )
    assert answer.status_code == 200
    return answer


async def history(server, headers=ONE, **query: str):
    async with server.http(headers=headers) as http:
        answer = await http.get("/v1/history", params=query)
    assert answer.status_code == 200
    return answer.json()["history"]


async def test_without_the_flag_nothing_is_stored_and_every_endpoint_says_so(tmp_path: Path) -> None:
    async with running(keys=("one",), state_dir=tmp_path) as server:
        answer = await say(server)
        assert "history-item-id" not in answer.headers
        async with server.http(headers=ONE) as http:
            for path in ("/v1/history", "/v1/history/x", "/v1/history/x/audio"):
                answer = await http.get(path)
                assert answer.status_code == 404
                assert "--history" in answer.json()["detail"]["message"]
    assert not list(tmp_path.glob("history*"))  # noqa: ASYNC240 - a folder of the test


async def test_without_a_state_folder_the_server_does_not_start() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with running(history=True):
            raise AssertionError("expected no server")
    assert caught.group_contains(LocalError, match="history: expected a state_dir")


async def test_a_key_finds_no_items_of_another(tmp_path: Path) -> None:
    async with running(keys=("one", "two"), state_dir=tmp_path, history=True) as server:
        answer = await say(server)
        item_id = answer.headers["history-item-id"]
        (item,) = await history(server)
        assert item["history_item_id"] == item_id
        assert item["request_id"] == answer.headers["request-id"]
        assert item["text"] == TEXT and item["voice_id"] == VOICE
        assert await history(server, TWO) == []
        one = f"/v1/history/{item_id}"
        async with server.http(headers=TWO) as http:
            refused = [
                await http.get(one),
                await http.get(f"{one}/audio"),
                await http.delete(one),
                await http.post("/v1/history/download", json={"history_item_ids": [item_id]}),
            ]
        assert {each.status_code for each in refused} == {404}
        async with server.http() as http:
            assert (await http.get("/v1/history")).status_code == 401
        async with server.http(headers=ONE) as http:
            assert (await http.get(f"{one}/audio")).content == answer.content
            assert (await http.delete(one)).json() == {"status": "ok"}
            assert (await http.delete(one)).status_code == 404
        assert await history(server) == []


@pytest.mark.parametrize("path", ["stream-input", "multi-stream-input"])
async def test_a_sockets_speech_is_stored_with_the_sent_audio(tmp_path: Path, path: str) -> None:
    context = {} if path == "stream-input" else {"context_id": "a"}
    end = {"text": ""} if path == "stream-input" else {"close_socket": True}
    async with running(keys=("one",), state_dir=tmp_path, history=True) as server:
        async with server.socket(path, headers=ONE.items()) as socket:
            await send(socket, text=" ", **context)
            for piece in ("Hello ", "there. ", "How are you? "):
                await send(socket, text=piece, **context)
            await send(socket, **end)
            frames = await hear(socket)
        heard = b"".join(base64.b64decode(frame["audio"]) for frame in frames if frame.get("audio"))
        assert heard
        (item,) = await history(server)
        assert item["text"].strip() == "Hello there. How are you?"
        async with server.http(headers=ONE) as http:
            kept = (await http.get(f"/v1/history/{item['history_item_id']}/audio")).content
        assert kept == heard


async def test_several_items_come_as_a_zip_and_as_wav(tmp_path: Path) -> None:
    async with running(keys=("one",), state_dir=tmp_path, history=True) as server:
        formats = ("pcm_24000", "mp3_44100_128", "ulaw_8000", "wav_16000")
        answers = [await say(server, output_format=name) for name in formats]
        ids = [answer.headers["history-item-id"] for answer in answers]
        async with server.http(headers=ONE) as http:
            as_spoken = await http.post("/v1/history/download", json={"history_item_ids": ids})
            as_wav = await http.post(
                "/v1/history/download", json={"history_item_ids": ids, "output_format": "wav"}
            )
            missing = await http.post("/v1/history/download", json={"history_item_ids": [ids[0], "x"]})
        assert missing.status_code == 404
        with zipfile.ZipFile(io.BytesIO(as_spoken.content)) as archive:
            found = {name: archive.read(name) for name in archive.namelist()}
        extensions = ("pcm", "mp3", "ulaw", "wav")
        assert found == {
            f"{one}.{extension}": answer.content
            for one, extension, answer in zip(ids, extensions, answers, strict=True)
        }
        with zipfile.ZipFile(io.BytesIO(as_wav.content)) as archive:
            assert archive.namelist() == [f"{one}.wav" for one in ids]
            lengths = []
            for name in archive.namelist():
                with wave.open(io.BytesIO(archive.read(name))) as sound:
                    lengths.append(sound.getnframes() / sound.getframerate())
        assert max(lengths) - min(lengths) < 0.1 and min(lengths) > 0.2


async def test_audio_of_a_telephone_platform_is_kept_at_its_rate(tmp_path: Path) -> None:
    message = {"type": "voice-request", "text": "On the phone.", "sampleRate": 11025}
    keeping = running(keys=("one",), state_dir=tmp_path, history=True)
    async with keeping as server, server.http(headers=ONE) as http:
        spoken = await http.post("/v1/vapi/voice-request", json={"message": message})
        (item,) = (await http.get("/v1/history")).json()["history"]
        wanted = {"history_item_ids": [item["history_item_id"]], "output_format": "wav"}
        sound = await http.post("/v1/history/download", json=wanted)
    assert spoken.status_code == 200 and item["output_format"] == "pcm_11025"
    with wave.open(io.BytesIO(sound.content)) as found:
        assert found.getframerate() == 11025 and found.readframes(10**9) == spoken.content


def use_the_sdk(url: str) -> None:
    with httpx.Client(trust_env=False) as connections:
        use(ElevenLabs(api_key="one", base_url=url, httpx_client=connections))


def use(client: ElevenLabs) -> None:
    spoken = [
        b"".join(client.text_to_speech.convert(VOICE, text=text, output_format="pcm_24000"))
        for text in ("The first text.", "The second text.", "The third text.")
    ]
    page = client.history.list(page_size=2, source="TTS")
    assert [item.text for item in page.history] == ["The third text.", "The second text."]
    assert page.has_more
    rest = client.history.list(page_size=2, start_after_history_item_id=page.last_history_item_id)
    (oldest,) = rest.history
    assert oldest.text == "The first text." and not rest.has_more
    (found,) = client.history.list(search="SECOND", voice_id=VOICE, sort_direction="asc").history
    item = client.history.get(found.history_item_id)
    assert (item.text, item.state, item.source) == ("The second text.", "created", "TTS")
    assert item.settings is not None and item.settings["speed"] == 1.0
    assert b"".join(client.history.get_audio(found.history_item_id)) == spoken[1]
    packed = b"".join(
        client.history.download(history_item_ids=[each.history_item_id for each in (oldest, found)])
    )
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert [archive.read(name) for name in archive.namelist()] == spoken[:2]
    assert client.history.delete(found.history_item_id).status == "ok"
    with pytest.raises(ApiError) as caught:
        client.history.get(found.history_item_id)
    assert caught.value.status_code == 404
    assert len(client.history.list().history) == 2


async def test_elevenlabs_own_sdk_lists_reads_downloads_and_deletes(tmp_path: Path) -> None:
    async with running(keys=("one",), state_dir=tmp_path, history=True) as server:
        await trio.to_thread.run_sync(partial(use_the_sdk, server.url))


async def test_speech_goes_on_while_the_history_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(keys=("one",), state_dir=tmp_path, history=True) as server:
        await say(server)
        assert len(await history(server)) == 1

        def refuse(self: HistoryFile, items: object) -> None:
            raise LocalError("history.sqlite3: database or disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(HistoryFile, "add", refuse)
            for _ in range(3):
                await say(server)
            assert len(await history(server)) == 1
        assert len(await history(server)) == 4


def speak_until_it_ends(url: str) -> None:
    with httpx.Client(base_url=url, trust_env=False) as http:
        while True:
            try:
                http.post(f"/v1/text-to-speech/{VOICE}", json={"text": TEXT}).raise_for_status()
            except httpx.HTTPError:
                return


@pytest.mark.timeout(120)
async def test_a_killed_server_lists_whole_items_only(tmp_path: Path) -> None:
    process, url = await trio.to_thread.run_sync(partial(start, tmp_path, history=True))
    with process:
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(trio.to_thread.run_sync, partial(speak_until_it_ends, url))
                await trio.sleep(2)
                os.kill(process.pid, signal.SIGKILL)
        finally:
            process.kill()
    with HistoryFile(tmp_path) as file:
        rows = file.connection.execute(
            "SELECT COUNT(*), COUNT(data) FROM items LEFT JOIN audio USING (number)"
        )
        items, with_audio = rows.fetchone()
        sizes = {size for (size,) in file.connection.execute("SELECT LENGTH(data) FROM audio")}
    assert items == with_audio > 3
    assert len(sizes) == 1
