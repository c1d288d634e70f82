"""Voices fetched by name from a mirror on loopback, by the real library."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest
from mirror import KOKORO, PIPER, Mirror, serving, surroundings
from test_voices_public import write_piper

from zelitrio.cli.app import run
from zelitrio.errors import LocalError
from zelitrio.voices import is_name, plan

constants = pytest.importorskip("huggingface_hub.constants", reason="the extra `hub` is not installed")

VOICE = "en_US-tiny-medium"
NAME = f"piper:{VOICE}"
STEM = "en/en_US/tiny/medium"
ONNX = f"{STEM}/{VOICE}.onnx"
CARD = b"# Model card\n\n## Dataset\n\n* URL: https://example.org/tiny\n* License: CC0\n"


@attrs.frozen
class Said:
    """A command's output and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


Voices = Callable[..., Said]


@pytest.fixture(scope="module")
def piper_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = write_piper(tmp_path_factory.mktemp("source"))
    listed = {VOICE: {"language": {"code": "en_US"}, "quality": "medium"}}
    return {
        ONNX: path.read_bytes(),
        f"{ONNX}.json": path.with_name(path.name + ".json").read_bytes(),
        f"{STEM}/MODEL_CARD": CARD,
        "voices.json": json.dumps(listed).encode(),
    }


@pytest.fixture
def mirror(
    piper_files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Mirror]:
    with serving({PIPER: dict(piper_files), KOKORO: {"voices/af_one.pt": b"x"}}) as served:
        served.licences[PIPER] = "mit"
        # What HF_ENDPOINT and HF_HOME set when the library is imported.
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        template = f"{served.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache" / "hub"))
        yield served


@pytest.fixture
def voices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Voices:
    """Runs `zelitrio voices` without a terminal and with its own home."""

    def ask(*words: str) -> Said:
        capsys.readouterr()
        kept = ["--into", str(tmp_path / "home")] if words[0] not in ("list", "available") else []
        code = run(["voices", *words, *kept])
        return Said(code, *capsys.readouterr())

    return ask


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


def added(home: Path) -> list[str]:
    """The voice folders in the home, unfinished ones too."""
    return sorted(path.name for path in (home / "home").glob("*")) if (home / "home").exists() else []


def blobs(home: Path) -> Path:
    return home / "cache" / "hub" / f"models--{PIPER.replace('/', '--')}" / "blobs"


def sha256(mirror: Mirror) -> str:
    large = mirror.sibling(ONNX, mirror.repositories[PIPER][ONNX])["lfs"]
    assert isinstance(large, dict)
    return str(large["sha256"])


def test_a_name_is_shown_fetched_converted_listed_and_removed(
    mirror: Mirror, voices: Voices, tmp_path: Path
) -> None:
    assert [line.split() for line in voices("available", "_").out.splitlines()] == [
        [NAME, "en_US", "medium"],
        ["kokoro:af_one", "en-US", "high"],
    ]
    made = voices("add", NAME, "--yes")
    assert made.code == 0, made.err
    assert VOICE in voices("list", "--voices", str(tmp_path / "home")).out
    shown = voices("show", VOICE).out
    assert f"huggingface.co/{PIPER}" in shown and "Licence: CC0" in shown and sha256(mirror) in shown
    mirror.asked.clear()
    assert f"remove it first: zelitrio voices remove {VOICE}" in voices("add", NAME, "--yes").err
    assert mirror.parts_asked(".onnx") == []
    assert voices("remove", VOICE).code == 0
    assert added(tmp_path) == []


def test_licence_size_and_checksum_are_shown_before_anything_is_fetched(
    mirror: Mirror, voices: Voices, tmp_path: Path
) -> None:
    asked = voices("add", NAME)
    assert asked.code == 2
    # The card has the voice's licence; the repository has that of its code.
    assert "licence: CC0" in asked.lines and "mit" not in asked.err
    assert sha256(mirror) in asked.err and "MB in all" in asked.err
    assert asked.lines[-1].endswith("nothing was fetched: expected yes; --yes does not ask")
    assert mirror.parts_asked(".onnx") == [] == mirror.parts_asked(".json")
    assert added(tmp_path) == []


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the library write every 1,000 bytes, without pauses between attempts."""
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.mark.usefixtures("small_pieces")
def test_a_broken_connection_is_taken_up_where_it_broke(
    mirror: Mirror, voices: Voices, tmp_path: Path
) -> None:
    mirror.breaks = 2
    made = voices("add", NAME, "--yes")
    assert made.code == 0, made.err
    half = len(mirror.repositories[PIPER][ONNX]) // 2
    first, second, third = mirror.parts_asked(".onnx")
    assert (first, second) == ("", f"bytes={half // 1000 * 1000}-")
    assert int(third[len("bytes=") : -1]) > half
    assert added(tmp_path) == [VOICE]


def test_a_fetch_that_was_given_up_goes_on_in_the_next_command(
    mirror: Mirror, voices: Voices, tmp_path: Path
) -> None:
    blobs(tmp_path).mkdir(parents=True)
    # The state after Ctrl-C, a power cut or a dead line.
    (blobs(tmp_path) / f"{sha256(mirror)}.incomplete").write_bytes(mirror.repositories[PIPER][ONNX][:5000])
    made = voices("add", NAME, "--yes")
    assert made.code == 0, made.err
    assert mirror.parts_asked(".onnx") == ["bytes=5000-"]
    assert not list(blobs(tmp_path).glob("*.incomplete"))


@pytest.mark.usefixtures("small_pieces")
def test_bytes_before_a_lost_connection_are_kept(mirror: Mirror, voices: Voices, tmp_path: Path) -> None:
    mirror.breaks, mirror.is_dead = 100, True
    given_up = voices("add", NAME, "--yes")
    assert given_up.code == 1
    assert given_up.lines[-1].startswith(f"zelitrio: {PIPER}/{ONNX}: cannot be fetched (")
    (part,) = blobs(tmp_path).glob("*.incomplete")
    kept = part.stat().st_size
    assert kept > 0
    mirror.breaks = 0
    mirror.asked.clear()
    assert voices("add", NAME, "--yes").code == 0
    assert mirror.parts_asked(".onnx") == [f"bytes={kept}-"]


@pytest.mark.parametrize("fault", ["another content", "a part of another file"])
def test_a_file_that_is_not_what_its_checksum_says_is_refused_and_not_kept(
    mirror: Mirror, voices: Voices, tmp_path: Path, fault: str
) -> None:
    if fault == "another content":
        mirror.sums[ONNX] = "0" * 64
    else:
        blobs(tmp_path).mkdir(parents=True)
        (blobs(tmp_path) / f"{sha256(mirror)}.incomplete").write_bytes(b"of another file")
    expected = sha256(mirror)
    found = voices("add", NAME, "--yes")
    assert found.code == 1
    assert f"{ONNX}: checksum: expected {expected}, found " in found.lines[-1]
    assert added(tmp_path) == []
    mirror.sums.clear()
    assert voices("add", NAME, "--yes").code == 0


def test_offline_only_what_was_fetched_can_be_added(
    mirror: Mirror, voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work_offline(is_offline: bool) -> None:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", is_offline)

    work_offline(True)
    nothing = voices("add", NAME, "--yes")
    assert (nothing.code, nothing.lines) == (
        1,
        [f"zelitrio: {PIPER}: is not in the cache, and HF_HUB_OFFLINE is set"],
    )
    work_offline(False)
    assert voices("add", NAME, "--yes").code == 0
    assert voices("remove", VOICE).code == 0
    mirror.asked.clear()
    work_offline(True)
    again = voices("add", NAME, "--yes")
    assert again.code == 0, again.err
    assert "licence: CC0" in again.lines
    other = voices("add", "piper:de_DE-tiny-medium", "--yes")
    assert f"{PIPER} has no de/de_DE/tiny/medium/de_DE-tiny-medium.onnx" in other.err
    assert "is not in the cache, and HF_HUB_OFFLINE is set" in voices("available").err
    assert mirror.asked == []


@pytest.mark.slow
def test_a_cache_filled_by_the_librarys_own_command_works_offline(mirror: Mirror, tmp_path: Path) -> None:
    """A machine without a network gets its voices in this way: the cache is copied from another machine."""
    fetch = (
        f"import huggingface_hub as h; [h.hf_hub_download({PIPER!r}, f) for f in {[ONNX, f'{ONNX}.json']!r}]"
    )
    here = surroundings(mirror.url, tmp_path)
    subprocess.run([sys.executable, "-c", fetch], check=True, timeout=60, env=here, capture_output=True)
    assert mirror.asked
    mirror.asked.clear()
    add = f"from zelitrio.cli import main; main(['voices', 'add', {NAME!r}, '--yes'])"
    here["HF_HUB_OFFLINE"] = "1"
    found = subprocess.run(
        [sys.executable, "-c", add], check=False, timeout=60, env=here, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "data" / "zelitrio" / "voices" / VOICE / "weights.safetensors").exists()
    assert mirror.asked == []


def test_a_name_that_is_not_there_and_a_site_that_is_not_there_are_one_line(
    mirror: Mirror, voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = voices("add", "piper:en_US-other-medium", "--yes")
    assert len(missing.lines) == 1 and "has no en/en_US/other/medium" in missing.err
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    for words in (["add", NAME, "--yes"], ["available"]):
        away = voices(*words)
        assert away.code == 1
        (line,) = away.lines
        assert line.startswith(f"zelitrio: {PIPER}: cannot be fetched")


@pytest.mark.parametrize(
    "card",
    [
        "* License: CC-BY-NC-SA-4.0",
        "* License: https://www.cstr.ed.ac.uk/projects/blizzard/2013/lessac_blizzard2013/license.html",
    ],
)
def test_a_licence_that_forbids_is_reported_before_anything_is_fetched(
    mirror: Mirror, voices: Voices, card: str
) -> None:
    mirror.repositories[PIPER][f"{STEM}/MODEL_CARD"] = card.encode()
    refused = voices("add", NAME, "--yes")
    assert refused.code == 2
    assert "it forbids commercial use; --accept-licence adds it anyway" in refused.err
    assert mirror.parts_asked(".onnx") == []
    assert voices("add", NAME, "--yes", "--accept-licence").code == 0


def test_a_card_that_sends_its_reader_elsewhere_shows_where(mirror: Mirror, voices: Voices) -> None:
    mirror.repositories[PIPER][f"{STEM}/MODEL_CARD"] = CARD.replace(b"CC0", b"See URL")
    assert "licence: see https://example.org/tiny" in voices("add", NAME).lines
    mirror.repositories[PIPER][f"{STEM}/MODEL_CARD"] = b"# Model card\n"
    assert voices("add", NAME).code == 2


def test_names_are_distinguished_from_paths(tmp_path: Path) -> None:
    assert is_name("piper:de_DE-thorsten-medium")
    assert is_name("kokoro")
    assert not is_name(str(tmp_path))
    with pytest.raises(LocalError, match="expected piper:LANGUAGE_COUNTRY-NAME-QUALITY"):
        plan("piper:thorsten")
