"""Many streams from one cheap process; `bench.beside` starts it."""

from __future__ import annotations

import argparse
import asyncio
import json

from zelitrio.bench_client import Address, SpeechFigures, closed_loop, milliseconds

SPEAKING = "speaking"
"""This program prints it after it has heard its first utterance."""


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, required=True)
    made.add_argument("--voice", default="zeli-voice-1")
    made.add_argument("--format", default="pcm_24000")
    made.add_argument("--streams", type=int, default=4)
    made.add_argument("--seconds", type=float, default=10.0)
    made.add_argument("--seed", type=int, default=7)
    said = made.parse_args()
    address = Address(host=said.host, port=said.port, voice_id=said.voice, output_format=said.format)
    everything: list[SpeechFigures] = []

    def note(one: SpeechFigures) -> None:
        if not everything:
            print(SPEAKING, flush=True)
        everything.append(one)

    asyncio.run(closed_loop(address, said.streams, said.seconds, said.seed, note))
    failures = [one.failure for one in everything if one.failure]
    first_ms = milliseconds([one.first_s for one in everything if one.first_s is not None])
    print(json.dumps({"bench": "load", "what": "spoken", "first_ms": first_ms, "failures": failures}))


if __name__ == "__main__":
    main()
