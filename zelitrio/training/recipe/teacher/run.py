"""Run the whole recipe on a machine with a GPU in a given time: speak, measure, align, train both networks.

Four kinds of processes run at once.  The maker runs the teacher on the GPU.  Its workers measure and align on
the CPU.  The vocoder's trainer starts with the first chunks.  The acoustic model's trainer starts when
everything is aligned; near its end it predicts frames for the vocoder.

Results are written to `out` during the run.
"""

from __future__ import annotations

import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import attrs
import numpy as np
import orjson
import torch
from cyclopts import Parameter

from zelitrio.networks import FineVocoder, FineVocoderConfig, PitchedAcousticModel
from zelitrio.training.recipe.teacher.acoustic import AcousticPlan
from zelitrio.training.recipe.teacher.acoustic import train as train_acoustic
from zelitrio.training.recipe.teacher.decoder import DecoderPlan
from zelitrio.training.recipe.teacher.decoder import train as train_decoder
from zelitrio.training.recipe.teacher.kokoro import KokoroTeacher
from zelitrio.training.recipe.teacher.maker import SpeechPlan, make_speech
from zelitrio.training.recipe.teacher.store import chunks_with, load, speech_path
from zelitrio.training.recipe.teacher.vocoder import VocoderPlan
from zelitrio.training.recipe.teacher.vocoder import train as train_vocoder
from zelitrio.voices import ZeliModel, load_folder, zeli_model

_MADE = "made"
"""A file that exists once the last chunk is aligned."""


@attrs.frozen(kw_only=True)
class Options:
    """Inputs, outputs and the time of a run.

    Attributes:
        speech: the teacher's texts, and the folder of its speech.
        teacher: voice folder of `zelitrio voices add kokoro`.
        out: folder for weights and logs.
        seconds: duration of the whole run.
        device: torch's name of the device.
        role: role of this process; None: start a process for each role.
        began: monotonic time of the run's start, if there is a role.
        start: a voice folder with networks to narrow; None: train new networks.
        decoder_inner, inner, part_inner: widths of the narrowed inner layers.
    """

    speech: Annotated[SpeechPlan, Parameter(name="*")]
    teacher: Path
    out: Path
    seconds: float = 540.0
    device: str = "cuda"
    role: Literal["make", "acoustic", "vocoder"] | None = None
    began: float = 0.0
    start: Path | None = None
    decoder_inner: int = 512
    inner: int = 384
    part_inner: int = 192


@attrs.frozen(kw_only=True)
class Schedule:
    """The times of a run, in seconds from its start."""

    make_until: float
    acoustic_at: float
    """Latest start of the acoustic model's training, with the chunks that are aligned by then."""
    guide_at: float
    end: float

    @classmethod
    def of(cls, seconds: float) -> Schedule:
        """Make a schedule of this duration."""
        return cls(
            make_until=0.27 * seconds, acoustic_at=0.38 * seconds, guide_at=0.76 * seconds, end=seconds - 15
        )

    @classmethod
    def of_narrowing(cls, seconds: float) -> Schedule:
        """Make a schedule of this duration for narrowing trained networks."""
        return cls(
            make_until=0.2 * seconds, acoustic_at=0.3 * seconds, guide_at=0.48 * seconds, end=seconds - 15
        )


def make(options: Options, began: float, schedule: Schedule) -> None:
    """Have the teacher speak the missing chunks until `schedule.make_until`."""
    with (options.out / "maker.jsonl").open("ab") as log:

        def note(**row: object) -> None:
            log.write(orjson.dumps({**row, "t": round(time.monotonic() - began, 1)}) + b"\n")
            log.flush()

        teacher = KokoroTeacher.at(options.teacher, options.device)
        make_speech(options.speech, teacher, note, lambda: time.monotonic() - began > schedule.make_until)
    (options.speech.folder / _MADE).touch()


def acoustic(options: Options, began: float, schedule: Schedule) -> None:
    """Wait for the alignments, then train the acoustic model."""
    while not (options.speech.folder / _MADE).exists():
        if time.monotonic() - began > schedule.acoustic_at and chunks_with(options.speech.folder, "items"):
            break
        time.sleep(0.3)
    if options.start is not None:
        wide = _trained(options.start).acoustic
        assert isinstance(wide, PitchedAcousticModel)
        decoder = DecoderPlan() if options.device != "cpu" else DecoderPlan(batch=4, fitted_batches=4)
        ends = began + schedule.guide_at
        inner = options.decoder_inner
        train_decoder(
            options.speech.folder,
            options.out,
            wide,
            inner,
            decoder,
            device=options.device,
            deadline=ends,
        )
        return
    now = time.monotonic() - began
    ends = schedule.end
    plan = AcousticPlan(seconds=ends - now, guide_share=max(0.5, (schedule.guide_at - now) / (ends - now)))
    if options.device == "cpu":
        plan = attrs.evolve(plan, batch=4, bfloat16=False, critic_channels=4)
    train_acoustic(options.speech.folder, options.out, plan, device=options.device, deadline=began + ends)


def vocoder(options: Options, began: float, schedule: Schedule) -> None:
    """Wait for speech, then train the vocoder."""
    plan = VocoderPlan(seconds=schedule.end)
    wide: FineVocoder | None = None
    config: FineVocoderConfig | None = None
    if options.start is not None:
        trained = _trained(options.start).vocoder
        assert isinstance(trained, FineVocoder)
        wide = trained
        config = attrs.evolve(trained.config, inner=options.inner, part_inner=options.part_inner)
        plan = attrs.evolve(plan, learning_rate=6e-4, alone_share=0.08, joining_steps=300)
    if options.device == "cpu":
        plan = attrs.evolve(plan, batch=4, bfloat16=False, critic_channels=2, most_frames=100_000, judged=32)
    train_vocoder(
        options.speech.folder,
        options.out,
        plan,
        config=config,
        wide=wide,
        device=options.device,
        deadline=began + schedule.end,
        least_frames=2_000 if options.device == "cpu" else 60_000,
    )


def _trained(folder: Path) -> ZeliModel:
    return zeli_model(load_folder(folder)[0])


def keep_held_out(folder: Path, out: Path, most: int = 160) -> None:
    """Write held-out speech to `out`, for evaluation."""
    kept: dict[str, list[np.ndarray]] = {}
    count = 0
    for chunk in chunks_with(folder, "speech"):
        arrays = load(speech_path(folder, chunk))
        ends = np.cumsum(arrays["frames"])
        for number in np.flatnonzero(arrays["held_out"]).tolist():
            if count >= most:
                break
            end, frames = int(ends[number]), int(arrays["frames"][number])
            for name in ("mel", "ln_f0", "turns", "voiced", "inside"):
                kept.setdefault(name, []).append(arrays[name][end - frames : end])
            kept.setdefault("pcm", []).append(arrays["pcm"][(end - frames) * 240 : end * 240])
            for name in ("frames", "request", "voice"):
                kept.setdefault(name, []).append(arrays[name][number : number + 1])
            count += 1
    if count:
        joined = {name: np.concatenate(values) for name, values in kept.items()}
        np.savez_compressed(out / "held_out.npz", allow_pickle=False, **joined)


ROLES: dict[str, Callable[[Options, float, Schedule], None]] = {
    "make": make,
    "acoustic": acoustic,
    "vocoder": vocoder,
}


def run(options: Options) -> None:
    """Run each role in a process of its own until the time is over; blocks."""
    options.speech.folder.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    schedule_of = Schedule.of if options.start is None else Schedule.of_narrowing
    schedule = schedule_of(options.seconds)
    if options.role is not None:
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
        try:
            ROLES[options.role](options, options.began, schedule)
        except Exception:
            (options.out / f"{options.role}.failed").write_text(traceback.format_exc())
            raise
        return
    (options.speech.folder / _MADE).unlink(missing_ok=True)
    began = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "zelitrio.training.recipe",
        *sys.argv[1:],
        "--began",
        str(began),
        "--role",
    ]
    children = {role: subprocess.Popen([*command, role]) for role in ROLES}
    while time.monotonic() - began < options.seconds and any(
        child.poll() is None for child in children.values()
    ):
        time.sleep(0.5)
        if (options.speech.folder / _MADE).exists() and not (options.out / "held_out.npz").exists():
            keep_held_out(options.speech.folder, options.out)
    for role, child in children.items():
        if child.poll() is None:
            print(f"{role}: stopped at the end of the time", flush=True)
            child.kill()
        elif child.returncode:
            print(f"{role}: ended with {child.returncode}", flush=True)
    if not (options.out / "held_out.npz").exists():
        keep_held_out(options.speech.folder, options.out)
