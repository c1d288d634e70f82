"""`stream-input` on virtual time: all text is spoken in order, and the socket ends as documented."""

from __future__ import annotations

import numpy as np
import pytest
from memory_socket import conversation, make_service, target
from scripted_engine import LEAD_MS, ScriptedEngine, pcm_of

from zelitrio.errors import UtteranceError

FIRST = "Hello there, this is the first sentence. "
SECOND = "And this is the second one. "


def heard(*texts: str) -> np.ndarray:
    return np.concatenate([pcm_of(text) for text in texts])


async def say_all(engine, *messages, address=None, key=None, **settings):
    service = make_service(engine, key=key, **settings)
    async with conversation(service, address or target()) as (socket, done):
        for message in messages:
            socket.say(**message)
        await done.wait()
    return socket, service


async def test_text_is_heard_in_order_and_ends_with_one_final_and_close_1000(autojump_clock):
    engine = ScriptedEngine()
    socket, service = await say_all(engine, {"text": " "}, {"text": FIRST}, {"text": SECOND}, {"text": ""})
    assert "".join(engine.fed()).strip() == (FIRST + SECOND).strip()
    expected = heard(*engine.fed())
    np.testing.assert_allclose(socket.pcm(), expected, atol=1e-4)
    final = {"audio": None, "isFinal": True, "normalizedAlignment": None, "alignment": None}
    assert socket.finals() == [final] and socket.frames[-1][1] == final
    assert socket.closed == (1000, "") and socket.closed_at == socket.frames[-1][0]
    assert engine.lanes == [] and service.observer.closed == ["done"]
    assert service.observer.audio_s == pytest.approx(len(expected) / 24000)


async def test_audio_frames_have_exactly_the_four_keys_with_null_alignment(autojump_clock):
    socket, _ = await say_all(ScriptedEngine(), {"text": FIRST}, {"text": ""})
    for _, frame in socket.frames[:-1]:
        assert list(frame) == ["audio", "isFinal", "normalizedAlignment", "alignment"]
        assert frame["isFinal"] is frame["alignment"] is frame["normalizedAlignment"] is None


async def test_sync_alignment_tells_each_segment_once_from_zero(autojump_clock):
    engine = ScriptedEngine()
    socket, _ = await say_all(
        engine,
        {"text": FIRST, "flush": True},
        {"text": SECOND},
        {"text": ""},
        address=target(sync_alignment="true"),
    )
    alignments = [frame["alignment"] for _, frame in socket.frames if frame.get("alignment")]
    assert ["".join(one["chars"]) for one in alignments] == engine.fed()
    assert all(one["charStartTimesMs"][0] == LEAD_MS for one in alignments)
    assert len(socket.frames) > len(alignments) + 1


async def test_the_next_chunk_is_in_the_engine_before_the_first_is_spoken(autojump_clock):
    engine = ScriptedEngine(step_s=0.05)
    await say_all(engine, {"text": FIRST, "flush": True}, {"text": SECOND, "flush": True}, {"text": ""})
    fed_at = [when for kind, _, when in engine.log if kind == "feed"]
    assert fed_at[1] == fed_at[0]


async def test_a_bare_flush_speaks_what_is_buffered_and_keeps_the_socket_open(autojump_clock):
    engine = ScriptedEngine()
    service = make_service(engine)
    async with conversation(service, target()) as (socket, done):
        socket.say(text=" ")
        socket.say(text="Only twelve")
        await drained(socket)
        assert socket.frames == []
        socket.say(flush=True)
        await drained(socket)
        assert len(socket.pcm()) == len(pcm_of("Only twelve"))
        assert socket.finals() == [] and not done.is_set()
    assert engine.lanes == [] and service.observer.socket_codes == [1006]


async def test_a_sentence_after_a_silence_is_spoken_without_a_flush(autojump_clock):
    engine = ScriptedEngine()
    service = make_service(engine)
    async with conversation(service, target()) as (socket, _):
        socket.say(text=FIRST, flush=True)
        await drained(socket)
        socket.say(text="How are you?")
        await drained(socket)
        assert engine.fed() == [FIRST, "How are you?"]


async def test_a_character_cut_between_two_messages_does_not_end_the_socket(autojump_clock):
    engine = ScriptedEngine()
    async with conversation(make_service(engine), target()) as (socket, done):
        socket.raw(r'{"text": "Nice \ud83d"}')
        socket.raw(r'{"text": "\udc4d work. "}')
        socket.say(text="")
        await done.wait()
    assert socket.closed == (1000, "") and engine.fed() == ["Nice 👍 work. "]


async def test_the_first_packet_is_small_and_leaves_with_the_first_block(autojump_clock):
    engine = ScriptedEngine(first_s=0.1, step_s=0.01)
    socket, service = await say_all(engine, {"text": FIRST * 3}, {"text": ""})
    first_at, first = socket.frames[0]
    assert service.observer.firsts == [pytest.approx(0.1)] and first_at == pytest.approx(0.1)
    assert len(first["audio"]) * 3 // 4 // 2 <= 0.080 * 24000 + 2
    sizes = [len(frame["audio"]) for _, frame in socket.frames[:-1]]
    assert max(sizes) > 2 * sizes[0]


async def test_held_audio_leaves_before_the_listener_runs_dry(autojump_clock):
    # Blocks of 50 ms come every 45 ms, so the listener is never far ahead.
    engine = ScriptedEngine(block_ms=50, step_s=0.045)
    socket, _ = await say_all(engine, {"text": FIRST * 2}, {"text": ""})
    played_until = socket.frames[0][0]
    for when, frame in socket.frames[:-1]:
        assert when <= played_until + 1e-6
        played_until += len(frame["audio"]) * 3 // 4 / 2 / 24000


async def test_text_without_a_word_still_gets_its_final_and_some_silence(autojump_clock):
    engine = ScriptedEngine()
    socket, _ = await say_all(engine, {"text": "... 漢字 !"}, {"text": ""})
    assert len(socket.finals()) == 1 and socket.closed == (1000, "")
    assert engine.log == []
    assert len(socket.pcm()) and not socket.pcm().any()


async def test_no_text_at_all_gets_a_final_and_no_audio(autojump_clock):
    socket, _ = await say_all(ScriptedEngine(), {"text": " "}, {"text": ""})
    assert socket.audio() == b"" and len(socket.finals()) == 1


async def test_text_that_cannot_be_spoken_is_reported_once(autojump_clock):
    _, service = await say_all(
        ScriptedEngine(),
        {"text": "Hello 漢字 there. ", "flush": True},
        {"text": "And 漢 again."},
        {"text": ""},
    )
    assert len(service.observer.skipped) == 1


async def test_an_unknown_voice_is_named_and_closes_with_1008(autojump_clock):
    socket, _ = await say_all(ScriptedEngine(), {"text": " "}, address=target(voice="nobody"))
    assert socket.errors()[0]["error"] == "voice_id_does_not_exist"
    assert "nobody" in socket.errors()[0]["message"]
    assert socket.closed == (1008, socket.errors()[0]["message"])


@pytest.mark.parametrize("field", ["xi_api_key", "xi-api-key", "authorization"])
async def test_the_first_message_may_bring_the_key(autojump_clock, field):
    engine = ScriptedEngine()
    socket, _ = await say_all(engine, {"text": FIRST, field: "Bearer right"}, {"text": ""}, key="right")
    assert socket.closed == (1000, "") and len(socket.pcm())


async def test_a_wrong_key_is_refused_after_the_first_message(autojump_clock):
    engine = ScriptedEngine()
    socket, _ = await say_all(engine, {"text": FIRST, "xi_api_key": "wrong"}, {"text": ""}, key="right")
    assert [error["error"] for error in socket.errors()] == ["invalid_api_key"]
    assert socket.closed[0] == 1008 and engine.log == [] and socket.audio() == b""


async def test_a_wrong_key_in_the_handshake_is_refused_even_if_the_first_message_is_silent(autojump_clock):
    service = make_service(ScriptedEngine(), key="right")
    async with conversation(service, target(), (("xi-api-key", "wrong"),)) as (socket, done):
        socket.say(text=" ")
        await done.wait()
    assert socket.errors()[0]["error"] == "invalid_api_key" and socket.closed[0] == 1008


async def test_a_silent_unauthenticated_peer_is_closed(autojump_clock):
    import trio

    service = make_service(ScriptedEngine(), key="right", auth_timeout_s=3)
    async with conversation(service, target()) as (socket, done):
        await done.wait()
        assert trio.current_time() == pytest.approx(3)
    assert socket.errors() and socket.closed[0] == 1008


async def test_silence_for_the_inactivity_timeout_ends_the_socket_but_not_while_audio_is_made(autojump_clock):
    engine = ScriptedEngine(step_s=10)
    service = make_service(engine)
    async with conversation(service, target(inactivity_timeout="5")) as (socket, done):
        socket.say(text=FIRST, flush=True)
        await done.wait()
    spoken_at = max(when for when, frame in socket.frames if frame.get("audio"))
    assert len(socket.pcm()) == len(pcm_of(FIRST))
    assert socket.errors()[0]["error"] == "input_timeout_exceeded"
    assert socket.closed_at == pytest.approx(spoken_at + 5)


async def test_a_failed_utterance_is_reported_and_frees_the_lane(autojump_clock):
    engine = ScriptedEngine(failures={"second": UtteranceError("a shape was wrong at /secret/path")})
    socket, service = await say_all(engine, {"text": FIRST, "flush": True}, {"text": SECOND}, {"text": ""})
    assert socket.errors()[0]["error"] == "something_went_wrong"
    assert "secret" not in socket.errors()[0]["message"]
    assert socket.closed[0] == 1011 and socket.finals() == []
    assert engine.lanes == [] and service.observer.closed == ["failed"]


async def test_a_bug_is_reported_without_details_to_the_peer_and_in_full_to_the_observer(autojump_clock):
    bug = AttributeError("'NoneType' object has no attribute 'secret'")
    engine = ScriptedEngine(failures={"second": bug})
    socket, service = await say_all(engine, {"text": FIRST, "flush": True}, {"text": SECOND}, {"text": ""})
    assert socket.errors()[0]["error"] == "something_went_wrong"
    assert "secret" not in socket.errors()[0]["message"]
    assert socket.closed[0] == 1011
    assert engine.lanes == [] and service.observer.bugs == [bug]


async def test_a_full_engine_says_so(autojump_clock):
    socket, _ = await say_all(ScriptedEngine(max_streams=0), {"text": FIRST}, {"text": ""})
    assert socket.errors()[0]["error"] == "system_busy" and socket.closed[0] == 1013


@pytest.mark.parametrize("message", ["{", b"\x00", "[]", '{"text": 5}', "[" * 60_000, '{"text": NaN}'])
async def test_nonsense_is_answered_with_a_typed_error(autojump_clock, message):
    service = make_service(ScriptedEngine())
    async with conversation(service, target()) as (socket, done):
        socket.raw(message)
        await done.wait()
    assert socket.errors()[0]["error"] == "invalid_input_message" and socket.closed[0] == 1008


async def test_text_beyond_the_bound_is_refused_and_not_kept(autojump_clock):
    engine = ScriptedEngine(step_s=1)
    service = make_service(engine)
    async with conversation(service, target()) as (socket, done):
        for _ in range(80):
            socket.say(text="word " * 200)
        await done.wait()
    assert socket.errors()[0]["error"] == "string_too_long" and socket.closed[0] == 1008
    assert engine.lanes == []


async def test_three_hundred_flushes_cost_nothing(autojump_clock):
    engine = ScriptedEngine()
    socket, _ = await say_all(engine, {"text": FIRST}, *[{"flush": True}] * 300, {"text": ""})
    assert engine.fed() == [FIRST.strip()] or "".join(engine.fed()).strip() == FIRST.strip()
    assert socket.closed == (1000, "")


async def test_settings_may_change_between_utterances(autojump_clock):
    engine = ScriptedEngine()
    socket, _ = await say_all(
        engine,
        {"text": FIRST, "flush": True, "voice_settings": {"speed": 1.0}},
        {"text": FIRST, "flush": True, "voice_settings": {"speed": 0.8}},
        {"text": ""},
    )
    assert len(socket.pcm()) == sum(len(pcm_of(FIRST.strip(), speed)) for speed in (1.0, 0.8)) or len(
        socket.pcm()
    ) == sum(len(pcm_of(FIRST, speed)) for speed in (1.0, 0.8))


async def test_a_reader_that_stalls_ends_its_own_conversation(autojump_clock):
    engine = ScriptedEngine()
    service = make_service(engine)
    async with conversation(service, target()) as (socket, done):
        socket.stalled = True
        socket.say(text=FIRST * 20, flush=True)
        await done.wait()
    assert engine.lanes == [] and service.observer.closed == ["gone"]


async def test_mp3_is_one_stream_and_flushed_at_its_end(autojump_clock):
    from zelitrio.audio import FORMATS, open_encoder

    engine = ScriptedEngine()
    socket, _ = await say_all(
        engine,
        {"text": FIRST, "flush": True},
        {"text": SECOND},
        {"text": ""},
        address=target(output_format="mp3_44100_128"),
    )
    encoder = open_encoder(FORMATS["mp3_44100_128"], 24000)
    whole = encoder.encode(heard(*engine.fed()))
    assert socket.audio() == whole + encoder.flush()


async def drained(socket) -> None:
    import trio

    await trio.sleep(0.5)
