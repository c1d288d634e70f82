"""The real server over the scripted engine; `bench.scripted` starts it."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

import trio

from bench.scripted_engine import ScriptedEngine
from zelitrio.server import configure_logging, serve, settle_garbage
from zelitrio.settings import ServerSettings, SessionSettings
from zelitrio.text import load_front_end


async def run(block_ms: float, every_s: float, blocks: int, settings: ServerSettings) -> None:
    engine = ScriptedEngine(block_ms, every_s, blocks)
    async with trio.open_nursery() as nursery:
        # A block is a packet at every pace, so that messages are the same for any number of connections.
        session = SessionSettings(first_packet_ms=round(block_ms), max_packet_ms=round(block_ms))
        run = partial(serve, engine, load_front_end(), settings, session, handle_signals=True)
        urls = await nursery.start(run)
        settle_garbage()  # as `zelitrio serve` does
        print(f"ready at {urls[0]}", flush=True)


if __name__ == "__main__":
    made = argparse.ArgumentParser()
    for name in ("--block-ms", "--every-s"):
        made.add_argument(name, type=float, required=True)
    made.add_argument("--blocks", type=int, required=True)
    made.add_argument("--state-dir", type=Path)
    made.add_argument("--trace-endpoint")
    made.add_argument("--trace-sample", type=float, default=0.1)
    said = made.parse_args()
    configure_logging()
    sys.setswitchinterval(0.0005)
    settings = ServerSettings(
        port=0,
        drain_s=0,
        state_dir=said.state_dir,
        trace_endpoint=said.trace_endpoint,
        trace_sample=said.trace_sample,
    )
    trio.run(run, said.block_ms, said.every_s, said.blocks, settings)
