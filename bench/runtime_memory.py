"""Memory of a public voice in its own runtime and in ours, each in its own process.

    python -m bench.runtime_memory --piper en_US-joe-medium.onnx --kokoro FOLDER --speaker af_heart

Resident memory is measured before the voice is loaded (with all modules imported) and after five sentences.
The peak in between is reported too.  Needs the extra `peers`, as `bench.runtimes`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections.abc import Callable
from pathlib import Path

import trio

from bench.options import parse
from bench.runtimes import SENTENCES, admitted, kokoro_onnx, piper_tts, runtime_parser
from zelitrio.engine import open_engine
from zelitrio.settings import EngineSettings
from zelitrio.voices import Catalogue, Origin, convert, load_folder


def main() -> None:
    options = parse(runtime_parser(__doc__))
    extra, report = options.extra, options.report("runtime_memory")
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as place:
        origin, kinds = Origin(source="bench.runtime_memory"), list[tuple[str, Speaks, Path]]()
        if extra.piper is not None:
            convert(extra.piper, Path(place) / "piper", origin)
            kinds += [
                ("piper-tts", speak_piper_tts, extra.piper),
                ("zelitrio, Piper", speak_ours, extra.piper),
            ]
        if extra.kokoro is not None:
            folder = Path(place) / "kokoro"
            convert(extra.kokoro, folder, origin, voices=[extra.speaker], measure=[extra.speaker])
            kinds += [
                ("kokoro-onnx", speak_kokoro_onnx, extra.kokoro),
                ("zelitrio, Kokoro", speak_ours, extra.kokoro),
            ]
        for name, speak, source in kinds:
            folder = Path(place) / ("piper" if source == extra.piper else "kokoro")
            figures = in_own_process(speak, extra, folder)
            report.line("memory", runtime=name, file_mb=round(_size_mb(source), 1), **figures)
            rows.append([name, *figures.values()])
    report.table(["runtime", "before MiB", "after", "highest"], rows)


Speaks = Callable[[argparse.Namespace, Path], None]


def in_own_process(speak: Speaks, extra: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Return the resident memory of a fresh process before, during and after speech, in MiB."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, speak, extra, folder))
    process.start()
    theirs.close()
    try:
        found: dict[str, float] = ours.recv()
    finally:
        process.join()
    return found


def _child(out: object, speak: Speaks, extra: argparse.Namespace, folder: Path) -> None:
    import kokoro_onnx as _kokoro  # noqa: F401
    import onnxruntime as _runtime  # noqa: F401
    import piper as _piper  # noqa: F401

    before = _status_mib("VmRSS")
    speak(extra, folder)
    found = {"before_mib": before, "after_mib": _status_mib("VmRSS"), "highest_mib": _status_mib("VmHWM")}
    out.send(found)  # type: ignore[attr-defined]


def speak_piper_tts(extra: argparse.Namespace, folder: Path) -> None:
    """Speak all sentences by Piper's own runtime."""
    say = piper_tts(extra)
    for text in SENTENCES:
        say(text)


def speak_kokoro_onnx(extra: argparse.Namespace, folder: Path) -> None:
    """Speak all sentences by kokoro-onnx."""
    say = kokoro_onnx(extra, folder)
    for text in SENTENCES:
        say(text)


def speak_ours(extra: argparse.Namespace, folder: Path) -> None:
    """Speak all sentences by our engine."""

    async def run() -> None:
        voice = load_folder(folder)[0]
        settings = EngineSettings(device="cpu", cpu_threads=extra.threads)
        async with open_engine(Catalogue([voice]), settings) as engine:
            for text in SENTENCES:
                await admitted(engine, voice, text, 0.0)

    trio.run(run)


def _status_mib(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return round(int(line.split()[1]) / 1024, 1)
    raise SystemExit(f"/proc/self/status: expected {name}, found none")


def _size_mb(source: Path) -> float:
    (path,) = [source] if source.is_file() else source.glob("*.onnx")
    return path.stat().st_size / 1e6


if __name__ == "__main__":
    main()
