"""Streams in another process that speak during a measurement."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.load import SPEAKING
from bench.machine import REPOSITORY

WARM_UP_S = 0.5
"""Wait after the first utterance, so that all streams are in mid-sentence."""


@contextmanager
def speaking_beside(
    host: str, port: int, streams: int, voice_id: str, output_format: str = "pcm_24000"
) -> Iterator[None]:
    """Keep `streams` streams speaking until the block ends."""
    if not streams:
        yield
        return
    arguments = ["--host", host, "--port", str(port), "--streams", str(streams), "--seconds", "3600"]
    arguments += ["--voice", voice_id, "--format", output_format]
    client = subprocess.Popen(
        [sys.executable, "-m", "bench.load", *arguments], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert client.stdout is not None
    try:
        assert client.stdout.readline().strip() == SPEAKING, "the clients beside did not speak"
        time.sleep(WARM_UP_S)
        yield
        assert client.poll() is None, "the clients beside the measurement have ended"
    finally:
        client.kill()
        client.wait()
        client.stdout.close()
