"""The protocols without I/O: messages become events, and calls become messages.

`parse_socket_target` reads an upgrade request.  `Connection` is one realtime socket of either dialect.
`ChunkSchedule` decides when text is spoken.  `outcome_of` maps an error to its close code and
HTTP status.  Nothing here waits, and time is always an argument in seconds.

The owner of a Connection must: call `authenticated` if the handshake's credential is valid; pass each message
to `receive`; call `expire` at `deadline`; handle the events in order, as their docstrings say; send the
messages that `audio_message`, `final_message` and `error_message` return; close the socket when
`is_finished`.
"""

from __future__ import annotations

from zelitrio.protocol import telephony, wyoming
from zelitrio.protocol.body_schemas import body_schemas
from zelitrio.protocol.char_times import CharTimes, join_times
from zelitrio.protocol.client_role import (
    AudioFrame,
    ClientConnection,
    ErrorFrame,
    FinalFrame,
    ServerEvent,
    read_error_body,
)
from zelitrio.protocol.connection import Connection
from zelitrio.protocol.dialogue import DialogueConnection
from zelitrio.protocol.dialogue_request import (
    DialogueInput,
    DialogueRequest,
    parse_dialogue_request,
)
from zelitrio.protocol.dictionary_request import (
    RuleRequest,
    parse_dictionary_request,
)
from zelitrio.protocol.events import (
    Authenticate,
    CancelContext,
    ContextError,
    EndContext,
    EndSocket,
    Event,
    EvictContext,
    Fail,
    OpenContext,
    PronunciationDictionary,
    Recall,
    Text,
    UpdateSettings,
)
from zelitrio.protocol.frames import timed_audio_line
from zelitrio.protocol.history_request import parse_download_request
from zelitrio.protocol.marks import MARK_KINDS, Marks, join_marks, marks_in_seconds
from zelitrio.protocol.outcomes import (
    close_frame,
    error_body,
    openai_error_body,
    outcome_of,
    to_remote_error,
)
from zelitrio.protocol.replies import (
    BeginReply,
    RefuseReply,
    ReplyEvent,
    ReplyText,
)
from zelitrio.protocol.reports import SpeechReport
from zelitrio.protocol.schedule import Chunk, ChunkSchedule
from zelitrio.protocol.speech import (
    SpeechRequest,
    parse_openai_speech_request,
    parse_speech_request,
)
from zelitrio.protocol.target import (
    DEFAULT_OUTPUT_FORMAT,
    Dialect,
    SocketRequest,
    credential_of,
    parse_socket_target,
    query_flag,
    socket_url,
)

__all__ = [
    "DEFAULT_OUTPUT_FORMAT",
    "MARK_KINDS",
    "AudioFrame",
    "Authenticate",
    "BeginReply",
    "CancelContext",
    "CharTimes",
    "Chunk",
    "ChunkSchedule",
    "ClientConnection",
    "Connection",
    "ContextError",
    "Dialect",
    "DialogueConnection",
    "DialogueInput",
    "DialogueRequest",
    "EndContext",
    "EndSocket",
    "ErrorFrame",
    "Event",
    "EvictContext",
    "Fail",
    "FinalFrame",
    "Marks",
    "OpenContext",
    "PronunciationDictionary",
    "Recall",
    "RefuseReply",
    "ReplyEvent",
    "ReplyText",
    "RuleRequest",
    "ServerEvent",
    "SocketRequest",
    "SpeechReport",
    "SpeechRequest",
    "Text",
    "UpdateSettings",
    "body_schemas",
    "close_frame",
    "credential_of",
    "error_body",
    "join_marks",
    "join_times",
    "marks_in_seconds",
    "openai_error_body",
    "outcome_of",
    "parse_dialogue_request",
    "parse_dictionary_request",
    "parse_download_request",
    "parse_openai_speech_request",
    "parse_socket_target",
    "parse_speech_request",
    "query_flag",
    "read_error_body",
    "socket_url",
    "telephony",
    "timed_audio_line",
    "to_remote_error",
    "wyoming",
]
