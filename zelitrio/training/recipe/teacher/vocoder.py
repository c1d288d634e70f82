"""Trains the vocoder on the teacher's speech for a given time: first to match it, soon also to pass critics.

Speech, features and the choice of crops are on the device.  On a GPU a step of the vocoder and the critics is
one CUDA graph, because launching its thousands of kernels takes longer than running them.
"""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path

import attrs
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from zelitrio.networks import FineVocoder, FineVocoderConfig, normalise_mel
from zelitrio.training.discriminators import critic_loss, maker_losses, sound_critics
from zelitrio.training.features import HOP_SAMPLES
from zelitrio.training.recipe.teacher.distances import Distances
from zelitrio.training.recipe.teacher.graphs import follow, optimiser_of, set_rate
from zelitrio.training.recipe.teacher.narrower import narrow_vocoder
from zelitrio.training.recipe.teacher.pool import GUIDED, Speech
from zelitrio.training.recipe.teacher.timed import TimedRun, run_for

_BETAS = (0.8, 0.99)
REFRESH_S = 10.0
"""Seconds between two checks for new speech."""


@attrs.frozen(kw_only=True)
class VocoderPlan:
    """Hyperparameters of a run."""

    seconds: float
    batch: int = 32
    judged: int = 64
    """Frames of a crop that have losses."""
    left: int = 18
    right: int = 12
    """Frames before (`left`) and after (`right`) them, as the network's context."""
    learning_rate: float = 1e-3
    critic_learning_rate: float = 4e-4
    critic_channels: int = 16
    alone_share: float = 0.12
    """Share of the time without critics."""
    joining_steps: int = 0
    """Steps over which the critics' weight grows, because untrained critics teach nothing."""
    guided_share: float = 0.5
    fitted_batches: int = 12
    """Number of batches that decide which units a narrower network keeps."""
    most_frames: int = 3_000_000
    save_s: float = 45.0
    use_graph: bool = True
    bfloat16: bool = True


@attrs.define(eq=False)
class Trainer:
    """The state of one run while it trains, vocoder and critics; a `Student`."""

    plan: VocoderPlan
    speech: Speech
    model: FineVocoder
    averaged: FineVocoder
    critics: nn.ModuleList
    distances: Distances
    optimiser: torch.optim.Optimizer
    critic_optimiser: torch.optim.Optimizer
    rate: Tensor
    critic_rate: Tensor
    decay: Tensor
    joined: Tensor
    """Weight of the critics' losses, in 0..1."""
    losses: Tensor
    NAMES = ("stft", "mel", "phase", "critic", "fooled", "matched", "norm")

    @classmethod
    def start(cls, plan: VocoderPlan, network: FineVocoder, speech: Speech, device: torch.device) -> Trainer:
        """Start a run of a network, trained or not, with untrained critics."""
        network = network.to(device).train()
        critics = sound_critics(plan.critic_channels).to(device)
        rate, critic_rate = (
            torch.tensor(plan.learning_rate, device=device),
            torch.tensor(plan.critic_learning_rate, device=device),
        )
        return cls(
            plan,
            speech,
            network,
            copy.deepcopy(network).requires_grad_(False),
            critics,
            Distances().to(device),
            optimiser_of(network, rate, _BETAS),
            optimiser_of(critics, critic_rate, _BETAS),
            rate,
            critic_rate,
            torch.tensor(0.9, device=device),
            torch.zeros((), device=device),
            torch.zeros(len(cls.NAMES), device=device),
        )

    def step(self, *, against_critics: bool) -> None:
        """See Student.step; the losses are in `losses`."""
        plan, device = self.plan, self.rate.device
        batch = self.speech.crops(plan.batch, plan.left + plan.judged + plan.right)
        with torch.autocast(device.type, torch.bfloat16, enabled=plan.bfloat16, cache_enabled=False):
            made = self.model(
                batch["mel"],
                batch["ln_f0"],
                batch["voiced"],
                batch["mask"],
                batch["noise_at"],
                batch["turns"],
            )
        piece = slice(plan.left * HOP_SAMPLES, (plan.left + plan.judged) * HOP_SAMPLES)
        made, natural = made.float()[:, piece], batch["pcm"][:, piece]
        distances = self.distances(made, natural)
        zero = self.losses.new_zeros(())
        loss, fooled, matched = zero, zero, zero
        if against_critics:
            loss, fooled, matched = self._judge(made, natural)
            judged = self.joined * (fooled + 2.0 * matched)
            total = 0.6 * distances["stft"] + 3.0 * distances["mel"] + distances["phase"] + judged
        else:
            total = distances["stft"] + 2.0 * distances["mel"] + 2.0 * distances["phase"]
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0, foreach=True)
        self.optimiser.step()
        follow(self.averaged, self.model, self.decay)
        values = (*distances.values(), loss, fooled, matched, norm)
        self.losses.copy_(torch.stack([value.detach().float() for value in values]))

    def _judge(self, made: Tensor, natural: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        half = torch.autocast(
            made.device.type, torch.bfloat16, enabled=self.plan.bfloat16, cache_enabled=False
        )
        both = torch.cat((natural, made.detach()))
        with nn.utils.parametrize.cached(), half:
            judged = [critic(both) for critic in self.critics]
            wanted = [[features[: len(natural)] for features in one] for one in judged]
            loss = critic_loss(wanted, [[features[len(natural) :] for features in one] for one in judged])
        self.critic_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimiser.step()
        self.critics.requires_grad_(False)
        with nn.utils.parametrize.cached(), half:
            fooled, matched = maker_losses(
                [[features.detach() for features in one] for one in wanted],
                [critic(made) for critic in self.critics],
            )
        self.critics.requires_grad_(True)
        return loss, fooled, matched

    def at(self, share: float, step: int, with_critics: int) -> None:
        """See Student.at."""
        warm = min(1.0, (step + 1) / 100)
        fall = max(0.02, 1.0 - share) ** 0.8
        calm = 1.0 if share < self.plan.alone_share else 0.5
        set_rate(self.optimiser, self.rate, self.plan.learning_rate * warm * fall * calm)
        set_rate(self.critic_optimiser, self.critic_rate, self.plan.critic_learning_rate * fall)
        self.decay.fill_(min(0.999, (1 + step) / (10 + step)))
        self.joined.fill_(min(1.0, with_critics / max(1, self.plan.joining_steps)) if with_critics else 0.0)

    def values(self) -> dict[str, float]:
        """See Student.values."""
        return dict(zip(self.NAMES, self.losses.tolist(), strict=True))

    def look(self) -> dict[str, float]:
        """See Student.look: distances of the averaged network."""
        return self.look_at(self.averaged)

    @torch.no_grad()
    def look_at(self, network: FineVocoder, most: int = 32) -> dict[str, float]:
        """Compute distances of a network on held-out utterances."""
        sums: dict[str, float] = {}
        device = self.rate.device
        held = self.speech.held[:most]
        for _, parts in held:
            mel = normalise_mel(parts["mel"].float())[None].to(device)
            made = network(
                mel,
                parts["ln_f0"][None].to(device),
                parts["voiced"].float()[None].to(device),
                torch.ones(1, mel.shape[1], 1, device=device),
                torch.zeros(1, dtype=torch.int64, device=device),
                parts["turns"][None].to(device),
            )
            natural = parts["pcm"].float()[None].to(device) / 32768.0
            for name, value in self.distances(made.float(), natural).items():
                sums[f"val_{name}"] = sums.get(f"val_{name}", 0.0) + float(value) / len(held)
        return sums


def narrowed(wide: FineVocoder, sizes: FineVocoderConfig, speech: Speech, plan: VocoderPlan) -> FineVocoder:
    """Narrow a trained network to these sizes; real frames decide which units are kept."""

    def run() -> None:
        for _ in range(plan.fitted_batches):
            batch = speech.crops(plan.batch, plan.left + plan.judged + plan.right)
            wide(*(batch[name] for name in ("mel", "ln_f0", "voiced", "mask", "noise_at", "turns")))

    return narrow_vocoder(wide.eval(), sizes.inner, sizes.part_inner, run)


def train(
    folder: Path,
    out: Path,
    plan: VocoderPlan,
    *,
    config: FineVocoderConfig | None = None,
    wide: FineVocoder | None = None,
    device: str = "cuda",
    name: str = "vocoder",
    least_frames: int = 60_000,
    deadline: float | None = None,
) -> int:
    """Train until the time is over.  Returns the number of steps.

    Args:
        folder: folder of the speech store, which may still be growing.
        out: folder for weights and the log.
        plan: the hyperparameters.
        config: sizes of the network.
        wide: a trained network to narrow; None: train a new one.
        device: of torch.
        name: prefix of the files' names.
        least_frames: frames of speech that must exist before the first step.
        deadline: monotonic time at which the run ends; None: `plan.seconds` after the first step.
    """
    where = torch.device(device)
    speech = Speech(folder, plan.most_frames, where)
    while speech.known < least_frames:
        speech.refresh()
        time.sleep(0.5)
    torch.manual_seed(1)
    sizes = config or FineVocoderConfig()
    network = FineVocoder(sizes) if wide is None else narrowed(wide.to(where), sizes, speech, plan)
    trainer = Trainer.start(plan, network, speech, where)
    refreshed, has_guided = time.monotonic(), False

    def take_new_speech(share: float) -> None:
        nonlocal refreshed, has_guided
        if time.monotonic() - refreshed < REFRESH_S:
            return
        refreshed = time.monotonic()
        speech.refresh()
        if not has_guided and speech.take_guided(folder / GUIDED):
            has_guided = True
            speech.guided_share.fill_(plan.guided_share)
            run.note(event="guided")

    run = TimedRun(
        trainer,
        out,
        name,
        critics_from=plan.alone_share if plan.critic_channels else math.inf,
        use_graph=plan.use_graph and where.type == "cuda",
        between=take_new_speech,
    )
    run.note(event="begin", frames=speech.known, weights=sum(p.numel() for p in trainer.model.parameters()))
    if wide is not None:
        run.note(event="wide", **trainer.look_at(wide))
        run.note(event="narrowed", **trainer.look())
    run_for(run, deadline or time.monotonic() + plan.seconds, plan.save_s)
    run.note(event="end", frames=speech.known)
    if plan.critic_channels:
        halves = {key: value.half().contiguous() for key, value in trainer.critics.state_dict().items()}
        save_file(halves, out / f"{name}_critics.safetensors")
    return run.step
