from __future__ import annotations

import io
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from scripted_engine import ScriptedEngine

import zelitrio.cli.catalogue
import zelitrio.client
import zelitrio.engine
from zelitrio.cli.app import run
from zelitrio.errors import EngineError, RemoteError


def install_scripted_engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    scripted = ScriptedEngine()

    @asynccontextmanager
    async def open_scripted(*args: object, **kwargs: object) -> AsyncIterator[ScriptedEngine]:
        yield scripted

    monkeypatch.setattr(zelitrio.engine, "open_engine", open_scripted)
    monkeypatch.setattr(zelitrio.cli.catalogue, "load_voices", lambda *_, **__: scripted.catalogue)
    return scripted


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> ScriptedEngine:
    """Make commands use the scripted engine and no environment variables."""
    for name in ("ZELITRIO_URL", "ZELITRIO_API_KEY", "ZELITRIO_VOICES", "ZELITRIO_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return install_scripted_engine(monkeypatch)


def test_a_text_becomes_a_file_and_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "hello.wav"
    assert run(["speak", "Hello there, this is a test.", "--out", str(out)]) == 0
    with wave.open(str(out)) as opened:
        seconds = opened.getnframes() / opened.getframerate()
    assert seconds > 0.4
    printed = capsys.readouterr()
    assert printed.out.startswith(f"{out}: {seconds:.2f} s of speech as wav_24000, first audio after ")
    assert "real-time factor 0." in printed.out
    assert printed.err == ""


def test_a_file_is_spoken_if_its_name_is_given(
    tmp_path: Path, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("letter.txt").write_text("Dear Anna.")
    assert run(["speak", "letter.txt", "--quiet"]) == 0
    assert engine.fed() == ["Dear Anna."]
    assert Path("speech.wav").exists()


def speaking_process(tokens: list[str]) -> subprocess.Popen[bytes]:
    """A real process with real pipes that speaks with the scripted engine."""
    here = Path(__file__).parent
    return subprocess.Popen(
        [sys.executable, "-m", "scripted_child", *tokens],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": f"{here}:{here.parent}:{here.parent.parent}"},
    )


def test_stdin_is_spoken_before_it_ends_and_control_c_is_quiet() -> None:
    with speaking_process(["speak", "-", "--out", "-", "--format", "pcm_8000"]) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write(b"Hello there, my friend, this is said at once. And mo")
        process.stdin.flush()
        assert process.stdout.read(1_000)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.stderr.read() == b""
    assert process.returncode == 130


def test_a_character_may_come_in_two_pieces_and_a_reader_may_leave() -> None:
    with speaking_process(["speak", "-", "--out", "-"]) as process:
        assert process.stdin and process.stdout and process.stderr
        process.stdin.write("Caf\u00e9. ".encode()[:4])
        process.stdin.flush()
        process.stdout.close()
        process.stdin.write("Caf\u00e9. ".encode()[4:])
        process.stdin.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_the_voice_and_the_speed_reach_the_engine(tmp_path: Path, engine: ScriptedEngine) -> None:
    lengths = []
    for speed in ("1.0", "0.8"):
        out = tmp_path / "a.pcm"
        assert run(["speak", "Hello.", "-o", str(out), "--voice", "zeli-voice-2", "--speed", speed]) == 0
        lengths.append(out.stat().st_size)
    assert lengths[1] == pytest.approx(lengths[0] / 0.8, rel=0.01)
    opened = [what for kind, what, _ in engine.log if kind == "open"]
    assert [voice.voice_id for voice in opened] == ["zeli-voice-2"] * 2


@pytest.mark.parametrize(
    ("tokens", "exit_code", "complaint"),
    [
        (
            ["speak", "Hi.", "--voice", "nobody"],
            2,
            "voice: expected one of zeli-voice-1, zeli-voice-2, found 'nobody'",
        ),
        (["speak", "Hi.", "--speed", "3"], 2, "speed: expected 0.7 to 1.2, found 3.0"),
        (["speak", "Hi.", "--format", "mp4"], 1, "output_format: expected one of"),
        (["speak", "Hi.", "--out", "speech.doc"], 2, "speech.doc: expected --format or a name that ends in"),
        (
            ["speak", "Hi.", "--out", "no/such/folder/a.wav"],
            2,
            "no/such/folder/a.wav: No such file or directory",
        ),
        (["speak", ""], 2, "expected something to speak, found nothing"),
        (["speak", " \n"], 2, "expected something to speak, found nothing"),
        (["speak", "Hi", "there"], 2, "expected one TEXT, in quotes if it has spaces; left over: there"),
        (["speak", "--voise", "x", "Hi"], 2, "left over: x Hi"),
        (["speak", "--quiat"], 2, "unknown option --quiat"),
        (["speak"], 2, "TEXT requires an argument"),
        (["speak", "Hi.", "--url", "http://127.0.0.1:1"], 1, "could not connect"),
        (["sing"], 2, 'Unknown command "sing"'),
    ],
)
def test_a_failure_is_one_error_line_and_an_exit_code(
    tokens: list[str], exit_code: int, complaint: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run(tokens) == exit_code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("zelitrio: ") and printed.err.count("\n") == 1
    assert complaint in printed.err
    assert not list(tmp_path.iterdir())


def test_an_engine_that_fails_ends_with_its_own_exit_code(
    engine: ScriptedEngine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.failures["Hello"] = EngineError("the device is lost")
    assert run(["speak", "Hello.", "--out", str(tmp_path / "a.wav")]) == 3
    assert capsys.readouterr().err == "zelitrio: the device is lost\n"


def test_a_bug_is_reported_in_one_line_unless_more_is_requested(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(folder: Path | None) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(zelitrio.cli.catalogue, "load_voices", broken)
    assert run(["voices"]) == 1
    assert "internal error: ZeroDivisionError: oops" in capsys.readouterr().err
    monkeypatch.setenv("ZELITRIO_TRACEBACK", "1")
    assert run(["voices"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_voices_lists_the_default_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["voices"]) == 0
    printed = capsys.readouterr().out
    assert 0 < printed.index("zeli-voice-1") < printed.index("zeli-voice-2")


class FakeClient:
    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send_text(self, text: str) -> None:
        self.sent.append(text)

    async def end(self) -> None:
        self.sent.append("")

    async def __aiter__(self) -> AsyncIterator[zelitrio.client.ClientAudio]:
        yield zelitrio.client.ClientAudio(bytes(4_800))
        yield zelitrio.client.ClientAudio(bytes(4_800))


def test_with_a_url_a_server_speaks(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    engine: ScriptedEngine,
) -> None:
    client, asked = FakeClient(), []

    @asynccontextmanager
    async def open_fake(url: str, **kwargs: object) -> AsyncIterator[FakeClient]:
        asked.append((url, kwargs["api_key"], kwargs["output_format"], kwargs["voice_id"]))
        yield client

    monkeypatch.setattr(zelitrio.client, "open_client", open_fake)
    monkeypatch.setenv("ZELITRIO_API_KEY", "sk-1")
    text = "Hello there. " * 200
    out = tmp_path / "a.pcm"
    assert run(["speak", text, "--out", str(out), "--url", "http://box:8020", "--voice", "v"]) == 0
    assert asked == [("http://box:8020", "sk-1", "pcm_24000", "v")]
    assert "".join(client.sent) == text and client.sent[-1] == "" and len(client.sent) == 3
    assert out.stat().st_size == 9_600
    assert f"{out}: 0.20 s of speech" in capsys.readouterr().out
    assert engine.log == []


def test_a_servers_refusal_is_reported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @asynccontextmanager
    async def open_fake(url: str, **kwargs: object) -> AsyncIterator[None]:
        raise RemoteError("invalid_api_key", "Invalid API key")
        yield

    monkeypatch.setattr(zelitrio.client, "open_client", open_fake)
    assert run(["speak", "Hi.", "--out", str(tmp_path / "a.mp3"), "--url", "http://box:8020"]) == 1
    assert capsys.readouterr().err == "zelitrio: Invalid API key (invalid_api_key)\n"


def test_normalise_prints_words_and_phonemes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Hello 2"))
    assert run(["normalise", "-"]) == 0
    assert capsys.readouterr().out == "hello two\nHH AH0 L OW1 T UW1\n"


def test_normalise_explains_each_word_and_obeys_a_lexicon(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("W3C -> web consortium\n")
    assert run(["normalise", "--explain", "--lexicon", str(path), "The W3C paid $5."]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["word", "from", "rule", "phones", "break"]
    assert lines[2][:4] == ["web", "4-7", "W3C", "alias"]
    assert lines[-1][:4] == ["dollars", "13-15", "$5", "sign_first"] and lines[-1][-1] == "stop"


@pytest.mark.parametrize("tokens", [["--help"], ["serve", "--help"], ["normalise", "Hello."], ["--version"]])
def test_light_commands_load_neither_networks_nor_codecs(tokens: list[str]) -> None:
    heavy = "{'torch', 'av', 'trio', 'hypercorn', 'starlette'}"
    script = (
        f"import sys; from zelitrio.cli.app import run; run({tokens}); print(*({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
