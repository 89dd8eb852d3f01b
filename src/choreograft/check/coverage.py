"""What of the source's dance the target never showed: poses of the parts of the body, and sides of it.

A pose is compared part by part, as the camera sees it. Where the tracks have world landmarks each bone counts as a
direction times that bone's share of the body height, so that neither person's proportions matter; otherwise the joints'
places in the target's picture do, divided by the target's height. A side is a direction from which a part was seen.

Shapes: T frames, N frames of the target, S of the source, P parts, D numbers that describe a pose.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from choreograft.check.axes import unit, world_points
from choreograft.config import CheckConfig
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

Ends = tuple[int, ...]
_NECK: Final = skeleton.SHOULDERS
_EARS: Final = (skeleton.LEFT_EAR, skeleton.RIGHT_EAR)


@dataclass(frozen=True)
class _Bone:
    """From the mean of some joints to the mean of others."""

    begin: Ends
    end: Ends
    length: float
    """Share of the body height of an average adult."""
    after: bool = False
    """Whether it begins where the part's last bone ends."""


BONES: Final[Mapping[str, tuple[_Bone, ...]]] = {
    "head": (_Bone(_NECK, _EARS, 0.15), _Bone(_EARS, (skeleton.NOSE,), 0.1)),
    "torso": (
        _Bone(skeleton.HIPS, _NECK, 0.29),
        _Bone((skeleton.RIGHT_SHOULDER,), (skeleton.LEFT_SHOULDER,), 0.2),
        _Bone((skeleton.RIGHT_HIP,), (skeleton.LEFT_HIP,), 0.12),
    ),
    "left arm": (
        _Bone((skeleton.LEFT_SHOULDER,), (skeleton.LEFT_ELBOW,), 0.17),
        _Bone((skeleton.LEFT_ELBOW,), (skeleton.LEFT_WRIST,), 0.15, after=True),
    ),
    "right arm": (
        _Bone((skeleton.RIGHT_SHOULDER,), (skeleton.RIGHT_ELBOW,), 0.17),
        _Bone((skeleton.RIGHT_ELBOW,), (skeleton.RIGHT_WRIST,), 0.15, after=True),
    ),
    "left leg": (
        _Bone((skeleton.LEFT_HIP,), (skeleton.LEFT_KNEE,), 0.24),
        _Bone((skeleton.LEFT_KNEE,), (skeleton.LEFT_ANKLE,), 0.24, after=True),
    ),
    "right leg": (
        _Bone((skeleton.RIGHT_HIP,), (skeleton.RIGHT_KNEE,), 0.24),
        _Bone((skeleton.RIGHT_KNEE,), (skeleton.RIGHT_ANKLE,), 0.24, after=True),
    ),
}
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


def compare_tracks(
    target: PoseTrack,
    retargeted: PoseTrack,
    body_px: float,
    views: tuple[Sequence[str], Floats, Floats],
    config: CheckConfig,
) -> Coverage:
    """Hold a dance against what the target's footage shows.

    Args:
        target: the target's cleaned track. retargeted: the source's, carried over to the target's picture.
        body_px: the target's upright height, px of the target's picture.
        views: names of P parts, and unit vectors from each to the camera in the part's own axes (left, up, forwards)
            in the target's (N, P, 3) and in the source's frames (S, P, 3), NaN where unknown.
    """
    time_s, present = retargeted.time_s, retargeted.present
    distance = compare_poses(target, retargeted, body_px)
    names, target_views, source_views = views
    view_deg = compare_views(target_views, source_views)
    far = {part: _lasting(values > config.pose_distance, time_s, config) for part, values in distance.items()}
    unseen: dict[str, Flags] = {}
    for p, part in enumerate(names):
        turned = _lasting(view_deg[:, p] > config.view_angle_deg, time_s, config)
        sides = np.array([name_side(view) for view in source_views[:, p]])
        for side in sorted(set(sides[turned])):
            unseen[f"{side} of the {part}"] = turned & (sides == side)
    people = max(1, int(present.sum()))
    return Coverage(
        time_s=time_s,
        distance=distance,
        view_deg={part: view_deg[:, p] for p, part in enumerate(names)},
        poses=find_stretches(far, time_s, config),
        sides=find_stretches(unseen, time_s, config),
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
    angles = np.full(source.shape[:2], np.nan)
    for p in range(source.shape[1]):
        chord = _nearest(target[:, p], source[:, p])
        angles[:, p] = np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1)))
    return angles


def name_side(view: Floats) -> str:
    """The side of a part that is seen from a direction (3,) in its own axes (left, up, forwards)."""
    names = (("left side", "right side"), ("top", "underside"), ("front", "back"))
    if not np.isfinite(view).all():
        return "unknown side"
    axis = int(np.abs(view).argmax())
    return names[axis][0 if view[axis] > 0 else 1]


def find_stretches(flags: Mapping[str, Flags], time_s: Floats, config: CheckConfig) -> tuple[Unseen, ...]:
    """Times in which any of the flags (S,) is up, and which of them are at some moment of it."""
    frames = np.flatnonzero(_any(flags, len(time_s)))
    runs = np.split(frames, np.flatnonzero(np.diff(time_s[frames]) > config.join_s) + 1) if len(frames) else []
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    return tuple(
        Unseen(
            float(time_s[run[0]]),
            float(time_s[run[-1]] + step_s),
            tuple(part for part, flag in flags.items() if flag[run].any()),
        )
        for run in runs
    )


def _lasting(flags: Flags, time_s: Floats, config: CheckConfig) -> Flags:
    """The flags (S,) without runs shorter than `unseen_s`."""
    kept = np.zeros_like(flags)
    frames = np.flatnonzero(flags)
    step_s = float(np.median(np.diff(time_s))) if len(time_s) > 1 else 0.0
    for run in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1):
        if len(run) and time_s[run[-1]] - time_s[run[0]] + step_s >= config.unseen_s:
            kept[run] = True
    return kept


def _any(flags: Mapping[str, Flags], frames: int) -> Flags:
    return np.asarray(np.logical_or.reduce([np.zeros(frames, np.bool_), *flags.values()]))


def _has_world(track: PoseTrack) -> bool:
    known = np.asarray(np.isfinite(track.world[:, [*skeleton.SHOULDERS, *skeleton.HIPS]]).all((1, 2)))
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
