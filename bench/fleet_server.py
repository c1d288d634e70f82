"""A server of `bench.fleet`: the real server over the scripted engine, which speaks in real time.

A small machine cannot compute sixty voices in real time.  The tested rules do not depend on the voices.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

import trio

from bench.scripted_engine import ScriptedEngine
from zelitrio.server import configure_logging, serve, settle_garbage
from zelitrio.settings import ServerSettings, SessionSettings
from zelitrio.text import load_front_end

BLOCK_MS, BLOCKS, EVERY_S = 80.0, 25, 0.078
"""An utterance of 2 s, handed out a little faster than it is played."""
CAPACITY = 40
"""Streams at which the load is 1."""


async def run(port: int, agent_port: int) -> None:
    """Serve until a signal comes."""
    engine = ScriptedEngine(BLOCK_MS, EVERY_S, BLOCKS, CAPACITY)
    settings = ServerSettings(port=port, agent_port=agent_port, trusted_proxies=("127.0.0.1",))
    async with trio.open_nursery() as nursery:
        serving = partial(serve, engine, load_front_end(), settings, SessionSettings(), handle_signals=True)
        await nursery.start(serving)
        settle_garbage()  # as `zelitrio serve` does


if __name__ == "__main__":
    made = argparse.ArgumentParser()
    made.add_argument("--port", type=int, required=True)
    made.add_argument("--agent-port", type=int, required=True)
    said = made.parse_args()
    configure_logging()
    sys.setswitchinterval(0.0005)
    trio.run(run, said.port, said.agent_port)
