"""Holds the teacher's speech, concatenated, on the device, and takes random crops of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zelitrio.networks import normalise_mel
from zelitrio.training.features import HOP_SAMPLES, MELS
from zelitrio.training.recipe.teacher.store import chunks_with, load, speech_path

GUIDED = "guided.npy"
"""File of mel frames that the acoustic model predicted."""


class Speech:
    """All speech, concatenated, on the device; it grows during training."""

    def __init__(self, folder: Path, most_frames: int, device: torch.device) -> None:
        self._folder, self._known = folder, 0
        self._chunks: set[int] = set()
        self.pcm = torch.zeros(most_frames * HOP_SAMPLES, dtype=torch.int16, device=device)
        self.mel = torch.zeros(most_frames, MELS, dtype=torch.float16, device=device)
        self.guided = torch.zeros(most_frames, MELS, dtype=torch.float16, device=device)
        self.ln_f0, self.turns = (torch.zeros(most_frames, device=device) for _ in range(2))
        self.voiced, self.inside = (
            torch.zeros(most_frames, dtype=torch.uint8, device=device) for _ in range(2)
        )
        self.frames = torch.zeros((), dtype=torch.int64, device=device)
        self.guided_share = torch.zeros((), device=device)
        self.held: list[tuple[int, dict[str, Tensor]]] = []
        """Held-out utterances, each its voice's number and its arrays."""
        self.offsets: dict[tuple[int, int], int] = {}
        """First frame of each training utterance, by chunk and number in the chunk."""

    @property
    def known(self) -> int:
        """Number of frames to train on."""
        return self._known

    def refresh(self) -> int:
        """Read chunks that have been completed since the last call.  Returns how many."""
        fresh = [chunk for chunk in chunks_with(self._folder, "speech") if chunk not in self._chunks]
        for chunk in fresh:
            self._chunks.add(chunk)
            arrays = load(speech_path(self._folder, chunk))
            ends = np.cumsum(arrays["frames"])
            for number, (end, frames) in enumerate(
                zip(ends.tolist(), arrays["frames"].tolist(), strict=True)
            ):
                self._take(chunk, number, arrays, end - frames, end)
        self.frames.fill_(self._known)
        return len(fresh)

    def _take(self, chunk: int, number: int, arrays: Mapping[str, np.ndarray], begin: int, end: int) -> None:
        parts = {
            name: torch.from_numpy(arrays[name][begin:end])
            for name in ("mel", "ln_f0", "turns", "voiced", "inside")
        }
        parts["pcm"] = torch.from_numpy(arrays["pcm"][begin * HOP_SAMPLES : end * HOP_SAMPLES])
        if arrays["held_out"][number]:
            self.held.append((int(arrays["voice"][number]), parts))
            return
        to = self._known + end - begin
        if to > len(self.mel):
            return
        rows = slice(self._known, to)
        for name in ("mel", "ln_f0", "turns", "voiced", "inside"):
            getattr(self, name)[rows] = parts[name].to(self.mel.device)
        self.guided[rows] = self.mel[rows]
        self.pcm[rows.start * HOP_SAMPLES : rows.stop * HOP_SAMPLES] = parts["pcm"].to(self.mel.device)
        self.offsets[chunk, number] = self._known
        self._known = to

    def take_guided(self, path: Path) -> bool:
        """Read predicted frames from an .npz, if it exists: rows `mel`, and their positions `at`."""
        if not path.is_file():
            return False
        arrays = load(path)
        begin = 0
        for chunk, number, first, length in arrays["where"].tolist():
            at = self.offsets.get((chunk, number))
            if at is not None:
                rows = torch.from_numpy(arrays["mel"][begin : begin + length]).to(self.mel.device)
                self.guided[at + first : at + first + length] = rows
            begin += length
        return True

    def crops(self, batch: int, frames: int) -> dict[str, Tensor]:
        """Take random crops; some are masked outside the speech, as in serving."""
        device = self.mel.device
        start = (torch.rand(batch, device=device, dtype=torch.float64) * (self.frames - frames)).long()
        at = start[:, None] + torch.arange(frames, device=device)
        sample = (at * HOP_SAMPLES)[..., None] + torch.arange(HOP_SAMPLES, device=device)
        pcm = self.pcm[sample.flatten(1)].float() / 32768.0
        is_guided = torch.rand(batch, 1, 1, device=device) < self.guided_share
        mel = torch.where(is_guided, self.guided[at], self.mel[at]).float()
        # Vary the level of sound and features alike, so that the level is not learnt as timbre.
        gain = torch.exp(torch.rand(batch, device=device) * 0.8 - 0.6)
        mel = (mel + torch.log(gain)[:, None, None]).clamp(min=math.log(1e-4))
        is_masked = torch.rand(batch, 1, device=device) < 0.25
        mask = torch.where(is_masked, self.inside[at].float(), 1.0)
        return {
            "mel": normalise_mel(mel),
            "ln_f0": self.ln_f0[at],
            "turns": self.turns[at],
            "voiced": self.voiced[at].float(),
            "mask": mask.unsqueeze(-1),
            "pcm": pcm * gain[:, None] * mask[..., None].expand(-1, -1, HOP_SAMPLES).flatten(1),
            "noise_at": torch.randint(0, 1024, (batch,), device=device),
        }
