"""Real public voices in time: silence at the ends, speed, and the ends of words."""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch
import trio
from real_packages import MARKS

from bench.edges import Edges, heard_edges
from bench.timing import end_errors
from bench.word_ends import sentences
from zelitrio.audio import parse_format
from zelitrio.engine import open_engine
from zelitrio.session import Service
from zelitrio.settings import EngineSettings
from zelitrio.text import load_front_end
from zelitrio.voices import Catalogue, load_folder

pytestmark = MARKS

JOE, STREAMING, EXACT = "en_US-joe-medium", "af_one", "am_two"
MOST_SILENCE_MS = 80.0
MOST_OFF_MS = {JOE: 60.0, STREAMING: 90.0}
TEXTS = (
    "Yes, I think that is right.",
    "She left a cup on the shelf.",
    "A piece of cake and a black book.",
    "Is Jack your best friend, Jeff?",
    "Come back at nine.",
    "Six fish swim fast.",
    "Stop it!",
    "What is the best way to get there?",
    "The wood is dark, and the road is long.",
    "Hello there!",
)
"""They begin and end with stops, hisses, nasals and vowels."""
TIMED = "The wood is dark blue, and the road is open today."
COUNTS = {JOE: (10, 8), STREAMING: (10, 3), EXACT: (2, 0)}
"""Texts for silence, and sentences for the ends of words, of each voice."""


@attrs.frozen(kw_only=True, eq=False)
class Found:
    """What one voice said."""

    edges: dict[str, Edges]
    """By text."""
    speech_ms: dict[float, float]
    """The length of `TIMED` by speed."""
    errors_ms: list[float]
    """How much later than told the sound of words ended."""


@pytest.fixture(scope="module")
def found(joe: Path, kokoro: Path) -> dict[str, Found]:
    """All voices, spoken by one engine: to load Kokoro takes seconds."""
    before = torch.get_num_threads()
    try:
        return trio.run(speak, Catalogue([*load_folder(joe), *load_folder(kokoro)]))
    finally:
        torch.set_num_threads(before)


async def speak(catalogue: Catalogue) -> dict[str, Found]:
    made: dict[str, Found] = {}
    pcm = parse_format("pcm_24000")
    async with open_engine(catalogue, EngineSettings(device="cpu", cpu_threads=1)) as engine:
        service = Service(engine, load_front_end())
        for name, (silent, timed) in COUNTS.items():
            voice = catalogue.voices[name]
            speeds = (1.0, 0.7, 1.2) if timed else ()
            made[name] = Found(
                edges={text: await heard_edges(engine, voice, text, 1.0) for text in TEXTS[:silent]},
                speech_ms={
                    speed: (await heard_edges(engine, voice, TIMED, speed)).speech for speed in speeds
                },
                errors_ms=[
                    error
                    for text in sentences(timed, seed=7)
                    for _, error in await end_errors(service, voice, text, pcm, 7)
                ],
            )
    return made


@pytest.mark.parametrize("name", COUNTS)
def test_there_is_little_silence_before_and_after_speech(found: dict[str, Found], name: str) -> None:
    for text, edges in found[name].edges.items():
        assert max(edges.before, edges.after) <= MOST_SILENCE_MS, text


@pytest.mark.parametrize("name", [JOE, STREAMING])
@pytest.mark.parametrize("speed", [0.7, 1.2])
def test_speed_is_exact_to_three_percent(found: dict[str, Found], name: str, speed: float) -> None:
    speech_ms = found[name].speech_ms
    assert speech_ms[speed] == pytest.approx(speech_ms[1.0] / speed, rel=0.03)


@pytest.mark.parametrize("name", [JOE, STREAMING])
def test_words_before_a_pause_end_where_the_sound_does(found: dict[str, Found], name: str) -> None:
    errors_ms = found[name].errors_ms
    assert len(errors_ms) > COUNTS[name][1]
    assert np.abs(errors_ms).max() <= MOST_OFF_MS[name], sorted(errors_ms)
