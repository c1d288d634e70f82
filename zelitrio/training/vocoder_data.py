"""Training data of the vocoder: crops of recorded speech with the features that are the vocoder's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zelitrio.networks import UNVOICED_LN_F0, normalise_mel
from zelitrio.training.features import HOP_SAMPLES, MELS
from zelitrio.training.shards import Entry, Shard, is_whole, open_shard

CROP_FRAMES = 96
CONTEXT_FRAMES = 12
"""Frames at both ends of a crop that are computed but have no loss: the network's context."""
WEIGHTS: Mapping[str, float] = {"kathleen": 0.4, "bdl": 0.28, "lj": 0.2, "slt": 0.12}
"""Share of each known speaker in a batch; an unknown speaker gets 0.5."""


@attrs.frozen(eq=False)
class VocoderBatch:
    """Crops with their context; frames = CROP_FRAMES + 2 * CONTEXT_FRAMES."""

    mel: Tensor  # [batch, frames, MELS] normalised
    ln_f0: Tensor  # [batch, frames], such that the pulses fall where the recording's do
    voiced: Tensor  # [batch, frames]
    mask: Tensor  # [batch, frames, 1]
    pcm: Tensor  # [batch, frames * HOP_SAMPLES]
    band_hz: Tensor  # [batch]
    noise_at: Tensor  # [batch]
    turns: Tensor  # [batch, frames] float64, position of each frame between two pulses


@attrs.frozen(eq=False)
class _Crop:
    mel: npt.NDArray[np.float32]
    ln_f0: npt.NDArray[np.float32]
    voiced: npt.NDArray[np.float32]
    mask: npt.NDArray[np.float32]
    pcm: npt.NDArray[np.float32]
    band_hz: float
    turns: npt.NDArray[np.float64]


class VocoderData:
    """Random crops from all shards of a work folder.

    Args:
        work: folder with `features/`.
        speakers: names of the speakers to use; None: all.
        guided_share: share of crops with predicted frames instead of measured ones, if there are any.
        turned: shift from the speaker's pulses to the vocoder's, in periods.
    """

    def __init__(
        self,
        work: Path,
        speakers: Sequence[str] | None = None,
        *,
        guided_share: float = 0.0,
        turned: float = 0.0,
    ) -> None:
        self._guided_share, self._turned = guided_share, turned
        folders = sorted(folder for folder in (work / "features").glob("*") if is_whole(folder))
        self._shards = [
            open_shard(folder) for folder in folders if speakers is None or folder.name in speakers
        ]
        weights = np.array([WEIGHTS.get(shard.speaker, 0.5) for shard in self._shards])
        self._weights = weights / weights.sum()
        self._train = [[entry for entry in shard.entries if not entry.held_out] for shard in self._shards]
        self._held = [[entry for entry in shard.entries if entry.held_out] for shard in self._shards]

    def batch(self, rng: np.random.Generator, size: int, *, held_out: bool = False) -> VocoderBatch:
        """Make a batch of random crops; an utterance's chance is proportional to its length."""
        pools = self._held if held_out else self._train
        crops = []
        for index in rng.choice(len(self._shards), size=size, p=self._weights):
            pool = pools[index] or self._train[index]
            lengths = np.array([entry.frames for entry in pool], float)
            entry = pool[rng.choice(len(pool), p=lengths / lengths.sum())]
            crops.append(self._crop(self._shards[index], entry, rng))
        return VocoderBatch(
            mel=normalise_mel(torch.from_numpy(np.stack([crop.mel for crop in crops]))),
            ln_f0=torch.from_numpy(np.stack([crop.ln_f0 for crop in crops])),
            voiced=torch.from_numpy(np.stack([crop.voiced for crop in crops])),
            mask=torch.from_numpy(np.stack([crop.mask for crop in crops])).unsqueeze(-1),
            pcm=torch.from_numpy(np.stack([crop.pcm for crop in crops])),
            band_hz=torch.tensor([crop.band_hz for crop in crops]),
            noise_at=torch.from_numpy(rng.integers(0, 1024, size)),
            turns=torch.from_numpy(np.stack([crop.turns for crop in crops])),
        )

    def _crop(self, shard: Shard, entry: Entry, rng: np.random.Generator) -> _Crop:
        frames = CROP_FRAMES + 2 * CONTEXT_FRAMES
        start = int(rng.integers(0, max(1, entry.frames - CROP_FRAMES + 1))) - CONTEXT_FRAMES
        begin, end = max(0, start), min(entry.frames, start + frames)
        left, right = begin - start, start + frames - end
        rows = slice(entry.first_frame + begin, entry.first_frame + end)
        voiced = np.pad((np.asarray(shard.f0[rows]) > 0).astype(np.float32), (left, right))
        ln_f0, turns = shard.pulses[rows].T
        # Outside the utterance the network pads with the pitch of silence, with one pulse per hop.
        before, after = (0.5 + 0.5 * np.exp(float(ln_f0[at]) - UNVOICED_LN_F0) for at in (0, -1))
        turns = turns.astype(np.float64) + self._turned
        turns = np.concatenate((np.full(left, turns[0] - before), turns, np.full(right, turns[-1] + after)))
        measured = np.asarray(shard.mel[rows], np.float32)
        if shard.guided is not None and rng.random() < self._guided_share:
            predicted = np.asarray(shard.guided[rows], np.float32)
            measured = np.where(np.isnan(predicted), measured, predicted)
        mel = np.pad(measured, ((left, right), (0, 0)), constant_values=-9.21)
        mask = np.pad(np.ones(end - begin, np.float32), (left, right))
        pcm = np.pad(
            shard.pcm(entry.first_frame + begin, end - begin), (left * HOP_SAMPLES, right * HOP_SAMPLES)
        )
        # Vary the level of sound and features alike, so that the level is not learnt as timbre.
        gain = float(np.exp(rng.uniform(-0.7, 0.35)))
        mel = np.maximum(mel + np.float32(np.log(gain)), np.float32(-9.21)).astype(np.float32)
        ln_f0 = np.pad(ln_f0, (left, right), mode="edge")
        sound = (pcm * gain).astype(np.float32)
        return _Crop(mel, ln_f0, voiced, mask, sound, shard.facts.band_hz, turns)


def judged(pcm: Tensor) -> Tensor:
    """Return a crop's samples without its context, [batch, CROP_FRAMES * HOP_SAMPLES]."""
    edge = CONTEXT_FRAMES * HOP_SAMPLES
    return pcm[:, edge:-edge]


assert MELS == 80  # the floor above is ln 1e-4 for these filters' clamp
