"""Every test of this room uses one thread of torch, as training does."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def every_test_has_one_thread(one_thread: None) -> None:
    """Use the fixture `one_thread` in all tests."""
