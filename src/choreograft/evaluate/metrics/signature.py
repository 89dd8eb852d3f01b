"""Whether a motion keeps its signature: can it be told from the motion alone which source a result was made from?

A result is cut into windows of a second. Each is described by how the directions of the limbs change in it, which is
free of place, size and mostly of build, and of the pose as such: a still picture of the right dancer has no motion
signature. Its source is that of the nearest window among those of all sources, without being told the time. This turns
identification by gait around: the classifier is fixed, the motion is on trial.

Shapes: T frames, L limbs, S samples of a window, W windows, D numbers that describe one.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.metrics.regions import BODY_SEEN
from choreograft.pose import skeleton
from choreograft.pose.track import NEIGHBOUR, PoseTrack

Floats = NDArray[np.float64]

WINDOW_S: Final = 1.0
"""About two beats of a dance, or a stride."""
_STEP_S: Final = 0.25
"""From one window to the next."""
_SAMPLES: Final = 13
"""Of a window: 12 a second, so that clips of any frame rate compare."""
_STILL: Final = 0.05
"""Root mean square change of direction (radians, nearly) below which a window holds no motion to recognise."""
_MIN_SEEN: Final = 0.8
"""Share of a window's frames in which a joint must be seen; between them it is interpolated."""
_SHORTEST_PX: Final = 1.0
"""A limb that points at the camera has no direction."""
_SAME_TIME_S: Final = 1e-6
_JOINTS: Final = slice(skeleton.LEFT_SHOULDER, skeleton.RIGHT_ANKLE + 1)
_ACROSS: Final = (skeleton.SHOULDERS, skeleton.HIPS)
"""No limbs: seen from the side they have no direction either."""
_LIMBS: Final = tuple(
    pair
    for pair in skeleton.BODY_LIMBS
    if pair not in _ACROSS and all(_JOINTS.start <= joint < _JOINTS.stop for joint in pair)
)
_EXPLAINED: Final = 0.95
"""Share of the variance that the principal components keep."""
_SHRINKAGE: Final = 0.1
"""Of each component's variance towards their mean when they are whitened, so that faint ones are not blown up."""


def trace_sources(sources: Sequence[PoseTrack], results: Sequence[tuple[int, PoseTrack]]) -> tuple[float, float]:
    """How well the results can be traced to the sources they were made from.

    Args:
        sources: the tracks whose motion was asked for, different motions all.
        results: for each result the index of its source, and the track found in it.
    Returns:
        The share of the results' windows whose nearest window is of the right source, and what guessing would get.
        A result without a window in motion counts as wrong in as many windows as its source has. NaN twice if there
        are fewer than two sources with windows.
    """
    known = [describe_windows(track) for track in sources]
    if sum(len(windows) > 0 for windows in known) < 2:
        return float("nan"), float("nan")
    label = np.repeat(np.arange(len(known)), [len(windows) for windows in known])
    place = _whiten(np.concatenate(known))
    gallery = place(np.concatenate(known))
    right = total = 0
    for source, track in results:
        windows = describe_windows(track)
        total += len(windows) or len(known[source])
        if len(windows):
            right += int((label[_nearest(place(windows), gallery)] == source).sum())
    return (right / total if total else float("nan")), 1 / len(known)


def describe_windows(track: PoseTrack) -> Floats:
    """(W, D) the windows of a track in which arms, legs and trunk are seen throughout, and something moves."""
    starts = np.arange(track.time_s[0], track.time_s[-1] - WINDOW_S + _SAME_TIME_S, _STEP_S)
    seen = track.seen(BODY_SEEN)[:, _JOINTS]
    described = [_describe(track, seen, start) for start in starts]
    kept = [window for window in described if window is not None]
    return np.stack(kept) if kept else np.zeros((0, (2 * _SAMPLES - 1) * len(_LIMBS) * 2))


def _describe(track: PoseTrack, seen: NDArray[np.bool_], start_s: float) -> Floats | None:
    """(D,) the limbs' directions less their mean over a window, and their change from sample to sample."""
    end_s = start_s + WINDOW_S
    inside = (track.time_s >= start_s - _SAME_TIME_S) & (track.time_s <= end_s + _SAME_TIME_S)
    times = np.concatenate([[start_s], track.time_s[inside], [end_s]])
    whole = np.diff(times).max() <= NEIGHBOUR / float(track.rate) and len(np.unique(track.shot[inside])) == 1
    if not whole or seen[inside].mean(axis=0).min() < _MIN_SEEN:
        return None
    at = np.linspace(start_s, end_s, _SAMPLES)
    xy = np.full((_SAMPLES, skeleton.JOINTS, 2), np.nan)
    for joint, known in zip(range(*_JOINTS.indices(skeleton.JOINTS)), seen[inside].T, strict=True):
        for axis in (0, 1):
            xy[:, joint, axis] = np.interp(at, track.time_s[inside][known], track.xy[inside, joint, axis][known])
    along = np.stack([xy[:, b] - xy[:, a] for a, b in _LIMBS], axis=1)  # (S, L, 2)
    direction = along / np.maximum(np.linalg.norm(along, axis=-1, keepdims=True), _SHORTEST_PX)
    change = direction - direction.mean(axis=0)
    if np.sqrt((change**2).sum(axis=-1).mean()) < _STILL:
        return None
    return np.concatenate([change.ravel(), np.diff(direction, axis=0).ravel()])


def _nearest(windows: Floats, gallery: Floats) -> NDArray[np.intp]:
    """(W,) the index of the nearest of the gallery's windows to each."""
    square = (gallery**2).sum(axis=1) - 2 * windows @ gallery.T  # less what is the same for all of a row
    return np.asarray(square.argmin(axis=1))


def _whiten(windows: Floats) -> Callable[[Floats], Floats]:
    """(W, D) to (W, K) principal components of the sources' windows, scaled to about equal variance."""
    mean = windows.mean(axis=0)
    _, strength, axes = np.linalg.svd(windows - mean, full_matrices=False)
    variance = strength**2
    kept = int(np.searchsorted(np.cumsum(variance) / variance.sum(), _EXPLAINED)) + 1
    variance = variance[:kept]
    axes = axes[:kept] / np.sqrt((1 - _SHRINKAGE) * variance + _SHRINKAGE * variance.mean())[:, None]
    return lambda others: np.asarray((others - mean) @ axes.T)
