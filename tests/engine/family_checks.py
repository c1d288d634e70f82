"""The contract of every family, whatever its networks are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from capture_rules import Capture, held_by
from numpy.typing import NDArray

from zelitrio.engine.calls import (
    EncodeRow,
    ExpandRow,
    Frames,
    SpeakRow,
    encode_columns,
    expand_columns,
    speak_columns,
)
from zelitrio.engine.pace import choose_ladder
from zelitrio.engine.runner import Runner
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance
from zelitrio.voices import Model, Voice

CPU, META = torch.device("cpu"), torch.device("meta")
SLOTS, MOST_ROWS = 8, 5
MakeRunner = Callable[[Model], Runner]


def exact_shapes(model: Model) -> Runner:
    return Runner(model, CPU, torch.float32, SLOTS)


def padded_shapes(model: Model) -> Runner:
    runner = exact_shapes(model)
    runner.lay_out(choose_ladder(model.facts, MOST_ROWS, is_wide=True))
    return runner


def cuda_graphs(model: Model) -> Runner:
    runner = Runner(model, torch.device("cuda", torch.cuda.device_count() - 1), torch.float32, SLOTS)
    runner.lay_out(choose_ladder(model.facts, MOST_ROWS, is_wide=True))
    assert all(runner.capture())
    return runner


def read(runner: Runner, voice: Voice, utterances: Sequence[Utterance], slots: Sequence[int]) -> list[Frames]:
    """Read utterances, one after another, and lay them out at their slots."""
    model, found = voice.model, []
    for utterance, slot in zip(utterances, slots, strict=True):
        tokens = model.read(utterance)
        columns = model.columns(tokens, voice.speaker, VoiceSettings(), slot)
        row = EncodeRow(slot=slot, tokens=len(tokens), columns=columns)
        frames = runner.encode([row]).wait()[0, 0, : len(tokens)].copy()
        durations = model.durations(tokens, frames, speed=1.0, joins=False, is_cut=False)
        of = np.repeat(np.arange(len(durations)), durations)
        found.append(Frames(tokens=of, places=model.places(durations)))
        if model.facts.frame_ladder:
            runner.expand([ExpandRow(slot=slot, frames=found[-1], noise_at=100 * slot)]).wait()
    return found


@torch.inference_mode()
def check_windows(voice: Voice, utterances: Sequence[Utterance], make: MakeRunner, atol: float) -> None:
    """Windows of any lengths, in any batch and slots, equal one window over the whole utterance."""
    random = np.random.default_rng(len(utterances))
    facts = voice.model.facts
    ladder = choose_ladder(facts, MOST_ROWS, is_wide=True)
    whole, runner = exact_shapes(voice.model), make(voice.model)
    slots = [int(slot) for slot in random.permutation(SLOTS)[: len(utterances)]]
    laid_out = read(runner, voice, utterances, slots)
    expected = []
    for frames, slot, again in zip(laid_out, slots, read(whole, voice, utterances, slots), strict=True):
        np.testing.assert_array_equal(frames.tokens, again.tokens)
        row = SpeakRow(slot=slot, frames=frames, first=0, noise_at=100 * slot)
        expected.append(whole.speak([row], len(frames) + facts.lag).wait()[0])
    first, heard = [0] * len(slots), [list[NDArray[np.float32]]() for _ in slots]
    while any(at < len(frames) + facts.lag for at, frames in zip(first, laid_out, strict=True)):
        window = int(random.choice(ladder.windows))
        some = random.permutation(len(slots))[: int(random.integers(1, ladder.rows(window) + 1))]
        rows = [
            SpeakRow(slot=slots[at], frames=laid_out[at], first=first[at], noise_at=100 * slots[at])
            for at in some
        ]
        samples = runner.speak(rows, window).wait()
        for row, at in enumerate(some):
            heard[at].append(samples[row].copy())
            first[at] += window
    for samples, reference in zip(heard, expected, strict=True):
        assert np.abs(reference).max() <= 1.0
        begin = facts.lag * facts.hop_samples
        found = np.concatenate(samples)[begin : len(reference)]
        np.testing.assert_allclose(found, reference[begin:], atol=atol)


@torch.inference_mode()
def check_company(voice: Voice, utterances: Sequence[Utterance], make: MakeRunner) -> None:
    """Batches of one shape give bitwise equal durations, whatever the other rows are."""
    runner, model = make(voice.model), voice.model
    rows = []
    for slot, utterance in enumerate(utterances):
        tokens = model.read(utterance)
        columns = model.columns(tokens, voice.speaker, VoiceSettings(), 1)
        rows.append(EncodeRow(slot=slot, tokens=len(tokens), columns=columns))
    rows = [row for row in rows if runner.fits(row.tokens, rows[0].tokens)]
    together = runner.encode(rows).wait().copy()
    for at, row in enumerate(rows):
        alone = runner.encode([row]).wait()[0, 0, : row.tokens]
        np.testing.assert_array_equal(together[at, 0, : row.tokens], alone)


@torch.inference_mode()
def check_capture(model: Model, dtype: torch.dtype, kind: str, rows: int, length: int) -> set[str]:
    """A CUDA graph can hold a call; returns the operations that ran."""
    network, facts = model.load(META, dtype, 4), model.facts
    layouts: dict[str, Any] = {
        "encode": (encode_columns(network, length), (rows, 2, length)),
        "expand": (expand_columns(length), (rows, 2)),
        "speak": (speak_columns(facts, length), (rows, length * facts.hop_samples)),
    }
    call, (columns, shape) = getattr(network, kind), layouts[kind]
    inputs = {
        name: torch.zeros(
            rows, *column.shape, dtype=torch.int64 if column.is_integer else torch.float32, device=META
        )
        for name, column in columns.items()
    }
    with Capture([*held_by(network), *inputs.values()]) as capture:
        out = call(inputs)
    assert (out.shape, out.dtype) == (shape, torch.float32)
    return capture.ran
