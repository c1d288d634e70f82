"""The part of the docs page about sockets and this server's own extensions."""

from __future__ import annotations

import re
from html import escape

_TEXT = """
## On sockets, beyond what other servers know

A client asks for it by fields that other servers ignore. Without them nothing of it is sent.
On both `multi-stream-input` sockets a message names its context with `context_id`.
The dialogue sockets write `is_final` and `context_id` where the others write `isFinal` and `contextId`.
A `stream-input` socket is one context, and its messages name none.

### Interrupt, and know what was said
{"context_id": "turn-7", "cancel": true}
The context ends at once, also when it is closing. Its last message carries three more keys:
{"isFinal": true, ..., "text_spoken": "Sure, I can", "text_remaining": " help.", "audio_sent_ms": 640}
`text_spoken` ends after the last word whose audio was sent to its end. Both texts together are what was sent.
Audio is sent faster than it is played. With `"played_ms": 420` the report counts only that much audio.
It works after the end of a context, too: then a message with `"is_over": true` carries the report.
The socket remembers its last 8 contexts.
Two more keys come if the voice cannot speak the text: `"text_skipped": "漢字"` is the first text that is not
heard, and `"text_language": "de"` the language that the text seems to be in.
On `stream-input` a cancel ends the stream and the socket.
`"close_context": true` with `"report": true` adds the same keys to the last message of the context.

### Know when a flush was spoken
{"context_id": "turn-7", "flush": true, "flush_id": "sentence-2"}
The answer comes after the last audio of the flush:
{"flush_done": true, "flush_id": "sentence-2", "contextId": "turn-7"}

### Times of words, phones and visemes
{"context_id": "turn-7", "text": " ", "timestamps": ["word", "phone", "viseme"]}
The message that opens a context chooses them, or the query: `timestamps=word,phone`.
They come with the first audio of each utterance, in milliseconds from the start of that message's audio:
{"audio": "...", "words": {"words": ["hello"], "start_times_ms": [20], "durations_ms": [310]}, ...}
The HTTP answers with timestamps take `timestamps` in the body and tell seconds from the start of the answer.
Phones are ARPAbet for English and IPA for other languages.
Visemes are the fifteen of the Oculus lip-sync set, with `sil` in the pauses inside an utterance.
A voice of Kokoro or Piper has the phones of a word spread over its own signs.

### Keep a transcript right after an interruption: Pipecat
Add this processor after the transport's output. Pipecat hands on each word when it begins to play it.
It works with `ElevenLabsDialogueTTSService` and with `ElevenLabsTTSService`.
__PIPECAT__

### Keep a transcript right after an interruption: LiveKit
With both text and audio in a room, the session cuts its transcript where the audio was interrupted.
The cut is right to about a word. With `use_tts_aligned_transcript` it follows the times of the characters;
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
