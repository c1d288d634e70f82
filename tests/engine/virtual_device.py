"""The engine's thread with a virtual device and clock: scripted step times, and listeners that play.

Only the networks are replaced: worker, scheduler and admission are real.  The script advances the time.
"""

from __future__ import annotations

import queue
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zelitrio.engine.admission import Admission, Member
from zelitrio.engine.commands import (
    Close,
    Command,
    Credit,
    Delivery,
    Ended,
    Finish,
    Open,
    Progress,
    Speak,
    Spoken,
    Stop,
)
from zelitrio.engine.loading import ReadyModel
from zelitrio.engine.outbox import Outbox
from zelitrio.engine.pace import Pace, Tempo, choose_ladder
from zelitrio.engine.runner import Runner
from zelitrio.engine.worker import Worker
from zelitrio.errors import CapacityError
from zelitrio.networks import (
    Facts,
    Inputs,
    Network,
)
from zelitrio.networks.family import Field
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.text import Break, Limit, Utterance, Word
from zelitrio.voices.family import word_edges

FACTS = Facts(sample_rate_hz=8_000, hop_samples=80, token_ladder=(512,), first_frames=24, lag=16)
WORD_FRAMES = 25


@attrs.define(eq=False)
class Clock:
    now_s: float = 0.0


@attrs.define(eq=False)
class SilentNetwork:
    """Computes nothing, and advances the time."""

    tempo: Tempo
    clock: Clock
    slowness: Callable[[float], float]
    encode_s: float
    encode_fields: Mapping[str, Field] = attrs.field(factory=dict)

    def encode(self, inputs: Inputs) -> Tensor:
        self.clock.now_s += self.encode_s * self.slowness(self.clock.now_s)
        longest = int(inputs["length"].max())
        return torch.full((len(inputs["slot"]), 2, longest), float(WORD_FRAMES))

    def speak(self, inputs: Inputs) -> Tensor:
        rows, window = inputs["tokens"].shape
        taken_s = self.tempo.pace.window_s(window, int((inputs["length"] > 0).sum()))
        self.clock.now_s += taken_s * self.slowness(self.clock.now_s)
        return torch.ones(rows, window * FACTS.hop_samples)


@attrs.frozen(eq=False)
class WordTokens:
    words: NDArray[np.int64]

    @property
    def pauses_s(self) -> NDArray[np.float32]:
        return np.full(len(self.words), np.nan, np.float32)

    def __len__(self) -> int:
        return len(self.words)


@attrs.frozen(eq=False)
class SilentModel:
    """A token is a word."""

    network: SilentNetwork
    facts: Facts = FACTS
    limit: Limit = attrs.field(factory=Limit)
    is_lazy: bool = False
    memory_bytes: int = 1_000_000

    def read(self, utterance: Utterance) -> WordTokens:
        return WordTokens(np.arange(len(utterance.words)))

    def columns(self, reading: Any, speaker: Any, settings: VoiceSettings, seed: int) -> dict[str, Any]:
        return {}

    def durations(self, reading: Any, frames: NDArray[np.float32], **how: Any) -> NDArray[np.int64]:
        return frames.astype(np.int64)

    def places(self, durations: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.zeros((int(durations.sum()), 0), np.float32)

    def seam_frames(self, reading: Any, durations: NDArray[np.int64]) -> int:
        return 0

    def word_edges(self, reading: Any, durations: NDArray[np.int64]) -> dict[int, tuple[float, float]]:
        return word_edges(reading.words, durations)

    def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
        return self.network


@attrs.define(eq=False)
class Listener:
    """Plays its audio in real time, from the first block on."""

    member: Member
    fed_at_s: float
    first_s: float | None = None
    dry_at_s: float = 0.0
    dry_s: float = 0.0
    """Seconds with an empty buffer between the first audio and the last."""
    owed_s: float = 0.0
    """Seconds played but not reported to the engine."""


class VirtualBox:
    """A server's engine under a scripted load.

    Args:
        tempo: the tempo measured at start.
        slowness: factor on the duration of a step at a time.
        encode_s: duration of an encode call.
        rate: random arrivals a second.
        speech_s: audio of each stream.
        is_paced: whether listeners give credit as they play, or at once.
    """

    def __init__(
        self,
        tempo: Tempo,
        *,
        slowness: Callable[[float], float],
        rate: float,
        seconds: float,
        speech_s: float,
        encode_s: float = 5e-3,
        is_paced: bool = True,
        seed: int = 0,
    ) -> None:
        self.clock = Clock()
        self.tempo = tempo
        self.admission = Admission(1000)
        self.listeners: dict[int, Listener] = {}
        self.ended: list[Listener] = []
        self.refused = 0
        self.capacities: list[tuple[float, int]] = []
        self._is_paced = is_paced
        self._progress = Progress()
        self._commands: deque[Command] = deque()
        chance = random.Random(seed)
        self._arrivals: deque[float] = deque()
        at_s = 0.0
        while (at_s := at_s + chance.expovariate(rate)) < seconds:
            self._arrivals.append(at_s)
        words = round(speech_s / FACTS.hop_s / WORD_FRAMES)
        word = Word("word", (0, 0), ("W", "ER1", "D"), Break.NONE)
        self._utterance = Utterance("", (word,) * words)
        self._number = 0
        self._played_at_s = -1.0
        network = SilentNetwork(tempo, self.clock, slowness, encode_s)
        runner = Runner(SilentModel(network), torch.device("cpu"), torch.float32, 1000)
        settings = EngineSettings(max_streams=1000)
        self._worker = Worker(
            {0: ReadyModel(runner=runner, tempo=tempo)},
            settings,
            self,  # type: ignore[arg-type]  # a queue that makes its own commands
            Outbox(self._post),
            is_wide=tempo.pace.is_wide,
            now=lambda: self.clock.now_s,
        )

    def run(self) -> None:
        with torch.inference_mode():
            self._worker.serve()

    # The clients' side: they come, play and leave.

    def get_nowait(self) -> Command:
        self._arrive()
        if self._commands:
            return self._commands.popleft()
        raise queue.Empty

    def get(self, timeout: float | None = None) -> Command:
        times = [self.clock.now_s + 0.05] if self.listeners else []
        times += list(self._arrivals)[:1]
        if timeout is not None:
            times.append(self.clock.now_s + timeout)
        if not times:
            return Stop()
        self.clock.now_s = max(self.clock.now_s, min(times))
        return self.get_nowait()

    def _arrive(self) -> None:
        now_s = self.clock.now_s
        if self._is_paced and now_s != self._played_at_s:
            self._played_at_s = now_s
            for number, listener in self.listeners.items():
                self._play(number, listener, now_s)
        while self._arrivals and self._arrivals[0] <= now_s:
            at_s = self._arrivals.popleft()
            try:
                self.admission.make_room(self.tempo, self._progress.slowness, now_s)
            except CapacityError:
                self.refused += 1
                continue
            number, self._number = self._number, self._number + 1
            member = self.admission.enter(number, self.tempo, now_s)
            member.is_speaking = member.was_fed = True
            self.listeners[number] = Listener(member, at_s)
            self._commands += (
                Open(stream=number, model=0, speaker=0, seed=0),
                Speak(
                    stream=number,
                    index=0,
                    utterance=self._utterance,
                    settings=VoiceSettings(),
                    fed_at_s=at_s,
                ),
                Finish(stream=number),
            )

    def _play(self, number: int, listener: Listener, now_s: float) -> None:
        if listener.first_s is None:
            return
        kept_s = max(0.0, listener.dry_at_s - now_s)
        played_s, listener.owed_s = listener.owed_s - kept_s, kept_s
        if played_s > 0:
            self._commands.append(Credit(stream=number, audio_s=played_s))

    # The engine's side.

    def _post(self, deliveries: Sequence[Delivery], progress: Progress) -> None:
        self._progress = progress
        now_s = self.clock.now_s
        self.capacities.append((now_s, self.admission.capacity(self.tempo, progress.slowness)))
        for delivery in deliveries:
            listener = self.listeners[delivery.stream]
            match delivery:
                case Spoken() if len(delivery.pcm):
                    audio_s = len(delivery.pcm) / FACTS.sample_rate_hz
                    if listener.first_s is None:
                        listener.first_s = listener.dry_at_s = now_s
                        listener.member.has_audio = True
                    listener.dry_s += max(0.0, now_s - listener.dry_at_s)
                    listener.dry_at_s = max(listener.dry_at_s, now_s) + audio_s
                    listener.owed_s += audio_s
                    if not self._is_paced:
                        self._commands.append(Credit(stream=delivery.stream, audio_s=audio_s))
                case Ended():
                    self.admission.leave(delivery.stream)
                    self.ended.append(self.listeners.pop(delivery.stream))
                    self._commands.append(Close(stream=delivery.stream))
                case _:
                    pass


def tempo_of(*, is_wide: bool) -> Tempo:
    """A CPU core, or a slow GPU with small batches, so that the test needs few streams."""
    ladder = choose_ladder(FACTS, 4, is_wide=is_wide)
    pace = (
        Pace(frame_s=1e-5, step_s=1.5e-2, is_wide=True, frames_per_s=4 * 64 / (1.5e-2 + 64e-5))
        if is_wide
        else Pace(frame_s=3e-4, step_s=4e-3, is_wide=False, frames_per_s=64 / (4e-3 + 64 * 3e-4))
    )
    return Tempo(pace=pace, ladder=ladder, lag=FACTS.lag, hop_s=FACTS.hop_s)
