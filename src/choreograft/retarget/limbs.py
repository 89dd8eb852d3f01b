"""Limbs of a carried motion: inverse kinematics, and feet on the floor that are held where they stand.

To bring ankles or wrists to given places, all else as it was, a limb is bent until it is as long as the way from its
root to the goal, then swung there by the shortest turn; foot or hand keep their orientation in the world, and the limb
keeps the plane it is bent in.

Shapes: T frames, J joints, S segments. World axes of `choreograft.body`.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, label
from scipy.spatial.transform import Rotation

from choreograft.body.body_track import BodyTrack
from choreograft.body.rig import SIDES, joint_index
from choreograft.body.rotations import as_turns, rotate, shortest_turn, transpose, unit
from choreograft.body.shape import SOLES, load_shape_space
from choreograft.pose import skeleton

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_REACH: Final = 0.995
"""How far a limb may stretch, as a share of its length."""
_ROUNDS: Final = 4
"""After which ankles and wrists are within a tenth of a millimetre of goals in reach."""
LEG_JOINTS: Final = [joint_index(f"{name}.{side}") for name in ("hip", "knee", "ankle", "toes") for side in SIDES]
_ON_FLOOR_M: Final = 0.03
"""Lowest soles below this are on the floor."""
SMOOTHING_S: Final = 0.04
"""Of the height above the floor, and of what contacts change."""
_EASE_S: Final = 0.25
"""How long a foot takes to get to, or leave, the place where it is held."""
_STEADY_S: Final = 0.2
"""Over which the orientation of a standing foot is averaged: slow enough for a heel that is raised on purpose."""


def reach_with_legs(body: BodyTrack, ankles: Array) -> BodyTrack:
    """The same body with its ankles at (T, 2, 3) m, as far as the legs reach; feet keep their orientation."""
    return _reach(body, ankles, skeleton.ANKLES, ("hip", "knee", "ankle"))


def reach_with_arms(body: BodyTrack, wrists: Array) -> BodyTrack:
    """The same body with its wrists at (T, 2, 3) m, as far as the arms reach; hands keep their orientation."""
    return _reach(body, wrists, skeleton.WRISTS, ("shoulder", "elbow", "wrist"))


def usual_legs(body: BodyTrack, shown: NDArray[np.bool_]) -> Array:
    """(8, 3) rad: how hips, knees, ankles and toes are turned as a rule, the same on both sides.

    Args:
        shown: (T,) the frames that count, of which those with both feet on the floor do where there are any.
    """
    standing = shown & body.stands.all(axis=1)
    legs = np.median(body.turns[standing if standing.any() else shown][:, LEG_JOINTS], axis=0)
    return np.repeat(legs.reshape(-1, len(SIDES), 3).mean(axis=1), len(SIDES), axis=0).astype(np.float64)


def stand_still(body: BodyTrack, legs: Array, headings: Array, frames: float) -> BodyTrack:
    """The same body standing on one place of the floor, below its hips.

    Args:
        legs: (8, 3) of `usual_legs`, as which it stands. headings: (T,) rad, where it faces, about the vertical.
        frames: over which (Gaussian) the feet follow the hips.
    """
    around = gaussian_filter1d(np.exp(1j * headings), frames, mode="nearest")
    upright = Rotation.from_rotvec(np.angle(around)[:, None] * [0.0, 0.0, 1.0]).as_matrix()
    places = gaussian_filter1d(body.pelvis.astype(np.float64), frames, axis=0, mode="nearest")
    places[:, 2] = 0
    turns = body.turns.copy()
    turns[:, LEG_JOINTS] = legs
    still = replace(body, root=upright.astype(np.float32), pelvis=places.astype(np.float32), turns=turns)
    ankles = still.points[:, list(skeleton.ANKLES)].astype(np.float64)
    ankles[..., 2] -= still.points[:, SOLES, 2].min(1, keepdims=True)
    reached = reach_with_legs(replace(body, turns=turns), ankles)
    feet = [load_shape_space().segment_of(f"ankle.{side}") for side in SIDES]
    tilts = still.segments[0][:, feet] @ np.swapaxes(reached.segments[0][:, feet], -1, -2)
    return turn_feet(reached, Rotation.from_matrix(tilts.reshape(-1, 3, 3)).as_rotvec().reshape(-1, 2, 3))


def turn_feet(body: BodyTrack, by: Array) -> BodyTrack:
    """The same body with its feet turned by rotation vectors (T, 2, 3) rad, world axes, about the ankles."""
    space = load_shape_space()
    rig, axes = space.rig, space.axes.numpy().astype(np.float64)
    rotations = body.segments[0].astype(np.float64)
    turns = body.turns.copy()
    for side, letter in enumerate(SIDES):
        joint = joint_index(f"ankle.{letter}")
        segment = space.segment_of(f"ankle.{letter}")
        turned = Rotation.from_rotvec(by[:, side]).as_matrix() @ rotations[:, segment]
        moves = by[:, side].any(1)
        local = as_turns(transpose(rotations[:, rig.parents[segment]]) @ turned, axes[joint])
        turns[moves, joint] = local[moves].astype(np.float32)
    return replace(body, turns=turns)


def _reach(body: BodyTrack, goals: Array, ends: tuple[int, int], joints: tuple[str, str, str]) -> BodyTrack:
    """Bend both limbs; ankles and wrists lie on skin that foot and hand carry too, so aim again by what was missed."""
    moved, aims = body, goals
    for _ in range(_ROUNDS):
        moved = _bend(body, aims, ends, joints)
        aims = aims + goals - moved.points[:, ends]
    return moved


def _bend(body: BodyTrack, goals: Array, ends: tuple[int, int], joints: tuple[str, str, str]) -> BodyTrack:
    space = load_shape_space()
    rig, axes = space.rig, space.axes.numpy().astype(np.float64)
    rotations, origins = (part.astype(np.float64) for part in body.segments)
    points = body.points.astype(np.float64)
    turns = body.turns.copy()
    for side, letter in enumerate(SIDES):
        names = [joint_index(f"{name}.{letter}") for name in joints]
        upper, lower, last = (rig.joints.index(name) for name in names)
        end = points[:, ends[side]]
        moves = np.linalg.norm(goals[:, side] - end, axis=1) > 1e-6
        if not moves.any():
            continue
        root, middle = origins[:, upper], origins[:, lower]
        bend, swing = _solve(root, middle, end, goals[:, side], rotations[:, lower], axes[names[1]][:, 0])
        above = rotations[:, rig.parents[upper]]
        new_upper = swing @ rotations[:, upper]
        new_lower = swing @ bend @ rotations[:, lower]
        above_last = swing @ bend @ rotations[:, rig.parents[last]]  # the forearm's twist lies between elbow and wrist
        for joint, parent, child in (
            (names[0], above, new_upper),
            (names[1], new_upper, new_lower),
            (names[2], above_last, rotations[:, last]),
        ):
            turns[moves, joint] = as_turns(transpose(parent) @ child, axes[joint])[moves].astype(np.float32)
    return replace(body, turns=turns)


def _solve(root: Array, middle: Array, end: Array, goal: Array, lower: Array, hinge: Array) -> tuple[Array, Array]:
    """The bend about the hinge of the middle joint and the swing about the root, (T, 3, 3) each, both in the world."""
    first, second = np.linalg.norm(middle - root, axis=1), np.linalg.norm(end - middle, axis=1)
    wanted = np.linalg.norm(goal - root, axis=1)
    wanted = np.clip(wanted, np.abs(first - second) * 1.01 + 1e-6, (first + second) * _REACH)
    now = np.linalg.norm(end - root, axis=1)

    def inner(length: Array) -> Array:
        cosine = (first**2 + second**2 - length**2) / (2 * first * second)
        return np.asarray(np.arccos(np.clip(cosine, -1, 1)))

    normal = np.cross(middle - root, end - middle)
    straight = np.linalg.norm(normal, axis=1, keepdims=True) < 1e-3 * (first * second)[:, None]
    axis = unit(np.where(straight, rotate(lower, hinge), normal))  # a straight limb bends about its hinge
    bend = Rotation.from_rotvec((inner(now) - inner(wanted))[:, None] * axis).as_matrix()
    bent = middle + rotate(bend, end - middle)
    swing = shortest_turn(unit(bent - root), unit(goal - root))
    return bend, swing


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
    """The usual time between two frames; of a single one what its rate says."""
    return float(np.median(np.diff(body.time_s))) if len(body) > 1 else 1 / float(body.rate)
