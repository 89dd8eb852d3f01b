"""Which kinds of movement a clip shows: a fixed, plain list, measured from the joints.

Angles come from the world landmarks, so that the camera's height and the person's size do not matter. Shapes: T frames,
J joints, M kinds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.check.axes import PARTS, middle, part_axes, unit, world_points
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

_ARMS: Final = (
    (skeleton.LEFT_SHOULDER, skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST),
    (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST),
)
_LEGS: Final = (
    (skeleton.LEFT_HIP, skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE),
    (skeleton.RIGHT_HIP, skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE),
)
_UP: Final = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class Move:
    """A kind of movement."""

    name: str
    """Stable, for programs."""
    words: str
    """As it stands after 'film her with ...' and 'shows ...'."""


MOVES: Final = (
    Move("arms_overhead", "arms raised over the head"),
    Move("arms_sideways", "arms stretched out sideways"),
    Move("arms_forward", "arms stretched out forwards"),
    Move("arms_crossed", "arms crossed before the body"),
    Move("elbows_bent", "bent elbows"),
    Move("hands_at_head", "hands at the head"),
    Move("knee_raised", "a raised knee"),
    Move("squat", "squats"),
    Move("legs_apart", "legs apart"),
    Move("bend_forward", "bending forward"),
    Move("bend_sideways", "bending sideways"),
    Move("turn_left", "turned to the picture's left"),
    Move("turn_right", "turned to the picture's right"),
    Move("turn_back", "with the back to the camera"),
    Move("head_turned", "the head turned aside"),
    Move("walk_sideways", "steps to the side"),
    Move("walk_in_depth", "steps to and from the camera"),
)


def find_moves(track: PoseTrack) -> Flags:
    """(T, M) which kinds of movement each frame shows.

    Args:
        track: cleaned; kinds whose joints are unknown are not shown.
    """
    world = world_points(track)
    with np.errstate(invalid="ignore"):  # what is unknown is no movement
        found = _arm_moves(world) | _leg_moves(world) | _trunk_moves(world) | _walks(track)
        return np.stack([np.asarray(found[move.name]) for move in MOVES], axis=1)


def seconds_shown(moves: Flags, time_s: Floats) -> Floats:
    """(M,) how long each kind is shown, s."""
    steps = np.diff(time_s, append=time_s[-1:] + (np.median(np.diff(time_s)) if len(time_s) > 1 else 0))
    return np.asarray(moves.T @ steps)


def name_moves(flags: Sequence[bool] | Flags) -> list[str]:
    """The words of the kinds (M,) that are true."""
    return [move.words for move, shown in zip(MOVES, flags, strict=True) if shown]


def _arm_moves(world: Floats) -> dict[str, Flags]:
    torso = part_axes(world)[:, PARTS.index("torso")]
    left, forward = torso[:, 0], torso[:, 2]
    ears = middle(world, (skeleton.LEFT_EAR, skeleton.RIGHT_EAR))
    spine_m = np.linalg.norm(middle(world, skeleton.SHOULDERS) - middle(world, skeleton.HIPS), axis=-1)
    wrists = [world[:, arm[2]] for arm in _ARMS]
    reach = [
        (wrist - world[:, arm[0]]) / _arm_length(world, arm)[:, None] for wrist, arm in zip(wrists, _ARMS, strict=True)
    ]
    aside = [_dot(reach[0], left) > 0.75, _dot(reach[1], -left) > 0.75]
    crossed = _dot(wrists[0] - wrists[1], left) / spine_m < -0.05
    before = _dot((wrists[0] + wrists[1]) / 2 - middle(world, skeleton.SHOULDERS), forward) > 0
    return {
        "arms_overhead": _any([_dot(wrist - ears, _UP) / spine_m > 0.25 for wrist in wrists]),
        "arms_sideways": aside[0] & aside[1],
        "arms_forward": _any([_dot(part, forward) > 0.75 for part in reach]),
        "arms_crossed": crossed & before,
        "elbows_bent": _any([_angle_deg(world, arm) < 90 for arm in _ARMS]),
        "hands_at_head": _any([np.linalg.norm(wrist - ears, axis=-1) / spine_m < 0.55 for wrist in wrists]),
    }


def _leg_moves(world: Floats) -> dict[str, Flags]:
    thighs = [_dot(unit(world[:, leg[1]] - world[:, leg[0]]), -_UP) for leg in _LEGS]  # 1 = hanging down
    knees_deg = [_angle_deg(world, leg) for leg in _LEGS]
    lines = [unit(world[:, leg[2]] - world[:, leg[0]]) for leg in _LEGS]
    raised = [thigh < 0.6 for thigh in thighs]
    low = [(thigh < 0.75) & (knee < 125) for thigh, knee in zip(thighs, knees_deg, strict=True)]
    return {
        "knee_raised": (raised[0] & (thighs[1] > 0.8)) | (raised[1] & (thighs[0] > 0.8)),
        "squat": low[0] & low[1],
        "legs_apart": _dot(lines[0], lines[1]) < np.cos(np.radians(32)),
    }


def _trunk_moves(world: Floats) -> dict[str, Flags]:
    axes = part_axes(world)
    head, torso, pelvis = (axes[:, p] for p in range(len(PARTS)))
    facing = torso[:, 2]
    turn_deg = np.degrees(np.arctan2(facing[:, 0], -facing[:, 2]))  # 0 = to the camera, 90 = to the picture's right
    lean_deg = np.degrees(np.arcsin(np.clip(torso[:, 1, 1], -1, 1))) + 90  # 0 = upright
    level = unit(pelvis[:, 0] * (1, 0, 1))
    ahead = np.cross(level, _UP)
    forward_deg = np.degrees(np.arctan2(_dot(torso[:, 1], ahead), _dot(torso[:, 1], _UP)))
    sideways_deg = np.degrees(np.arcsin(np.clip(_dot(torso[:, 1], level), -1, 1)))
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
    world, xy = world_points(track), track.xy.astype(np.float64)
    trunk = [*skeleton.SHOULDERS, *skeleton.HIPS]
    hips = middle(xy, skeleton.HIPS)
    metres = np.linalg.norm((world[:, trunk] - world[:, trunk].mean(1, keepdims=True))[..., :2], axis=-1).sum(1)
    pixels = np.linalg.norm(xy[:, trunk] - xy[:, trunk].mean(1, keepdims=True), axis=-1).sum(1)
    scale = pixels / np.where(metres > 0.05, metres, np.nan)  # px per m
    if not np.isfinite(scale).any():
        nothing = np.zeros(len(track), np.bool_)
        return {"walk_sideways": nothing, "walk_in_depth": nothing}
    nearness = np.log(scale / np.nanmedian(scale))
    aside_m = (hips[:, 0] - np.nanmedian(hips[:, 0])) / np.nanmedian(scale)
    return {"walk_sideways": np.abs(aside_m) > 0.35, "walk_in_depth": np.abs(nearness) > np.log(1.15)}


def _arm_length(world: Floats, arm: tuple[int, int, int]) -> Floats:
    shoulder, elbow, wrist = (world[:, joint] for joint in arm)
    return np.asarray(np.linalg.norm(elbow - shoulder, axis=-1) + np.linalg.norm(wrist - elbow, axis=-1))


def _angle_deg(world: Floats, limb: tuple[int, int, int]) -> Floats:
    """(T,) the angle at the middle joint, 180 = straight."""
    first, centre, last = (world[:, joint] for joint in limb)
    cosine = _dot(unit(first - centre), unit(last - centre))
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray((a * b).sum(-1))


def _any(flags: Sequence[Flags]) -> Flags:
    return np.asarray(np.logical_or.reduce(list(flags)))
