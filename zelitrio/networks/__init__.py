"""The networks: an acoustic model and a vocoder that run whole or window by window, equally.

Pure torch modules: no device is chosen, no thread started and no file read here.
"""

from __future__ import annotations

from zelitrio.networks.acoustic import PITCH_SCALE, POSITION_FEATURES, AcousticConfig, AcousticModel, Prosody
from zelitrio.networks.mel import denormalise_mel, normalise_mel
from zelitrio.networks.source import UNVOICED_LN_F0
from zelitrio.networks.speech import SpeechState, SpeechStep
from zelitrio.networks.streaming import StreamingBlock, StreamingBlocks, StreamingStem, frame_mask
from zelitrio.networks.vocoder import Vocoder, VocoderConfig, VocoderState

__all__ = [
    "PITCH_SCALE",
    "POSITION_FEATURES",
    "UNVOICED_LN_F0",
    "AcousticConfig",
    "AcousticModel",
    "Prosody",
    "SpeechState",
    "SpeechStep",
    "StreamingBlock",
    "StreamingBlocks",
    "StreamingStem",
    "Vocoder",
    "VocoderConfig",
    "VocoderState",
    "denormalise_mel",
    "frame_mask",
    "normalise_mel",
]
