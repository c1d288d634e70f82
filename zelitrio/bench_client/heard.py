"""What one client received of one utterance, and when.  All latencies come from this."""

from __future__ import annotations

import itertools
from urllib.parse import quote, urlencode

import attrs
import orjson
import pybase64

from zelitrio.bench_client.audible import audible_sample, pcm_of
from zelitrio.bench_client.wire import WireError

AUDIO_KEY = b'"audio":"'


def stream_target(voice_id: str, output_format: str, model: str = "") -> str:
    """Path and query of a `stream-input` socket."""
    query = {
        "output_format": output_format,
        "inactivity_timeout": 180,
        **({"model_id": model} if model else {}),
    }
    return f"/v1/text-to-speech/{quote(voice_id, safe='')}/stream-input?{urlencode(query)}"


def multi_target(voice_id: str, output_format: str, model: str = "") -> str:
    """Path and query of a `multi-stream-input` socket."""
    return stream_target(voice_id, output_format, model).replace("/stream-input?", "/multi-stream-input?")


def audio_of(payload: bytes) -> bytes | None:
    """The encoded audio of a server's message, None if it has none.

    Found by its key instead of parsed: a client that reads JSON costs as much as the server.

    Raises:
        WireError: it is not base64.
    """
    at = payload.find(AUDIO_KEY)
    if at < 0:
        return _audio_in_json(payload)
    begin = at + len(AUDIO_KEY)
    try:
        return pybase64.b64decode(payload[begin : payload.index(b'"', begin)])
    except ValueError as error:
        raise WireError(
            f"audio: expected base64, found {payload[begin : begin + 40]!r}", "undecodable"
        ) from error


def _audio_in_json(payload: bytes) -> bytes | None:
    """The same for a server that writes its JSON in another way."""
    if b'"audio"' not in payload:
        return None
    try:
        audio = orjson.loads(payload).get("audio")
        return pybase64.b64decode(audio) if isinstance(audio, str) else None
    except (ValueError, AttributeError) as error:
        raise WireError(f"audio: expected base64 in JSON, found {payload[:60]!r}", "undecodable") from error


def seconds_of(audio_bytes: int, output_format: str) -> float:
    """Seconds of audio in `audio_bytes` of a format with a constant rate."""
    codec, rate, *kbps = output_format.split("_")
    per_second = int(kbps[0]) * 125 if kbps else int(rate) * (1 if codec in ("ulaw", "alaw") else 2)
    return audio_bytes / per_second


def _is_possible(audio: bytes, output_format: str) -> bool:
    """Whether bytes can be of a format, by their length and their beginning."""
    codec = output_format.partition("_")[0]
    if codec == "pcm":
        return len(audio) % 2 == 0
    if codec == "mp3":
        return audio.startswith(b"ID3") or (audio[0] == 0xFF and audio[1:2] >= b"\xe0")
    return codec != "opus" or audio.startswith(b"OggS")


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
    """The kind of failure if it is not whole; the server's error code if it gave one."""
    detail: str = ""
    """The server's answer, for a person."""
    chars: int = 0
    """Length of the text."""
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
        audio = b"".join(self._audio)
        if not self.output_format.startswith("pcm_") or len(audio) % 2:
            return None
        at = audible_sample(pcm_of(audio))
        if at is None:
            return None
        offset_s = seconds_of(2 * at, self.output_format)
        reached = 0.0
        for arrived, seconds in self.arrivals:
            reached += seconds
            if reached > offset_s:
                return arrived - self.released_at, offset_s
        return None

    def fail(self, kind: str, detail: str = "") -> None:
        """Note why it is not whole; the first failure counts."""
        if self.failure is None:
            self.failure, self.detail = kind, detail[:200]

    def check(self) -> None:
        """Note audio that cannot be what its format says.  Call it at the end, before `forget_audio`."""
        if self.failure is not None:
            return
        audio = b"".join(self._audio)
        if not audio:
            self.fail("no_audio", "the answer ended without audio")
        elif not _is_possible(audio, self.output_format):
            self.fail("undecodable", f"expected {self.output_format}, found {audio[:24]!r}")

    def forget_audio(self) -> None:
        """Drop the audio and keep the times."""
        self._audio.clear()
