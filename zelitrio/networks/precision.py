"""Products of float32 in full: cuDNN would round their factors to TF32, with 10 bits of mantissa."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import torch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def full_float32(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Let no convolution or recurrence that the function launches, or captures, use TF32.

    Durations and F0 are rounded to a grid afterwards, so they have to be the same in any company.
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
