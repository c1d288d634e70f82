from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_corpus import ACOUSTIC, VOCODERS, make_work, small_acoustic

from zelitrio.text import load_front_end
from zelitrio.training.acoustic_data import AcousticData, collate
from zelitrio.training.export import Casting, assemble, export
from zelitrio.training.loop import (
    CHECKPOINT,
    load_checkpoint,
    save_checkpoint,
    step_generator,
    warm_then_cosine,
    warm_then_fall,
)
from zelitrio.training.losses import gaussian_surprise, mel_distance, spectral_distance
from zelitrio.training.speaking import speak
from zelitrio.training.vocoder_data import VocoderData
from zelitrio.training.vocoder_training import VocoderPlan, VocoderTraining, train_vocoder
from zelitrio.voices import load_folder

SPEAKERS = ("kathleen", "bdl")


def vocoder(kind: str = "frames", *, critics: bool = False) -> VocoderTraining:
    plan = VocoderPlan(steps=400, learning_rate=1e-2, critic_channels=4 if critics else 0)
    return VocoderTraining.start(plan, VOCODERS[kind])


@pytest.mark.parametrize("kind", ACOUSTIC)
def test_the_acoustic_model_learns_a_fixed_batch_and_resumes_exactly(kind: str, tmp_path: Path) -> None:
    data = AcousticData(make_work(tmp_path), SPEAKERS, report=lambda line: None)
    batch = collate(data.items(step_generator(1, 0), 3), 100, step_generator(1, 0))
    training = small_acoustic(data, kind)
    first = training.take_step(batch)
    for _ in range(12):
        training.take_step(batch)
    save_checkpoint(tmp_path / "a.pt", training.state())
    last = training.take_step(batch)
    assert last["mel"] < 0.97 * first["mel"]
    assert last["duration"] < first["duration"]
    assert "critic" in last and "critic" not in first
    resumed = small_acoustic(data, kind)
    state = load_checkpoint(tmp_path / "a.pt")
    assert state is not None
    resumed.load(state)
    assert resumed.take_step(batch) == last
    for mine, theirs in zip(resumed.model.parameters(), training.model.parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("kind", VOCODERS)
@pytest.mark.parametrize("critics", [False, True])
def test_the_vocoder_learns_a_fixed_batch_and_resumes_exactly(
    critics: bool, kind: str, tmp_path: Path
) -> None:
    batch = VocoderData(make_work(tmp_path)).batch(step_generator(1, 0), 2)
    training = vocoder(kind, critics=critics)
    first = training.take_step(batch)
    for _ in range(3 if critics else 9):
        training.take_step(batch)
    save_checkpoint(tmp_path / "v.pt", training.state())
    last = training.take_step(batch)
    assert last["mel"] < (1.0 if critics else 0.98) * first["mel"]
    assert ("critic" in last) == critics
    if critics:
        assert last["critic"] < first["critic"]
    resumed = vocoder(kind, critics=critics)
    state = load_checkpoint(tmp_path / "v.pt")
    assert state is not None
    resumed.load(state)
    assert resumed.take_step(batch) == last


def test_batches_made_ahead_are_those_of_their_steps(tmp_path: Path) -> None:
    work, plan = make_work(tmp_path), VocoderPlan(steps=3, batch=2, held_out_batches=1)
    for workers in (0, 2):
        train_vocoder(work, tmp_path / str(workers), plan, workers=workers)
    states = [load_checkpoint(tmp_path / name / CHECKPOINT) for name in ("0", "2")]
    weights, others = (state["network"] for state in states if state is not None)
    assert all(torch.equal(weight, others[name]) for name, weight in weights.items())


@pytest.mark.parametrize(("sounding", "shaping"), [*zip(ACOUSTIC, VOCODERS, strict=True)], ids=ACOUSTIC)
def test_two_checkpoints_become_a_voice_folder_that_speaks(
    sounding: str, shaping: str, tmp_path: Path
) -> None:
    data = AcousticData(make_work(tmp_path), SPEAKERS, report=lambda line: None)
    save_checkpoint(tmp_path / "a.pt", small_acoustic(data, sounding).state())
    save_checkpoint(tmp_path / "v.pt", vocoder(shaping).state())
    casting = Casting(voice_id="me", name="Me", speaker="bdl", description="", labels={})
    size = export(tmp_path / "out", assemble(tmp_path / "a.pt", tmp_path / "v.pt", [casting]))
    (voice,) = load_folder(tmp_path / "out")
    assert voice.speaker == 1
    assert size < 1_000_000
    pcm = speak(voice, load_front_end().utterance("Hello."))
    assert len(pcm) % 240 == 0
    assert len(pcm) > 0


def test_a_melody_is_widened_about_the_speakers_own_pitch(tmp_path: Path) -> None:
    data = AcousticData(make_work(tmp_path), SPEAKERS, report=lambda line: None)
    save_checkpoint(tmp_path / "a.pt", small_acoustic(data).state())
    save_checkpoint(tmp_path / "v.pt", vocoder().state())
    casting = Casting(voice_id="me", name="Me", speaker="bdl", description="", labels={})
    batch = collate(data.items(step_generator(1, 0), 2), 100, step_generator(1, 0))
    plain, wide = (
        assemble(tmp_path / "a.pt", tmp_path / "v.pt", [casting], melody=melody)[0]
        .model.acoustic.encode(batch.phones, batch.stresses, batch.features, batch.speakers, batch.mask)[1]
        .pitch
        for melody in (1.0, 1.5)
    )
    torch.testing.assert_close(wide, plain * torch.tensor([1.5, 1.0]))


def test_contrast_between_neighbouring_bands_grows(tmp_path: Path) -> None:
    data = AcousticData(make_work(tmp_path), SPEAKERS, report=lambda line: None)
    save_checkpoint(tmp_path / "a.pt", small_acoustic(data).state())
    save_checkpoint(tmp_path / "v.pt", vocoder().state())
    casting = Casting(voice_id="me", name="Me", speaker="bdl", description="", labels={})
    blunt, clear = (
        assemble(tmp_path / "a.pt", tmp_path / "v.pt", [casting], clarity=clarity)[0].model.acoustic.out
        for clarity in (0.0, 0.2)
    )
    hidden = torch.randn(7, blunt.in_features, generator=torch.Generator().manual_seed(0))
    mel, other = blunt(hidden).split([80, 2], 1)
    around = torch.nn.functional.avg_pool1d(torch.nn.functional.pad(mel, (4, 4), mode="replicate"), 9, 1)
    torch.testing.assert_close(clear(hidden)[:, :80], mel + 0.2 * (mel - around), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(clear(hidden)[:, 80:], other)


def test_nothing_above_a_speakers_band_is_judged() -> None:
    turns = 2 * torch.pi * torch.arange(9_600, dtype=torch.float64) / 24_000
    low = (torch.sin(500 * turns) * 0.3).float()[None]
    high = low + (torch.sin(10_000 * turns) * 0.1).float()[None]
    # Tapered, because a tone that is cut off has energy in every band.
    taper = torch.hann_window(9_600)[None]
    for distance in (
        lambda band: spectral_distance(high * taper, low * taper, band, (1024, 2048)),
        lambda band: mel_distance(high * taper, low * taper, band),
    ):
        within, beyond = distance(torch.tensor([7_000.0])), distance(torch.tensor([12_000.0]))
        assert float(within) < 0.05 < float(beyond)


def test_the_likelihood_is_highest_at_the_true_spread() -> None:
    target = torch.randn(20_000, generator=torch.Generator().manual_seed(0)) * 0.5
    weight = torch.ones_like(target)

    def surprise(spread: float) -> float:
        predicted = torch.stack((torch.zeros_like(target), torch.full_like(target, spread)), -1)
        return float(gaussian_surprise(predicted, target, weight))

    assert surprise(-0.69) < min(surprise(-1.2), surprise(-0.2))


@pytest.mark.parametrize("schedule", [warm_then_cosine, warm_then_fall])
def test_schedules_rise_then_fall(schedule: object) -> None:
    rates = [schedule(step, 1_000) for step in (0, 50, 99, 500, 999, 2_000)]  # type: ignore[operator]
    assert rates[0] < rates[1] < rates[2] <= 1.0
    assert rates[2] > rates[3] > rates[4] >= rates[5] > 0.0
