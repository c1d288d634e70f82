"""Piper's network: windows equal the whole, and a row in a batch equals that row by itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zelitrio.networks import PiperConfig, Vits

SMALL = PiperConfig(
    symbols=20, hidden=16, latent=12, feed_forward=24, layers=2, duration_width=16, start_width=32
)
KINDS = {
    "medium": SMALL,
    "high": PiperConfig(
        symbols=20,
        hidden=16,
        latent=12,
        feed_forward=24,
        layers=2,
        duration_width=16,
        start_width=32,
        rates=(8, 8, 2, 2),
        kernels=(16, 16, 4, 4),
        block_kernels=(3, 7, 11),
        block_dilations=((1, 3, 5),) * 3,
        has_pairs=True,
    ),
    "two speakers, plain durations": PiperConfig(
        symbols=20,
        hidden=16,
        latent=12,
        feed_forward=24,
        layers=2,
        duration_width=20,
        is_stochastic=False,
        start_width=32,
        speakers=2,
        speaker_width=8,
    ),
}


def make(config: PiperConfig) -> Vits:
    torch.manual_seed(11)
    network = Vits(config).eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.6 / max(1, parameter[0].numel()) ** 0.5)
    return network


@pytest.fixture(scope="module", params=KINDS, ids=list(KINDS))
def network(request: pytest.FixtureRequest) -> Vits:
    return make(KINDS[request.param])


def noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(2))


@torch.inference_mode()
def test_windows_with_the_context_equal_the_whole(network: Vits) -> None:
    config = network.config
    speaker = network.speaker(torch.tensor([config.speakers - 1]))
    z = noise(1, 70, config.latent)
    hop, context, window = config.hop_samples, config.decoder_context, 9
    whole = network.dec(z, speaker, None)
    assert whole.shape == (1, 70 * hop)
    parts = []
    for first in range(0, 70, window):
        low, high = max(0, first - context), min(70, first + window + context)
        end = min(70, first + window)
        parts.append(network.dec(z[:, low:high], speaker, None, (first - low, high - end)))
    assert (torch.cat(parts, 1) - whole).abs().max() < 1e-5


@torch.inference_mode()
def test_the_context_is_not_larger_than_it_must_be(network: Vits) -> None:
    config = network.config
    speaker = network.speaker(torch.tensor([0]))
    z = noise(1, 60, config.latent)
    changed = z.clone()
    changed[:, 30 + config.decoder_context - 1 :] += 1.0
    hop = config.hop_samples
    at = slice(30 * hop, 31 * hop)
    assert not torch.equal(network.dec(z, speaker, None)[:, at], network.dec(changed, speaker, None)[:, at])


@torch.inference_mode()
def test_the_flow_of_a_frame_sees_no_more_than_its_context(network: Vits) -> None:
    config = network.config
    speaker = network.speaker(torch.tensor([0]))
    z = noise(1, 90, config.latent)
    changed = z.clone()
    changed[:, : 45 - config.flow_context] += 1.0
    changed[:, 46 + config.flow_context :] -= 1.0
    assert torch.equal(network.flow(z, speaker, None)[:, 45], network.flow(changed, speaker, None)[:, 45])


@torch.inference_mode()
def test_rows_of_a_batch_equal_the_rows_alone(network: Vits) -> None:
    config = network.config
    lengths, longest = (7, 12), 12
    ids = torch.tensor([[(3 * at) % 20 for at in range(longest)]] * 2)
    speakers = torch.tensor([0, config.speakers - 1])
    speaker = network.speaker(speakers)
    draws = noise(2, longest, 2)
    mask = (torch.arange(longest) < torch.tensor(lengths)[:, None]).float()[..., None]
    together = network.encode(ids, draws, speaker, mask)
    frames = 30
    latent_noise = noise(2, frames, config.latent)
    places = torch.arange(frames) % 7
    statistics = together.statistics[:, places]
    inside = (torch.arange(frames) < torch.tensor([30, 19])[:, None]).float()[..., None]
    sound = network.dec(network.latent(statistics, latent_noise, speaker, inside), speaker, inside)
    for row, (count, last) in enumerate(zip(lengths, (30, 19), strict=True)):
        own = network.speaker(speakers[row : row + 1])
        alone = network.encode(ids[row : row + 1, :count], draws[row : row + 1, :count], own, None)
        assert torch.allclose(alone.frames[0], together.frames[row, :count], rtol=1e-4, atol=1e-5)
        z = network.latent(alone.statistics[:, places[:last]], latent_noise[row : row + 1, :last], own, None)
        assert (network.dec(z, own, None)[0] - sound[row, : last * config.hop_samples]).abs().max() < 2e-5


def test_a_voice_of_several_speakers_differs_by_speaker() -> None:
    network = make(KINDS["two speakers, plain durations"])
    z = noise(1, 8, network.config.latent)
    with torch.inference_mode():
        sounds = [network.dec(z, network.speaker(torch.tensor([speaker])), None) for speaker in (0, 1)]
    assert not torch.equal(*sounds)
