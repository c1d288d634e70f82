"""Makes the acoustic model's training items from aligned utterances; runs in worker processes."""

from __future__ import annotations

import random

import attrs
import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from zelitrio.networks import PITCH_SCALE
from zelitrio.text import Utterance
from zelitrio.training.acoustic_data import Example, fault, tokens_and_durations
from zelitrio.training.align import AlignedUtterance
from zelitrio.training.alignment import Aligner
from zelitrio.training.corpus import Speaker
from zelitrio.training.edges import ended_by_ear, speech_edges
from zelitrio.training.features import SAMPLE_RATE_HZ, mel_centres_hz
from zelitrio.training.recipe.teacher.speech import MeasuredSpeech
from zelitrio.training.shards import Entry, Shard
from zelitrio.voices import frame_positions, phone_inputs

_PIECE_SHARE = 0.15
"""Share of utterances with a second item, which ends and perhaps also begins in mid-sentence."""
_FACTS = Speaker(name="teacher", licence="Apache-2.0")


@attrs.frozen(kw_only=True, eq=False)
class Item:
    """One utterance, or a piece of one, of n tokens and t frames."""

    begin: int
    """The item's first frame in the utterance."""
    phones: npt.NDArray[np.int64]  # [n]
    stresses: npt.NDArray[np.int64]  # [n]
    features: npt.NDArray[np.float32]  # [n, FEATURES]
    durations: npt.NDArray[np.int64]  # [n] frames, sum t
    pitch: npt.NDArray[np.float32]  # [n] mean ln f0 * PITCH_SCALE
    voicing: npt.NDArray[np.float32]  # [n] share of voiced frames
    energy: npt.NDArray[np.float32]  # [n] mean normalised mel below 7.6 kHz
    token: npt.NDArray[np.int16]  # [t]
    positions: npt.NDArray[np.float16]  # [t, 4]
    is_piece: bool


def items_of(
    aligner: Aligner, utterance: Utterance, measured: MeasuredSpeech, rng: random.Random
) -> list[Item] | str:
    """Align one utterance with the phones that the teacher spoke.  Returns a reason if that must be wrong."""
    pcm = measured.pcm.astype(np.float32) / 32768.0
    low = resample_poly(pcm, 2, 3).astype(np.float32)
    found = aligner.align(low, [[word.phones] for word in utterance.words])
    if found is None:
        return "not aligned"
    words = ended_by_ear(found, pcm)
    frames = measured.frames
    onset, end = speech_edges(measured.mel, max(0, words[0].starts[0]), min(frames, words[-1].end))
    f0 = (np.exp(measured.ln_f0) * measured.voiced).astype(np.float32)
    shard = Shard("teacher", _FACTS, (), measured.pcm, measured.mel, f0, f0[:, None])
    aligned = AlignedUtterance("", utterance, tuple(words))
    example = Example(
        0, SAMPLE_RATE_HZ / 2, aligned, shard, Entry("", utterance.source, 0, frames, False), onset, end
    )
    reason = fault(example)
    if reason is not None:
        return reason
    count = len(words)
    items = [_item(example, measured, 0, count)]
    if count >= 6 and rng.random() < _PIECE_SHARE:
        last = rng.randrange(3, count)
        first = rng.randrange(1, last - 2) if last >= 6 and rng.random() < 0.4 else 0
        items.append(_item(example, measured, first, last))
    return items


def _item(example: Example, measured: MeasuredSpeech, first: int, last: int) -> Item:
    utterance, begin, durations = tokens_and_durations(example, first, last)
    inputs = phone_inputs(utterance)
    frames = int(durations.sum())
    rows = slice(begin, begin + frames)
    voiced = measured.voiced[rows].astype(np.float32)
    mel = (measured.mel[rows].astype(np.float32) + 4.5) / 2.2
    token, positions = frame_positions(durations)
    return Item(
        begin=begin,
        phones=inputs.phones,
        stresses=inputs.stresses,
        features=inputs.features,
        durations=durations,
        pitch=_mean(measured.ln_f0[rows] * np.float32(PITCH_SCALE), token, len(durations), voiced + 1e-4),
        voicing=_mean(voiced, token, len(durations), np.ones_like(voiced)),
        energy=_mean(mel[:, mel_centres_hz() < 7_600.0].mean(1), token, len(durations), np.ones_like(voiced)),
        token=token.astype(np.int16),
        positions=positions.astype(np.float16),
        is_piece=(first, last) != (0, len(example.aligned.words)),
    )


def _mean(
    values: npt.NDArray[np.float32],
    token: npt.NDArray[np.int64],
    tokens: int,
    weights: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    sums = np.bincount(token, values * weights, tokens)
    return (sums / np.maximum(np.bincount(token, weights, tokens), 1e-9)).astype(np.float32)
