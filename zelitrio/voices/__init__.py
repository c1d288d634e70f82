"""Voices: their descriptions, their files, and how their models read an utterance."""

from __future__ import annotations

from zelitrio.voices.convert import convert
from zelitrio.voices.durations import (
    spoken_durations,
)
from zelitrio.voices.family import (
    Model,
    Tokens,
)
from zelitrio.voices.folder import (
    load_builtin,
    load_folder,
    save_folder,
)
from zelitrio.voices.home_lock import ADDING, changing
from zelitrio.voices.hub import Download, available, fetch, is_name, plan
from zelitrio.voices.hub_files import check_room
from zelitrio.voices.inputs import (
    FEATURES,
    PHONE_TOKENS,
    STRESS_TOKENS,
    frame_positions,
    phone_inputs,
)
from zelitrio.voices.kokoro import KokoroModel, KokoroSpeaker
from zelitrio.voices.kokoro_symbols import kokoro_ids
from zelitrio.voices.model import Catalogue, Voice
from zelitrio.voices.origin import Origin, forbids
from zelitrio.voices.store import (
    check_new,
    find_installed,
    remove_installed,
    save_mix,
    voice_folders,
    voice_home,
)
from zelitrio.voices.zeli import (
    ZeliModel,
    zeli_model,
)

__all__ = [
    "ADDING",
    "FEATURES",
    "PHONE_TOKENS",
    "STRESS_TOKENS",
    "Catalogue",
    "Download",
    "KokoroModel",
    "KokoroSpeaker",
    "Model",
    "Origin",
    "Tokens",
    "Voice",
    "ZeliModel",
    "available",
    "changing",
    "check_new",
    "check_room",
    "convert",
    "fetch",
    "find_installed",
    "forbids",
    "frame_positions",
    "is_name",
    "kokoro_ids",
    "load_builtin",
    "load_folder",
    "phone_inputs",
    "plan",
    "remove_installed",
    "save_folder",
    "save_mix",
    "spoken_durations",
    "voice_folders",
    "voice_home",
    "zeli_model",
]
