"""Wrong input to `zelitrio voices`: one line, and no unfinished files."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_voices_public import Payload, kokoro_folder

from zelitrio.cli.app import run

Write = Callable[[Path], object]


def onnx_of(folder: Path) -> Path:
    (path,) = folder.glob("*.onnx")
    return path


def changed(**fields: Any) -> Write:
    """Change fields of the JSON; None removes one."""

    def write(folder: Path) -> None:
        path = onnx_of(folder).with_name(f"{onnx_of(folder).name}.json")
        content = {**json.loads(path.read_text()), **fields}
        path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))

    return write


def side(content: str) -> Write:
    return lambda folder: onnx_of(folder).with_name(f"{onnx_of(folder).name}.json").write_text(content)


def weights(change: Callable[[bytes], bytes]) -> Write:
    return lambda folder: onnx_of(folder).write_bytes(change(onnx_of(folder).read_bytes()))


def only(name: str, content: bytes | Callable[[Path], object]) -> Write:
    """A folder with only this file."""

    def write(folder: Path) -> None:
        shutil.rmtree(folder)
        folder.mkdir()
        if callable(content):
            content(folder / name)
        else:
            (folder / name).write_bytes(content)

    return write


def symbols(**numbers: Any) -> Write:
    def write(folder: Path) -> None:
        path = onnx_of(folder).with_name(f"{onnx_of(folder).name}.json")
        content = json.loads(path.read_text())
        content["phoneme_id_map"].update(numbers)
        content["phoneme_id_map"] = {key: value for key, value in content["phoneme_id_map"].items() if value}
        path.write_text(json.dumps(content))

    return write


def renamed(stem: str) -> Write:
    def write(folder: Path) -> None:
        onnx_of(folder).with_name(f"{onnx_of(folder).name}.json").rename(folder / f"{stem}.onnx.json")
        onnx_of(folder).rename(folder / f"{stem}.onnx")

    return write


def saved(content: object) -> Callable[[Path], object]:
    return lambda path: torch.save(content, path)


PARTS: dict[str, Any] = {"bert": {}, "predictor": {}, "decoder": {}}
SOURCES: dict[str, tuple[Write, str]] = {
    "text": (weights(lambda _: b"hello, I am no model"), "expected ONNX"),
    "html": (weights(lambda _: b"<html>404 not found</html>"), ".onnx: is "),
    "empty": (weights(lambda _: b""), "expected a graph of nodes, found none"),
    "half": (
        weights(lambda content: content[: len(content) // 2]),
        "expected ONNX, found the file ends early",
    ),
    "all but a byte": (weights(lambda content: content[:-1]), "expected ONNX, found"),
    "not finite": (weights(lambda content: content.replace(content[-4000:-3900], b"\xff" * 100)), ".onnx: "),
    "no JSON": (
        lambda folder: next(folder.glob("*.json")).unlink(),
        "expected en_US-tiny-medium.onnx.json beside it",
    ),
    "JSON cut": (side('{"audio": {'), ".onnx.json: is damaged: expected JSON"),
    "JSON a list": (side("[1, 2]"), "expected a JSON object, found list"),
    "no audio": (changed(audio=None), "audio: expected a JSON object, found None"),
    "rate 0": (changed(audio={"sample_rate": 0}), "audio.sample_rate: expected 8000 to 48000, found 0"),
    "rate a word": (changed(audio={"sample_rate": "fast"}), "expected 8000 to 48000, found 'fast'"),
    "no symbols": (changed(phoneme_id_map=None), "phoneme_id_map: expected a JSON object, found None"),
    "symbols too high": (symbols(q=[9999]), "phoneme_id_map: expected numbers below "),
    "symbols no numbers": (symbols(q="x"), "phoneme_id_map.'q': expected up to 8 whole numbers, found 'x'"),
    "no pad": (symbols(_=[]), "phoneme_id_map: expected the symbol _"),
    "no espeak voice": (changed(espeak={}), "espeak.voice: expected a language such as en-us, found ''"),
    "pinyin": (changed(phoneme_type="pinyin"), "phoneme_type: expected espeak or text, found 'pinyin'"),
    "language a word": (changed(language="de"), "language: expected a JSON object, found 'de'"),
    "noise a word": (
        changed(inference={"noise_w": "much"}),
        "inference.noise_w: expected 0 to 10, found 'much'",
    ),
    "speaker a word": (
        changed(speaker_id_map={"a": "b"}),
        "speaker_id_map.a: expected a whole number, found 'b'",
    ),
    "symbol of a thousand numbers": (symbols(q=[5] * 1000), "expected up to 8 whole numbers, found [5, 5"),
    "symbol of truths": (symbols(q=[True]), "expected up to 8 whole numbers, found [True]"),
    "symbol of a huge number": (symbols(q=[10**30]), "expected up to 8 whole numbers, found [1e+30]"),
    "JSON too deep": (side("[" * 100_000), ".onnx.json: is damaged: expected JSON"),
    "JSON with NaN": (side('{"audio": NaN}'), ".onnx.json: is damaged: expected JSON"),
    "JSON not UTF-8": (
        lambda folder: (
            onnx_of(folder).with_name(f"{onnx_of(folder).name}.json").write_bytes(b'{"a": "\xff"}')
        ),
        ".onnx.json: is damaged: expected JSON",
    ),
    **{
        f"{name} {value}": (
            changed(inference={name: value}),
            f"inference.{name}: expected {low} to 10, found ",
        )
        for name, low in (("noise_scale", "0"), ("noise_w", "0"), ("length_scale", "0.1"))
        for value in (1e9, -1, 10.5, True, "1", [1])
    },
    "length 0": (
        changed(inference={"length_scale": 0}),
        "inference.length_scale: expected 0.1 to 10, found 0",
    ),
    **{
        f"espeak {voice!r}": (
            changed(espeak={"voice": voice}),
            "espeak.voice: expected a language such as en-us",
        )
        for voice in ("--version", "../../etc", "de\n", "DE", 5, ["de"], "e" * 50)
    },
    **{
        f"language {code!r}": (changed(language={"code": code}), "language.code: expected a language such as")
        for code in (5, ["de"], "de/../x", "de\n", "e" * 50)
    },
    **{
        f"quality {word!r}": (
            changed(audio={"sample_rate": 16_000, "quality": word}),
            "audio.quality: expected a word such as medium",
        )
        for word in (5, "<b>", "x" * 300, "")
    },
    **{
        f"speaker {name!r}": (
            changed(speaker_id_map={name: 0}),
            "speaker_id_map: expected names without / + ( ) #",
        )
        for name in ("", "a/b", "a+b", "a#b", "a\n", "x" * 100)
    },
    "speaker below 0": (
        changed(speaker_id_map={"a": -1}),
        "speaker_id_map.a: expected a whole number, found -1",
    ),
    "two speakers of one number": (
        changed(speaker_id_map={"a": 0, "b": 0}),
        "speaker_id_map: expected a number of its own for each name",
    ),
    **{
        f"file {stem!r}": (
            renamed(stem),
            f"{stem}.onnx: its name becomes the voice's: expected no spaces and no / \\ + ( ) #",
        )
        for stem in ("a b", "a+b", "a(2)", "a#b", ".", "..", "x" * 100)
    },
    "two voices": (
        lambda folder: shutil.copy(onnx_of(folder), folder / "b.onnx"),
        "expected one .onnx or .pth",
    ),
    "nothing": (only("note.txt", b"hi"), "expected one .onnx or .pth, found none"),
    "code": (only("k.pth", pickle.dumps(Payload())), "tensors only, no code"),
    "not a pickle": (
        only("k.pth", b"<html>"),
        "no code, found another file",
    ),
    "other parts": (
        only("k.pth", saved({"model": {}})),
        "expected parts bert, predictor, decoder, found model",
    ),
    "no tensors": (only("k.pth", saved({**PARTS, "bert": 1})), "bert: expected tensors by name, found int"),
    "a word for a tensor": (only("k.pth", saved({**PARTS, "bert": {"x": "y"}})), "bert.x: expected a tensor"),
    "half a norm": (
        only("k.pth", saved({**PARTS, "bert": {"x.weight_v": torch.ones(2, 2)}})),
        "bert.x.weight_g is missing",
    ),
    "no styles": (only("k.pth", saved(PARTS)), "holds no style tables: expected voices/*.pt"),
    "forbidden": (
        lambda folder: (folder / "MODEL_CARD").write_text("* License: CC BY-NC 4.0"),
        "licence CC BY-NC 4.0: it forbids commercial use; --accept-licence adds it anyway",
    ),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_an_invalid_voice_is_one_error_line_and_leaves_no_files(
    kind: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil, expected = SOURCES[kind]
    source, home = tmp_path / "source", tmp_path / "home"
    shutil.copytree(good, source)
    spoil(source)
    assert run(["voices", "add", str(source), "--into", str(home)]) in (1, 2)
    said = capsys.readouterr()
    *steps, line = said.err.splitlines()
    assert line.startswith("zelitrio: ") and expected in line, line
    assert "internal error" not in line
    assert len(steps) <= 1  # "reading ..."
    assert "code ran" not in said.out
    assert list(home.glob("*")) == list(home.glob(".*")) == []


STYLES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "of another size": (
        "a.bin",
        lambda path: path.write_bytes(bytes(400)),
        "expected [510, 256], found [100]",
    ),
    "of no numbers": (
        "a.bin",
        lambda path: path.write_bytes(np.full((510, 256), np.nan, "<f4").tobytes()),
        "expected finite numbers",
    ),
    "with code": (
        "a.pt",
        lambda path: path.write_bytes(pickle.dumps(Payload())),
        "tensors only, no code",
    ),
    "a word": ("a.pt", saved("style"), "expected floats, found str"),
    "an archive with a pickle": (
        "voices.npz",
        lambda path: np.savez(path, a=np.array([{}], object)),
        "expected an archive of arrays only",
    ),
    "no archive": (
        "voices.npz",
        lambda path: path.write_bytes(b"hi"),
        "expected an archive of arrays, found no",
    ),
}


@pytest.mark.parametrize("kind", STYLES)
def test_an_error_names_an_invalid_style_table(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, write, expected = STYLES[kind]
    (tmp_path / "voices").mkdir()
    torch.save(PARTS, tmp_path / "k.pth")
    write(tmp_path / (name if name.endswith("npz") else f"voices/{name}"))
    assert run(["voices", "add", str(tmp_path / "k.pth"), "--into", str(tmp_path / "home")]) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert name in line and expected in line, line
    assert list((tmp_path / "home").glob("*")) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["add", "nothing.onnx"], "expected a file, a folder, or a name (piper:"),
        (["add", "coqui:xtts"], "coqui:xtts: expected a file, a folder, or a name"),
        (["add", "piper:thorsten"], "expected piper:LANGUAGE_COUNTRY-NAME-QUALITY, found 'thorsten'"),
        (["add", __file__], "is no voice: expected .onnx or .pth, found .py"),
        (["remove", "nobody"], "voice 'nobody': expected one in HOME, which holds en_US-tiny-medium, kokoro"),
        (["show", "nobody"], "voice 'nobody': expected one in HOME, which holds en_US-tiny-medium, kokoro"),
        (["remove", "../home"], "voice '../home': expected one in HOME"),
        (
            ["mix", "new", "af_one+nobody"],
            "expected voices of kokoro, which holds af_one, af_two; found 'nobody'",
        ),
        (["mix", "new", "af_one(+af_two"], "expected VOICE(WEIGHT)+VOICE(WEIGHT), found 'af_one(+af_two'"),
        (["mix", "new", "af_one(0)+af_two(0)"], "expected a weight above 0"),
        (["mix", "new", "en_US-tiny-medium+af_one"], "expected voices of kokoro, found piper"),
        (["mix", "af_one", "af_one+af_two"], "voice 'af_one': expected a new id, found one in HOME/kokoro"),
        (["mix", "zeli-voice-1", "af_one"], "expected a new id, found a built-in voice that has it"),
        (["mix", "a+b", "af_one+af_two"], "name: expected up to 64 characters without spaces"),
        (["mix", "a/b", "af_one+af_two"], "name: expected up to 64 characters without spaces"),
    ],
)
def test_a_wrong_name_is_one_line_and_changes_nothing(
    words: list[str], expected: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    kokoro_folder(home)
    assert run(["voices", "add", str(good), "--into", str(home)]) == 0
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert run(["voices", *words, "--into", str(home)]) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert expected.replace("HOME", str(home)) in line, line
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
