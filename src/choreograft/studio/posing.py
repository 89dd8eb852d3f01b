"""From a motion and a body to the bones of every frame: legs by inverse, everything else by forward kinematics.

Feet are where the motion says, so a planted foot cannot slide; the pelvis rides as high as the legs allow.

Shapes: T frames, B bones. Rotations are of a bone from its rest orientation, in stage axes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from choreograft.body.model import Body
from choreograft.body.rotations import align, rotate, shortest_turn, square_to, turn_about, unit
from choreograft.studio.score import OUTWARD, SIDES, Motion

Array = NDArray[np.float64]

REACH = 0.992
"""How far a leg may stretch: a hair short of straight, so that the knee knows where to bend."""
CLAVICLE_LIFT_DEG = 24.0
"""How far the shoulder girdle follows an arm that points straight up."""
KNEES_OUT_DEG = 8.0
"""Knees point outwards a little, like feet."""
FIST_DEG = ((70.0, 150.0, 215.0), (5.0, 25.0, 45.0))
"""How far the three bones of a closed finger are turned in from the hand, and those of the thumb."""
UP = np.array([0.0, 0.0, 1.0])
SIDE_LETTERS = ("L", "R")
SPINE = ("spine05", "spine04", "spine03", "spine02", "spine01")
NECK = ("neck01", "neck02", "neck03", "head")


@dataclass(frozen=True)
class Poses:
    """The bones of every frame."""

    rotations: Array
    """(T, B, 3, 3)."""
    origins: Array
    """(T, B, 3) m, where each bone begins."""

    def __len__(self) -> int:
        return len(self.origins)


def pose_body(body: Body, motion: Motion) -> Poses:
    """Pose a body for every frame of a motion."""
    root = turn_about(UP, motion["turn"]) @ _lean(motion["pelvis"])
    rotations = np.repeat(root[:, None], len(body.bones), axis=1)
    _turn_spine(body, motion, root, rotations)
    for side in SIDES:
        _turn_arm(body, motion, side, rotations)
    ankles, feet = zip(*(_place_foot(body, motion, side) for side in SIDES), strict=True)
    pelvis = _place_pelvis(body, motion, root, ankles)
    for side in SIDES:
        hip = pelvis + root @ (body.head(f"upperleg01.{SIDE_LETTERS[side]}") - body.heads[0])
        _turn_leg(body, motion, side, hip, ankles[side], feet[side], rotations)
    return Poses(rotations, chain_origins(body, rotations, pelvis))


def _lean(angles_deg: Array) -> Array:
    """Rotations (T, 3, 3) from (T, 3): lean forward, lean left, twist left."""
    return np.asarray(Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix())


def assign(body: Body, rotations: Array, letter: str, **values: Array) -> None:
    """Turn all bones of a side (or both: "") whose names begin so, later names before earlier ones."""
    for index, name in enumerate(body.bones):
        for prefix, value in values.items():
            if name.startswith(prefix) and name.endswith(letter):
                rotations[:, index] = value


def _turn_spine(body: Body, motion: Motion, root: Array, rotations: Array) -> None:
    for bones, lean, below in (
        (SPINE, motion["torso"], root),
        (NECK, motion["head"], rotations[:, body.bone("spine01")]),
    ):
        for count, name in enumerate(bones, start=1):
            rotations[:, body.bone(name)] = below @ _lean(lean * (count / len(bones)))
    assign(body, rotations, "", eye=rotations[:, body.bone("head")])


def _turn_arm(body: Body, motion: Motion, side: int, rotations: Array) -> None:
    letter, out = SIDE_LETTERS[side], OUTWARD[side]
    chest = rotations[:, body.bone("spine01")]
    upper_local, bend_local, _ = np.moveaxis(Rotation.from_quat(motion["arm"][:, side]).as_matrix(), 2, 0)
    angle = np.deg2rad(motion["elbow"][:, side])[:, None]
    lower_local = np.cos(angle) * upper_local + np.sin(angle) * bend_local
    to_stage = np.array([[out, 0, 0], [0, -1, 0], [0, 0, 1.0]])  # (out, forward, up) to x, y, z of the chest
    upper, lower = (rotate(chest, local @ to_stage.T) for local in (upper_local, lower_local))

    shoulder, elbow, wrist = (body.head(f"{name}.{letter}") for name in ("upperarm01", "lowerarm01", "wrist"))
    hinge, rest_hinge = np.cross(upper, lower), np.cross(elbow - shoulder, wrist - elbow)
    upper_arm = align(elbow - shoulder, rest_hinge, upper, hinge)
    forearm = align(wrist - elbow, rest_hinge, lower, hinge)
    swing = shortest_turn(rotate(chest, unit(elbow - shoulder)), upper) @ chest
    palm = -out * motion["palm"][:, side]

    girdle = lift_girdle(chest, side, upper_local[:, 2])
    hand = turn_about(lower, palm) @ forearm
    half_swung, half_rolled = halfway(swing, upper_arm), turn_about(lower, palm / 2) @ forearm
    assign(body, rotations, letter, clavicle=girdle, shoulder=girdle, upperarm01=half_swung, upperarm02=upper_arm)
    assign(body, rotations, letter, lowerarm01=forearm, lowerarm02=half_rolled)
    assign(body, rotations, letter, wrist=hand, metacarpal=hand, finger=hand)
    _close_hand(body, letter, motion["fist"][:, side], rotations)


def lift_girdle(chest: Array, side: int, upwards: Array) -> Array:
    """(T, 3, 3) how the collarbone goes along with an arm that points `upwards` (T,) in the chest's frame, -1..1."""
    lift = CLAVICLE_LIFT_DEG * np.clip((upwards + 0.3) / 1.3, 0, 1) ** 1.5
    return chest @ turn_about(np.array([0.0, -OUTWARD[side], 0.0]), lift)


def _close_hand(body: Body, letter: str, fist: Array, rotations: Array) -> None:
    """Fold the fingers towards the palm by `fist` (T,) of the way."""
    hand = rotations[:, body.bone(f"wrist.{letter}")]
    knuckle = [body.head(f"finger{finger}-1.{letter}") for finger in (2, 5)]
    along = body.head(f"finger3-2.{letter}") - body.head(f"wrist.{letter}")
    across = unit(square_to(knuckle[1] - knuckle[0], unit(along))) * (1 if letter == "L" else -1)
    for finger in range(1, 6):
        for joint, angle in enumerate(FIST_DEG[finger == 1], start=1):
            bone = body.bone(f"finger{finger}-{joint}.{letter}")
            rotations[:, bone] = hand @ turn_about(across, angle * fist)


def _place_foot(body: Body, motion: Motion, side: int) -> tuple[Array, Array]:
    """Where a foot's ankle is (T, 3), and how the foot is turned (T, 3, 3).

    The ball of the foot is what the motion places: the heel rises about it.
    """
    letter, out = SIDE_LETTERS[side], OUTWARD[side]
    ball, ankle = body.head(f"toe3-1.{letter}"), body.head(f"foot.{letter}")
    heading = turn_about(UP, motion["foot_turn"][:, side])
    turned = heading @ turn_about(UP, motion["pivot"][:, side])
    turned = turned @ turn_about(np.array([1.0, 0.0, 0.0]), motion["toe_down"][:, side])
    turned = turned @ turn_about(np.array([0.0, -out, 0.0]), motion["sole_out"][:, side])
    lift = motion["foot_lift"][:, side] * np.array([out, -1.0, 1.0])
    lift = rotate(turn_about(UP, motion["turn"]), lift)
    flat = np.zeros((len(motion), 3))
    flat[:, :2] = motion["foot_place"][:, side] * np.array([1.0, -1.0])
    ball_now = body.leg_m * (flat + lift) + rotate(heading, ball)
    return ball_now + rotate(turned, ankle - ball), turned


def _place_pelvis(body: Body, motion: Motion, root: Array, ankles: tuple[Array, ...]) -> Array:
    """(T, 3): as high as the shorter reach of the two legs allows, less the crouch."""
    pelvis = np.zeros((len(motion), 3))
    sway = motion["sway"] * np.array([1.0, -1.0])
    sway = rotate(turn_about(UP, motion["turn"]), np.column_stack([sway, np.zeros(len(motion))]))[:, :2]
    pelvis[:, :2] = body.heads[0, :2] + body.leg_m * (motion["place"] * np.array([1.0, -1.0]) + sway)
    reach = REACH * body.leg_m
    heights = []
    for letter, ankle in zip(SIDE_LETTERS, ankles, strict=True):
        hip = pelvis + root @ (body.head(f"upperleg01.{letter}") - body.heads[0])  # (T, 3) with the pelvis at z = 0
        apart = np.linalg.norm(hip[:, :2] - ankle[:, :2], axis=1)
        heights.append(ankle[:, 2] + np.sqrt(np.maximum(reach**2 - apart**2, 0)) - hip[:, 2])
    softness = 0.01 * body.leg_m  # a hard minimum would jerk where the legs change roles
    lowest = -softness * np.logaddexp(-heights[0] / softness, -heights[1] / softness)
    pelvis[:, 2] = lowest - body.leg_m * motion["crouch"]
    return pelvis


def _turn_leg(body: Body, motion: Motion, side: int, hip: Array, ankle: Array, foot: Array, rotations: Array) -> None:
    """Two-bone inverse kinematics: the knee lies in the plane through hip and ankle that faces forward."""
    letter = SIDE_LETTERS[side]
    rest = [body.head(f"{name}.{letter}") for name in ("upperleg01", "lowerleg01", "foot")]
    thigh_m, shin_m = np.linalg.norm(rest[1] - rest[0]), np.linalg.norm(rest[2] - rest[1])
    span = ankle - hip
    distance = np.clip(np.linalg.norm(span, axis=1), abs(thigh_m - shin_m) * 1.01, (thigh_m + shin_m) * 0.9999)
    down = unit(span)
    foot_heading = motion["foot_turn"][:, side] + motion["pivot"][:, side]
    heading = (motion["turn"] + foot_heading) / 2 + OUTWARD[side] * KNEES_OUT_DEG
    forward = rotate(turn_about(UP, heading), np.array([0.0, -1.0, 0.0]))
    axis = unit(np.cross(forward, down))  # the knee's hinge
    ahead = np.cross(down, axis)
    along = (thigh_m**2 - shin_m**2 + distance**2) / (2 * distance)
    knee = hip + along[:, None] * down + np.sqrt(thigh_m**2 - along**2)[:, None] * ahead
    rest_axis = np.cross([0.0, -1.0, 0.0], rest[2] - rest[0])
    thigh = align(rest[1] - rest[0], rest_axis, knee - hip, axis)
    shin = align(rest[2] - rest[1], rest_axis, ankle - knee, axis)
    assign(body, rotations, letter, upperleg=thigh, lowerleg=shin, foot=foot, toe=foot)


def chain_origins(body: Body, rotations: Array, pelvis: Array) -> Array:
    """(T, B, 3) where each bone begins, from the rotations and the root's place."""
    origins = np.empty((*rotations.shape[:2], 3))
    origins[:, 0] = pelvis
    for bone, parent in enumerate(body.parents[1:], start=1):
        origins[:, bone] = origins[:, parent] + rotations[:, parent] @ (body.heads[bone] - body.heads[parent])
    return origins


def halfway(before: Array, after: Array, about: Array | None = None) -> Array:
    """(T, 3, 3) half of the rotation from one to the other, or half of what of it is about unit axes (T, 3)."""
    full = Rotation.from_matrix(after @ before.transpose(0, 2, 1)).as_rotvec()
    if about is not None:
        full = (full * about).sum(axis=1, keepdims=True) * about
    return np.asarray(Rotation.from_rotvec(full / 2).as_matrix() @ before)
