"""The real-time factor of a voice."""

from __future__ import annotations

import statistics

import torch

from bench.voice.judged import Row
from bench.voice.spoken import RATE_HZ, read_lines
from bench.voice.systems import voice_system
from zelitrio.voices import Voice

WARM_UP, SENTENCES = 2, 8


def speed_row(voice: Voice) -> Row:
    """Median real-time factor of text and networks, for whole sentences, on one thread and on two."""
    say = voice_system(voice)
    texts = read_lines("read")[: WARM_UP + SENTENCES]
    row: Row = {"system": voice.voice_id, "list": "speed"}
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            made = [say(text) for text in texts][WARM_UP:]
            factors = [(item.made_in_s or 0.0) * RATE_HZ / len(item.pcm) for item in made]
            row[f"rtf_{threads}_thread"] = round(statistics.median(factors), 4)
    finally:
        torch.set_num_threads(before)
    return row
