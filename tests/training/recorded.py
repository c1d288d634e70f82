"""Folders of recordings for making voices: tones with a speaker's pitch and timbre, and spoken sentences."""

from __future__ import annotations

import functools
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

SENTENCE = "The weather was fine, so we walked along the river."
SECONDS = 3.0
SPOKEN = (
    "We walked along the river until the evening.",
    "The doctor said that he should rest for a week.",
    "Most of the children had never seen snow before.",
    "Please leave your message after the tone.",
    "A small fire burned in the kitchen.",
    "Where did you learn to speak so well?",
    "She put the blue box on the shelf.",
    "Nothing in the letter explained it.",
)


@functools.cache
def voiced(hz: float, seconds: float = SECONDS, *, rate_hz: int = 24_000, slope: float = 1.0) -> np.ndarray:
    """Syllables of a buzz with harmonics that fall by `slope`; quiet at both ends and between them."""
    time_s = np.arange(int(seconds * rate_hz)) / rate_hz
    top = int(min(11_500.0, 0.47 * rate_hz) / hz)
    buzz = sum(np.sin(2 * np.pi * hz * n * time_s + n * n) / n**slope for n in range(1, top))
    syllables = np.clip(np.sin(2 * np.pi * 4.0 * time_s) + 0.6, 0.0, 1.0)
    inside = (time_s > 0.15) & (time_s < seconds - 0.15)
    noise = np.random.default_rng(int(hz)).normal(0, 1e-4, len(time_s))
    pcm = 0.05 * np.asarray(buzz) * syllables * inside + noise
    return pcm.astype(np.float32)


def write_wav(path: Path, pcm: np.ndarray, rate_hz: int = 24_000) -> None:
    """float32 [samples] or [samples, channels] as 16-bit WAV."""
    channels = 1 if pcm.ndim == 1 else pcm.shape[1]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes((np.clip(pcm, -1.0, 1.0) * 32767).astype("<i2").tobytes())


def write_table(folder: Path, rows: Sequence[tuple[str, str]]) -> None:
    """Write the folder's `metadata.csv`."""
    (folder / "metadata.csv").write_text("".join(f"{file}|{text}\n" for file, text in rows), encoding="utf-8")


def good_folder(folder: Path, count: int = 4, hz: float = 120.0) -> list[tuple[str, str]]:
    """Write valid recordings and their table; return the rows of the table."""
    folder.mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        write_wav(folder / f"good{number}.wav", voiced(hz + number % 5, 3.0 + 0.01 * number))
        rows.append((f"good{number}.wav", SENTENCE))
    write_table(folder, rows)
    return rows


def spoken_folder(folder: Path) -> None:
    """Write sentences spoken by the first built-in voice."""
    from zelitrio.text import load_front_end
    from zelitrio.training.speaking import speak
    from zelitrio.voices import load_builtin

    folder.mkdir(exist_ok=True)
    voice, front_end = load_builtin().default, load_front_end()
    for number, text in enumerate(SPOKEN):
        pcm = speak(voice, front_end.utterance(text))
        write_wav(folder / f"{number}.wav", np.pad(pcm, 2_400))
    write_table(folder, [(str(number), text) for number, text in enumerate(SPOKEN)])
