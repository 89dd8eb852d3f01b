"""What the values of an evaluation come to: means with intervals, for every method over all cases and for every case.

How sure a mean over frames is: neighbouring frames resemble each other, so they are drawn in blocks. Moving block
bootstrap (Kuensch 1989, "The Jackknife and the Bootstrap for General Stationary Observations"), with blocks that run on
at the start when they reach the end, so that every frame is drawn equally often (Politis & Romano 1992, "A circular
block-resampling procedure for stationary data").

With the means goes `evaluation.json`: everything a program wants to know, but not the values of single frames. Numbers
that do not exist (no value in any frame) are null, because JSON has no NaN.

Shapes: T frames of a series, R repeats, K blocks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.scores import METRICS, REGIONS, TRUTH, Entry, Evaluation, Region, Values


@dataclass(frozen=True)
class Interval:
    """A mean and the range in which it probably lies; all NaN where no frame has a value."""

    mean: float
    low: float
    high: float
    frames: int
    """That had a value."""


Pair = tuple[Region, str]
"""Where it was measured, and the name of the metric."""
Intervals = Mapping[Pair, Interval]

FORMAT: Final = "choreograft-evaluation"
VERSION: Final = 1
BLOCK_S: Final = 0.5
"""Frames this close in time are taken as one draw: errors last for parts of a movement, not for single frames."""
MIN_BLOCKS: Final = 4
"""A series is made up of at least so many blocks: one that ran all the way round would give the same mean each time."""


@dataclass(frozen=True)
class Summary:
    """Means of all frames that have a value, with 95 % intervals."""

    pooled: Mapping[str, Intervals]
    """By method, over the frames of all its cases together: a longer case weighs more."""
    by_case: Mapping[str, Mapping[str, Intervals]]
    """By case, then by method."""


def summarise(evaluation: Evaluation) -> Summary:
    """Take the mean of everything that was measured, and how far it can be trusted."""
    methods = competing_first(evaluation.methods)
    found: dict[tuple[str, str], list[Entry]] = {(entry.case, entry.method): [entry] for entry in evaluation.entries}
    return Summary(
        {name: _intervals([entry for entry in evaluation.entries if entry.method == name]) for name in methods},
        {
            case: {name: _intervals(found[case, name]) for name in methods if (case, name) in found}
            for case in evaluation.cases
        },
    )


def competing_first(methods: Sequence[str]) -> list[str]:
    """The methods in their order, but the truth last: it is the ceiling under which the others are read."""
    return sorted(methods, key=lambda method: method == TRUTH)


def block_frames(time_s: Values) -> int:
    """How many consecutive frames fill `BLOCK_S`, at least 1.

    Args:
        time_s: (T,) increasing.
    """
    if len(time_s) < 2:
        return 1
    return max(1, round(BLOCK_S / float(np.median(np.diff(time_s)))))


def _intervals(entries: Sequence[Entry]) -> Intervals:
    found = {}
    for pair in dict.fromkeys(pair for entry in entries for pair in entry.scores.series):
        measured = [entry for entry in entries if pair in entry.scores.series]
        # of cases at different rates the longest: too long a block only costs precision, too short a one flatters
        block = max(block_frames(entry.time_s) for entry in measured)
        found[pair] = mean_interval([entry.scores.series[pair] for entry in measured], block)
    return found


def mean_interval(
    series: Sequence[Values], block: int, level: float = 0.95, repeats: int = 1000, seed: int = 0
) -> Interval:
    """The mean over the frames of all series together and its bootstrap percentile interval.

    It tells how much the mean would vary if these very cases were filmed for as long again; not how it would for other
    people or dances.

    Args:
        series: one (T,) a case, NaN where a frame has no value; no block spans two of them.
        block: frames drawn together, about half a second of them; at most a quarter of a series (`MIN_BLOCKS`).
        level: share of the repeats inside the interval.
        repeats: how many times the frames are drawn anew.
        seed: of the draws; the same seed gives the same interval.
    """
    random = np.random.default_rng(seed)
    sums, counts = np.zeros(repeats), np.zeros(repeats)
    known = [np.isfinite(values) for values in series]
    for values, at in zip(series, known, strict=True):
        if at.any():
            drawn = _draw_blocks(len(values), block, repeats, random)
            sums += _sum_blocks(np.where(at, values, 0.0), *drawn)
            counts += _sum_blocks(at.astype(np.float64), *drawn)
    frames = int(sum(at.sum() for at in known))
    if not frames:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    mean = float(sum(values[at].sum() for values, at in zip(series, known, strict=True)) / frames)
    usable = counts > 0  # a repeat may have drawn nothing but frames without a value
    tail = 50 * (1 - level)
    low, high = np.percentile(sums[usable] / counts[usable], [tail, 100 - tail])
    return Interval(mean, float(low), float(high), frames)


def _draw_blocks(
    frames: int, block: int, repeats: int, random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Starts (R, K) and lengths (K,) of blocks that make up `frames` frames; the last one may be shorter."""
    length = max(1, min(block, frames // MIN_BLOCKS))
    starts = np.arange(0, frames, length)
    lengths = np.minimum(length, frames - starts)
    return random.integers(0, frames, (repeats, len(starts))), lengths


def _sum_blocks(values: Values, starts: NDArray[np.intp], lengths: NDArray[np.intp]) -> Values:
    """(R,) the sum of all blocks of each repeat, from running sums over the series laid twice end to end."""
    running = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values]))])
    return np.asarray((running[starts + lengths] - running[starts]).sum(axis=1))


def to_document(evaluation: Evaluation, summary: Summary) -> dict[str, Any]:
    """The content of `evaluation.json`.

    Per method and per case and method: `frames`, then by region and metric `mean`, `low` and `high` of the 95 %
    interval, and `frames`, the number of those that had a value.
    """
    entries = {(entry.case, entry.method): entry for entry in evaluation.entries}
    document = {
        "format": FORMAT,
        "version": VERSION,
        "kind": evaluation.kind,
        "notes": evaluation.notes,
        "facts": evaluation.facts,
        "methods": {method: _method(evaluation, summary, method) for method in summary.pooled},
        "cases": {
            case: {method: _entry(entries[case, method], intervals) for method, intervals in methods.items()}
            for case, methods in summary.by_case.items()
        },
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
        region: {name: asdict(found) for (where, name), found in intervals.items() if where == region}
        for region in REGIONS
        if any(where == region for where, _ in intervals)
    }
