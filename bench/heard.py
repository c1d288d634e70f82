"""What one client received of one utterance, and when.  All latencies come from this."""

from __future__ import annotations

import itertools
from urllib.parse import urlencode

import attrs
import pybase64

from bench.audible import audible_sample, pcm_of

AUDIO_KEY = b'"audio":"'


def stream_target(voice_id: str, output_format: str) -> str:
    """Path and query of a `stream-input` socket."""
    query = urlencode({"output_format": output_format, "inactivity_timeout": 180})
    return f"/v1/text-to-speech/{voice_id}/stream-input?{query}"


def multi_target(voice_id: str, output_format: str) -> str:
    """Path and query of a `multi-stream-input` socket."""
    return stream_target(voice_id, output_format).replace("/stream-input?", "/multi-stream-input?")


def audio_of(payload: bytes) -> bytes | None:
    """The encoded audio of a server's message, None if it has none.

    Found by its key instead of parsed: a client that reads JSON costs as much as the server.
    """
    at = payload.find(AUDIO_KEY)
    if at < 0:
        return None
    begin = at + len(AUDIO_KEY)
    return pybase64.b64decode(payload[begin : payload.index(b'"', begin)])


def seconds_of(audio_bytes: int, output_format: str) -> float:
    """Seconds of audio in `audio_bytes` of a format with a constant rate."""
    codec, rate, *kbps = output_format.split("_")
    per_second = int(kbps[0]) * 125 if kbps else int(rate) * (1 if codec in ("ulaw", "alaw") else 2)
    return audio_bytes / per_second


@attrs.define(eq=False, kw_only=True)
class Heard:
    """One utterance as it arrived; times by `time.perf_counter`."""

    output_format: str
    opened_at: float = 0.0
    """The socket's upgrade was answered."""
    released_at: float = 0.0
    """The message that releases the text was handed to the system."""
    arrivals: list[tuple[float, float]] = attrs.field(factory=list)
    """When each frame came, and the seconds of audio in it."""
    ended_at: float = 0.0
    failure: str | None = None
    """Why it is not whole; the server's error code if it gave one."""
    _audio: list[bytes] = attrs.field(factory=list)

    def add(self, now: float, audio: bytes) -> None:
        """Note a frame of audio."""
        self.arrivals.append((now, seconds_of(len(audio), self.output_format)))
        self._audio.append(audio)

    @property
    def first_s(self) -> float:
        """From the releasing message to the first frame of audio."""
        return self.arrivals[0][0] - self.released_at

    @property
    def audio_s(self) -> float:
        """Audio received."""
        return sum(seconds for _, seconds in self.arrivals)

    @property
    def gaps_s(self) -> list[float]:
        """Between frames."""
        return [after - before for (before, _), (after, _) in itertools.pairwise(self.arrivals)]

    @property
    def late_s(self) -> float:
        """How late the latest frame was for a listener that plays from the first frame on.

        Above zero it ran dry; a buffer of this length would have prevented that.
        """
        plays_until, late = self.arrivals[0][0], 0.0
        for arrived, seconds in self.arrivals:
            late = max(late, arrived - plays_until)
            plays_until = max(plays_until, arrived) + seconds
        return late

    def audible(self) -> tuple[float, float] | None:
        """From the releasing message to the arrival of the first sample that can be heard, and that
        sample's place in the audio; both in seconds.  None for silence and for what is not PCM."""
        if not self.output_format.startswith("pcm_"):
            return None
        at = audible_sample(pcm_of(b"".join(self._audio)))
        if at is None:
            return None
        offset_s = seconds_of(2 * at, self.output_format)
        reached = 0.0
        for arrived, seconds in self.arrivals:
            reached += seconds
            if reached > offset_s:
                return arrived - self.released_at, offset_s
        return None

    def forget_audio(self) -> None:
        """Drop the audio and keep the times."""
        self._audio.clear()
