"""Make the natural voices, from which `zelitrio train` starts, out of recordings.

A step with a result does nothing; a stopped step resumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from zelitrio.training.acoustic_training import AcousticPlan, train_acoustic
from zelitrio.training.export import Casting, assemble, export
from zelitrio.training.loop import CHECKPOINT
from zelitrio.training.recipe.guided import guide
from zelitrio.training.recipe.speakers import align_speaker, find_speakers, prepare_speaker, speakers_of
from zelitrio.training.shards import GUIDED
from zelitrio.training.vocoder_training import VocoderPlan, train_vocoder

_GUIDED_SHARE = 0.4
_CRITIC_CHANNELS = 8
MELODY = 1.25
"""Factor of the pitch's range.  A predicted pitch curve is a mean, and flatter than any reading.  With this
factor it has the readers' spread (0.17 in ln f0 for kathleen); word error and DNSMOS stay the same."""
CLARITY = 0.2
"""See `assemble`.  Predicted spectra are means too, and too flat; P808 rose by 0.05 to 0.07."""

CASTINGS: Sequence[Casting] = (
    Casting(
        voice_id="zeli-natural-1",
        name="Zeli natural 1",
        speaker="kathleen",
        description="A calm American woman; made from the CC0 kathleen recordings.",
        labels={
            "speaker": "kathleen",
            "accent": "american",
            "gender": "female",
            "age": "middle-aged",
            "language": "en",
        },
        fade_ms=5,
    ),
    Casting(
        voice_id="zeli-natural-2",
        name="Zeli natural 2",
        speaker="bdl",
        description="An American man; made from the CMU ARCTIC bdl recordings.",
        labels={
            "speaker": "bdl",
            "accent": "american",
            "gender": "male",
            "age": "middle-aged",
            "language": "en",
        },
        fade_ms=30,
    ),
)


@attrs.frozen(kw_only=True)
class Pace:
    """How long both networks are trained.

    Attributes:
        acoustic_steps: steps of the acoustic model.
        vocoder_steps: steps of the vocoder without critics.
        refine_steps: steps of the vocoder with critics.
        workers: processes that prepare batches.
    """

    acoustic_steps: int = AcousticPlan().steps
    vocoder_steps: int = VocoderPlan().steps
    refine_steps: int = 3_200
    workers: int = 0


@attrs.frozen
class Natural:
    """The steps of the recipe, in order.

    Attributes:
        corpus: has a folder for each speaker.
        work: folder for features, alignments and runs.
        out: the voice folder to write.
        device: of torch.
    """

    corpus: Path
    work: Path
    out: Path
    device: str
    pace: Pace

    def prepare(self) -> None:
        """Compute the features of each speaker's recordings."""
        for speaker in find_speakers(self.corpus):
            prepare_speaker(self.corpus, self.work, speaker)

    def align(self) -> None:
        """Find the times of all phones."""
        for speaker in find_speakers(self.corpus):
            align_speaker(self.corpus, self.work, speaker)

    def acoustic(self) -> None:
        """Train the acoustic model."""
        plan = AcousticPlan(steps=self.pace.acoustic_steps)
        speakers = speakers_of(self.work, self.corpus)
        run = self._runs / "acoustic"
        train_acoustic(self.work, run, speakers, plan, device=self.device, workers=self.pace.workers)

    def vocoder(self) -> None:
        """Train the vocoder to match recordings, from measured frames and from predicted ones."""
        speakers = speakers_of(self.work, self.corpus)
        if not all((self.work / "features" / name / GUIDED).is_file() for name in speakers):
            guide(self.work, self._runs / "acoustic" / CHECKPOINT, speakers, device=self.device)
        plan = VocoderPlan(steps=self.pace.vocoder_steps, guided_share=_GUIDED_SHARE)
        run = self._runs / "vocoder"
        train_vocoder(self.work, run, plan, device=self.device, workers=self.pace.workers)

    def refine(self) -> None:
        """Train the vocoder with critics too."""
        plan = VocoderPlan(
            steps=self.pace.refine_steps,
            learning_rate=3e-4,
            critic_channels=_CRITIC_CHANNELS,
            guided_share=_GUIDED_SHARE,
            seed=2,
        )
        train_vocoder(
            self.work,
            self._runs / "refined",
            plan,
            init=self._runs / "vocoder" / CHECKPOINT,
            device=self.device,
            workers=self.pace.workers,
        )

    def export(self) -> None:
        """Write the averaged weights of the acoustic model and the refined vocoder as a voice folder."""
        acoustic, vocoder = (self._runs / name / CHECKPOINT for name in ("acoustic", "refined"))
        voices = assemble(acoustic, vocoder, CASTINGS, melody=MELODY, clarity=CLARITY)
        size = export(self.out, voices)
        print(f"{self.out}: {size / 1e6:.1f} MB of weights")

    @property
    def _runs(self) -> Path:
        return self.work / "runs"


STEPS = ("prepare", "align", "acoustic", "vocoder", "refine", "export")
"""Names of the methods of `Natural`, in order."""
