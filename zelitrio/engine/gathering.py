"""Deliveries that wait together, made fewer: blocks of one stream become one, and first audio goes first.

A block costs the event loop as much as several packets do.  A loop that keeps up gets each block by itself.
A loop that is behind finds several of a stream, and has less to do when they are one.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np

from zelitrio.engine.commands import Delivery, Spoken

MOST_SAMPLES = 48_000
"""Of a gathered block: about as many as one step delivers at most, so that one write takes its packets."""


def gather(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """The same audio in fewer deliveries, in order within each stream.

    A stream's first audio stays by itself and comes before other streams' blocks.
    """
    firsts: list[Delivery] = []
    others: list[Delivery | list[Spoken]] = []
    runs: dict[int, list[Spoken]] = {}
    """The last deliveries of each stream, as far as more can be added."""
    lengths: dict[int, int] = {}
    for delivery in deliveries:
        stream = delivery.stream
        if not isinstance(delivery, Spoken) or delivery.stages is not None:
            is_early = isinstance(delivery, Spoken) and stream not in lengths
            (firsts if is_early else others).append(delivery)
            runs.pop(stream, None)
            lengths[stream] = MOST_SAMPLES
            continue
        run, length = runs.get(stream), lengths.get(stream, 0) + len(delivery.pcm)
        if run is None or run[-1].is_last or run[-1].utterance != delivery.utterance or length > MOST_SAMPLES:
            run, length = [], len(delivery.pcm)
            runs[stream] = run
            others.append(run)
        run.append(delivery)
        lengths[stream] = length
    return [*firsts, *(_joined(each) if isinstance(each, list) else each for each in others)]


def _joined(run: list[Spoken]) -> Spoken:
    if len(run) == 1:
        return run[0]
    return attrs.evolve(
        run[0],
        pcm=np.concatenate([spoken.pcm for spoken in run]),
        is_last=run[-1].is_last,
        computed_s=sum(spoken.computed_s for spoken in run),
    )
