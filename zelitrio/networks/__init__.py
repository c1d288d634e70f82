"""The networks, a folder for each family, and what the engine needs of any of them (`family`).

Torch modules: no device is chosen, no thread started and no file read here.
"""

from __future__ import annotations

from zelitrio.networks.family import NO_TOKEN, ExpandingNetwork, Facts, Field, Inputs, Network
from zelitrio.networks.kokoro import (
    Kokoro,
    KokoroConfig,
    KokoroMoments,
    KokoroNetwork,
    KokoroRequest,
    KokoroSpan,
    VoiceStatistics,
    gather_statistics,
    speak_all,
)
from zelitrio.networks.piper import PiperConfig, PiperNetwork, Vits
from zelitrio.networks.zeli.acoustic import (
    PITCH_SCALE,
    POSITION_FEATURES,
    VOICING_SLOPE,
    AcousticConfig,
    AcousticModel,
    Prosody,
)
from zelitrio.networks.zeli.fine_sizes import FineVocoderConfig
from zelitrio.networks.zeli.fine_vocoder import FineVocoder
from zelitrio.networks.zeli.mel import denormalise_mel, normalise_mel
from zelitrio.networks.zeli.network import ZeliNetwork
from zelitrio.networks.zeli.pitched_acoustic import PitchedAcousticConfig, PitchedAcousticModel
from zelitrio.networks.zeli.source import UNVOICED_LN_F0
from zelitrio.networks.zeli.speech import SpeechState, SpeechStep
from zelitrio.networks.zeli.streaming import StreamingBlock, StreamingBlocks, StreamingStem, frame_mask
from zelitrio.networks.zeli.vocoder import Vocoder, VocoderConfig, VocoderState

__all__ = [
    "NO_TOKEN",
    "PITCH_SCALE",
    "POSITION_FEATURES",
    "UNVOICED_LN_F0",
    "VOICING_SLOPE",
    "AcousticConfig",
    "AcousticModel",
    "ExpandingNetwork",
    "Facts",
    "Field",
    "FineVocoder",
    "FineVocoderConfig",
    "Inputs",
    "Kokoro",
    "KokoroConfig",
    "KokoroMoments",
    "KokoroNetwork",
    "KokoroRequest",
    "KokoroSpan",
    "Network",
    "PiperConfig",
    "PiperNetwork",
    "PitchedAcousticConfig",
    "PitchedAcousticModel",
    "Prosody",
    "SpeechState",
    "SpeechStep",
    "StreamingBlock",
    "StreamingBlocks",
    "StreamingStem",
    "Vits",
    "Vocoder",
    "VocoderConfig",
    "VocoderState",
    "VoiceStatistics",
    "ZeliNetwork",
    "denormalise_mel",
    "frame_mask",
    "gather_statistics",
    "normalise_mel",
    "speak_all",
]
