"""Which way head, torso and pelvis are turned, and which kinds of movement a clip shows: a fixed, plain list.

Angles come from the world landmarks, so that the camera's height and the person's size do not matter; NaN where these
are unknown. Shapes: T frames, J joints, P = 3 parts, M kinds. Directions are unit vectors with axes as in the image: x
right, y down, z away.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

PARTS: Final = ("head", "torso", "pelvis")
_SMOOTHED: Final = 5
"""Frames under the running mean that takes the estimator's noise out of directions."""
_UP: Final = np.array([0.0, -1.0, 0.0])
MOVE_S: Final = 0.3
"""A kind of movement counts as shown from this long on, s."""
MOVES: Final = {
    "arms_overhead": "arms raised over the head",
    "arms_sideways": "arms stretched out sideways",
    "arms_forward": "arms stretched out forwards",
    "arms_crossed": "arms crossed before the body",
    "elbows_bent": "bent elbows",
    "hands_at_head": "hands at the head",
    "knee_raised": "a raised knee",
    "squat": "squats",
    "legs_apart": "legs apart",
    "bend_forward": "bending forward",
    "bend_sideways": "bending sideways",
    "turn_left": "turned to the picture's left",
    "turn_right": "turned to the picture's right",
    "turn_back": "with the back to the camera",
    "head_turned": "the head turned aside",
    "walk_sideways": "steps to the side",
    "walk_in_depth": "steps to and from the camera",
}
"""The kinds, by names for programs, in words that stand after 'film her with ...' and 'shows ...'."""


def unit(vectors: Floats) -> Floats:
    """Vectors (..., D) made one long; NaN where they have no length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-6, vectors / np.where(length > 1e-6, length, 1), np.nan)


def world_points(track: PoseTrack) -> Floats:
    """(T, J, 3) m, NaN where a joint or the person is unseen."""
    known = track.present[:, None] & (track.score > 0)
    return np.where(known[..., None], track.world, np.nan).astype(np.float64)


def part_axes(world: Floats) -> Floats:
    """Axes of each part: (T, P, 3, 3), rows its own left, up and forwards.

    Args:
        world: (T, J, 3) m.
    """
    nose = world[:, skeleton.NOSE] - _middle(world, skeleton.EARS)
    spine = _middle(world, skeleton.SHOULDERS) - _middle(world, skeleton.HIPS)
    axes = []
    for ends in (skeleton.EARS, skeleton.SHOULDERS, skeleton.HIPS):
        left = unit(world[:, ends[0]] - world[:, ends[1]])
        if ends == skeleton.EARS:  # a nodding head takes its nose along, not its neck
            forward = unit(nose - (nose * left).sum(-1, keepdims=True) * left)
        else:
            forward = unit(np.cross(left, spine))
        axes.append(np.stack([left, np.cross(forward, left), forward], axis=1))
    return np.stack(axes, axis=1)


def coarse_views(track: PoseTrack) -> Floats:
    """From each part to the camera, in the part's own axes (left, up, forwards): (T, P, 3) unit vectors.

    The camera is taken to be far away, so that the direction to it is the same for all parts. Each is the mean of those
    known about its frame.
    """
    to_camera = -part_axes(world_points(track))[..., 2]  # the picture's z runs away from the camera
    known = np.isfinite(to_camera).all(-1, keepdims=True)
    kernel = np.ones(min(_SMOOTHED, len(track)))
    total, count = (
        np.apply_along_axis(np.convolve, 0, each, kernel, mode="same")
        for each in (np.where(known, to_camera, 0), known.astype(float))
    )
    return unit(np.where(known, total / np.maximum(count, 1), np.nan))


def find_moves(track: PoseTrack) -> Flags:
    """(T, M) which kinds of movement each frame shows.

    Args:
        track: cleaned; kinds whose joints are unknown are not shown.
    """
    world = world_points(track)
    with np.errstate(invalid="ignore"):  # what is unknown is no movement
        found = _arm_moves(world) | _leg_moves(world) | _trunk_moves(world) | _walks(track)
        return np.stack([found[name] for name in MOVES], axis=1)


def seconds_shown(moves: Flags, time_s: Floats) -> Floats:
    """(M,) how long each kind is shown, s."""
    steps = np.diff(time_s, append=time_s[-1:] + (np.median(np.diff(time_s)) if len(time_s) > 1 else 0))
    return np.asarray(moves.T @ steps)


def name_moves(flags: Sequence[bool] | Flags) -> list[str]:
    """The words of the kinds (M,) that are true."""
    return [words for words, shown in zip(MOVES.values(), flags, strict=True) if shown]


def _arm_moves(world: Floats) -> dict[str, Flags]:
    torso = part_axes(world)[:, PARTS.index("torso")]
    left, forward = torso[:, 0], torso[:, 2]
    chest, ears = _middle(world, skeleton.SHOULDERS), _middle(world, skeleton.EARS)[:, None]
    spine_m = np.linalg.norm(chest - _middle(world, skeleton.HIPS), axis=-1)[:, None]
    shoulders, elbows, wrists = (world[:, joints] for joints in zip(*skeleton.ARMS, strict=True))  # (T, 2, 3)
    length = np.linalg.norm(elbows - shoulders, axis=-1) + np.linalg.norm(wrists - elbows, axis=-1)
    reach = (wrists - shoulders) / length[..., None]
    crossed = _dot(wrists[:, 0] - wrists[:, 1], left) / spine_m[:, 0] < -0.05
    before = _dot((wrists[:, 0] + wrists[:, 1]) / 2 - chest, forward) > 0
    return {
        "arms_overhead": (_dot(wrists - ears, _UP) / spine_m > 0.25).any(1),
        "arms_sideways": (_dot(reach, np.stack([left, -left], axis=1)) > 0.75).all(1),
        "arms_forward": (_dot(reach, forward[:, None]) > 0.75).any(1),
        "arms_crossed": crossed & before,
        "elbows_bent": (_angle_deg(shoulders, elbows, wrists) < 90).any(1),
        "hands_at_head": (np.linalg.norm(wrists - ears, axis=-1) / spine_m < 0.55).any(1),
    }


def _leg_moves(world: Floats) -> dict[str, Flags]:
    hips, knees, ankles = (world[:, joints] for joints in (skeleton.HIPS, skeleton.KNEES, skeleton.ANKLES))
    thighs = _dot(unit(knees - hips), -_UP)  # 1 = hanging down
    lines = unit(ankles - hips)
    return {
        "knee_raised": ((thighs < 0.6) & (thighs[:, ::-1] > 0.8)).any(1),
        "squat": ((thighs < 0.75) & (_angle_deg(hips, knees, ankles) < 125)).all(1),
        "legs_apart": _dot(lines[:, 0], lines[:, 1]) < np.cos(np.radians(32)),
    }


def _trunk_moves(world: Floats) -> dict[str, Flags]:
    head, torso, pelvis = part_axes(world).swapaxes(0, 1)
    facing, up = torso[:, 2], torso[:, 1]
    turn_deg = np.degrees(np.arctan2(facing[:, 0], -facing[:, 2]))  # 0 = to the camera, 90 = to the picture's right
    lean_deg = np.degrees(np.arcsin(np.clip(up[:, 1], -1, 1))) + 90  # 0 = upright
    level = unit(pelvis[:, 0] * (1, 0, 1))
    forward_deg = np.degrees(np.arctan2(_dot(up, np.cross(level, _UP)), _dot(up, _UP)))
    sideways_deg = np.degrees(np.arcsin(np.clip(_dot(up, level), -1, 1)))
    return {
        "bend_forward": (forward_deg > 35) & (lean_deg > 35),
        "bend_sideways": np.abs(sideways_deg) > 15,
        "turn_left": (turn_deg < -50) & (turn_deg > -130),
        "turn_right": (turn_deg > 50) & (turn_deg < 130),
        "turn_back": np.abs(turn_deg) > 130,
        "head_turned": np.abs(_dot(head[:, 2], torso[:, 0])) > np.sin(np.radians(30)),
    }


def _walks(track: PoseTrack) -> dict[str, Flags]:
    """Places and sizes well off the usual ones; px per metre tells the distance from the camera."""
    world, xy = (points[:, list(skeleton.TRUNK)] for points in (world_points(track), track.xy.astype(np.float64)))
    metres = np.linalg.norm((world - world.mean(1, keepdims=True))[..., :2], axis=-1).sum(1)
    pixels = np.linalg.norm(xy - xy.mean(1, keepdims=True), axis=-1).sum(1)
    scale = pixels / np.where(metres > 0.05, metres, np.nan)  # px per m
    if not np.isfinite(scale).any():
        return dict.fromkeys(("walk_sideways", "walk_in_depth"), np.zeros(len(track), np.bool_))
    nearness = np.log(scale / np.nanmedian(scale))
    hips_px = xy[:, -len(skeleton.HIPS) :, 0].mean(1)
    aside_m = (hips_px - np.nanmedian(hips_px)) / np.nanmedian(scale)
    return {"walk_sideways": np.abs(aside_m) > 0.35, "walk_in_depth": np.abs(nearness) > np.log(1.15)}


def _middle(points: Floats, joints: tuple[int, ...]) -> Floats:
    """Mean (T, D) of some joints of (T, J, D); NaN unless all are known."""
    return np.asarray(points[:, list(joints)].mean(1))


def _angle_deg(first: Floats, centre: Floats, last: Floats) -> Floats:
    """(T, 2) the angle at the middle joints (T, 2, 3) of two limbs, 180 = straight."""
    cosine = _dot(unit(first - centre), unit(last - centre))
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray((a * b).sum(-1))
