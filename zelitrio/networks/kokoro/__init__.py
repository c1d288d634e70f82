"""Kokoro-82M: style, durations, F0 and energy, and a generator with a harmonic source."""

from __future__ import annotations

from zelitrio.networks.kokoro.config import KokoroConfig
from zelitrio.networks.kokoro.network import Kokoro
from zelitrio.networks.kokoro.offline import KokoroRequest, speak_all
from zelitrio.networks.kokoro.slots import KokoroNetwork
from zelitrio.networks.kokoro.statistics import VoiceStatistics, gather_statistics

__all__ = [
    "Kokoro",
    "KokoroConfig",
    "KokoroNetwork",
    "KokoroRequest",
    "VoiceStatistics",
    "gather_statistics",
    "speak_all",
]
