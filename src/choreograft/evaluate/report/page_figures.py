"""The figures of a page: which there are, under what heads, and in what colours."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from choreograft.evaluate.metrics.bootstrap import Interval
from choreograft.evaluate.report.figures import Curve, Dot, draw_curves, draw_dots
from choreograft.evaluate.report.grid import Column, shown_columns
from choreograft.evaluate.report.style import METHOD_COLOURS
from choreograft.evaluate.report.summary import Pair, Summary, competing_first
from choreograft.evaluate.scores import TRUTH, Evaluation


def style_methods(methods: Sequence[str]) -> dict[str, str]:
    """CSS classes by method: the truth its own, the others a colour each, dashed where the colours begin again."""
    styles = {}
    for index, method in enumerate(competing_first(methods)):
        dashed = " dashed" if index >= METHOD_COLOURS else ""
        styles[method] = "truth" if method == TRUTH else f"m{index % METHOD_COLOURS}{dashed}"
    return styles


def show_means(evaluation: Evaluation, summary: Summary) -> str:
    """A panel for every metric: a dot for every method."""
    styles = style_methods(evaluation.methods)
    columns = [column for _, column in _series_columns(evaluation, summary)]
    panels = "".join(
        f"<figure><figcaption><b>{escape(column.title)}</b> {column.region}</figcaption>"
        f"{draw_dots(column, _dots(column.pair, summary, styles))}</figure>"
        for column in columns
        if column.pair
    )
    return (
        "<p>Dots are means over all cases, bars their 95 % intervals, rings the means of single cases.</p>"
        f'<div class="panels">{panels}</div>'
    )


def show_curves(evaluation: Evaluation, summary: Summary) -> str:
    """A figure for every case and metric, of which the reader chooses; without scripts all are shown."""
    columns = _series_columns(evaluation, summary)
    styles = style_methods(evaluation.methods)
    cases = dict(enumerate(evaluation.cases))
    figures = "".join(
        _show_figure(evaluation, (number, case), (name, column), styles)
        for number, case in cases.items()
        for name, column in columns
    )
    chooser = _choose("Case", {str(number): case for number, case in cases.items()}) + _choose(
        "Measure", {name: f"{column.title} {column.region}" for name, column in columns}
    )
    return (
        f'<div class="curves"><div class="chooser" hidden>{chooser}</div>{_show_key(styles)}{figures}'
        '<p class="nothing" hidden>Nothing was measured here.</p></div>'
    )


def _series_columns(evaluation: Evaluation, summary: Summary) -> list[tuple[str, Column]]:
    shown = [c for columns in shown_columns(evaluation, summary).values() for c in columns if c.region]
    return [(f"{column.region}-{column.metric.name}", column) for column in shown]


def _dots(pair: Pair, summary: Summary, styles: Mapping[str, str]) -> list[Dot]:
    nothing = Interval(float("nan"), float("nan"), float("nan"), 0)
    dots = []
    for method, intervals in summary.pooled.items():
        of_cases = [found[method][pair].mean for found in summary.by_case.values() if pair in found.get(method, {})]
        means = tuple(of_cases) if len(of_cases) > 1 else ()
        dots.append(Dot(method, styles[method], intervals.get(pair, nothing), means))
    return dots


def _show_figure(
    evaluation: Evaluation, case: tuple[int, str], measure: tuple[str, Column], styles: Mapping[str, str]
) -> str:
    """One figure, or nothing where no method has a value."""
    (number, case_name), (name, column) = case, measure
    curves = [
        Curve(styles[entry.method], entry.time_s, entry.scores.series[column.pair])
        for entry in evaluation.entries
        if entry.case == case_name and column.pair and column.pair in entry.scores.series
    ]
    curves = [curve for curve in curves if np.isfinite(curve.values).any()]
    if not curves:
        return ""
    label = f"{column.title} {column.region} over time, {case_name}"
    return (
        f'<figure data-case="{number}" data-measure="{name}">'
        f"<figcaption><b>{escape(case_name)}</b>: {escape(column.title)} {column.region}</figcaption>"
        f"{draw_curves(curves, label)}</figure>"
    )


def _choose(label: str, options: Mapping[str, str]) -> str:
    inner = "".join(f'<option value="{value}">{escape(text)}</option>' for value, text in options.items())
    return f"<label>{label}<select>{inner}</select></label>"


def _show_key(styles: Mapping[str, str]) -> str:
    items = "".join(
        f'<li><svg viewBox="0 0 28 10" aria-hidden="true"><path class="curve {style}" d="M2 5H26"/></svg>'
        f"{escape(method)}</li>"
        for method, style in styles.items()
    )
    return f'<ul class="key">{items}</ul>'
