from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
from tiny_corpus import FRAMES, make_work, small_acoustic

from zelitrio.networks import (
    UNVOICED_LN_F0,
)
from zelitrio.networks.zeli.acoustic import POSITION_FEATURES
from zelitrio.text import Break
from zelitrio.training.acoustic_data import AcousticData, collate, fault, tokens_and_durations
from zelitrio.training.features import HOP_SAMPLES, SAMPLE_RATE_HZ
from zelitrio.training.loop import save_checkpoint, step_generator
from zelitrio.training.losses import phase_distance
from zelitrio.training.recipe.guided import guide
from zelitrio.training.shards import GUIDED
from zelitrio.training.vocoder_data import CONTEXT_FRAMES, CROP_FRAMES, VocoderData, judged
from zelitrio.voices import FEATURES


@pytest.fixture
def data(tmp_path: Path) -> AcousticData:
    return AcousticData(make_work(tmp_path), ["kathleen", "bdl"], report=lambda line: None)


def test_tokens_and_frames_agree_and_edges_are_short(data: AcousticData) -> None:
    item = data.train[0][0].item(0, 4, data.ln_f0[0])
    assert len(item.phones) == len(item.durations) == len(item.pitch) == len(item.energy)
    assert item.durations.sum() == len(item.mel) == len(item.voiced) == len(item.frame_pitch)
    assert 0 < item.durations[0] <= 4
    assert 0 < item.durations[-1] <= 8


def test_pauses_that_are_heard_become_commas_and_marks_passed_over_vanish(data: AcousticData) -> None:
    utterance, _, durations = tokens_and_durations(data.train[0][0], 0, 4)
    assert [word.after for word in utterance.words] == [Break.COMMA, Break.COMMA, Break.NONE, Break.STOP]
    assert 0 < durations[5] <= 20  # the silence after "hello", as far as it can be heard


def test_a_piece_cut_from_the_middle_ends_in_a_cut(data: AcousticData) -> None:
    utterance, begin, durations = tokens_and_durations(data.train[0][0], 1, 3)
    assert utterance.words[-1].after is Break.CUT
    assert begin == 80
    assert durations[0] == durations[-1] == 0
    assert durations.sum() == 150 - 80


def test_pitch_is_relative_to_the_speaker(data: AcousticData) -> None:
    for speaker in (0, 1):
        pitch = np.concatenate([e.item(0, 4, data.ln_f0[speaker]).pitch for e in data.train[speaker]])
        assert abs(float(pitch.mean())) < 0.3


def test_a_batch_has_the_shapes_the_model_reads(data: AcousticData) -> None:
    rng = step_generator(1, 0)
    batch = collate(data.items(rng, 5), 100, rng)
    tokens = batch.phones.shape[1]
    assert batch.features.shape == (5, tokens, FEATURES)
    assert batch.mask.shape == (5, tokens, 1)
    assert batch.mel.shape == (5, 100, 80)
    assert batch.positions.shape == (5, 100, POSITION_FEATURES)
    assert batch.rows.shape == batch.voiced.shape == (5, 100)
    assert int(batch.rows.max()) < tokens


def test_an_impossible_alignment_is_found(data: AcousticData) -> None:
    example = data.train[0][0]
    assert fault(example) is None
    words = list(example.aligned.words)
    words[1] = attrs.evolve(words[1], starts=(80, 80, 98))
    broken = attrs.evolve(example, aligned=attrs.evolve(example.aligned, words=tuple(words)))
    assert fault(broken) == "a phone without a frame"


def test_held_out_recordings_are_not_trained_on(data: AcousticData) -> None:
    assert all(len(pool) == 2 for pool in data.train)
    assert len(data.held_items()) == 2


def test_vocoder_crops_line_up_with_their_sound(tmp_path: Path) -> None:
    batch = VocoderData(make_work(tmp_path)).batch(step_generator(1, 0), 6)
    frames = CROP_FRAMES + 2 * CONTEXT_FRAMES
    assert batch.mel.shape == (6, frames, 80)
    assert batch.pcm.shape == (6, frames * 240)
    assert judged(batch.pcm).shape == (6, CROP_FRAMES * 240)
    loud = batch.pcm.reshape(6, frames, 240).square().mean(-1) > 1e-4
    agree = (loud == (batch.voiced > 0)).float().mean()
    assert float(agree) > 0.97


def test_guided_frames_replace_the_measured_frames_of_their_recording(tmp_path: Path) -> None:
    work = make_work(tmp_path)
    speakers = ("kathleen", "bdl")
    training = small_acoustic(AcousticData(work, speakers, report=lambda line: None))
    save_checkpoint(tmp_path / "a.pt", training.state())
    guide(work, tmp_path / "a.pt", speakers, report=lambda line: None)
    guided = np.load(work / "features" / "kathleen" / GUIDED)
    predicted = ~np.isnan(guided[:, 0])
    assert not predicted[:10].any()
    assert predicted[20:180].all()
    assert not predicted[2 * FRAMES :].any()  # the held-out recording
    plain = VocoderData(work).batch(step_generator(1, 0), 4)
    mixed = VocoderData(work, guided_share=1.0).batch(step_generator(1, 0), 4)
    assert plain.mel.shape == mixed.mel.shape
    assert not mixed.mel.isnan().any()
    assert float((plain.mel - mixed.mel).abs().mean()) > 0.05


def test_the_pulses_of_a_crop_fall_where_its_sound_jumps(tmp_path: Path) -> None:
    batch = VocoderData(make_work(tmp_path)).batch(step_generator(1, 0), 24)
    assert (batch.mask[:, 0] == 0).any()  # some begin before their recording does
    pitch = torch.where(batch.mask[..., 0] > 0, batch.ln_f0, UNVOICED_LN_F0)
    hz = pitch.double().exp().numpy()
    for row in range(24):
        hops = 0.5 * (hz[row, :-1] + hz[row, 1:]) * HOP_SAMPLES / SAMPLE_RATE_HZ
        turns = float(batch.turns[row, 0]) + np.concatenate(([0.0], np.cumsum(hops)))
        # The running phase of every frame equals the sum of the pitch from the first frame.
        apart = batch.turns[row].numpy() - turns
        assert np.abs(apart - np.round(apart)).max() < 0.02
        fine = np.interp(np.arange(batch.pcm.shape[1]) / HOP_SAMPLES, np.arange(len(turns)), turns)
        voiced = np.repeat(batch.voiced[row].numpy(), HOP_SAMPLES)[1:] > 0
        pulses = np.flatnonzero((np.diff(np.floor(fine)) > 0) & voiced)[2:-2]
        steps = np.abs(np.diff(batch.pcm[row].numpy()))
        near = np.array([steps[at - 20 : at + 20].max() for at in pulses])
        assert len(pulses) > 30
        assert np.median(near) > 0.8 * np.percentile(steps, 99.5)


def test_only_phases_count_for_the_distance_of_phases() -> None:
    noise = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, 3, 24_000, generator=noise)
    assert phase_distance(one, one, 512) < 1e-3
    assert phase_distance(2.0 * one, one, 512) < 1e-3
    assert phase_distance(-one, one, 512) == pytest.approx(2.0, abs=1e-2)
    assert phase_distance(other, one, 512) == pytest.approx(1.0, abs=0.05)
    time_s = torch.arange(24_000) / SAMPLE_RATE_HZ
    shrill = torch.sin(2 * np.pi * 5000 * time_s)
    assert phase_distance(one + shrill, one, 1024) < 0.05  # the distance ignores everything above 3 kHz
