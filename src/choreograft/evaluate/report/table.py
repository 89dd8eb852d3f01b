"""The tables of an evaluation: what stands in their cells, on a terminal and as markdown for pages that quote them."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

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
    def pair(self) -> Pair:
        """Under which the intervals are found; the signature has none."""
        assert self.region is not None
        return self.region, self.metric.name

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
    range: tuple[str, ...] = ()
    """Both ends of the interval; empty where there is no value or no interval."""
    frames: int = 0
    """That had a value."""
    best: bool = False
    """Whether no other competing method in the same block of rows prints a better mean."""


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

    @property
    def blocks(self) -> list[list[Row]]:
        """The rows, case by case where the first label is one."""
        return [list(rows) for _, rows in groupby(self.rows, lambda row: row.labels[:-1])]


def _columns(*pairs: Pair) -> tuple[Column, ...]:
    return tuple(Column(METRICS[name], region) for region, name in pairs)


GROUPS: Final[Mapping[str, tuple[Column, ...]]] = {
    "pictures": _columns(
        ("frame", "ssim"), ("person", "ssim"), ("face", "ssim"), ("person", "psnr"), ("person", "perceptual"),
        ("face", "perceptual"), ("person", "lpips"), ("face", "identity"),
    ),
    "full size": _columns(
        ("person", "st_lpips"), ("face", "st_lpips"), ("person", "detail"), ("person", "texture"), ("person", "outline")
    ),
    "motion": (
        *_columns(
            ("person", "pose_distance"), ("hands", "pose_distance"), ("face", "pose_distance"),
            ("person", "missed_detections"), ("face", "missed_detections"), ("person", "flicker"),
            ("person", "warping_error"), ("person", "own_warping"), ("person", "tremble"), ("person", "matte_iou"),
            ("person", "holes"),
        ),
        Column(SIGNATURE, None),
    ),
}  # fmt: skip
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
    if column.region is None:
        accuracy, chance = evaluation.signature.get(method, (math.nan, math.nan))
        return Cell(f"{100 * accuracy:.0f}", f"(chance {100 * chance:.0f})") if math.isfinite(accuracy) else Cell()
    found = intervals.get(column.pair)
    if found is None or not math.isfinite(found.mean):
        return Cell()
    values = (found.low, found.mean, found.high, (found.high - found.low) / 2)
    low, mean, high, half = (f"{value:.{column.metric.digits}f}" for value in values)
    return Cell(mean, f"±{half}", (low, high), found.frames)


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


GAP: Final = 2
"""Characters between two columns: one of padding, one for a divider that is blank."""
BEST: Final = "*"
"""Marks the best where bold does not show: in pipes and files."""
LEGEND: Final = f"mean ± half of its 95 % interval; arrows point to the better side; {BEST} the best method"


def print_tables(evaluation: Evaluation, summary: Summary, console: Console | None = None) -> None:
    """Print a row for every method over all cases, then what the reader must know."""
    console = console or Console(highlight=False)
    for grid in method_grids(evaluation, summary):
        for table in to_rich(grid, console.width):
            console.print(table, "")
    console.print(Text(LEGEND, "dim"))
    for note in evaluation.notes:
        console.print(Text(f"note: {note}"))


def to_rich(grid: Grid, width: int) -> list[Table]:
    """The grid for a terminal of `width` characters.

    No cell is wrapped: columns that do not fit go into a further table below, which repeats the labels.
    """
    heads = [f"{column.region or 'method'}\n{column.title}" for column in grid.columns]
    labels = [[Text(head), *(Text(row.labels[n]) for row in grid.rows)] for n, head in enumerate(grid.label_heads)]
    columns = [[Text(head), *(_style_cell(row.cells[n]) for row in grid.rows)] for n, head in enumerate(heads)]
    room = width - sum(map(_width, labels))
    tables: list[list[list[Text]]] = []
    left = 0
    for column in columns:
        if not tables or _width(column) > left:
            tables.append([])
            left = room
        tables[-1].append(column)
        left -= _width(column)
    return [_draw(grid, labels, picked) for picked in tables]


def _width(column: Sequence[Text]) -> int:
    """Characters that the widest text of a column takes with the gap beside it."""
    return max(cell_len(line) for text in column for line in text.plain.split("\n")) + GAP


def to_markdown(grid: Grid) -> str:
    """The grid as a table of a markdown page, the best values bold."""
    heads = [*grid.label_heads, *(f"{column.title} {column.region or ''}".strip() for column in grid.columns)]
    lines = [heads, ["---"] * len(grid.label_heads) + ["--:"] * len(grid.columns)]
    for row in grid.rows:
        labels = (re.sub(r"([\\|*_`<>])", r"\\\1", label) for label in row.labels)
        cells = (f"{f'**{cell.mean}**' if cell.best else cell.mean} {cell.spread}".strip() for cell in row.cells)
        lines.append([*labels, *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _draw(grid: Grid, labels: Sequence[Sequence[Text]], columns: Sequence[Sequence[Text]]) -> Table:
    table = Table(
        title=Text(grid.title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False,
        padding=(0, 1, 0, 0),
    )  # fmt: skip
    for head, *_ in labels:
        table.add_column(head, no_wrap=True, vertical="bottom")
    for head, *_ in columns:
        table.add_column(head, justify="right", no_wrap=True)
    rows = iter(zip(*(texts[1:] for texts in (*labels, *columns)), strict=True))
    for block in grid.blocks:
        table.add_section()
        for _ in block:
            table.add_row(*next(rows))
    return table


def _style_cell(cell: Cell) -> Text:
    mean = (BEST + cell.mean, "bold") if cell.best else (cell.mean, "")
    return Text.assemble(mean, (f" {cell.spread}" if cell.spread else "", "dim"))
