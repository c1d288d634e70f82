"""The four HTTP endpoints of a dialogue: voices in order, alignments of all texts, adjacent segments."""

from __future__ import annotations

import base64
import itertools

import numpy as np
import orjson
import pytest
from running import running
from scripted_engine import ScriptedEngine, pcm_of

ONE, TWO = "zeli-voice-1", "zeli-voice-2"
INPUTS = [
    {"text": "Hello there, my friend. ", "voice_id": ONE},
    {"text": "Good day to you!", "voice_id": TWO},
    {"text": "漢字", "voice_id": ONE},
    {"text": " It costs 20 dollars.", "voice_id": ONE},
]
WHOLE = "".join(each["text"] for each in INPUTS)
PCM = {"output_format": "pcm_24000"}
PATH = "/v1/text-to-dialogue"


def check_segments(answer: dict, first_input: int = 0) -> list[dict]:
    chars = answer["alignment"]["characters"]
    segments = answer["voice_segments"]
    assert segments[0]["character_start_index"] == 0
    assert segments[-1]["character_end_index"] == len(chars)
    for before, after in itertools.pairwise(segments):
        assert before["character_end_index"] == after["character_start_index"]
        assert before["end_time_seconds"] == after["start_time_seconds"]
    for each in segments:
        assert each["voice_id"] == INPUTS[each["dialogue_input_index"]]["voice_id"]
        assert each["start_time_seconds"] <= each["end_time_seconds"]
    return segments


@pytest.mark.parametrize("path", [PATH, f"{PATH}/stream"])
async def test_a_dialogue_is_spoken_by_its_voices_in_order(path):
    engine = ScriptedEngine()
    async with running(engine) as server, server.http() as http:
        answer = await http.post(path, params=PCM, json={"inputs": INPUTS[:2], "model_id": "eleven_v3"})
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("audio/")
    assert [voice.voice_id for kind, voice, _ in engine.log if kind == "open"] == [ONE, TWO]
    samples = sum(len(pcm_of(text)) for text in engine.fed()) + 6000
    assert len(answer.content) == 2 * samples


async def test_times_spell_all_inputs_and_segments_name_their_voices():
    async with running(ScriptedEngine()) as server, server.http() as http:
        answer = await http.post(f"{PATH}/with-timestamps", params=PCM, json={"inputs": INPUTS})
    told = answer.json()
    assert "".join(told["alignment"]["characters"]) == WHOLE
    starts = told["alignment"]["character_start_times_seconds"]
    assert starts == sorted(starts)
    assert len(base64.b64decode(told["audio_base64"])) > 48_000
    segments = check_segments(told)
    assert [each["dialogue_input_index"] for each in segments] == [0, 1, 2, 3]


async def test_each_line_of_a_stream_has_the_segments_of_its_own_characters():
    async with running(ScriptedEngine(step_s=0.01)) as server, server.http() as http:
        answer = await http.post(f"{PATH}/stream/with-timestamps", params=PCM, json={"inputs": INPUTS})
    assert answer.text.endswith("\n")
    lines = [orjson.loads(line) for line in answer.text.splitlines()]
    assert all("voice_segments" in line for line in lines)
    timed = [line for line in lines if line["alignment"]]
    assert "".join(char for line in timed for char in line["alignment"]["characters"]) == WHOLE
    indexes = [each["dialogue_input_index"] for line in timed for each in check_segments(line)]
    assert indexes == sorted(indexes) and set(indexes) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({}, 422, "inputs"),
        ({"inputs": []}, 422, "inputs"),
        ({"inputs": [{"text": " ", "voice_id": ONE}]}, 422, "inputs"),
        ({"inputs": [{"voice_id": ONE}]}, 422, "text"),
        ({"inputs": [{"text": "Hi"}]}, 422, "voice_id"),
        ({"inputs": ["Hi"]}, 422, "inputs"),
        ({"inputs": [{"text": "Hi", "voice_id": "nobody"}]}, 404, "nobody"),
        ({"inputs": [{"text": "Hi", "voice_id": f"v{n}"} for n in range(11)]}, 422, "voices"),
        ({"inputs": [{"text": "a" * 40_001, "voice_id": ONE}]}, 422, "inputs"),
    ],
)
async def test_a_wrong_dialogue_is_refused_by_name(body, status, named):
    async with running(ScriptedEngine()) as server, server.http() as http:
        answer = await http.post(PATH, json=body)
    assert answer.status_code == status and named in answer.text


async def test_a_dialogue_socket_answers_as_pipecat_and_livekit_need_it():
    async with running(ScriptedEngine()) as server:
        path = "/v1/text-to-dialogue/multi-stream-input"
        async with server.http() as http:
            assert (await http.get(path)).status_code == 426
        async with server.socket_at(f"{path}?output_format=pcm_24000&sync_alignment=true") as socket:
            keep = {"context_id": "pipecat-keepalive", "voices": [ONE]}
            turn = {"context_id": "x", "voices": [ONE]}
            text = {"context_id": "x", "inputs": [{"text": "One moment. ", "voice_id": ONE}], "flush": True}
            for message in (keep, turn, text, {"context_id": "x", "close_context": True}):
                await socket.send_message(orjson.dumps(message).decode())
            frames = []
            while not frames or not frames[-1].get("is_final"):
                frames.append(orjson.loads(await socket.get_message()))
    assert {frame["context_id"] for frame in frames} == {"x"}
    assert [key for frame in frames for key in frame if key.startswith("is_")] == [
        "is_final_audio_for_turn",
        "is_final",
    ]
    pcm = b"".join(base64.b64decode(frame["audio"]) for frame in frames if frame.get("audio"))
    np.testing.assert_allclose(np.frombuffer(pcm, "<i2") / 32768, pcm_of("One moment. "), atol=1e-3)
