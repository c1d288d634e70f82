"""The whole recipe on one machine with a GPU, in a given time: speak, measure, align, train both networks.

Four kinds of processes run at once.  The maker speaks on the GPU and hands utterances to workers on the CPU,
which measure and align them in chunks.  The vocoder's trainer begins with the first chunks.  The acoustic
model's trainer begins when everything is aligned.  Near its end it predicts frames for the vocoder.
Whatever is finished is in `out` already when the time is over.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
import orjson
import torch

from zelitrio.networks import FineVocoder, FineVocoderConfig, PitchedAcousticModel
from zelitrio.training.alignment import Aligner
from zelitrio.training.recipe.teacher.acoustic import AcousticPlan
from zelitrio.training.recipe.teacher.acoustic import train as train_acoustic
from zelitrio.training.recipe.teacher.decoder import DecoderPlan
from zelitrio.training.recipe.teacher.decoder import train as train_decoder
from zelitrio.training.recipe.teacher.items import Item, items_of
from zelitrio.training.recipe.teacher.requests import Request, read_requests
from zelitrio.training.recipe.teacher.speech import Measured, measure
from zelitrio.training.recipe.teacher.store import (
    Said,
    chunks_with,
    load,
    save_items,
    save_speech,
    speech_path,
)
from zelitrio.training.recipe.teacher.vocoder import VocoderPlan
from zelitrio.training.recipe.teacher.vocoder import train as train_vocoder
from zelitrio.voices import ZeliModel, load_folder, zeli_model

_MADE = "made"
"""A file that says that the last chunk is aligned."""
_CHUNK = 24
"""Utterances per chunk."""
_GROUP = 480
"""Requests spoken in one call: the shortest come first in each, and a group is a fair sample."""
_worker: dict[str, object] = {}


@attrs.frozen(kw_only=True)
class Options:
    """Inputs, outputs and the time of a run.

    Attributes:
        requests: file of `save_requests`.
        teacher: folder of the teacher's weights.
        folder: where speech goes; large and fast.
        out: where weights and logs go.
        seconds: for all of it.
        device: of torch.
        workers: processes that measure and align.
        count: requests at most.
        batch_s: seconds of speech per batch of the teacher.
        role: of this process; None starts one for each.
        began: monotonic time of the start, for a role.
        start: a voice folder with the networks to make narrower; None: they begin from nothing.
        decoder_inner, inner, part_inner: widths of the narrower inner layers.
    """

    requests: Path
    teacher: Path
    folder: Path
    out: Path
    seconds: float = 540.0
    device: str = "cuda"
    workers: int = max(1, (os.cpu_count() or 2) - 3)
    count: int = 100_000
    batch_s: float = 300.0
    role: Literal["make", "acoustic", "vocoder"] | None = None
    began: float = 0.0
    start: Path | None = None
    decoder_inner: int = 512
    inner: int = 384
    part_inner: int = 192


@attrs.frozen(kw_only=True)
class Schedule:
    """Seconds from the start."""

    make_until: float
    acoustic_at: float
    """The acoustic model begins then at the latest, with what is aligned."""
    guide_at: float
    end: float

    @classmethod
    def of(cls, seconds: float) -> Schedule:
        """A schedule that fits into a time."""
        return cls(
            make_until=0.27 * seconds, acoustic_at=0.38 * seconds, guide_at=0.76 * seconds, end=seconds - 15
        )

    @classmethod
    def of_narrowing(cls, seconds: float) -> Schedule:
        """As `of`, for networks that are trained already."""
        return cls(
            make_until=0.2 * seconds, acoustic_at=0.3 * seconds, guide_at=0.48 * seconds, end=seconds - 15
        )


def _begin_work(requests: Path) -> None:
    torch.set_num_threads(1)
    _worker["requests"] = read_requests(requests)
    _worker["aligner"] = Aligner()


def _work(
    folder: Path, chunk: int, spoken: list[tuple[int, np.ndarray, np.ndarray]]
) -> tuple[int, int, list[str]]:
    """Measure and align a chunk; how many utterances and items there are, and what was wrong."""
    requests: list[Request] = _worker["requests"]  # type: ignore[assignment]
    aligner: Aligner = _worker["aligner"]  # type: ignore[assignment]
    said: list[Said] = []
    measured: list[Measured] = []
    faults: list[str] = []
    for number, samples, f0 in spoken:
        found = measure(samples, f0)
        if found is None:
            faults.append(f"{number}: silent")
            continue
        request = requests[number]
        said.append(Said(request=number, voice=request.voice, speed=request.speed, held_out=request.held_out))
        measured.append(found)
    save_speech(folder, chunk, said, measured)
    items: list[tuple[int, Item]] = []
    for place, (one, found) in enumerate(zip(said, measured, strict=True)):
        made = items_of(aligner, requests[one.request].utterance, found, random.Random(one.request))
        if isinstance(made, str):
            faults.append(f"{one.request}: {made}")
        else:
            items.extend((place, item) for item in made)
    save_items(folder, chunk, items)
    return len(said), len(items), faults


def make(options: Options, began: float, schedule: Schedule) -> None:
    """Speak all requests, or as many as time allows, and have them measured and aligned."""
    sys.path.insert(0, str(options.teacher))
    context = multiprocessing.get_context("spawn")
    log = (options.out / "maker.jsonl").open("ab")

    def note(**row: object) -> None:
        log.write(orjson.dumps({**row, "t": round(time.monotonic() - began, 1)}) + b"\n")
        log.flush()

    with context.Pool(options.workers, _begin_work, (options.requests,)) as pool:
        from zelitrio.networks import KokoroRequest, speak_all

        network, tables, numbers = import_module("kokoro_carry").load(options.teacher, options.device)
        requests = read_requests(options.requests)[: options.count]
        from zelitrio.training.recipe.teacher.requests import VOICES

        note(event="loaded", requests=len(requests))
        pending: list[tuple[int, np.ndarray, np.ndarray]] = []
        results: list[AsyncResult[tuple[int, int, list[str]]]] = []
        chunk = seconds = 0.0

        def hand_over() -> None:
            nonlocal pending, chunk
            if pending:
                results.append(pool.apply_async(_work, (options.folder, int(chunk), pending)))
                chunk += 1
                pending = []

        for group in range(0, len(requests), _GROUP):
            if time.monotonic() - began > schedule.make_until:
                note(event="out of time")
                break
            part = requests[group : group + _GROUP]
            wanted = [
                KokoroRequest(ids=one.ids, table=numbers[VOICES[one.voice]], speed=one.speed) for one in part
            ]
            for speech in speak_all(network, tables, wanted, batch_s=options.batch_s):
                pending.append((group + speech.index, speech.samples, speech.f0))
                seconds += len(speech.samples) / 24_000
                if len(pending) == _CHUNK:
                    hand_over()
            note(event="spoken", requests=group + len(part), minutes=round(seconds / 60, 1))
        hand_over()
        if options.device != "cpu":
            del network
            torch.cuda.empty_cache()
        utterances = items = 0
        for result in results:
            one, two, faults = result.get()
            utterances, items = utterances + one, items + two
            for fault in faults:
                note(fault=fault)
        note(event="aligned", utterances=utterances, items=items)
    (options.folder / _MADE).touch()


def acoustic(options: Options, began: float, schedule: Schedule) -> None:
    """Wait for the alignments, then train."""
    while not (options.folder / _MADE).exists():
        if time.monotonic() - began > schedule.acoustic_at and chunks_with(options.folder, "items"):
            break
        time.sleep(0.3)
    if options.start is not None:
        wide = _trained(options.start).acoustic
        assert isinstance(wide, PitchedAcousticModel)
        decoder = DecoderPlan() if options.device != "cpu" else DecoderPlan(batch=4, fitted_batches=4)
        ends = began + schedule.guide_at
        inner = options.decoder_inner
        train_decoder(options.folder, options.out, wide, inner, decoder, device=options.device, deadline=ends)
        return
    now = time.monotonic() - began
    ends = schedule.end
    plan = AcousticPlan(seconds=ends - now, guide_share=max(0.5, (schedule.guide_at - now) / (ends - now)))
    if options.device == "cpu":
        plan = attrs.evolve(plan, batch=4, bfloat16=False, critic_channels=4)
    train_acoustic(options.folder, options.out, plan, device=options.device, deadline=began + ends)


def vocoder(options: Options, began: float, schedule: Schedule) -> None:
    """Train as soon as there is speech."""
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
        options.folder,
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
    """The held-out speech, to judge by."""
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
    """Run every role in a process of its own until the time is over."""
    options.folder.mkdir(parents=True, exist_ok=True)
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
        if (options.folder / _MADE).exists() and not (options.out / "held_out.npz").exists():
            keep_held_out(options.folder, options.out)
    for role, child in children.items():
        if child.poll() is None:
            print(f"{role}: stopped at the end of the time", flush=True)
            child.kill()
        elif child.returncode:
            print(f"{role}: ended with {child.returncode}", flush=True)
    if not (options.out / "held_out.npz").exists():
        keep_held_out(options.folder, options.out)
