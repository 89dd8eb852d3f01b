"""Confidence-aware smoothing of joints over time: a running median and a Gaussian.

Chan et al. 2019; section 1 of docs/method.md. Both take a window around each frame that is cut off where the joint's
run ends, and then on both sides alike: a lopsided window would hold back a moving joint.

Shapes: T frames, J joints, C coordinates, K frames under the window.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_CHUNK = 512
"""Frames sorted at once: bounds the memory that a median of a long clip takes."""
_TIE = 1e-5
"""Share of the total weight within which the halves of a window count as equally heavy."""


@dataclass(frozen=True)
class Window:
    """Which samples may be averaged with which, and how much each counts."""

    time_s: NDArray[np.float64]
    """(T,)"""
    run: NDArray[np.intp]
    """(T, J) samples of a joint are only mixed within one run."""
    weight: NDArray[np.float32]
    """(T, J) >= 0; 0 for unseen joints."""

    def reach(self, offset: int) -> NDArray[np.bool_]:
        """(T, J) whether the frames `offset` before and `offset` after both belong to the joint's run."""
        T = len(self.run)
        before, after = self.run[_shifted(T, -offset)], self.run[_shifted(T, offset)]
        inside = np.zeros((T, 1), np.bool_)
        inside[abs(offset) : T - abs(offset)] = True
        return np.asarray(inside & (before == self.run) & (after == self.run))

    def select(self, joints: NDArray[np.bool_]) -> "Window":
        """The window of some joints (J,)."""
        return Window(self.time_s, self.run[:, joints], self.weight[:, joints])


def smooth_median(values: NDArray[np.float32], window: Window, frames: int) -> NDArray[np.float32]:
    """Running weighted median of each coordinate over `frames` (odd) frames.

    The weighted median has at most half of the weight on either side; where two values share that property it is
    their mean. Samples without weight, and joints never seen, keep their value.

    Args:
        values: (T, J, C), NaN where unknown.
    Returns:
        (T, J, C) float32.
    """
    result = values.copy()
    if frames < 3:
        return result
    joints = np.asarray(np.isfinite(values).any((0, 2)))
    window = window.select(joints)
    values = values[:, joints]
    T, half = len(values), frames // 2
    offsets = range(-half, half + 1)
    weights = [np.where(window.reach(k), window.weight[_shifted(T, k)], 0) for k in offsets]
    for start in range(0, T, _CHUNK):
        part = slice(start, start + _CHUNK)
        samples = np.stack([values[_shifted(T, k)[part]] for k in offsets], axis=-1)  # (t, J, C, K)
        weight = np.stack([w[part] for w in weights], axis=-1)[:, :, None]  # (t, J, 1, K)
        median = _weighted_median(samples, weight)
        usable = (window.weight[part] > 0)[..., None] & np.isfinite(values[part])
        result[part, joints] = np.where(usable, median, values[part])
    return result


def _weighted_median(samples: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Weighted median over the last axis; samples that are NaN do not count."""
    weight = np.where(np.isfinite(samples), weight, 0)
    order = np.argsort(samples, axis=-1)  # NaN go last
    ordered = np.take_along_axis(samples, order, axis=-1)
    total = np.cumsum(np.take_along_axis(weight, order, axis=-1), axis=-1)
    half = total[..., -1:] / 2
    tie = _TIE * total[..., -1:]
    lower = np.argmax(total >= half - tie, axis=-1)[..., None]
    upper = np.argmax(total > half + tie, axis=-1)[..., None]
    pair = np.take_along_axis(ordered, lower, axis=-1) + np.take_along_axis(ordered, upper, axis=-1)
    return np.asarray(pair[..., 0] / 2, dtype=np.float32)


def smooth_gaussian(values: NDArray[np.float32], window: Window, sigma_s: float, step_s: float) -> NDArray[np.float32]:
    """Mean of each coordinate, weighted by confidence times a Gaussian of the distance in time.

    Args:
        values: (T, J, C), NaN where unknown; keeps its value where it has no weight.
        step_s: the usual distance between frames; sets how many frames three standard deviations reach.
    Returns:
        (T, J, C) float32.
    """
    T = len(values)
    total = np.zeros(values.shape, np.float64)
    weights = np.zeros(values.shape, np.float64)
    for k in range(-(half := max(1, round(3 * sigma_s / step_s))), half + 1):
        at = _shifted(T, k)
        closeness = np.exp(-0.5 * ((window.time_s[at] - window.time_s) / sigma_s) ** 2)
        weight = (np.where(window.reach(k), window.weight[at], 0) * closeness[:, None])[..., None]
        known = np.isfinite(values[at])
        total += np.where(known, values[at] * weight, 0)
        weights += np.where(known, weight, 0)
    usable = np.isfinite(values) & (window.weight > 0)[..., None]
    mean = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
    return np.asarray(np.where(usable, mean, values), dtype=np.float32)


def _shifted(T: int, offset: int) -> NDArray[np.intp]:
    """Index of the frame `offset` after each, held at the ends."""
    return np.clip(np.arange(T) + offset, 0, max(T - 1, 0))
