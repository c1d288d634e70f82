"""The memory that a step frees stays mapped for the next step."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from zelitrio.engine.freed_memory import keep_freed_memory

MIB = 2**20


def faults_of_a_step() -> int:
    """Page faults of a thread that takes 12 MiB in three blocks and frees them, the second time."""
    for _ in range(2):
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        blocks = [np.ones(4 * MIB, np.uint8) for _ in range(3)]
        del blocks
        faults = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before
    return faults


def test_a_step_finds_the_memory_of_the_step_before() -> None:
    keep_freed_memory()
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(faults_of_a_step).result() < 12 * MIB // 4096 // 10
