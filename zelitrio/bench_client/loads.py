"""The four loads: one after another, a closed loop, an open loop, and paced listeners.

Each returns at the latest after its `seconds` and the limit of one utterance (`Address.timeout_s`);
`one_by_one` after `count` utterances.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.figures import SpeechFigures, figures_of
from zelitrio.bench_client.protocols import open_speaker
from zelitrio.bench_client.texts import SENTENCES

TakeFigures = Callable[[SpeechFigures], None]
"""Called with each utterance's figures when it ends."""
REFUSED_PAUSE_S = 0.1
"""Seconds until a client speaks again after an utterance that failed."""


async def one_by_one(
    address: Address, count: int, seed: int, tell: TakeFigures, texts: Sequence[str] = SENTENCES
) -> None:
    """Speak `count` utterances one after another; stop after three failures in a row."""
    begun_at, chance = time.perf_counter(), random.Random(seed)
    speaker = open_speaker(address)
    failed = 0
    for _ in range(count):
        said = figures_of(await speaker.say(chance.choice(texts)), begun_at)
        tell(said)
        failed = failed + 1 if said.failure else 0
        if failed >= 3:
            break
    speaker.close()


async def closed_loop(
    address: Address,
    streams: int,
    seconds: float,
    seed: int,
    tell: TakeFigures,
    texts: Sequence[str] = SENTENCES,
) -> None:
    """Keep `streams` utterances going for `seconds`: when one ends, its client speaks the next."""
    begun_at = time.perf_counter()
    until = begun_at + seconds

    async def one(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        speaker = open_speaker(address)
        await asyncio.sleep(chance.uniform(0, min(0.5, seconds / 4)))
        while time.perf_counter() < until:
            said = figures_of(await speaker.say(chance.choice(texts)), begun_at)
            tell(said)
            if said.failure:
                await asyncio.sleep(REFUSED_PAUSE_S)
        speaker.close()

    await asyncio.gather(*(one(number) for number in range(streams)))


async def open_loop(
    address: Address,
    rate: float,
    seconds: float,
    seed: int,
    tell: TakeFigures,
    texts: Sequence[str] = SENTENCES,
) -> None:
    """Start `rate` utterances a second for `seconds`, at random times (a Poisson process).

    They start whether earlier ones have ended or not.
    """
    chance = random.Random(f"{seed} {rate}")
    begun_at = time.perf_counter()
    loop = asyncio.get_running_loop()
    begin = loop.time()

    async def one(text: str) -> None:
        speaker = open_speaker(address)
        tell(figures_of(await speaker.say(text), begun_at))
        speaker.close()

    async with asyncio.TaskGroup() as tasks:
        due = begin + chance.expovariate(rate)
        while due < begin + seconds:
            await asyncio.sleep(max(0.0, due - loop.time()))
            tasks.create_task(one(chance.choice(texts)))
            due += chance.expovariate(rate)


async def paced_listeners(
    address: Address,
    count: int,
    seconds: float,
    seed: int,
    tell: TakeFigures,
    texts: Sequence[str] = SENTENCES,
) -> None:
    """Run `count` listeners for `seconds`: each plays a sentence in real time, then requests the next."""
    begun_at = time.perf_counter()
    until = begun_at + seconds

    async def one(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        # Listeners begin at different times: bursts of new utterances are the open loop's subject.
        await asyncio.sleep(chance.uniform(0, min(4.0, seconds / 2)))
        speaker = open_speaker(address)
        while time.perf_counter() < until:
            heard = await speaker.say(chance.choice(texts))
            arrivals = heard.arrivals
            said = figures_of(heard, begun_at)
            tell(said)
            if said.failure:
                await asyncio.sleep(5 * REFUSED_PAUSE_S)
                continue
            played_at = arrivals[0][0] + (said.late_s or 0.0) + said.audio_s
            await asyncio.sleep(max(0.0, min(played_at, until) - time.perf_counter()))
        speaker.close()

    await asyncio.gather(*(one(number) for number in range(count)))
