"""Load models onto the device: weights, captured graphs, measured speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

import attrs
import torch

from zelitrio.engine.calibration import calibrate
from zelitrio.engine.commands import Captures
from zelitrio.engine.device import Device, used_mib
from zelitrio.engine.pace import Tempo, choose_ladder
from zelitrio.engine.runner import Runner, call_shapes
from zelitrio.settings import EngineSettings
from zelitrio.voices import Model, Voice

Captured = Callable[[str, int, int], None]
"""Called with a captured graph's name, the number captured until now, and the total."""


@attrs.frozen(kw_only=True, eq=False)
class ReadyModel:
    """A model on the device, ready to speak."""

    runner: Runner
    tempo: Tempo
    captures: Iterator[str] = attrs.field(factory=lambda: iter(()))
    """Each `next` captures one more shape and returns its name; called in the engine's thread."""


def load(voice: Voice, device: Device, settings: EngineSettings) -> ReadyModel:
    """Load a voice's model while the engine serves.  Blocks; call it in a thread.

    The engine's thread captures its shapes later, one by one, while it is idle.

    Raises:
        VoiceError: the voice's files are missing or damaged.
        RuntimeError: the device has not enough memory.
    """
    with torch.inference_mode():
        device.enter_thread()
        runner = _bring(voice.model, device, settings)
        tempo = _measure(runner, voice, device, settings)
        graphs = device.is_cuda and settings.graphs
        return ReadyModel(runner=runner, tempo=tempo, captures=runner.capture() if graphs else iter(()))


def load_all(
    voices: Mapping[int, Voice], device: Device, settings: EngineSettings, captured: Captured | None
) -> tuple[dict[int, ReadyModel], Captures]:
    """Load models before the first stream, capture their graphs and measure them.

    Args:
        voices: a voice of each model, by the model's number.
        device: the device.
        settings: the engine's settings.
        captured: called after each captured graph.
    """
    runners = {number: _bring(voice.model, device, settings) for number, voice in voices.items()}
    captures = Captures()
    if device.is_cuda:
        captures = capture_all(list(runners.values()), device, settings, captured)
    return {
        number: ReadyModel(runner=runner, tempo=_measure(runner, voices[number], device, settings))
        for number, runner in runners.items()
    }, captures


def capture_all(
    runners: list[Runner], device: Device, settings: EngineSettings, captured: Captured | None
) -> Captures:
    """Capture all shapes of all runners, unless the settings turn graphs off."""
    if not settings.graphs:
        return Captures()
    begin_s, before_mib = time.perf_counter(), used_mib(device.device)
    total = sum(
        len(call_shapes(runner.facts, choose_ladder(runner.facts, settings.max_batch, is_wide=True)))
        for runner in runners
    )
    names: list[str] = []
    for runner in runners:
        for name in runner.capture():
            names.append(name)
            if captured is not None:
                captured(name, len(names), total)
    mib = used_mib(device.device) - before_mib
    return Captures(names=tuple(names), took_s=time.perf_counter() - begin_s, mib=mib)


def _bring(model: Model, device: Device, settings: EngineSettings) -> Runner:
    runner = Runner(model, device.device, device.dtype, settings.max_streams)
    if device.is_wide:
        runner.lay_out(choose_ladder(model.facts, settings.max_batch, is_wide=True))
    return runner


def _measure(runner: Runner, voice: Voice, device: Device, settings: EngineSettings) -> Tempo:
    facts = runner.facts
    ladder = choose_ladder(facts, settings.max_batch, is_wide=device.is_wide)
    return Tempo(
        pace=calibrate(runner, ladder, voice.speaker, is_wide=device.is_wide),
        ladder=ladder,
        lag=facts.lag,
        hop_s=facts.hop_s,
        expands=bool(facts.frame_ladder),
        keeps_state=facts.keeps_state,
    )
