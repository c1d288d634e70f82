"""A voice folder describes itself, and an error names what does not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_voice import tiny_catalogue, tiny_fine_model

from zelitrio.errors import LocalError, VoiceError
from zelitrio.voices import Catalogue, Voice, load_builtin, load_folder, save_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    catalogue = tiny_catalogue()
    save_folder(tmp_path, catalogue.default.model, list(catalogue))
    return tmp_path


def edit(folder: Path, change: Any) -> None:
    path = folder / "voice.json"
    description = json.loads(path.read_text())
    change(description)
    path.write_text(json.dumps(description))


def test_what_was_saved_is_loaded(folder: Path) -> None:
    voices = load_folder(folder)
    assert [voice.voice_id for voice in voices] == ["tiny-0", "tiny-1"]
    assert voices[0].model is voices[1].model
    saved = tiny_catalogue().default.model
    for mine, theirs in zip(voices[0].model.vocoder.parameters(), saved.vocoder.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


def test_a_voice_with_a_contour_and_parts_is_saved_and_loaded(tmp_path: Path) -> None:
    saved = tiny_fine_model()
    voice = Voice(voice_id="fine", name="Fine", model=saved, speaker=1)
    save_folder(tmp_path, saved, [voice])
    (loaded,) = load_folder(tmp_path)
    assert json.loads((tmp_path / "voice.json").read_text())["format"] == 2
    assert loaded.model.acoustic.config == saved.acoustic.config
    assert loaded.model.vocoder.config == saved.vocoder.config
    for mine, theirs in zip(loaded.model.vocoder.parameters(), saved.vocoder.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


def test_the_fade_of_words_is_saved_and_defaults_to_0(folder: Path) -> None:
    catalogue = tiny_catalogue()
    save_folder(folder, catalogue.default.model, [attrs.evolve(voice, fade_ms=25) for voice in catalogue])
    edit(folder, lambda description: description["voices"][1].pop("fade_ms"))
    assert [voice.fade_ms for voice in load_folder(folder)] == [25, 0]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r"voice\.json: cannot be read"):
        load_folder(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(format=3), "format: expected 1 to 2, found 3"),
        (lambda d: d.update(format="1"), "format: expected int, found 1"),
        (lambda d: d.pop("acoustic"), "acoustic: expected dict, found None"),
        (lambda d: d["acoustic"].update(depth=3), r"acoustic\.depth is unknown"),
        (lambda d: d["acoustic"].update(mels=-1), r"acoustic\.mels: expected a whole number, found -1"),
        (lambda d: d["acoustic"].pop("speakers"), r"acoustic\.speakers is missing"),
        (lambda d: d["acoustic"].update(phones=12), r"acoustic\.phones: expected 40, found 12"),
        (lambda d: d["voices"][0].update(speaker=9), "speaker: expected 0 to 1, found 9"),
        (lambda d: d["voices"][0].update(fade_ms=-5), "fade_ms: expected 0 or more, found -5"),
        (lambda d: d["voices"][0].pop("name"), "name: expected str, found None"),
        (lambda d: d["vocoder"].update(channels=32), "expected .*, found"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(folder: Path, change: Any, said: str) -> None:
    edit(folder, change)
    with pytest.raises(VoiceError, match=said):
        load_folder(folder)


def test_a_description_that_is_not_json_is_refused(folder: Path) -> None:
    (folder / "voice.json").write_text('{"format": 1')
    with pytest.raises(VoiceError, match="is damaged: expected JSON"):
        load_folder(folder)


def test_truncated_weights_are_refused(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(VoiceError, match=r"weights\.safetensors: is damaged"):
        load_folder(folder)


def test_a_missing_weight_and_a_foreign_one_and_a_wrong_shape_are_named(folder: Path) -> None:
    path = folder / "weights.safetensors"
    weights = load_file(path)
    bias = weights.pop("vocoder.head.bias")
    save_file(weights, path)
    with pytest.raises(VoiceError, match=r"vocoder\.head\.bias is missing: expected \[1443\]"):
        load_folder(folder)
    save_file({**weights, "vocoder.head.bias": bias, "extra": bias.clone()}, path)
    with pytest.raises(VoiceError, match="extra is not part of this model"):
        load_folder(folder)
    save_file({**weights, "vocoder.head.bias": bias[:7].clone()}, path)
    with pytest.raises(VoiceError, match=r"head\.bias: expected \[1443\], found \[7\]"):
        load_folder(folder)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused_by_name(folder: Path, number: float) -> None:
    path = folder / "weights.safetensors"
    weights = load_file(path)
    weights["vocoder.head.bias"][3] = number
    save_file(weights, path)
    with pytest.raises(VoiceError, match=r"head\.bias: expected finite numbers, found NaN or infinity"):
        load_folder(folder)


def test_weights_are_never_a_pickle(folder: Path) -> None:
    path = folder / "weights.safetensors"
    torch.save({"vocoder.head.bias": torch.zeros(3)}, path)
    with pytest.raises(VoiceError, match="is damaged: expected safetensors"):
        load_folder(folder)


def test_two_voices_of_one_id_are_refused() -> None:
    voice = tiny_catalogue().default
    with pytest.raises(LocalError, match="'tiny-0': expected one voice with this id, found two"):
        Catalogue([voice, voice])


def test_the_builtin_voices_are_small_and_carry_their_card() -> None:
    catalogue = load_builtin()
    assert catalogue.default.voice_id == "zeli-voice-1"
    assert catalogue.default.sample_rate_hz == 24_000
    folder = Path(__file__).parents[2] / "zelitrio" / "voices" / "builtin"
    assert (folder / "weights.safetensors").stat().st_size <= 15_000_000
    assert "licen" in (folder / "MODEL_CARD.md").read_text().lower()
    assert [voice.voice_id for voice in catalogue] == [f"zeli-voice-{number}" for number in range(1, 5)]
