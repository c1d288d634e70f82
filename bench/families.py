"""The public families in the engine: first audio of a clause, many streams at once, and the cost of a step.

    python -m bench.families --seconds 20
    python -m bench.families --device cpu --streams 1,2 --seconds 10 --kokoro FOLDER --piper FOLDER

Without folders of `zelitrio voices add` the weights are random, in the published sizes (`weights: drawn`).
There is no server and no socket: text goes to an engine stream, and blocks come back.  First audio ends with
the block that holds the first sample within 40 dB of the utterance's peak.
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import attrs
import numpy as np
import torch
import trio
from numpy.typing import NDArray

from bench.made_voices import made_kokoro, made_piper, real_voice
from bench.options import Options, counts, parse, parser
from bench.report import Report
from zelitrio.bench_client import SENTENCES, audible_sample, milliseconds
from zelitrio.engine import Engine, open_engine
from zelitrio.engine.calls import EncodeRow, ExpandRow, Frames, SpeakRow
from zelitrio.engine.device import Device, open_device, used_mib
from zelitrio.engine.graphs import Pending
from zelitrio.engine.pace import Ladder, choose_ladder
from zelitrio.engine.runner import Runner
from zelitrio.errors import CapacityError
from zelitrio.settings import VoiceSettings
from zelitrio.text import read_text
from zelitrio.voices import Catalogue, Voice

CLAUSE = "The quick brown fox jumps."
STEADY = VoiceSettings(stability=1.0)
_RETRY_S = 0.02
_STEP_ROUNDS = 4
_PREPARED_ROWS, _SPOKEN_ROWS = (1, 2, 8), (1, 8, 64)


@attrs.frozen(kw_only=True)
class SpeechFigures:
    """One utterance that was spoken."""

    first_s: float
    audible_s: float
    audio_s: float
    blocks: tuple[tuple[float, float], ...]
    """The arrival time of each block, and its seconds of audio."""


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--piper", type=Path, help="a converted Piper voice [random weights]")
    made.add_argument("--kokoro", type=Path, help="a converted Kokoro voice [random weights]")
    made.add_argument("--families", default="piper,kokoro")
    made.add_argument("--seconds", type=float, default=20.0, help="duration of measurement without loading")
    made.add_argument("--streams", type=counts, default=(1, 4, 16, 64))
    options = parse(made)
    families = options.extra.families.split(",")
    report = options.report("families")
    with tempfile.TemporaryDirectory() as place:
        for family in families:
            given = getattr(options.extra, family)
            if given is not None:
                voice = real_voice(given)
            else:
                made_voice = made_piper if family == "piper" else made_kokoro
                voice = made_voice(Path(place), options.seed)
            weights = "drawn" if given is None else "real"
            measure(options, voice, {"family": family, "weights": weights}, options.extra.seconds, report)


def measure(options: Options, voice: Voice, common: dict[str, str], seconds: float, report: Report) -> None:
    """Measure one family: a clause, each number of streams, and single steps share its time."""
    streams = options.extra.streams
    share_s = seconds / (len(options.extra.families.split(",")) * (len(streams) + 1))
    device = open_device(options.engine)
    before_mib = used_mib(device.device) if device.is_cuda else 0.0
    rows: list[list[object]] = []

    async def run() -> None:
        begin = time.perf_counter()
        async with open_engine(Catalogue([voice]), options.engine) as engine:
            opened_s = time.perf_counter() - begin
            mib = used_mib(device.device) - before_mib if device.is_cuda else None
            graphs = engine.ready.captures
            report.line("open", **common, dtype=options.engine.dtype, opened_s=round(opened_s, 2),
                        graphs=len(graphs.names), capture_s=round(graphs.took_s, 2), mib=mib,
                        weights_mb=round(voice.model.memory_bytes / 1e6, 1))  # fmt: skip
            rows.append(["open", opened_s * 1000, None, None, None, mib])
            await clause(engine, voice, share_s, common, options, report, rows)
            for count in streams:
                rows.append(await ladder_rung(engine, voice, count, share_s, common, options, report))

    trio.run(run)
    heads = [f"{common['family']}, {common['weights']} weights", "audible ms p50", "p95", "first p50"]
    report.table([*heads, "audio s/s", "MiB"], rows)
    report.table(["step", "rows", "length", "ms"], steps(device, voice, common, options, report))


async def clause(
    engine: Engine, voice: Voice, seconds: float, common: dict[str, str], options: Options,
    report: Report, rows: list[list[object]],
) -> None:  # fmt: skip
    """Measure the first audio of one clause, one stream at a time."""
    heard: list[SpeechFigures] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(heard) < 3:
        heard.append(await say(engine, voice, CLAUSE))
    heard = heard[1:]
    audible, first = (
        milliseconds([said.audible_s for said in heard]),
        milliseconds([said.first_s for said in heard]),
    )
    report.line("clause", **common, dtype=options.engine.dtype, audible_ms=audible, first_ms=first,
                audio_s=round(heard[0].audio_s, 3))  # fmt: skip
    rows.append(["a clause", audible["p50"], audible["p95"], first["p50"], None, None])


async def ladder_rung(
    engine: Engine, voice: Voice, streams: int, seconds: float, common: dict[str, str], options: Options,
    report: Report,
) -> list[object]:  # fmt: skip
    """Run a closed loop: each stream says a sentence to its end, then the next."""
    heard: list[SpeechFigures] = []
    refused = 0
    texts = itertools.cycle(SENTENCES)
    begin = time.perf_counter()
    until = begin + seconds

    async def one(delay_s: float) -> None:
        nonlocal refused
        await trio.sleep(delay_s)
        while time.perf_counter() < until:
            try:
                heard.append(await say(engine, voice, next(texts)))
            except CapacityError:
                refused += 1
                await trio.sleep(_RETRY_S)

    async with trio.open_nursery() as nursery:
        for number in range(streams):
            nursery.start_soon(one, number * min(0.2, seconds / 4) / streams)
    # Count only the time in which all streams run.
    since = begin + seconds / 4
    rate = sum(audio for said in heard for at, audio in said.blocks if since < at < until) / (until - since)
    audible, first = (
        milliseconds([said.audible_s for said in heard]),
        milliseconds([said.first_s for said in heard]),
    )
    mib = used_mib(torch.device("cuda", 0)) if torch.cuda.is_available() else None
    report.line("streams", **common, dtype=options.engine.dtype, streams=streams, audible_ms=audible,
                first_ms=first, audio_s_per_s=round(rate, 1), refused=refused, used_mib=mib)  # fmt: skip
    return [f"{streams} streams", audible["p50"], audible["p95"], first["p50"], round(rate, 1), mib]


async def say(engine: Engine, voice: Voice, text: str) -> SpeechFigures:
    """Speak a text and record when each block came."""
    begin = time.perf_counter()
    parts: list[NDArray[np.float32]] = []
    blocks: list[tuple[float, float]] = []
    async with engine.open_stream(voice, STEADY, seed=1) as stream:
        for utterance in read_text(text, limit=voice.limit):
            stream.feed(utterance)
        stream.finish()
        async for block in stream:
            if len(block.pcm):
                blocks.append((time.perf_counter(), len(block.pcm) / voice.sample_rate_hz))
                parts.append(block.pcm)
    pcm = np.concatenate(parts)
    ends = np.cumsum([len(part) for part in parts])
    loud = int(np.searchsorted(ends, audible_sample(pcm) or 0, side="right"))
    return SpeechFigures(
        first_s=blocks[0][0] - begin,
        audible_s=blocks[min(loud, len(blocks) - 1)][0] - begin,
        audio_s=len(pcm) / voice.sample_rate_hz,
        blocks=tuple(blocks),
    )


@torch.inference_mode()
def steps(
    device: Device, voice: Voice, common: dict[str, str], options: Options, report: Report
) -> list[list[object]]:
    """Measure single calls, graph and eager, and the difference of their results."""
    device.enter_thread()
    ladder = choose_ladder(voice.model.facts, max(_SPOKEN_ROWS), is_wide=device.is_wide)
    ways = ("eager", "graph") if device.is_cuda and options.engine.graphs else ("eager",)
    sounds: list[NDArray[np.float32]] = []
    table: list[list[object]] = []
    for way in ways:
        sounds.append(_time_calls(way, device, voice, ladder, common, options, report, table))
    if len(sounds) == 2:
        apart = float(np.abs(sounds[0] - sounds[1]).max())
        report.line("graph against eager", **common, dtype=options.engine.dtype, apart=apart)
        table.append(["graph against eager", None, None, apart])
    return table


def _time_calls(
    way: str, device: Device, voice: Voice, ladder: Ladder, common: dict[str, str], options: Options,
    report: Report, table: list[list[object]],
) -> NDArray[np.float32]:  # fmt: skip
    """Time every kind of call with rows of one sentence; return the beginning of its samples."""
    model, facts = voice.model, voice.model.facts
    utterance = read_text(SENTENCES[0], limit=voice.limit)[0]
    runner = Runner(model, device.device, device.dtype, max(_SPOKEN_ROWS))
    tokens = model.read(utterance)
    if device.is_cuda:  # only the shapes of this sentence
        lengths = _rungs(facts.token_ladder, len(tokens)), facts.frame_ladder
        runner.facts = attrs.evolve(facts, token_ladder=lengths[0], frame_ladder=lengths[1][:5])
        runner.lay_out(attrs.evolve(ladder, following=(ladder.full,)))
        if way == "graph":
            assert all(runner.capture())
    columns = model.columns(tokens, voice.speaker, STEADY, 7)

    def note(call: str, rows: int, length: int, function: Callable[[], object]) -> None:
        figures = {"call": call, "rows": rows, "length": length, "ms": round(1000 * _least_s(function), 3)}
        report.line("step", **common, dtype=options.engine.dtype, way=way, **figures)
        table.append([f"{call}, {way}", rows, length, figures["ms"]])

    frames = Frames(tokens=np.zeros(0, np.int64), places=np.zeros((0, 0), np.float32))
    for rows in _PREPARED_ROWS if device.is_cuda else (1,):
        encodes = [EncodeRow(slot=slot, tokens=len(tokens), columns=columns) for slot in range(rows)]
        note("encode", rows, len(tokens), partial(_run, runner.encode, encodes))
        read = runner.encode(encodes).wait()[0, 0, : len(tokens)].copy()
        durations = model.durations(tokens, read, speed=1.0, joins=False, is_cut=False)
        of = np.repeat(np.arange(len(durations)), durations)
        frames = Frames(tokens=of, places=model.places(durations))
        expands = [ExpandRow(slot=slot, frames=frames, noise_at=0) for slot in range(rows)]
        expands = [expands[at] for at in runner.together([len(frames)] * rows)]
        note("expand", len(expands), len(frames), partial(_run, runner.expand, expands))
    for rows in _SPOKEN_ROWS if device.is_cuda else (1,):
        speaks = [SpeakRow(slot=slot, frames=frames, first=0, noise_at=0) for slot in range(rows)]
        for window in (ladder.first, ladder.full):
            note("speak", rows, window, partial(_run, runner.speak, speaks, window))
    row = SpeakRow(slot=0, frames=frames, first=0, noise_at=0)
    sound: NDArray[np.float32] = runner.speak([row], ladder.full).wait()[0].copy()
    return sound


def _rungs(ladder: tuple[int, ...], length: int) -> tuple[int, ...]:
    return tuple(rung for rung in ladder if rung >= length)[:1]


def _run(call: Callable[..., Pending], *arguments: object) -> None:
    call(*arguments).wait()


def _least_s(call: Callable[[], object]) -> float:
    taken: list[float] = []
    for _ in range(1 + _STEP_ROUNDS):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
        if sum(taken) > 1.0 and len(taken) > 1:
            break
    return min(taken[1:])


if __name__ == "__main__":
    main()
