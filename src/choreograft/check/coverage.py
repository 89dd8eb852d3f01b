"""What of the source's dance the target never showed: poses of the parts of the body, and sides of it.

A pose is compared part by part, as the camera sees it. Where the tracks have world landmarks each bone counts as a
direction times that bone's share of the body height, so that neither person's proportions matter; otherwise the joints'
places in the target's picture do, divided by the target's height. A side is a direction from which a part was seen.

Shapes: T frames, N frames of the target, S of the source, P parts, D numbers that describe a pose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, label
from scipy.spatial import cKDTree

from choreograft.check.moves import PARTS, coarse_views, unit, world_points
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]


class _Bone(NamedTuple):
    """From the mean of some joints to the mean of others."""

    begin: tuple[int, ...]
    end: tuple[int, ...]
    length: float
    """Share of the body height of an average adult."""
    after: bool = False
    """Whether it begins where the part's last bone ends."""


def _limb(joints: Sequence[int], upper: float, lower: float) -> tuple[_Bone, ...]:
    first, centre, last = ((joint,) for joint in joints[:3])
    return _Bone(first, centre, upper), _Bone(centre, last, lower, after=True)


BONES: Final[Mapping[str, tuple[_Bone, ...]]] = {
    "head": (_Bone(skeleton.SHOULDERS, skeleton.EARS, 0.15), _Bone(skeleton.EARS, (skeleton.NOSE,), 0.1)),
    "torso": (
        _Bone(skeleton.HIPS, skeleton.SHOULDERS, 0.29),
        _Bone((skeleton.RIGHT_SHOULDER,), (skeleton.LEFT_SHOULDER,), 0.2),
        _Bone((skeleton.RIGHT_HIP,), (skeleton.LEFT_HIP,), 0.12),
    ),
    "left arm": _limb(skeleton.ARMS[0], 0.17, 0.15),
    "right arm": _limb(skeleton.ARMS[1], 0.17, 0.15),
    "left leg": _limb(skeleton.LEGS[0], 0.24, 0.24),
    "right leg": _limb(skeleton.LEGS[1], 0.24, 0.24),
}
POSE_DISTANCE: Final = 9.0
"""A part of the body farther than this from the target's nearest pose, % of body height, was never shown so."""
VIEW_ANGLE_DEG: Final = 45.0
"""A part turned farther than this from how the target ever showed it shows a side that was never seen."""
_UNSEEN_S: Final = 0.2
"""Shorter times without a model are not worth mentioning, s."""
_JOIN_S: Final = 0.4
"""Times closer together than this are told as one, s."""
_DEPTH_WEIGHT: Final = 0.5
"""Of the direction away from the camera: estimated worse, and seen less."""
_WORLD_SHARE: Final = 0.5
"""Share of the present frames that must have world landmarks for these to be used."""


@dataclass(frozen=True)
class Unseen:
    """A stretch of the source for which the target's footage has no model."""

    begin_s: float
    end_s: float
    parts: tuple[str, ...]
    """Of the body: those in a pose never shown, or the sides never seen, such as 'back of the head'."""


@dataclass(frozen=True)
class Coverage:
    """The source's frames held against everything that the target showed."""

    time_s: Floats
    """(S,) of the source."""
    distance: Mapping[str, Floats]
    """By part (S,): to the target's nearest pose, % of body height; NaN where the source's is unknown."""
    view_deg: Mapping[str, Floats]
    """By part (S,): to the nearest side from which the target was seen, degrees; NaN where unknown."""
    poses: tuple[Unseen, ...]
    """Stretches with poses that were never shown."""
    sides: tuple[Unseen, ...]
    """Stretches that show sides that were never seen."""
    pose_share: float
    """Of the source's frames with the person: with a pose never shown."""
    side_share: float


def compare_tracks(target: PoseTrack, source: PoseTrack, carried: PoseTrack, body_px: float) -> Coverage:
    """Hold a dance against what the target's footage shows.

    Args:
        target, source: both cleaned tracks. carried: the source's, carried over to the target's picture.
        body_px: the target's upright height, px of the target's picture.
    """
    time_s = carried.time_s
    distance = compare_poses(target, carried, body_px)
    far = {part: _lasting(values > POSE_DISTANCE, time_s) for part, values in distance.items()}
    source_views = coarse_views(source)
    view_deg = dict(zip(PARTS, compare_views(coarse_views(target), source_views).T, strict=True))
    unseen: dict[str, Flags] = {}
    for p, part in enumerate(PARTS):
        turned = _lasting(view_deg[part] > VIEW_ANGLE_DEG, time_s)
        sides = np.array([name_side(view) for view in source_views[:, p]])
        unseen |= {f"{side} of the {part}": turned & (sides == side) for side in sorted(set(sides[turned]))}
    people = max(1, int(carried.present.sum()))
    return Coverage(
        time_s=time_s,
        distance=distance,
        view_deg=view_deg,
        poses=_find_stretches(far, time_s),
        sides=_find_stretches(unseen, time_s),
        pose_share=float(_any(far, len(time_s)).sum() / people),
        side_share=float(_any(unseen, len(time_s)).sum() / people),
    )


def compare_poses(target: PoseTrack, retargeted: PoseTrack, body_px: float) -> dict[str, Floats]:
    """For each part (S,): distance to the target's nearest pose, % of body height.

    NaN where the source's part is unknown, infinite where the target never showed the part at all.
    """
    in_space = _has_world(target) and _has_world(retargeted)
    distances = {}
    for part, bones in BONES.items():
        shown, asked = (_describe(track, bones, body_px, in_space) for track in (target, retargeted))
        distances[part] = 100 * _nearest(shown, asked) / np.sqrt(len(bones))
    return distances


def compare_views(target: Floats, source: Floats) -> Floats:
    """(S, P) angle, degrees, to the nearest direction from which the target was seen; NaN where unknown in the source.

    Args:
        target, source: (N, P, 3) and (S, P, 3) unit vectors from each part to the camera in the part's own axes.
    """
    chords = [_nearest(target[:, p], source[:, p]) for p in range(source.shape[1])]
    return np.asarray(np.degrees(2 * np.arcsin(np.clip(np.stack(chords, axis=1) / 2, 0, 1))))


def name_side(view: Floats) -> str:
    """The side of a part that is seen from a direction (3,) in its own axes (left, up, forwards)."""
    names = (("left side", "right side"), ("top", "underside"), ("front", "back"))
    if not np.isfinite(view).all():
        return "unknown side"
    axis = int(np.abs(view).argmax())
    return names[axis][0 if view[axis] > 0 else 1]


def _find_stretches(flags: Mapping[str, Flags], time_s: Floats) -> tuple[Unseen, ...]:
    """Times in which any of the flags (S,) is up, and which of them are at some moment of it."""
    frames = np.flatnonzero(_any(flags, len(time_s)))
    runs = np.split(frames, np.flatnonzero(np.diff(time_s[frames]) > _JOIN_S) + 1) if len(frames) else []
    return tuple(
        Unseen(
            float(time_s[run[0]]),
            float(time_s[run[-1]] + _usual_step(time_s)),
            tuple(part for part, flag in flags.items() if flag[run].any()),
        )
        for run in runs
    )


def _lasting(flags: Flags, time_s: Floats) -> Flags:
    """The flags (S,) without runs shorter than `_UNSEEN_S`."""
    kept = np.zeros_like(flags)
    for run in find_runs(flags):
        kept[run] = time_s[run][-1] - time_s[run][0] + _usual_step(time_s) >= _UNSEEN_S
    return kept


def find_runs(flags: Flags) -> list[slice]:
    """The frames of each run of flags (T,) that are up."""
    return [run for (run,) in find_objects(label(flags)[0])]


def _usual_step(time_s: Floats) -> float:
    return float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0


def _any(flags: Mapping[str, Flags], frames: int) -> Flags:
    return np.asarray(np.logical_or.reduce([np.zeros(frames, np.bool_), *flags.values()]))


def _has_world(track: PoseTrack) -> bool:
    known = np.asarray(np.isfinite(track.world[:, list(skeleton.TRUNK)]).all((1, 2)))
    return bool(known[track.present].mean() >= _WORLD_SHARE) if track.present.any() else False


def _describe(track: PoseTrack, bones: Sequence[_Bone], body_px: float, in_space: bool) -> Floats:
    """(T, D) where the bones of a part end, seen from where they begin, in body heights; NaN where unknown."""
    known = track.present[:, None] & (track.score > 0)
    points = world_points(track) if in_space else np.where(known[..., None], track.xy / body_px, np.nan)
    ends: list[Floats] = []
    for bone in bones:
        offset = points[:, list(bone.end)].mean(1) - points[:, list(bone.begin)].mean(1)
        if in_space:
            offset = unit(offset) * bone.length * (1, 1, _DEPTH_WEIGHT)
        ends.append(offset + ends[-1] if bone.after else offset)
    return np.concatenate(ends, axis=1)


def _nearest(shown: Floats, asked: Floats) -> Floats:
    """(S,) Euclidean distance of each of (S, D) to the nearest of (N, D); NaN unknown, infinite if none was shown."""
    distances = np.full(len(asked), np.nan)
    known, models = np.asarray(np.isfinite(asked).all(1)), shown[np.asarray(np.isfinite(shown).all(1))]
    if len(models):
        distances[known] = cKDTree(models).query(asked[known])[0]
    else:
        distances[known] = np.inf
    return distances
