"""Measures any speech server from outside: clients for seven protocols, four loads, and result lines.

    for line in measure_apart(Plan(bench="first-audio", address=parse_address(url, protocol="openai"), ...)):
        print(line)

Nothing here depends on zelitrio's server.  The command `zelitrio bench` and the programs in `bench/` use
these clients.
"""

from __future__ import annotations

from zelitrio.bench_client import wire
from zelitrio.bench_client.address import Address, parse_address
from zelitrio.bench_client.audible import audible_sample
from zelitrio.bench_client.contexts import ContextSocket, open_contexts
from zelitrio.bench_client.conversation import Conversation, open_conversation, say
from zelitrio.bench_client.failures import MeasureError
from zelitrio.bench_client.figures import SpeechFigures
from zelitrio.bench_client.loads import closed_loop, open_loop, paced_listeners
from zelitrio.bench_client.own_process import measure_apart
from zelitrio.bench_client.percentiles import Figures, milliseconds, summary
from zelitrio.bench_client.plans import Plan, read_texts
from zelitrio.bench_client.points import Line, heard_ms, point_line
from zelitrio.bench_client.protocols import open_speaker
from zelitrio.bench_client.received import ReceivedSpeech, audio_of, multi_target, stream_target
from zelitrio.bench_client.texts import LONG_TEXT, SENTENCES
from zelitrio.bench_client.watch import ClientWatch

__all__ = [
    "LONG_TEXT",
    "SENTENCES",
    "Address",
    "ClientWatch",
    "ContextSocket",
    "Conversation",
    "Figures",
    "Line",
    "MeasureError",
    "Plan",
    "ReceivedSpeech",
    "SpeechFigures",
    "audible_sample",
    "audio_of",
    "closed_loop",
    "heard_ms",
    "measure_apart",
    "milliseconds",
    "multi_target",
    "open_contexts",
    "open_conversation",
    "open_loop",
    "open_speaker",
    "paced_listeners",
    "parse_address",
    "point_line",
    "read_texts",
    "say",
    "stream_target",
    "summary",
    "wire",
]
