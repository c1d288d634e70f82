from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from tiny_corpus import make_work, small_acoustic

from zelitrio.networks import VocoderConfig
from zelitrio.training.acoustic_data import AcousticData, collate
from zelitrio.training.acoustic_training import forward, losses_of
from zelitrio.training.loop import on_device, step_generator
from zelitrio.training.losses import mel_distance, spectral_distance
from zelitrio.training.vocoder_data import VocoderData, judged
from zelitrio.training.vocoder_training import VocoderPlan, VocoderTraining

# Tensors on `meta` have shapes and no data; an operation that mixes devices fails as on a GPU.


def test_no_tensor_of_an_acoustic_step_is_left_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *arguments: nullcontext())  # it knows no `meta`
    data = AcousticData(make_work(tmp_path), ["kathleen", "bdl"], report=lambda line: None)
    batch = on_device(collate(data.items(step_generator(1, 0), 3), 100, step_generator(1, 0)), "meta")
    training = small_acoustic(data)
    training.model.to("meta")
    assert batch.mel.is_meta
    losses = losses_of(forward(training.model, batch, batch.pitch, batch.energy), batch)
    assert all(loss.is_meta for loss in losses.values())


def test_no_tensor_of_a_vocoder_step_is_left_on_the_cpu(tmp_path: Path) -> None:
    batch = on_device(VocoderData(make_work(tmp_path)).batch(step_generator(1, 0), 2), "meta")
    network = VocoderTraining.start(VocoderPlan(), VocoderConfig(channels=16, blocks=1)).network.to("meta")
    made = judged(network(batch.mel, batch.ln_f0, batch.voiced, batch.mask, batch.noise_at))
    natural = judged(batch.pcm)
    assert spectral_distance(made, natural, batch.band_hz, (256, 1024)).is_meta
    assert mel_distance(made, natural, batch.band_hz).is_meta


def test_a_step_that_mixes_devices_is_found(tmp_path: Path) -> None:
    batch = VocoderData(make_work(tmp_path)).batch(step_generator(1, 0), 2)
    with pytest.raises(RuntimeError, match="meta"):
        mel_distance(batch.pcm.to("meta"), batch.pcm, batch.band_hz)
