"""Setup of all tests.  `tests/` itself can be imported, for fakes such as the scripted engine."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator

import pytest

# Tests and their child processes must not use the voices and keys that a developer has added.
os.environ["ZELITRIO_STATE_DIR"] = "none"
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="zelitrio-tests-")

# A shell starts its background jobs with SIGINT ignored, and child processes inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that need a CUDA device if there is no device."""
    gpu_items = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu_items:
        return
    import torch  # importing torch takes a second

    if not torch.cuda.is_available():
        config.hook.pytest_deselected(items=gpu_items)
        items[:] = [item for item in items if item not in gpu_items]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Let torch use one thread: the order of sums is fixed, and threads do not wait for each other."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
