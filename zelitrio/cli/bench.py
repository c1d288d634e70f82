"""`zelitrio bench`: measure any speech server from the outside, and compare."""

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
    """What every measurement needs to know.

    Attributes:
        url: The server's address: http, https, ws, wss or tcp.
        protocol: elevenlabs-ws, elevenlabs-multi, elevenlabs-http, openai, wyoming, piper-http or riva-like.
        voice: The voice's name in that protocol; empty for the server's own choice.
        format: pcm_24000, wav, mp3_44100_128 or the like. Audible first audio is measured in PCM and WAV.
        model: The model's name, where the protocol has one.
        api_key: The server's key.
        name: The server's name in results [default: host and port].
        texts: A file with a text on each line [default: ten sentences].
        timeout_s: Time for an utterance, from the connection to its end.
        seed: Of all random draws.
        out: A file for the lines, which are appended [default: standard output].
        html: A file for a report with plots, in one page.
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
        A command that does not exist.
    compare
        Files of lines: A.jsonl B.jsonl. The servers of one file are also compared with each other.
    html
        A file for a report with plots, in one page.
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
    """One utterance after another: how long until the first audible sample?

    Parameters
    ----------
    count
        Utterances.
    """
    _measure("first-audio", target, [count])


@bench.command
def concurrency(target: Target, *, streams: Counts = None, seconds: float = 10.0) -> None:
    """A closed loop: each client says the next text when the last is over.

    Parameters
    ----------
    streams
        Clients at once; repeat for more points [default: 1, 4, 16].
    seconds
        For each number of clients.
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
    """An open loop: texts arrive at random, whether earlier ones are over or not.

    Parameters
    ----------
    rates
        Arrivals a second; repeat for more points [default: 1, 2, 4].
    seconds
        Of arrivals at each rate.
    find_knee
        Search the knee between the first and the last rate: the highest without underruns and failures at
        which the p95 of first audio is within the limit.
    limit_ms
        The limit of the knee.
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
    """Listeners in real time: how many can be served so that none runs dry?

    Parameters
    ----------
    counts
        Listeners, in steps upwards; repeat for more [default: 10, 20, 40, 80]. After the first number that
        fails the interval is halved.
    seconds
        For each number of listeners.
    exact
        How far off the result may be.
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
    open_speaker(address)  # knows the protocol, or says which there are
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
    finally:  # also after Ctrl-C: the points until then are results
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
    """The lines, with a bar of seconds or utterances on a terminal; `begin` lines only move the bar."""
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
    """The points as a table on stderr."""
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
                client = (
                    str(line["client"].get("why") or "")
                    or f"{line['client'].get('cpu_share', 0):.0%} of a core"
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
