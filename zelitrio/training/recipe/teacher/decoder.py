"""Trains a narrower decoder to imitate the wide one (distillation).

The wide decoder's spectra are a function of its inputs, so a distance does not blur them, and no critic is
needed.  The networks before the decoder do not change: durations, pitch and voicing stay the same.
"""

from __future__ import annotations

import copy
import time
from pathlib import Path

import attrs
import torch
from torch import Tensor, nn

from zelitrio.networks import PitchedAcousticModel
from zelitrio.training.losses import masked_mean
from zelitrio.training.recipe.teacher.acoustic import guide
from zelitrio.training.recipe.teacher.graphs import follow
from zelitrio.training.recipe.teacher.lessons import Lessons, read_lessons
from zelitrio.training.recipe.teacher.narrower import narrow_acoustic
from zelitrio.training.recipe.teacher.pool import GUIDED
from zelitrio.training.recipe.teacher.timed import TimedRun, run_for


@attrs.frozen(kw_only=True)
class DecoderPlan:
    """Hyperparameters of a run."""

    batch: int = 48
    crop_frames: int = 224
    learning_rate: float = 8e-4
    fitted_batches: int = 24
    """Number of batches that decide which units the narrower decoder keeps."""
    save_s: float = 20.0
    use_graph: bool = True


@attrs.frozen(eq=False)
class Target:
    """A decoder's inputs, and the wide decoder's spectra for them."""

    rows: Tensor
    ln_f0: Tensor
    voiced: Tensor
    mel: Tensor


@torch.no_grad()
def target_of(wide: PitchedAcousticModel, batch: dict[str, Tensor]) -> Target:
    """Compute the wide decoder's inputs and spectra; pitch and energy vary as with `stability`."""
    hidden, _ = wide.encode(
        batch["phones"], batch["stresses"], batch["features"], batch["speakers"], batch["mask"]
    )
    pitch = batch["pitch"] + 0.3 * torch.randn_like(batch["pitch"])
    energy = batch["energy"] + 0.2 * torch.randn_like(batch["energy"])
    table = wide.rows(hidden, pitch, energy, batch["mask"])
    index = batch["rows"].unsqueeze(-1).expand(-1, -1, table.shape[-1])
    rows = torch.gather(table, 1, index) * batch["frame_mask"]
    about = wide.speaker_ln_f0[batch["speakers"]][:, None]
    about = about + 0.1 * torch.randn_like(about)
    frames = wide.frames(rows, batch["positions"], about, batch["frame_mask"])
    return Target(rows, frames.ln_f0, frames.voiced, frames.mel)


@attrs.define(eq=False)
class Trainer:
    """A `Student`: the narrow decoder learns from the wide model."""

    plan: DecoderPlan
    lessons: Lessons
    wide: PitchedAcousticModel
    model: PitchedAcousticModel
    averaged: PitchedAcousticModel
    optimiser: torch.optim.Optimizer
    rate: Tensor
    decay: Tensor
    loss: Tensor

    @classmethod
    def start(
        cls, plan: DecoderPlan, lessons: Lessons, wide: PitchedAcousticModel, inner: int, device: torch.device
    ) -> Trainer:
        """Start a run with a narrowed decoder; only the decoder's blocks and last layers are trained."""
        torch.manual_seed(1)
        wide = wide.to(device).eval().requires_grad_(False)

        def run() -> None:
            for _ in range(plan.fitted_batches):
                target_of(wide, draw(lessons, plan))

        model = narrow_acoustic(wide, inner, run).eval().requires_grad_(False)
        learning: list[nn.Parameter] = []
        for part in (model.decoder, model.decoder_norm, model.out):
            learning += part.requires_grad_(True).parameters()
        cuda = device.type == "cuda"
        rate = torch.tensor(plan.learning_rate, device=device)
        return cls(
            plan,
            lessons,
            wide,
            model,
            copy.deepcopy(model).requires_grad_(False),
            torch.optim.AdamW(
                learning,
                rate if cuda else plan.learning_rate,
                (0.9, 0.98),
                weight_decay=0.0,
                fused=cuda,
                capturable=cuda,
            ),
            rate,
            torch.tensor(0.9, device=device),
            torch.zeros((), device=device),
        )

    def at(self, share: float, step: int, with_critics: int) -> None:
        """See Student.at."""
        self.rate.fill_(self.plan.learning_rate * min(1.0, (step + 1) / 100) * max(0.01, 1.0 - share))
        self.decay.fill_(min(0.998, (1 + step) / (10 + step)))
        if self.rate.device.type != "cuda":
            for group in self.optimiser.param_groups:
                group["lr"] = float(self.rate)

    def step(self, *, against_critics: bool) -> None:
        """See Student.step."""
        batch = draw(self.lessons, self.plan)
        target = target_of(self.wide, batch)
        mel = self.model.decode(
            target.rows, batch["positions"], target.ln_f0, target.voiced, batch["frame_mask"]
        )
        loss = masked_mean((mel - target.mel).abs(), batch["frame_mask"])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.optimiser.param_groups[0]["params"], 1.0, foreach=True)
        self.optimiser.step()
        follow(self.averaged, self.model, self.decay)
        self.loss.copy_(loss.detach())

    def values(self) -> dict[str, float]:
        """See Student.values."""
        return {"mel": float(self.loss)}

    @torch.no_grad()
    def look(self, most: int = 96) -> dict[str, float]:
        """See Student.look: distances of the narrow decoder from the wide one, and of both from speech."""
        lessons = self.lessons
        chosen = lessons.held[:most]
        if not len(chosen):
            return {}
        batch = lessons.batch(chosen, int(lessons.length[chosen].max()), is_random=False)
        target = target_of(self.wide, batch)
        inside = batch["frame_mask"]
        both = [
            network.decode(target.rows, batch["positions"], batch["ln_f0"], batch["voiced"], inside)
            for network in (self.averaged, self.wide)
        ]
        mine = self.averaged.decode(target.rows, batch["positions"], target.ln_f0, target.voiced, inside)
        return {
            "val_mel": float(masked_mean((mine - target.mel).abs(), inside)),
            "val_recorded": float(masked_mean((both[0] - batch["mel"]).abs(), inside)),
            "val_recorded_wide": float(masked_mean((both[1] - batch["mel"]).abs(), inside)),
        }


def draw(lessons: Lessons, plan: DecoderPlan) -> dict[str, Tensor]:
    """Draw a random batch."""
    chosen = torch.randint(0, len(lessons.train), (plan.batch,), device=lessons.mel.device)
    return lessons.batch(lessons.train[chosen], plan.crop_frames)


def train(
    folder: Path,
    out: Path,
    wide: PitchedAcousticModel,
    inner: int,
    plan: DecoderPlan,
    *,
    device: str,
    deadline: float,
) -> int:
    """Train on the speech that is aligned now until `deadline`, then predict frames for the vocoder.

    Returns the number of steps.

    Args:
        folder: folder of the speech store.
        out: folder for weights and the log.
        wide: the trained model.
        inner: width of the decoder's inner layers.
        plan: the hyperparameters.
        device: of torch.
        deadline: monotonic time at which training ends.
    """
    where = torch.device(device)
    lessons = read_lessons(folder, where)
    trainer = Trainer.start(plan, lessons, wide, inner, where)
    run = TimedRun(
        trainer,
        out,
        "acoustic",
        critics_from=2.0,
        use_graph=plan.use_graph and where.type == "cuda",
        between=lambda share: None,
    )
    run.note(event="begin", items=len(lessons.train), held=len(lessons.held), **trainer.look())
    run_for(run, deadline, plan.save_s)
    began = time.monotonic()
    guide(trainer.averaged, lessons, folder / GUIDED)
    run.note(event="end", guide_s=round(time.monotonic() - began, 1))
    return run.step
