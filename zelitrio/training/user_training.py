"""Trains both networks on a user's recordings, with curves and samples during the training."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import torch
from torch import nn

from zelitrio.training.acoustic_training import train_acoustic
from zelitrio.training.curves import draw_curves
from zelitrio.training.loop import CHECKPOINT, Watch, load_checkpoint
from zelitrio.training.order import BEGIN, SPEAKER, Onlooker, Order, Recipe
from zelitrio.training.run_networks import vocoder_of, vocoder_sizes
from zelitrio.training.samples import SENTENCES, as_voice, resounded, say, write_wav
from zelitrio.training.shards import open_shard
from zelitrio.training.vocoder_training import train_vocoder
from zelitrio.training.work_plan import WorkPlan

_SAMPLES = 2
_TIMED_STEPS = 6


def runs_of(order: Order) -> dict[str, Path]:
    """The folders of both runs, in the order of training."""
    return {name: order.work / "runs" / name for name in ("vocoder", "acoustic")}


def counted(order: Order, plan: WorkPlan, onlooker: Onlooker) -> WorkPlan:
    """Return the plan with its numbers of steps: from the order, the stopped run, or the recipe.

    If the order gives a time, the speed of steps on this machine is measured.
    """
    recipe = order.recipe
    if order.steps is not None:
        recipe = recipe.of_steps(order.steps)
    elif plan.acoustic_steps:
        return plan
    elif order.minutes is not None:
        onlooker.begin("timing this machine", 2)
        seconds = recipe.vocoder.steps * _step_s(_train_vocoder, order, recipe)
        onlooker.reach(1)
        seconds += recipe.acoustic.steps * _step_s(_train_acoustic, order, recipe)
        recipe = recipe.of_steps(max(1, round(recipe.acoustic.steps * order.minutes * 60 / seconds)))
    return plan.kept(acoustic_steps=recipe.acoustic.steps, vocoder_steps=recipe.vocoder.steps)


_Train = Callable[[Order, Recipe, Path, Watch], int]


def _train_vocoder(order: Order, recipe: Recipe, run: Path, watch: Watch) -> int:
    init = order.work / BEGIN / "vocoder.pt" if recipe.tuned else None
    return train_vocoder(order.work, run, recipe.vocoder, init=init, device=order.device, watch=watch)


def _train_acoustic(order: Order, recipe: Recipe, run: Path, watch: Watch) -> int:
    init = order.work / BEGIN / "acoustic.pt" if recipe.tuned else None
    return train_acoustic(
        order.work,
        run,
        [SPEAKER],
        recipe.acoustic,
        init=init,
        device=order.device,
        watch=watch,
        report=lambda line: None,
    )


class _Stopwatch(Watch):
    def __init__(self) -> None:
        self.at_s: list[float] = []

    def stepped(self, step: int, losses: Mapping[str, float]) -> bool:
        self.at_s.append(time.monotonic())
        return len(self.at_s) < _TIMED_STEPS


def _timed(recipe: Recipe) -> Recipe:
    """Return a recipe with twice as many steps as are timed, because the last step also measures losses.

    The critic has its usual share of the timed steps.  The first step is not timed.
    """
    acoustic, steps = recipe.acoustic, 2 * _TIMED_STEPS
    return attrs.evolve(
        recipe,
        acoustic=attrs.evolve(acoustic, steps=steps, plain_share=acoustic.plain_share / 2),
        vocoder=attrs.evolve(recipe.vocoder, steps=steps),
    )


def _step_s(train: _Train, order: Order, recipe: Recipe) -> float:
    watch = _Stopwatch()
    run = order.work / "runs" / "timing"
    (run / CHECKPOINT).unlink(missing_ok=True)  # left by a timing that was stopped
    train(order, _timed(recipe), run, watch)
    (run / CHECKPOINT).unlink()
    return (watch.at_s[-1] - watch.at_s[0]) / (len(watch.at_s) - 1)


@attrs.define(eq=False)
class _OnTheWay(Watch):
    order: Order
    onlooker: Onlooker
    sample: Callable[[int, nn.Module], None]

    def stepped(self, step: int, losses: Mapping[str, float]) -> bool:
        self.onlooker.reach(step, f"mel {losses['mel']:.3f}")
        return not self.onlooker.stopping

    def saved(self, step: int, averaged: nn.Module) -> None:
        draw_curves(runs_of(self.order), self.order.work / "losses.png")
        with torch.random.fork_rng(devices=[]):
            self.sample(step, copy.deepcopy(averaged).cpu().eval())


def train_both(order: Order, plan: WorkPlan, onlooker: Onlooker) -> bool:
    """Train both networks.  Returns whether both runs came to their ends."""
    recipe = attrs.evolve(
        order.recipe,
        acoustic=attrs.evolve(order.recipe.acoustic, steps=plan.acoustic_steps),
        vocoder=attrs.evolve(order.recipe.vocoder, steps=plan.vocoder_steps),
    )
    samples = order.work / "samples"
    shard = open_shard(order.work / "features" / SPEAKER)
    held = next(entry for entry in shard.entries if entry.held_out)

    def resound(step: int, vocoder: nn.Module) -> None:
        write_wav(samples / f"vocoder_{step:06d}.wav", resounded(vocoder, shard, held))  # type: ignore[arg-type]

    def speak(step: int, acoustic: nn.Module) -> None:
        state = load_checkpoint(runs_of(order)["vocoder"] / CHECKPOINT)
        assert state is not None  # it is trained first
        vocoder = vocoder_of(vocoder_sizes(state))
        vocoder.load_state_dict(state["averaged"])
        voice = as_voice(acoustic, vocoder)  # type: ignore[arg-type]
        for number, (_, pcm) in enumerate(say(voice, (held.text, *SENTENCES[: _SAMPLES - 1])), 1):
            write_wav(samples / f"voice_{step:06d}_{number}.wav", pcm)

    for what, train, steps, sample in (
        ("vocoder", _train_vocoder, recipe.vocoder.steps, resound),
        ("acoustic", _train_acoustic, recipe.acoustic.steps, speak),
    ):
        onlooker.begin(f"training: {what}", steps, stoppable=True)
        reached = train(order, recipe, runs_of(order)[what], _OnTheWay(order, onlooker, sample))
        if reached < steps:
            onlooker.say(f"stopped at step {reached} of {steps}; the same command continues there")
            return False
    return True
