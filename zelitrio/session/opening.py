"""Make the stream of a new context from the handshake and the opening message."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from zelitrio.audio import AudioFormat
from zelitrio.protocol import ChunkSchedule, OpenContext, SocketRequest
from zelitrio.session.dialogue import DialogueStream
from zelitrio.session.options import StreamOptions
from zelitrio.session.service import Service
from zelitrio.session.stream import SpeechStream, TellFlushes
from zelitrio.session.timing import Timing
from zelitrio.text import FrontEnd, Reading, find_phrase_end, find_sentence_end

if TYPE_CHECKING:
    from zelitrio.voices import Voice


def make_options(
    request: SocketRequest,
    event: OpenContext,
    voice: Voice,
    audio_format: AudioFormat,
    front_end: FrontEnd | None,
) -> StreamOptions:
    """Return the options of a context's stream, with character times.

    Args:
        request: the socket's handshake.
        event: the message that opens the context.
        voice: the context's first voice.
        audio_format: the format of the socket.
        front_end: has the client's pronunciations; None: the default front end.
    """
    return StreamOptions(
        voice=voice,
        audio_format=audio_format,
        settings=event.voice_settings,
        seed=request.seed,
        reading=Reading(
            front_end=front_end,
            normalise=request.normalise != "off",
            ssml=request.enable_ssml_parsing,
            model_id=request.model_id,
        ),
        timing=Timing.MESSAGE if request.is_dialogue else Timing.SEGMENT,
    )


def make_stream(
    service: Service,
    request: SocketRequest,
    event: OpenContext,
    options: StreamOptions,
    voices: Mapping[str, Voice],
    tell_flushes: TellFlushes,
) -> SpeechStream | DialogueStream:
    """Return the stream of a context."""
    make_schedule = partial(
        ChunkSchedule,
        event.chunk_schedule,
        auto_mode=request.auto_mode,
        # Pipecat flushes a dialogue's context only at the end of a turn.
        takes_sentences=request.is_dialogue,
        find_sentence_end=find_sentence_end,
        find_phrase_end=find_phrase_end,
    )
    if request.is_dialogue:
        return DialogueStream(service, options, voices, make_schedule, tell_flushes)
    return SpeechStream(service, options, make_schedule(), tell_flushes)
