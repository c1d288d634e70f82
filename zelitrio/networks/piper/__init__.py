"""Piper: VITS with a text encoder, stochastic durations, a flow and a HiFi-GAN decoder."""

from __future__ import annotations

from zelitrio.networks.piper.config import PiperConfig
from zelitrio.networks.piper.slots import PiperEnd, PiperNetwork
from zelitrio.networks.piper.vits import Vits

__all__ = ["PiperConfig", "PiperEnd", "PiperNetwork", "Vits"]
