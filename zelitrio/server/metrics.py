"""The server's metrics for Prometheus; every server has its own registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from zelitrio import __version__
from zelitrio.accounts import Watcher
from zelitrio.errors import ZelitrioError
from zelitrio.server.logs import lines_dropped
from zelitrio.server.quiet_log import get_log
from zelitrio.server.series import DoorSeries, KeySeries, StreamSeries, VoiceSeries
from zelitrio.session import EngineLike, Observer

_LIMITS = ("quota_exceeded", "concurrent_limit_exceeded")
"""Reasons of refusals that the accounts report themselves."""
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
        self.streams = StreamSeries(registry)
        self.doors = DoorSeries(registry)
        self.voices = VoiceSeries(registry)
        self.keys = KeySeries(registry)
        self._audio_sent_s = 0.0
        """Not in the series yet, because a counter locks, and `audio` is called for each packet."""
        registry.register(_EngineCollector(engine))
        registry.register(_LogCollector())
        build = Gauge("zelitrio_build_info", "1; the version is a label.", ["version"], registry=registry)
        build.labels(__version__).set(1)

    def expose(self) -> bytes:
        """All metrics in Prometheus' text format."""
        sent_s, self._audio_sent_s = self._audio_sent_s, 0.0
        self.streams.sent_s.inc(sent_s)
        return generate_latest(self.registry)

    def stream_opened(self) -> None:
        """See Observer."""
        self.streams.active.inc()

    def stream_closed(self, reason: str, audio_s: float) -> None:
        """See Observer."""
        self.streams.active.dec()
        self.streams.audio_s.observe(audio_s)
        self.streams.ended.labels(reason).inc()

    def first_audio(self, seconds: float) -> None:
        """See Observer."""
        self.streams.first_audio_s.observe(seconds)

    def audio(self, seconds: float) -> None:
        """See Observer."""
        self._audio_sent_s += seconds

    def underrun(self) -> None:
        """See Observer."""
        self.streams.underruns.inc()

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
        self.keys.used(key, characters)

    def refused_key(self, key: str, reason: str) -> None:
        """See Watcher."""
        self.keys.refused(key, reason)

    def request_refused(self, account: str | None, code: str) -> None:
        """See Observer."""
        if code not in _LIMITS:
            self.keys.refused(account, code)

    def queued(self, seconds: float) -> None:
        """See Observer."""
        self.streams.queue_s.observe(seconds)

    def computed(self, voice_id: str, computed_s: float, audio_s: float) -> None:
        """See Observer."""
        self.voices.add(voice_id, computed_s, audio_s)

    def socket_opened(self) -> None:
        """See Observer."""
        self.doors.sockets.inc()

    def socket_closed(self, code: int) -> None:
        """See Observer."""
        self.doors.sockets.dec()
        self.doors.closes.labels(str(code)).inc()
