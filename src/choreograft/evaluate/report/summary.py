"""What the values of an evaluation come to: means with intervals, for every method over all cases and for every case.

Shapes: T frames.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from choreograft.evaluate.metrics.bootstrap import Interval, mean_interval
from choreograft.evaluate.scores import TRUTH, Entry, Evaluation, Region, Values

Pair = tuple[Region, str]
"""Where it was measured, and the name of the metric."""
Intervals = Mapping[Pair, Interval]

BLOCK_S: Final = 0.5
"""Frames this close in time are taken as one draw: errors last for parts of a movement, not for single frames."""


@dataclass(frozen=True)
class Summary:
    """Means of all frames that have a value, with 95 % intervals."""

    pooled: Mapping[str, Intervals]
    """By method, over the frames of all its cases together: a longer case weighs more."""
    by_case: Mapping[str, Mapping[str, Intervals]]
    """By case, then by method."""


def summarise(evaluation: Evaluation) -> Summary:
    """Take the mean of everything that was measured, and how far it can be trusted."""
    by_method = {
        method: [entry for entry in evaluation.entries if entry.method == method]
        for method in competing_first(evaluation.methods)
    }
    by_case: dict[str, dict[str, Intervals]] = {case: {} for case in evaluation.cases}
    for method, entries in by_method.items():
        for entry in entries:
            by_case[entry.case][method] = _intervals([entry])
    return Summary({method: _intervals(entries) for method, entries in by_method.items()}, by_case)


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
    pairs = dict.fromkeys(pair for entry in entries for pair in entry.scores.series)
    return {pair: _interval([entry for entry in entries if pair in entry.scores.series], pair) for pair in pairs}


def _interval(entries: Sequence[Entry], pair: Pair) -> Interval:
    # of cases at different rates the longest block: too long a block only costs precision, too short a one flatters
    block = max(block_frames(entry.time_s) for entry in entries)
    return mean_interval([entry.scores.series[pair] for entry in entries], block)
