"""Train the acoustic model on the teacher's speech for a given time; all data are on the device.

First it learns to match the speech, then also to pass a critic of mel frames.  For the predictors of
duration, pitch and energy, the best weights on held-out speech are kept, while the decoder is trained to the
end.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path

import attrs
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from zelitrio.networks import (
    VOICING_SLOPE,
    PitchedAcousticConfig,
    PitchedAcousticModel,
)
from zelitrio.training.discriminators import MelCritic, critic_loss, maker_losses
from zelitrio.training.losses import gaussian_surprise, masked_mean
from zelitrio.training.recipe.teacher.graphs import follow, optimiser_of, set_rate
from zelitrio.training.recipe.teacher.lessons import Lessons, read_lessons
from zelitrio.training.recipe.teacher.pool import GUIDED
from zelitrio.training.recipe.teacher.timed import TimedRun, run_for
from zelitrio.voices import FEATURES, PHONE_TOKENS, STRESS_TOKENS

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
    """Hyperparameters of a run."""

    seconds: float
    batch: int = 48
    crop_frames: int = 224
    learning_rate: float = 1.2e-3
    critic_learning_rate: float = 3e-4
    critic_channels: int = 32
    plain_share: float = 0.45
    """Share of the time before the critic's loss is added."""
    guide_share: float = 2.0
    """Share of the time after which frames are predicted for the vocoder; above 1: at the end only."""
    save_s: float = 45.0
    use_graph: bool = True
    bfloat16: bool = True


@attrs.frozen(eq=False)
class Outputs:
    """The model's outputs for a batch, with pitch, energy and durations given."""

    duration: Tensor
    pitch: Tensor
    energy: Tensor
    frame_pitch: Tensor
    voicing: Tensor
    mel: Tensor


def forward(
    model: PitchedAcousticModel, batch: dict[str, Tensor], *, noise: float, bfloat16: bool = True
) -> Outputs:
    """Encode and decode with the speech's durations, pitch and energy.

    Args:
        noise: standard deviation of the noise added to pitch and energy, which in serving are predicted.
    """
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
        # In serving, the contour is predicted, so it has errors.
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
    """Compute each loss, unweighted, by name.

    Means and spreads have separate losses, so that a large spread cannot excuse a wrong mean.
    """
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
    """Compute losses on held-out utterances."""
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
    """Predict mel frames for every training utterance and write them to `path`, for the vocoder."""
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
    """The state of one run while it trains; a `Student`."""

    plan: AcousticPlan
    lessons: Lessons
    model: PitchedAcousticModel
    averaged: PitchedAcousticModel
    critic: MelCritic
    optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer
    rate: Tensor
    joined: Tensor
    """Weight of the critic's loss, in 0..1."""
    decay: Tensor
    losses: dict[str, Tensor] = attrs.field(factory=dict)
    """Losses of the last step."""
    best: tuple[float, dict[str, Tensor]] | None = None
    """The predictors' lowest loss on held-out speech, and their weights at that time."""

    @classmethod
    def start(
        cls, plan: AcousticPlan, lessons: Lessons, config: PitchedAcousticConfig, device: torch.device
    ) -> Trainer:
        """Start a run with untrained networks."""
        torch.manual_seed(1)
        model = PitchedAcousticModel(config).to(device)
        model.speaker_ln_f0.copy_(lessons.speaker_ln_f0)
        critic = MelCritic(config.mels, config.speakers, plan.critic_channels).to(device)
        rate = torch.tensor(plan.learning_rate, device=device)
        return cls(
            plan,
            lessons,
            model,
            copy.deepcopy(model).eval().requires_grad_(False),
            critic,
            optimiser_of(model, rate, (0.9, 0.98)),
            optimiser_of(critic, torch.tensor(plan.critic_learning_rate, device=device), (0.8, 0.99)),
            rate,
            torch.zeros((), device=device),
            torch.tensor(0.9, device=device),
        )

    def at(self, share: float, step: int, with_critics: int) -> None:
        """See Student.at; the critic's weight grows."""
        joined = min(1.0, max(0.0, (with_critics - 200) / 300))
        rise = min(1.0, (step + 1) / 200)
        fall = max(0.01, 0.5 * (1.0 + math.cos(math.pi * share)))
        set_rate(self.optimiser, self.rate, self.plan.learning_rate * rise * fall)
        self.joined.fill_(joined)
        self.decay.fill_(min(0.999, (1 + step) / (10 + step)))

    def values(self) -> dict[str, float]:
        """See Student.values."""
        return {name: float(loss) for name, loss in self.losses.items()}

    def look(self) -> dict[str, float]:
        """See Student.look; stores the predictors' weights if their loss is the lowest yet."""
        found = validate(self.averaged, self.lessons)
        score = found.get("val_duration", 0.0) + 0.2 * found.get("val_pitch", 0.0)
        if self.best is None or score < self.best[0]:
            kept = {
                key: value.detach().clone()
                for key, value in self.averaged.state_dict().items()
                if key.split(".")[0] in ("duration", "pitch", "energy")
            }
            self.best = (score, kept)
        return {"best": self.best[0], **found}

    def step(self, *, against_critics: bool) -> None:
        """See Student.step."""
        plan, lessons = self.plan, self.lessons
        device = lessons.mel.device
        chosen = lessons.train[torch.randint(0, len(lessons.train), (plan.batch,), device=device)]
        batch = lessons.batch(chosen, plan.crop_frames)
        outputs = forward(self.model, batch, noise=0.1, bfloat16=plan.bfloat16)
        losses = losses_of(outputs, batch)
        total = sum((LOSS_WEIGHTS[name] * loss for name, loss in losses.items()), self.joined * 0.0)
        if against_critics:
            fooled, matched = self._judge(outputs, batch, losses)
            total = total + self.joined * (_FOOLED * fooled + _MATCHED * matched)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0, foreach=True)
        self.optimiser.step()
        follow(self.averaged, self.model, self.decay)
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
    """Train on the speech that is aligned now, until the time is over.  Returns the number of steps.

    Args:
        folder: folder of the speech store.
        out: folder for weights and the log.
        plan: the hyperparameters.
        config: makes the network's sizes for a number of speakers; None: the default sizes.
        device: of torch.
        name: prefix of the files' names.
        deadline: monotonic time at which the run ends; None: `plan.seconds` after the first step.
    """
    where = torch.device(device)
    lessons = read_lessons(folder, where)
    sizes = config or (
        lambda speakers: PitchedAcousticConfig(
            phones=PHONE_TOKENS, stresses=STRESS_TOKENS, features=FEATURES, speakers=speakers
        )
    )
    trainer = Trainer.start(plan, lessons, sizes(len(lessons.speaker_ln_f0)), where)
    trainer.model.train()
    is_guided = False

    def guide_once(share: float) -> None:
        nonlocal is_guided
        if not is_guided and share >= plan.guide_share:
            is_guided, began = True, time.monotonic()
            guide(trainer.averaged, lessons, folder / GUIDED)
            run.note(event="guided", seconds=round(time.monotonic() - began, 1))

    run = TimedRun(
        trainer,
        out,
        name,
        critics_from=plan.plain_share,
        use_graph=plan.use_graph and where.type == "cuda",
        between=guide_once,
    )
    run.note(
        event="begin",
        items=len(lessons.train),
        held=len(lessons.held),
        frames=len(lessons.mel),
        ln_f0=[round(value, 3) for value in lessons.speaker_ln_f0.tolist()],
        weights=sum(p.numel() for p in trainer.model.parameters()),
    )
    run_for(run, deadline or time.monotonic() + plan.seconds, plan.save_s)
    if trainer.best is not None:
        save_file(
            {key: value.half().contiguous() for key, value in trainer.best[1].items()},
            out / f"{name}_predictors.safetensors",
        )
    guide_once(plan.guide_share)
    run.note(event="end")
    return run.step
