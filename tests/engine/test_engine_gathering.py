"""Deliveries that wait together: fewer, and the same audio."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np

from zelitrio.engine.commands import Delivery, Ended, Failed, Spoken, Stages
from zelitrio.engine.gathering import MOST_SAMPLES, gather
from zelitrio.errors import EngineError

STAGES = Stages(fed_s=0, encode_begin_s=0, encode_end_s=0, window_begin_s=0, window_end_s=0, load=0.0)


def spoken(stream: int, samples: int, *, at: int = 0, utterance: int = 0, is_last=False, **how) -> Spoken:
    pcm = np.arange(at, at + samples, dtype=np.float32)
    return Spoken(stream=stream, utterance=utterance, pcm=pcm, is_last=is_last, computed_s=0.5, **how)


def test_blocks_of_one_stream_become_one():
    times = ((0, 10),)
    gathered = gather(
        [
            spoken(1, 5, word_times_ms=times, length_ms=7),
            spoken(2, 3),
            spoken(1, 4, at=5),
            spoken(1, 2, at=9, is_last=True),
        ]
    )
    one, other = gathered
    assert isinstance(one, Spoken) and isinstance(other, Spoken)
    assert one.pcm.tolist() == list(range(11)) and one.word_times_ms == times and one.length_ms == 7
    assert one.is_last and one.computed_s == 1.5 and other.stream == 2


def test_first_audio_stays_alone_and_goes_before_other_streams():
    first = spoken(3, 1, stages=STAGES)
    gathered = gather([spoken(1, 5), spoken(2, 5), first, spoken(3, 4), spoken(3, 4)])
    assert gathered[0] is first
    assert [each.stream for each in gathered] == [3, 1, 2, 3]


def test_times_that_come_before_any_audio_stay_before_it():
    times = spoken(1, 0, word_times_ms=((0, 1),))
    first = spoken(1, 5, stages=STAGES)
    assert gather([spoken(2, 1), times, first])[1:] == [times, first]


def test_an_utterance_s_end_and_a_long_block_are_bounds():
    blocks = [spoken(1, 5, is_last=True), spoken(1, 5, utterance=1), spoken(1, 2, utterance=2)]
    assert gather(blocks) == blocks
    long = [spoken(1, MOST_SAMPLES), spoken(1, 1)]
    assert gather(long) == long


def test_any_deliveries_keep_their_order_and_samples_within_each_stream():
    for seed in range(200):
        chance = random.Random(seed)
        at: dict[int, int] = defaultdict(int)
        utterance: dict[int, int] = defaultdict(int)
        heard: set[int] = set()
        deliveries: list[Delivery] = []
        for _ in range(chance.randrange(40)):
            stream = chance.randrange(4)
            match chance.randrange(8):
                case 0:
                    deliveries.append(Ended(stream=stream))
                case 1:
                    deliveries.append(Failed(stream=stream, error=EngineError("x")))
                case _:
                    samples, is_last = chance.choice((0, 3, 20_000)), chance.random() < 0.2
                    stages = STAGES if samples and stream not in heard else None
                    heard |= {stream} if samples else set()
                    block = spoken(
                        stream,
                        samples,
                        at=at[stream],
                        utterance=utterance[stream],
                        is_last=is_last,
                        stages=stages,
                    )
                    deliveries.append(block)
                    at[stream] += samples
                    utterance[stream] += is_last
        assert told(gather(deliveries)) == told(deliveries)


def told(deliveries: list[Delivery]) -> dict[int, list[object]]:
    """What each stream hears: samples by utterance, and its ends, in order."""
    streams: dict[int, list[object]] = defaultdict(list)
    for each in deliveries:
        if isinstance(each, Spoken):
            streams[each.stream] += [(each.utterance, sample) for sample in each.pcm.tolist()]
            streams[each.stream] += [f"last {each.utterance}"] * each.is_last
        else:
            streams[each.stream].append(type(each))
    return streams
