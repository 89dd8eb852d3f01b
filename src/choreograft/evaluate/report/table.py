"""The tables of an evaluation on a terminal, and as markdown for pages that quote them."""

import re
from collections.abc import Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from choreograft.evaluate.report.grid import Cell, Column, Grid, method_grids
from choreograft.evaluate.report.summary import Summary
from choreograft.evaluate.scores import Evaluation

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
    labels = [[head, *(row.labels[index] for row in grid.rows)] for index, head in enumerate(grid.label_heads)]
    left = width - sum(max(map(cell_len, texts)) + GAP for texts in labels)
    return [_draw(grid, picked) for picked in _share_out(grid, left)]


def to_markdown(grid: Grid) -> str:
    """The grid as a table of a markdown page, the best values bold."""
    heads = [*grid.label_heads, *(f"{column.title} {column.region or ''}".strip() for column in grid.columns)]
    lines = [heads, ["---"] * len(grid.label_heads) + ["--:"] * len(grid.columns)]
    for row in grid.rows:
        lines.append([*map(_escape_markdown, row.labels), *map(_write_cell, row.cells)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _share_out(grid: Grid, width: int) -> list[list[int]]:
    """Indices of the columns of each table: as many as fit into `width`, at least one."""
    tables: list[list[int]] = []
    left = 0
    for index, column in enumerate(grid.columns):
        texts = [*_head(column).split("\n"), *(_style_cell(row.cells[index]).plain for row in grid.rows)]
        needed = max(map(cell_len, texts)) + GAP
        if not tables or needed > left:
            tables.append([])
            left = width
        tables[-1].append(index)
        left -= needed
    return tables


def _draw(grid: Grid, picked: Sequence[int]) -> Table:
    table = Table(
        title=Text(grid.title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False,
        padding=(0, 1, 0, 0),
    )  # fmt: skip
    for head in grid.label_heads:
        table.add_column(Text(head), no_wrap=True, vertical="bottom")
    for index in picked:
        table.add_column(Text(_head(grid.columns[index])), justify="right", no_wrap=True)
    before = ""
    for row in grid.rows:
        if len(row.labels) > 1 and before not in ("", row.labels[0]):
            table.add_section()
        before = row.labels[0]
        table.add_row(*map(Text, row.labels), *(_style_cell(row.cells[index]) for index in picked))
    return table


def _head(column: Column) -> str:
    return f"{column.region or 'method'}\n{column.title}"


def _style_cell(cell: Cell) -> Text:
    mean = (BEST + cell.mean, "bold") if cell.best else (cell.mean, "")
    return Text.assemble(mean, (f" {cell.spread}" if cell.spread else "", "dim"))


def _write_cell(cell: Cell) -> str:
    mean = f"**{cell.mean}**" if cell.best else cell.mean
    return f"{mean} {cell.spread}".strip()


def _escape_markdown(text: str) -> str:
    return re.sub(r"([\\|*_`<>])", r"\\\1", text)
