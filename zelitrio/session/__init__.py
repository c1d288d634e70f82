"""One conversation over any transport: text in, packets of audio out.

`run_socket` runs a realtime conversation (one context or many) over a socket.  `speak` speaks one text
without a socket.  Both use `SpeechStream` and the `Service` of the process.
"""

from __future__ import annotations

from zelitrio.session.dialogue import Line
from zelitrio.session.dictionaries import choose_front_end
from zelitrio.session.encoding import Turns, encoding_threads
from zelitrio.session.language import find_voices, speak_language
from zelitrio.session.options import StreamOptions
from zelitrio.session.packets import Packet
from zelitrio.session.service import (
    AccountLike,
    EngineLike,
    Meter,
    Observer,
    Service,
)
from zelitrio.session.signals import Signal
from zelitrio.session.socket import run_socket
from zelitrio.session.speak import Packets, speak
from zelitrio.session.timing import Alignment, Timing, join_alignments
from zelitrio.session.traces import Trace
from zelitrio.session.transport import PeerLeft

__all__ = [
    "AccountLike",
    "Alignment",
    "EngineLike",
    "Line",
    "Meter",
    "Observer",
    "Packet",
    "Packets",
    "PeerLeft",
    "Service",
    "Signal",
    "StreamOptions",
    "Timing",
    "Trace",
    "Turns",
    "choose_front_end",
    "encoding_threads",
    "find_voices",
    "join_alignments",
    "run_socket",
    "speak",
    "speak_language",
]
