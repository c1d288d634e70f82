"""The named inputs of calls: their shapes, and how a batch is written into them.

Unused rows of a batch have the spare slot, length 0 and NO_TOKEN.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.graphs import Column
from zelitrio.networks import NO_TOKEN, Facts, Network

Arrays = Mapping[str, NDArray[Any]]


@attrs.frozen(kw_only=True, eq=False)
class Frames:
    """An utterance on its network's time axis."""

    tokens: NDArray[np.int64]
    """[frames] index of each frame's token."""
    places: NDArray[np.float32]
    """[frames, place_features] position of each frame within its token."""
    lean: NDArray[np.float32] | None = None
    """[frames] added to ln f0, if given."""

    def __len__(self) -> int:
        return len(self.tokens)


@attrs.frozen(kw_only=True, eq=False)
class EncodeRow:
    """One utterance of an encode call."""

    slot: int
    tokens: int
    columns: Mapping[str, NDArray[Any]]
    """The family's own inputs, by the names of `Network.encode_fields`."""


@attrs.frozen(kw_only=True, eq=False)
class ExpandRow:
    """One utterance of an expand call."""

    slot: int
    frames: Frames
    noise_at: int


@attrs.frozen(kw_only=True, eq=False)
class SpeakRow:
    """One lane's next window."""

    slot: int
    frames: Frames
    first: int
    """Index of the window's first frame."""
    noise_at: int
    """Position of the utterance in the stream's noise."""


_SCALAR = Column(is_integer=True)


def encode_columns(network: Network, tokens: int) -> dict[str, Column]:
    """The inputs of an encode call for up to `tokens` tokens."""
    columns = {"slot": _SCALAR, "length": _SCALAR}
    for name, field in network.encode_fields.items():
        shape = (tokens, *field.shape) if field.per_token else field.shape
        columns[name] = Column(shape, field.is_integer)
    return columns


def fill_encode(arrays: Arrays, network: Network, rows: Sequence[EncodeRow], spare: int) -> None:
    """Write utterances into the inputs of an encode call."""
    arrays["slot"].fill(spare)
    fields = network.encode_fields
    for at, row in enumerate(rows):
        arrays["slot"][at], arrays["length"][at] = row.slot, row.tokens
        for name, values in row.columns.items():
            if fields[name].per_token:
                arrays[name][at, : row.tokens] = values
            else:
                arrays[name][at] = values


def expand_columns(frames: int) -> dict[str, Column]:
    """The inputs of an expand call for up to `frames` frames."""
    names = ("slot", "length", "noise_at")
    return {**dict.fromkeys(names, _SCALAR), "tokens": Column((frames,), is_integer=True)}


def fill_expand(arrays: Arrays, rows: Sequence[ExpandRow], spare: int) -> None:
    """Write utterances into the inputs of an expand call."""
    arrays["slot"].fill(spare)
    arrays["tokens"].fill(NO_TOKEN)
    for at, row in enumerate(rows):
        count = len(row.frames)
        arrays["slot"][at], arrays["length"][at], arrays["noise_at"][at] = row.slot, count, row.noise_at
        arrays["tokens"][at, :count] = row.frames.tokens


def speak_columns(facts: Facts, window: int) -> dict[str, Column]:
    """The inputs of a speak call for `window` frames and their context."""
    frames = window + 2 * facts.context
    return {
        **dict.fromkeys(("slot", "first", "length", "noise_at"), _SCALAR),
        "tokens": Column((frames,), is_integer=True),
        "places": Column((frames, facts.place_features)),
        "lean": Column((frames,)),
    }


def fill_speak(arrays: Arrays, facts: Facts, rows: Sequence[SpeakRow], spare: int) -> None:
    """Write windows into the inputs of a speak call."""
    arrays["slot"].fill(spare)
    arrays["tokens"].fill(NO_TOKEN)
    for at, row in enumerate(rows):
        frames = row.frames
        arrays["slot"][at], arrays["first"][at] = row.slot, row.first
        arrays["length"][at], arrays["noise_at"][at] = len(frames), row.noise_at
        begin = row.first - facts.context
        _copy(arrays["tokens"][at], frames.tokens, begin)
        _copy(arrays["places"][at], frames.places, begin)
        if frames.lean is not None:
            _copy(arrays["lean"][at], frames.lean, begin - facts.pitch_lag)


def _copy(to: NDArray[Any], values: NDArray[Any], begin: int) -> None:
    """Copy `values` from index `begin` on, which may be negative; keep elements without a value."""
    skipped = max(0, -begin)
    part = values[begin + skipped : begin + len(to)]
    if len(part):
        to[skipped : skipped + len(part)] = part
