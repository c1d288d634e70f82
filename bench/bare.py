"""Run the engine's networks in a plain loop, without a thread, Trio or a socket.

No server with these networks can be faster, so other benches divide their figures by these.
"""

from __future__ import annotations

import time

import attrs
import numpy as np
import numpy.typing as npt
import torch

from bench.options import Options
from zelitrio.engine.calls import EncodeRow, Frames, SpeakRow
from zelitrio.engine.commands import Speak
from zelitrio.engine.device import open_device
from zelitrio.engine.pace import choose_ladder
from zelitrio.engine.runner import Runner
from zelitrio.engine.timeline import lay_out
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance, load_front_end


@attrs.frozen(kw_only=True)
class FirstAudio:
    """The parts of the time to one utterance's first samples, in seconds."""

    text_s: float
    """Front end: text to phones."""
    encode_s: float
    """Encode and layout: phones to a timeline."""
    window_s: float
    """The first window of samples."""

    @property
    def networks_s(self) -> float:
        """The total without the text."""
        return self.encode_s + self.window_s

    @property
    def total_s(self) -> float:
        """The time from text to samples."""
        return self.text_s + self.encode_s + self.window_s


class Bare:
    """Drives the networks of one voice.

    Args:
        options: voice, device and number format.
        rows: largest batch.
        threads: torch's threads on a CPU; None: as many as the engine takes.
    """

    def __init__(self, options: Options, rows: int = 1, threads: int | None = None) -> None:
        self.voice = options.chosen_voice()
        self.front_end = load_front_end()
        device = open_device(options.engine)
        self.device = attrs.evolve(device, threads=threads or device.threads)
        self.threads = self.device.threads
        self.device.enter_thread()
        self.facts = self.voice.model.facts
        # The engine's shapes for a CPU are used on every device, so that the compared windows are the same.
        self.ladder = choose_ladder(self.facts, rows, is_wide=False)
        self.graphs = 0
        with torch.inference_mode():
            self.runner = Runner(self.voice.model, device.device, device.dtype, rows)
            if device.is_cuda:
                self.runner.lay_out(self.ladder)
                self.graphs = len(list(self.runner.capture())) if options.engine.graphs else 0

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
        assert pcm[0, self.facts.lag * self.facts.hop_samples :].size
        return FirstAudio(text_s=read - begin, encode_s=encoded - read, window_s=spoken - encoded)

    @torch.inference_mode()
    def whole(self, text: str, rows: int = 1, window: int | None = None) -> tuple[float, float]:
        """Speak a sentence in `rows` lanes at once, text included.

        Returns:
            Seconds of audio of all rows together, and seconds that the computation took.
        """
        begin = time.perf_counter()
        for _ in range(rows):
            utterance = self.front_end.utterance(text)
        timeline = self._encode(utterance, rows)
        size = window or max(self.ladder.windows)
        first = 0
        while first - self.facts.lag < len(timeline):
            self._window(timeline, rows, first, size)
            first += size
        return rows * len(timeline) * self.facts.hop_s, time.perf_counter() - begin

    @torch.inference_mode()
    def step_s(self, rows: int, window: int, repeats: int) -> list[float]:
        """Return the seconds of single steps in the middle of an utterance."""
        timeline = self._encode(self.front_end.utterance("A wide and windy afternoon, " * 5), rows)
        taken = []
        for _ in range(repeats + 2):
            begin = time.perf_counter()
            self._window(timeline, rows, 0, window)
            taken.append(time.perf_counter() - begin)
        return taken[2:]

    def _encode(self, utterance: Utterance, rows: int) -> Frames:
        model, settings = self.voice.model, VoiceSettings()
        tokens = model.read(utterance)
        columns = model.columns(tokens, self.voice.speaker, settings, 7)
        at_once = self.ladder.max_encode
        for begin in range(0, rows, at_once):
            read = self.runner.encode(
                [
                    EncodeRow(slot=slot, tokens=len(tokens), columns=columns)
                    for slot in range(begin, min(rows, begin + at_once))
                ]
            ).wait()
        speak = Speak(stream=0, index=0, utterance=utterance, settings=settings, fed_at_s=0.0)
        return lay_out(model, tokens, speak, read[0], None).frames

    def _window(self, timeline: Frames, rows: int, first: int, window: int) -> npt.NDArray[np.float32]:
        return self.runner.speak(
            [SpeakRow(slot=slot, frames=timeline, first=first, noise_at=0) for slot in range(rows)],
            window,
        ).wait()


@attrs.frozen(kw_only=True)
class Best:
    """The shape in which the bare engine makes the most audio per second."""

    audio_s_per_s: float
    rows: int
    window: int
    threads: int


def best_throughput(bare: Bare, texts: tuple[str, ...], seconds: float, most_rows: int) -> Best:
    """Speak whole sentences, text included, with every batch of the ladder for `seconds` in all."""
    rows = [1 << power for power in range(most_rows.bit_length()) if 1 << power <= most_rows]
    window = max(bare.ladder.windows)
    found = []
    for count in rows:
        bare.whole(texts[0], count, window)
        shape = Best(audio_s_per_s=0.0, rows=count, window=window, threads=bare.threads)
        made = throughput(bare, texts, seconds / len(rows), shape)
        found.append(attrs.evolve(shape, audio_s_per_s=made))
    return max(found, key=lambda best: best.audio_s_per_s)


def throughput(bare: Bare, texts: tuple[str, ...], seconds: float, shape: Best) -> float:
    """Speak whole sentences in one shape for `seconds`.  Returns audio-seconds per second."""
    audio_s = taken_s = 0.0
    turn = 0
    while taken_s < seconds:
        made, took = bare.whole(texts[turn % len(texts)], shape.rows, shape.window)
        audio_s, taken_s, turn = audio_s + made, taken_s + took, turn + 1
    return audio_s / taken_s
