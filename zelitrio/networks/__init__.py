"""The networks, a folder for each family, and their interface to the engine (`family`).

These torch modules choose no device, start no thread and read no file.
"""

from __future__ import annotations

from zelitrio.networks.family import (
    NO_TOKEN,
    ExpandingNetwork,
    Facts,
    Field,
    Inputs,
    Network,
)
from zelitrio.networks.kokoro import (
    Kokoro,
    KokoroConfig,
    KokoroNetwork,
    KokoroRequest,
    VoiceStatistics,
    gather_statistics,
    speak_all,
)
from zelitrio.networks.piper import PiperConfig, PiperEnd, PiperNetwork, Vits
from zelitrio.networks.zeli.acoustic import (
    PITCH_SCALE,
    VOICING_SLOPE,
    AcousticConfig,
    AcousticModel,
)
from zelitrio.networks.zeli.fine_sizes import FineVocoderConfig
from zelitrio.networks.zeli.fine_vocoder import FineVocoder
from zelitrio.networks.zeli.mel import denormalise_mel, normalise_mel
from zelitrio.networks.zeli.network import ZeliNetwork
from zelitrio.networks.zeli.pitched_acoustic import PitchedAcousticConfig, PitchedAcousticModel
from zelitrio.networks.zeli.source import UNVOICED_LN_F0
from zelitrio.networks.zeli.speech import (
    SpeechStep,
)
from zelitrio.networks.zeli.streaming import StreamingBlock
from zelitrio.networks.zeli.vocoder import (
    Vocoder,
    VocoderConfig,
)

__all__ = [
    "NO_TOKEN",
    "PITCH_SCALE",
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
    "KokoroNetwork",
    "KokoroRequest",
    "Network",
    "PiperConfig",
    "PiperEnd",
    "PiperNetwork",
    "PitchedAcousticConfig",
    "PitchedAcousticModel",
    "SpeechStep",
    "StreamingBlock",
    "Vits",
    "Vocoder",
    "VocoderConfig",
    "VoiceStatistics",
    "ZeliNetwork",
    "denormalise_mel",
    "gather_statistics",
    "normalise_mel",
    "speak_all",
]
