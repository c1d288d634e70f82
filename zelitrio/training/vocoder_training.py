"""Training of the vocoder: first to match recordings, then also to pass small critics.

A run is a folder with `checkpoint.pt` and `log.jsonl`; a stopped run resumes from there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from zelitrio.networks import Vocoder, VocoderConfig
from zelitrio.training.discriminators import critic_loss, maker_losses, sound_critics
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
    warm_then_fall,
)
from zelitrio.training.losses import (
    LONG_FFTS,
    PHASE_FFTS,
    SHORT_FFTS,
    in_band,
    mel_distance,
    phase_distance,
    spectral_distance,
)
from zelitrio.training.run_networks import (
    AnyVocoder,
    AnyVocoderConfig,
    stored_sizes,
    vocoder_of,
    vocoder_sizes,
)
from zelitrio.training.vocoder_data import VocoderBatch, VocoderData, judged


@attrs.frozen(kw_only=True)
class VocoderPlan:
    """Hyperparameters of a run."""

    steps: int = 12_000
    critic_channels: int = 0
    """Width of the critics; 0: no critics.  They are for a network that already matches recordings.  A step
    with 8 takes one second on two CPU cores, with 16 three seconds."""
    batch: int = 12
    learning_rate: float = 1e-3
    critic_learning_rate: float = 4e-4
    guided_share: float = 0.0
    """Share of crops with the acoustic model's frames instead of measured ones."""
    turned: float = 0.0
    """Shift from the speaker's pulses to the network's, in periods."""
    seed: int = 1
    checkpoint_s: float = 120.0
    held_out_batches: int = 4
    """Number of batches, of twelve crops each, that are measured with every checkpoint."""


@attrs.define(eq=False)
class Critics:
    """The critics (discriminators) and their optimiser."""

    networks: nn.ModuleList
    optimiser: torch.optim.Optimizer

    @classmethod
    def untaught(cls, channels: int, learning_rate: float) -> Critics:
        """Make untrained critics."""
        networks = sound_critics(channels)
        return cls(networks, torch.optim.AdamW(networks.parameters(), learning_rate, (0.8, 0.99)))

    def judge(self, made: Tensor, natural: Tensor, band_hz: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Train the critics for one step, then judge.

        Args:
            made, natural: [batch, samples] in [-1, 1].
            band_hz: [batch], the frequency above which nothing is compared.

        Returns:
            The critics' own loss; the vocoder's adversarial loss; the distance of the critics' features.
        """
        made, natural = in_band(made, band_hz), in_band(natural, band_hz)
        with torch.autocast(made.device.type, torch.bfloat16):
            wanted = [critic(natural) for critic in self.networks]
            loss = critic_loss(wanted, [critic(made.detach()) for critic in self.networks])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.networks.requires_grad_(False)
        with torch.autocast(made.device.type, torch.bfloat16):
            fooled, matched = maker_losses(wanted, [critic(made) for critic in self.networks])
        self.networks.requires_grad_(True)
        return loss, fooled, matched


@attrs.define(eq=False)
class VocoderTraining:
    """The state of one run while it trains."""

    plan: VocoderPlan
    network: AnyVocoder
    averaged: AveragedNetwork[AnyVocoder]
    optimiser: torch.optim.Optimizer
    critics: Critics | None
    step: int = 0

    @classmethod
    def start(cls, plan: VocoderPlan, config: AnyVocoderConfig | None = None) -> VocoderTraining:
        """Make the state of a new run."""
        torch.manual_seed(plan.seed)
        network = vocoder_of(config or VocoderConfig())
        return cls(
            plan,
            network,
            AveragedNetwork.of(network),
            torch.optim.AdamW(network.parameters(), plan.learning_rate, (0.8, 0.99), weight_decay=0.01),
            Critics.untaught(plan.critic_channels, plan.critic_learning_rate)
            if plan.critic_channels
            else None,
        )

    def to(self, device: torch.device | str) -> None:
        """Move every network, before the first step or `load`."""
        networks = [self.network, self.averaged.network, *([self.critics.networks] if self.critics else [])]
        for network in networks:
            network.to(device)

    def state(self) -> dict[str, Any]:
        """The state of a run for its checkpoint."""
        state = {
            **stored_sizes(self.network.config),
            "step": self.step,
            "network": self.network.state_dict(),
            "averaged": self.averaged.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        if self.critics:
            state["critics"] = self.critics.networks.state_dict()
            state["critic_optimiser"] = self.critics.optimiser.state_dict()
        return state

    def load(self, state: dict[str, Any]) -> None:
        """Restore what `state` returned."""
        self.step = state["step"]
        self.network.load_state_dict(state["network"])
        self.averaged.network.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.critics:
            self.critics.networks.load_state_dict(state["critics"])
            self.critics.optimiser.load_state_dict(state["critic_optimiser"])

    def take_step(self, batch: VocoderBatch) -> dict[str, float]:
        """Take one optimiser step, of the critics too if there are any, and return the losses."""
        seed_step(self.plan.seed, self.step)
        factor = warm_then_fall(self.step, self.plan.steps)
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.learning_rate * factor
        self.network.train()
        made = judged(make(self.network, batch))
        natural = judged(batch.pcm)
        distance, mel = self._distances(made, natural, batch.band_hz)
        phase = phase_distance(made, natural, PHASE_FFTS[self.step % len(PHASE_FFTS)])
        losses = {"stft": distance, "mel": mel, "phase": phase}
        total = distance + mel + phase
        if self.critics:
            # Half of each crop, because the critics would take most of a step's time.
            length = made.shape[1] // 2
            begin = int(torch.randint(0, made.shape[1] - length, ()))
            piece = slice(begin, begin + length)
            loss, fooled, matched = self.critics.judge(made[:, piece], natural[:, piece], batch.band_hz)
            # The critics' losses get their full weight only after 300 steps, because an untrained critic adds
            # noise.
            joined = min(1.0, max(0.0, (self.step - 100) / 200))
            total = 0.5 * distance + 3.0 * mel + 0.5 * phase + joined * (fooled + 2.0 * matched)
            losses |= {"critic": loss, "fooled": fooled, "matched": matched}
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        losses["norm"] = torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        self.averaged.update(self.network, self.step)
        self.step += 1
        return as_floats(losses)

    def _distances(self, made: Tensor, natural: Tensor, band_hz: Tensor) -> tuple[Tensor, Tensor]:
        # Two of four resolutions per step, because the STFTs' backward pass is half of a step's time on a
        # CPU.
        rng = step_generator(self.plan.seed + 1, self.step)
        ffts = (int(rng.choice(SHORT_FFTS)), int(rng.choice(LONG_FFTS)))
        return spectral_distance(made, natural, band_hz, ffts), mel_distance(made, natural, band_hz)


def make(network: AnyVocoder, batch: VocoderBatch) -> Tensor:
    """Compute the network's samples for a batch, in bfloat16 where that is faster."""
    # The older vocoder integrates the pitch itself, from the first frame's position.
    turns = batch.turns[:, 0] if isinstance(network, Vocoder) else batch.turns
    with torch.autocast(batch.mel.device.type, torch.bfloat16):
        made: Tensor = network(batch.mel, batch.ln_f0, batch.voiced, batch.mask, batch.noise_at, turns)
    return made.float()


@torch.no_grad()
def validate(network: AnyVocoder, data: VocoderData, batches: int = 4) -> dict[str, float]:
    """Compute distances on held-out crops, the same ones at every call."""
    device = next(network.parameters()).device
    sums = {"val_stft": 0.0, "val_mel": 0.0, "val_phase": 0.0}
    for index in range(batches):
        batch = on_device(data.batch(step_generator(777, index), 12, held_out=True), device)
        torch.manual_seed(index)
        made, natural = judged(make(network, batch)), judged(batch.pcm)
        ffts = (*SHORT_FFTS, *LONG_FFTS)
        sums["val_stft"] += float(spectral_distance(made, natural, batch.band_hz, ffts)) / batches
        sums["val_mel"] += float(mel_distance(made, natural, batch.band_hz)) / batches
        sums["val_phase"] += float(phase_distance(made, natural, max(PHASE_FFTS))) / batches
    return {name: round(value, 4) for name, value in sums.items()}


def train_vocoder(
    work: Path,
    run: Path,
    plan: VocoderPlan,
    *,
    init: Path | None = None,
    device: str = "cpu",
    workers: int = 0,
    watch: Watch = UNWATCHED,
) -> int:
    """Train until `plan.steps` or until `watch` stops it; resume from the run's checkpoint if there is one.

    Returns the total number of steps.

    Args:
        work: folder with `features/`.
        run: the run's own folder.
        plan: the hyperparameters.
        init: checkpoint of another run; a new run starts from its weights and sizes.
        device: torch's name of the device.
        workers: processes that prepare batches; 0: this process prepares each batch.
        watch: called after every step and checkpoint.
    """
    data = VocoderData(work, guided_share=plan.guided_share, turned=plan.turned)
    resumed, first = load_checkpoint(run / CHECKPOINT), load_checkpoint(init) if init else None
    sizes = resumed or first
    training = VocoderTraining.start(plan, vocoder_sizes(sizes) if sizes else None)
    training.to(device)
    if resumed is not None:
        training.load(resumed)
    elif first is not None:
        training.network.load_state_dict(first["averaged"])
        training.averaged = AveragedNetwork.of(training.network)
    run_steps(
        training,
        run,
        steps=plan.steps,
        checkpoint_s=plan.checkpoint_s,
        batch_at=lambda step: data.batch(step_generator(plan.seed, step), plan.batch),
        validate=lambda: validate(training.averaged.network, data, plan.held_out_batches),
        device=device,
        watch=watch,
        workers=workers,
    )
    return training.step
