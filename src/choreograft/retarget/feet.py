"""Feet of a carried motion: as far from the hips as the source's, on the floor, and held where they stand.

Shapes: T frames. World axes of `choreograft.body`.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, label
from scipy.spatial.transform import Rotation

from choreograft.body.body_track import BodyTrack
from choreograft.body.reach import reach_with_legs, turn_feet
from choreograft.body.rig import SIDES
from choreograft.body.shape import SOLES, load_shape_space
from choreograft.pose import skeleton

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_ON_FLOOR_M: Final = 0.03
"""Lowest soles below this are on the floor."""
SMOOTHING_S: Final = 0.04
"""Of the height above the floor, and of what contacts change."""
_EASE_S: Final = 0.25
"""How long a foot takes to get to, or leave, the place where it is held."""
_STEADY_S: Final = 0.2
"""Over which the orientation of a standing foot is averaged: slow enough for a heel that is raised on purpose."""


def spread_legs(moved: BodyTrack, source: BodyTrack, turn: Array, stature: float) -> BodyTrack:
    """Bring each ankle as far from its hip as the source's, in leg lengths: a squat of any build is equally deep."""
    hips = [load_shape_space().segment_of(f"hip.{side}") for side in SIDES]
    way = source.points[:, list(skeleton.ANKLES)] - source.segments[1][:, hips]
    return reach_with_legs(moved, moved.segments[1][:, hips] + stature * way.astype(np.float64) @ turn.T)


def put_on_floor(moved: BodyTrack, source: BodyTrack, stature: float) -> BodyTrack:
    """Raise the body so that its lowest sole is as high as the source's, in leg lengths; on the floor if it stands."""
    height = np.maximum(source.points[:, SOLES, 2].min(1).astype(np.float64), 0) * stature
    height = np.where(source.stands.any(1) | (height < _ON_FLOOR_M), 0.0, height)
    height = gaussian_filter1d(height, SMOOTHING_S / step_s(moved), mode="nearest")
    lift = height - moved.points[:, SOLES, 2].min(1)
    return raise_pelvis(moved, lift)


def hold_feet(moved: BodyTrack) -> BodyTrack:
    """Hold each standing foot at its mean place while it stands, and ease in and out of that while it swings."""
    moved = turn_feet(moved, _find_trembles(moved))
    for _ in range(2):  # a sole moves a little against its ankle, so it is aimed at twice
        ankles = moved.points[:, list(skeleton.ANKLES)].astype(np.float64)  # (T, 2, 3)
        moved = reach_with_legs(moved, ankles + _find_shifts(moved))
    return moved


def _find_trembles(moved: BodyTrack) -> Array:
    """(T, 2, 3) rad: what steadies each foot's orientation while it stands, as rotation vectors of the world."""
    sigma = _STEADY_S / step_s(moved)
    steady = np.zeros((len(moved), 2, 3))
    for foot, side in enumerate(SIDES):
        turned = moved.segments[0][:, load_shape_space().segment_of(f"ankle.{side}")].astype(np.float64)
        for at in _stretches(moved.stands[:, foot]):
            mean = gaussian_filter1d(turned[at], sigma, axis=0, mode="nearest")
            u, _, vt = np.linalg.svd(mean)
            steady[at, foot] = Rotation.from_matrix(u @ vt @ np.swapaxes(turned[at], 1, 2)).as_rotvec()
        steady[:, foot] = _ease(steady[:, foot], moved.stands[:, foot], moved.time_s)
    return steady


def _find_shifts(moved: BodyTrack) -> Array:
    """(T, 2, 3) m from where the feet are to where they stand."""
    soles = moved.points[:, SOLES].reshape(len(moved), 2, -1, 3).astype(np.float64)
    middle, lowest = soles.mean(2), soles[..., 2].min(2)
    shift = np.zeros_like(middle)
    for foot in range(2):
        for at in _stretches(moved.stands[:, foot]):
            shift[at, foot, :2] = middle[at, foot, :2].mean(0) - middle[at, foot, :2]
            shift[at, foot, 2] = -lowest[at, foot]
        shift[:, foot] = _ease(shift[:, foot], moved.stands[:, foot], moved.time_s)
    shift[..., 2] = np.maximum(shift[..., 2], -lowest)  # and none sinks while it swings
    return np.asarray(shift)


def _stretches(stands: Flags) -> Iterator[Flags]:
    """(T,) which frames are of each time that a foot stands (T,)."""
    runs, count = label(stands)
    return (runs == run for run in range(1, count + 1))


def _ease(values: Array, known: Flags, time_s: Array) -> Array:
    """Fill (T, 3) between known frames: fading from the last known value, and towards the next, within `_EASE_S`."""
    if not known.any():
        return np.zeros_like(values)
    frames = np.arange(len(values))
    last = np.maximum.accumulate(np.where(known, frames, -1))
    following = np.minimum.accumulate(np.where(known, frames, len(values))[::-1])[::-1]
    result = values.copy()
    for t in np.flatnonzero(~known):
        parts = np.zeros(3)
        for other in (last[t], following[t]):
            if 0 <= other < len(values):
                away = abs(time_s[t] - time_s[other]) / _EASE_S
                parts += values[other] * max(0.0, 1 - away) ** 2 * (1 + 2 * away)
        result[t] = parts
    return result


def raise_pelvis(body: BodyTrack, by: NDArray[np.floating]) -> BodyTrack:
    """The body raised by (T,) m."""
    pelvis = body.pelvis.copy()
    pelvis[:, 2] += by.astype(np.float32)
    return replace(body, pelvis=pelvis)


def step_s(body: BodyTrack) -> float:
    return float(np.median(np.diff(body.time_s))) if len(body) > 1 else 1 / float(body.rate)
