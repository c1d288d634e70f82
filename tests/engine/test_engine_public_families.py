"""Piper and Kokoro in the engine: other rows change nothing, and graphs equal eager calls."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import pytest
import torch
from family_checks import (
    MOST_ROWS,
    MakeRunner,
    check_company,
    cuda_graphs,
    exact_shapes,
    padded_shapes,
)
from numpy.typing import NDArray
from tiny_public import KOKORO as TINY_KOKORO

from bench.made_voices import made_kokoro, made_piper
from zelitrio.engine.calls import EncodeRow, ExpandRow, Frames, SpeakRow
from zelitrio.engine.pace import choose_ladder
from zelitrio.engine.runner import Runner, most_expanded
from zelitrio.networks import KokoroConfig, PiperConfig
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance, read_text
from zelitrio.voices import Model, Voice

PIPER = PiperConfig(hidden=16, latent=12, feed_forward=24, layers=2, duration_width=16, start_width=32)
KOKORO = attrs.evolve(TINY_KOKORO, symbols=KokoroConfig().symbols)
TEXTS = (
    "Yes, of course.",
    "No, never.",
    "So be it then.",
    "The quick brown fox jumps over the lazy dog again.",
)
STEADY = VoiceSettings(stability=1.0)
SAME = 2e-4
"""Products of other shapes sum in another order, which changes the rounding."""


@pytest.fixture(scope="module", params=["piper", "kokoro"])
def voice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Voice:
    folder = tmp_path_factory.mktemp("made")
    return made_piper(folder, 3, PIPER) if request.param == "piper" else made_kokoro(folder, 3, KOKORO)


@pytest.fixture(autouse=True)
def inference() -> object:
    with torch.inference_mode():
        yield


def cuda_eager(model: Model) -> Runner:
    runner = Runner(model, torch.device("cuda", torch.cuda.device_count() - 1), torch.float32, 8)
    runner.lay_out(choose_ladder(model.facts, MOST_ROWS, is_wide=True))
    return runner


WIDE = [padded_shapes, *(pytest.param(make, marks=pytest.mark.gpu) for make in (cuda_eager, cuda_graphs))]


def utterances() -> list[Utterance]:
    return [read_text(text)[0] for text in TEXTS]


def speak(runner: Runner, voice: Voice, together: Sequence[Utterance]) -> list[NDArray[np.float32]]:
    """Read one by one, expand in as few calls as the runner allows, and speak all rows together."""
    model, laid_out = voice.model, list[Frames]()
    for slot, utterance in enumerate(together):
        tokens = model.read(utterance)
        columns = model.columns(tokens, voice.speaker, STEADY, 1)
        read = runner.encode([EncodeRow(slot=slot, tokens=len(tokens), columns=columns)]).wait()
        durations = model.durations(
            tokens, read[0, 0, : len(tokens)].copy(), speed=1.0, joins=False, is_cut=False
        )
        of = np.repeat(np.arange(len(durations)), durations)
        laid_out.append(Frames(tokens=of, places=model.places(durations)))
    rest = list(range(len(laid_out)))
    while rest:
        chosen = [rest[at] for at in runner.together([len(laid_out[at]) for at in rest])]
        runner.expand([ExpandRow(slot=at, frames=laid_out[at], noise_at=0) for at in chosen]).wait()
        rest = [at for at in rest if at not in chosen]
    window = choose_ladder(model.facts, MOST_ROWS, is_wide=True).full
    parts: list[NDArray[np.float32]] = []
    for first in range(0, max(map(len, laid_out)), window):
        rows = [
            SpeakRow(slot=at, frames=frames, first=first, noise_at=0) for at, frames in enumerate(laid_out)
        ]
        parts.append(runner.speak(rows, window).wait()[: len(rows)].copy())
    sound, hop = np.concatenate(parts, 1), model.facts.hop_samples
    return [sound[at, : len(frames) * hop] for at, frames in enumerate(laid_out)]


@pytest.mark.parametrize("make", WIDE)
def test_the_audio_is_the_same_in_any_batch(voice: Voice, make: MakeRunner) -> None:
    runner = make(voice.model)
    together = speak(runner, voice, utterances())
    for utterance, found in zip(utterances(), together, strict=True):
        (alone,) = speak(runner, voice, [utterance])
        assert np.abs(alone).max() > 1e-3
        np.testing.assert_allclose(found, alone, atol=SAME)


@pytest.mark.parametrize("make", WIDE)
def test_durations_are_the_same_in_any_batch(voice: Voice, make: MakeRunner) -> None:
    check_company(voice, utterances(), make)


@pytest.mark.gpu
def test_a_graph_makes_the_sound_of_the_eager_calls(voice: Voice) -> None:
    eager, graph = (speak(make(voice.model), voice, utterances()) for make in (cuda_eager, cuda_graphs))
    for one, other in zip(eager, graph, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_no_expand_is_larger_than_its_network_wants(voice: Voice) -> None:
    facts = voice.model.facts
    ladder = choose_ladder(facts, 64, is_wide=True)
    for frames in facts.frame_ladder:
        rows = most_expanded(facts, ladder, frames)
        assert rows == 1 or rows * frames <= facts.expand_frames
    runner = exact_shapes(voice.model)
    assert runner.together([5, 6, 5]) == [0, 2]
    runner.lay_out(choose_ladder(facts, 64, is_wide=True))
    longest, shortest = facts.frame_ladder[-1], facts.frame_ladder[0]
    assert runner.together([longest, shortest, longest]) in ([0], [0, 2])
    assert runner.together([shortest, longest, shortest]) == [0, 2]
