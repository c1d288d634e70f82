"""The series of the server's metrics, by what they count: streams, connections, voices and keys."""

from __future__ import annotations

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_LATENCY_BUCKETS_S = (0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
_FACTOR_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
_AUDIO_BUCKETS_S = (0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
MAX_LABELS = 100
"""Keys with their own label, and voices with one; others share a label."""
_OTHERS = "other"


class Labels:
    """Gives a label to each name, up to MAX_LABELS names."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def label(self, name: str) -> str:
        """The name itself, or the shared value above the limit."""
        if name not in self._names:
            if len(self._names) >= MAX_LABELS:
                return _OTHERS
            self._names.add(name)
        return name


class StreamSeries:
    """Counts streams and their audio."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter, histogram = partial(Counter, registry=registry), partial(Histogram, registry=registry)
        self.active = Gauge(
            "zelitrio_streams_active", "Streams that hold a lane in the engine.", registry=registry
        )
        self.ended = counter("zelitrio_streams", "Streams that ended, by reason.", ["reason"])
        self.first_audio_s = histogram(
            "zelitrio_first_audio_seconds",
            "From the message that released a stream's first chunk to its first audio handed to the network.",
            buckets=_LATENCY_BUCKETS_S,
        )
        self.audio_s = histogram(
            "zelitrio_audio_seconds",
            "Seconds of audio of a stream, counted at its end.",
            buckets=_AUDIO_BUCKETS_S,
        )
        self.sent_s = counter(
            "zelitrio_audio_sent_seconds", "Seconds of audio sent to clients, as it is sent."
        )
        self.underruns = counter(
            "zelitrio_underruns",
            "Times that audio of an utterance came after its listener had played all earlier audio.",
        )
        self.queue_s = histogram(
            "zelitrio_queue_seconds",
            "From a stream's first utterance to its first step on the device.",
            buckets=_LATENCY_BUCKETS_S,
        )


class DoorSeries:
    """Counts connections, sockets and requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        gauge, counter = partial(Gauge, registry=registry), partial(Counter, registry=registry)
        self.sockets = gauge("zelitrio_sockets_open", "Open realtime sockets.")
        self.closes = counter(
            "zelitrio_socket_closes",
            "Realtime sockets that ended, by our close code; 1006: the peer left.",
            ["code"],
        )
        self.connections = gauge("zelitrio_connections_open", "Accepted connections.")
        self.refused = counter("zelitrio_connections_refused", "Connections refused, by reason.", ["reason"])
        self.connections_failed = counter(
            "zelitrio_connections_failed",
            "Connections and requests that an internal error ended; the log has the error.",
        )
        self.accept_errors = counter(
            "zelitrio_accept_errors", "Connections that the system could not accept."
        )
        self.requests = counter("zelitrio_http_requests", "HTTP requests answered.", ["endpoint", "status"])
        self.replies = counter(
            "zelitrio_replies",
            "Texts spoken over Wyoming and telephone sockets, by protocol and outcome.",
            ["door", "outcome"],
        )


class VoiceSeries:
    """Counts the device's time and the audio of each voice."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        self._labels = Labels()
        self._factor = Histogram(
            "zelitrio_real_time_factor",
            "Seconds of device time for each second of a stream's audio, by voice.",
            ["voice"],
            buckets=_FACTOR_BUCKETS,
            registry=registry,
        )
        self._computed_s = counter(
            "zelitrio_voice_device_seconds", "Time of the device, by voice.", ["voice"]
        )
        self._audio_s = counter("zelitrio_voice_audio_seconds", "Audio made, by voice.", ["voice"])

    def add(self, voice_id: str, computed_s: float, audio_s: float) -> None:
        """Count a stream that ended."""
        voice = self._labels.label(voice_id)
        self._computed_s.labels(voice).inc(computed_s)
        self._audio_s.labels(voice).inc(audio_s)
        if audio_s:
            self._factor.labels(voice).observe(computed_s / audio_s)


class KeySeries:
    """Counts the use of each key, by its name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        self._labels = Labels()
        self.usage_lag_s = Gauge(
            "zelitrio_usage_lag_seconds",
            "Seconds since usage was last stored; 0 without a database.",
            registry=registry,
        )
        self._characters = counter(
            "zelitrio_characters", "Characters to speak, by the name of the key.", ["key"]
        )
        self._refusals = counter(
            "zelitrio_refusals",
            "Requests and streams that were refused or failed, by the name of the key and the error.",
            ["key", "reason"],
        )

    def used(self, key: str, characters: int) -> None:
        """Count characters that are going to be spoken."""
        self._characters.labels(self._labels.label(key)).inc(characters)

    def refused(self, key: str | None, reason: str) -> None:
        """Count a refusal; None: the key is not known."""
        self._refusals.labels("none" if key is None else self._labels.label(key), reason).inc()
