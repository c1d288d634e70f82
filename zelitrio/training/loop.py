"""The training loop: steps, checkpoints, averaged weights, and a log of JSON lines.

All randomness of a step comes from its number (`step_generator`, `seed_step`).  So a resumed run takes the
same steps as an uninterrupted one, and no generator state is stored.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import attrs
import numpy as np
import orjson
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from zelitrio.training.whole_file import whole_file

N = TypeVar("N", bound=nn.Module)
B = TypeVar("B", bound=attrs.AttrsInstance)
B_contra = TypeVar("B_contra", bound=attrs.AttrsInstance, contravariant=True)
CHECKPOINT = "checkpoint.pt"
LOG = "log.jsonl"


def step_generator(seed: int, step: int) -> np.random.Generator:
    """Make the random generator that chooses a step's batch."""
    return np.random.default_rng([seed, step])


def seed_step(seed: int, step: int) -> None:
    """Seed torch's randomness (dropout, noise) from the step's number."""
    torch.manual_seed(seed * 1_000_003 + step)


def warm_then_fall(step: int, total: int, warm: int = 100, power: float = 0.7) -> float:
    """Learning rate factor: a linear rise over `warm` steps, then (1 - t) ** power to nearly zero."""
    if step < warm:
        return (step + 1) / warm
    t = min(1.0, (step - warm) / max(1, total - warm))
    return float(max(0.01, (1.0 - t) ** power))


def warm_then_cosine(step: int, total: int, warm: int = 100) -> float:
    """Learning rate factor: a linear rise over `warm` steps, then half a cosine to nearly zero."""
    if step < warm:
        return (step + 1) / warm
    t = min(1.0, (step - warm) / max(1, total - warm))
    return max(0.01, 0.5 * (1.0 + math.cos(math.pi * t)))


@attrs.define(eq=False)
class AveragedNetwork(Generic[N]):
    """The exponential moving average of a network's weights, which has less noise and is exported."""

    network: N
    """A copy of the network with the averaged weights."""
    decay: float = 0.999

    @classmethod
    def of(cls, network: N, decay: float = 0.999) -> AveragedNetwork[N]:
        """Start with the network's present weights."""
        return cls(copy.deepcopy(network).eval().requires_grad_(False), decay)

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move the average towards the network's weights, faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mean, now in zip(self.network.parameters(), network.parameters(), strict=True):
            mean.lerp_(now, 1.0 - decay)
        for kept, fresh in zip(self.network.buffers(), network.buffers(), strict=True):
            kept.copy_(fresh)


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint atomically."""
    with whole_file(path) as partial:
        torch.save(state, partial)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read the state of `save_checkpoint`, if the file exists."""
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


@attrs.define(eq=False)
class Log:
    """Writes losses as JSON lines, averaged over the steps between two lines."""

    path: Path
    every_steps: int = 20
    _sums: dict[str, float] = attrs.field(factory=dict, init=False)
    _count: int = attrs.field(default=0, init=False)
    _started_s: float = attrs.field(factory=time.monotonic, init=False)

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        """Add one step's losses; writes a line every `every_steps`."""
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if step % self.every_steps == 0:
            seconds = (time.monotonic() - self._started_s) / self._count
            means = {name: round(value / self._count, 5) for name, value in self._sums.items()}
            self.write({"step": step, "step_s": round(seconds, 3), **means})
            self._sums, self._count, self._started_s = {}, 0, time.monotonic()

    def write(self, row: dict[str, object]) -> None:
        """Append one line."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as lines:
            lines.write(orjson.dumps({**row, "at": round(time.time())}) + b"\n")


def as_floats(losses: Mapping[str, Tensor]) -> dict[str, float]:
    """Convert losses to numbers; waits once for the device."""
    values = torch.stack([loss.detach().float() for loss in losses.values()]).tolist()
    return dict(zip(losses, values, strict=True))


def on_device(batch: B, device: torch.device | str) -> B:
    """Copy a batch of tensors to the device."""
    fields = {field.name: getattr(batch, field.name).to(device) for field in attrs.fields(type(batch))}
    return type(batch)(**fields)


class Watch:
    """Observer of a run, which ignores every event by default."""

    def stepped(self, step: int, losses: Mapping[str, float]) -> bool:
        """Called with the number of steps and the last losses.  Return whether to continue."""
        return True

    def saved(self, step: int, averaged: nn.Module) -> None:
        """A checkpoint was written; `averaged` has the weights to export now, on the run's device."""


UNWATCHED = Watch()


class Training(Protocol[B_contra]):
    """The part of a run's state that the loop needs."""

    step: int

    @property
    def averaged(self) -> AveragedNetwork[Any]:
        """The averaged weights, which are exported."""

    def take_step(self, batch: B_contra) -> dict[str, float]:
        """Take one optimiser step and return the losses; waits for the device."""

    def state(self) -> dict[str, Any]:
        """The state of a run for its checkpoint."""


class Run(Protocol):
    """The loop's interface to a training run, which ends by steps or by time."""

    @property
    def step(self) -> int:
        """Number of steps taken."""

    def advance(self, share: float) -> None:
        """Take one step.  `share`, in 0..1, is the finished part of the run."""

    def losses(self) -> Mapping[str, float]:
        """The last step's losses; waits for the device."""

    def save(self, *, look: bool) -> None:
        """Write a checkpoint; if `look`, also measure losses on held-out speech."""


def run_loop(
    run: Run,
    *,
    share_of: Callable[[int], float],
    save_s: float,
    told: Callable[[int, Mapping[str, float]], bool],
    losses_every: int = 1,
) -> None:
    """Take steps until the end of the run or until `told` stops it; then write a checkpoint.

    Args:
        run: a new or resumed run.
        share_of: returns the finished part of the run, in 0..1, after a number of steps; at 1 the run ends.
        save_s: seconds between checkpoints.
        told: called with the number of steps and the last losses; returns whether to continue.
        losses_every: steps between calls of `told`.
    """
    saved_s = time.monotonic()
    while (share := share_of(run.step)) < 1.0:
        run.advance(share)
        if run.step % losses_every == 0 and not told(run.step, run.losses()):
            run.save(look=False)
            return
        if time.monotonic() - saved_s > save_s:
            run.save(look=True)
            saved_s = time.monotonic()
    run.save(look=True)


@attrs.define(eq=False)
class _Resumable(Generic[B]):
    """A run of a fixed number of steps; stopping and resuming does not change its result."""

    training: Training[B]
    folder: Path
    batches: Iterator[B]
    validate: Callable[[], dict[str, float]]
    device: torch.device | str
    watch: Watch
    log: Log
    _losses: dict[str, float] = attrs.field(factory=dict, init=False)

    @property
    def step(self) -> int:
        return self.training.step

    def advance(self, share: float) -> None:
        self._losses = self.training.take_step(on_device(next(self.batches), self.device))

    def losses(self) -> dict[str, float]:
        return self._losses

    def save(self, *, look: bool) -> None:
        save_checkpoint(self.folder / CHECKPOINT, self.training.state())
        if look:
            self.log.write({"step": self.step, **self.validate()})
            self.watch.saved(self.step, self.training.averaged.network)


def run_steps(
    training: Training[B],
    run: Path,
    *,
    steps: int,
    checkpoint_s: float,
    batch_at: Callable[[int], B],
    validate: Callable[[], dict[str, float]],
    device: torch.device | str,
    watch: Watch,
    workers: int = 0,
) -> None:
    """Take steps until there are `steps` or `watch` stops the run; then write a checkpoint.

    Args:
        training: a new or resumed run's state, its networks on the device.
        run: the run's own folder.
        steps: total number of steps.
        checkpoint_s: seconds between checkpoints; each also measures losses on held-out recordings.
        batch_at: makes the batch of a step.
        validate: measures losses on held-out recordings.
        device: the device for batches.
        watch: called after every step and checkpoint.
        workers: processes that prepare batches; 0: this process prepares each batch.
    """
    log = Log(run / LOG)
    batches = iter(_batches(batch_at, range(training.step, steps), workers))

    def told(step: int, losses: Mapping[str, float]) -> bool:
        log.add(step - 1, losses)
        return watch.stepped(step, losses)

    run_loop(
        _Resumable(training, run, batches, validate, device, watch, log),
        share_of=lambda step: step / steps,
        save_s=checkpoint_s,
        told=told,
    )


def _batches(batch_at: Callable[[int], B], steps: range, workers: int) -> Iterable[B]:
    return DataLoader(
        _BatchOfStep(batch_at),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="fork" if workers else None,  # so that recordings are not copied
    )


class _BatchOfStep(Dataset[B]):
    def __init__(self, batch_at: Callable[[int], B]) -> None:
        self._batch_at = batch_at

    def __getitem__(self, step: int) -> B:
        return self._batch_at(step)
