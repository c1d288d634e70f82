"""Encoding in turns."""

from __future__ import annotations

import numpy as np
import pytest
import trio

from zelitrio.audio import open_encoder, parse_format
from zelitrio.session.encoding import SLICE_S, encode_in_turns


@pytest.mark.parametrize("name", ["mp3_44100_128", "pcm_24000", "ulaw_8000"])
async def test_slices_give_the_same_bytes_and_let_others_run_between(name: str) -> None:
    audio = (0.3 * np.sin(np.arange(24_000) / 20)).astype(np.float32)
    whole = open_encoder(parse_format(name))
    expected = whole.encode(audio) + whole.flush()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    encoder = open_encoder(parse_format(name))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        encoded = await encode_in_turns(encoder, audio, 24_000)
        nursery.cancel_scope.cancel()
    assert encoded + encoder.flush() == expected
    assert turns >= 1 / SLICE_S - 2
