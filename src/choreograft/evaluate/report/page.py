"""What `choreograft evaluate` leaves in its folder: `evaluation.json` for programs, `evaluation.html` for people."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from choreograft.evaluate.report.document import to_document
from choreograft.evaluate.report.exhibits import collect_exhibits
from choreograft.evaluate.report.sections import build_page
from choreograft.evaluate.report.summary import Summary, summarise
from choreograft.evaluate.scores import Evaluation
from choreograft.files import atomic_path, write_json
from choreograft.progress import Progress, silent

DOCUMENT_NAME: Final = "evaluation.json"
PAGE_NAME: Final = "evaluation.html"


@dataclass(frozen=True)
class Report:
    """Where everything lies."""

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
    report = Report(folder / DOCUMENT_NAME, folder / PAGE_NAME, summary)
    write_json(report.json, to_document(evaluation, summary))
    page = build_page(evaluation, summary, collect_exhibits(evaluation, progress))
    with atomic_path(report.page) as temporary:
        temporary.write_text(page, encoding="utf-8", errors="xmlcharrefreplace")
    return report
