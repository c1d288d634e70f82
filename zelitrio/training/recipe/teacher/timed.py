"""Runs a training for a given time, with steps as CUDA graphs, and saves weights during the run.

Learning rates follow the share of the time that has passed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import attrs
import orjson
from safetensors.torch import save_file
from torch import Tensor, nn

from zelitrio.training.loop import run_loop
from zelitrio.training.recipe.teacher.graphs import captured


class Student(Protocol):
    """A network in training, with its critics."""

    rate: Tensor
    """The learning rate, on the device."""

    @property
    def model(self) -> nn.Module:
        """The network."""

    @property
    def averaged(self) -> nn.Module:
        """The network with the averaged weights, which are exported."""

    def at(self, share: float, step: int, with_critics: int) -> None:
        """Set learning rates and the critics' weight.

        Args:
            share: share of the time that has passed, in 0..1.
            step: number of steps taken.
            with_critics: number of those with critics.
        """

    def step(self, *, against_critics: bool) -> None:
        """Take one step.  Does not wait for the device and has fixed shapes, so it can be captured."""

    def values(self) -> dict[str, float]:
        """The last step's losses; waits for the device."""

    def look(self) -> Mapping[str, float]:
        """Compute losses on held-out speech."""


@attrs.define(eq=False)
class TimedRun:
    """A `Run` that ends after a given time.

    Attributes:
        student: the network in training.
        out: folder for weights and the log.
        name: prefix of the files' names.
        critics_from: share of the time after which the critics' losses are added.
        use_graph: whether to capture steps as CUDA graphs.
        between: called after each step with the share of the time that has passed.
    """

    student: Student
    out: Path
    name: str
    critics_from: float
    use_graph: bool
    between: Callable[[float], None]
    step: int = attrs.field(default=0, init=False)
    _with_critics: int | None = attrs.field(default=None, init=False)
    """Number of steps with critics; None before the first."""
    _take: Callable[[], None] | None = attrs.field(default=None, init=False)
    _noted: tuple[float, int] = attrs.field(factory=lambda: (time.monotonic(), 0), init=False)
    _share: float = attrs.field(default=0.0, init=False)

    def note(self, **row: object) -> None:
        """Append a line to the log."""
        line = orjson.dumps({"step": self.step, **row, "at": round(time.time(), 1)}) + b"\n"
        with (self.out / f"{self.name}.jsonl").open("ab") as log:
            log.write(line)

    def advance(self, share: float) -> None:
        """See Run."""
        self._share = share
        is_joining = self._with_critics is None and share >= self.critics_from
        if is_joining:
            self._with_critics = 0
        self.student.at(share, self.step, self._with_critics or 0)
        if self._take is None or is_joining:
            take = partial(self.student.step, against_critics=self._with_critics is not None)
            self._take = captured(take, self.note) if self.use_graph else take
        self._take()
        self.step += 1
        if self._with_critics is not None:
            self._with_critics += 1
        self.between(share)

    def losses(self) -> dict[str, float]:
        """See Run.  If a loss is not finite, restores the averaged weights."""
        values = self.student.values()
        now, (then, since) = time.monotonic(), self._noted
        self._noted = (now, self.step)
        step_ms = round(1000 * (now - then) / max(1, self.step - since), 2)
        self.note(share=round(self._share, 3), step_ms=step_ms, **_rounded(values))
        if not math.isfinite(values["mel"]):
            self.note(event="not finite: taken back")
            self.student.model.load_state_dict(self.student.averaged.state_dict())
        return values

    def save(self, *, look: bool) -> None:
        """See Run; writes the averaged weights in float16."""
        found = self.student.look() if look else {}
        averaged, model = self.student.averaged, self.student.model
        weights = {key: value.detach().half().contiguous() for key, value in averaged.state_dict().items()}
        partial_file = self.out / f"{self.name}.partial"
        config: Any = model.config
        facts = {"config": orjson.dumps(attrs.asdict(config)).decode(), "step": str(self.step)}
        save_file(weights, partial_file, facts)
        partial_file.replace(self.out / f"{self.name}.safetensors")
        self.note(event="saved", **_rounded(found))


def run_for(run: TimedRun, ends: float, save_s: float) -> None:
    """Train until the monotonic time `ends`, with a checkpoint every `save_s` seconds."""
    began = time.monotonic()
    run_loop(
        run,
        share_of=lambda step: (time.monotonic() - began) / (ends - began),
        save_s=save_s,
        told=lambda step, losses: True,
        losses_every=100 if run.student.rate.device.type == "cuda" else 20,
    )


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}
