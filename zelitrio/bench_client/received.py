"""Records what one client received of one utterance, and when.  All latencies are computed from this."""

from __future__ import annotations

import itertools
from urllib.parse import quote, urlencode

import attrs
import orjson
import pybase64

from zelitrio.bench_client.address import RATES_HZ
from zelitrio.bench_client.audible import audible_sample, pcm_of
from zelitrio.bench_client.wire import WireError

AUDIO_KEY = b'"audio":"'
MOST_AUDIO_BYTES = 1 << 26
"""Most audio of one utterance: eleven minutes of PCM at 48 kHz.  More could fill the memory."""
_FILES = (b"RIFF", b"ID3", b"OggS", b"fLaC", b"\x1aE\xdf\xa3")
"""First bytes of formats that are not bare samples: some servers ignore the requested format."""


def stream_target(voice_id: str, output_format: str, model: str = "") -> str:
    """Make the path and query of a `stream-input` socket."""
    query = {
        "output_format": output_format,
        "inactivity_timeout": 180,
        **({"model_id": model} if model else {}),
    }
    return f"/v1/text-to-speech/{quote(voice_id, safe='')}/stream-input?{urlencode(query)}"


def multi_target(voice_id: str, output_format: str, model: str = "") -> str:
    """Make the path and query of a `multi-stream-input` socket."""
    return stream_target(voice_id, output_format, model).replace("/stream-input?", "/multi-stream-input?")


def audio_of(payload: bytes) -> bytes | None:
    """Decode the audio of a server's message from base64; None if the message has none.

    Searches for the key instead of parsing the JSON, which would take as much time as the server's own work.

    Raises:
        WireError: the audio is not base64.
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
    """`audio_of` for a server that writes its JSON in another way: parses it."""
    if b'"audio"' not in payload:
        return None
    try:
        audio = orjson.loads(payload).get("audio")
        return pybase64.b64decode(audio) if isinstance(audio, str) else None
    except (ValueError, AttributeError) as error:
        raise WireError(f"audio: expected base64 in JSON, found {payload[:60]!r}", "undecodable") from error


def seconds_of(audio_bytes: int, output_format: str) -> float:
    """Duration of `audio_bytes` bytes in a format with a constant bit rate."""
    codec, rate, *kbps = output_format.split("_")
    per_second = int(kbps[0]) * 125 if kbps else int(rate) * (1 if codec in ("ulaw", "alaw") else 2)
    return audio_bytes / per_second


def _is_possible(audio: bytes, output_format: str) -> bool:
    """Whether `audio`, at least one byte, may be of a format, judged by its length and first bytes."""
    codec = output_format.partition("_")[0]
    if codec == "mp3":
        return audio.startswith(b"ID3") or (audio[0] == 0xFF and audio[1:2] >= b"\xe0")
    if codec == "opus":
        return audio.startswith(b"OggS")
    return not audio.startswith(_FILES) and (codec != "pcm" or len(audio) % 2 == 0)


def pcm_format(rate_hz: object) -> str:
    """The format of samples at a rate that a server names.

    Raises:
        WireError: it is no sample rate.
    """
    if not isinstance(rate_hz, int) or rate_hz not in RATES_HZ:
        raise WireError(f"sample rate: expected a number of Hz, found {rate_hz!r}"[:200], "undecodable")
    return f"pcm_{rate_hz}"


@attrs.define(eq=False, kw_only=True)
class ReceivedSpeech:
    """One utterance as it arrived; times are of `time.perf_counter`."""

    output_format: str
    opened_at: float = 0.0
    """When the socket's upgrade was answered."""
    released_at: float = 0.0
    """When the message that lets the server speak was handed to the operating system."""
    arrivals: list[tuple[float, float]] = attrs.field(factory=list)
    """For each frame: when it arrived, and the seconds of audio in it."""
    ended_at: float = 0.0
    failure: str | None = None
    """The kind of failure (see `failures`) or the server's error code; None if the utterance is complete."""
    detail: str = ""
    """The server's answer or the error's text, for a person to read."""
    chars: int = 0
    """Length of the text in code points."""
    _audio: list[bytes] = attrs.field(factory=list)
    _audio_bytes: int = 0

    def add(self, now: float, audio: bytes) -> None:
        """Note a frame of audio that arrived at `now`.

        Raises:
            WireError: the utterance now has more than MOST_AUDIO_BYTES.
        """
        self._audio_bytes += len(audio)
        if self._audio_bytes > MOST_AUDIO_BYTES:
            raise WireError(f"audio: expected at most {MOST_AUDIO_BYTES} bytes of an utterance", "endless")
        self.arrivals.append((now, seconds_of(len(audio), self.output_format)))
        self._audio.append(audio)

    @property
    def first_s(self) -> float:
        """Seconds from `released_at` to the first frame of audio.  There must be one."""
        return self.arrivals[0][0] - self.released_at

    @property
    def audio_s(self) -> float:
        """Seconds of audio received."""
        return sum(seconds for _, seconds in self.arrivals)

    @property
    def gaps_s(self) -> list[float]:
        """Seconds between consecutive frames."""
        return [after - before for (before, _), (after, _) in itertools.pairwise(self.arrivals)]

    @property
    def late_s(self) -> float:
        """The longest wait for a frame, in seconds, of a listener that plays from the first frame on.

        Above zero, the listener ran dry; a buffer of this length would have prevented that.
        """
        plays_until, late = self.arrivals[0][0], 0.0
        for arrived, seconds in self.arrivals:
            late = max(late, arrived - plays_until)
            plays_until = max(plays_until, arrived) + seconds
        return late

    def audible(self) -> tuple[float, float] | None:
        """Seconds from `released_at` to the arrival of the first audible sample, and that sample's offset.

        The offset is in seconds from the audio's start.  None for silence and for formats other than PCM.
        """
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
        """Note a failure; only the first is kept."""
        if self.failure is None:
            self.failure, self.detail = kind, detail[:200]

    def check(self) -> None:
        """Note a failure if there is no audio or it is not in the requested format.

        Call it at the utterance's end, before `forget_audio`.
        """
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
