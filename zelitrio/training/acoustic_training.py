"""Training of the acoustic model: durations, pitch and energy per phone, and mel frames.

First the model learns to match recordings.  Then it also learns to pass a critic (a discriminator), because a
distance alone teaches the mean of all ways to say a sound, which is duller than each of them.

A run is a folder with `checkpoint.pt` and `log.jsonl`; a stopped run resumes from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import torch
import torch.nn.functional as F
from torch import Tensor

from zelitrio.networks import VOICING_SLOPE, AcousticConfig, AcousticModel
from zelitrio.training.acoustic_data import AcousticBatch, AcousticData, collate
from zelitrio.training.discriminators import MelCritic, critic_loss, maker_losses
from zelitrio.training.loop import (
    CHECKPOINT,
    UNWATCHED,
    AveragedNetwork,
    Watch,
    as_floats,
    load_checkpoint,
    on_device,
    run_steps,
    seed_step,
    step_generator,
    warm_then_cosine,
)
from zelitrio.training.losses import band_of_mels, gaussian_surprise, masked_mean
from zelitrio.training.run_networks import (
    AnyAcoustic,
    AnyAcousticConfig,
    acoustic_of,
    acoustic_sizes,
    stored_sizes,
)
from zelitrio.voices import FEATURES, PHONE_TOKENS, STRESS_TOKENS


@attrs.frozen(kw_only=True)
class AcousticPlan:
    """Hyperparameters of a run."""

    steps: int = 10_000
    batch: int = 16
    crop_frames: int = 200
    learning_rate: float = 1.2e-3
    plain_share: float = 0.6
    """Share of the steps before the critic's loss is added; 1: it is never added."""
    critic_learning_rate: float = 2e-4
    seed: int = 1
    checkpoint_s: float = 120.0

    @property
    def critic_from(self) -> int:
        """The first step with the critic's loss."""
        return round(self.plain_share * self.steps)


@attrs.frozen(eq=False)
class Outputs:
    """The model's outputs for a batch, with pitch, energy and durations given."""

    duration: Tensor  # [batch, n, 2]
    pitch: Tensor  # [batch, n, 2]
    energy: Tensor  # [batch, n, 2]
    mel: Tensor  # [batch, t, mels]
    frame_pitch: Tensor  # [batch, t]
    voicing: Tensor  # [batch, t] logits


def forward(model: AnyAcoustic, batch: AcousticBatch, pitch: Tensor, energy: Tensor) -> Outputs:
    """Encode and decode with the recordings' durations and the given pitch and energy.

    A model with a contour step predicts the contour, but decodes with the recordings' contour.
    """
    with torch.autocast(batch.mel.device.type, torch.bfloat16):
        hidden, prosody = model.encode(
            batch.phones, batch.stresses, batch.features, batch.speakers, batch.mask
        )
        rows = model.rows(hidden, pitch, energy, batch.mask)
        index = batch.rows.unsqueeze(-1).expand(-1, -1, rows.shape[-1])
        spread = torch.gather(rows, 1, index) * batch.frame_mask
        if isinstance(model, AcousticModel):
            frames = model.decode(spread, batch.positions, batch.frame_mask)
            mel, frame_pitch, voicing = frames[..., :-2], frames[..., -2], frames[..., -1]
        else:
            frame_pitch, voicing = model.draw(spread, batch.positions, batch.frame_mask)
            mel = model.decode(spread, batch.positions, batch.ln_f0, batch.voiced, batch.frame_mask)
    return Outputs(
        prosody.duration.float(),
        prosody.pitch.float(),
        prosody.energy.float(),
        mel.float(),
        frame_pitch.float(),
        voicing.float(),
    )


def losses_of(outputs: Outputs, batch: AcousticBatch) -> dict[str, Tensor]:
    """Compute each unweighted loss by name.

    Means and spreads have separate losses, so that a large spread cannot excuse a wrong mean.
    """
    real = batch.mask[..., 0]
    judged = batch.judged * batch.frame_mask
    # An unvoiced phone's pitch is interpolated between its neighbours, so it counts little.
    tuneful = real * (0.1 + 0.9 * batch.voicing)
    result: dict[str, Tensor] = {}
    for name, predicted, target, weight in (
        ("duration", outputs.duration, batch.ln_durations, real),
        ("pitch", outputs.pitch, batch.pitch, tuneful),
        ("energy", outputs.energy, batch.energy, real),
    ):
        result[name] = masked_mean((predicted[..., 0] - target).square(), weight)
        apart = torch.stack((predicted[..., 0].detach(), predicted[..., 1]), -1)
        result[f"{name}_spread"] = gaussian_surprise(apart, target, weight)
    band = band_of_mels(batch.band_hz).transpose(1, 2)  # [batch, 1, mels]
    result["mel"] = masked_mean((outputs.mel - batch.mel).abs(), judged * band)
    sung = judged[..., 0] * (0.05 + 0.95 * batch.voiced)
    result["frame_pitch"] = masked_mean((outputs.frame_pitch - batch.frame_pitch).abs(), sung)
    # Serving uses the sigmoid of a steeper logit, so the loss does too.
    result["voicing"] = masked_mean(
        F.binary_cross_entropy_with_logits(VOICING_SLOPE * outputs.voicing, batch.voiced, reduction="none"),
        judged[..., 0],
    )
    return result


LOSS_WEIGHTS = {
    "mel": 1.0,
    "duration": 0.3,
    "pitch": 0.06,
    "energy": 0.15,
    "frame_pitch": 0.2,
    "voicing": 0.2,
    "duration_spread": 0.03,
    "pitch_spread": 0.03,
    "energy_spread": 0.03,
}
FOOLED_WEIGHT, MATCHED_WEIGHT = 0.25, 0.3
CRITIC_FRAMES = 100
"""Judged frames of each crop; all of them would take half of a step's time."""


@attrs.define(eq=False)
class AcousticTraining:
    """The state of one run while it trains."""

    plan: AcousticPlan
    model: AnyAcoustic
    averaged: AveragedNetwork[AnyAcoustic]
    optimiser: torch.optim.Optimizer
    speakers: tuple[str, ...]
    critic: MelCritic
    critic_optimiser: torch.optim.Optimizer
    step: int = 0

    @classmethod
    def start(
        cls,
        plan: AcousticPlan,
        speakers: Sequence[str],
        ln_f0: Sequence[float],
        config: AnyAcousticConfig | None = None,
    ) -> AcousticTraining:
        """Make the state of a new run."""
        torch.manual_seed(plan.seed)
        config = config or AcousticConfig(
            phones=PHONE_TOKENS, stresses=STRESS_TOKENS, features=FEATURES, speakers=len(speakers)
        )
        model = acoustic_of(config)
        model.get_buffer("speaker_ln_f0").copy_(torch.tensor(list(ln_f0)))
        optimiser = torch.optim.AdamW(model.parameters(), plan.learning_rate, (0.9, 0.98), weight_decay=0.01)
        critic = MelCritic(config.mels, config.speakers)
        critic_optimiser = torch.optim.AdamW(critic.parameters(), plan.critic_learning_rate, (0.8, 0.99))
        return cls(
            plan, model, AveragedNetwork.of(model), optimiser, tuple(speakers), critic, critic_optimiser
        )

    def state(self) -> dict[str, Any]:
        """The state of a run for its checkpoint."""
        return {
            **stored_sizes(self.model.config),
            "speakers": list(self.speakers),
            "step": self.step,
            "model": self.model.state_dict(),
            "averaged": self.averaged.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "critic": self.critic.state_dict(),
            "critic_optimiser": self.critic_optimiser.state_dict(),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self.step = state["step"]
        self.model.load_state_dict(state["model"])
        self.averaged.network.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.critic.load_state_dict(state["critic"])
        self.critic_optimiser.load_state_dict(state["critic_optimiser"])

    def take_step(self, batch: AcousticBatch) -> dict[str, float]:
        """Take one optimiser step and return the losses; waits for the device."""
        seed_step(self.plan.seed, self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.learning_rate * warm_then_cosine(self.step, self.plan.steps)
        self.model.train()
        # Noise, because in serving pitch and energy are predictions with errors.
        pitch = batch.pitch + 0.1 * torch.randn_like(batch.pitch)
        energy = batch.energy + 0.1 * torch.randn_like(batch.energy)
        outputs = forward(self.model, batch, pitch, energy)
        losses = losses_of(outputs, batch)
        total = sum((LOSS_WEIGHTS[name] * loss for name, loss in losses.items()), torch.zeros(()))
        if self.step >= self.plan.critic_from:
            fooled, matched = self._judge(outputs, batch, losses)
            total = total + FOOLED_WEIGHT * fooled + MATCHED_WEIGHT * matched
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        losses["norm"] = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.averaged.update(self.model, self.step)
        self.step += 1
        return as_floats(losses)

    def _judge(
        self, outputs: Outputs, batch: AcousticBatch, losses: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Train the critic for one step.  Returns the model's adversarial loss and its feature distance."""
        seen = batch.judged * batch.frame_mask * band_of_mels(batch.band_hz).transpose(1, 2)
        begin = int(torch.randint(0, max(1, seen.shape[1] - CRITIC_FRAMES), ()))
        piece = slice(begin, begin + CRITIC_FRAMES)
        made, natural = ((mel * seen)[:, piece] for mel in (outputs.mel, batch.mel))
        with torch.autocast(batch.mel.device.type, torch.bfloat16):
            wanted = self.critic(natural, batch.speakers)
            loss = critic_loss(wanted, self.critic(made.detach(), batch.speakers))
        self.critic_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimiser.step()
        with torch.autocast(batch.mel.device.type, torch.bfloat16):
            fooled, matched = maker_losses(wanted, self.critic(made, batch.speakers))
        losses |= {"critic": loss, "fooled": fooled, "matched": matched}
        # For some hundred steps the critic's loss hardly counts, because an untrained critic only adds noise.
        joined = min(1.0, max(0.0, (self.step - self.plan.critic_from - 100) / 300))
        return joined * fooled, joined * matched


@torch.no_grad()
def validate(model: AnyAcoustic, data: AcousticData, batch: int = 12, limit: int = 120) -> dict[str, float]:
    """Compute losses on held-out recordings, the same ones at every call."""
    device = next(model.parameters()).device
    items = data.held_items()
    items = sorted(items[:: max(1, len(items) // limit)], key=lambda item: len(item.mel))
    sums: dict[str, float] = {}
    groups = [items[start : start + batch] for start in range(0, len(items), batch)]
    for number, group in enumerate(groups):
        collated = on_device(collate(group, 2_000, step_generator(777, number)), device)
        losses = losses_of(forward(model, collated, collated.pitch, collated.energy), collated)
        for name, loss in losses.items():
            sums[f"val_{name}"] = sums.get(f"val_{name}", 0.0) + float(loss) / len(groups)
    return {name: round(value, 4) for name, value in sums.items()}


def train_acoustic(
    work: Path,
    run: Path,
    speakers: Sequence[str],
    plan: AcousticPlan,
    *,
    init: Path | None = None,
    device: str = "cpu",
    workers: int = 0,
    watch: Watch = UNWATCHED,
    report: Callable[[str], None] = print,
) -> int:
    """Train until `plan.steps` or until `watch` stops it; resume from the run's checkpoint if there is one.

    Returns the total number of steps.

    Args:
        work: folder with `features/` and `align/`.
        run: the run's own folder.
        speakers: in the order of their numbers in the model.
        plan: the hyperparameters.
        init: checkpoint of another run; a new run starts from its averaged weights and sizes.
        device: torch's name of the device.
        workers: processes that prepare batches; 0: this process prepares each batch.
        watch: called after every step and checkpoint.
        report: called with a line about each omitted recording.
    """
    data = AcousticData(work, speakers, report)
    resumed, first = load_checkpoint(run / CHECKPOINT), load_checkpoint(init) if init else None
    sizes = resumed or first
    config = acoustic_sizes(sizes) if sizes else None
    training = AcousticTraining.start(plan, speakers, data.ln_f0, config)
    for network in (training.model, training.averaged.network, training.critic):
        network.to(device)
    if resumed is not None:
        training.load(resumed)
    elif first is not None:
        training.model.load_state_dict(first["averaged"])
        training.averaged = AveragedNetwork.of(training.model)
    # Recordings may have been added since the checkpoint was written.
    for model in (training.model, training.averaged.network):
        model.get_buffer("speaker_ln_f0").copy_(torch.tensor(data.ln_f0))

    def batch_at(step: int) -> AcousticBatch:
        rng = step_generator(plan.seed, step)
        return collate(data.items(rng, plan.batch), plan.crop_frames, rng)

    run_steps(
        training,
        run,
        steps=plan.steps,
        checkpoint_s=plan.checkpoint_s,
        batch_at=batch_at,
        validate=lambda: validate(training.averaged.network, data),
        device=device,
        watch=watch,
        workers=workers,
    )
    return training.step
