"""Train the acoustic model on the teacher's speech, all of it on the device, for a given time.

First against recordings, then also against a critic of mel frames.  The predictors of duration, pitch and
energy are kept at their best look at held-out speech while the decoder goes on.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import orjson
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from zelitrio.networks import PITCH_SCALE, normalise_mel
from zelitrio.networks.pitched_acoustic import VOICING_SLOPE, PitchedAcousticConfig, PitchedAcousticModel
from zelitrio.training.discriminators import MelCritic, critic_loss, maker_losses
from zelitrio.training.losses import gaussian_surprise, masked_mean
from zelitrio.training.teacher.store import chunks_with, items_path, load, speech_path
from zelitrio.training.teacher.vocoder import GUIDED, captured
from zelitrio.voices import FEATURES, PHONE_TOKENS, STRESS_TOKENS

_MOST_TOKENS = 192
_NO_FRAMES = 0.3
"""What a duration of zero frames counts as under the logarithm."""
_CROP_LEFT, _CROP_RIGHT = 20, 10
"""Frames at a crop's edges that are decoded but not judged."""
LOSS_WEIGHTS = {
    "mel": 1.0,
    "duration": 0.3,
    "pitch": 0.06,
    "energy": 0.15,
    "frame_pitch": 0.3,
    "voicing": 0.2,
    "duration_spread": 0.03,
    "pitch_spread": 0.03,
    "energy_spread": 0.03,
}
_FOOLED, _MATCHED = 0.25, 0.5


@attrs.frozen(kw_only=True)
class AcousticPlan:
    """How long and how hard."""

    seconds: float
    batch: int = 48
    crop_frames: int = 224
    learning_rate: float = 1.2e-3
    critic_learning_rate: float = 3e-4
    critic_channels: int = 32
    plain_share: float = 0.45
    """Share of the time before the critic joins in."""
    guide_share: float = 2.0
    """Share of the time after which frames are predicted for the vocoder; above 1: at the end."""
    save_s: float = 45.0
    use_graph: bool = True
    bfloat16: bool = True


@attrs.frozen(eq=False)
class Lessons:
    """All items on the device: tokens padded, frames flat."""

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
        """Items by number, their frames cropped."""
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
            # What is predicted is the duration at speed 1; what is decoded is as it was said.
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
    """Everything that is aligned by now."""
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


@attrs.frozen(eq=False)
class Outputs:
    """What the model makes of a batch when pitch, energy and durations are given."""

    duration: Tensor
    pitch: Tensor
    energy: Tensor
    frame_pitch: Tensor
    voicing: Tensor
    mel: Tensor


def forward(
    model: PitchedAcousticModel, batch: dict[str, Tensor], *, noise: float, bfloat16: bool = True
) -> Outputs:
    """Encode, and decode with the recording's durations, pitch and energy, a little noise on both."""
    device = batch["mel"].device.type
    pitch = batch["pitch"] + noise * torch.randn_like(batch["pitch"])
    energy = batch["energy"] + noise * torch.randn_like(batch["energy"])
    with torch.autocast(device, torch.bfloat16, enabled=bfloat16, cache_enabled=False):
        hidden, prosody = model.encode(
            batch["phones"], batch["stresses"], batch["features"], batch["speakers"], batch["mask"]
        )
        table = model.rows(hidden, pitch, energy, batch["mask"])
        index = batch["rows"].unsqueeze(-1).expand(-1, -1, table.shape[-1])
        rows = torch.gather(table, 1, index) * batch["frame_mask"]
        frame_pitch, voicing = model.draw(rows, batch["positions"], batch["frame_mask"])
        # The contour that will be given is predicted, and not exact.
        ln_f0 = batch["ln_f0"] + 0.1 * noise * torch.randn_like(batch["ln_f0"][:, :1])
        mel = model.decode(rows, batch["positions"], ln_f0, batch["voiced"], batch["frame_mask"])
    return Outputs(
        prosody.duration.float(),
        prosody.pitch.float(),
        prosody.energy.float(),
        frame_pitch.float(),
        voicing.float(),
        mel.float(),
    )


def losses_of(outputs: Outputs, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """Each loss by name, unweighted; means and spreads are taught apart, so spreads hide no errors."""
    real = batch["mask"][..., 0]
    judged = batch["judged"] * batch["frame_mask"]
    tuneful = real * (0.1 + 0.9 * batch["voicing"])
    result: dict[str, Tensor] = {}
    for name, predicted, target, weight in (
        ("duration", outputs.duration, batch["ln_durations"], real),
        ("pitch", outputs.pitch, batch["pitch"], tuneful),
        ("energy", outputs.energy, batch["energy"], real),
    ):
        result[name] = masked_mean((predicted[..., 0] - target).square(), weight)
        apart = torch.stack((predicted[..., 0].detach(), predicted[..., 1]), -1)
        result[f"{name}_spread"] = gaussian_surprise(apart, target, weight)
    result["mel"] = masked_mean((outputs.mel - batch["mel"]).abs(), judged)
    sung = judged[..., 0] * (0.05 + 0.95 * batch["voiced"])
    result["frame_pitch"] = masked_mean((outputs.frame_pitch - batch["frame_pitch"]).abs(), sung)
    crossed = F.binary_cross_entropy_with_logits(
        VOICING_SLOPE * outputs.voicing, batch["voiced"], reduction="none"
    )
    result["voicing"] = masked_mean(crossed, judged[..., 0])
    return result


@torch.no_grad()
def validate(model: PitchedAcousticModel, lessons: Lessons, most: int = 96) -> dict[str, float]:
    """Losses on held-out utterances."""
    chosen = lessons.held[:most]
    if not len(chosen):
        return {}
    batch = lessons.batch(chosen, int(lessons.length[chosen].max()), is_random=False)
    return {
        f"val_{name}": float(loss)
        for name, loss in losses_of(forward(model, batch, noise=0.0, bfloat16=False), batch).items()
    }


@torch.no_grad()
def guide(model: PitchedAcousticModel, lessons: Lessons, path: Path) -> None:
    """Predict the mel of every whole training item, for the vocoder to learn from."""
    whole = [number for number in lessons.train.tolist() if not lessons.is_piece[number]]
    mels, where = [], []
    all_lengths = lessons.length.tolist()
    order = sorted(whole, key=lambda number: int(all_lengths[number]))
    for begin in range(0, len(order), 64):
        chosen = torch.tensor(order[begin : begin + 64], device=lessons.mel.device)
        lengths = lessons.length[chosen].tolist()
        batch = lessons.batch(chosen, max(lengths), is_random=False)
        mel = forward(model, batch, noise=0.0).mel * 2.2 - 4.5
        host = mel.clamp(min=math.log(1e-4)).half().cpu().numpy()
        for row, (number, length) in enumerate(zip(chosen.tolist(), lengths, strict=True)):
            mels.append(host[row, :length])
            where.append((*lessons.where[number].tolist(), length))
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, mel=np.concatenate(mels), where=np.array(where))
    partial.replace(path)


@attrs.define(eq=False)
class Trainer:
    """The live state of one run."""

    plan: AcousticPlan
    lessons: Lessons
    model: PitchedAcousticModel
    averaged: PitchedAcousticModel
    critic: MelCritic
    optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer
    rate: Tensor
    joined: Tensor
    """How much the critic counts."""
    decay: Tensor
    losses: dict[str, Tensor] = attrs.field(factory=dict)
    """Of the last step."""

    @classmethod
    def start(
        cls, plan: AcousticPlan, lessons: Lessons, config: PitchedAcousticConfig, device: torch.device
    ) -> Trainer:
        """Fresh networks."""
        torch.manual_seed(1)
        model = PitchedAcousticModel(config).to(device)
        model.speaker_ln_f0.copy_(lessons.speaker_ln_f0)
        critic = MelCritic(config.mels, config.speakers, plan.critic_channels).to(device)
        cuda = device.type == "cuda"
        rate = torch.tensor(plan.learning_rate, device=device)
        options = {"fused": cuda, "capturable": cuda}
        return cls(
            plan,
            lessons,
            model,
            copy.deepcopy(model).eval().requires_grad_(False),
            critic,
            torch.optim.AdamW(
                model.parameters(),
                rate if cuda else plan.learning_rate,
                (0.9, 0.98),
                weight_decay=0.01,
                **options,
            ),
            torch.optim.AdamW(critic.parameters(), plan.critic_learning_rate, (0.8, 0.99), **options),
            rate,
            torch.zeros((), device=device),
            torch.tensor(0.9, device=device),
        )

    def at(self, share: float, step: int, joined: float) -> None:
        """Set rates for a share of the time that has passed."""
        rise = min(1.0, (step + 1) / 200)
        self.rate.fill_(self.plan.learning_rate * rise * max(0.01, 0.5 * (1.0 + math.cos(math.pi * share))))
        self.joined.fill_(joined)
        self.decay.fill_(min(0.999, (1 + step) / (10 + step)))
        if self.rate.device.type != "cuda":
            for group in self.optimiser.param_groups:
                group["lr"] = float(self.rate)

    def step(self, *, against_critic: bool) -> None:
        """One step; losses are left in `losses`.  Waits for nothing and has fixed shapes."""
        plan, lessons = self.plan, self.lessons
        device = lessons.mel.device
        chosen = lessons.train[torch.randint(0, len(lessons.train), (plan.batch,), device=device)]
        batch = lessons.batch(chosen, plan.crop_frames)
        outputs = forward(self.model, batch, noise=0.1, bfloat16=plan.bfloat16)
        losses = losses_of(outputs, batch)
        total = sum((LOSS_WEIGHTS[name] * loss for name, loss in losses.items()), self.joined * 0.0)
        if against_critic:
            fooled, matched = self._judge(outputs, batch, losses)
            total = total + self.joined * (_FOOLED * fooled + _MATCHED * matched)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0, foreach=True)
        self.optimiser.step()
        with torch.no_grad():
            means, now = list(self.averaged.parameters()), [part.detach() for part in self.model.parameters()]
            torch._foreach_mul_(means, self.decay)
            torch._foreach_add_(means, torch._foreach_mul(now, 1.0 - self.decay))
        self.losses = {name: loss.detach() for name, loss in losses.items()}

    def _judge(
        self, outputs: Outputs, batch: dict[str, Tensor], losses: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        seen = batch["judged"] * batch["frame_mask"]
        made, natural = outputs.mel * seen, batch["mel"] * seen
        speakers = batch["speakers"]
        half = torch.autocast(
            made.device.type, torch.bfloat16, enabled=self.plan.bfloat16, cache_enabled=False
        )
        with half:
            wanted = self.critic(natural, speakers)
            loss = critic_loss(wanted, self.critic(made.detach(), speakers))
        self.critic_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimiser.step()
        with half:
            fooled, matched = maker_losses(wanted, self.critic(made, speakers))
        losses |= {"critic": loss, "fooled": fooled, "matched": matched}
        return fooled, matched


def train(
    folder: Path,
    out: Path,
    plan: AcousticPlan,
    *,
    config: Callable[[int], PitchedAcousticConfig] | None = None,
    device: str = "cuda",
    name: str = "acoustic",
    deadline: float | None = None,
) -> int:
    """Train on what is aligned now until the time is over; weights and the log are left in `out`.

    Args:
        folder: of the speech store.
        out: where weights and the log go.
        plan: how hard.
        config: sizes for a number of speakers.
        device: of torch.
        name: of the files.
        deadline: monotonic time at which it ends, instead of `plan.seconds` after the first step.
    """
    where = torch.device(device)
    log = (out / f"{name}.jsonl").open("ab")

    def note(**row: object) -> None:
        log.write(orjson.dumps({**row, "at": round(time.time(), 1)}) + b"\n")
        log.flush()

    lessons = read_lessons(folder, where)
    sizes = config or (
        lambda speakers: PitchedAcousticConfig(
            phones=PHONE_TOKENS, stresses=STRESS_TOKENS, features=FEATURES, speakers=speakers
        )
    )
    trainer = Trainer.start(plan, lessons, sizes(len(lessons.speaker_ln_f0)), where)
    note(
        event="begin",
        items=len(lessons.train),
        held=len(lessons.held),
        frames=len(lessons.mel),
        ln_f0=[round(value, 3) for value in lessons.speaker_ln_f0.tolist()],
        weights=sum(p.numel() for p in trainer.model.parameters()),
    )
    began = time.monotonic()
    ends = deadline or began + plan.seconds
    step, joined_at, saved, is_guided = 0, None, began, False
    noted = (began, 0)
    best: tuple[float, dict[str, Tensor]] | None = None

    def save() -> None:
        nonlocal best
        values = validate(trainer.averaged, lessons)
        score = values.get("val_duration", 0.0) + 0.2 * values.get("val_pitch", 0.0)
        if best is None or score < best[0]:
            kept = {
                key: value.detach().clone()
                for key, value in trainer.averaged.state_dict().items()
                if key.split(".")[0] in ("duration", "pitch", "energy")
            }
            best = (score, kept)
        weights = {
            key: value.detach().half().contiguous() for key, value in trainer.averaged.state_dict().items()
        }
        partial = out / f"{name}.partial"
        facts = {"config": orjson.dumps(attrs.asdict(trainer.model.config)).decode(), "step": str(step)}
        save_file(weights, partial, facts)
        partial.replace(out / f"{name}.safetensors")
        note(
            event="saved",
            step=step,
            best=round(best[0], 4),
            **{key: round(value, 4) for key, value in values.items()},
        )

    alone: Callable[[], None] = lambda: trainer.step(against_critic=False)  # noqa: E731
    against: Callable[[], None] = lambda: trainer.step(against_critic=True)  # noqa: E731
    trainer.model.train()
    trainer.at(0.0, 0, 0.0)
    is_captured = plan.use_graph and where.type == "cuda"
    run = captured(alone, note) if is_captured else alone
    while (now := time.monotonic()) < ends:
        share = (now - began) / (ends - began)
        if joined_at is None and share >= plan.plain_share:
            joined_at = step
            run = captured(against, note) if is_captured else against
        joined = 0.0 if joined_at is None else min(1.0, max(0.0, (step - joined_at - 200) / 300))
        trainer.at(share, step, joined)
        run()
        step += 1
        if step % 100 == 0 or (where.type == "cpu" and step % 20 == 0):
            spent = (time.monotonic() - noted[0]) / (step - noted[1])
            noted = (time.monotonic(), step)
            losses = {name: round(float(loss), 4) for name, loss in trainer.losses.items()}
            note(step=step, share=round(share, 3), step_ms=round(1000 * spent, 2), **losses)
            if not math.isfinite(losses["mel"]):
                note(event="not finite: taken back")
                trainer.model.load_state_dict(trainer.averaged.state_dict())
        if not is_guided and share >= plan.guide_share:
            is_guided = True
            guide(trainer.averaged, lessons, folder / GUIDED)
            note(event="guided", step=step, seconds=round(time.monotonic() - now, 1))
        if now - saved > plan.save_s:
            saved = now
            save()
    save()
    if best is not None:
        save_file(
            {key: value.half().contiguous() for key, value in best[1].items()},
            out / f"{name}_predictors.safetensors",
        )
    if not is_guided:
        guide(trainer.averaged, lessons, folder / GUIDED)
    note(event="end", step=step)
    return step
