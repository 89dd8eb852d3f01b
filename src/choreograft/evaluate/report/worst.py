"""Which frames to look at first: those where each method fails most, no two of them from the same moment."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from choreograft.evaluate.report.summary import Pair
from choreograft.evaluate.scores import METRICS, TRUTH, Evaluation

COUNT: Final = 10
SPACING_S: Final = 0.5
"""Frames of one result that are closer show the same failure."""
JUDGES: Final[tuple[Pair, ...]] = (
    ("person", "perceptual"),
    ("person", "ssim"),
    ("frame", "ssim"),
    ("person", "pose_distance"),
    ("frame", "pose_distance"),
)
"""By which frames are called bad: the first that was measured."""


@dataclass(frozen=True)
class Moment:
    """One frame of one result."""

    case: str
    method: str
    time_s: float
    value: float
    """Of the judging metric."""


def find_judge(evaluation: Evaluation) -> Pair | None:
    """The metric by which frames are ordered; None where none of `JUDGES` has a value."""
    series = [entry.scores.series for entry in evaluation.entries if entry.method != TRUTH]
    return next(
        (pair for pair in JUDGES if any(np.isfinite(each[pair]).any() for each in series if pair in each)), None
    )


def find_worst(evaluation: Evaluation, judge: Pair, count: int = COUNT) -> list[Moment]:
    """The worst frames of all results, worst first; the truth judged against itself is not among them.

    No method has more than an equal share of the places, or a weak baseline would take them all. A frame is shown
    with what the other methods made of it, so it is chosen for one of them only.

    Args:
        judge: region and name of the metric; frames without a value are passed over.
        count: how many there are at most.
    """
    metric = METRICS[judge[1]]
    places = math.ceil(count / max(1, sum(method != TRUTH for method in evaluation.methods)))
    chosen: list[Moment] = []
    for moment in sorted(_moments(evaluation, judge), key=lambda each: -metric.fault(each.value)):
        taken = sum(other.method == moment.method for other in chosen)
        if taken < places and not any(_resemble(moment, other) for other in chosen):
            chosen.append(moment)
    return chosen[:count]


def _moments(evaluation: Evaluation, judge: Pair) -> Iterator[Moment]:
    for entry in evaluation.entries:
        values = entry.scores.series.get(judge)
        if values is None or entry.method == TRUTH:
            continue
        for time_s, value in zip(entry.time_s, values, strict=True):
            if np.isfinite(value):
                yield Moment(entry.case, entry.method, float(time_s), float(value))


def _resemble(one: Moment, other: Moment) -> bool:
    apart_s = abs(one.time_s - other.time_s)
    return one.case == other.case and (apart_s < SPACING_S if one.method == other.method else apart_s == 0)
