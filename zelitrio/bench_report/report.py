"""Makes one HTML page about one or more runs: plots, tables and conditions.  The page loads nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

import attrs

from zelitrio.bench_report.plots import Series, colour_class, plot
from zelitrio.bench_report.runs import Run

_Line = Mapping[str, Any]
_STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1d1c1a; --muted: #5f5b54; --line: #dedad2; }
@media (prefers-color-scheme: dark) {
  :root { --page: #121413; --text: #ecebe6; --muted: #a8a69e; --line: #323735; }
}
body { margin: 2rem auto; max-width: 62rem; padding: 0 1rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
h2 { margin-top: 2.5rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1rem; }
figure { margin: 0; }
figcaption { font-weight: 600; }
svg { width: 100%; height: auto; }
svg text { fill: var(--muted); font: 11px system-ui, sans-serif; }
.grid { stroke: var(--line); }
.line { fill: none; stroke: currentColor; stroke-width: 2; }
.dashed { stroke-dasharray: 6 4; }
.dot { fill: currentColor; }
.c0 { color: #0b7a63; } .c1 { color: #c2581f; } .c2 { color: #3b6fd4; } .c3 { color: #a8449b; }
.c4 { color: #8a7a12; } .c5 { color: #c23a4b; } .c6 { color: #2b8fa8; } .c7 { color: #7a6a5a; }
.legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; }
.legend b { display: inline-block; width: .8rem; height: .8rem; background: currentColor; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; }
td { white-space: nowrap; }
th { color: var(--muted); font-weight: 500; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
.note { color: var(--muted); }
"""
_META = (
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta http-equiv="content-security-policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
)
"""Forbids all requests of the page."""
_LOADS = {
    "first-audio": ("streams", "Streams"),
    "concurrency": ("streams", "Streams at once"),
    "open-loop": ("arrivals_per_s", "Arrivals a second"),
    "listeners": ("listeners", "Listeners"),
}
_TITLES = {
    "first-audio": "First audio, one stream at a time",
    "concurrency": "Streams in a closed loop",
    "open-loop": "Arrivals in an open loop",
    "listeners": "Listeners in real time",
}


@attrs.frozen
class _Server:
    """All lines of one server in one run.  `number` counts the servers of the page and chooses the colour."""

    name: str
    number: int
    lines: tuple[_Line, ...]

    def of(self, what: str, bench: str) -> list[_Line]:
        """The lines of this kind and benchmark."""
        return [line for line in self.lines if line["what"] == what and line.get("bench") == bench]


def report_html(runs: Sequence[Run]) -> str:
    """Make the page.  Compares several runs, and several servers in one run, side by side."""
    servers = list(_servers(runs))
    title = "zelitrio bench: " + ", ".join(server.name for server in servers)
    known = [name for name in _TITLES if any(server.of("point", name) for server in servers)]
    body = "".join(_section(bench, servers) for bench in known)
    legend = "".join(
        f'<li><b class="{colour_class(server.number)}"></b> {escape(server.name)}</li>' for server in servers
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">{_META}'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>{escape(title)}</h1><ul class="legend">{legend}</ul>{body}{_conditions(servers)}'
        "</main></body></html>\n"
    )


def _servers(runs: Sequence[Run]) -> Iterator[_Server]:
    number = 0
    for run in runs:
        names = dict.fromkeys(str(line.get("server", "")) for line in run.lines if line["what"] == "point")
        for name in names:
            lines = tuple(line for line in run.lines if str(line.get("server", "")) == name)
            yield _Server(f"{run.name}: {name}" if len(runs) > 1 else name, number, lines)
            number += 1


def _section(bench: str, servers: Sequence[_Server]) -> str:
    plots = "".join(_plots(bench, servers))
    return f'<h2>{escape(_TITLES[bench])}</h2><div class="plots">{plots}</div>{_table(bench, servers)}'


def _plots(bench: str, servers: Sequence[_Server]) -> Iterator[str]:
    _, load = _LOADS[bench]
    if bench == "first-audio":
        shares = [Series(server.name, server.number, _shares(server, bench)) for server in servers]
        yield plot("Audible first audio: share of utterances", "ms", "%", shares)
    else:
        median = [_against(server, bench, "audible_ms", "p50") for server in servers]
        tail = [_against(server, bench, "audible_ms", "p95", "dashed") for server in servers]
        yield plot("Audible first audio: p50, and p95 dashed", load, "ms", [*median, *tail])
        made = [_against(server, bench, "audio_s_per_s") for server in servers]
        yield plot("Audio made", load, "seconds a second", made)
    if bench == "listeners":
        dry = [_against(server, bench, "underruns") for server in servers]
        yield plot("Underruns", load, "underruns", dry)
    over_time = [Series(server.name, server.number, _over_time(server, bench), "dots") for server in servers]
    yield plot("Each utterance", "seconds since its point began", "audible ms", over_time)


def _shares(server: _Server, bench: str) -> tuple[tuple[float, float], ...]:
    values = sorted(value for _, value in _over_time(server, bench))
    return tuple((value, 100 * (at + 1) / len(values)) for at, value in enumerate(values))


def _over_time(server: _Server, bench: str) -> tuple[tuple[float, float], ...]:
    found = [(_value(line, "at_s"), _value(line, "audible_ms")) for line in server.of("utterance", bench)]
    return tuple((at_s, first) for at_s, first in found if at_s is not None and first is not None)


def _against(server: _Server, bench: str, name: str, part: str | None = None, style: str = "line") -> Series:
    points = []
    for line in server.of("point", bench):
        load, value = _load(line, bench), _value(line, name, part)
        if load is not None and value is not None:
            points.append((load, value))
    return Series(f"{server.name} {part or ''}".strip(), server.number, tuple(points), style)


def _load(line: _Line, bench: str) -> float | None:
    point = line.get("point")
    return _number(point.get(_LOADS[bench][0])) if isinstance(point, Mapping) else None


def _value(line: _Line, name: str, part: str | None = None) -> float | None:
    value = line.get(name)
    if part is not None:
        value = value.get(part) if isinstance(value, Mapping) else None
    return _number(value)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _table(bench: str, servers: Sequence[_Server]) -> str:
    """A row for each point of each server; rows of equal load are together and compared with the first."""
    rows: list[tuple[float, _Server, _Line]] = [
        (_load(line, bench) or 0.0, server, line) for server in servers for line in server.of("point", bench)
    ]
    rows.sort(key=lambda row: (row[0], row[1].number))
    firsts: dict[float, float] = {}
    cells = []
    for load, server, line in rows:
        median = _value(line, "audible_ms", "p50")
        if median:
            firsts.setdefault(load, median)
        ratio = median / firsts[load] if median else None
        cells.append(_row(load, server, line, ratio if len(servers) > 1 else None))
    heads = [_LOADS[bench][1], "Server", "Heard", "Failed", "Audible p50", "p95", "p99", "First byte p50"]
    heads += ["Underruns", "Audio s per s", "Real-time factor", "p50 beside the first"]
    head = "".join(f'<th scope="col">{name}</th>' for name in heads[: None if len(servers) > 1 else -1])
    notes = "".join(_notes(bench, servers))
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(cells)}</tbody></table></div>{notes}"
    )


def _row(load: float, server: _Server, line: _Line, ratio: float | None) -> str:
    figures = [
        f"{load:g}",
        server.name,
        _shown(_value(line, "n"), "", 0),
        _shown(_value(line, "failed"), "", 0),
        *(_shown(_value(line, "audible_ms", part), " ms") for part in ("p50", "p95", "p99")),
        _shown(_value(line, "first_ms", "p50"), " ms"),
        _shown(_value(line, "underruns"), "", 0),
        _shown(_value(line, "audio_s_per_s")),
        _shown(_value(line, "real_time_factor"), "", 3),
    ]
    if ratio is not None:
        figures.append(f"{ratio:.2f} times")
    return "<tr>" + "".join(f"<td>{escape(figure)}</td>" for figure in figures) + "</tr>"


def _shown(value: float | None, unit: str = "", digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f}{unit}"


def _notes(bench: str, servers: Sequence[_Server]) -> Iterator[str]:
    """Notes on the knee, the most listeners, failures by kind, and a client that may have been the limit."""
    for server in servers:
        said = [
            f"the knee is at {line.get('arrivals_per_s')} arrivals a second (limit {line.get('limit_ms')} ms)"
            for line in server.of("knee", bench)
        ]
        said += [
            f"{line.get('listeners')} listeners without an underrun" for line in server.of("most", bench)
        ]
        for line in server.of("point", bench):
            where = f"at {_load(line, bench) or 0:g}"
            failures = line.get("failures")
            if isinstance(failures, Mapping):
                said += [f"{where}: {count} failed ({kind})" for kind, count in failures.items()]
            client = line.get("client")
            if isinstance(client, Mapping) and client.get("is_limit"):
                said.append(f"{where} the client was the limit: {client.get('why', '')}")
        if said:
            yield f'<p class="note">{escape(server.name)}: {escape("; ".join(said))}.</p>'


def _conditions(servers: Sequence[_Server]) -> str:
    rows = []
    for server in servers:
        line = next(line for line in server.lines if line["what"] == "point")
        machine = line.get("machine")
        told = (
            ", ".join(f"{name} {value}" for name, value in machine.items())
            if isinstance(machine, Mapping)
            else ""
        )
        figures = [server.name, *(str(line.get(name) or "–") for name in _CONDITIONS), told]
        rows.append("<tr>" + "".join(f"<td>{escape(figure)}</td>" for figure in figures) + "</tr>")
    heads = ["Server", "URL", "Protocol", "Voice", "Format", "At", "Seed", "Client's machine"]
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    return (
        f'<h2>Conditions</h2><div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


_CONDITIONS = ("url", "protocol", "voice", "format", "at", "seed")
