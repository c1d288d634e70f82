"""An utterance laid out in time without an engine."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tiny_voice import tiny_model

from zelitrio.engine.commands import Speak
from zelitrio.engine.timeline import Timeline, lay_out
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance

MODEL = tiny_model()
LAG = MODEL.facts.lag


def laid_out(
    utterance: Utterance,
    frames: float | Sequence[float],
    *,
    pitch: float = 0.0,
    speed: float = 1.0,
    before: Timeline | None = None,
) -> Timeline:
    """Lay out an utterance with these predicted frames per token at speed 1, and this ln f0."""
    tokens = MODEL.read(utterance)
    read = np.full((2, len(tokens) + 3), pitch, np.float32)  # as wide as a larger shape makes it
    read[0, : len(tokens)] = frames
    settings = VoiceSettings(speed=speed)
    speak = Speak(stream=0, index=0, utterance=utterance, settings=settings, fed_at_s=0.0)
    return lay_out(MODEL, tokens, speak, read, before)
