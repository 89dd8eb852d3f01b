"""From a track's world landmarks to the bones of a body: any filmed or synthetic motion, danced by any build.

Directions come from the landmarks, lengths from the body. Pelvis and chest are turned as hips, shoulders and the trunk
between them are; limbs point where theirs point, hinged at knee and elbow; the lower foot stands on the floor.

Shapes: T frames, N frames of the track, B bones, J = 133 joints. Stage axes (see the package).
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from choreograft.body.model import FINGER_BONES, Body
from choreograft.body.rotations import align, rotate, shortest_turn, unit
from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack, fill_joints
from choreograft.studio.posing import NECK, SIDE_LETTERS, SPINE, Poses, assign, chain_origins, halfway, lift_girdle
from choreograft.studio.score import SIDES

Array = NDArray[np.float64]

SMOOTHING_S = 0.02
"""Standard deviation of the Gaussian over landmarks: takes off an estimator's tremble, leaves a fast hand its way."""
HINGE_SMOOTHING_S = 0.12
"""Of knees' and elbows' axes, which a nearly straight limb does not show."""
GROUND_SMOOTHING_S = 0.06
"""Of the pelvis's height above the lower foot."""
STRAIGHT = 0.15
"""Sine of the angle below which a limb's resting hinge counts for more than the seen one."""
OFTEN = 0.5
"""Share of the frames in which hands and feet must be known: across longer gaps they would point anywhere."""
FINGER_POINTS = {finger: 1 + 4 * count for count, finger in enumerate(FINGER_BONES.values())}
"""The first of each finger's four points, counted from the hand's root."""


@dataclass(frozen=True)
class _Likeness:
    """Who imitates what: landmarks now, and those of the body at rest."""

    body: Body
    seen: Array
    """(T, J, 3) m."""
    rest: Array
    """(J, 3) m."""
    rate: float

    def way(self, start: int, end: int) -> tuple[Array, Array]:
        """From one joint to another: at rest (3,), and now (T, 3)."""
        return self.rest[end] - self.rest[start], self.seen[:, end] - self.seen[:, start]

    def knows(self, *joints: int) -> bool:
        """Whether the track has these joints at all."""
        return bool(np.isfinite(self.seen[:, list(joints)]).all())


def imitate(track: PoseTrack, body: Body, seconds: float | None = None, rate: Fraction | None = None) -> Poses:
    """Pose a body like the person of a track.

    Args:
        track: `world` is what counts; frames or joints that are missing are held and interpolated, and parts that are
            missing throughout (hands, feet) go along with the limb they hang on. From `xy` only the sideways way of
            the hips is taken: walking nearer or farther, and jumping, are not.
        body: whose bones are to move.
        seconds, rate: of the result, from the track's beginning, its last pose held; the track's own where None.
    Raises:
        PersonError: the track shows nobody, or never a whole body.
    """
    rate = rate or track.rate
    frames = len(track) if seconds is None else round(seconds * rate)
    time_s = np.arange(frames) / float(rate)
    seen = _read_landmarks(track, time_s, float(rate))
    still = np.tile(np.eye(3), (len(body.bones), 1, 1))
    likeness = _Likeness(body, seen, body.joints(body.vertices, still, body.heads), float(rate))
    rotations = _turn_trunk(likeness)
    for side in SIDES:
        _turn_arm(likeness, side, rotations)
        _turn_leg(likeness, side, rotations)
    origins = chain_origins(body, rotations, np.zeros((frames, 3)))
    pelvis = np.column_stack(
        [_sideways(track, time_s, body, float(rate)), np.zeros(frames), _stand(likeness, rotations, origins)]
    )
    return Poses(rotations, origins + pelvis[:, None])


def _read_landmarks(track: PoseTrack, time_s: Array, rate: float) -> Array:
    """(T, J, 3) m in stage axes, without gaps, smoothed; joints never seen are NaN."""
    world = np.where(track.present[:, None, None], track.world, np.nan).astype(np.float64)
    stage = np.stack([world[..., 0], world[..., 2], -world[..., 1]], axis=-1)
    body, rest = stage[:, skeleton.BODY], stage[:, skeleton.BODY.stop :]
    filled = [fill_joints(body, track.time_s, time_s), fill_joints(rest, track.time_s, time_s, OFTEN)]
    joints = np.concatenate(filled, axis=1)
    needed = [joint for limb in (*skeleton.ARMS, *skeleton.LEGS) for joint in limb[:3]]
    if not np.isfinite(joints[:, needed]).all():
        raise PersonError("the track shows no whole body to imitate: expected world landmarks of arms and legs")
    return _smooth(joints, SMOOTHING_S * rate)


def _turn_trunk(likeness: _Likeness) -> Array:
    """(T, B, 3, 3): pelvis and chest by their own axis and the trunk's direction, the spine bent evenly in between."""
    hips, shoulders = list(skeleton.HIPS), list(skeleton.SHOULDERS)
    upright = likeness.seen[:, shoulders].mean(axis=1) - likeness.seen[:, hips].mean(axis=1)
    rest_upright = likeness.rest[shoulders].mean(axis=0) - likeness.rest[hips].mean(axis=0)
    (rest_hips, across_hips), (rest_chest, across_chest) = likeness.way(*hips[::-1]), likeness.way(*shoulders[::-1])
    pelvis = align(rest_upright, rest_hips, upright, across_hips)
    chest = align(rest_upright, rest_chest, upright, across_chest)
    rotations = np.repeat(pelvis[:, None], len(likeness.body.bones), axis=1)
    _bend(likeness.body, SPINE, pelvis, chest, rotations)
    head = _turn_head(likeness, chest)
    _bend(likeness.body, NECK, chest, head, rotations)
    assign(likeness.body, rotations, "", eye=head)
    return rotations


def _bend(body: Body, bones: tuple[str, ...], start: Array, end: Array, rotations: Array) -> None:
    whole = Rotation.from_matrix(start.transpose(0, 2, 1) @ end).as_rotvec()
    for count, name in enumerate(bones, start=1):
        share = Rotation.from_rotvec(whole * (count / len(bones))).as_matrix()
        rotations[:, body.bone(name)] = start @ share


def _turn_head(likeness: _Likeness, chest: Array) -> Array:
    """From ear to ear, and from between the ears to the nose; upright on the chest where they are unknown."""
    ears, nose = skeleton.EARS, skeleton.NOSE
    if not likeness.knows(*ears, nose):
        return chest
    rest_face = likeness.rest[nose] - likeness.rest[list(ears)].mean(axis=0)
    face = likeness.seen[:, nose] - likeness.seen[:, list(ears)].mean(axis=1)
    rest_across, across = likeness.way(ears[1], ears[0])
    return align(rest_across, rest_face, across, face)


def _turn_arm(likeness: _Likeness, side: int, rotations: Array) -> None:
    body, letter = likeness.body, SIDE_LETTERS[side]
    shoulder, elbow, wrist = skeleton.ARMS[side]
    chest = rotations[:, body.bone("spine01")]
    (rest_upper, upper), (rest_lower, lower) = likeness.way(shoulder, elbow), likeness.way(elbow, wrist)
    rest_hinge = unit(np.cross(rest_upper, rest_lower))
    swing = shortest_turn(rotate(chest, unit(rest_upper)), unit(upper)) @ chest
    hinge = _hinge(likeness, upper, lower, rotate(swing, rest_hinge))
    upper_arm = align(rest_upper, rest_hinge, upper, hinge)
    forearm = align(rest_lower, rest_hinge, lower, hinge)
    hand = _turn_hand(likeness, side, forearm)
    girdle = lift_girdle(chest, side, (unit(upper) * chest[:, :, 2]).sum(axis=1))
    assign(body, rotations, letter, clavicle=girdle, shoulder=girdle, upperarm=upper_arm)
    turned = halfway(forearm, hand, about=unit(lower))  # the wrist's skin does not wring
    assign(body, rotations, letter, lowerarm01=forearm, lowerarm02=turned)
    assign(body, rotations, letter, wrist=hand, metacarpal=hand, finger=hand)
    _turn_fingers(likeness, side, hand, rotations)


def _turn_hand(likeness: _Likeness, side: int, forearm: Array) -> Array:
    """By the knuckles where the hand was seen, else straight on from the forearm."""
    root = skeleton.HANDS[side][0].start
    index, middle, pinky = root + 5, root + 9, root + 17
    if not likeness.knows(root, index, middle, pinky):
        return forearm
    (rest_along, along), (rest_across, across) = likeness.way(root, middle), likeness.way(index, pinky)
    return align(rest_along, rest_across, along, across)


def _turn_fingers(likeness: _Likeness, side: int, hand: Array, rotations: Array) -> None:
    root = skeleton.HANDS[side][0].start
    for finger, first in FINGER_POINTS.items():
        points = range(root + first, root + first + 4)
        if not likeness.knows(root, *points):
            continue
        turn = hand
        for joint in range(3):
            rest, now = likeness.way(points[joint], points[joint + 1])
            turn = shortest_turn(rotate(turn, unit(rest)), unit(now)) @ turn
            rotations[:, likeness.body.bone(f"finger{finger}-{joint + 1}.{SIDE_LETTERS[side]}")] = turn


def _turn_leg(likeness: _Likeness, side: int, rotations: Array) -> None:
    body, letter = likeness.body, SIDE_LETTERS[side]
    hip, knee, ankle, heel, toe = skeleton.LEGS[side]
    (rest_thigh, thigh_way), (rest_shin, shin_way) = likeness.way(hip, knee), likeness.way(knee, ankle)
    right = np.array([1.0, 0.0, 0.0])  # a standing person's knees fold about the axis from right to left
    pelvis = rotations[:, 0]
    swing = shortest_turn(rotate(pelvis, unit(rest_thigh)), unit(thigh_way)) @ pelvis
    hinge = _hinge(likeness, thigh_way, shin_way, rotate(swing, right))
    thigh, shin = align(rest_thigh, right, thigh_way, hinge), align(rest_shin, right, shin_way, hinge)
    foot = shin
    if likeness.knows(heel, toe):
        rest_sole, sole = likeness.way(heel, toe)
        foot = align(rest_sole, right, sole, hinge)
    assign(body, rotations, letter, upperleg=thigh, lowerleg=shin, foot=foot, toe=foot)


def _hinge(likeness: _Likeness, upper: Array, lower: Array, resting: Array) -> Array:
    """(T, 3) the axis about which a limb is folded, from its bent frames; `resting` (T, 3) where it is straight."""
    folded = np.cross(unit(upper), unit(lower))
    steady = _smooth(folded * np.linalg.norm(folded, axis=1, keepdims=True), HINGE_SMOOTHING_S * likeness.rate)
    straight = np.exp(-np.linalg.norm(folded, axis=1, keepdims=True) / STRAIGHT)
    return np.asarray(unit((1 - straight) * folded + straight * (steady + STRAIGHT**2 * resting) / STRAIGHT))


def _stand(likeness: _Likeness, rotations: Array, origins: Array) -> Array:
    """(T,) the pelvis's height at which the lowest ball, heel or ankle is as high as when standing flat."""
    body, lows = likeness.body, []
    for side, letter in enumerate(SIDE_LETTERS):
        foot = body.bone(f"foot.{letter}")
        for point in (body.head(f"toe3-1.{letter}"), likeness.rest[skeleton.LEGS[side][3]]):
            here = origins[:, foot] + rotate(rotations[:, foot], point - body.head(f"foot.{letter}"))
            lows.append(here[:, 2] - point[2])
    return _smooth(-np.min(lows, axis=0)[:, None], GROUND_SMOOTHING_S * likeness.rate)[:, 0]


def _sideways(track: PoseTrack, time_s: Array, body: Body, rate: float) -> Array:
    """(T,) m, how far the hips are beside their usual place, in proportion to the legs."""
    hips, shoulders, knees = (list(pair) for pair in (skeleton.HIPS, skeleton.SHOULDERS, skeleton.KNEES))
    xy = np.where(track.present[:, None, None], track.xy, np.nan).astype(np.float64)
    world = track.world.astype(np.float64)
    middle = xy[:, hips].mean(axis=1, keepdims=True)
    aside_px = fill_joints(middle - np.nanmedian(middle, axis=0), track.time_s, time_s)[:, 0, 0]
    trunk = [(points[:, shoulders].mean(axis=1) - points[:, hips].mean(axis=1))[:, :2] for points in (xy, world)]
    trunk_px, trunk_m = (np.nanmedian(np.linalg.norm(way, axis=-1)) for way in trunk)
    thigh_m = np.nanmedian(np.linalg.norm(world[:, knees] - world[:, hips], axis=-1))
    own_m = np.linalg.norm(body.head("lowerleg01.L") - body.head("upperleg01.L"))
    place_m = aside_px * trunk_m / trunk_px * own_m / thigh_m
    return _smooth(place_m[:, None], GROUND_SMOOTHING_S * rate)[:, 0]


def _smooth(values: Array, sigma: float) -> Array:
    """A Gaussian over the first axis, in frames; NaN stays within its own joint."""
    return np.asarray(gaussian_filter1d(values, sigma, axis=0, mode="nearest"))
