"""The part of the docs page about sockets and this server's own extensions."""

from __future__ import annotations

import re
from html import escape

_TEXT = """
## Extensions on sockets

A client requests them with fields that other servers ignore. Without these fields they do nothing.
On both `multi-stream-input` sockets a message names its context with `context_id`.
The dialogue sockets write `is_final` and `context_id` where the others write `isFinal` and `contextId`.
A `stream-input` socket has one context, and its messages have no `context_id`.

### Interrupt, and get the spoken text
{"context_id": "turn-7", "cancel": true}
The context ends at once, even if it is closing. Its last message has three more keys:
{"isFinal": true, ..., "text_spoken": "Sure, I can", "text_remaining": " help.", "audio_sent_ms": 640}
`text_spoken` ends after the last word that was sent completely. Both texts together are the client's text.
Audio is sent faster than it is played. With `"played_ms": 420` the report counts only the first 420 ms.
`cancel` also works after the end of a context: a message with `"is_over": true` then has the report.
The socket remembers its last 8 contexts.
If the voice cannot speak a part of the text, there are two more keys: `"text_skipped": "漢字"` is the first
skipped part, and `"text_language": "de"` is the probable language of the text.
On `stream-input` a cancel ends the stream and the socket.
`"close_context": true` with `"report": true` adds the same keys to the last message of the context.

### Acknowledge a flush
{"context_id": "turn-7", "flush": true, "flush_id": "sentence-2"}
The answer comes after the last audio of the flush:
{"flush_done": true, "flush_id": "sentence-2", "contextId": "turn-7"}

### Times of words, phones and visemes
{"context_id": "turn-7", "text": " ", "timestamps": ["word", "phone", "viseme"]}
The message that opens a context selects them, or the query does: `timestamps=word,phone`.
Times come with the first audio of each utterance, in milliseconds from the start of that message's audio:
{"audio": "...", "words": {"words": ["hello"], "start_times_ms": [20], "durations_ms": [310]}, ...}
HTTP requests with timestamps take `timestamps` in the body; these times are seconds from the answer's start.
Phones are ARPAbet for English and IPA for other languages.
Visemes are the fifteen of the Oculus lip-sync set, with `sil` in the pauses inside an utterance.
For Kokoro's and Piper's voices, times of phones are estimated from the times of the voice's symbols.

### Keep a transcript right after an interruption: Pipecat
Add this processor after the transport's output. Pipecat passes on each word when its playback begins.
It works with `ElevenLabsDialogueTTSService` and with `ElevenLabsTTSService`.
__PIPECAT__

### Keep a transcript right after an interruption: LiveKit
With both text and audio in a room, the session cuts its transcript at the interruption of the audio.
The cut is exact to about one word. With `use_tts_aligned_transcript` it follows the times of the characters;
without it, it follows an estimate of the rate of speech.
__LIVEKIT__
With models before `eleven_v3` add `preferred_alignment="original"`, which keeps capitals and digits.
"""

PIPECAT = '''
from pipecat.frames.frames import InterruptionFrame, TTSTextFrame
from pipecat.processors.frame_processor import FrameProcessor


class Heard(FrameProcessor):
    """Keeps the words of the last turn that were heard.  Put it after transport.output()."""

    def __init__(self):
        super().__init__()
        self.turn, self.words = None, []

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSTextFrame):
            if frame.context_id != self.turn:
                self.turn, self.words = frame.context_id, []
            self.words.append(frame.text)
        elif isinstance(frame, InterruptionFrame) and self.words:
            print("heard of the last turn:", " ".join(self.words))
            self.words = []
        await self.push_frame(frame, direction)
'''

LIVEKIT = """
from livekit.agents import AgentSession
from livekit.plugins import elevenlabs

session = AgentSession(
    tts=elevenlabs.TTS(model="eleven_v4_turbo", voice_id="zeli-voice-1",
                       base_url="http://localhost:8020/v1", api_key="sk-..."),
    use_tts_aligned_transcript=True,
)


@session.on("conversation_item_added")
def said(event):
    if event.item.type == "message" and event.item.role == "assistant":
        print("heard:", event.item.text_content, "interrupted:", event.item.interrupted)
"""


def sockets_html() -> str:
    """The part as HTML."""
    parts = []
    for line in _TEXT.strip().splitlines():
        if line == "__PIPECAT__":
            parts.append(f"<pre>{escape(PIPECAT.strip())}</pre>")
        elif line == "__LIVEKIT__":
            parts.append(f"<pre>{escape(LIVEKIT.strip())}</pre>")
        elif line.startswith("{"):
            parts.append(f"<pre>{escape(line)}</pre>")
        elif line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            parts.append(f"<h{level}>{escape(line.lstrip('# '))}</h{level}>")
        elif line:
            parts.append("<p>" + re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(line, quote=False)) + "</p>")
    return "\n".join(parts)
