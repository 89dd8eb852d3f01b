"""Tables: which value is best, which columns there are, and that nothing is cut."""

import math
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from choreograft.evaluate.report.summary import summarise
from choreograft.evaluate.report.table import Cell, Column, Grid, case_grids, method_grids, print_tables, to_markdown
from choreograft.evaluate.scores import METRICS, Entry, Evaluation, Region, Scores
from choreograft.video.size import Size
from evaluated import judge_squares


def make_evaluation(levels: Mapping[str, float], region: Region, metric: str) -> Evaluation:
    """One case in which every method has one constant value."""
    entries = tuple(
        Entry(
            "waltz", method, Size(8, 8), np.arange(8) / 4, path, path, None,
            Scores(8, {(region, metric): np.full(8, level)}),
        )
        for path in [judge_squares(["waltz"], ["draft"]).entries[0].result]
        for method, level in levels.items()
    )  # fmt: skip
    return Evaluation("pair", entries)


def find_cells(evaluation: Evaluation) -> dict[str, Cell]:
    """The cells of the only column, by method."""
    (grid,) = method_grids(evaluation, summarise(evaluation))
    return {row.labels[-1]: row.cells[0] for row in grid.rows}


def write(evaluation: Evaluation, width: int) -> str:
    stream = StringIO()
    print_tables(evaluation, summarise(evaluation), Console(file=stream, width=width))
    return stream.getvalue()


def test_a_share_is_best_near_1_from_either_side() -> None:
    cells = find_cells(
        make_evaluation({"half": 0.5, "tenth more": 1.1, "double": 2.0, "truth": 1.0}, "person", "detail")
    )
    assert [method for method, cell in cells.items() if cell.best] == ["tenth more"]
    detail = METRICS["detail"]
    assert detail.fault(0.5) == pytest.approx(detail.fault(2.0))
    assert Column(detail, "person").title == "detail → 1"


@pytest.mark.parametrize(
    ("region", "metric", "best"),
    [
        ("frame", "ssim", "high"),
        ("person", "psnr", "high"),
        ("person", "perceptual", "low"),
        ("person", "flicker", "low"),
        ("person", "detail", "high"),
    ],
)
def test_best_respects_the_direction_and_passes_over_the_truth(region: Region, metric: str, best: str) -> None:
    levels = {"low": 0.2, "middle": 0.5, "high": 0.8, "truth": 1.0 if best == "high" else 0.0}
    cells = find_cells(make_evaluation(levels, region, metric))
    assert [method for method, cell in cells.items() if cell.best] == [best]


def test_values_that_print_alike_are_marked_alike() -> None:
    cells = find_cells(make_evaluation({"a": 0.90041, "b": 0.90012, "c": 0.89949}, "frame", "ssim"))
    assert {method: (cell.mean, cell.best) for method, cell in cells.items()} == {
        "a": ("0.900", True), "b": ("0.900", True), "c": ("0.899", False),
    }  # fmt: skip


def test_nobody_is_best_without_a_rival() -> None:
    cells = find_cells(make_evaluation({"draft": 0.9, "truth": 1.0}, "frame", "ssim"))
    assert not any(cell.best for cell in cells.values())


def test_missing_value_is_a_dash_and_does_not_compete() -> None:
    cells = find_cells(make_evaluation({"a": math.nan, "b": 3.0, "c": 4.0}, "person", "pose_distance"))
    assert (cells["a"].mean, cells["a"].spread) == ("–", "")
    assert [method for method, cell in cells.items() if cell.best] == ["b"]


def test_cell_shows_half_the_interval() -> None:
    evaluation = judge_squares(["waltz"], ["draft"])
    interval = summarise(evaluation).pooled["draft"]["frame", "ssim"]
    (row,) = method_grids(evaluation, summarise(evaluation))[0].rows
    assert (
        f"{row.cells[0].mean} {row.cells[0].spread}" == f"{interval.mean:.3f} ±{(interval.high - interval.low) / 2:.3f}"
    )


def test_heads_name_unit_and_direction_of_what_was_measured() -> None:
    evaluation = judge_squares(["waltz"], ["draft", "full"])
    pictures, motion = method_grids(evaluation, summarise(evaluation))
    assert [column.title for column in pictures.columns] == [
        "SSIM ↑", "SSIM ↑", "SSIM ↑", "PSNR dB ↑", "perceptual ↓", "identity ↑",
    ]  # fmt: skip
    assert [column.title for column in motion.columns] == [
        "pose % ↓", "pose % ↓", "missed % ↓", "flicker ↓", "matte IoU ↑", "signature % ↑",
    ]  # fmt: skip


def test_signature_is_told_of_methods_only() -> None:
    evaluation = replace(
        judge_squares(["waltz"], ["draft", "full"]), signature={"draft": (0.5, 0.25), "full": (0.75, 0.25)}
    )
    grid = method_grids(evaluation, summarise(evaluation))[1]
    assert [row.cells[-1] for row in grid.rows] == [
        Cell("50", "(chance 25)"), Cell("75", "(chance 25)", best=True),
    ]  # fmt: skip
    assert all(column.region for each in case_grids(evaluation, summarise(evaluation)) for column in each.columns)


def test_best_is_sought_within_each_case() -> None:
    one = make_evaluation({"a": 0.9, "b": 0.8}, "frame", "ssim").entries
    other = make_evaluation({"a": 0.3, "b": 0.4}, "frame", "ssim").entries
    evaluation = Evaluation("pair", (*one, *(replace(entry, case="tango") for entry in other)))
    (grid,) = case_grids(evaluation, summarise(evaluation))
    assert [row.labels for row in grid.rows if row.cells[0].best] == [("waltz", "a"), ("tango", "b")]


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_terminal_shows_every_value_uncut(width: int) -> None:
    evaluation = judge_squares(["waltz"], ["nearest", "a performer with a name", "truth"])
    text = write(evaluation, width)
    assert "…" not in text
    assert max(map(cell_len, text.splitlines())) <= width
    for grid in method_grids(evaluation, summarise(evaluation)):
        for row in grid.rows:
            line_starts = [line for line in text.splitlines() if line.startswith(row.labels[0])]
            for cell in row.cells:
                assert any(f"{cell.mean} {cell.spread}".strip() in line for line in line_starts)


def test_terminal_marks_the_best_and_tells_the_notes() -> None:
    text = write(judge_squares(["waltz"], ["draft", "full", "truth"]), 120)
    assert [line.count("*") for line in text.splitlines() if line.startswith(("draft", "full", "truth"))] == [
        0, 6, 0, 1, 6, 0,
    ]  # fmt: skip
    assert "note: Nobody measured LPIPS." in text


def test_names_are_not_markup() -> None:
    assert "[bold]x[/bold]" in write(judge_squares(["waltz"], ["[bold]x[/bold]", "full"]), 120)


def test_markdown_is_a_table_with_bold_bests() -> None:
    cells = (Cell("0.900", "±0.001", best=True), Cell("21.0"))
    evaluation = judge_squares(["waltz"], ["a|b"])
    grid = method_grids(evaluation, summarise(evaluation))[0]
    columns = (grid.columns[0], grid.columns[3])
    grid = Grid("pictures", ("method",), columns, (replace(grid.rows[0], cells=cells),))
    assert to_markdown(grid) == (
        "| method | SSIM ↑ frame | PSNR dB ↑ person |\n| --- | --: | --: |\n| a\\|b | **0.900** ±0.001 | 21.0 |\n"
    )
