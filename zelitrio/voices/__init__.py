"""Voices: what a voice is, where it comes from, and how an utterance is put to its networks."""

from __future__ import annotations

from zelitrio.voices.durations import spoken_durations, whole_durations
from zelitrio.voices.family import Model, Tokens, word_edges
from zelitrio.voices.folder import FORMAT_VERSION, load_builtin, load_folder, save_folder
from zelitrio.voices.inputs import (
    FEATURES,
    PHONE_TOKENS,
    STRESS_TOKENS,
    PhoneInputs,
    frame_positions,
    phone_inputs,
)
from zelitrio.voices.model import Catalogue, Voice
from zelitrio.voices.zeli import ZeliModel, manner, zeli_model

__all__ = [
    "FEATURES",
    "FORMAT_VERSION",
    "PHONE_TOKENS",
    "STRESS_TOKENS",
    "Catalogue",
    "Model",
    "PhoneInputs",
    "Tokens",
    "Voice",
    "ZeliModel",
    "frame_positions",
    "load_builtin",
    "load_folder",
    "manner",
    "phone_inputs",
    "save_folder",
    "spoken_durations",
    "whole_durations",
    "word_edges",
    "zeli_model",
]
