"""The compared systems: the voices under test and other synthesisers."""

from __future__ import annotations

import math
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import trio

from bench.voice.espeak import MISSING_ESPEAK, Espeak, find_library
from bench.voice.in_engine import stream
from bench.voice.spoken import RATE_HZ, SEED, Pcm, Spoken
from zelitrio.audio import decode_file
from zelitrio.engine import open_engine
from zelitrio.settings import EngineSettings
from zelitrio.text import PHONES, Utterance, load_front_end, spoken_text
from zelitrio.training import HOP_SAMPLES, speak_timed
from zelitrio.voices import Catalogue, Voice, phone_inputs

Say = Callable[[str], Spoken]
_PLOSIVES = frozenset(PHONES.index(phone) for phone in ("P", "T", "K", "B", "D", "G", "CH", "JH"))
MISSING_FLITE = "flite: left out, the program was not found: apt-get install flite"


def words_of(utterance: Utterance) -> tuple[str, ...]:
    """The words of an utterance, as a listener should hear them."""
    return tuple(word.spoken for word in utterance.words)


def voice_system(voice: Voice) -> Say:
    """A voice of zelitrio: whole utterances by the bare networks, timed with the front end."""

    def say(text: str) -> Spoken:
        started_s = time.perf_counter()
        utterance = load_front_end().utterance(text)
        pcm, durations = speak_timed(voice, utterance, noise_at=SEED)
        made_in_s = time.perf_counter() - started_s
        return Spoken(
            words_of(utterance), pcm, made_in_s, _releases(phone_inputs(utterance).phones, durations)
        )

    return say


def _releases(phones: npt.NDArray[np.int64], durations: npt.NDArray[np.int64]) -> tuple[tuple[int, int], ...]:
    """First and last sample of each plosive, and of the 20 ms after it."""
    ends = np.cumsum(durations)
    return tuple(
        (int(end - frames) * HOP_SAMPLES, int(end) * HOP_SAMPLES + RATE_HZ // 50)
        for phone, frames, end in zip(phones.tolist(), durations, ends, strict=True)
        if phone in _PLOSIVES
    )


def public_system(voice: Voice, texts: Sequence[str]) -> Say:
    """A public voice; its engine speaks all texts before this returns."""

    async def say_all() -> dict[str, Spoken]:
        async with open_engine(Catalogue([voice]), EngineSettings(cpu_threads=1)) as engine:
            said = {}
            front_end = voice.front_end(load_front_end())
            for text in texts:
                utterance = front_end.utterance(text)
                heard = await stream(engine, voice.voice_id, [utterance])
                said[text] = Spoken(words_of(utterance), _at_rate(heard.pcm, voice.sample_rate_hz))
            return said

    return trio.run(say_all).__getitem__


def _at_rate(pcm: Pcm, rate_hz: int) -> Pcm:
    if rate_hz == RATE_HZ:
        return pcm
    from scipy.signal import resample_poly

    shared = math.gcd(RATE_HZ, rate_hz)
    return np.asarray(resample_poly(pcm, RATE_HZ // shared, rate_hz // shared), np.float32)


def open_references() -> tuple[dict[str, Say], list[str]]:
    """Load the other installed synthesisers by name; return also a line for each missing one."""
    found: dict[str, Say] = {}
    left_out: list[str] = []
    if shutil.which("flite"):
        found["flite slt"] = _reading(_flite)
    else:
        left_out.append(MISSING_FLITE)
    library = find_library()
    if library is not None:
        found["espeak-ng"] = _reading(Espeak(*library))
    else:
        left_out.append(MISSING_ESPEAK)
    return found, left_out


def _reading(make: Callable[[str], Pcm]) -> Say:
    # Words come from zelitrio's front end, so that voices are compared and not their reading of numbers.
    def say(text: str) -> Spoken:
        utterance = load_front_end().utterance(text)
        return Spoken(words_of(utterance), make(spoken_text(utterance).text))

    return say


def _flite(text: str) -> Pcm:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        subprocess.run(["flite", "-voice", "slt", "-t", text, "-o", str(path)], check=True)
        return np.asarray(decode_file(path, RATE_HZ))
