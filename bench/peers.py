"""zelitrio and other servers: the same text and machine, measured in turns by `zelitrio bench`.

    python -m bench.peers --piper en_US-joe-medium.onnx --html beside.html --keep
    python -m bench.peers_table --write

The first command measures, and writes a page with plots; the second one puts the stored lines into the tables
of bench/README.md and README.md.  Each server runs as its users start it, in its own process, and is idle
while another one is measured.  Those that are not installed are named and left out: `piper-tts[http]` and
`wyoming-piper` with the same public voice, and `kokoro-onnx`, flite and espeak-ng over `bench.small_server`.
`bench.runtimes` compares the runtimes without servers.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import attrs
import orjson

from bench.machine import REPOSITORY
from bench.options import Options, counts, parse, public_voice_parser
from bench.report import Report
from bench.server_process import free_port, open_server
from zelitrio.bench_client import Line, Plan, heard_ms, measure_apart, parse_address
from zelitrio.bench_report import Run, report_html
from zelitrio.voices import Origin, convert, load_folder

START_TIMEOUT_S = 60.0
PEERS = ("piper-tts", "wyoming-piper", "kokoro-onnx", "onnxruntime")
SENTENCES = (
    "The birch canoe slid on the smooth planks, and nobody noticed it.",
    "I am sorry, but the next train leaves at half past nine.",
    "Would you like tea, or do you prefer coffee this morning?",
    "Please wait a moment while I look that up for you.",
    "Your order left the warehouse today and arrives on Thursday. Would you like me to send you the link?",
)


@attrs.frozen(kw_only=True)
class Served:
    """A server that is ready, and its address."""

    name: str
    url: str
    protocol: str
    voice_id: str = ""
    output_format: str = "wav"


def main() -> None:
    made = public_voice_parser(__doc__)
    made.add_argument("--count", type=int, default=10, help="utterances of one client, in each round")
    made.add_argument("--streams", type=counts, default=(4,), help="numbers of simultaneous clients")
    made.add_argument("--seconds", type=float, default=8.0, help="duration for each number of clients")
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--lines", type=Path, help="a file for the lines of `zelitrio bench`")
    made.add_argument("--html", type=Path, help="a file for the page with plots")
    options = parse(made)
    report = options.report("peers")
    rows: list[list[object]] = []
    lines: list[Line] = []
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = list(_servers(options, place, stack))
        for number in range(options.extra.rounds):
            # Every other round goes backwards, so that no server is always measured last.
            in_turn = servers[:: -1 if number % 2 else 1]
            for bench, points in (
                ("first-audio", (options.extra.count,)),
                ("concurrency", options.extra.streams),
            ):
                for served in in_turn:
                    rows += measure(options, served, bench, points, report, lines)
    heads = ["server", "protocol", "clients", "heard", "audible first p50", "p95 ms", "audio s/s", "failed"]
    report.table(heads, rows)
    if options.extra.html is not None:
        options.extra.html.write_text(report_html([Run("peers", tuple(lines))]), encoding="utf-8")


def measure(
    options: Options,
    served: Served,
    bench: str,
    points: tuple[float, ...],
    report: Report,
    lines: list[Line],
) -> Iterator[list[object]]:
    """Measure one server under one load."""
    address = parse_address(
        served.url, protocol=served.protocol, voice_id=served.voice_id, output_format=served.output_format
    )
    plan = Plan(
        bench=bench,
        address=address,
        url=served.url,
        server=served.name,
        points=points,
        seconds=options.extra.seconds,
        seed=options.seed,
        texts=SENTENCES,
    )
    for line in measure_apart(plan):
        if line["what"] == "begin":
            continue
        lines.append(line)
        if options.extra.lines is not None:
            with options.extra.lines.open("ab") as file:
                file.write(orjson.dumps(line) + b"\n")
        if line["what"] == "point":
            yield _row(line, report)


def _row(line: Line, report: Report) -> list[object]:
    first = heard_ms(line)
    streams = line["point"]["streams"]
    report.line(
        f"{line['server']}, {streams} at once",
        server=line["server"],
        protocol=line["protocol"],
        streams=streams,
        audible_ms=first,
        audio_s_per_s=line["audio_s_per_s"],
        real_time_factor=line["real_time_factor"],
        heard=line["n"],
        failures=line["failures"],
        client=line["client"],
        versions=_versions(),
    )
    figures = [first.get("p50"), first.get("p95"), line["audio_s_per_s"], line["failed"]]
    return [line["server"], line["protocol"], streams, line["n"], *figures]


@cache
def _versions() -> dict[str, str]:
    """The versions of the peers that are packages of Python."""
    found = {}
    for name in PEERS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _servers(options: Options, place: Path, stack: ExitStack) -> Iterator[Served]:
    """Start every installed server."""
    extra = options.extra
    folders = []
    origin = Origin(source="bench.peers")
    if extra.piper is not None:
        convert(extra.piper, place / "piper", origin)
        folders.append(place / "piper")
    if extra.kokoro is not None:
        convert(extra.kokoro, place / "kokoro", origin, voices=[extra.speaker], measure=[extra.speaker])
        folders.append(place / "kokoro")
    voices = {folder.name: load_folder(folder)[0] for folder in folders}
    flags = [flag for folder in folders for flag in ("--voices", str(folder))]
    own = stack.enter_context(
        open_server([*options.server_flags(), *flags, *(["--preload"] if folders else [])])
    )
    url = f"http://{own.host}:{own.port}"
    chosen = options.chosen_voice().voice_id
    names = {"built-in voice": (chosen, 24_000)}
    names |= {voice.voice_id: (voice.voice_id, voice.sample_rate_hz) for voice in voices.values()}
    for name, (voice_id, rate_hz) in names.items():
        yield Served(
            name=f"zelitrio, {name}",
            url=url,
            protocol="elevenlabs-multi",
            voice_id=voice_id,
            output_format=f"pcm_{rate_hz}",
        )
    if extra.piper is not None:
        yield from _piper(extra.piper, stack)
    if extra.kokoro is not None and _has_module("kokoro_onnx"):
        yield _small(
            stack, "kokoro", *_kokoro_flags(extra.kokoro, extra.speaker, place, voices["kokoro"].speaker)
        )
    for program in ("flite", "espeak-ng"):
        if shutil.which(program):
            yield _small(stack, program)
        else:
            print(f"{program} is not installed", file=sys.stderr)


def _kokoro_flags(folder: Path, speaker: str, place: Path, own: object) -> list[str]:
    import numpy as np

    (model,) = folder.glob("*.onnx")
    styles = place / "peer.npz"
    np.savez(styles, **{speaker: own.styles[:, None]})  # type: ignore[attr-defined]
    return ["--model", str(model), "--styles", str(styles), "--speaker", speaker]


def _piper(model: Path, stack: ExitStack) -> Iterator[Served]:
    if _has_module("piper") and _has_module("flask"):
        port = free_port()
        command = ["-m", "piper.http_server", "-m", str(model), "--port", str(port)]
        stack.enter_context(_open_peer(command, port))
        yield Served(name="Piper's HTTP server", url=f"http://127.0.0.1:{port}", protocol="piper-http")
    else:
        print("piper-tts[http] is not installed", file=sys.stderr)
    if _has_module("wyoming_piper"):
        port = free_port()
        url = f"tcp://127.0.0.1:{port}"
        command = [
            "-m",
            "wyoming_piper",
            "--voice",
            model.stem,
            "--data-dir",
            str(model.parent),
            "--uri",
            url,
        ]
        stack.enter_context(_open_peer(command, port))
        yield Served(name="wyoming-piper", url=url, protocol="wyoming")
    else:
        print("wyoming-piper is not installed", file=sys.stderr)


def _small(stack: ExitStack, program: str, *flags: str) -> Served:
    port = free_port()
    stack.enter_context(_open_peer(["-m", "bench.small_server", program, "--port", str(port), *flags], port))
    name = "kokoro-onnx" if program == "kokoro" else program
    return Served(name=f"{name}, small server", url=f"http://127.0.0.1:{port}", protocol="piper-http")


@contextmanager
def _open_peer(command: list[str], port: int) -> Iterator[None]:
    """Run a server under Python for the time of the block; it is ready when it accepts connections."""
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, *command], cwd=REPOSITORY, stdout=log, stderr=log)
        try:
            until = time.monotonic() + START_TIMEOUT_S
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise SystemExit(f"{' '.join(command)} did not start:\n{log.read()[-3000:].decode()}")
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as peer:
        peer.settimeout(1)
        return peer.connect_ex(("127.0.0.1", port)) == 0


def _has_module(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


if __name__ == "__main__":
    main()
