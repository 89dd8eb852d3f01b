"""What `choreograft evaluate` leaves in its folder: `evaluation.json` for programs, `evaluation.html` for people.

The page is one file that shows everything and asks for no other; all text that comes from outside is escaped.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from choreograft import __version__
from choreograft.errors import count_of
from choreograft.evaluate.report.exhibits import Exhibition, collect_exhibits
from choreograft.evaluate.report.figures import PALETTE, draw_curves, draw_dots, style_methods
from choreograft.evaluate.report.summary import Summary, summarise, to_document, to_plain
from choreograft.evaluate.report.table import case_grids, method_grids, shown_columns, write_value
from choreograft.evaluate.request import DOCUMENT_NAME
from choreograft.evaluate.scores import METRICS, TRUTH, Evaluation
from choreograft.files import atomic_path, write_json
from choreograft.progress import Progress, silent

PAGE_NAME: Final = "evaluation.html"


@dataclass(frozen=True)
class Report:
    """What an evaluation found, and where it lies."""

    evaluation: Evaluation
    json: Path
    page: Path
    summary: Summary
    """What `print_tables` prints."""


def write_report(evaluation: Evaluation, folder: Path, progress: Progress = silent) -> Report:
    """Write what was found into a folder, the numbers first: they do not depend on videos that may have gone.

    Raises:
        OutputError: the folder cannot be written.
    """
    summary = summarise(evaluation)
    report = Report(evaluation, folder / DOCUMENT_NAME, folder / PAGE_NAME, summary)
    write_json(report.json, to_document(evaluation, summary))
    page = build_page(evaluation, summary, collect_exhibits(evaluation, progress))
    with atomic_path(report.page) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")
    return report


def build_page(evaluation: Evaluation, summary: Summary, exhibition: Exhibition) -> str:
    """The whole page, `page.html` filled in."""
    templates = Environment(
        loader=PackageLoader("choreograft.evaluate.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    templates.filters["write"] = _write
    templates.globals |= {
        "METRICS": METRICS, "TRUTH": TRUTH, "PALETTE": PALETTE, "version": __version__, "count_of": count_of,
        "write_value": write_value, "draw_dots": draw_dots, "draw_curves": draw_curves,
    }  # fmt: skip
    grids, shown = method_grids(evaluation, summary), shown_columns(evaluation, summary)
    lengths = {entry.case: entry.scores.frames for entry in sorted(evaluation.entries, key=lambda e: e.scores.frames)}
    return templates.get_template("page.html").render(
        evaluation=evaluation,
        summary=summary,
        exhibition=exhibition,
        frames=sum(lengths.values()),
        method_grids=grids,
        case_grids=case_grids(evaluation, summary) if len(evaluation.cases) > 1 else [],
        metrics=dict.fromkeys(column.metric for grid in grids for column in grid.columns),
        columns=[column for columns in shown.values() for column in columns if column.region],
        styles=style_methods(evaluation.methods),
        facts=_flatten(to_plain(evaluation.facts)),
        entry_facts=dict.fromkeys(name for entry in evaluation.entries for name in entry.facts),
    )


def _flatten(facts: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Facts inside of facts under names with dots."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= _flatten(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return flat


def _write(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return ", ".join(map(_write, value)) if isinstance(value, list | tuple) else str(value)
