"""Filling short gaps along the limbs: the limb turns and stretches from what it was to what it will be.

A straight line from sighting to sighting cuts the corner of a swinging arm and shortens it. So each joint is filled
relative to the joint it hangs from: the limb's direction is interpolated (with the depth in pixels, where known), its
length by itself, both by cubics that go on as the limb moved before and after (Akima 1970).

Shapes: T frames, J = 133 joints, C coordinates, G frames of a gap, N sightings.
"""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import Akima1DInterpolator

from choreograft.config import CleaningConfig
from choreograft.pose import skeleton
from choreograft.pose.limbs import NO_PARENT, OUTWARDS, PARENT
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]
Array = NDArray[np.float64]

_FEWEST: Final = 3
_TURNED_OVER: Final = 0.25
"""Interpolated offsets this much shorter than the limb have no direction to speak of: the limb points at the lens."""


def fill_gaps(
    track: PoseTrack, seen: Flags, gaps: Flags, segment: NDArray[np.intp], config: CleaningConfig
) -> PoseTrack:
    """Put each joint of a gap where its limb leads.

    Args:
        track: joints that are carried (hands, face) relative to what carries them.
        seen: (T, J) joints to trust.
        gaps: (T, J) joints to fill, each between two sightings of its segment.
        segment: (T,) number of the uncut stretch each frame belongs to.
    Returns:
        A new track. The score of a filled joint is that of its neighbours in time, less the farther they are; for
        body and feet not below `min_score`, or it would be filled and never drawn.
    """
    place = np.concatenate([track.xy, track.depth[..., None]], axis=-1).astype(np.float64)
    world, score = track.world.astype(np.float64), track.score.copy()
    known = seen.copy()
    for joint in OUTWARDS:
        for number in np.unique(segment[gaps[:, joint]]):
            inside = segment == number
            gap, at = inside & gaps[:, joint], inside & seen[:, joint]
            parent = _usable_parent(joint, gap, at, known)
            _fill_place(place, joint, parent, gap, at, track.time_s)
            _fill_joint(world, joint, PARENT[joint] if parent == NO_PARENT else parent, gap, at, track.time_s)
            score[gap, joint] = _faded(track.score[at, joint], track.time_s[at], track.time_s[gap], config)
        known[:, joint] |= gaps[:, joint]
    body = slice(skeleton.BODY.start, skeleton.FEET.stop)
    score[:, body] = np.where(gaps[:, body], np.maximum(score[:, body], config.min_score), score[:, body])
    xy, depth = place[..., :2].astype(np.float32), place[..., 2].astype(np.float32)
    return replace(track, xy=xy, depth=depth, world=world.astype(np.float32), score=np.maximum(score, np.float32(0)))


def _usable_parent(joint: int, gap: Flags, at: Flags, known: Flags) -> int:
    """The joint's parent if it is known all through the gap and at enough sightings, in the same coordinates."""
    parent = PARENT[joint]
    carried = joint >= skeleton.FACE.start and parent < skeleton.FACE.start
    if parent == NO_PARENT or carried or not known[gap, parent].all():
        return NO_PARENT
    frames, gaps = np.flatnonzero(at), np.flatnonzero(gap)
    after = np.searchsorted(frames, gaps)
    return parent if known[frames[after - 1], parent].all() and known[frames[after], parent].all() else NO_PARENT


def _fill_place(place: Array, joint: int, parent: int, gap: Flags, at: Flags, time_s: Array) -> None:
    """Fill x, y and depth; where the depth is unknown, x and y alone."""
    with_depth = np.isfinite(place[at, joint, 2]).all() and (
        parent == NO_PARENT or np.isfinite(place[at | gap, parent, 2]).all()
    )
    if with_depth:
        _fill_joint(place, joint, parent, gap, at, time_s)
        return
    flat, depth = place[..., :2], place[..., 2:]
    _fill_joint(flat, joint, parent, gap, at, time_s)
    _fill_joint(depth, joint, NO_PARENT, gap, at, time_s)


def _fill_joint(values: Array, joint: int, parent: int, gap: Flags, at: Flags, time_s: Array) -> None:
    """Fill `values` (T, J, C) of a joint in place; they stay as they are where less than two sightings have values."""
    base = np.zeros_like(values[:, joint]) if parent == NO_PARENT else values[:, parent]
    if not np.isfinite(base[gap]).all():
        base = np.zeros_like(values[:, joint])
        parent = NO_PARENT
    offset = values[:, joint] - base
    frames = np.flatnonzero(at & np.isfinite(offset).all(-1))
    if len(frames) < 2 or time_s[frames[0]] > time_s[gap].min() or time_s[frames[-1]] < time_s[gap].max():
        return
    turned = interpolate_limb if parent != NO_PARENT else interpolate
    values[gap, joint] = base[gap] + turned(time_s[frames], offset[frames], time_s[gap])


def interpolate(known_s: Array, offsets: Array, wanted_s: Array) -> Array:
    """(G, C) Akima's cubic through `offsets` (N, C) at `wanted_s`; through less than three the straight line."""
    if len(known_s) < _FEWEST:
        return np.stack([np.interp(wanted_s, known_s, column) for column in offsets.T], axis=-1)
    return np.asarray(Akima1DInterpolator(known_s, offsets, axis=0)(wanted_s))


def interpolate_limb(known_s: Array, offsets: Array, wanted_s: Array) -> Array:
    """Where a limb points in between: direction and length interpolated apart.

    Args:
        known_s: (N,) times of the sightings, s, increasing.
        offsets: (N, C) from the limb's parent to its joint.
        wanted_s: (G,) times between the first and the last sighting.
    Returns:
        (G, C) offsets. Where a limb turns through the line of sight its picture has no direction; there the straight
        way is the right one.
    """
    way = interpolate(known_s, offsets, wanted_s)
    length = interpolate(known_s, np.linalg.norm(offsets, axis=-1, keepdims=True), wanted_s)
    straight = np.linalg.norm(way, axis=-1, keepdims=True)
    return np.where(straight > _TURNED_OVER * length, way * length / np.maximum(straight, 1e-12), way)


def _faded(score: NDArray[np.float32], known_s: Array, wanted_s: Array, config: CleaningConfig) -> Array:
    """(G,) scores between sightings, less the farther the nearest of them is in time."""
    after = np.clip(np.searchsorted(known_s, wanted_s), 1, max(1, len(known_s) - 1))
    past_s, ahead_s = wanted_s - known_s[after - 1], known_s[np.minimum(after, len(known_s) - 1)] - wanted_s
    between = np.interp(wanted_s, known_s, score)
    return np.asarray(between * (1 - np.minimum(past_s, ahead_s) / (2 * max(config.fill_gap_s, 1e-6))))
