"""Make the teacher's speech and write it to disk, measured and aligned; a second run continues the first.

Chunk n has the answers to requests 24n to 24n + 23.  The texts depend only on a seed, so a later run knows
the missing chunks.
"""

from __future__ import annotations

import hashlib
import importlib
import multiprocessing
import os
import random
import zipfile
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.pool import AsyncResult
from pathlib import Path
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt
import orjson
import torch

from zelitrio.errors import LocalError
from zelitrio.training.alignment import Aligner
from zelitrio.training.recipe.teacher.items import Item, items_of
from zelitrio.training.recipe.teacher.requests import VOICES, Request, make_requests
from zelitrio.training.recipe.teacher.speech import MeasuredSpeech, measure
from zelitrio.training.recipe.teacher.store import (
    SpokenRequest,
    chunks_with,
    items_path,
    load,
    save_items,
    save_speech,
    speech_path,
)
from zelitrio.training.whole_file import whole_file

_FORMAT = 1
_DESCRIPTION = "speech.json"
_CHUNK = 24
"""Requests per chunk."""
Note = Callable[..., None]
Samples = npt.NDArray[np.float32]
Answers = list[tuple[int, Samples, Samples]]
_worker: dict[str, Aligner] = {}


@attrs.frozen(kw_only=True)
class SpeechPlan:
    """The texts of a teacher, and the folder of its speech.

    Attributes:
        prose: file with a sentence of prose on each line.
        folder: folder for the speech; about 2 GB for 7,200 texts.
        count: number of texts.
        seed: chooses the texts.
        left_out: folder of text files with lines that are never said, such as the sentences of benchmarks.
        workers: processes that measure and align.
    """

    prose: Path
    folder: Path
    count: int = 7_200
    seed: int = 1
    left_out: Path | None = None
    workers: int = max(1, (os.cpu_count() or 2) - 3)


class Teacher(Protocol):
    """A model that speaks for the training of the built-in voices."""

    @property
    def most_at_once(self) -> int:
        """Number of requests per call; the speech is written after each call."""

    def say(self, requests: Sequence[Request]) -> Iterator[tuple[int, Samples, Samples]]:
        """Speak all requests.

        Yields, in any order, each request's index, its samples at 24 kHz, and its pitch in Hz for every 300
        samples.
        """


def make_speech(
    plan: SpeechPlan, teacher: Teacher, note: Note, is_over: Callable[[], bool] = lambda: False
) -> bool:
    """Make all missing chunks.  Returns whether all chunks exist at the end.

    Args:
        plan: what to say, and where to store it.
        teacher: speaks.
        note: called with the fields of each event.
        is_over: called before each group of chunks; if it returns True, no more are made.

    Raises:
        LocalError: packages are missing, the folder has other speech, or it cannot be written.  Complete
            chunks stay.
    """
    try:
        importlib.import_module("pocketsphinx")
    except ImportError as error:
        raise LocalError(
            f"alignment needs {error.name}, which cannot be imported: python -m pip install 'zelitrio[train]'"
        ) from error
    try:
        requests = _open(plan)
        lacking = _lacking(plan.folder, -(-len(requests) // _CHUNK), note)
        note(event="begin", texts=len(requests), chunks_to_make=len(lacking))
        context = multiprocessing.get_context("spawn")
        with context.Pool(plan.workers, _begin_work) as pool:
            working: list[AsyncResult[list[str]]] = []
            spoken, most = 0, max(1, teacher.most_at_once // _CHUNK)
            while spoken < len(lacking) and not is_over():
                group = lacking[spoken : spoken + most]
                said = _say(teacher, group, requests)
                _report(working, note)
                working = [
                    pool.apply_async(_work, (plan.folder, chunk, _of(chunk, requests), answers))
                    for chunk, answers in said.items()
                ]
                spoken += len(group)
                note(event="spoken", chunks=spoken)
            _report(working, note)
    except OSError as error:
        raise LocalError(
            f"{plan.folder}: cannot be written ({error.strerror or error}); the same command continues"
        ) from error
    note(event="made", chunks=spoken, chunks_missing=len(lacking) - spoken)
    return spoken == len(lacking)


def _open(plan: SpeechPlan) -> list[Request]:
    """Read or make the requests of the folder; refuses a folder of another plan."""
    left_out = [
        line
        for path in (sorted(plan.left_out.glob("*.txt")) if plan.left_out else ())
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    try:
        prose = plan.prose.read_bytes()
    except OSError as error:
        raise LocalError(
            f"--prose: expected a file with lines of prose, found {plan.prose} ({error.strerror})"
        ) from error
    wanted = {
        "format": _FORMAT,
        "count": plan.count,
        "seed": plan.seed,
        "prose": hashlib.sha256(prose).hexdigest(),
        "left_out": hashlib.sha256("\n".join(left_out).encode()).hexdigest(),
        "voices": list(VOICES),
    }
    path = plan.folder / _DESCRIPTION
    if path.is_file():
        try:
            found = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError:
            found = None
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise LocalError(
                f"{path}: expected speech of format {_FORMAT}, found another version's: delete it"
            )
        if other := [name for name, value in wanted.items() if found.get(name) != value]:
            raise LocalError(
                f"{path}: expected speech of the same texts, found another {', '.join(other)}: "
                "give another --folder, or delete it"
            )
    elif chunks_with(plan.folder, "speech"):
        raise LocalError(f"{path}: expected beside the chunks of speech, found none: delete the folder")
    with whole_file(path) as partial:
        partial.write_bytes(orjson.dumps(wanted))
    return make_requests(plan.prose, plan.count, seed=plan.seed, left_out=left_out)


def _lacking(folder: Path, chunks: int, note: Note) -> list[int]:
    lacking = []
    for chunk in range(chunks):
        paths = speech_path(folder, chunk), items_path(folder, chunk)
        if all(path.is_file() for path in paths):
            try:
                for path in paths:
                    load(path)
                continue
            except (ValueError, EOFError, zipfile.BadZipFile) as error:
                note(fault=f"chunk {chunk} is damaged and is made again ({error})")
        for path in paths:
            path.unlink(missing_ok=True)
        lacking.append(chunk)
    return lacking


def _of(chunk: int, requests: Sequence[Request]) -> dict[int, Request]:
    begin = chunk * _CHUNK
    return dict(enumerate(requests[begin : begin + _CHUNK], begin))


def _say(teacher: Teacher, chunks: Sequence[int], requests: Sequence[Request]) -> dict[int, Answers]:
    """Have the teacher answer the requests of some chunks.  Returns the answers by chunk."""
    numbers = [number for chunk in chunks for number in _of(chunk, requests)]
    said: dict[int, Answers] = {chunk: [] for chunk in chunks}
    for index, samples, f0 in teacher.say([requests[number] for number in numbers]):
        number = numbers[index]
        said[number // _CHUNK].append((number, samples, f0))
    for answers in said.values():
        answers.sort(key=lambda answer: answer[0])
    return said


def _begin_work() -> None:
    torch.set_num_threads(1)
    _worker["aligner"] = Aligner()


def _work(folder: Path, chunk: int, requests: dict[int, Request], answers: Answers) -> list[str]:
    said: list[SpokenRequest] = []
    measured: list[MeasuredSpeech] = []
    faults: list[str] = []
    for number, samples, f0 in answers:
        found = measure(samples, f0)
        if found is None:
            faults.append(f"{number}: silent")
            continue
        request = requests[number]
        said.append(
            SpokenRequest(request=number, voice=request.voice, speed=request.speed, held_out=request.held_out)
        )
        measured.append(found)
    items: list[tuple[int, Item]] = []
    for place, (one, found) in enumerate(zip(said, measured, strict=True)):
        made = items_of(
            _worker["aligner"], requests[one.request].utterance, found, random.Random(one.request)
        )
        if isinstance(made, str):
            faults.append(f"{one.request}: {made}")
        else:
            items.extend((place, item) for item in made)
    save_speech(folder, chunk, said, measured)
    save_items(folder, chunk, items)
    return faults


def _report(working: Sequence[AsyncResult[list[str]]], note: Note) -> None:
    for made in working:
        for fault in made.get():
            note(fault=fault)
