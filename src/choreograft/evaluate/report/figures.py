"""Figures of a page as SVG, in the page's own colours, so that they follow its light or dark dress.

Classes `m0`, `m1`, ... give each method its colour (style.py), `truth` the truth's. Coordinates are CSS pixels.
Shapes: T frames.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np

from choreograft.evaluate.metrics.bootstrap import Interval
from choreograft.evaluate.report.grid import Column, write_value
from choreograft.evaluate.scores import Values

DOTS_WIDTH, ROW_HEIGHT, AXIS_HEIGHT = 340, 26, 26
CURVES_WIDTH, CURVES_HEIGHT = 960, 280
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 38
"""Margins of the curves."""
LABEL_CHARACTERS, CHARACTER_WIDTH = 18, 7.2
"""Of method names beside the dots: longer ones are cut."""
MAX_POINTS: Final = 480
"""Of a curve: two pixels each. Longer clips are shown as means of neighbouring frames."""
TICKS: Final = 4


@dataclass(frozen=True)
class Dot:
    """One method's mean."""

    method: str
    style: str
    """CSS class."""
    interval: Interval
    case_means: tuple[float, ...]


@dataclass(frozen=True)
class Curve:
    """One method's values in one case."""

    style: str
    time_s: Values
    values: Values
    """(T,) NaN leaves a gap."""


@dataclass(frozen=True)
class _Scale:
    """Maps values from `low` to `high` onto pixels from `begin` to `end`."""

    low: float
    high: float
    begin: float
    end: float

    def __call__(self, value: float) -> float:
        return self.begin + (value - self.low) / (self.high - self.low) * (self.end - self.begin)


def draw_dots(column: Column, dots: Sequence[Dot]) -> str:
    """Means as dots with their 95 % intervals as bars, one row a method; the means of single cases as small rings."""
    known = [dot for dot in dots if math.isfinite(dot.interval.mean)]
    label_width = CHARACTER_WIDTH * min(LABEL_CHARACTERS, max(len(dot.method) for dot in dots)) + 12
    values = [v for dot in known for v in (dot.interval.low, dot.interval.high, *dot.case_means) if math.isfinite(v)]
    across = _Scale(*_widen(values), label_width, DOTS_WIDTH - 14)
    height = ROW_HEIGHT * len(dots) + AXIS_HEIGHT
    parts = [_open(DOTS_WIDTH, height, _tell_dots(column, dots))]
    for tick in nice_ticks(across.low, across.high):
        x = across(tick)
        parts.append(f'<path class="grid" d="M{x:.1f} 0V{height - AXIS_HEIGHT}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{tick:g}</text>')
    for row, dot in enumerate(dots):
        parts += _draw_dot(dot, ROW_HEIGHT * (row + 0.5), across, column)
    return "".join([*parts, "</svg>"])


def draw_curves(curves: Sequence[Curve], label: str) -> str:
    """Values over time, one line a method, interrupted where there is no value.

    Args:
        label: what the figure shows, for those who cannot see it.
    """
    values = np.concatenate([curve.values[np.isfinite(curve.values)] for curve in curves])
    end_s = max(float(curve.time_s[-1]) for curve in curves) or 1.0
    across = _Scale(0, end_s, LEFT, CURVES_WIDTH - RIGHT)
    up = _Scale(*_widen(values.tolist()), CURVES_HEIGHT - BOTTOM, TOP)
    parts = [_open(CURVES_WIDTH, CURVES_HEIGHT, label)]
    for tick in nice_ticks(up.low, up.high):
        parts.append(f'<path class="grid" d="M{LEFT} {up(tick):.1f}H{CURVES_WIDTH - RIGHT}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{up(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in nice_ticks(0, end_s, 2 * TICKS):
        x, y = across(tick), CURVES_HEIGHT - BOTTOM
        parts.append(f'<text class="tick" x="{x:.1f}" y="{y + 16}" text-anchor="middle">{tick:g}</text>')
    middle = (LEFT + CURVES_WIDTH - RIGHT) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{CURVES_HEIGHT - 4}" text-anchor="middle">time, s</text>')
    parts += [
        f'<path class="curve {curve.style}" d="{trace(*thin_out(curve.time_s, curve.values), across, up)}"/>'
        for curve in curves
    ]
    return "".join([*parts, "</svg>"])


def thin_out(time_s: Values, values: Values, points: int = MAX_POINTS) -> tuple[Values, Values]:
    """Means over runs of neighbouring frames, at most `points` of them; a run without a value is NaN."""
    run = -(-len(values) // points)
    if run == 1:
        return time_s, values
    starts = np.arange(0, len(values), run)
    known = np.isfinite(values)
    counts = np.add.reduceat(known.astype(np.float64), starts)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts)
    lengths = np.diff([*starts, len(values)])
    return np.add.reduceat(time_s, starts) / lengths, np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def trace(time_s: Values, values: Values, across: "_Scale", up: "_Scale") -> str:
    """The path of a curve; a lone value between gaps becomes a stroke of no length, which round caps make a dot."""
    steps, drawing = [], False
    for moment, value in zip(time_s, values, strict=True):
        if not math.isfinite(value):
            drawing = False
            continue
        x, y = across(float(moment)), up(float(value))
        steps.append(f"L{x:.1f} {y:.1f}" if drawing else f"M{x:.1f} {y:.1f}h0")
        drawing = True
    return "".join(steps)


def nice_ticks(low: float, high: float, count: int = TICKS) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(factor for factor in (1, 2, 5, 10) if factor * power >= rough * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, last + 1)]


def _draw_dot(dot: Dot, y: float, across: _Scale, column: Column) -> list[str]:
    name = dot.method if len(dot.method) <= LABEL_CHARACTERS else f"{dot.method[: LABEL_CHARACTERS - 1]}…"
    parts = [f'<text class="name" x="0" y="{y + 4:.1f}">{escape(name)}</text>']
    if not math.isfinite(dot.interval.mean):
        return parts
    parts += [
        f'<circle class="ring {dot.style}" cx="{across(mean):.1f}" cy="{y:.1f}" r="2.5"/>'
        for mean in dot.case_means
        if math.isfinite(mean)
    ]
    low, mean, high = (across(value) for value in (dot.interval.low, dot.interval.mean, dot.interval.high))
    parts.append(f'<path class="bar {dot.style}" d="M{low:.1f} {y:.1f}H{high:.1f}"/>')
    told = escape(f"{dot.method}: {_tell_interval(dot.interval, column)}")
    parts.append(f'<circle class="dot {dot.style}" cx="{mean:.1f}" cy="{y:.1f}" r="5"><title>{told}</title></circle>')
    return parts


def _tell_dots(column: Column, dots: Sequence[Dot]) -> str:
    return f"{column.title}: " + "; ".join(f"{dot.method} {_tell_interval(dot.interval, column)}" for dot in dots)


def _tell_interval(interval: Interval, column: Column) -> str:
    low, mean, high = (write_value(column.metric, v) for v in (interval.low, interval.mean, interval.high))
    return f"{mean} ({low} to {high})"


def _open(width: float, height: float, label: str) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'


def _widen(values: Sequence[float]) -> tuple[float, float]:
    """The range of an axis: a little more than the values', never empty, below 0 only where they are."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
    return (max(0.0, low - margin) if low >= 0 else low - margin), high + margin
