"""The options of a stream, and the audio half that is made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from zelitrio.audio import AudioFormat, TempoChanger, open_encoder
from zelitrio.session.audio_half import AudioHalf, Deliver, DirectSink
from zelitrio.session.packet_maker import PacketMaker
from zelitrio.session.packets import Packer
from zelitrio.session.service import Service
from zelitrio.session.sound_changes import SoundChanges
from zelitrio.session.timing import SegmentClock, Timing
from zelitrio.settings import VoiceSettings
from zelitrio.text import Reading

if TYPE_CHECKING:
    from zelitrio.voices import Voice


@attrs.frozen(kw_only=True, eq=False)
class StreamOptions:
    """How one stream reads, speaks and encodes.

    Attributes:
        voice: speaks the text.
        audio_format: format of the packets.
        settings: how to speak, until changed.
        seed: the same seed, text and settings give the same audio; None: a random seed.
        reading: how the text is read.
        timing: whether packets carry character times, and their origin.
        tempo: tempo relative to the voice's, at the same pitch; 2 halves the length.
    """

    voice: Voice
    audio_format: AudioFormat
    settings: VoiceSettings = attrs.field(factory=VoiceSettings)
    seed: int | None = None
    reading: Reading = attrs.field(factory=Reading)
    timing: Timing = Timing.NONE
    tempo: float = 1.0


def make_audio_half(
    service: Service, options: StreamOptions, deliver: Deliver, direct: DirectSink | None
) -> AudioHalf:
    """Return the audio half of a stream, with its encoder."""
    settings = service.settings
    rate_hz = options.voice.sample_rate_hz
    encoder = open_encoder(options.audio_format, rate_hz)
    delay_ms = round(1000 * encoder.delay_samples / options.audio_format.sample_rate_hz)
    return AudioHalf(
        encoder,
        SoundChanges(rate_hz, None if options.tempo == 1 else TempoChanger(rate_hz, options.tempo)),
        Packer(rate_hz, settings.first_packet_ms, settings.max_packet_ms),
        PacketMaker(SegmentClock(options.timing, rate_hz, delay_ms), rate_hz),
        service.turns,
        deliver,
        service.observer.underrun,
        direct,
    )
