"""Zero-lag smoothing that learns from the track how the body moves and how noisy it was seen.

A Kalman smoother (forwards and backwards at once) for all joints together. Model: each joint's acceleration between
frames is random, with covariance Q over the joints; each sighting adds white noise of known size (`noise_level`).
Rotated to the eigenvectors of Q the joints part into independent motions, each solved in closed form: large motions
stay as they are, what no limb does is noise. Q is learned by evidence maximisation (MacKay 1992), drawn towards
independent limbs on a tree (pose/skeleton.py). Sightings of low score count less.

The noise is read from the track itself: over a fifth of a second a joint's path is close to a cubic, and fourth
differences over time leave next to nothing of it. They leave white noise multiplied by sqrt(70), so their median
magnitude measures it, whatever outliers there are.

Shapes: T frames, J joints, C coordinates, K = J * C channels, W frames of one window.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from choreograft.pose.skeleton import offset_matrix
from choreograft.pose.track import Flags, Floats, Values, bridge_gaps

_NOISE_FPS: Final = 30.0
"""Noise is estimated between frames this far apart, or as near to it as the rate allows."""
_ORDINARY_FPS: Final = 20.0
"""Below this rate less is taken for noise."""
_ORDER: Final = 4
_GAIN: Final = 70.0**0.5
"""Standard deviation of the fourth difference (1, -4, 6, -4, 1) of unit white noise."""
_MEDIAN_TO_DEVIATION: Final = 1 / 0.6745
_FEWEST: Final = 12
"""Differences below which a joint's own estimate says nothing, and that of its group stands for it."""
_WINDOW: Final = 128
"""Frames whose motion is described by one covariance; neighbouring windows overlap by half and are blended."""
_ROUNDS: Final = 12
_TREE_FRAMES: Final = 200.0
"""How many frames' worth of evidence the tree of independent limbs counts against the window's own covariance."""
_RESOLVED: Final = 0.02
"""Smallest share of a motion that counts as resolved: bounds MacKay's step."""
_DOUBT: Final = 8.0
"""A sighting so many standard deviations off what was smoothed counts half in giving a motion back."""
_RAREST: Final = 0.2
"""Share of the frames in which a joint is taken to have been seen at least."""
_SETTLED: Final = 0.1
"""Change, in standard deviations of the noise, below which another round is not worth its time."""
_RESTORE_SPAN: Final = 1
"""Frames on either side over which what smoothing took away must agree to be motion."""
_RESTORE_FROM: Final = 8.0
"""Squared size, in its own variance under noise, from which it is given back."""
_SILENT: Final = 1e-4
"""Noise below this share of a joint's range is none."""


def noise_level(values: Values, seen: Flags, fps: float) -> Floats:
    """Standard deviation (J,) of the noise in each joint's coordinates (T, J, C), in their own unit.

    At high rates every n-th frame is compared, for neighbouring frames share errors. At rates too low to tell motion
    from noise, less and less is taken for noise. A joint seen too rarely gets the median of the others, 0 if there
    are none.
    """
    stride = max(1, round(fps / _NOISE_FPS))
    usable = seen & np.isfinite(values).all(-1)
    difference, whole = values.astype(np.float64), usable
    for _ in range(_ORDER):
        difference = difference[stride:] - difference[:-stride]
        whole = whole[stride:] & whole[:-stride]
    size = np.where(whole[..., None], np.abs(difference), np.nan)
    enough = whole.sum(0) >= _FEWEST
    level = np.zeros(values.shape[1])
    if enough.any():
        level[enough] = np.nanmedian(size[:, enough], axis=(0, 2)) * _MEDIAN_TO_DEVIATION / _GAIN
        level[~enough] = np.median(level[enough])
    return level * min(1.0, fps / _ORDINARY_FPS) ** 2


@dataclass(frozen=True)
class _Basis:
    """Modes of the second difference over one window's times."""

    modes: Floats
    """(W, W)"""
    roughness: Floats
    """(W,) squared acceleration of each mode."""
    acceleration: Floats
    """(W - 2, W)"""

    @staticmethod
    @lru_cache(maxsize=1)
    def of_times(steps: tuple[float, ...]) -> "_Basis":
        """`steps` (W - 1,) between frames, in units of the usual one."""
        W = len(steps) + 1
        operator = np.zeros((W - 2, W))
        before, after = np.array(steps[:-1]), np.array(steps[1:])
        rows, mean = np.arange(W - 2), (before + after) / 2
        weight = np.sqrt(mean) / mean
        operator[rows, rows] = weight / before
        operator[rows, rows + 2] = weight / after
        operator[rows, rows + 1] = -weight * (1 / before + 1 / after)
        roughness, modes = np.linalg.eigh(operator.T @ operator)
        return _Basis(modes, np.maximum(roughness, 0), operator)


def smooth_joints(
    values: Values, weight: Values, time_s: Floats, noise: Floats, joints: Sequence[int] | None = None
) -> Values:
    """Smooth one uncut stretch of a track.

    Args:
        values: (T, J, C), NaN where unknown.
        weight: (T, J) 0..1 how much each sighting counts; 0 for those that do not, which stay as they are.
        time_s: (T,)
        noise: (J,) standard deviation of a sighting's noise, in the unit of `values`.
        joints: skeleton indices of the J joints, for limbs that move together; None smooths every joint by itself.
    Returns:
        (T, J, C) float32.
    """
    T = len(values)
    usable = (weight > 0) & np.isfinite(values).all(-1)
    span = np.ptp(np.where(usable[..., None], values, np.nanmean(values) if usable.any() else 0), axis=0).max(-1)
    chosen = np.flatnonzero((usable.sum(0) >= 4) & (noise > _SILENT * np.maximum(span, 1e-9)))
    result = values.copy()
    if T < 5 or not len(chosen):
        return result
    y = values[:, chosen].astype(np.float64) / noise[chosen, None]
    counts = np.where(usable, weight, 0)[:, chosen].astype(np.float64)
    offsets = None if joints is None else offset_matrix([joints[int(c)] for c in chosen]) * noise[chosen]
    model = _Model.of_limbs(offsets, values.shape[-1])
    total, blend = np.zeros_like(y), np.zeros(T)
    for start, stop in _windows(T):
        steps = np.diff(time_s[start:stop])
        steps = np.maximum(np.round(steps / np.median(np.diff(time_s)), 3), 1e-3)
        share = _ramp(start, stop, T)
        basis = _Basis.of_times(tuple(steps.tolist()))
        total[start:stop] += share[:, None, None] * _smooth_window(y[start:stop], counts[start:stop], basis, model)
        blend[start:stop] += share
    x = _restore_hits(total / blend[:, None, None], y, counts)
    result[:, chosen] = np.where(usable[:, chosen, None], x * noise[chosen, None], result[:, chosen])
    return result


def _windows(T: int) -> list[tuple[int, int]]:
    half = _WINDOW // 2
    starts = range(0, max(1, T - _WINDOW + half), half)
    return [(start, T if start == starts[-1] else start + _WINDOW) for start in starts]


def _ramp(start: int, stop: int, T: int) -> Floats:
    """(W,) how much a window counts at each of its frames: fades where another one overlaps."""
    frame, half = np.arange(start, stop), _WINDOW // 2
    rise = np.ones(stop - start) if start == 0 else (frame - start + 0.5) / half
    fall = np.ones(stop - start) if stop == T else (start + _WINDOW - frame - 0.5) / half
    return np.asarray(np.clip(np.minimum(rise, fall), 0, 1))


def _smooth_window(y: Floats, counts: Floats, basis: _Basis, model: "_Model") -> Floats:
    """One window (W, J, C) in units of the noise."""
    x = bridge_gaps(y, counts > 0)
    observed = np.where(np.isfinite(y), y, 0)
    model = model.started(basis.acceleration @ x.reshape(len(x), -1), counts)
    for _ in range(_ROUNDS):
        filled = x + counts[..., None] * (observed - x)
        power, motions = model.motions()
        gain = 1 / (1 + basis.roughness[:, None] / power)
        rotated = filled.reshape(len(x), -1) @ motions if motions is not None else filled.reshape(len(x), -1)
        moved = basis.modes @ (gain * (basis.modes.T @ rotated))
        last, x = x, (moved @ motions.T if motions is not None else moved).reshape(y.shape)
        if np.abs(x - last).max() < _SETTLED:
            break
        doubt = (basis.roughness[:, None] * gain).sum(0) / len(basis.acceleration)
        resolved = np.sqrt(np.clip(1 - doubt / power, _RESOLVED, 1))
        model = model.learned((basis.acceleration @ moved) / resolved, motions)
    return x


@dataclass(frozen=True)
class _Model:
    """How the joints of one window accelerate: the covariance (K, K) of limbs that move together, or variances (K,)."""

    coordinates: int
    tree: Floats | None
    """(K, K) places to limbs, in the values' own unit; None for joints that move each by itself."""
    inverse: Floats | None
    covariance: Floats
    rarity: Floats
    """(K,) makes up for frames in which a joint was not seen, and so seems not to accelerate."""

    @staticmethod
    def of_limbs(offsets: Floats | None, coordinates: int) -> "_Model":
        """`offsets` (J, J) turns places in units of the noise into limbs."""
        tree = None if offsets is None else np.asarray(np.kron(offsets, np.eye(coordinates)), dtype=np.float64)
        inverse = None if tree is None else np.asarray(np.linalg.inv(tree), dtype=np.float64)
        return _Model(coordinates, tree, inverse, np.zeros(0), np.zeros(0))

    def started(self, acceleration: Floats, counts: Floats) -> "_Model":
        """A first guess from what the noisy sightings show, (W - 2, K)."""
        limbs = np.square(acceleration if self.tree is None else acceleration @ self.tree.T).mean(0)
        noise = 6.0 if self.tree is None else 6 * np.square(self.tree).sum(1)
        rarity = 1 / np.sqrt(np.maximum((counts > 0).mean(0), _RAREST))
        guess = self._independent(np.maximum(limbs - noise, 0.1 * noise))
        return replace(self, covariance=guess, rarity=np.repeat(rarity, self.coordinates))

    def motions(self) -> tuple[Floats, Floats | None]:
        """Variance (K,) and direction (K, K) of independent motions; None for the coordinates themselves."""
        power, motions = (self.covariance, None) if self.tree is None else np.linalg.eigh(self.covariance)
        return np.maximum(power, 1e-6), motions

    def learned(self, acceleration: Floats, motions: Floats | None) -> "_Model":
        """The covariance of accelerations (W - 2, K) along the motions, drawn towards independent limbs."""
        F = len(acceleration)
        joints = (acceleration if motions is None else acceleration @ motions.T) * self.rarity
        if self.tree is None:
            own = limbs = np.square(joints).mean(0)
        else:
            own = joints.T @ joints / F
            limbs = ((self.tree @ own) * self.tree).sum(1)
        prior = self._independent(limbs)
        return replace(self, covariance=(F * own + _TREE_FRAMES * prior) / (F + _TREE_FRAMES))

    def _independent(self, limbs: Floats) -> Floats:
        """Covariance of the joints whose limbs, of variances (K,), move independently, alike in all directions."""
        even = np.repeat(limbs.reshape(-1, self.coordinates).mean(1), self.coordinates)
        return even if self.inverse is None else np.asarray((self.inverse * even) @ self.inverse.T)


def _restore_hits(x: Floats, y: Floats, counts: Floats) -> Floats:
    """Give back what smoothing took from a sudden motion: where neighbouring residuals agree beyond chance."""
    residual = np.where(counts[..., None] > 0, np.where(np.isfinite(y), y, 0) - x, 0)
    weight = counts / (1 + np.square(residual).sum(-1) / (y.shape[-1] * _DOUBT**2))
    total, amount, square = np.zeros_like(x), np.zeros_like(counts), np.zeros_like(counts)
    for k in range(-_RESTORE_SPAN, _RESTORE_SPAN + 1):
        near = 1 / (1 + abs(k))
        at = np.clip(np.arange(len(x)) + k, 0, len(x) - 1)
        total += near * (weight[..., None] * residual)[at]
        amount += near * weight[at]
        square += near**2 * weight[at]
    mean = total / np.maximum(amount, 1e-9)[..., None]
    variance = square / np.maximum(amount, 1e-9) ** 2
    excess = np.square(mean).sum(-1) / np.maximum(variance, 1e-9) * (2 / y.shape[-1])
    return np.asarray(x + mean * np.clip(1 - _RESTORE_FROM / np.maximum(excess, 1e-9), 0, 1)[..., None])
