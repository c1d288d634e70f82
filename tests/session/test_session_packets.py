"""Cutting audio into packets."""

from __future__ import annotations

import numpy as np
import pytest

from zelitrio.session.outbox import MAX_NOTICES, Outbox, OutboxOverflowError
from zelitrio.session.packets import MARGIN_S, Packer

RATE = 1000


def block(samples: int) -> np.ndarray:
    return np.ones(samples, np.float32)


def test_the_first_block_leaves_at_once_whatever_its_size():
    assert [len(pcm) for pcm in Packer(RATE, 40, 250).push(block(60), 0.0)] == [60]
    assert len(Packer(RATE, 40, 250).push(block(1000), 0.0)[0]) == 40


def test_packets_grow_with_the_listeners_lead_up_to_the_largest():
    packer = Packer(RATE, 40, 250)
    sizes = [len(pcm) for _ in range(40) for pcm in packer.push(block(80), 0.0)]
    assert sizes[0] <= 80 and max(sizes) == 250
    assert sizes.index(250) < 12


def test_no_packet_is_longer_than_what_the_listener_has_in_hand():
    packer = Packer(RATE, 40, 1000)
    in_hand, sizes = 0, []
    for _ in range(20):
        for pcm in packer.push(block(640), 0.0):
            assert len(pcm) <= max(in_hand, 80)
            in_hand += len(pcm)
            sizes.append(len(pcm))
    assert sizes[0] == 40 and max(sizes) == 1000


def test_a_listener_far_ahead_gets_few_messages_and_one_at_the_start_many():
    packer = Packer(RATE, 40, 1000)
    counts = []
    for second in range(8):
        # Eight seconds of audio, made at once.
        counts.append(sum(len(packer.push(block(100), 0.0)) for _ in range(10)))
        assert second or packer.dry_at >= 0.5
    assert counts[0] >= 4 and counts[3:] == [1] * 5


def test_a_listener_without_a_lead_gets_every_block_at_once():
    packer = Packer(RATE, 40, 250)
    assert [len(packer.push(block(50), 0.05 * n)) for n in range(20)] == [1] * 20


def test_nothing_is_held_beyond_the_moment_the_listener_runs_dry():
    packer = Packer(RATE, 40, 250)
    for _ in range(5):
        packer.push(block(100), 0.0)
    assert packer.push(block(20), 0.0) == []
    assert packer.deadline() < 0.5
    assert packer.deadline() > 0.25 - MARGIN_S
    assert [len(pcm) for pcm in packer.push(block(0), packer.deadline(), release=True)]
    assert packer.deadline() == float("inf")


def test_release_holds_nothing_back_and_loses_nothing():
    packer = Packer(RATE, 40, 250)
    sizes = [len(pcm) for n in range(30) for pcm in packer.push(block(n), 0.0, release=n == 29)]
    assert sum(sizes) == sum(range(30))


def test_what_the_codec_holds_back_is_not_counted_as_heard():
    packer = Packer(RATE, 40, 250)
    assert [len(pcm) for pcm in packer.push(block(80), 1.0)] == [80]
    packer.codec_holds_s = 0.028
    assert packer.dry_at == pytest.approx(1.052)
    packer.push(block(20), 1.01)
    assert packer.deadline() == pytest.approx(1.052 - MARGIN_S)
    # The listener ran dry, so it continues with the packet that comes too late.
    packer.push(block(80), 2.0, release=True)
    assert packer.dry_at == pytest.approx(2.1)


def test_unread_notices_are_bounded():
    outbox = Outbox()
    with pytest.raises(OutboxOverflowError):
        for _ in range(MAX_NOTICES + 1):
            outbox.post("error")
