"""Any windows and any batch give the same audio."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tiny_voice import tiny_fine_model, tiny_model
from torch import Tensor

from zelitrio.networks import (
    SpeechStep,
    Vocoder,
    VocoderConfig,
)
from zelitrio.networks.zeli.source import (
    CENT,
    SOURCE_GAIN,
    advance_phase,
    jitter_table,
    noise_table,
    pulses,
)
from zelitrio.networks.zeli.streaming import StreamingBlock, StreamingStem, frame_mask

EXACT = 1e-4


@pytest.fixture(
    scope="module", params=[tiny_model, tiny_fine_model], ids=["first format", "contour and parts"]
)
def speech(request: pytest.FixtureRequest) -> SpeechStep:
    return request.param().speech_step()


def random_rows(seed: int, frames: int, width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    # Small values keep the pitch of the random networks in the range of a voice.
    return 0.3 * torch.randn(frames, width, generator=generator), torch.rand(frames, 4, generator=generator)


def spoken_whole(speech: SpeechStep, rows: Tensor, positions: Tensor, noise_at: int) -> Tensor:
    mask = torch.ones(1, len(rows), 1)
    with torch.inference_mode():
        samples = speech.whole(
            rows[None], positions[None], torch.tensor([[5.0]]), mask, torch.tensor([noise_at])
        )
    return samples[0]


def spoken_in_windows(
    speech: SpeechStep, rows: Tensor, positions: Tensor, noise_at: int, windows: list[int], lane: int = 0
) -> Tensor:
    """Speak in windows like the engine, while other lanes of the batch speak other frames."""
    frames = len(rows)
    state = speech.new_state(3)
    state.flat.fill_(7.0)  # left-over values of another stream
    state.phase.fill_(1.0)
    company, places = random_rows(99, 4096, rows.shape[1])
    out, first = [], 0
    lanes = torch.tensor([lane, 2])
    for window in windows:
        beyond = max(0, first + window - frames)
        mine = torch.nn.functional.pad(rows[first : first + window], (0, 0, 0, min(beyond, window)))
        where = torch.nn.functional.pad(positions[first : first + window], (0, 0, 0, min(beyond, window)))
        with torch.inference_mode():
            samples = speech(
                torch.stack((mine, company[first : first + window])),
                torch.stack((where, places[first : first + window])),
                torch.tensor([[5.0], [5.5]]),
                state,
                lanes,
                torch.tensor([first, first]),
                torch.tensor([frames, 4096]),
                torch.tensor([noise_at, 3]),
            )
        out.append(samples[0])
        first += window
    return torch.cat(out)[speech.lag * speech.hop_samples :][: frames * speech.hop_samples]


@pytest.mark.parametrize("seed", range(6))
def test_windows_cut_anywhere_give_the_whole_utterance(speech: SpeechStep, seed: int) -> None:
    random = np.random.default_rng(seed)
    frames = int(random.integers(1, 90))
    rows, positions = random_rows(seed, frames, 24)
    windows: list[int] = []
    while sum(windows) < frames + speech.lag:
        windows.append(int(random.integers(1, 40)))
    whole = spoken_whole(speech, rows, positions, noise_at=1000 + seed)
    parts = spoken_in_windows(speech, rows, positions, 1000 + seed, windows)
    assert whole.abs().max() > 0.01
    torch.testing.assert_close(parts, whole, rtol=0, atol=EXACT)


def test_a_longer_neighbour_in_the_batch_changes_nothing(speech: SpeechStep) -> None:
    (short, near), (long, far) = random_rows(1, 30, 24), random_rows(2, 70, 24)
    rows = torch.zeros(2, 70, 24)
    positions = torch.rand(2, 70, 4)
    rows[0, :30], rows[1] = short, long
    positions[0, :30], positions[1] = near, far
    mask = frame_mask(torch.tensor([30, 70]), 70)
    with torch.inference_mode():
        both = speech.whole(rows, positions, torch.tensor([[5.0], [5.0]]), mask, torch.tensor([4, 5]))
    alone = spoken_whole(speech, short, near, 4)
    torch.testing.assert_close(both[0, : len(alone)], alone, rtol=0, atol=EXACT)


def test_weights_prepared_for_windows_speak_as_the_trained_ones(speech: SpeechStep) -> None:
    rows, positions = random_rows(6, 70, 24)
    fixed = copy.deepcopy(speech)
    fixed.fix(torch.float32)
    expected = spoken_whole(speech, rows, positions, 5)
    torch.testing.assert_close(spoken_whole(fixed, rows, positions, 5), expected, rtol=0, atol=EXACT)
    parts = spoken_in_windows(fixed, rows, positions, 5, [24, 16, 8, 24, 24])
    torch.testing.assert_close(parts, expected, rtol=0, atol=EXACT)


def test_training_in_bfloat16_reaches_every_weight(speech: SpeechStep) -> None:
    vocoder = copy.deepcopy(speech.vocoder)
    frames = 12
    with torch.autocast("cpu", torch.bfloat16):
        samples = vocoder(
            torch.zeros(1, frames, vocoder.config.mels),
            torch.full((1, frames), 5.0),
            torch.ones(1, frames),
            torch.ones(1, frames, 1),
            torch.zeros(1, dtype=torch.int64),
        )
    samples.square().sum().backward()
    assert all(weight.grad is not None for weight in vocoder.parameters())


def test_a_window_inside_of_its_utterance_has_no_mask_and_sounds_the_same(
    speech: SpeechStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, positions = random_rows(7, 90, 24)
    windows = [24, 16, 16, 32, 32]
    without = spoken_in_windows(speech, rows, positions, 5, windows)
    monkeypatch.setattr("zelitrio.networks.zeli.streaming.is_readable", lambda tensor: False)
    assert torch.equal(without, spoken_in_windows(speech, rows, positions, 5, windows))


def test_a_lane_used_again_starts_fresh(speech: SpeechStep) -> None:
    rows, positions = random_rows(5, 40, 24)
    windows = [24, 16, 16]
    once = spoken_in_windows(speech, rows, positions, 9, windows, lane=0)
    again = spoken_in_windows(speech, rows, positions, 9, windows, lane=1)
    assert torch.equal(once, again)


@pytest.mark.parametrize("lookahead", [0, 1, 3, 6])
def test_a_block_depends_on_exactly_its_lookahead(lookahead: int) -> None:
    torch.manual_seed(0)
    block = StreamingBlock(8, 7, lookahead)
    x = torch.randn(1, 30, 8)
    changed = x.clone()
    changed[:, 20] += 1.0
    mask = torch.ones(1, 30, 1)
    with torch.no_grad():
        moved = (block.whole(x, mask) - block.whole(changed, mask)).abs().sum(-1)[0] > 1e-7
    assert moved.nonzero().flatten().tolist() == list(range(20 - lookahead, 20 + 7 - lookahead))


def test_a_stem_runs_the_same_in_windows() -> None:
    torch.manual_seed(0)
    stem = StreamingStem(5, 8, 7, 2)
    x = torch.randn(1, 12, 5)
    with torch.no_grad():
        whole = stem.whole(x, torch.ones(1, 12, 1))
        padded = torch.nn.functional.pad(x, (0, 0, 0, 2))
        first, state = stem.step(padded[:, :5], torch.zeros(1, 6, 5), torch.ones(1, 5, 1))
        rest, _ = stem.step(padded[:, 5:], state, torch.ones(1, 9, 1))
    torch.testing.assert_close(torch.cat((first, rest), 1)[:, 2:], whole)


def test_pulses_hold_every_harmonic_below_the_band_at_one_strength() -> None:
    hops, hop, rate_hz, f0 = 100, 240, 24_000, 200.0
    ln_f0 = torch.full((1, hops + 1), float(np.log(f0)))
    phases = advance_phase(ln_f0, torch.zeros(1, dtype=torch.float64), hop, rate_hz)
    train = pulses(ln_f0, phases, hop, rate_hz)[0].numpy()
    spectrum = np.abs(np.fft.rfft(train)) / (len(train) / 2)
    harmonics = spectrum[200:12_000:200]  # one second: a bin per hertz
    assert np.allclose(harmonics, 1.0, atol=1e-3)
    between = np.delete(spectrum, np.arange(0, 12_001, 200))
    assert between.max() < 1e-3


def test_pulses_are_continuous_in_pitch() -> None:
    # 12000 / 240 is a whole number, at which a kernel of whole harmonics would jump.
    near = [float(np.log(240.0 - 1e-6)), float(np.log(240.0 + 1e-6))]
    trains = []
    for ln_f0 in near:
        edges = torch.full((1, 2), ln_f0)
        phases = advance_phase(edges, torch.full((1,), 0.3, dtype=torch.float64), 240, 24_000)
        trains.append(pulses(edges, phases, 240, 24_000))
    torch.testing.assert_close(trains[0], trains[1], rtol=0, atol=1e-2)


def test_the_noise_is_white_and_joins_its_own_end() -> None:
    window = torch.hann_window(960)
    table = noise_table(960, 240, window)
    power = table.abs().square().mean(0)
    assert (power[10:-10].max() / power[10:-10].min()) < 2.0
    last, first = (torch.fft.irfft(table[at]) / SOURCE_GAIN for at in (-1, 0))
    inside = slice(10, 710)  # of the 720 samples both frames see; a window's edge has no weight
    torch.testing.assert_close(
        (last / window)[240:][inside], (first / window)[:720][inside], rtol=0, atol=1e-2
    )


def test_pitch_jitters_as_set_but_not_with_given_pulses() -> None:
    steady, wavering = (
        Vocoder(VocoderConfig(channels=16, blocks=1, jitter_cents=cents)) for cents in (0, 10)
    )
    wavering.load_state_dict(steady.state_dict())
    assert float(jitter_table().std()) == pytest.approx(1.0, abs=0.01)
    assert float(wavering.jitter.std()) == pytest.approx(10 * CENT, rel=0.01)
    voiced = torch.ones(1, 40)
    inputs = (
        torch.zeros(1, 40, 80),
        voiced * float(np.log(150.0)),
        voiced,
        voiced[..., None],
        torch.tensor([5]),
    )
    turns = torch.tensor([0.25], dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(wavering(*inputs, turns), steady(*inputs, turns))
        assert float((wavering(*inputs) - steady(*inputs)).abs().max()) > 0.01
