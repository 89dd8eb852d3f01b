"""The numbers of an evaluation as rows and cells, before they become a table on a terminal or a page."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from choreograft.evaluate.metrics.bootstrap import Interval
from choreograft.evaluate.report.summary import Intervals, Pair, Summary
from choreograft.evaluate.scores import METRICS, TRUTH, Better, Evaluation, Metric, Region

SIGNATURE: Final = Metric(
    "motion_signature", "signature", "higher", "%", 0, "share of the windows whose motion is traced to the right source"
)
"""Of a method, not of a frame, and so in no `Scores`."""
ARROWS: Final[Mapping[Better, str]] = {"higher": "↑", "lower": "↓", "near 1": "→ 1"}
NOTHING: Final = "–"
"""Printed where there is no value."""


@dataclass(frozen=True)
class Column:
    """One metric in one region."""

    metric: Metric
    region: Region | None
    """None: the motion signature, which belongs to a method and to no picture."""

    @property
    def pair(self) -> Pair | None:
        """Under which the intervals are found; None for the signature."""
        return (self.region, self.metric.name) if self.region else None

    @property
    def title(self) -> str:
        """Name, unit and the direction that is better: 'PSNR dB ↑'."""
        return " ".join(part for part in (self.metric.title, self.metric.unit, ARROWS[self.metric.better]) if part)


@dataclass(frozen=True)
class Cell:
    """A mean and half the width of its interval, as they are printed."""

    mean: str = NOTHING
    spread: str = ""
    """Empty where there is none; for the signature what guessing gets."""
    interval: Interval | None = None
    """What it was printed from; None where there is no value or no interval."""
    best: bool = False
    """Whether no other competing method in the same block of rows prints a better mean."""

    def __str__(self) -> str:
        return f"{self.mean} {self.spread}".strip()


@dataclass(frozen=True)
class Row:
    """One method, over all cases or in one of them."""

    labels: tuple[str, ...]
    """The method, or the case and the method."""
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Grid:
    """A table before it is drawn."""

    title: str
    label_heads: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def _columns(*pairs: Pair) -> tuple[Column, ...]:
    return tuple(Column(METRICS[name], region) for region, name in pairs)


GROUPS: Final[Mapping[str, tuple[Column, ...]]] = {
    "pictures": _columns(
        ("frame", "ssim"),
        ("person", "ssim"),
        ("face", "ssim"),
        ("person", "psnr"),
        ("person", "perceptual"),
        ("face", "perceptual"),
        ("person", "lpips"),
        ("face", "identity"),
    ),
    "full size": _columns(
        ("person", "st_lpips"), ("face", "st_lpips"), ("person", "detail"), ("person", "texture"), ("person", "outline")
    ),
    "motion": (
        *_columns(
            ("person", "pose_distance"),
            ("hands", "pose_distance"),
            ("face", "pose_distance"),
            ("person", "missed_detections"),
            ("face", "missed_detections"),
            ("person", "flicker"),
            ("person", "warping_error"),
            ("person", "own_warping"),
            ("person", "tremble"),
            ("person", "matte_iou"),
            ("person", "holes"),
        ),
        Column(SIGNATURE, None),
    ),
}
"""The columns worth a reader's time, by what they tell of. The document has all the others too."""


def shown_columns(evaluation: Evaluation, summary: Summary) -> dict[str, tuple[Column, ...]]:
    """`GROUPS` without what was not measured on any result."""
    pairs = {pair for intervals in summary.pooled.values() for pair in intervals}
    shown = {
        group: tuple(c for c in columns if (c.pair in pairs if c.region else evaluation.signature))
        for group, columns in GROUPS.items()
    }
    return {group: columns for group, columns in shown.items() if columns}


def method_grids(evaluation: Evaluation, summary: Summary) -> list[Grid]:
    """One table per group: a row for every method, over all cases."""
    return [
        Grid(f"{group}, all cases", ("method",), columns, tuple(_rank((), summary.pooled, columns, evaluation)))
        for group, columns in shown_columns(evaluation, summary).items()
    ]


def case_grids(evaluation: Evaluation, summary: Summary) -> list[Grid]:
    """One table per group: a row for every method in every case. The signature has no value in a single case."""
    grids = []
    for group, columns in shown_columns(evaluation, summary).items():
        measured = tuple(column for column in columns if column.region)
        rows = [
            row for case, methods in summary.by_case.items() for row in _rank((case,), methods, measured, evaluation)
        ]
        if measured:
            grids.append(Grid(f"{group}, by case", ("case", "method"), measured, tuple(rows)))
    return grids


def write_value(metric: Metric, value: float) -> str:
    """A value with its unit, for people: '31.2 dB'; `NOTHING` for NaN."""
    return f"{value:.{metric.digits}f} {metric.unit}".strip() if math.isfinite(value) else NOTHING


def _rank(
    labels: tuple[str, ...], methods: Mapping[str, Intervals], columns: Sequence[Column], evaluation: Evaluation
) -> list[Row]:
    """Rows of the methods that compete with each other."""
    cells = [
        _mark([_cell(column, method, intervals, evaluation) for method, intervals in methods.items()], column, methods)
        for column in columns
    ]
    return [Row((*labels, method), tuple(column[index] for column in cells)) for index, method in enumerate(methods)]


def _cell(column: Column, method: str, intervals: Intervals, evaluation: Evaluation) -> Cell:
    if column.pair is None:
        accuracy, chance = evaluation.signature.get(method, (math.nan, math.nan))
        return Cell(f"{100 * accuracy:.0f}", f"(chance {100 * chance:.0f})") if math.isfinite(accuracy) else Cell()
    found = intervals.get(column.pair)
    if found is None or not math.isfinite(found.mean):
        return Cell()
    digits = column.metric.digits
    return Cell(f"{found.mean:.{digits}f}", f"±{(found.high - found.low) / 2:.{digits}f}", found)


def _mark(cells: Sequence[Cell], column: Column, methods: Iterable[str]) -> list[Cell]:
    """The cells of one column, the best ones marked as they are printed, so that equal numbers look equal.

    Where only one method competes, none is best.
    """
    faults = [
        column.metric.fault(float(cell.mean)) if cell.mean != NOTHING and method != TRUTH else None
        for cell, method in zip(cells, methods, strict=True)
    ]
    competing = [fault for fault in faults if fault is not None]
    best = min(competing) if len(competing) > 1 else -math.inf
    return [replace(cell, best=fault == best) for cell, fault in zip(cells, faults, strict=True)]
