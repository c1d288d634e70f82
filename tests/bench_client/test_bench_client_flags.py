"""A flag that cannot be measured with is refused in one line before anything is measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from one_line import only_line

from zelitrio.bench_client import parse_address
from zelitrio.cli.app import run
from zelitrio.errors import LocalError

NUMBERS = {
    "first-audio": ("--count",),
    "concurrency": ("--streams", "--seconds"),
    "open-loop": ("--rates", "--seconds", "--limit-ms"),
    "listeners": ("--counts", "--seconds", "--exact"),
}
NEVER = [(bench, flag) for bench, flags in NUMBERS.items() for flag in (*flags, "--timeout-s")]


def refused(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that refuses a command line."""
    assert run(["bench", *words]) == 2
    return only_line(capfd)


@pytest.mark.parametrize(("bench", "flag"), NEVER)
@pytest.mark.parametrize("value", ["0", "-1", "-0.5", "nan", "inf", "1e99", "x", "1 2"])
def test_a_number_out_of_range_names_its_flag(
    bench: str, flag: str, value: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert flag in refused(capfd, bench, "--url", "http://127.0.0.1:1", f"{flag}={value}")


@pytest.mark.parametrize("value", ["-1", "nan", "inf"])
def test_a_buffer_is_zero_or_more(value: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert "--buffer-ms" in refused(capfd, "listeners", "--url", "http://x", f"--buffer-ms={value}")


@pytest.mark.parametrize("seed", ["-1", "99999999999999999999999", "1.5"])
def test_a_seed_is_a_number_that_json_can_carry(seed: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert "--seed" in refused(capfd, "first-audio", "--url", "http://x", f"--seed={seed}")


@pytest.mark.parametrize(
    "flags",
    [["--find-knee"], ["--find-knee", "--rates", "1"], ["--find-knee", "--rates", "4", "--rates", "2"]],
)
def test_a_knee_is_searched_between_two_rates(flags: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    if flags == ["--find-knee"]:
        flags += ["--rates", "3", "--rates", "3"]
    assert "--rates" in refused(capfd, "open-loop", "--url", "http://x", *flags)


def test_listeners_go_upwards(capfd: pytest.CaptureFixture[str]) -> None:
    assert "rising" in refused(capfd, "listeners", "--url", "http://x", "--counts", "9", "--counts", "3")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8020",
        "http:/localhost",
        "http:///v1",
        "htp://x",
        "http://[::1",
        "http://[x]",
        "http://x:y",
        "http://x:0",
        "http://x:65536",
        "http://a..b",
        "http://" + "a" * 64,
        "http://x/a b",
        "http://x/\r\nhost: y",
        "http://x/ä",
        "http://x/?voice=1",
        "http://x/#top",
        "http://user:secret@x",
        "http://\udcff",
    ],
)
def test_an_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(LocalError, match="--url") as raised:
        parse_address(url, protocol="openai")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("url", ["http://x", "https://x:1/", "ws://[::1]:8020/v1", "tcp://münchen.example"])
def test_a_url_is_accepted(url: str) -> None:
    assert parse_address(url, protocol="openai").path == ""


@pytest.mark.parametrize(
    "name",
    ["", "wav_24000", "pcm", "pcm_0", "pcm_999", "pcm_400000", "pcm_24000_1", "mp3_44100", "mp3_44100_0",
     "opus_0_64", "mp3_44100_1000", "ulaw_0", "pcm_٢٤٠٠٠", "PCM_24000"],
)  # fmt: skip
def test_an_invalid_format_is_refused(name: str) -> None:
    with pytest.raises(LocalError, match="--format"):
        parse_address("http://x", protocol="openai", output_format=name)


@pytest.mark.parametrize("flag", ["--api-key", "--voice", "--model", "--name"])
@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "\udcff", "a\x00", "\x1b[2J"])
def test_text_that_no_header_carries_is_refused_and_not_repeated(
    flag: str, value: str, capfd: pytest.CaptureFixture[str]
) -> None:
    err = refused(capfd, "first-audio", "--url", "http://x", f"{flag}={value}", "--protocol", "openai")
    assert flag in err
    assert value not in err


def test_a_key_has_ascii_only(capfd: pytest.CaptureFixture[str]) -> None:
    err = refused(capfd, "first-audio", "--url", "http://x", "--api-key", "ключ")
    assert "--api-key" in err
    assert "ключ" not in err


@pytest.mark.parametrize("content", [b"", b"\n \n", b"\xff\xfe\x00", None])
def test_a_file_without_texts_is_refused(
    content: bytes | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "texts"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    assert str(file) in refused(capfd, "first-audio", "--url", "http://x", "--texts", str(file))


@pytest.mark.parametrize("flag", ["--html", "--out"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_measured(
    flag: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for place in (tmp_path, tmp_path / "none" / "x", Path("/dev/null/x")):
        assert str(place) in refused(capfd, "first-audio", "--url", "http://x", flag, str(place))


def test_a_report_does_not_overwrite_the_lines(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x"
    file.write_text("kept")
    refused(capfd, "first-audio", "--url", "http://x", "--out", str(file), "--html", str(file))
    assert file.read_text() == "kept"


@pytest.mark.parametrize("words", [[], ["first_audio"], ["fast", "--compare", "x"], ["--html", "x.html"]])
def test_a_command_that_does_not_exist_is_told_which_do(
    words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert "first-audio, concurrency" in refused(capfd, *words)
