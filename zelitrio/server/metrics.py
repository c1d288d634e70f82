"""The server's metrics for Prometheus; every server has its own registry."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from zelitrio import __version__
from zelitrio.accounts import Watcher
from zelitrio.errors import ZelitrioError
from zelitrio.server.logs import lines_dropped
from zelitrio.server.quiet_log import get_log
from zelitrio.session import EngineLike, Observer

_LATENCY_BUCKETS_S = (0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0)
_FACTOR_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
MAX_LABELS = 100
"""Keys with their own label, and voices with one; others share a label."""
_OTHERS = "other"
_NO_KEY = "none"
_LIMITS = ("quota_exceeded", "concurrent_limit_exceeded")
"""Reasons of refusals that the accounts report themselves."""
_AUDIO_BUCKETS_S = (0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600)
log = get_log()


class StatisticsLike(Protocol):
    """The exported part of `zelitrio.engine.Statistics`."""

    @property
    def load(self) -> float:
        """Share of the time in which the device is busy."""

    @property
    def speaking(self) -> int:
        """Streams with text left to speak."""

    @property
    def capacity(self) -> int:
        """Largest number of speaking streams."""

    @property
    def audio_s(self) -> float:
        """Seconds of audio produced."""

    @property
    def steps(self) -> int:
        """Batches run."""


class ServedEngine(EngineLike, Protocol):
    """The part of the engine that the server uses; `zelitrio.engine.Engine` has it."""

    def statistics(self) -> StatisticsLike:
        """A snapshot; never waits."""

    async def wait_failed(self) -> None:
        """Wait until it fails, then raise EngineError."""


class _EngineCollector(Collector):
    """Exports the engine's figures, read when Prometheus asks for them."""

    def __init__(self, engine: ServedEngine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Read the engine's figures."""
        now = self._engine.statistics()
        yield GaugeMetricFamily(
            "zelitrio_load", "Share of the last second in which the device was busy, 0 to 1.", now.load
        )
        yield GaugeMetricFamily("zelitrio_streams_speaking", "Streams with text left to speak.", now.speaking)
        yield GaugeMetricFamily(
            "zelitrio_streams_capacity",
            "Speaking streams that the device can serve in real time.",
            now.capacity,
        )
        yield CounterMetricFamily(
            "zelitrio_engine_audio_seconds", "Seconds of audio that the engine made.", now.audio_s
        )
        yield CounterMetricFamily("zelitrio_engine_steps", "Batches that the engine ran.", now.steps)


class _LogCollector(Collector):
    """Exports the number of lost log lines; all servers of the process share the log."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Read the number of lost lines."""
        yield CounterMetricFamily(
            "zelitrio_log_lines_dropped",
            "Log lines that could not be written.",
            lines_dropped() + get_log().lost,
        )


class _Labels:
    def __init__(self) -> None:
        self._names: set[str] = set()

    def label(self, name: str) -> str:
        """The name itself, or the shared value above the limit."""
        if name not in self._names:
            if len(self._names) >= MAX_LABELS:
                return _OTHERS
            self._names.add(name)
        return name


class Metrics(Observer, Watcher):
    """Counts the events of all conversations and accounts; also logs skipped text.

    A call takes 1 to 3 us.  Used from the Trio thread only.

    Args:
        engine: its figures are exported too.
        logs_text: whether skipped text may be logged.
    """

    def __init__(self, engine: ServedEngine, *, logs_text: bool = False) -> None:
        self._logs_text = logs_text
        registry = self.registry = CollectorRegistry()
        gauge, counter = partial(Gauge, registry=registry), partial(Counter, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self.streams_active = gauge("zelitrio_streams_active", "Streams that hold a lane in the engine.")
        self.streams = counter("zelitrio_streams", "Streams that ended, by reason.", ["reason"])
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
        self._audio_sent_s = 0.0
        """Not in the counter yet, because a counter locks, and `audio` is called for each packet."""
        self.audio_sent_s = Counter(
            "zelitrio_audio_sent_seconds",
            "Seconds of audio sent to clients, as it is sent.",
            registry=registry,
        )
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
        registry.register(_EngineCollector(engine))
        self.underruns = counter(
            "zelitrio_underruns",
            "Times that audio of an utterance came after its listener had played all earlier audio.",
        )
        build = gauge("zelitrio_build_info", "1; the version is a label.", ["version"])
        build.labels(__version__).set(1)
        self.usage_lag_s = gauge(
            "zelitrio_usage_lag_seconds", "Seconds since usage was last stored; 0 without a database."
        )
        self.queue_s = histogram(
            "zelitrio_queue_seconds",
            "From a stream's first utterance to its first step on the device.",
            buckets=_LATENCY_BUCKETS_S,
        )
        self.real_time_factor = histogram(
            "zelitrio_real_time_factor",
            "Seconds of device time for each second of a stream's audio, by voice.",
            ["voice"],
            buckets=_FACTOR_BUCKETS,
        )
        self.computed_s = counter("zelitrio_voice_device_seconds", "Time of the device, by voice.", ["voice"])
        self.voice_audio_s = counter("zelitrio_voice_audio_seconds", "Audio made, by voice.", ["voice"])
        self._voices = _Labels()
        self._keys = _Labels()
        self.characters = counter(
            "zelitrio_characters", "Characters to speak, by the name of the key.", ["key"]
        )
        self.refusals = counter(
            "zelitrio_refusals",
            "Requests and streams that were refused or failed, by the name of the key and the error.",
            ["key", "reason"],
        )
        registry.register(_LogCollector())

    def expose(self) -> bytes:
        """All metrics in Prometheus' text format."""
        sent_s, self._audio_sent_s = self._audio_sent_s, 0.0
        self.audio_sent_s.inc(sent_s)
        return generate_latest(self.registry)

    def stream_opened(self) -> None:
        """See Observer."""
        self.streams_active.inc()

    def stream_closed(self, reason: str, audio_s: float) -> None:
        """See Observer."""
        self.streams_active.dec()
        self.audio_s.observe(audio_s)
        self.streams.labels(reason).inc()

    def first_audio(self, seconds: float) -> None:
        """See Observer."""
        self.first_audio_s.observe(seconds)

    def audio(self, seconds: float) -> None:
        """See Observer."""
        self._audio_sent_s += seconds

    def underrun(self) -> None:
        """See Observer."""
        self.underruns.inc()

    def text_skipped(self, text: str) -> None:
        """See Observer."""
        if self._logs_text:
            log.warning("text_skipped", text=text)
        else:
            log.warning("text_skipped", characters=len(text))

    def language_differs(self, seems: str, language: str) -> None:
        """See Observer."""
        log.warning("language_differs", seems=seems, voice_reads=language)

    def failed(self, error: ZelitrioError) -> None:
        """See Observer."""
        log.warning("speech_failed", error=str(error), kind=type(error).__name__)

    def broke(self, error: BaseException) -> None:
        """See Observer."""
        log.error("stream_broke", exc_info=error)

    def used(self, key: str, characters: int) -> None:
        """See Watcher."""
        self.characters.labels(self._keys.label(key)).inc(characters)

    def refused_key(self, key: str, reason: str) -> None:
        """See Watcher."""
        self.refusals.labels(self._keys.label(key), reason).inc()

    def request_refused(self, account: str | None, code: str) -> None:
        """See Observer."""
        if code not in _LIMITS:
            key = _NO_KEY if account is None else self._keys.label(account)
            self.refusals.labels(key, code).inc()

    def queued(self, seconds: float) -> None:
        """See Observer."""
        self.queue_s.observe(seconds)

    def computed(self, voice_id: str, computed_s: float, audio_s: float) -> None:
        """See Observer."""
        voice = self._voices.label(voice_id)
        self.computed_s.labels(voice).inc(computed_s)
        self.voice_audio_s.labels(voice).inc(audio_s)
        if audio_s:
            self.real_time_factor.labels(voice).observe(computed_s / audio_s)

    def socket_opened(self) -> None:
        """See Observer."""
        self.sockets.inc()

    def socket_closed(self, code: int) -> None:
        """See Observer."""
        self.sockets.dec()
        self.closes.labels(str(code)).inc()
