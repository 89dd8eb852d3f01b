"""Which way round a body must be: cues that tell left from right without looking at motion.

Knees, feet and nose point forwards, the head is up; so the left side is known from any of the body's directions
(Shapes: T frames, J = 133 joints). And whoever's face is seen shows their left side to the right of the picture.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]

_CLEAR: Final = 0.3
"""Sine of the angle, or share of the torso, below which a direction is no cue."""
_FEWEST: Final = 12
"""Frames that must give a cue."""
_MAJORITY: Final = 0.8
"""Share of them that must agree: dancers look back over their shoulders for moments."""


def contradicts_anatomy(track: PoseTrack, seen: Flags) -> bool:
    """Whether most of the frames that tell show left and right the wrong way round.

    Both cues are asked, the body's own directions in 3D and the face in the picture; one that speaks must say so, and
    the other must not object.
    """
    votes = [_vote(_chirality(track, seen)), _vote(_facing(track, seen))]
    return min(votes) < 0 and max(votes) <= 0


def weigh_anatomy(track: PoseTrack, seen: Flags) -> NDArray[np.float64]:
    """(T,) whether each frame's sides are the right way round, -1..1: the mean of both cues, 0 where neither tells.

    Looking back over a shoulder the face says no and the rest of the body yes, and nothing is said.
    """
    cues = np.stack([_chirality(track, seen), _facing(track, seen)])
    return np.asarray(np.where(np.abs(np.nan_to_num(cues)) > _CLEAR, np.sign(cues), 0).mean(0))


def weigh_head(track: PoseTrack, seen: Flags) -> NDArray[np.float64]:
    """(T,) whether ears and shoulders have the same sides, -1..1: heads turn by less than a right angle."""
    told = np.zeros(len(track))
    for values in (track.xy, track.world):
        points = np.where(seen[..., None], values, np.nan).astype(np.float64)
        ears = _unit(points[:, skeleton.LEFT_EAR] - points[:, skeleton.RIGHT_EAR])
        shoulders = _unit(points[:, skeleton.LEFT_SHOULDER] - points[:, skeleton.RIGHT_SHOULDER])
        together = np.nan_to_num((ears * shoulders).sum(-1))
        told += np.where(np.abs(together) > _CLEAR, np.sign(together), 0) / 2
    return told


def _vote(cue: NDArray[np.float64]) -> int:
    """+1 right, -1 wrong, 0 undecided; `cue` (T,) is positive where right and NaN where it says nothing."""
    clear = np.abs(np.nan_to_num(cue)) > _CLEAR
    if clear.sum() < _FEWEST:
        return 0
    right = float((cue[clear] > 0).mean())
    return 1 if right >= _MAJORITY else -1 if right <= 1 - _MAJORITY else 0


def _chirality(track: PoseTrack, seen: Flags) -> NDArray[np.float64]:
    """(T,) volume spanned by the directions to the left, up and forwards, -1..1."""
    points = np.where(seen[..., None], track.world, np.nan).astype(np.float64)

    def middle(*joints: int) -> NDArray[np.float64]:
        return np.asarray(points[:, list(joints)].mean(1))

    left = middle(skeleton.LEFT_SHOULDER, skeleton.LEFT_HIP) - middle(skeleton.RIGHT_SHOULDER, skeleton.RIGHT_HIP)
    up = middle(*skeleton.SHOULDERS) - middle(*skeleton.HIPS)
    toes = middle(skeleton.LEFT_BIG_TOE, skeleton.RIGHT_BIG_TOE) - middle(skeleton.LEFT_HEEL, skeleton.RIGHT_HEEL)
    nose = points[:, skeleton.NOSE] - middle(skeleton.LEFT_EAR, skeleton.RIGHT_EAR)
    side = np.cross(_unit(left), _unit(up))
    return np.asarray(np.nan_to_num((side * _unit(toes)).sum(-1)) + np.nan_to_num((side * _unit(nose)).sum(-1))) / 2


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9))


def _facing(track: PoseTrack, seen: Flags) -> NDArray[np.float64]:
    """(T,) how far to the right the left shoulder is, in torsos, where an upright person shows a face."""
    xy = np.where(seen[..., None], track.xy, np.nan).astype(np.float64)
    left, right = xy[:, skeleton.LEFT_SHOULDER], xy[:, skeleton.RIGHT_SHOULDER]
    torso = xy[:, list(skeleton.HIPS)].mean(1) - (left + right) / 2
    length = np.linalg.norm(torso, axis=-1)
    tells = seen[:, skeleton.FACE].any(1) & (torso[:, 1] > 0.7 * length)
    return np.asarray(np.where(tells, (left - right)[:, 0] / np.maximum(length, 1e-9), np.nan))
