"""Kokoro's network: a batched row equals the row by itself, and the sound has the given spectrum."""

from __future__ import annotations

import math

import pytest
import torch
from tiny_public import KOKORO
from torch import Tensor

from zelitrio.networks import (
    Kokoro,
    KokoroRequest,
    speak_all,
)
from zelitrio.networks.kokoro.joined import JoinedWays, join_ways
from zelitrio.networks.kokoro.layers import BothWays, KokoroMoments, KokoroSpan
from zelitrio.networks.kokoro.sound import inverse_spectrum
from zelitrio.networks.kokoro.source import HarmonicSource, spectrum


@pytest.fixture(scope="module")
def network() -> Kokoro:
    torch.manual_seed(5)
    network = Kokoro(KOKORO).eval().requires_grad_(False)
    network.predictor.F0_proj.bias += 140.0  # voiced, because the source is silent without pitch
    return network


def tables() -> Tensor:
    return torch.randn(2, KOKORO.most_symbols, 2 * KOKORO.style, generator=torch.Generator().manual_seed(1))


def requests() -> list[KokoroRequest]:
    lengths = ((9, 0, 1.0), (14, 1, 1.2), (3, 0, 0.8))
    return [
        KokoroRequest(ids=[1 + (7 * at) % 39 for at in range(length)], table=table, speed=speed)
        for length, table, speed in lengths
    ]


def test_rows_of_a_batch_equal_the_rows_alone(network: Kokoro) -> None:
    together = {speech.index: speech for speech in speak_all(network, tables(), requests())}
    for index, request in enumerate(requests()):
        (alone,) = speak_all(network, tables(), [request])
        assert (alone.frames == together[index].frames).all()
        assert (alone.f0 == together[index].f0).all()
        assert abs(alone.samples - together[index].samples).max() < 2e-5


def test_every_frame_of_a_token_is_600_samples_and_f0_has_two_values_of_it(network: Kokoro) -> None:
    for speech in speak_all(network, tables(), requests()):
        frames = int(speech.frames.sum())
        assert len(speech.frames) == len(requests()[speech.index].ids) + 2
        assert (len(speech.samples), len(speech.f0)) == (600 * frames, 2 * frames)


@torch.inference_mode()
def test_the_generator_repeats_a_chunk_with_the_statistics_of_that_chunk(network: Kokoro) -> None:
    steps = 24
    span = KokoroSpan.of(torch.tensor([steps]), steps, is_full=True)
    generator = torch.Generator().manual_seed(3)
    features = torch.randn(1, KOKORO.start_width, steps, generator=generator)
    f0 = torch.full((1, steps), 130.0)
    style = torch.randn(1, 2 * KOKORO.style, generator=generator)
    own = KokoroMoments()
    first = network.sound(features, network.source(f0, span), style, span, own)
    again = network.sound(
        features, network.source(f0, span), style, span, KokoroMoments(given=tuple(own.collected))
    )
    assert len(own.collected) == 48
    assert torch.equal(first, again)


def test_a_sine_comes_back_from_its_spectrum_to_the_last_sample() -> None:
    sine = torch.sin(torch.arange(600) * (2 * math.pi * 440 / 24_000))[None]
    parts = spectrum(sine, torch.tensor([600]))
    back = inverse_spectrum(parts[:, :11], parts[:, 11:], torch.tensor([121]))
    assert torch.allclose(back, sine, atol=1e-5)


def test_a_short_row_of_a_batch_ends_as_it_does_alone() -> None:
    sine = torch.sin(torch.arange(900) * (2 * math.pi * 440 / 24_000))[None]
    batch = torch.cat((sine, torch.cat((sine[:, :600], torch.zeros(1, 300)), 1)))
    parts = spectrum(batch, torch.tensor([900, 600]))
    assert torch.allclose(parts[1, :, :121], spectrum(sine[:, :600], torch.tensor([600]))[0], atol=1e-6)
    magnitude = parts[:, :11].clone()
    magnitude[1, :, 121:] = 0
    back = inverse_spectrum(magnitude, parts[:, 11:], torch.tensor([181, 121]))
    assert torch.allclose(back[1, :600], sine[0, :600], atol=1e-5)


def test_the_phase_of_the_source_follows_the_pitch_in_long_utterances() -> None:
    source = HarmonicSource().requires_grad_(False)
    source.l_linear.weight.zero_()
    source.l_linear.weight[0, 0] = 1.0
    source.l_linear.bias.zero_()
    steps = 8000  # 100 s
    wave = torch.atanh(source(torch.full((1, steps), 200.0)))[0] / 0.1
    tail = torch.arange(len(wave) - 1200, len(wave) - 300)
    # At the middle of the first value the phase is that of one whole value.
    expected = torch.sin(2 * math.pi * ((tail.double() + 150.5) * 200 / 24_000).frac()).float()
    assert torch.allclose(wave[tail], expected, atol=2e-4)


def test_no_pitch_gives_no_source() -> None:
    source = HarmonicSource().requires_grad_(False)
    source.l_linear.bias.zero_()
    assert not source(torch.tensor([[0.0, 9.0, 10.0]])).any()


@torch.inference_mode()
def test_both_directions_in_one_call_are_the_two_calls_whatever_the_padding_holds() -> None:
    torch.manual_seed(2)
    width, lengths = 24, (17, 5, 1)
    ways = BothWays(width, 16)
    for weights in ways.parameters():
        weights.mul_(4)  # so that a wrong state in the padding changes the result
    joined = JoinedWays(ways)
    x = torch.randn(len(lengths), 20, width)
    span = KokoroSpan.of(torch.tensor(lengths), x.shape[1])
    together = joined(x, span)
    assert torch.allclose(together, ways(x, span), atol=1e-6)
    for row, length in enumerate(lengths):
        own = KokoroSpan.of(torch.tensor([length]), length, is_full=True)
        alone = ways(x[row : row + 1, :length], own)
        assert torch.allclose(together[row, :length], alone[0], atol=1e-6)
        assert torch.allclose(joined(x[row : row + 1, :length], own), alone, atol=1e-6)
        assert not together[row, length:].any()


def test_a_network_for_a_gpu_has_no_recurrence_of_two_calls() -> None:
    network = Kokoro(KOKORO)
    count = sum(isinstance(module, BothWays) for module in network.modules())
    join_ways(network)
    kinds = [type(module) for module in network.modules()]
    assert kinds.count(JoinedWays) == count > 0
    assert BothWays not in kinds
