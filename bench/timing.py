"""The error of the alignment: the told end of a word against the end of its sound.

    python -m bench.timing                             fifty sentences, every built-in voice, as PCM
    python -m bench.timing --format mp3_44100_128      the same for MP3 after decoding

`bench/word_ends.py` defines the measured words and the method; a test uses it too.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import av
import numpy as np
import numpy.typing as npt
import trio

from bench.options import Options, parse, parser
from bench.word_ends import end_errors_ms, sentences
from zelitrio.audio import AudioFormat, parse_format
from zelitrio.engine import open_engine
from zelitrio.session import Service, StreamOptions, Timing, speak
from zelitrio.settings import VoiceSettings
from zelitrio.text import load_front_end
from zelitrio.voices import Voice

WITHIN_MS = 30.0


def main(arguments: list[str] | None = None) -> None:
    """Run the bench."""
    made = parser(__doc__)
    made.add_argument("--sentences", type=int, default=50)
    made.add_argument("--format", default="pcm_24000")
    options = parse(made, arguments)
    trio.run(_measure, options)


async def _measure(options: Options) -> None:
    report = options.report("timing")
    audio_format = parse_format(options.extra.format)
    catalogue = options.catalogue()
    chosen = [options.chosen_voice().voice_id] if options.voice else list(catalogue.voices)
    voices = [catalogue.voices[voice_id] for voice_id in chosen]
    rows = []
    async with open_engine(catalogue, options.engine) as engine:
        service = Service(engine, load_front_end())
        for voice in voices:
            errors = []
            for text in sentences(options.extra.sentences, options.seed):
                errors += await end_errors(service, voice, text, audio_format, options.seed)
            figures = _figures([error for _, error in errors])
            report.line("word_ends", voice=voice.voice_id, format=audio_format.name, **figures)
            rows.append([voice.voice_id, audio_format.name, *figures.values()])
    report.table(
        ["voice", "format", *figures],
        rows,
        f"ms that the sound ends later than told; share within {WITHIN_MS:g}",
    )


def _figures(errors: Sequence[float]) -> dict[str, float]:
    off = np.abs(errors)
    return {
        "words": len(errors),
        "median_ms": round(float(np.median(errors)), 1),
        "p90_off_ms": round(float(np.percentile(off, 90)), 1),
        "max_off_ms": round(float(off.max()), 1),
        "within": round(float(np.mean(off <= WITHIN_MS)), 3),
    }


async def end_errors(
    service: Service, voice: Voice, text: str, audio_format: AudioFormat, seed: int
) -> list[tuple[str, float]]:
    """Every number before a pause, and how much later than told its sound ended, in ms."""
    audio = b""
    chars: list[str] = []
    starts: list[float] = []
    ends: list[float] = []
    options = StreamOptions(
        voice=voice,
        audio_format=audio_format,
        settings=VoiceSettings(stability=1.0),
        seed=seed,
        timing=Timing.STREAM,
    )
    async with speak(service, options, text) as packets:
        async for packet in packets:
            audio += packet.audio
            if packet.alignment is not None:
                told = packet.alignment.written
                chars += told.chars
                starts += [start / 1000 for start in told.starts_ms]
                ends += [(s + d) / 1000 for s, d in zip(told.starts_ms, told.durations_ms, strict=True)]
    rate_hz = audio_format.sample_rate_hz
    return list(end_errors_ms(_samples(audio, audio_format), rate_hz, chars, starts, ends))


def _samples(audio: bytes, audio_format: AudioFormat) -> npt.NDArray[np.float32]:
    if audio_format.codec == "pcm":
        return np.frombuffer(audio, "<i2").astype(np.float32) / 32768.0
    with av.open(io.BytesIO(audio), "r") as file:
        resampler = av.AudioResampler("flt", "mono", audio_format.sample_rate_hz)
        frames = [out for frame in file.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


if __name__ == "__main__":
    main()
