"""Run one model in batched calls; each stream has a numbered slot.

On a GPU calls have fixed addresses and a few fixed shapes; a batch uses the next larger shape.  On a CPU a
call has the exact shape of its batch.  Not thread-safe.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from zelitrio.engine.calls import (
    EncodeRow,
    ExpandRow,
    SpeakRow,
    encode_columns,
    expand_columns,
    fill_encode,
    fill_expand,
    fill_speak,
    speak_columns,
)
from zelitrio.engine.graphs import Call, CaptureRoom, Pending
from zelitrio.engine.pace import Ladder
from zelitrio.networks import ExpandingNetwork, Facts
from zelitrio.voices import Model

Shape = tuple[str, int, int]
"""Kind (encode, expand or speak), rows and length (tokens or frames) of a call."""


def call_shapes(facts: Facts, ladder: Ladder) -> list[Shape]:
    """The shapes of all calls on a GPU, the largest first."""
    # All encodes have the same number of rows.  In matrix products of one shape a row's result does not
    # depend on the other rows, bitwise, so durations round to the same frames in every batch.
    shapes = [("encode", ladder.max_encode, tokens) for tokens in facts.token_ladder]
    # An expand costs much more than an encode, so it has several numbers of rows.
    for frames in facts.frame_ladder:
        together = _powers_of_two(most_expanded(facts, ladder, frames))
        shapes += [("expand", rows, frames) for rows in together]
    batches = _powers_of_two(ladder.max_batch)
    for window in ladder.windows:
        most = _rung(ladder.rows(window), batches)
        shapes += [("speak", rows, window) for rows in batches if rows <= most]
    return sorted(shapes, key=lambda shape: -shape[1] * shape[2])


def most_expanded(facts: Facts, ladder: Ladder, frames: int) -> int:
    """The largest number of utterances of that length in one expand."""
    return min(ladder.max_encode, max(1, facts.expand_frames // frames))


class Runner:
    """One model's network and its calls.

    Args:
        model: loaded onto the device.
        device: the device.
        dtype: number format of weights and activations.
        slots: largest number of open streams.
    """

    def __init__(self, model: Model, device: torch.device, dtype: torch.dtype, slots: int) -> None:
        self.model, self.device = model, device
        self.facts = model.facts
        self.spare = slots
        """An unused slot."""
        self._network = model.load(device, dtype, slots)
        self._calls: dict[Shape, Call] = {}
        self._batches: dict[tuple[str, int], list[int]] = {}
        """Row counts of the prepared calls, in ascending order, by kind and length."""

    def lay_out(self, ladder: Ladder) -> None:
        """Prepare a call with fixed addresses for every shape, the largest first; for a GPU."""
        for shape in call_shapes(self.facts, ladder):
            self._calls[shape] = self.make_call(*shape)
            kind, rows, length = shape
            self._batches.setdefault((kind, length), []).append(rows)
        for batches in self._batches.values():
            batches.sort()

    def capture(self) -> Iterator[str]:
        """Capture every shape as a CUDA graph, all in one memory pool.

        Yields:
            The name of each captured shape.
        """
        room = CaptureRoom(self.device)
        for (kind, rows, length), call in self._calls.items():
            # A capture writes only to the spare slot.
            self._fill(kind, call, ())
            call.launch().wait()
            call.capture(room)
            yield f"{kind} {rows}x{length}"

    def fits(self, tokens: int, others: int) -> bool:
        """Whether utterances of these lengths can be in one encode."""
        if not self._calls:
            return tokens == others
        return _rung(tokens, self.facts.token_ladder) == _rung(others, self.facts.token_ladder)

    def together(self, frames: Sequence[int]) -> list[int]:
        """Choose the utterances to expand together with the first one.

        Args:
            frames: the lengths of all utterances.

        Returns:
            Their indices, including 0.
        """
        if not self._calls:
            return [at for at, length in enumerate(frames) if length == frames[0]]
        rungs = [_rung(length, self.facts.frame_ladder) for length in frames]
        most = max(self._batches["expand", rungs[0]])
        return [at for at, rung in enumerate(rungs) if rung == rungs[0]][:most]

    def encode(self, rows: Sequence[EncodeRow]) -> Pending:
        """Launch an encode of utterances that fit together (`fits`).

        Returns:
            Its result is [len(rows) or more, 2, tokens or more]; see `Network.encode`.
        """
        call = self._call("encode", len(rows), max(row.tokens for row in rows), self.facts.token_ladder)
        self._fill("encode", call, rows)
        return call.launch()

    def expand(self, rows: Sequence[ExpandRow]) -> Pending:
        """Launch an expand of laid out utterances.

        Returns:
            Its result is [len(rows) or more, 2]; see `ExpandingNetwork.expand`.
        """
        longest = max(len(row.frames) for row in rows)
        call = self._call("expand", len(rows), longest, self.facts.frame_ladder)
        self._fill("expand", call, rows)
        return call.launch()

    def speak(self, rows: Sequence[SpeakRow], window: int) -> Pending:
        """Launch the next window of some lanes.

        Returns:
            Its result is [len(rows) or more, window * hop_samples]; see `Network.speak`.
        """
        call = self._call("speak", len(rows), window, (window,))
        self._fill("speak", call, rows)
        return call.launch()

    def make_call(self, kind: str, rows: int, length: int) -> Call:
        """Make a call of one shape."""
        network = self._network
        if kind == "encode":
            return Call(network.encode, rows, encode_columns(network, length), self.device)
        if kind == "expand":
            assert isinstance(network, ExpandingNetwork)
            return Call(network.expand, rows, expand_columns(length), self.device)
        return Call(network.speak, rows, speak_columns(self.facts, length), self.device)

    def _fill(self, kind: str, call: Call, rows: Sequence[Any]) -> None:
        arrays = call.inputs()
        if kind == "encode":
            fill_encode(arrays, self._network, rows, self.spare)
        elif kind == "expand":
            fill_expand(arrays, rows, self.spare)
        else:
            fill_speak(arrays, self.facts, rows, self.spare)

    def _call(self, kind: str, rows: int, length: int, ladder: Sequence[int]) -> Call:
        """The smallest sufficient prepared call; on a CPU a new one of the exact shape."""
        size = _rung(length, ladder)
        if not self._calls:
            return self.make_call(kind, rows, length)
        return self._calls[kind, _rung(rows, self._batches[kind, size]), size]


def _rung(value: int, ladder: Sequence[int]) -> int:
    for rung in ladder:
        if rung >= value:
            return rung
    raise ValueError(f"expected at most {ladder[-1]}, found {value}")


def _powers_of_two(limit: int) -> list[int]:
    steps = [1]
    while steps[-1] * 2 < limit:
        steps.append(steps[-1] * 2)
    return steps if steps[-1] == limit else [*steps, limit]
