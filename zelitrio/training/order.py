"""The order for a voice from a user's recordings, and the demands on the recordings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import attrs

from zelitrio.errors import LocalError
from zelitrio.training.acoustic_training import AcousticPlan
from zelitrio.training.check import Checked
from zelitrio.training.features import measure_f0
from zelitrio.training.hearing import Listen, hear
from zelitrio.training.prepare import MeasurePitch
from zelitrio.training.vocoder_training import VocoderPlan

_SHORT_S = 120.0
"""Speech for which the steps of fine-tuning are given; more speech bears more."""


@attrs.frozen(kw_only=True)
class Recipe:
    """How a voice is made, from a beginning of its own or from the built-in model."""

    tuned: bool
    """Whether both networks begin as the built-in ones."""
    recordings: int
    """Fewer are too few."""
    speech_s: float
    """Less speech is too little."""
    acoustic: AcousticPlan
    vocoder: VocoderPlan

    def of_speech(self, speech_s: float) -> Recipe:
        """The same with as many steps as this amount of speech allows for tuning.

        With two minutes of speech, held-out sentences are best after 130 steps and get worse after 200.
        """
        if not self.tuned:
            return self
        return self.of_steps(round(self.acoustic.steps * max(1.0, (speech_s / _SHORT_S) ** 0.5)))

    def of_steps(self, acoustic_steps: int) -> Recipe:
        """The same with this number of acoustic steps; the vocoder's steps change in proportion."""
        share = self.vocoder.steps / self.acoustic.steps
        return attrs.evolve(
            self,
            acoustic=attrs.evolve(self.acoustic, steps=acoustic_steps),
            vocoder=attrs.evolve(self.vocoder, steps=max(1, round(share * acoustic_steps))),
        )

    def turned(self, turns: float) -> Recipe:
        """The same for a speaker with pulses that many turns from those that the vocoder expects."""
        return attrs.evolve(self, vocoder=attrs.evolve(self.vocoder, turned=turns))

    def require_enough(self, folder: Path, recordings: int, speech_s: float) -> None:
        """Raise `LocalError` when that is too little to make a voice of."""
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
    """One voice to be made."""

    recordings: Path
    """A folder with a `metadata.csv`."""
    out: Path
    """The voice folder to write."""
    work: Path
    """Where features, checkpoints, curves and samples go, and from where a stopped run goes on."""
    voice_id: str
    name: str
    recipe: Recipe
    steps: int | None = None
    """Steps of the acoustic model.  None: the recipe's, or those of the run that was stopped."""
    minutes: float | None = None
    """How long both networks together may train on this machine, in place of `steps`."""
    device: str = "cpu"
    measure: MeasurePitch = measure_f0
    listen: Listen = hear


SPEAKER = "speaker"
"""The speaker's name inside a work folder."""
BEGIN = "begin"
"""The subfolder with the weights that fine-tuning starts from."""


class Onlooker(Protocol):
    """Who is told how the making goes, and may stop it."""

    @property
    def stopping(self) -> bool:
        """Whether training shall end after this step, to be gone on with later."""

    def say(self, line: str) -> None:
        """One line to be read."""

    def begin(self, what: str, total: int, *, stoppable: bool = False) -> None:
        """Begin a task of `total` parts.  If it is stoppable, it reads `stopping` after each part."""

    def reach(self, done: int, note: str = "") -> None:
        """This number of parts is done."""


def summary(checked: Checked) -> str:
    """The result of checking the recordings, in one line."""
    left_out = sum(problem.left_out for problem in checked.problems)
    noted = len(checked.problems) - left_out
    minutes = checked.speech_s / 60
    return (
        f"{len(checked.usable)} recordings can be used, {minutes:.1f} min of speech; "
        f"{left_out} left out, {noted} remarks"
    )
