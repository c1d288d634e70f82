"""Public voices from files made here: converted, loaded, mixed and removed; an error is one line."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from onnx_writer import node, onnx_file

from zelitrio.errors import LocalError, VoiceError
from zelitrio.networks import PiperConfig, Vits
from zelitrio.settings import VoiceSettings
from zelitrio.text import read_text
from zelitrio.voices import (
    Catalogue,
    Origin,
    convert,
    find_installed,
    forbids,
    load_folder,
    remove_installed,
    save_mix,
    voice_folders,
)
from zelitrio.voices.english_symbols import KOKORO, PIPER, spell_word
from zelitrio.voices.kokoro import KokoroSpeaker
from zelitrio.voices.onnx_file import read_onnx
from zelitrio.voices.pacing import paced_durations
from zelitrio.voices.piper import PiperModel

ORIGIN = Origin(source="a test", licence="CC0")
SYMBOLS = "_^$ ,.?!:;ˈˌːabdefhijklmnopstuvwzæðŋɐɑɔəɚɛɜɡɪɹɾʃʊʌʒθᵻ"
CONFIG = PiperConfig(
    symbols=len(SYMBOLS), hidden=16, latent=12, feed_forward=24, layers=2, duration_width=16, start_width=32
)


def write_piper(folder: Path, config: PiperConfig = CONFIG, stem: str = "en_US-tiny-medium") -> Path:
    """A Piper voice as its exporter writes it, without some names, for example those of the flow."""
    torch.manual_seed(3)
    vits = Vits(config)
    for parameter in vits.parameters():
        torch.nn.init.normal_(parameter, std=0.2 / max(1, parameter[0].numel()) ** 0.5)
    weights: dict[str, Any] = {}
    nodes: list[bytes] = []
    for at, (name, value) in enumerate(vits.state_dict().items()):
        array = value.numpy()
        if array.ndim == 4:
            array = array[:, :, 0]  # as the file has convolutions over time
        if name == "enc_p.emb.weight":
            weights["sid"] = array
            nodes.append(node("Gather", "/enc_p/emb/Gather", ["sid", "input"], ["x"]))
        elif name == "dp.flows.0.logs":
            weights["/dp/flows.0/Exp_output_0"] = np.exp(-array)
            nodes.append(node("Mul", "/dp/flows.0/Mul", ["y", "/dp/flows.0/Exp_output_0"], ["z"]))
        elif ".enc.in_layers." in name and name.endswith("weight"):
            weights[f"onnx::Conv_{at}"] = array
            path = "/" + name.removesuffix(".weight").replace("flow.flows", "flow/flows")
            path = path.replace(".enc.", "/enc/")
            nodes.append(node("Conv", f"{path}/Conv", ["x", f"onnx::Conv_{at}"], ["y"]))
        else:
            weights[name] = array
    for stage, (rate, kernel) in enumerate(zip(config.rates, config.kernels, strict=True)):
        inputs = ["x", f"dec.ups.{stage}.weight"]
        lists = {"strides": [rate], "kernel_shape": [kernel]}
        nodes.append(node("ConvTranspose", f"/dec/ups.{stage}/ConvTranspose", inputs, ["y"], **lists))
    for block in range(len(config.block_kernels) * len(config.rates)):
        kind = block % len(config.block_kernels)
        for conv, dilation in enumerate(config.block_dilations[kind]):
            convs = "convs1" if config.has_pairs else "convs"
            inputs = ["x", f"dec.resblocks.{block}.{convs}.{conv}.weight"]
            lists = {"dilations": [dilation], "kernel_shape": [config.block_kernels[kind]]}
            nodes.append(node("Conv", f"Conv_{block}_{conv}", inputs, ["y"], **lists))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.onnx"
    path.write_bytes(onnx_file(nodes, weights))
    side = {
        "audio": {"sample_rate": 22050, "quality": "medium"},
        "espeak": {"voice": "en-us"},
        "language": {"code": "en_US"},
        "inference": {"noise_scale": 0.5, "noise_w": 0.6, "length_scale": 1.0},
        "phoneme_id_map": {symbol: [at] for at, symbol in enumerate(SYMBOLS)},
        "num_speakers": config.speakers,
        "speaker_id_map": {},
    }
    path.with_name(path.name + ".json").write_text(json.dumps(side))
    return path


@pytest.fixture(scope="module")
def piper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("piper")
    write_piper(folder / "source")
    convert(folder / "source", folder / "home" / "tiny", ORIGIN)
    return folder / "home"


def test_a_piper_file_becomes_a_folder_that_offers_its_voice(piper: Path) -> None:
    (voice,) = load_folder(piper / "tiny")
    assert voice.voice_id == "en_US-tiny-medium"
    assert voice.labels["language"] == "en-US"
    assert (voice.labels["family"], voice.labels["licence"]) == ("piper", "CC0")
    assert voice.sample_rate_hz == 22_050
    assert isinstance(voice.model, PiperModel)
    assert voice.model.config == CONFIG
    assert voice.model.noise_w == 0.6


HIGH = attrs.evolve(
    CONFIG,
    rates=(8, 8, 2, 2),
    kernels=(16, 16, 4, 4),
    block_kernels=(3, 7, 11),
    block_dilations=((1, 3, 5),) * 3,
    has_pairs=True,
)


@pytest.mark.parametrize(
    "config",
    [
        HIGH,
        attrs.evolve(CONFIG, speakers=3, speaker_width=8),
        attrs.evolve(HIGH, speakers=2, speaker_width=8),
        attrs.evolve(CONFIG, hidden=8, feed_forward_kernel=3),
        attrs.evolve(CONFIG, is_stochastic=False),
    ],
    ids=["high", "three speakers", "high, two speakers", "x_low", "plain durations"],
)
def test_pipers_qualities_and_speakers_are_read_from_the_file(config: PiperConfig, tmp_path: Path) -> None:
    write_piper(tmp_path / "source", config)
    convert(tmp_path / "source", tmp_path / "made", ORIGIN)
    voices = load_folder(tmp_path / "made")
    names = ["en_US-tiny-medium"]
    if config.speakers > 1:
        names = [f"en_US-tiny-medium#{speaker}" for speaker in range(config.speakers)]
    assert [voice.voice_id for voice in voices] == names
    model = voices[0].model
    assert isinstance(model, PiperModel)
    assert model.config == config
    network = model.load(torch.device("cpu"), torch.float32, 1)
    assert set(network.encode_fields) == {"ids", "draws", "noise_scale", "speaker", "ends"}


def test_the_card_keeps_source_licence_and_checksum(piper: Path) -> None:
    card = find_installed(piper, "en_US-tiny-medium").card
    assert "a test" in card
    assert "CC0" in card
    assert "en_US-tiny-medium.onnx" in card


def test_the_weights_are_those_of_the_file_under_their_own_names(piper: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = Vits(CONFIG)
    for parameter in expected.parameters():
        torch.nn.init.normal_(parameter, std=0.2 / max(1, parameter[0].numel()) ** 0.5)
    from safetensors.torch import load_file

    found = load_file(piper / "tiny" / "weights.safetensors")
    for name, value in expected.state_dict().items():
        assert torch.allclose(found[name], value, atol=1e-6), name


@pytest.mark.parametrize("speed", [0.7, 0.8, 1.0, 1.2])
def test_speed_is_exact_to_three_percent(piper: Path, speed: float) -> None:
    (voice,) = load_folder(piper / "tiny")
    (utterance,) = read_text("The quick brown fox jumps over the lazy dog, and nobody is surprised at all.")
    reading = voice.model.read(utterance)
    frames = 0.6 + 3 * np.random.default_rng(1).random(len(reading)).astype(np.float32)
    plain = voice.model.durations(reading, frames, speed=1.0, joins=False, is_cut=False)
    found = voice.model.durations(reading, frames, speed=speed, joins=False, is_cut=False)
    assert found.sum() * speed == pytest.approx(plain.sum(), rel=0.03)
    phones = np.array(reading.least) > 0  # type: ignore[attr-defined]
    assert found[phones].min() >= 1


def test_stability_scales_both_noises_and_1_removes_them(piper: Path) -> None:
    (voice,) = load_folder(piper / "tiny")
    (utterance,) = read_text("Hello there.")
    reading = voice.model.read(utterance)
    still, usual = (
        voice.model.columns(reading, 0, VoiceSettings(stability=stability), 1) for stability in (1.0, 0.5)
    )
    assert not still["draws"].any()
    assert float(still["noise_scale"]) == 0
    assert float(usual["noise_scale"]) == pytest.approx(0.5)


def test_an_asked_for_pause_has_its_length_at_any_speed(piper: Path) -> None:
    (voice,) = load_folder(piper / "tiny")
    (utterance,) = read_text("Hello there friend.")
    words = (attrs.evolve(utterance.words[0], pause_s=1.0), *utterance.words[1:])
    reading = voice.model.read(attrs.evolve(utterance, words=words))
    frames = np.full(len(reading), 2.0, np.float32)
    for speed in (0.8, 1.2):
        durations = voice.model.durations(reading, frames, speed=speed, joins=False, is_cut=False)
        pause = durations[~np.isnan(reading.pauses_s)].sum() * voice.model.facts.hop_s
        assert pause == pytest.approx(1.0, abs=0.03)


def test_durations_give_back_what_a_least_length_took() -> None:
    found = paced_durations([0.4] * 10 + [4.0] * 5, [1] * 15)
    assert found[:10].tolist() == [1] * 10
    assert found.sum() == 24


@pytest.mark.parametrize(
    ("text", "kokoro", "piper"),
    [
        ("the", "ðə", "ðə"),
        ("kitten", "kˈɪtᵊn", "kˈɪtən"),
        ("little", "lˈɪTᵊl", "lˈɪɾəl"),
        ("wanted", "wˈɔntᵻd", "wˈɔːntᵻd"),
        ("judge", "ʤˈʌʤ", "dʒˈʌdʒ"),
        ("house", "hˈWs", "hˈaʊs"),
        ("about", "əbˈWt", "ɐbˈaʊt"),
    ],
)
def test_english_words_in_the_symbols_of_each_family(text: str, kokoro: str, piper: str) -> None:
    word = read_text(text)[0].words[0]
    assert spell_word(word, KOKORO) == kokoro
    assert spell_word(word, PIPER) == piper


def test_a_voice_is_found_by_its_name_and_removed(tmp_path: Path) -> None:
    write_piper(tmp_path / "source")
    convert(tmp_path / "source", tmp_path / "home" / "tiny", ORIGIN)
    with pytest.raises(LocalError, match="holds tiny"):
        find_installed(tmp_path / "home", "other")
    remove_installed(tmp_path / "home", "en_US-tiny-medium")
    assert voice_folders(tmp_path / "home") == []


def test_two_voices_of_one_name_are_one_line(piper: Path) -> None:
    with pytest.raises(LocalError, match="expected one voice with this id, found two"):
        Catalogue([*load_folder(piper / "tiny"), *load_folder(piper / "tiny")])


def kokoro_folder(home: Path) -> Path:
    """A converted Kokoro voice without weights, which are read when it first speaks."""
    from safetensors.torch import save_file

    from zelitrio.voices.public_folder import write_description

    folder = home / "kokoro"
    folder.mkdir(parents=True)
    names = ("af_one", "af_two")
    save_file(
        {name: torch.full((510, 256), float(at)) for at, name in enumerate(names)},
        folder / "styles.safetensors",
    )
    entries = [
        {"voice_id": name, "name": name, "style": name, "labels": {"family": "kokoro"}} for name in names
    ]
    write_description(folder, "kokoro", entries)
    return folder


def test_the_ends_of_an_utterance_do_not_become_longer_at_a_low_speed(tmp_path: Path) -> None:
    voice = load_folder(kokoro_folder(tmp_path))[0]
    (utterance,) = read_text("Hello there.")
    reading = voice.model.read(utterance)
    frames = np.full(len(reading), 4.0, np.float32)
    found = voice.model.durations(reading, frames, speed=0.7, joins=False, is_cut=False)
    assert found[0] == found[-1] == found[-2] == 4  # the padding and the full stop
    inside = found[1:-2]
    assert inside.sum() == pytest.approx(4 * len(inside) / 0.7, abs=1)


def test_a_mix_has_the_weighted_mean_of_the_styles(tmp_path: Path) -> None:
    catalogue = Catalogue(load_folder(kokoro_folder(tmp_path)))
    even, heavy = catalogue.find("af_one+af_two"), catalogue.find("af_one(1)+af_two(3)")
    assert even is not None
    assert heavy is not None
    assert isinstance(even.speaker, KokoroSpeaker)
    assert even.speaker.styles[0, 0] == 0.5
    assert heavy.speaker.styles[0, 0] == 0.75
    assert catalogue.find("af_one+nobody") is None
    assert catalogue.find("af_one(+af_two") is None


def test_a_saved_mix_is_a_voice(tmp_path: Path) -> None:
    folder = kokoro_folder(tmp_path)
    save_mix(tmp_path, "both", "af_one+af_two(3)")
    found = {voice.voice_id: voice.speaker for voice in load_folder(folder)}
    assert found["both"].styles[0, 0] == 0.75
    with pytest.raises(LocalError, match="expected a new id, found one in"):
        save_mix(tmp_path, "both", "af_one+af_two")


@pytest.mark.parametrize("licence", ["CC-BY-NC-4.0", "Creative Commons Non-Commercial", "research only"])
def test_a_licence_that_forbids_commercial_use_is_known(licence: str) -> None:
    assert forbids(licence)
    assert not forbids("CC0 1.0")
    assert not forbids("Apache-2.0")


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("code ran",))


def broken_sources(folder: Path) -> dict[str, Path]:
    """Invalid files, by their fault."""
    folder.mkdir(parents=True)
    found: dict[str, Path] = {}
    for name, content in {
        "not onnx": b"hello, I am no model at all, but text",
        "cut": write_piper(folder / "whole").read_bytes()[:5000],
        "empty": b"",
    }.items():
        path = folder / f"{name}.onnx"
        path.write_bytes(content)
        path.with_name(path.name + ".json").write_text("{}")
        found[name] = path
    pickled = folder / "evil.pth"
    pickled.write_bytes(pickle.dumps(Payload()))
    found["pickle"] = pickled
    (folder / "note.txt").write_text("hello")
    found["text"] = folder / "note.txt"
    found["missing"] = folder / "nothing.onnx"
    return found


@pytest.mark.parametrize("kind", ["not onnx", "cut", "empty", "pickle", "text", "missing"])
def test_an_invalid_file_is_one_error_line_and_runs_no_code(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = broken_sources(tmp_path / "sources")[kind]
    with pytest.raises(VoiceError) as caught:
        convert(source, tmp_path / "made", ORIGIN)
    assert source.name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "code ran" not in capsys.readouterr().out


def test_a_damaged_description_is_named(piper: Path, tmp_path: Path) -> None:
    folder = tmp_path / "voice"
    folder.mkdir()
    for change in ({"format": 2}, {"family": "other"}, {"voices": [{}]}, {"model": {"odd": 1}}):
        description = json.loads((piper / "tiny" / "voice.json").read_text())
        (folder / "voice.json").write_text(json.dumps({**description, **change}))
        with pytest.raises(VoiceError):
            load_folder(folder)


def test_weights_that_are_not_numbers_are_refused(piper: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(piper / "tiny" / "weights.safetensors")
    tensors["dec.conv_pre.bias"][0] = float("nan")
    save_file(tensors, tmp_path / "weights.safetensors")
    (voice,) = load_folder(piper / "tiny")
    assert isinstance(voice.model, PiperModel)
    model = attrs.evolve(voice.model, weights=tmp_path / "weights.safetensors")
    with pytest.raises(VoiceError, match="finite"):
        model.load(torch.device("cpu"), torch.float32, 1)


@pytest.mark.parametrize("size", [0, 1, 50, 400])
def test_an_onnx_file_cut_anywhere_is_a_voice_error(size: int, tmp_path: Path) -> None:
    whole = write_piper(tmp_path / "whole").read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(whole[: len(whole) * size // 401])
    with pytest.raises(VoiceError):
        read_onnx(path)
