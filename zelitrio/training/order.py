"""The order for a voice from a user's recordings, and how much speech it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import attrs

from zelitrio.errors import LocalError
from zelitrio.training.acoustic_training import AcousticPlan
from zelitrio.training.check import CheckedFolder
from zelitrio.training.features import measure_f0
from zelitrio.training.hearing import Listen, hear
from zelitrio.training.prepare import MeasurePitch
from zelitrio.training.vocoder_training import VocoderPlan

_SHORT_S = 120.0
"""Seconds of speech for a recipe's steps; more speech allows more steps."""


@attrs.frozen(kw_only=True)
class Recipe:
    """How to make a voice: from new networks, or by fine-tuning the built-in ones."""

    tuned: bool
    """Whether both networks start with the built-in weights."""
    recordings: int
    """The least number of usable recordings."""
    speech_s: float
    """The least duration of speech, without pauses."""
    acoustic: AcousticPlan
    vocoder: VocoderPlan

    def of_speech(self, speech_s: float) -> Recipe:
        """Return this recipe with the number of fine-tuning steps for this duration of speech.

        With two minutes of speech, held-out sentences are best after 130 steps and get worse after 200.
        """
        if not self.tuned:
            return self
        return self.of_steps(round(self.acoustic.steps * max(1.0, (speech_s / _SHORT_S) ** 0.5)))

    def of_steps(self, acoustic_steps: int) -> Recipe:
        """Return this recipe with this number of acoustic steps and proportionally many vocoder steps."""
        share = self.vocoder.steps / self.acoustic.steps
        return attrs.evolve(
            self,
            acoustic=attrs.evolve(self.acoustic, steps=acoustic_steps),
            vocoder=attrs.evolve(self.vocoder, steps=max(1, round(share * acoustic_steps))),
        )

    def turned(self, turns: float) -> Recipe:
        """Return this recipe with the pulses shifted by `turns` periods (see `turns_to_pulses`)."""
        return attrs.evolve(self, vocoder=attrs.evolve(self.vocoder, turned=turns))

    def require_enough(self, folder: Path, recordings: int, speech_s: float) -> None:
        """Raise `LocalError` if this is too little to make a voice."""
        if recordings < self.recordings or speech_s < self.speech_s:
            kind = "fine-tuning" if self.tuned else "a voice from scratch"
            raise LocalError(
                f"{folder}: {kind}: expected at least {self.recordings} usable recordings with "
                f"{_spoken(self.speech_s)} of speech, found {recordings} with {_spoken(speech_s)}"
            )


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


RECIPES: Mapping[str, Recipe] = {
    "builtin": Recipe(
        tuned=True,
        recordings=20,
        speech_s=60.0,
        acoustic=AcousticPlan(steps=150, batch=8, learning_rate=4e-4, plain_share=1.0, checkpoint_s=60.0),
        vocoder=VocoderPlan(steps=100, batch=6, learning_rate=2e-4, checkpoint_s=60.0, held_out_batches=1),
    ),
    "scratch": Recipe(
        tuned=False,
        recordings=100,
        speech_s=20 * 60.0,
        acoustic=AcousticPlan(checkpoint_s=300.0),
        vocoder=VocoderPlan(checkpoint_s=300.0),
    ),
}


@attrs.frozen(kw_only=True)
class Order:
    """A voice to make."""

    recordings: Path
    """A folder with a `metadata.csv`."""
    out: Path
    """The voice folder to write."""
    work: Path
    """The folder for features, checkpoints, curves and samples, used to continue a stopped run."""
    voice_id: str
    name: str
    recipe: Recipe
    steps: int | None = None
    """Steps of the acoustic model; None: as in the recipe or the stopped run."""
    minutes: float | None = None
    """Training time of both networks on this machine; replaces `steps`."""
    device: str = "cpu"
    measure: MeasurePitch = measure_f0
    listen: Listen = hear


SPEAKER = "speaker"
"""Name of the only speaker in a work folder."""
BEGIN = "begin"
"""The work folder's subfolder with the weights from which fine-tuning starts."""


class Onlooker(Protocol):
    """Shows progress to the user, and can stop the training."""

    @property
    def stopping(self) -> bool:
        """Whether training must stop after this step; it can continue later."""

    def say(self, line: str) -> None:
        """Show a line of text."""

    def begin(self, what: str, total: int, *, stoppable: bool = False) -> None:
        """A task of `total` parts begins.  If it is stoppable, it reads `stopping` after each part."""

    def reach(self, done: int, note: str = "") -> None:
        """`done` parts of the task are done."""


def summary(checked: CheckedFolder) -> str:
    """Describe the result of checking the recordings in one line."""
    left_out = sum(problem.left_out for problem in checked.problems)
    noted = len(checked.problems) - left_out
    minutes = checked.speech_s / 60
    return (
        f"{len(checked.usable)} recordings can be used, {minutes:.1f} min of speech; "
        f"{left_out} left out, {noted} remarks"
    )
