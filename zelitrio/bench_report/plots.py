"""Draws plots as inline SVG: lines, dots and axes.  The page's style sheet gives the colours."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

import attrs

WIDTH, HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40
_COLOURS = 8
"""Number of colours: classes `c0` to `c7` of the page's style sheet."""
_STEPS = (1, 2, 2.5, 5, 10)


@attrs.frozen
class Series:
    """The points of one server in one plot.

    Attributes:
        name: the server's name, for the tooltip.
        colour: number of the colour; a server has the same one in all plots.
        points: (x, y) of each.
        style: "line", "dashed" or "dots".
    """

    name: str
    colour: int
    points: tuple[tuple[float, float], ...]
    style: str = "line"


def colour_class(number: int) -> str:
    """The CSS class for a series' colour."""
    return f"c{number % _COLOURS}"


def plot(title: str, x_label: str, y_label: str, series: Sequence[Series]) -> str:
    """Draw a figure with a caption; empty if no series has a point."""
    shown = [each for each in series if each.points]
    if not shown:
        return ""
    xs = [x for each in shown for x, _ in each.points]
    ys = [y for each in shown for _, y in each.points]
    x_ticks, y_ticks = _ticks(min(0.0, *xs), max(xs)), _ticks(min(0.0, *ys), max(ys))
    across = _Scale(x_ticks[0], max(x_ticks[-1], *xs), _LEFT, WIDTH - _RIGHT)
    up = _Scale(y_ticks[0], max(y_ticks[-1], *ys), HEIGHT - _BOTTOM, _TOP)
    names = ", ".join(dict.fromkeys(each.name for each in shown))
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(f"{title}: {names}")}">',
        *_grid(across, up, x_ticks, y_ticks),
        f'<text class="label" x="{(_LEFT + WIDTH - _RIGHT) / 2:.0f}" y="{HEIGHT - 6}" '
        f'text-anchor="middle">{escape(x_label)}</text>',
        f'<text class="label" transform="translate(12 {(HEIGHT - _BOTTOM + _TOP) / 2:.0f}) rotate(-90)" '
        f'text-anchor="middle">{escape(y_label)}</text>',
        *(_drawn(each, across, up) for each in shown),
        "</svg>",
    ]
    return f"<figure><figcaption>{escape(title)}</figcaption>{''.join(parts)}</figure>"


@attrs.frozen
class _Scale:
    """A linear map from values (`low` to `high`) to coordinates in the picture (`begin` to `end`)."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return self.begin + (value - self.low) / span * (self.end - self.begin)


def _grid(across: _Scale, up: _Scale, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> Iterator[str]:
    for tick in y_ticks:
        y = up(tick)
        yield f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>'
    for tick in x_ticks:
        x = across(tick)
        yield f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'


def _drawn(series: Series, across: _Scale, up: _Scale) -> str:
    colour = colour_class(series.colour)
    places = [(across(x), up(y), x, y) for x, y in sorted(series.points)]
    line = ""
    if series.style != "dots":
        path = "L".join(f"{left:.1f} {top:.1f}" for left, top, _, _ in places)
        line = f'<path class="line {colour} {series.style}" d="M{path}"/>'
    radius = 2 if series.style == "dots" else 3
    # A tooltip for each of thousands of dots would slow the page down.
    if len(places) > 200:
        dots = "".join(
            f'<circle class="dot {colour}" cx="{left:.1f}" cy="{top:.1f}" r="1.2"/>'
            for left, top, _, _ in (places if series.style == "dots" else [])
        )
    else:
        dots = "".join(
            f'<circle class="dot {colour}" cx="{left:.1f}" cy="{top:.1f}" r="{radius}">'
            f"<title>{escape(series.name)}: {x:g}, {y:.4g}</title></circle>"
            for left, top, x, y in places
        )
    return line + dots


def _ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    span = high - low
    if span <= 0 or not math.isfinite(span):
        return [low, low + 1.0]
    power = 10.0 ** math.floor(math.log10(span / wanted))
    step = next(power * factor for factor in _STEPS if power * factor >= span / wanted)
    first = math.floor(low / step)
    return [number * step for number in range(first, math.ceil(high / step - 1e-9) + 1)]
