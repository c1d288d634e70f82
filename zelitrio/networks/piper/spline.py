"""The inverse of a monotone rational-quadratic spline with straight tails.

Written with `where` and `clamp`: boolean indexing would make the host wait for the device.
The curve is that of Durkan et al., Neural Spline Flows, 2019.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_SMALLEST = 1e-3  # of a bin's width and height, and of a slope
_EDGE_SLOPE = math.log(math.expm1(1 - _SMALLEST))


def inverse_spline(y: Tensor, widths: Tensor, heights: Tensor, slopes: Tensor, bound: float) -> Tensor:
    """Find the x that the spline maps to `y`.

    Args:
        y: [...].
        widths, heights: [..., bins], not normalised.
        slopes: [..., bins - 1], not normalised, at the inner knots.
        bound: beyond it, on either side, the curve is y = x.
    """
    x_knots, x_sizes = _knots(widths, bound)
    y_knots, y_sizes = _knots(heights, bound)
    slopes = _SMALLEST + F.softplus(F.pad(slopes, (1, 1), value=_EDGE_SLOPE))
    inside = y.clamp(-bound, bound)[..., None]
    bins = widths.shape[-1]
    at = (inside >= y_knots[..., 1:-1]).sum(-1, keepdim=True).clamp(max=bins - 1)
    x_left, width = x_knots.gather(-1, at), x_sizes.gather(-1, at)
    y_left, height = y_knots.gather(-1, at), y_sizes.gather(-1, at)
    left, right = slopes.gather(-1, at), slopes.gather(-1, at + 1)
    steep = height / width
    above = inside - y_left
    bend = left + right - 2 * steep
    a = above * bend + height * (steep - left)
    b = height * left - above * bend
    c = -steep * above
    root = 2 * c / (-b - torch.sqrt((b * b - 4 * a * c).clamp(min=0)))
    found = (root * width + x_left)[..., 0]
    return torch.where(y.abs() <= bound, found, y)


def _knots(sizes: Tensor, bound: float) -> tuple[Tensor, Tensor]:
    bins = sizes.shape[-1]
    shares = _SMALLEST + (1 - _SMALLEST * bins) * sizes.softmax(-1)
    inner = 2 * bound * shares.cumsum(-1)[..., :-1] - bound
    ends = torch.full_like(shares[..., :1], bound)
    knots = torch.cat((-ends, inner, ends), -1)
    return knots, knots.diff(dim=-1)
