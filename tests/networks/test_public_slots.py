"""Piper and Kokoro as the engine calls them: windows, batches and both ways of computing agree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from test_piper import SMALL as PIPER
from test_piper import make as make_vits
from tiny_public import KOKORO
from torch import Tensor

from zelitrio.networks import (
    Kokoro,
    KokoroNetwork,
    PiperNetwork,
    VoiceStatistics,
    gather_statistics,
)
from zelitrio.networks.kokoro.slots import _gains

# F0 is rounded to 1/32 Hz, so another order of sums could round it differently.
pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
LENGTHS = (9, 14)
Make = Callable[..., Any]


def piper(*, row_by_row: bool, **_: Any) -> PiperNetwork:
    vits = make_vits(PIPER)
    most = {"most_tokens": 32, "most_frames": 160}
    return PiperNetwork(vits, CPU, torch.float32, 3, **most, gain=0.7, row_by_row=row_by_row)


def kokoro_weights() -> Kokoro:
    torch.manual_seed(5)
    network = Kokoro(KOKORO).eval().requires_grad_(False)
    network.predictor.F0_proj.bias += 140.0
    return network


def table() -> Tensor:
    return torch.randn(510, 2 * KOKORO.style, generator=torch.Generator().manual_seed(1))


def kokoro(*, row_by_row: bool, statistics: dict[int, VoiceStatistics] | None = None) -> KokoroNetwork:
    return KokoroNetwork(
        kokoro_weights(),
        CPU,
        torch.float32,
        3,
        most_tokens=32,
        most_frames=160,
        row_by_row=row_by_row,
        statistics=statistics or {},
    )


def encode_inputs(network: Any, longest: int, rows: list[int], slots: list[int]) -> dict[str, Tensor]:
    """Rows by their number; -1 is an unused row with the spare slot."""
    count = len(rows)
    inputs = {
        "slot": torch.tensor(slots),
        "length": torch.tensor([LENGTHS[row] if row >= 0 else 0 for row in rows]),
    }
    generator = torch.Generator().manual_seed(4)
    for name, field in network.encode_fields.items():
        shape = (2, 32, *field.shape) if field.per_token else (2, *field.shape)
        values = torch.randn(shape, generator=generator)
        if name == "ids":
            values = torch.randint(1, 20, shape, generator=generator)
        elif name in ("speaker", "voice", "last"):
            values = torch.zeros(shape, dtype=torch.long)
        elif name in ("keeps", "ends"):
            values = torch.zeros(shape, dtype=torch.long if field.is_integer else torch.float)
        filled = torch.zeros(
            count, *((longest,) if field.per_token else ()), *field.shape, dtype=values.dtype
        )
        for at, row in enumerate(rows):
            if row >= 0 and field.per_token:
                filled[at, : LENGTHS[row]] = values[row, : LENGTHS[row]]
            elif row >= 0:
                filled[at] = values[row]
        inputs[name] = filled
    return inputs


@torch.inference_mode()
def speak(
    network: Any, rows: list[int], window: int, *, pad_tokens: int = 0, pad_frames: int = 0
) -> list[Tensor]:
    """The whole audio of each row, window by window, all rows together."""
    slots = [row if row >= 0 else 3 for row in rows]
    longest = max(LENGTHS) + pad_tokens if pad_tokens else max(LENGTHS[row] for row in rows if row >= 0)
    network.encode(encode_inputs(network, longest, rows, slots))
    tokens = [
        torch.arange(LENGTHS[row]).repeat_interleave(3) if row >= 0 else torch.zeros(0).long() for row in rows
    ]
    frames = max(len(one) for one in tokens) + pad_frames
    laid_out = torch.full((len(rows), frames), -1)
    for at, one in enumerate(tokens):
        laid_out[at, : len(one)] = one
    length = torch.tensor([len(one) for one in tokens])
    where = {
        "slot": torch.tensor(slots),
        "length": length,
        "noise_at": torch.tensor([100 + row for row in rows]),
    }
    network.expand({**where, "tokens": laid_out})
    parts = []
    for first in range(0, int(length.max()), window):
        shape = {"tokens": torch.full((len(rows), window), -1), "first": torch.full((len(rows),), first)}
        parts.append(network.speak({**where, **shape}))
    whole = torch.cat(parts, 1)
    hop = whole.shape[1] // (len(parts) * window)
    return [whole[at, : count * hop] for at, count in enumerate(length.tolist())]


@pytest.mark.parametrize("make", [piper, kokoro])
@pytest.mark.parametrize("row_by_row", [True, False])
def test_windows_of_any_length_equal_the_whole(make: Make, row_by_row: bool) -> None:
    whole = speak(make(row_by_row=row_by_row), [1], 64)[0]
    assert whole.abs().max() > 1e-3
    for window in (4, 7, 16):
        streamed = speak(make(row_by_row=row_by_row), [1], window)[0]
        assert (streamed - whole).abs().max() < 1e-5


@pytest.mark.parametrize("make", [piper, kokoro])
@pytest.mark.parametrize("row_by_row", [True, False])
def test_rows_of_padded_batches_equal_the_rows_alone(make: Make, row_by_row: bool) -> None:
    network = make(row_by_row=row_by_row)
    together = speak(network, [0, 1, -1], 8, pad_tokens=6, pad_frames=20)
    for row in (0, 1):
        alone = speak(make(row_by_row=row_by_row), [row], 8)[0]
        assert (together[row] - alone).abs().max() < 3e-5


def test_a_pause_that_was_asked_for_is_silent_between_its_words() -> None:
    hush = torch.zeros(1, 40)
    hush[0, 10:30] = 1
    (gains,) = _gains(hush)
    # Edges 10 to 13 are the end of the word before, and 26 to 30 the onset of the next one.
    assert gains.tolist() == [1.0] * 13 + [0.0] * 14 + [1.0] * 14
    assert _gains(torch.ones(1, 12)).sum() == 0
    assert _gains(torch.zeros(1, 12)).sum() == 13


@pytest.mark.parametrize("make", [piper, kokoro])
def test_the_methods_for_cpu_and_gpu_give_the_same_sound(make: Make) -> None:
    one, other = (speak(make(row_by_row=row_by_row), [0, 1], 8) for row_by_row in (True, False))
    for a, b in zip(one, other, strict=True):
        assert (a - b).abs().max() < 3e-5


def test_sound_made_of_some_rows_at_a_time_is_that_of_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    import zelitrio.networks.kokoro.slots as slots

    whole = speak(kokoro(row_by_row=False), [0, -1, 1], 8, pad_frames=20)
    for most in (1, 130):  # one row, two of the three
        monkeypatch.setattr(slots, "_SOUND_FRAMES", most)
        parts = speak(kokoro(row_by_row=False), [0, -1, 1], 8, pad_frames=20)
        for row in (0, 2):
            assert (whole[row] - parts[row]).abs().max() < 3e-5


@pytest.mark.parametrize("make", [piper, kokoro])
def test_a_slot_is_used_again_by_a_shorter_utterance(make: Make) -> None:
    for row_by_row in (True, False):
        network = make(row_by_row=row_by_row)
        speak(network, [1], 16)
        slots = speak(network, [0], 16)[0]
        assert (slots - speak(make(row_by_row=row_by_row), [0], 16)[0]).abs().max() < 1e-6


def test_the_streaming_mode_gives_the_same_sound_in_any_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    import zelitrio.networks.kokoro.slots as slots

    monkeypatch.setattr(slots, "_SHORT_FRAMES", 0)
    statistics = gather_statistics(kokoro_weights(), table(), [[3, 5, 7, 9, 11], [2, 4, 6]])
    whole = speak(kokoro(row_by_row=True, statistics={0: statistics}), [1], 64)[0]
    for window in (2, 5, 13):
        streamed = speak(kokoro(row_by_row=True, statistics={0: statistics}), [1], window)[0]
        assert (streamed - whole).abs().max() < 2e-5  # these weights are louder than full scale


def test_silence_at_the_ends_is_marked_as_silent() -> None:
    network = kokoro(row_by_row=False)
    level = torch.full((1, 20), -70.0)  # two steps a frame
    level[0, 9], level[0, 10:12], level[0, 12:14] = -20.0, -8.0, -39.0
    slot, length = torch.tensor([0]), torch.tensor([10])
    assert network._heard(level, -30.0, slot, length).tolist() == [[3.0, 8.0]]
    assert network._heard(level, -40.0, slot, length).tolist() == [[3.0, 9.0]]
    network._keeps[0] = torch.tensor([1.0, 1.0])  # a pause was asked for at both ends
    assert network._heard(level, -40.0, slot, length).tolist() == [[0.0, 10.0]]
    network._keeps[0] = 0.0
    silent = torch.full((1, 20), -70.0)
    silent[0, 19] = 0.0  # beyond the utterance
    assert network._heard(silent, -40.0, slot, torch.tensor([9])).tolist() == [[0.0, 9.0]]
