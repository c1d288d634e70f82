"""Holds the acoustic model's training data on the device: tokens padded, frames concatenated."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import torch
from torch import Tensor

from zelitrio.networks import PITCH_SCALE, normalise_mel
from zelitrio.training.recipe.teacher.store import chunks_with, items_path, load, speech_path

_MOST_TOKENS = 192
_NO_FRAMES = 0.3
"""Stands for a duration of zero frames, which has no logarithm."""
_CROP_LEFT, _CROP_RIGHT = 20, 10
"""Frames at a crop's edges that are decoded but have no loss."""


@attrs.frozen(eq=False)
class Lessons:
    """All items on the device: tokens padded, frames of all items concatenated."""

    phones: Tensor  # [items, n]
    stresses: Tensor
    features: Tensor  # [items, n, FEATURES]
    durations: Tensor
    pitch: Tensor  # relative to the speaker
    voicing: Tensor
    energy: Tensor
    speed: Tensor  # [items]
    speaker: Tensor  # [items]
    tokens: Tensor  # [items]
    length: Tensor  # [items] frames
    token_at: Tensor  # [items] where an item's frames begin in `token` and `positions`
    frame_at: Tensor  # [items] where they begin in `mel` and its like
    token: Tensor  # [all]
    positions: Tensor  # [all, 4]
    mel: Tensor  # [frames, mels] natural log
    ln_f0: Tensor  # [frames]
    voiced: Tensor  # [frames]
    speaker_ln_f0: Tensor  # [speakers]
    train: Tensor  # numbers of items
    held: Tensor
    where: np.ndarray  # [items, 3] chunk, number in it, first frame
    is_piece: np.ndarray

    def batch(self, chosen: Tensor, crop: int, *, is_random: bool = True) -> dict[str, Tensor]:
        """Gather items by number, with a crop of `crop` frames each."""
        length = self.length[chosen]
        room = (length - crop).clamp(min=0).double() + 1.0
        drawn = (
            torch.rand(len(chosen), device=chosen.device, dtype=torch.float64) if is_random else room * 0.0
        )
        start = (drawn * room).long()
        offset = start[:, None] + torch.arange(crop, device=chosen.device)
        inside = offset < length[:, None]
        safe = torch.minimum(offset, length[:, None] - 1)
        tokens, frames = self.token_at[chosen, None] + safe, self.frame_at[chosen, None] + safe
        judged = inside & ((offset >= start[:, None] + _CROP_LEFT) | (start[:, None] == 0))
        last = start[:, None] + crop
        judged &= (offset < last - _CROP_RIGHT) | (last >= length[:, None])
        mask = (torch.arange(self.phones.shape[1], device=chosen.device) < self.tokens[chosen, None]).float()
        speaker = self.speaker[chosen]
        return {
            "phones": self.phones[chosen],
            "stresses": self.stresses[chosen],
            "features": self.features[chosen],
            "speakers": speaker,
            "mask": mask.unsqueeze(-1),
            # The predictor learns durations at speed 1; the decoder gets the durations of the speech.
            "ln_durations": torch.log(
                (self.durations[chosen] * self.speed[chosen, None]).clamp(min=_NO_FRAMES)
            ),
            "pitch": self.pitch[chosen],
            "voicing": self.voicing[chosen],
            "energy": self.energy[chosen],
            "rows": self.token[tokens].long(),
            "positions": self.positions[tokens].float(),
            "frame_mask": inside.float().unsqueeze(-1),
            "judged": judged.float().unsqueeze(-1),
            "mel": normalise_mel(self.mel[frames].float()),
            "ln_f0": self.ln_f0[frames],
            "frame_pitch": (self.ln_f0[frames] - self.speaker_ln_f0[speaker, None]) * PITCH_SCALE,
            "voiced": self.voiced[frames].float(),
        }


def read_lessons(folder: Path, device: torch.device) -> Lessons:
    """Read everything that is aligned now."""
    per_item: dict[str, list[np.ndarray]] = {}
    flat: dict[str, list[np.ndarray]] = {}
    rows: list[tuple[int, int, int]] = []
    frames_before = token_before = 0
    fields: dict[str, list[float]] = {
        name: []
        for name in ("speed", "speaker", "held", "frame_at", "token_at", "length", "tokens", "is_piece")
    }
    for chunk in chunks_with(folder, "items"):
        speech, items = load(speech_path(folder, chunk)), load(items_path(folder, chunk))
        starts = np.cumsum(speech["frames"]) - speech["frames"]
        for name in ("mel", "ln_f0", "voiced"):
            flat.setdefault(name, []).append(speech[name])
        begin_token = begin_frame = 0
        for index, number in enumerate(items["utterance"].tolist()):
            tokens, length = int(items["tokens"][index]), int(items["length"][index])
            if tokens <= _MOST_TOKENS:
                for name in ("phones", "stresses", "features", "durations", "pitch", "voicing", "energy"):
                    values = items[name][begin_token : begin_token + tokens]
                    padding = [(0, _MOST_TOKENS - tokens)] + [(0, 0)] * (values.ndim - 1)
                    per_item.setdefault(name, []).append(np.pad(values, padding))
                for name in ("token", "positions"):
                    flat.setdefault(name, []).append(items[name][begin_frame : begin_frame + length])
                first = int(items["begin"][index])
                rows.append((chunk, number, first))
                for name, value in (
                    ("speed", speech["speed"][number]),
                    ("speaker", speech["voice"][number]),
                    ("held", speech["held_out"][number]),
                    ("frame_at", frames_before + starts[number] + first),
                    ("token_at", token_before),
                    ("length", length),
                    ("tokens", tokens),
                    ("is_piece", items["is_piece"][index]),
                ):
                    fields[name].append(float(value))
                token_before += length
            begin_token += tokens
            begin_frame += length
        frames_before += int(speech["frames"].sum())

    def whole(name: str) -> Tensor:
        return torch.tensor(fields[name], dtype=torch.float64).long().to(device)

    speaker = whole("speaker")
    table = {name: torch.from_numpy(np.concatenate(values)).to(device) for name, values in flat.items()}
    item = {name: torch.from_numpy(np.stack(values)).to(device) for name, values in per_item.items()}
    voices = int(speaker.max()) + 1
    means = torch.full((voices,), 5.2, device=device)
    real = torch.arange(_MOST_TOKENS, device=device) < whole("tokens")[:, None]
    for voice in range(voices):
        weight = item["voicing"] * real * item["durations"] * (speaker == voice)[:, None]
        if weight.sum() > 0:
            means[voice] = (item["pitch"] * weight).sum() / weight.sum() / PITCH_SCALE
    held = torch.tensor(fields["held"]).bool()
    is_piece = torch.tensor(fields["is_piece"]).bool()
    numbers = torch.arange(len(held))
    return Lessons(
        **{name: item[name] for name in ("phones", "stresses", "features", "durations", "voicing", "energy")},
        pitch=(item["pitch"] - means[speaker, None] * PITCH_SCALE) * real,
        speed=torch.tensor(fields["speed"], device=device),
        speaker=speaker,
        tokens=whole("tokens"),
        length=whole("length"),
        token_at=whole("token_at"),
        frame_at=whole("frame_at"),
        token=table["token"],
        positions=table["positions"],
        mel=table["mel"],
        ln_f0=table["ln_f0"],
        voiced=table["voiced"],
        speaker_ln_f0=means,
        train=numbers[~held].to(device),
        held=numbers[held & ~is_piece].to(device),
        where=np.array(rows),
        is_piece=np.array(fields["is_piece"]),
    )
