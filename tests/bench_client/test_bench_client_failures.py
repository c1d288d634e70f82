"""An utterance ends whatever the server does, with the right kind of failure."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import time
from typing import Any

import pytest
import trustme
from bad_servers import (
    UPGRADED,
    Behave,
    answer,
    bad_server,
    flood,
    http,
    speak_and_close,
    text_frame,
    tls_server,
)
from ports import free_port

from zelitrio.bench_client import Plan, ReceivedSpeech, measure_apart, open_speaker, parse_address
from zelitrio.bench_client.plans import run_plan
from zelitrio.bench_client.protocols import PROTOCOLS
from zelitrio.bench_client.received import MOST_AUDIO_BYTES, seconds_of
from zelitrio.cli.app import run
from zelitrio.errors import LocalError

SOCKETS = ("elevenlabs-ws", "elevenlabs-multi")
HTTP = ("elevenlabs-http", "openai", "piper-http", "riva-like")
AUDIO = json.dumps({"audio": base64.b64encode(bytes(20)).decode()}).encode()


def spoken(
    port: int,
    protocol: str,
    output_format: str = "pcm_24000",
    timeout_s: float = 5.0,
    scheme: str = "tcp",
) -> ReceivedSpeech:
    url = f"{scheme}://127.0.0.1:{port}"
    address = parse_address(
        url, protocol=protocol, voice_id="a voice", output_format=output_format, timeout_s=timeout_s
    )

    async def one() -> ReceivedSpeech:
        speaker = open_speaker(address)
        heard = await speaker.say("Good morning.")
        speaker.close()
        heard.check()
        await asyncio.sleep(0.3 if scheme == "https" else 0)  # asyncio closes a failed TLS connection later
        return heard

    return asyncio.run(one())


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_port_without_a_server_is_refused(protocol: str) -> None:
    assert spoken(free_port(), protocol).failure == "refused"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_host_without_an_address_is_unresolved(protocol: str) -> None:
    address = parse_address("tcp://no-such-host.invalid:1", protocol=protocol, timeout_s=10)
    assert asyncio.run(open_speaker(address).say("Hello.")).failure in ("unresolved", "timeout")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_says_nothing_times_out(protocol: str) -> None:
    began = time.monotonic()
    with bad_server(answer(waits=True)) as port:
        assert spoken(port, protocol, timeout_s=0.3).failure == "timeout"
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_that_closes_at_once_has_closed_early(protocol: str) -> None:
    with bad_server(answer()) as port:
        assert spoken(port, protocol).failure == "closed_early"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_server_of_another_protocol_is_named_so(protocol: str) -> None:
    with bad_server(answer(b"220 mail.example ESMTP\r\n", waits=True)) as port:
        assert spoken(port, protocol).failure == "wrong_protocol"


@pytest.mark.parametrize("protocol", [*SOCKETS, *HTTP])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("302 Found", "redirect"),
        ("429 Too Many Requests", "http_429"),
        ("401 Unauthorized", "http_401"),
        ("503 Service Unavailable", "http_503"),
    ],
)
def test_a_refusal_is_counted_by_its_status(protocol: str, status: str, kind: str) -> None:
    with bad_server(answer(http(status, b"no"))) as port:
        assert spoken(port, protocol).failure == kind


WAV_STEREO = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0data\0\0\0\0"


@pytest.mark.parametrize(
    ("protocol", "behave", "output_format", "kind"),
    [
        ("openai", answer(http("200 OK", bytes(20), length=4000)), "pcm_24000", "closed_early"),
        ("openai", answer(http("200 OK", bytes(21))), "pcm_24000", "undecodable"),
        ("openai", answer(http("200 OK")), "pcm_24000", "no_audio"),
        ("openai", answer(http("200 OK", b"<html>", "text/html")), "pcm_24000", "wrong_protocol"),
        ("elevenlabs-http", answer(http("200 OK", bytes(400))), "mp3_44100_128", "undecodable"),
        ("elevenlabs-http", answer(http("200 OK", bytes(400))), "opus_48000_64", "undecodable"),
        ("piper-http", answer(http("200 OK", b"OggS" * 20, "audio/wav")), "wav", "undecodable"),
        ("piper-http", answer(http("200 OK", WAV_STEREO, "audio/wav")), "wav", "undecodable"),
        ("elevenlabs-ws", speak_and_close(AUDIO), "pcm_24000", "closed_early"),
        ("elevenlabs-ws", speak_and_close(b'{"audio":"a"}'), "pcm_24000", "undecodable"),
        ("elevenlabs-ws", speak_and_close(b'{"audio": "a"}'), "pcm_24000", "undecodable"),
        ("elevenlabs-ws", speak_and_close(b'{"error":"system_busy","code":1}'), "pcm_24000", "system_busy"),
        ("elevenlabs-ws", speak_and_close(b'{"error":{"x":1}}'), "pcm_24000", "server_error"),
        ("elevenlabs-ws", speak_and_close(b'{"isFinal":true}'), "pcm_24000", "no_audio"),
        ("elevenlabs-multi", speak_and_close(AUDIO), "pcm_24000", "closed_early"),
        ("elevenlabs-multi", speak_and_close(b'{"error":"quota_exceeded"}'), "pcm_24000", "quota_exceeded"),
        ("elevenlabs-multi", speak_and_close(b'{"isFinal":true}'), "pcm_24000", "no_audio"),
        ("wyoming", answer(b'{"type":"error","data":{"text":"no voice"}}\n'), "pcm_24000", "server_error"),
        ("wyoming", answer(b'{"type":"audio-stop"}\n'), "pcm_24000", "no_audio"),
        ("wyoming", answer(b'["type"]\n'), "pcm_24000", "wrong_protocol"),
        ("wyoming", answer(b'{"type":"x","data_length":-1}\n'), "pcm_24000", "wrong_protocol"),
        ("wyoming", answer(b'{"type":"x","payload_length":99999999999}\n'), "pcm_24000", "wrong_protocol"),
        ("wyoming", answer(b"x" * 200_000, waits=True), "pcm_24000", "wrong_protocol"),
        (
            "wyoming",
            answer(b'{"type":"audio-start","data":{"rate":16000,"width":4,"channels":1}}\n'),
            "pcm_24000",
            "undecodable",
        ),
    ],
)
def test_a_bad_answer_is_counted_by_its_kind(
    protocol: str, behave: Behave, output_format: str, kind: str
) -> None:
    with bad_server(behave) as port:
        assert spoken(port, protocol, output_format).failure == kind


CHUNK = bytes(1 << 20)
CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nTransfer-Encoding: chunked\r\n\r\n"
WAV_MONO = WAV_STEREO.replace(b"\x01\0\x02\0", b"\x01\0\x01\0")
AUDIO_FRAME = text_frame(json.dumps({"audio": base64.b64encode(CHUNK).decode()}).encode())
START = b'{"type":"audio-start","data":{"rate":16000,"width":2,"channels":1}}\n'
ENDLESS = {
    **dict.fromkeys(SOCKETS, flood(UPGRADED, AUDIO_FRAME)),
    **dict.fromkeys(HTTP, flood(CHUNKED, b"100000\r\n" + CHUNK + b"\r\n")),
    "piper-http": flood(http("200 OK", WAV_MONO, "audio/wav", length=1 << 40), CHUNK),
    "wyoming": flood(START, b'{"type":"audio-chunk","payload_length":1048576}\n' + CHUNK),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_audio_without_an_end_is_cut_before_it_fills_the_memory(protocol: str) -> None:
    with bad_server(ENDLESS[protocol]) as port:
        heard = spoken(port, protocol, timeout_s=60.0)
    assert heard.failure == "endless"
    assert heard.audio_s < seconds_of(MOST_AUDIO_BYTES, heard.output_format) + 0.1


@pytest.mark.parametrize(
    ("protocol", "behave"),
    [
        ("elevenlabs-ws", flood(UPGRADED, b"\x89\x7d" + bytes(125))),
        ("elevenlabs-multi", flood(UPGRADED, b"\x89\x7d" + bytes(125))),
        ("elevenlabs-multi", flood(UPGRADED, text_frame(b'{"isFinal":null}'))),
        ("openai", flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n")),
        ("wyoming", flood(b"", b'{"type":"nothing"}\n')),
    ],
)
def test_an_answer_without_audio_and_without_an_end_times_out(protocol: str, behave: Behave) -> None:
    began = time.monotonic()
    with bad_server(behave) as port:
        assert spoken(port, protocol, timeout_s=0.5).failure == "timeout"
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "head", [b"\x81\x7f" + (1 << 40).to_bytes(8), b"\x01\x7f" + (1 + (1 << 24)).to_bytes(8)]
)
@pytest.mark.parametrize("protocol", SOCKETS)
def test_a_message_of_any_size_is_refused_by_its_head(protocol: str, head: bytes) -> None:
    with bad_server(flood(UPGRADED + head, bytes(1 << 20))) as port:
        assert spoken(port, protocol).failure == "wrong_protocol"


@pytest.mark.parametrize("rate", ["0", "-1", '"fast"', "1e99", "null", "[16000]"])
def test_an_invalid_sample_rate_is_undecodable(rate: str) -> None:
    start = f'{{"type":"audio-start","data":{{"rate":{rate},"width":2,"channels":1}}}}\n'.encode()
    with bad_server(answer(start + b'{"type":"audio-chunk","payload_length":4}\nabcd', waits=True)) as port:
        assert spoken(port, "wyoming").failure == "undecodable"


def test_a_sample_rate_of_zero_in_a_wav_file_is_undecodable() -> None:
    body = WAV_MONO.replace(b"\x80\xbb\0\0", bytes(4)) + bytes(8)
    with bad_server(answer(http("200 OK", body, "audio/wav"))) as port:
        assert spoken(port, "piper-http").failure == "undecodable"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_untrusted_certificate_is_counted_as_tls(protocol: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    with tls_server(context) as port:
        assert spoken(port, protocol, scheme="https").failure == "tls"
        assert spoken(port, protocol, timeout_s=2.0).failure in ("wrong_protocol", "closed_early")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tls_to_a_server_without_it_is_counted_as_tls(protocol: str) -> None:
    with bad_server(answer(http("400 Bad Request"))) as port:
        assert spoken(port, protocol, scheme="https").failure == "tls"


@pytest.mark.parametrize("protocol", [*SOCKETS, *HTTP, "wyoming"])
def test_an_answer_cut_at_any_place_ends_with_a_failure(protocol: str) -> None:
    whole = {
        **dict.fromkeys(SOCKETS, b"HTTP/1.1 101 Switching\r\n\r\n" + bytes((0x81, len(AUDIO))) + AUDIO),
        **dict.fromkeys(HTTP, http("200 OK", bytes(20))),
        "piper-http": http("200 OK", WAV_STEREO.replace(b"\x01\0\x02\0", b"\x01\0\x01\0") + bytes(8)),
        "wyoming": b'{"type":"audio-start","data":{"rate":16000,"width":2,"channels":1}}\n'
        b'{"type":"audio-chunk","payload_length":4}\nabcd{"type":"audio-stop"}\n',
    }[protocol]
    for end in range(0, len(whole) - 1, 5):
        with bad_server(answer(whole[:end])) as port:
            assert spoken(port, protocol).failure in ("closed_early", "wrong_protocol"), whole[:end]


@pytest.mark.parametrize("bench", ["first-audio", "concurrency", "open-loop", "listeners"])
def test_a_run_on_a_dead_server_ends_with_one_point_that_counts_the_failures(bench: str) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    address = parse_address(url, protocol="openai")
    plan = Plan(bench=bench, address=address, url=url, server="dead", points=(1,), seconds=0.2)
    lines: list[dict[str, Any]] = []
    assert run_plan(plan, lines.append) == 0
    (point,) = lines
    assert point["failures"] == {"refused": point["failed"]}


def test_a_separate_process_gives_the_same_lines() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    plan = Plan(
        bench="first-audio", address=parse_address(url, protocol="wyoming"), url=url, server="x", points=(1,)
    )
    (point,) = measure_apart(plan)
    assert point["failures"] == {"refused": 2}


def test_the_command_says_what_failed_and_exits_with_1(capfd: pytest.CaptureFixture[str]) -> None:
    with bad_server(answer(http("429 Too Many Requests"))) as port:
        code = run(["bench", "first-audio", "--url", f"http://127.0.0.1:{port}", "--protocol", "openai"])
    assert code == 1
    out, err = capfd.readouterr()
    assert json.loads(out)["failures"] == {"http_429": 2}
    assert "no utterance was heard: http_429" in err


@pytest.mark.parametrize(
    "flags",
    [
        ["--url", "ftp://x"],
        ["--url", "http://"],
        ["--url", "http://x:99999"],
        ["--url", "http://x", "--protocol", "smtp"],
        ["--url", "http://x", "--format", "cassette"],
        ["--url", "http://x", "--format", "wav", "--protocol", "elevenlabs-ws"],
        ["--url", "http://x", "--count", "some"],
    ],
)
def test_wrong_flags_exit_with_2(flags: list[str]) -> None:
    assert run(["bench", "first-audio", *flags]) == 2


@pytest.mark.parametrize("text", ["", "nonsense", '{"what":"knee"}', "[1]", '{"a":1}'])
def test_a_file_that_is_no_result_cannot_be_compared(text: str, tmp_path: Any) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(text)
    assert run(["bench", "--compare", str(file), str(file)]) == 2


def test_an_unknown_bench_is_named() -> None:
    address = parse_address("http://127.0.0.1:1", protocol="openai")
    with pytest.raises(LocalError, match="expected one of first-audio"):
        run_plan(Plan(bench="x", address=address, url="", server="", points=(1,)), lambda line: None)
