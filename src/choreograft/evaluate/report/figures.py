"""Figures of a page as SVG, its text left as text and its colours the page's own, so that they follow its dress.

Lengths are CSS pixels. Shapes: T frames.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Final, Literal

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from choreograft.evaluate.report.summary import Interval, Summary, competing_first
from choreograft.evaluate.report.table import Column, write_value
from choreograft.evaluate.scores import TRUTH, Entry, Values

PALETTE: Final[Mapping[str, tuple[str, str]]] = {
    "ground": ("#ffffff", "#14171b"),
    "card": ("#f6f7f9", "#1d2126"),
    "ink": ("#1b1f24", "#e8eaed"),
    "soft": ("#5b6470", "#a2abb6"),
    "line": ("#d9dde3", "#363c44"),
    "strong": ("#eef4fb", "#1f2f40"),
    "c0": ("#0072b2", "#56b4e9"),
    "c1": ("#d55e00", "#e69f00"),
    "c2": ("#009e73", "#1fbf92"),
    "c3": ("#cc79a7", "#e08fbd"),
    "c4": ("#e69f00", "#f0e442"),
    "c5": ("#56b4e9", "#ff8a45"),
}
"""CSS variables on light and on dark pages. `c0` to `c5` are the methods': those of Okabe & Ito 2008, "Color Universal
Design", lightened for dark pages."""
METHOD_COLOURS: Final = 6
"""Further methods begin again with dashed lines."""
DOTS_WIDTH, ROW_HEIGHT, AXIS_HEIGHT = 340, 26, 26
CURVES_SIZE: Final = (960, 280)
LABEL_CHARACTERS, CHARACTER_WIDTH = 18, 7.2
"""Of method names beside the dots: longer ones are cut."""
MAX_POINTS: Final = 480
"""Of a curve: two pixels each. Longer clips are shown as means of neighbouring frames."""
TICKS: Final = 4
TEXT_HEIGHT: Final = 11
DPI: Final = 72
"""At which a pixel of matplotlib's SVG is one of the page."""
_NOTHING: Final = Interval(float("nan"), float("nan"), float("nan"), 0)


@dataclass(frozen=True)
class Style:
    """How a method is drawn."""

    variable: str
    """Of its colour, in `PALETTE`."""
    line: Literal["solid", "dashed", "dotted"]

    @property
    def colour(self) -> str:
        """On light pages."""
        return PALETTE[self.variable][0]


def style_methods(methods: Sequence[str]) -> dict[str, Style]:
    """By method: the truth soft and dotted, the others a colour each, dashed where the colours begin again."""
    styles = {}
    for index, method in enumerate(competing_first(methods)):
        line: Literal["solid", "dashed"] = "solid" if index < METHOD_COLOURS else "dashed"
        styles[method] = Style("soft", "dotted") if method == TRUTH else Style(f"c{index % METHOD_COLOURS}", line)
    return styles


def draw_dots(column: Column, summary: Summary, styles: Mapping[str, Style]) -> Markup:
    """Means as dots with their 95 % intervals as bars, one row a method; the means of single cases as small rings."""
    names = [name if len(name) <= LABEL_CHARACTERS else f"{name[: LABEL_CHARACTERS - 1]}…" for name in summary.pooled]
    label_width = CHARACTER_WIDTH * max(map(len, names)) + 12
    figure = Figure(figsize=(DOTS_WIDTH / DPI, (ROW_HEIGHT * len(names) + AXIS_HEIGHT) / DPI))
    axes = _add_axes(figure, (label_width, 14, 0, AXIS_HEIGHT))
    told = []
    for row, (method, intervals) in enumerate(summary.pooled.items()):
        found, colour = intervals.get(column.pair, _NOTHING), styles[method].colour
        of_cases = [case[method] for case in summary.by_case.values() if method in case]
        means = [intervals[column.pair].mean for intervals in of_cases if column.pair in intervals]
        if len(means) > 1:
            axes.plot(means, [row] * len(means), "o", ms=5, mfc="none", mec=colour, alpha=0.7, clip_on=False)
        axes.hlines(row, found.low, found.high, colour, lw=3, alpha=0.55, capstyle="round", clip_on=False)
        axes.plot(found.mean, row, "o", ms=10, mew=0, color=colour, gid=f"told{row}", clip_on=False)
        low, mean, high = (write_value(column.metric, value) for value in (found.low, found.mean, found.high))
        told.append(f"{method}: {mean} ({low} to {high})")
    axes.xaxis.grid(color=PALETTE["line"][0])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [f"{{names[{row}]}}" for row in range(len(names))], fontsize=13, ha="left")
    axes.tick_params(axis="y", pad=label_width, labelcolor=PALETTE["ink"][0])
    axes.margins(x=0.06)
    axes.set_xlim(left=_keep_positive(axes.dataLim.x0, axes.get_xlim()[0]))
    return _embed(figure, f"{column.title} {column.region}, {'; '.join(told)}", names=names, told=told)


def draw_curves(entries: Sequence[Entry], column: Column, styles: Mapping[str, Style]) -> Markup:
    """The values of one case over time, one line a method, interrupted where there is no value; empty without any."""
    series = [(entry, entry.scores.series[column.pair]) for entry in entries if column.pair in entry.scores.series]
    shown = [(entry, values) for entry, values in series if np.isfinite(values).any()]
    if not shown:
        return Markup()
    figure = Figure(figsize=(CURVES_SIZE[0] / DPI, CURVES_SIZE[1] / DPI))
    axes = _add_axes(figure, (56, 12, 10, 38), 2 * TICKS)
    for entry, values in shown:
        style = styles[entry.method]
        time_s, means = thin_out(entry.time_s, values)
        known = np.isfinite([np.nan, *means, np.nan])
        alone = known[1:-1] & ~known[:-2] & ~known[2:]
        axes.plot(
            time_s, means, color=style.colour, linestyle=style.line, lw=1.75, solid_capstyle="round",
            marker="o", ms=1.75, mew=0, markevery=alone, clip_on=False,
        )  # fmt: skip
    axes.yaxis.grid(color=PALETTE["line"][0])
    axes.set_xlabel("time, s", color=PALETTE["soft"][0], fontsize=TEXT_HEIGHT)
    axes.margins(y=0.06)
    axes.set_xlim(0, max(float(entry.time_s[-1]) for entry, _ in shown) or 1.0)
    axes.set_ylim(bottom=_keep_positive(axes.dataLim.y0, axes.get_ylim()[0]))
    return _embed(figure, f"{column.title} {column.region} over time, {entries[0].case}")


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


def _add_axes(figure: Figure, margins: tuple[float, float, float, float], across: int = TICKS) -> Axes:
    """Axes without frames.

    Args:
        margins: left, right, top and bottom. across: how many ticks the axis along the bottom has, about.
    """
    left, right, top, bottom = margins
    width, height = figure.get_size_inches() * DPI
    axes = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height), frameon=False
    )
    axes.set_axisbelow(True)
    axes.tick_params(left=False, bottom=False, length=0, labelsize=TEXT_HEIGHT, labelcolor=PALETTE["soft"][0])
    for axis, count in ((axes.xaxis, across), (axes.yaxis, TICKS)):
        axis.set_major_locator(MaxNLocator(count, steps=[1, 2, 5, 10]))
        axis.set_major_formatter("{x:g}")
    return axes


def _keep_positive(least: float, low: float) -> float:
    """The lower end of an axis: below 0 only where the values are."""
    return max(low, 0.0) if least >= 0 else low


def _embed(figure: Figure, label: str, **texts: Sequence[str]) -> Markup:
    """An element of a page.

    Args:
        label: what the figure shows, for those who cannot see it.
        texts: what stands for `{names[0]}` and the like in the figure: what comes from outside is filled in here, as
            matplotlib's fonts may not know it. An artist whose gid is `told0` has `told[0]` as its tooltip.
    """
    stream = StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": ascii(label), "path.simplify": False}):
        figure.savefig(
            stream, format="svg", transparent=True, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type"))
        )
    svg = stream.getvalue().partition("</defs>")[2]  # before that is a style sheet, which would be the whole page's
    svg = re.sub(r"font-family: [^;]*; ", "", svg)
    svg = re.sub(r'<g id="told(\d+)">', r"<g><title>{told[\1]}</title>", svg)
    svg = re.sub(r' id="\S+_\d+"', "", svg)  # each figure has the same
    svg = re.sub(r' (d|x|y|transform)="[^"]*"', lambda numbers: re.sub(r"(\.\d\d)\d+", r"\1", numbers[0]), svg)
    svg = re.sub(r">\s+<", "><", svg)
    for variable, (light, _) in PALETTE.items():
        svg = svg.replace(light, f"var(--{variable})")
    width, height = (figure.get_size_inches() * DPI).round().astype(int)
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(width, height, label)
    return head + Markup(svg.strip()).format(**texts)
