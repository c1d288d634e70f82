"""Deliveries and counters of the engine's thread, gathered during a step and posted in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from zelitrio.engine.commands import Delivery, Progress
from zelitrio.engine.load import Load

Post = Callable[[Sequence[Delivery], Progress], None]
"""Called in the thread; must not raise or block."""


class Outbox:
    """Gathers the thread's deliveries and counters; the thread owns it."""

    def __init__(self, post: Post, graphs: tuple[str, ...] = ()) -> None:
        self.load = Load()
        self.graphs = list(graphs)
        self.encodes = self.steps = self.rows = 0
        self.audio_s = 0.0
        self._post = post
        self._deliveries: list[Delivery] = []
        self._told = Progress()

    def add(self, delivery: Delivery) -> None:
        """Keep a delivery until the next `send`."""
        self._deliveries.append(delivery)

    def send(self, streams: int, profile: str) -> None:
        """Post the gathered deliveries and the progress, if there is anything new."""
        told = self._told
        is_same = (streams, self.load.at_s, profile) == (told.streams, told.at_s, told.profile)
        if is_same and not self._deliveries and len(self.graphs) == len(told.graphs):
            return  # no step since the last call
        progress = Progress(
            streams=streams,
            encodes=self.encodes,
            steps=self.steps,
            rows=self.rows,
            audio_s=self.audio_s,
            load=self.load.load,
            at_s=self.load.at_s,
            profile=profile,
            slowness=self.load.slowness,
            graphs=self._told.graphs if len(self._told.graphs) == len(self.graphs) else tuple(self.graphs),
        )
        if self._deliveries or attrs.evolve(progress, at_s=self._told.at_s) != self._told:
            self._told = progress
            deliveries, self._deliveries = self._deliveries, []
            self._post(deliveries, progress)
