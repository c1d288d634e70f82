"""The flags of all benches."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import attrs

from bench.machine import commit
from bench.report import Report
from zelitrio.settings import EngineSettings
from zelitrio.voices import Catalogue, Voice, load_builtin, load_folder


@attrs.frozen(kw_only=True)
class Options:
    """The command line; `extra` holds the flags of a single bench."""

    seed: int
    keep: bool
    voice: str | None
    voices: Path | None
    engine: EngineSettings
    extra: argparse.Namespace

    def report(self, bench: str) -> Report:
        """Return the report of a bench.  Lines are stored only from a clean tree."""
        if self.keep and commit().endswith(("+", "unknown")):
            raise SystemExit(f"--keep: expected a clean tree of a commit, found {commit()}; commit first")
        said = {
            name: _told(value) for name, value in vars(self.extra).items() if name not in ("seed", "keep")
        }
        return Report(bench=bench, seed=self.seed, settings=said, keep=self.keep)

    def catalogue(self) -> Catalogue:
        """The voices of the given folder, or the built-in ones."""
        return load_builtin() if self.voices is None else Catalogue(load_folder(self.voices))

    def chosen_voice(self) -> Voice:
        """The measured voice."""
        catalogue = self.catalogue()
        found = catalogue.default if self.voice is None else catalogue.find(self.voice)
        if found is None:
            raise SystemExit(f"--voice: expected one of {', '.join(catalogue.voices)}, found {self.voice!r}")
        return found

    def server_flags(self) -> list[str]:
        """The same settings as flags of `zelitrio serve`."""
        engine = self.engine
        flags = ["--device", engine.device, "--dtype", engine.dtype, "--cpu-threads", str(engine.cpu_threads)]
        flags += ["--max-batch", str(engine.max_batch), "--max-streams", str(engine.max_streams)]
        flags += [] if engine.graphs else ["--no-graphs"]
        return flags + (["--voices", str(self.voices)] if self.voices else [])


def parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the shared flags; a bench adds its own flags."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = made.add_argument
    add("--seed", type=int, default=7)
    add("--keep", action="store_true", help="append the lines to bench/results/<machine>/")
    add("--voice", help="voice id [the first one]")
    add("--voices", type=Path, help="a voice folder [the built-in voices]")
    add("--device", default="auto")
    add("--dtype", default="float32")
    add("--no-graphs", action="store_true")
    add("--cpu-threads", type=int, default=0, help="see `zelitrio serve --help`")
    add("--max-batch", type=int, default=64)
    add("--max-streams", type=int, default=512)
    return made


def public_voice_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the shared flags and those of a bench of public voices."""
    made = parser(description)
    made.add_argument("--piper", type=Path, help="a Piper .onnx beside its .onnx.json")
    made.add_argument("--kokoro", type=Path, help="a folder with a Kokoro .onnx and style tables")
    made.add_argument("--speaker", default="af_heart", help="Kokoro's voice")
    return made


def parse(made: argparse.ArgumentParser, arguments: list[str] | None = None) -> Options:
    """Read the command line."""
    said: Any = made.parse_args(arguments)
    engine = EngineSettings(
        device=said.device,
        dtype=said.dtype,
        graphs=not said.no_graphs,
        cpu_threads=said.cpu_threads,
        max_batch=said.max_batch,
        max_streams=said.max_streams,
    )
    return Options(
        seed=said.seed, keep=said.keep, voice=said.voice, voices=said.voices, engine=engine, extra=said
    )


def numbers(text: str) -> tuple[float, ...]:
    """`1,2.5` as numbers."""
    return tuple(float(part) for part in text.split(","))


def counts(text: str) -> tuple[int, ...]:
    """`1,2,4` as whole numbers."""
    return tuple(int(part) for part in text.split(","))


def _told(value: Any) -> Any:
    # A stored line has only the name of a file, because its folder means nothing on another machine.
    if isinstance(value, Path):
        return value.name
    return [_told(item) for item in value] if isinstance(value, list | tuple) else value
