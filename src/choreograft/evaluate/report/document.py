"""`evaluation.json`: everything a program wants to know of an evaluation, but not the values of single frames.

Numbers that do not exist (no value in any frame) are null, because JSON has no NaN.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from choreograft.evaluate.report.summary import Intervals, Summary
from choreograft.evaluate.scores import METRICS, REGIONS, Entry, Evaluation

FORMAT: Final = "choreograft-evaluation"
VERSION: Final = 1


def to_document(evaluation: Evaluation, summary: Summary) -> dict[str, Any]:
    """The content of `evaluation.json`.

    Per method and per case and method: `frames`, then by region and metric `mean`, `low` and `high` of the 95 %
    interval, and `frames`, the number of those that had a value.
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "kind": evaluation.kind,
        "notes": evaluation.notes,
        "facts": evaluation.facts,
        "methods": {method: _method(evaluation, summary, method) for method in summary.pooled},
        "cases": _cases(evaluation, summary),
        "metrics": {
            name: {"title": metric.title, "unit": metric.unit, "better": metric.better, "meaning": metric.meaning}
            for name, metric in METRICS.items()
        },
    }
    plain: dict[str, Any] = to_plain(document)
    return plain


def to_plain(value: Any) -> Any:
    """The same in the types of JSON: what is not finite becomes None, what JSON does not know becomes its text."""
    if isinstance(value, Mapping):
        return {str(key): to_plain(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return to_plain(value.tolist())
    if isinstance(value, list | tuple):
        return [to_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return str(value)


def _method(evaluation: Evaluation, summary: Summary, method: str) -> dict[str, Any]:
    frames = sum(entry.scores.frames for entry in evaluation.entries if entry.method == method)
    document = {"frames": frames, **_by_region(summary.pooled[method])}
    if method in evaluation.signature:
        accuracy, chance = evaluation.signature[method]
        document["motion_signature"] = {"accuracy": accuracy, "chance": chance}
    return document


def _cases(evaluation: Evaluation, summary: Summary) -> dict[str, Any]:
    entries = {(entry.case, entry.method): entry for entry in evaluation.entries}
    return {
        case: {method: _entry(entries[case, method], intervals) for method, intervals in methods.items()}
        for case, methods in summary.by_case.items()
    }


def _entry(entry: Entry, intervals: Intervals) -> dict[str, Any]:
    return {
        "frames": entry.scores.frames,
        **_by_region(intervals),
        "size": str(entry.size),
        "result": entry.result,
        "truth": entry.truth,
        "source": entry.source,
        "facts": entry.facts,
    }


def _by_region(intervals: Intervals) -> dict[str, Any]:
    return {
        region: {
            name: {"mean": found.mean, "low": found.low, "high": found.high, "frames": found.frames}
            for (where, name), found in intervals.items()
            if where == region
        }
        for region in REGIONS
        if any(where == region for where, _ in intervals)
    }
