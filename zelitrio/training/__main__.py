"""The steps as commands: `python -m zelitrio.training STEP ...`.

`voice CORPUS WORK OUT` runs every step in order.  All steps skip or resume what is done already, so a run
that was interrupted is started again with the same command.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from zelitrio.training.acoustic_data import speakers_of
from zelitrio.training.acoustic_training import AcousticPlan, train_acoustic
from zelitrio.training.align import align_speaker
from zelitrio.training.corpus import find_speakers
from zelitrio.training.device import choose_device
from zelitrio.training.export import BUILTIN_CLARITY, BUILTIN_MELODY, assemble, export
from zelitrio.training.guided import guide
from zelitrio.training.loop import CHECKPOINT
from zelitrio.training.prepare import prepare_speaker
from zelitrio.training.shards import GUIDED
from zelitrio.training.vocoder_training import VocoderPlan, train_vocoder

_GUIDED_SHARE = 0.4
_CRITIC_CHANNELS = 8


def prepare_all(corpus: Path, work: Path) -> None:
    """Recordings to features, speaker by speaker."""
    for speaker in find_speakers(corpus):
        prepare_speaker(corpus, work, speaker)


def align_all(corpus: Path, work: Path) -> None:
    """Where every phone lies."""
    for speaker in find_speakers(corpus):
        align_speaker(corpus, work, speaker)


def acoustic(corpus: Path, work: Path, options: argparse.Namespace) -> None:
    """Train the acoustic model, or resume it."""
    plan = AcousticPlan(steps=options.acoustic_steps)
    speakers = speakers_of(work, corpus)
    train_acoustic(
        work, work / "runs" / "acoustic", speakers, plan, device=options.device, workers=options.workers
    )


def vocoder(corpus: Path, work: Path, options: argparse.Namespace) -> None:
    """Train the vocoder to match recordings, from their frames and the acoustic model's, or resume."""
    runs = work / "runs"
    speakers = speakers_of(work, corpus)
    if not all((work / "features" / name / GUIDED).is_file() for name in speakers):
        guide(work, runs / "acoustic" / CHECKPOINT, speakers, device=options.device)
    plan = VocoderPlan(steps=options.vocoder_steps, guided_share=_GUIDED_SHARE)
    train_vocoder(work, runs / "vocoder", plan, device=options.device, workers=options.workers)


def refine(work: Path, options: argparse.Namespace) -> None:
    """Let the vocoder also try to pass critics, or resume."""
    runs = work / "runs"
    plan = VocoderPlan(
        steps=options.refine_steps,
        learning_rate=3e-4,
        critic_channels=_CRITIC_CHANNELS,
        guided_share=_GUIDED_SHARE,
        seed=2,
    )
    train_vocoder(
        work,
        runs / "refined",
        plan,
        init=runs / "vocoder" / CHECKPOINT,
        device=options.device,
        workers=options.workers,
    )


def export_voice(work: Path, out: Path) -> None:
    """The averaged weights of the acoustic model and the refined vocoder as a voice folder."""
    runs = work / "runs"
    voices = assemble(
        runs / "acoustic" / CHECKPOINT,
        runs / "refined" / CHECKPOINT,
        melody=BUILTIN_MELODY,
        clarity=BUILTIN_CLARITY,
    )
    size = export(out, voices)
    print(f"{out}: {size / 1e6:.1f} MB of weights")


def main() -> None:
    """Run the step that the command line names."""
    options = _arguments()
    options.device = choose_device(options.device, options.threads)
    step: str = options.step
    if step in ("prepare", "voice"):
        prepare_all(options.corpus, options.work)
    if step in ("align", "voice"):
        align_all(options.corpus, options.work)
    if step in ("train-acoustic", "voice"):
        acoustic(options.corpus, options.work, options)
    if step in ("train-vocoder", "voice"):
        vocoder(options.corpus, options.work, options)
    if step in ("refine-vocoder", "voice"):
        refine(options.work, options)
    if step in ("export", "voice"):
        export_voice(options.work, options.out)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m zelitrio.training", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    for name, needs, what in (
        ("prepare", ("corpus", "work"), "recordings to features"),
        ("align", ("corpus", "work"), "find every phone"),
        ("train-acoustic", ("corpus", "work"), "train the acoustic model, or resume"),
        ("train-vocoder", ("corpus", "work"), "train the vocoder behind it, or resume"),
        ("refine-vocoder", ("work",), "train the vocoder on with critics, or resume"),
        ("export", ("work", "out"), "write the voice folder"),
        ("voice", ("corpus", "work", "out"), "all of these"),
    ):
        step = steps.add_parser(name, help=what, description=what)
        for argument in needs:
            step.add_argument(argument, type=Path)
        step.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
        step.add_argument("--threads", type=int, default=1, help="threads for torch on a CPU")
        step.add_argument("--workers", type=int, default=0, help="processes that make batches ahead")
        step.add_argument("--vocoder-steps", type=int, default=VocoderPlan().steps)
        step.add_argument("--refine-steps", type=int, default=3_200)
        step.add_argument("--acoustic-steps", type=int, default=AcousticPlan().steps)
    return parser.parse_args()


if __name__ == "__main__":
    main()
