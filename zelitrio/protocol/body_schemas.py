"""The JSON schemas of all bodies, by name."""

from __future__ import annotations

from copy import deepcopy

from zelitrio.protocol.body import Schema, schema_of
from zelitrio.protocol.dialogue_request import DialogueRequest
from zelitrio.protocol.dictionary_request import dictionary_schemas
from zelitrio.protocol.history_request import DownloadRequest
from zelitrio.protocol.speech import OpenAISpeechRequest, SpeechRequest
from zelitrio.protocol.telephony import JambonzRequest, vapi_schema


def body_schemas() -> dict[str, Schema]:
    """A new copy of each schema.  Names of voices, languages and formats are strings without a list."""
    schemas = {
        "SpeechRequest": schema_of(SpeechRequest),
        "DialogueRequest": schema_of(DialogueRequest),
        "OpenAISpeechRequest": schema_of(OpenAISpeechRequest),
        **dictionary_schemas(),
        "DownloadRequest": schema_of(DownloadRequest),
        "VapiVoiceRequest": vapi_schema(),
        "JambonzSpeechRequest": schema_of(JambonzRequest),
    }
    return deepcopy(schemas)
