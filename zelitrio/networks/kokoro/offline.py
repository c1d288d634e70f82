"""Speak many texts in batches of about equal length, to make training data.

The engine does not use this.  Texts are sorted by length, and a batch has minutes of audio, to keep a GPU
busy.  The host waits for the device once per batch, for the durations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zelitrio.networks.kokoro.layers import KokoroSpan
from zelitrio.networks.kokoro.network import Kokoro
from zelitrio.networks.kokoro.source import SAMPLES

_FRAMES_PER_TOKEN = 2.4  # a guess that only sizes the batches
_FRAMES_PER_SECOND = 40.0


@attrs.frozen(kw_only=True, eq=False)
class KokoroRequest:
    """One text to speak."""

    ids: Sequence[int]  # symbols, without the zeros at the ends
    table: int  # which of the style tables
    speed: float = 1.0


@attrs.frozen(kw_only=True, eq=False)
class KokoroSpeech:
    """The speech of one request."""

    index: int  # which request
    samples: NDArray[np.float32]  # at 24,000 Hz, at the official level
    frames: NDArray[np.int64]  # of each token, the zeros at both ends included; 600 samples each
    f0: NDArray[np.float32]  # hertz, 300 samples each, rounded to 1/32 as the source has it
    energy: NDArray[np.float32]  # as f0


def whole_frames(frames: Tensor, speed: Tensor) -> Tensor:
    """Round predicted frames [batch, tokens] to whole ones; no token is shorter than one frame.

    At speed 1 each token is rounded by itself, as in training.  At other speeds the running sum is rounded,
    so that the total is exact.
    """
    plain = frames.round().clamp(min=1)
    total = (plain.cumsum(1) / speed[:, None]).round()
    scaled = torch.diff(total, dim=1, prepend=torch.zeros_like(total[:, :1]))
    return torch.where(speed[:, None] == 1, plain, scaled).long()


@torch.inference_mode()
def speak_all(
    network: Kokoro,
    tables: Tensor,
    requests: Sequence[KokoroRequest],
    *,
    batch_s: float = 300.0,
    fast_products: bool = True,
) -> Iterator[KokoroSpeech]:
    """Speak all requests, the shortest first.

    Args:
        network: in evaluation mode, on its device.
        tables: [tables, 510, 256], style rows by the number of symbols.
        requests: at most 510 symbols each.
        batch_s: approximate seconds of audio in a batch; each takes about 40 MB of memory.
        fast_products: whether the decoder and the generator may use TF32.  Durations, F0 and energy never use
            it.
    """
    device = next(network.parameters()).device
    tables = tables.to(device, torch.float32)
    order = sorted(range(len(requests)), key=lambda at: len(requests[at].ids))
    for batch in _batches([len(requests[at].ids) for at in order], batch_s):
        rows = [order[at] for at in batch]
        yield from _speak(network, tables, [(at, requests[at]) for at in rows], device, fast_products)


def _batches(lengths: Sequence[int], batch_s: float) -> Iterator[range]:
    begin = 0
    for end in range(1, len(lengths) + 1):
        is_last = end == len(lengths)
        if is_last or (end + 1 - begin) * lengths[end] * _FRAMES_PER_TOKEN / _FRAMES_PER_SECOND > batch_s:
            yield range(begin, end)
            begin = end


def _speak(
    network: Kokoro,
    tables: Tensor,
    requests: Sequence[tuple[int, KokoroRequest]],
    device: torch.device,
    fast_products: bool,
) -> Iterator[KokoroSpeech]:
    lengths = [len(request.ids) + 2 for _, request in requests]
    ids = np.zeros((len(requests), max(lengths)), np.int64)
    for row, (_, request) in enumerate(requests):
        ids[row, 1 : lengths[row] - 1] = request.ids
    counts = torch.tensor(lengths, device=device)
    style = tables[torch.tensor([request.table for _, request in requests], device=device), counts - 3]
    speed = torch.tensor([request.speed for _, request in requests], device=device)
    _allow_fast(False)
    tokens = network.encode(torch.from_numpy(ids).to(device), style, KokoroSpan.of(counts, ids.shape[1]))
    frames = whole_frames(tokens.frames, speed).cpu().numpy()  # the one wait of the batch
    frames *= np.arange(ids.shape[1]) < np.array(lengths)[:, None]
    totals = frames.sum(1)
    longest = int(-(-totals.max() // 8) * 8)  # fewer shapes, so fewer choices of an algorithm
    places = np.zeros((len(requests), longest), np.int64)
    for row, total in enumerate(totals):
        places[row, :total] = np.repeat(np.arange(ids.shape[1]), frames[row])
    at = torch.from_numpy(places).to(device)[..., None]
    span = KokoroSpan.of(torch.from_numpy(totals).to(device), longest)
    rows = [
        table.gather(1, at.expand(-1, -1, table.shape[-1]))
        for table in (tokens.prosody_rows, tokens.text_rows)
    ]
    sounding, predicting = style.split(network.config.style, 1)
    f0, energy, steps = network.predictor.curves(span.clear(rows[0].mT).mT, predicting, span)
    _allow_fast(fast_products)
    features = network.decoder(span.clear(rows[1].mT), f0, energy, sounding, span)
    samples = network.sound(features, network.source(f0, steps), style, steps)
    _allow_fast(False)
    heard, curve, level = (part.cpu().numpy() for part in (samples, (f0 * 32).round() / 32, energy))
    for row, (index, _) in enumerate(requests):
        total = int(totals[row])
        yield KokoroSpeech(
            index=index,
            samples=heard[row, : 2 * total * SAMPLES].copy(),
            frames=frames[row, : lengths[row]].copy(),
            f0=curve[row, : 2 * total].copy(),
            energy=level[row, : 2 * total].copy(),
        )


def _allow_fast(is_fast: bool) -> None:
    torch.backends.cuda.matmul.allow_tf32 = is_fast
    torch.backends.cudnn.allow_tf32 = is_fast
