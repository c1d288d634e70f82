"""`zelitrio bench`: measure any speech server from outside, and compare."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import attrs
from cyclopts import App, Parameter

from zelitrio.errors import LocalError

if TYPE_CHECKING:
    from zelitrio.bench_client import Line, Plan
    from zelitrio.bench_report import Run

bench = App(
    name="bench",
    help="Measure any speech server: first audio, throughput, listeners.",
    sort_key=8,
    result_action="return_value",
)
Counts = Annotated[list[int] | None, Parameter(consume_multiple=False, negative_iterable=())]
Rates = Annotated[list[float] | None, Parameter(consume_multiple=False, negative_iterable=())]


@Parameter(name="*")
@attrs.frozen(kw_only=True)
class Target:
    """The options of every measurement.

    Attributes:
        url: The server's address: http, https, ws, wss or tcp.
        protocol: elevenlabs-ws, elevenlabs-multi, elevenlabs-http, openai, wyoming, piper-http or riva-like.
        voice: The voice's name in that protocol; empty for the server's default.
        format: For example pcm_24000, wav or mp3_44100_128. Audible first audio is measured in PCM and WAV.
        model: The model's name, if the protocol has one.
        api_key: The server's key.
        name: The server's name in results [default: host and port].
        texts: A file with one text per line [default: ten sentences].
        timeout_s: Time for an utterance, from the connection to its end.
        seed: Seed of all random draws.
        out: A file to append the result lines to [default: standard output].
        html: A file for a report page with plots.
    """

    url: str
    protocol: str = "elevenlabs-ws"
    voice: str = ""
    format: str = "pcm_24000"
    model: str = ""
    api_key: Annotated[str, Parameter(env_var="ZELITRIO_BENCH_API_KEY")] = ""
    name: str = ""
    texts: Path | None = None
    timeout_s: float = 60.0
    seed: int = 7
    out: Path | None = None
    html: Path | None = None


@bench.default
def compare(
    command: Annotated[str, Parameter(show=False)] = "",
    /,
    *,
    compare: Annotated[list[Path] | None, Parameter(consume_multiple=True, negative_iterable=())] = None,
    html: Path | None = None,
) -> None:
    """Compare the results of earlier runs.

    Parameters
    ----------
    command
        An unknown command.
    compare
        Result files: A.jsonl B.jsonl. The servers in one file are also compared with each other.
    html
        A file for a report page with plots.
    """
    from zelitrio.bench_report import read_run

    if command or not compare:
        commands = "first-audio, concurrency, open-loop, listeners or --compare A.jsonl B.jsonl"
        raise LocalError(f"bench: expected {commands}" + (f", found {command!r}" if command else ""))
    runs = [read_run(path) for path in compare]
    _check_report(html)
    _show([line for run in runs for line in run.lines])
    _write_report(html, runs)


@bench.command(name="first-audio")
def first_audio(target: Target, *, count: int = 20) -> None:
    """Measure one utterance after another: the time to the first audible sample.

    Parameters
    ----------
    count
        Utterances.
    """
    _measure("first-audio", target, [count])


@bench.command
def concurrency(target: Target, *, streams: Counts = None, seconds: float = 10.0) -> None:
    """Run a closed loop: each client says the next text after the last one.

    Parameters
    ----------
    streams
        Concurrent clients; repeat for more points [default: 1, 4, 16].
    seconds
        Duration for each number of clients.
    """
    _measure("concurrency", target, streams or [1, 4, 16], seconds=seconds)


@bench.command(name="open-loop")
def open_loop(
    target: Target,
    *,
    rates: Rates = None,
    seconds: float = 15.0,
    find_knee: Annotated[bool, Parameter(negative=())] = False,
    limit_ms: float = 75.0,
) -> None:
    """Run an open loop: texts arrive at random, independent of earlier ones.

    Parameters
    ----------
    rates
        Arrivals a second; repeat for more points [default: 1, 2, 4].
    seconds
        Duration of arrivals at each rate.
    find_knee
        Search the knee between the first and the last rate: the highest rate without underruns and failures,
        and with the p95 of first audio within the limit.
    limit_ms
        Limit for the p95 of first audio.
    """
    _measure(
        "open-loop", target, rates or [1, 2, 4], seconds=seconds, finds_knee=find_knee, limit_ms=limit_ms
    )


@bench.command
def listeners(
    target: Target,
    *,
    counts: Counts = None,
    seconds: float = 10.0,
    exact: int = 2,
    buffer_ms: float = 0.0,
) -> None:
    """Serve listeners in real time: find the number of listeners without an underrun.

    Parameters
    ----------
    counts
        Numbers of listeners, ascending; repeat for more [default: 10, 20, 40, 80]. After the first failure
        the interval is halved.
    seconds
        Duration for each number of listeners.
    exact
        Precision of the result, in listeners.
    buffer_ms
        Audio that a listener collects before it plays.
    """
    _measure(
        "listeners", target, counts or [10, 20, 40, 80], seconds=seconds, exact=exact, buffer_ms=buffer_ms
    )


def _measure(bench: str, target: Target, points: Sequence[float], **how: Any) -> None:
    from zelitrio.bench_client import (
        SENTENCES,
        MeasureError,
        Plan,
        measure_apart,
        open_speaker,
        parse_address,
        read_texts,
    )

    address = parse_address(
        target.url,
        protocol=target.protocol,
        voice_id=target.voice,
        output_format=target.format,
        api_key=target.api_key,
        model=target.model,
        timeout_s=target.timeout_s,
    )
    open_speaker(address)  # refuses an unknown protocol
    plan = Plan(
        bench=bench,
        address=address,
        url=target.url,
        server=target.name or address.authority,
        points=tuple(points),
        seed=target.seed,
        texts=SENTENCES if target.texts is None else read_texts(target.texts),
        **how,
    )
    _check_report(target.html, target.out)
    lines: list[Line] = []
    try:
        with (
            nullcontext(sys.stdout.buffer) if target.out is None else target.out.open("ab") as out,
            closing(measure_apart(plan)) as measured,
        ):
            for line in _with_bar(plan, measured):
                lines.append(line)
                _write_line(out, line)
    finally:  # also after Ctrl-C, because finished points are results
        if any(line["what"] == "point" for line in lines):
            from zelitrio.bench_report import Run

            _show(lines)
            _write_report(target.html, [Run(plan.server, tuple(lines))])
    if not any(line.get("n") for line in lines if line["what"] == "point"):
        kinds = {kind for line in lines for kind in line.get("failures", ())}
        raise MeasureError(f"{target.url}: no utterance was heard: {', '.join(sorted(kinds)) or 'no answer'}")


def _check_report(path: Path | None, lines: Path | None = None) -> None:
    """Fail before the measurement if the report could not be written after it."""
    if path is None:
        return
    if lines is not None and path.resolve() == lines.resolve():
        raise LocalError(f"--html: expected another file than --out, found {path}")
    is_new = not path.exists()
    with path.open("ab"):
        pass
    if is_new:
        path.unlink()


def _write_report(path: Path | None, runs: Sequence[Run]) -> None:
    if path is not None:
        from zelitrio.bench_report import report_html

        path.write_text(report_html(runs), encoding="utf-8")
        print(f"report: {path}", file=sys.stderr)


def _write_line(out: IO[bytes], line: Line) -> None:
    import orjson

    out.write(orjson.dumps(line) + b"\n")
    out.flush()


def _with_bar(plan: Plan, measured: Iterator[Line]) -> Iterator[Line]:
    """Yield the lines; show a bar of seconds or utterances on a terminal, moved by `begin` lines."""
    from zelitrio.cli.progress import stderr_bar

    bar = stderr_bar("{task.description}", "{task.fields[heard]} heard, {task.fields[failed]} failed")
    heard = failed = 0
    with bar or nullcontext():
        task = None if bar is None else bar.add_task(plan.bench, total=None, heard=0, failed=0)
        for line in measured:
            heard += line["what"] == "utterance" and line["failure"] is None
            failed += line["what"] == "utterance" and line["failure"] is not None
            if bar is not None and task is not None:
                if line["what"] == "begin":
                    total = plan.points[0] if plan.bench == "first-audio" else plan.seconds
                    bar.reset(task, total=total, description=f"{plan.bench} {_point(line)}")
                done = heard if plan.bench == "first-audio" else line.get("at_s", 0.0)
                bar.update(task, completed=done, heard=heard, failed=failed)
            if line["what"] != "begin":
                yield line


def _show(lines: Sequence[Mapping[str, Any]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    heads = ("server", "bench", "point", "heard", "audible p50", "p95", "p99 ms", "audio s/s", "underruns")
    table = Table(*heads, "failed", "client", box=box.SIMPLE_HEAD)
    for line in lines:
        match line["what"]:
            case "point":
                first = line["audible_ms"] if line["audible_ms"]["n"] else line["first_ms"]
                figures = [f"{first[name]:.1f}" if name in first else "-" for name in ("p50", "p95", "p99")]
                failed = ", ".join(f"{kind} {count}" for kind, count in line["failures"].items()) or "0"
                client = str(
                    line["client"].get("why") or f"{line['client'].get('cpu_share', 0):.0%} of a core"
                )
                rate = f"{line['audio_s_per_s']:.2f}"
                row = [line["server"], line["bench"], _point(line), str(line["n"]), *figures, rate]
                table.add_row(*row, str(line["underruns"]), failed, client)
            case "knee":
                said = f"knee: {line['arrivals_per_s']:g} a second"
                table.add_row(line["server"], line["bench"], said)
            case "most":
                table.add_row(line["server"], line["bench"], f"most: {line['listeners']}")
    Console(stderr=True, width=None if sys.stderr.isatty() else 160).print(table)


def _point(line: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in line["point"].items())
