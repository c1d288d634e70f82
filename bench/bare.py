"""The computation alone: the engine's own networks in a plain loop, without a thread, Trio or a socket.

What this takes is what any server over these networks must take at least: the denominator.
"""

from __future__ import annotations

import time

import attrs
import numpy as np
import numpy.typing as npt
import torch

from bench.options import Options
from zelitrio.engine import Ladder
from zelitrio.engine.device import choose_device, choose_dtype, choose_threads
from zelitrio.engine.runner import EncodeRow, Runner, SpeakRow
from zelitrio.engine.timeline import Timeline, lay_out
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance, load_front_end
from zelitrio.voices import phone_inputs


@attrs.frozen(kw_only=True)
class FirstAudio:
    """One utterance's way to its first samples, in seconds."""

    text_s: float
    """Front end: text to phonemes."""
    encode_s: float
    """Phonemes to phone rows and a timeline."""
    window_s: float
    """The first window of samples."""

    @property
    def networks_s(self) -> float:
        """Without the text."""
        return self.encode_s + self.window_s

    @property
    def total_s(self) -> float:
        """From text to samples."""
        return self.text_s + self.encode_s + self.window_s


class Bare:
    """One voice's networks, driven by hand.

    Args:
        options: voice, device and number format.
        rows: most rows of a batch.
        threads: of torch, on a CPU; None for as many as the engine would take.
    """

    def __init__(self, options: Options, rows: int = 1, threads: int | None = None) -> None:
        self.ladder = Ladder(max_batch=rows, max_encode=min(8, rows))
        self.voice = options.chosen_voice()
        self.front_end = load_front_end()
        self.threads = threads or choose_threads(options.engine)
        device = choose_device(options.engine)
        if device.type == "cpu":
            torch.set_num_threads(self.threads)
        self.runner = Runner(self.voice.model, device, choose_dtype(options.engine, device), rows)
        self.graphs = 0
        if device.type == "cuda":
            with torch.inference_mode():
                shapes = self.runner.prepare(
                    self.ladder.windows, rows, self.ladder.max_encode, graphs=options.engine.graphs
                )
                self.graphs = len(list(shapes))
        self.hop_s = self.runner.hop_samples / self.runner.sample_rate_hz

    @torch.inference_mode()
    def first(self, text: str) -> FirstAudio:
        """Time the way to the first samples."""
        begin = time.perf_counter()
        utterance = self.front_end.utterance(text)
        read = time.perf_counter()
        timeline = self._encode(utterance, 1)
        encoded = time.perf_counter()
        pcm = self._window(timeline, 1, 0, self.ladder.first)
        spoken = time.perf_counter()
        assert pcm[0, self.runner.lag * self.runner.hop_samples :].size
        return FirstAudio(text_s=read - begin, encode_s=encoded - read, window_s=spoken - encoded)

    @torch.inference_mode()
    def whole(self, text: str, rows: int = 1, window: int | None = None) -> tuple[float, float]:
        """Speak a sentence to its end in `rows` lanes at once, text included.

        Returns:
            Seconds of audio made, all rows together, and seconds it took.
        """
        begin = time.perf_counter()
        for _ in range(rows):
            utterance = self.front_end.utterance(text)
        timeline = self._encode(utterance, rows)
        size = window or max(self.ladder.windows)
        first = 0
        while first - self.runner.lag < timeline.length:
            self._window(timeline, rows, first, size)
            first += size
        return rows * timeline.length * self.hop_s, time.perf_counter() - begin

    @torch.inference_mode()
    def step_s(self, rows: int, window: int, repeats: int) -> list[float]:
        """Seconds of single steps in the middle of an utterance."""
        timeline = self._encode(self.front_end.utterance("A wide and windy afternoon, " * 5), rows)
        taken = []
        for _ in range(repeats + 2):
            begin = time.perf_counter()
            self._window(timeline, rows, 0, window)
            taken.append(time.perf_counter() - begin)
        return taken[2:]

    def _encode(self, utterance: Utterance, rows: int) -> Timeline:
        inputs = phone_inputs(utterance)
        at_once = self.ladder.max_encode
        for begin in range(0, rows, at_once):
            frames = self.runner.encode(
                [
                    EncodeRow(
                        slot=slot, inputs=inputs, speaker=self.voice.speaker, settings=VoiceSettings(), seed=7
                    )
                    for slot in range(begin, min(rows, begin + at_once))
                ]
            ).wait()
        return lay_out(inputs, frames[0, 0, : len(inputs)], 1.0, self.hop_s * 1000)

    def _window(self, timeline: Timeline, rows: int, first: int, window: int) -> npt.NDArray[np.float32]:
        return self.runner.speak(
            [
                SpeakRow(slot=slot, timeline=timeline, speaker=self.voice.speaker, first=first, noise_at=0)
                for slot in range(rows)
            ],
            window,
        ).wait()


@attrs.frozen(kw_only=True)
class Best:
    """The shape in which the bare engine makes the most audio."""

    audio_s_per_s: float
    rows: int
    window: int
    threads: int


def best_throughput(bare: Bare, texts: tuple[str, ...], seconds: float, most_rows: int) -> Best:
    """Find it: whole sentences, text included, at every batch of the ladder, `seconds` for all."""
    rows = [1 << power for power in range(most_rows.bit_length()) if 1 << power <= most_rows]
    shapes = [(count, max(bare.ladder.windows)) for count in rows]
    found = []
    for count, window in shapes:
        bare.whole(texts[0], count, window)
        audio_s = taken_s = 0.0
        turn = 0
        while taken_s < seconds / len(shapes):
            made, took = bare.whole(texts[turn % len(texts)], count, window)
            audio_s, taken_s, turn = audio_s + made, taken_s + took, turn + 1
        found.append(Best(audio_s_per_s=audio_s / taken_s, rows=count, window=window, threads=bare.threads))
    return max(found, key=lambda best: best.audio_s_per_s)
