"""How sure a mean over frames is: neighbouring frames resemble each other, so they are drawn in blocks.

Moving block bootstrap (Kuensch 1989, "The Jackknife and the Bootstrap for General Stationary Observations"), with
blocks that run on at the start when they reach the end, so that every frame is drawn equally often (Politis & Romano
1992, "A circular block-resampling procedure for stationary data").

Shapes: T frames of a series, R repeats, K blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.scores import Values

MIN_BLOCKS: Final = 4
"""A series is made up of at least so many blocks: one that ran all the way round would give the same mean each time."""


@dataclass(frozen=True)
class Interval:
    """A mean and the range in which it probably lies; all NaN where no frame has a value."""

    mean: float
    low: float
    high: float
    frames: int
    """That had a value."""


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
