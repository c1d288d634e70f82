"""Keep cuDNN from rounding the factors of float32 products to TF32, which has 10 bits of mantissa."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def full_float32(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorator: convolutions and recurrences that the function launches or captures do not use TF32.

    Durations and F0 are rounded to a grid afterwards, so they must not depend on the other rows of a batch.
    """

    @wraps(function)
    def in_full(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        before = torch.backends.cudnn.allow_tf32
        torch.backends.cudnn.allow_tf32 = False
        try:
            return function(*arguments, **named)
        finally:
            torch.backends.cudnn.allow_tf32 = before

    return in_full
