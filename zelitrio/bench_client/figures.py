"""The figures of one utterance, without its audio."""

from __future__ import annotations

import attrs

from zelitrio.bench_client.received import ReceivedSpeech


@attrs.frozen(kw_only=True)
class SpeechFigures:
    """Figures of one utterance; times in seconds.

    Attributes:
        at_s: from the load's start to the message that lets the server speak (the release).
        first_s: from the release to the first frame with audio.
        audible_s: from the release to the arrival of the first audible sample; None if not PCM.
        offset_s: from the audio's start to that sample.
        late_s: longest wait for a frame by a listener that plays from the first frame on; 0: none.
        audio_s: duration of the audio received.
        wall_s: from the release to the end.
        chars: code points of the text.
        longest_gap_s: longest time between two frames.
        arrivals: for each frame: when it arrived (`time.perf_counter`), and the seconds of audio in it.
        failure: kind of failure; None after success.  Other figures are None after a failure.
        detail: the server's answer or the error's text, for a person to read.
    """

    at_s: float
    chars: int
    wall_s: float = 0.0
    first_s: float | None = None
    audible_s: float | None = None
    offset_s: float | None = None
    late_s: float | None = None
    longest_gap_s: float | None = None
    audio_s: float = 0.0
    arrivals: tuple[tuple[float, float], ...] = attrs.field(default=(), repr=False)
    failure: str | None = None
    detail: str = ""


def figures_of(heard: ReceivedSpeech, begun_at: float) -> SpeechFigures:
    """Compute the figures of an utterance that has ended; drops its audio."""
    heard.check()
    at_s = max(0.0, heard.released_at - begun_at)
    wall_s = max(0.0, heard.ended_at - heard.released_at) if heard.released_at else 0.0
    if heard.failure is not None or not heard.arrivals:
        heard.forget_audio()
        return SpeechFigures(
            at_s=at_s, chars=heard.chars, wall_s=wall_s, failure=heard.failure, detail=heard.detail
        )
    audible = heard.audible()
    heard.forget_audio()
    return SpeechFigures(
        at_s=at_s,
        chars=heard.chars,
        wall_s=wall_s,
        first_s=heard.first_s,
        audible_s=None if audible is None else audible[0],
        offset_s=None if audible is None else audible[1],
        late_s=heard.late_s,
        longest_gap_s=max(heard.gaps_s, default=None),
        audio_s=heard.audio_s,
        arrivals=tuple(heard.arrivals),
    )
