"""Public voices in their own runtimes and in ours: one run, the same sentences, the same threads.

    python -m bench.runtimes --piper en_US-joe-medium.onnx --kokoro FOLDER --speaker af_heart

Processor time, which other programs disturb less than the clock, and interleaved, so that what disturbs one
disturbs all.  Needs the extra `peers`; those packages are GPL and used by nothing else.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs
import numpy as np
import trio
from numpy.typing import NDArray

from bench.options import Options, parse, public_voice_parser
from bench.report import Report
from zelitrio.bench_client import summary
from zelitrio.engine import Engine, open_engine
from zelitrio.errors import CapacityError
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.text import read_text
from zelitrio.voices import Catalogue, Origin, Voice, convert, load_folder

SENTENCES = (
    "The birch canoe slid on the smooth planks, and nobody noticed it.",
    "I am sorry, but the next train leaves at half past nine.",
    "Would you like tea, or do you prefer coffee this morning?",
    "Please wait a moment while I look that up for you.",
    "Your order left the warehouse today and arrives on Thursday.",
)
STEADY = VoiceSettings(stability=1.0)


@attrs.frozen(kw_only=True)
class RuntimeFigures:
    """What one sentence took."""

    first_cpu_s: float
    cpu_s: float
    first_s: float
    audio_s: float


Say = Callable[[str], Awaitable[RuntimeFigures]]


def runtime_parser(text: str | None) -> argparse.ArgumentParser:
    """A parser of the public voice and the threads of both runtimes."""
    made = public_voice_parser(text)
    made.add_argument("--threads", type=int, default=1)
    return made


def main() -> None:
    made = runtime_parser(__doc__)
    made.add_argument("--rounds", type=int, default=2)
    made.add_argument("--streams", type=int, nargs="*", default=[1, 4, 8])
    options = parse(made)
    if options.extra.piper is None and options.extra.kokoro is None:
        raise SystemExit("expected --piper or --kokoro, found neither")
    trio.run(measure, options)


async def measure(options: Options) -> None:
    """Make all runtimes, then measure them in turn."""
    extra, report = options.extra, options.report("runtimes")
    with tempfile.TemporaryDirectory() as place:
        runtimes: dict[str, tuple[Callable[[str], tuple[NDArray[np.float32], int]], Voice]] = {}
        origin = Origin(source="bench.runtimes")
        if extra.piper is not None:
            convert(extra.piper, Path(place) / "piper", origin)
            runtimes["piper-tts"] = piper_tts(extra), load_folder(Path(place) / "piper")[0]
        if extra.kokoro is not None:
            folder = Path(place) / "kokoro"
            convert(extra.kokoro, folder, origin, voices=[extra.speaker], measure=[extra.speaker])
            runtimes["kokoro-onnx"] = kokoro_onnx(extra, folder), load_folder(folder)[0]
        catalogue = Catalogue([voice for _, voice in runtimes.values()])
        settings = EngineSettings(device="cpu", cpu_threads=extra.threads, dtype=options.engine.dtype)
        async with open_engine(catalogue, settings) as engine:
            for name, (speak, voice) in runtimes.items():
                await compare(name, speak, engine, voice, options, report)


async def compare(
    name: str,
    speak: Callable[[str], tuple[NDArray[np.float32], int]],
    engine: Engine,
    voice: Voice,
    options: Options,
    report: Report,
) -> None:
    """One family: sentence by sentence in turn, then several at once."""

    async def theirs(text: str) -> RuntimeFigures:
        return whole(speak, text)

    async def ours(text: str) -> RuntimeFigures:
        return await streamed(engine, voice, text)

    said: dict[str, Say] = {name: theirs, "zelitrio": ours}
    for say in said.values():
        await say(SENTENCES[0])
    heard: dict[str, list[RuntimeFigures]] = {key: [] for key in said}
    for _ in range(options.extra.rounds):
        for text in SENTENCES:
            for key, say in said.items():
                heard[key].append(await say(text))
    rows = []
    figures = {}
    for key, some in heard.items():
        first = summary([one.first_cpu_s for one in some], 1000, 1)
        cpu_s, audio_s = sum(one.cpu_s for one in some), sum(one.audio_s for one in some)
        # The peers' audio includes more silence, so their factor looks better than their time.
        figures[key] = first["p50"], cpu_s / audio_s, 1000 * cpu_s / len(some)
        report.line(
            "one",
            peer=name,
            runtime=key,
            first_cpu_ms=first,
            real_time_factor=round(cpu_s / audio_s, 4),
            sentence_cpu_ms=round(1000 * cpu_s / len(some), 1),
            sentence_audio_s=round(audio_s / len(some), 3),
        )
        rows.append([key, first["p50"], round(cpu_s / audio_s, 3), round(figures[key][2], 1)])
    ratios = [round(ours / peers, 3) for ours, peers in zip(figures["zelitrio"], figures[name], strict=True)]
    report.line("ratio", peer=name, first=ratios[0], real_time_factor=ratios[1], sentence=ratios[2])
    rows.append(["ratio", *ratios])
    report.table([f"{name}: one", "first CPU ms p50", "real-time factor", "CPU ms a sentence"], rows)
    rows = []
    for count in options.extra.streams:
        turns: dict[str, list[AtOnce]] = {key: [] for key in said}
        for _ in range(options.extra.rounds):
            for key in said:
                turns[key].append(await at_once(key == "zelitrio", speak, engine, voice, count))
        for key, said_at_once in turns.items():
            first_ms = summary([first for turn in said_at_once for first in turn.firsts_s], 1000, 0)
            audio_s = sum(turn.audio_s for turn in said_at_once)
            rate = round(audio_s / sum(turn.took_s for turn in said_at_once), 2)
            cpu_s = sum(turn.cpu_s for turn in said_at_once)
            by_cpu, sentence_ms = round(audio_s / cpu_s, 2), 1000 * cpu_s / (count * len(said_at_once))
            report.line(
                "at once",
                peer=name,
                runtime=key,
                streams=count,
                first_ms=first_ms,
                audio_s_per_s=rate,
                audio_s_per_cpu_s=by_cpu,
                sentence_cpu_ms=round(sentence_ms, 1),
            )
            times = first_ms["p50"], first_ms["p95"]
            rows.append([f"{key}, {count} at once", *times, rate, by_cpu, round(sentence_ms, 1)])
    heads = [name, "first ms p50", "p95", "audio s per s", "per CPU s", "CPU ms a sentence"]
    report.table(heads, rows)


@attrs.frozen(kw_only=True)
class AtOnce:
    """What several sentences took together."""

    firsts_s: list[float]
    audio_s: float
    took_s: float
    cpu_s: float


async def at_once(
    is_ours: bool,
    speak: Callable[[str], tuple[NDArray[np.float32], int]],
    engine: Engine,
    voice: Voice,
    count: int,
) -> AtOnce:
    """Several sentences asked for together.

    The peers' sessions speak one sentence at a time, so theirs wait in line.
    """
    texts = [SENTENCES[at % len(SENTENCES)] for at in range(count)]
    cpu, begin = time.process_time(), time.perf_counter()
    heard: list[tuple[float, float]] = []
    if not is_ours:
        for text in texts:
            pcm, rate = speak(text)
            heard.append((time.perf_counter() - begin, len(pcm) / rate))
    else:

        async def one(text: str) -> None:
            found = await admitted(engine, voice, text, begin)
            heard.append((found.first_s, found.audio_s))

        async with trio.open_nursery() as nursery:
            for text in texts:
                nursery.start_soon(one, text)
    return AtOnce(
        firsts_s=[first for first, _ in heard],
        audio_s=sum(audio for _, audio in heard),
        took_s=time.perf_counter() - begin,
        cpu_s=time.process_time() - cpu,
    )


def whole(speak: Callable[[str], tuple[NDArray[np.float32], int]], text: str) -> RuntimeFigures:
    """A peer's sentence: its first audio is all of it."""
    cpu, begin = time.process_time(), time.perf_counter()
    pcm, rate = speak(text)
    took = time.process_time() - cpu
    return RuntimeFigures(
        first_cpu_s=took, cpu_s=took, first_s=time.perf_counter() - begin, audio_s=len(pcm) / rate
    )


async def admitted(engine: Engine, voice: Voice, text: str, begin: float) -> RuntimeFigures:
    """One of ours, asked for again while the engine has as many streams as it can feed in real time."""
    while True:
        try:
            return await streamed(engine, voice, text, begin)
        except CapacityError:
            await trio.sleep(0.05)


async def streamed(engine: Engine, voice: Voice, text: str, begin: float | None = None) -> RuntimeFigures:
    """One of ours, from text to the first block and to the last."""
    cpu, begin = time.process_time(), time.perf_counter() if begin is None else begin
    first_cpu = first_s = None
    samples = 0
    async with engine.open_stream(voice.voice_id, STEADY, seed=1) as stream:
        for utterance in read_text(text, limit=voice.limit):
            stream.feed(utterance)
        stream.finish()
        async for block in stream:
            if first_s is None:
                first_cpu, first_s = time.process_time() - cpu, time.perf_counter() - begin
            samples += len(block.pcm)
    assert first_cpu is not None
    assert first_s is not None
    return RuntimeFigures(
        first_cpu_s=first_cpu,
        cpu_s=time.process_time() - cpu,
        first_s=first_s,
        audio_s=samples / voice.sample_rate_hz,
    )


def piper_tts(extra: argparse.Namespace) -> Callable[[str], tuple[NDArray[np.float32], int]]:
    """Piper's own runtime."""
    from piper import PiperVoice, SynthesisConfig

    voice = PiperVoice.load(extra.piper)
    voice.session = _session(extra.piper, extra.threads)
    plain = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0)

    def speak(text: str) -> tuple[NDArray[np.float32], int]:
        chunks = list(voice.synthesize(text, plain))
        return np.concatenate([chunk.audio_float_array for chunk in chunks]), chunks[0].sample_rate

    return speak


def kokoro_onnx(extra: argparse.Namespace, folder: Path) -> Callable[[str], tuple[NDArray[np.float32], int]]:
    """Kokoro's most used runtime."""
    import kokoro_onnx as package

    (path,) = extra.kokoro.glob("*.onnx")
    styles = folder / "peer.npz"
    np.savez(styles, **{extra.speaker: load_folder(folder)[0].speaker.styles[:, None]})
    kokoro = package.Kokoro.from_session(_session(path, extra.threads), str(styles))

    def speak(text: str) -> tuple[NDArray[np.float32], int]:
        pcm, rate = kokoro.create(text, extra.speaker)
        return np.asarray(pcm, np.float32), int(rate)

    return speak


def _session(path: Path, threads: int) -> object:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
