"""A choreography as a score: named channels, each moved from value to value over stretches of time.

A score knows no build: distances are in leg lengths, directions in the performer's own terms, so two performers of
different size can dance the same score. Directions are (out, forward, up): away from the body's middle on the limb's
own side, to where the performer faces, to the ceiling. Routines share the ways to get about on foot: strides, turning
on the spot, spinning on one foot, kicking.

Shapes: T frames; sides are ordered left, right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]
LEFT, RIGHT = 0, 1
SIDES = (LEFT, RIGHT)
SIDE_NAMES = ("left", "right")
OUTWARD = (1.0, -1.0)
"""The sign of x on each side of somebody who faces the camera: the left hand is on the camera's right."""


@dataclass(frozen=True)
class ArmPose:
    """Where an arm points, in the chest's frame: directions (out, forward, up), not necessarily of length one."""

    upper: tuple[float, float, float]
    """Shoulder to elbow."""
    lower: tuple[float, float, float]
    """Elbow to wrist. Never exactly along `upper`: the plane of the two is what turns the arm about itself."""
    palm_deg: float = 0.0
    """Forearm roll; 0 as the hand hangs, positive turns the thumb outwards."""


ARM_POSES: Mapping[str, ArmPose] = {
    "hang": ArmPose((0.24, -0.04, -1.0), (0.14, 0.22, -1.0)),
    "side": ArmPose((1.0, 0.0, -0.02), (1.0, 0.22, 0.0)),
    "diagonal": ArmPose((0.75, 0.05, 0.65), (0.72, 0.22, 0.75)),
    "up": ArmPose((0.22, 0.05, 1.0), (0.06, 0.1, 1.0), 30.0),
    "front": ArmPose((0.1, 1.0, 0.0), (0.0, 1.0, 0.2)),
    "front_high": ArmPose((0.15, 0.75, 0.7), (0.02, 0.65, 0.85), 15.0),
    "back": ArmPose((0.25, -0.45, -0.85), (0.2, -0.12, -0.95)),
    "swing": ArmPose((0.2, 0.4, -0.9), (0.0, 0.95, -0.3)),
    "hip": ArmPose((0.75, -0.35, -0.7), (-0.62, 0.3, -0.6), -20.0),
    "head": ArmPose((0.85, 0.15, 0.42), (-0.42, 0.1, 0.95), 20.0),
    "chest": ArmPose((0.45, 0.4, -0.85), (-0.5, 0.8, 0.12)),
    "wave_in": ArmPose((0.8, 0.25, -0.1), (-0.2, 0.3, 1.0), 60.0),
    "wave_out": ArmPose((0.8, 0.25, -0.1), (0.55, 0.3, 0.85), 60.0),
    "guard": ArmPose((0.35, 0.25, -0.9), (0.05, 0.75, 0.7)),
    "cactus": ArmPose((1.0, 0.1, 0.05), (0.15, 0.15, 1.0), 30.0),
    "down_out": ArmPose((0.6, 0.1, -0.8), (0.7, 0.3, -0.65)),
    "bent_side": ArmPose((0.9, 0.15, -0.15), (-0.5, 0.9, 0.0)),
    "fists_up": ArmPose((0.3, 0.35, -0.9), (-0.22, 0.5, 0.85), 15.0),
    "balance": ArmPose((0.75, -0.1, -0.65), (0.6, 0.35, -0.5)),
    "cheek": ArmPose((0.55, 0.5, -0.65), (-0.12, 0.12, 1.0), 40.0),
    "offer": ArmPose((0.3, 0.3, -0.9), (0.25, 0.9, 0.25), 120.0),
    "breast": ArmPose((0.5, 0.25, -0.85), (-0.55, 0.62, 0.3), -10.0),
    "stop": ArmPose((0.4, 0.5, -0.75), (0.05, 0.5, 0.9), -30.0),
    "wide_low": ArmPose((0.45, 0.35, -0.8), (0.45, 0.7, 0.3), 70.0),
    "greet_in": ArmPose((0.5, 0.45, -0.7), (-0.15, 0.3, 0.95), 40.0),
    "greet_out": ArmPose((0.5, 0.45, -0.7), (0.3, 0.3, 0.9), 40.0),
}

BODY_CHANNELS: Mapping[str, int] = {
    "place": 2,  # of the pelvis: right as the camera sees it, nearer to the camera
    "turn": 1,  # deg, to the performer's left
    "crouch": 1,
    "sway": 2,  # of the pelvis over the feet: out to the left, forward
    "pelvis": 3,  # deg: lean forward, lean left, twist left; likewise:
    "torso": 3,
    "head": 3,
}
SIDE_CHANNELS: Mapping[str, int] = {
    "foot_place": 2,
    "foot_turn": 1,  # deg, about the middle between the feet
    "pivot": 1,  # deg, of the foot about its own ball
    "foot_lift": 3,  # (out, forward, up)
    "toe_down": 1,  # deg
    "sole_out": 1,  # deg, how far the sole faces outwards, as a leg's does that is raised sideways
    "arm": 4,  # a quaternion, see `_arm_channels`
    "elbow": 1,  # deg
    "palm": 1,  # deg
    "fist": 1,  # 0 = as the fingers hang, 1 = closed
}
STANCE_WIDTH = 0.02
STEP_HEIGHT = 0.09
SAME_TIME_S = 1e-6


@dataclass(frozen=True)
class Motion:
    """A score evaluated at the times of frames."""

    rate: Fraction
    """Frames per second."""
    channels: Mapping[str, Array]
    """Body channels (T, n) and side channels (T, 2, n); `BODY_CHANNELS` and `SIDE_CHANNELS` give n and the meaning."""

    def __len__(self) -> int:
        return len(self.channels["place"])

    def __getitem__(self, name: str) -> Array:
        """One channel; those of a single number come without their last axis."""
        values = self.channels[name]
        return np.asarray(values[..., 0]) if values.shape[-1] == 1 else values


def mirror(motion: Motion) -> Motion:
    """The same motion with left and right swapped."""
    signs = {
        "place": (-1, 1), "turn": (-1,), "sway": (-1, 1), "foot_place": (-1, 1), "foot_turn": (-1,), "pivot": (-1,),
        "pelvis": (1, -1, -1), "torso": (1, -1, -1), "head": (1, -1, -1),
    }  # fmt: skip
    channels = {}
    for name, values in motion.channels.items():
        swapped = values[:, ::-1] if name in SIDE_CHANNELS else values
        channels[name] = swapped * np.asarray(signs.get(name, 1), dtype=float)
    return Motion(motion.rate, channels)


class Score:
    """A choreography in the making; every method moves channels between two times, in s, and they rest in between."""

    def __init__(self) -> None:
        self._keys: dict[str, list[tuple[float, Array]]] = {}
        for name, size in BODY_CHANNELS.items():
            self._keys[name] = [(0.0, np.zeros(size))]
        for name, size in SIDE_CHANNELS.items():
            self._keys |= {f"{side}_{name}": [(0.0, np.zeros(size))] for side in SIDE_NAMES}
        for side in SIDES:
            self._set_arm(side, 0.0, ARM_POSES["hang"])
            self._keys[f"{SIDE_NAMES[side]}_foot_place"] = [(0.0, np.array([OUTWARD[side] * STANCE_WIDTH, 0.0]))]

    def move(self, channel: str, start_s: float, end_s: float, *value: float) -> None:
        """Move a channel from where it is to `value`; side channels are named `left_...` and `right_...`."""
        keys = self._keys[channel]
        last_s, last = keys[-1]
        if start_s < last_s - SAME_TIME_S or end_s <= start_s:
            raise ValueError(f"{channel} cannot move from {start_s} s to {end_s} s: it already moves until {last_s} s")
        if start_s > last_s + SAME_TIME_S:
            keys.append((start_s, last))
        keys.append((end_s, np.asarray(value, dtype=float)))

    def latest(self, channel: str) -> Array:
        """Where a channel has been moved to so far, (n,)."""
        return self._keys[channel][-1][1]

    def rest(self, time_s: float) -> None:
        """Hold every channel until then, so that moves at the end of the score come to a stop, not to a halt."""
        for keys in self._keys.values():
            if keys[-1][0] < time_s - SAME_TIME_S:
                keys.append((time_s, keys[-1][1]))

    def arms(self, start_s: float, end_s: float, left: str | None, right: str | None) -> None:
        """Move the arms to named poses; None leaves an arm to its own devices."""
        for side, name in ((LEFT, left), (RIGHT, right)):
            if name is not None:
                self._move_arm(side, start_s, end_s, ARM_POSES[name])

    def lift(
        self, side: int, start_s: float, end_s: float, lift: tuple[float, float, float], toe_down_deg: float = 0.0
    ) -> None:
        """Move a foot off its place on the floor by `lift` (out, forward, up); (0, 0, 0) puts it back."""
        self.move(f"{SIDE_NAMES[side]}_foot_lift", start_s, end_s, *lift)
        self.move(f"{SIDE_NAMES[side]}_toe_down", start_s, end_s, toe_down_deg)

    def step(
        self,
        start_s: float,
        end_s: float,
        place: tuple[float, float],
        turn_deg: float = 0.0,
        width: float = STANCE_WIDTH,
        first: int = LEFT,
    ) -> None:
        """Step to a place, one foot after the other, and come to face `turn_deg` there."""
        middle_s = (start_s + end_s) / 2
        self.move("place", start_s, end_s, *place)
        self.move("turn", start_s, end_s, turn_deg)
        for side, began_s, done_s in ((first, start_s, middle_s), (1 - first, middle_s, end_s)):
            name, angle, out = SIDE_NAMES[side], np.deg2rad(turn_deg), OUTWARD[side] * width
            beside = (place[0] + out * np.cos(angle), place[1] - out * np.sin(angle))
            self.move(f"{name}_foot_place", began_s, done_s, *beside)
            self.move(f"{name}_foot_turn", began_s, done_s, turn_deg)
            top_s = (began_s + done_s) / 2
            self.lift(side, began_s, top_s, (0.0, 0.0, STEP_HEIGHT), 12.0)
            self.lift(side, top_s, done_s, (0.0, 0.0, 0.0))

    def play(self, seconds: float, rate: Fraction, tempo: float = 1.0) -> Motion:
        """Evaluate the score for the frames of a clip.

        Args:
            seconds: length of the clip.
            rate: frames per second.
            tempo: seconds of the score per second of the clip.
        """
        time_s = np.arange(round(seconds * rate)) / float(rate) * tempo
        channels = {name: _interpolate(self._keys[name], time_s) for name in BODY_CHANNELS}
        for name in SIDE_CHANNELS:
            both = [_interpolate(self._keys[f"{side}_{name}"], time_s) for side in SIDE_NAMES]
            channels[name] = np.stack(both, axis=1)
        return Motion(rate, channels)

    def _move_arm(self, side: int, start_s: float, end_s: float, pose: ArmPose) -> None:
        channels = _arm_channels(pose)
        if channels["arm"] @ self._keys[f"{SIDE_NAMES[side]}_arm"][-1][1] < 0:
            channels["arm"] *= -1  # the same rotation, and the shorter way to it
        for channel, value in channels.items():
            self.move(f"{SIDE_NAMES[side]}_{channel}", start_s, end_s, *value)

    def _set_arm(self, side: int, time_s: float, pose: ArmPose) -> None:
        for channel, value in _arm_channels(pose).items():
            self._keys[f"{SIDE_NAMES[side]}_{channel}"] = [(time_s, value)]


def _arm_channels(pose: ArmPose) -> dict[str, Array]:
    """An arm's pose as channels that can be interpolated.

    `arm` is the rotation that takes the axes (out, forward, up) to: the upper arm's direction, the direction square to
    it to which the forearm folds, and the product of both. As a quaternion it has no pose in between that is undefined.
    """
    upper, lower = (np.asarray(direction) / np.linalg.norm(direction) for direction in (pose.upper, pose.lower))
    cosine = float(upper @ lower)
    bend = lower - cosine * upper
    bend /= np.linalg.norm(bend)
    return {
        "arm": Rotation.from_matrix(np.column_stack([upper, bend, np.cross(upper, bend)])).as_quat(),
        "elbow": np.array([np.rad2deg(np.arccos(cosine))]),
        "palm": np.array([pose.palm_deg]),
    }


def _interpolate(keys: Sequence[tuple[float, Array]], time_s: Array) -> Array:
    """Monotone cubic through the keys (T, n): no overshoot, at rest wherever a value is held."""
    if len(keys) == 1:
        return np.tile(keys[0][1], (len(time_s), 1))
    at = np.array([time for time, _ in keys])
    values = np.stack([value for _, value in keys])
    return np.asarray(PchipInterpolator(at, values, axis=0)(np.clip(time_s, at[0], at[-1])))


Lift = tuple[float, float, float]

TURN_PER_STEP_DEG = 60.0
"""How far both feet come round in one step on the spot; more would twist the ankles."""
STRIDE = 0.34
"""Length of a step when walking."""
BALL_OUT, BALL_AHEAD = 0.21, 0.14
"""Where the ball of a foot is, from the middle between the feet; bodies differ by 0.02."""
SPIN_PREPARE_S, SPIN_SETTLE_S = 0.22, 0.28
"""Time to shift the weight before a spin, and back after it."""
SPIN_TUCKED = 0.3
"""The share of a spin after which the free foot is tucked in."""
FOLDED_SOLE = 0.35
"""How much of its tilt the sole of a kicking foot has while the leg is still folded."""
KICK_SWAY, KICK_TILT_DEG = 0.15, 14.0
"""How far the pelvis goes over the standing foot in a kick, and how far it tilts."""


@dataclass(frozen=True)
class Kick:
    """How a leg kicks; lifts are (out, forward, up) in leg lengths."""

    folded: Lift
    stretched: Lift
    toe_down_deg: float
    sole_out_deg: float
    torso_deg: tuple[float, float, float]
    """Lean forward, lean away from the kicking leg, twist away from it."""
    turn_deg: float
    """How far the body turns away from the kicking leg, the standing foot with it."""


KICKS: Mapping[str, Kick] = {
    "front": Kick((0.0, 0.22, 0.6), (-0.04, 0.86, 0.82), -35.0, 0.0, (-16.0, 4.0, 8.0), 0.0),
    "side": Kick((0.12, 0.15, 0.55), (0.68, 0.02, 0.56), 0.0, 52.0, (0.0, 22.0, 0.0), 0.0),
    "round": Kick((0.3, 0.1, 0.55), (0.1, 0.84, 0.72), -5.0, 25.0, (-10.0, 20.0, -10.0), 60.0),
}


def walk_to(score: Score, start_s: float, end_s: float, goal: tuple[float, float], arms: bool = True) -> None:
    """Walk straight on to a place in even strides, facing as before, and bring the feet together there."""
    begin, turn = score.latest("place"), float(score.latest("turn")[0])
    way = np.asarray(goal) - begin
    swings = max(2, round(float(np.hypot(*way)) / STRIDE) + 1)
    every_s = (end_s - start_s) / swings
    score.move("place", start_s, end_s, *goal)
    for count in range(1, swings + 1):
        side = (LEFT, RIGHT)[count % 2]
        began_s, done_s = start_s + (count - 1) * every_s, start_s + count * every_s
        share = 1.0 if count == swings else (count + 0.5) / swings
        _swing_foot(score, side, began_s, done_s, begin + share * way, turn)
        if arms:
            ahead = ("swing", "back") if side == RIGHT else ("back", "swing")
            score.arms(began_s, done_s, *(ahead if count < swings else ("hang", "hang")))


def turn_round(score: Score, start_s: float, end_s: float, angle_deg: float) -> None:
    """Turn on the spot by any angle (positive to the left), stepping round in small steps."""
    turn, place = float(score.latest("turn")[0]), score.latest("place")
    steps = max(1, int(np.ceil(abs(angle_deg) / TURN_PER_STEP_DEG - 1e-9)))
    every_s = (end_s - start_s) / steps
    leading = LEFT if angle_deg > 0 else RIGHT
    for count in range(1, steps + 1):
        began_s, done_s = start_s + (count - 1) * every_s, start_s + count * every_s
        score.step(began_s, done_s, (place[0], place[1]), turn + angle_deg * count / steps, first=leading)


def spin(score: Score, start_s: float, seconds: float, side: int) -> float:
    """One full turn on the ball of a foot, to that foot's side, the other foot tucked in.

    Args:
        seconds: of the turn itself; shifting the weight before and settling after come on top.
    Returns:
        When it is over.
    """
    free, name, other = 1 - side, SIDE_NAMES[side], SIDE_NAMES[1 - side]
    begin_s, end_s = start_s + SPIN_PREPARE_S, start_s + SPIN_PREPARE_S + seconds
    done_s, round_deg = end_s + SPIN_SETTLE_S, 360.0 * OUTWARD[side]
    spot = score.latest("place").copy()
    over = spot + np.array([OUTWARD[side] * BALL_OUT, BALL_AHEAD])
    score.move("place", start_s, begin_s, *over)
    score.move("place", end_s, done_s, *spot)
    for channel in ("turn", f"{name}_pivot", f"{other}_foot_turn"):
        score.move(channel, begin_s, end_s, score.latest(channel)[0] + round_deg)
    foot = score.latest(f"{other}_foot_place").copy()
    tucked_s = begin_s + SPIN_TUCKED * seconds
    score.move(f"{other}_foot_place", begin_s - 0.06, tucked_s, *(foot + over - spot))
    score.move(f"{other}_foot_place", end_s - 0.1, done_s, *foot)
    score.lift(free, begin_s - 0.06, tucked_s, (-0.06, 0.04, 0.2), 30.0)
    score.lift(free, end_s - 0.1, done_s, (0.0, 0.0, 0.0))
    score.move(f"{name}_toe_down", begin_s, tucked_s, 8.0)
    score.move(f"{name}_toe_down", end_s - 0.2, end_s, 0.0)
    return done_s


def kick(score: Score, at: float, period_s: float, side: int, way: str) -> None:
    """Fold a leg up, shoot it out, fold it again, put it down: a `front`, `side` or `round` kick."""
    plan = KICKS[way]
    times = [at + share * period_s for share in (0.0, 0.3, 0.5, 0.68, 1.0)]
    name, other, over = SIDE_NAMES[side], SIDE_NAMES[1 - side], -OUTWARD[side]
    toes = (25.0, plan.toe_down_deg, 25.0, 0.0)
    for count, lift in enumerate((plan.folded, plan.stretched, plan.folded, (0.0, 0.0, 0.0))):
        score.lift(side, times[count], times[count + 1], lift, toes[count])
    score.move(f"{name}_sole_out", times[0], times[1], FOLDED_SOLE * plan.sole_out_deg)
    score.move(f"{name}_sole_out", times[1], times[2], plan.sole_out_deg)
    score.move(f"{name}_sole_out", times[2], times[4], 0.0)
    lean = np.array(plan.torso_deg) * (1.0, over, over)
    for start, end, share in ((times[0], times[1], 0.5), (times[1], times[2], 1.0), (times[2], times[4], 0.0)):
        score.move("torso", start, end, *(share * lean))
        score.move("pelvis", start, end, 0.4 * share * lean[0], share * over * KICK_TILT_DEG, 0.0)
    score.move("sway", times[0], times[1], over * KICK_SWAY, 0.02)
    score.move("sway", times[3], times[4], 0.0, 0.0)
    for channel in ("turn", f"{name}_foot_turn", f"{other}_pivot") if plan.turn_deg else ():
        begin = score.latest(channel)[0]
        score.move(channel, times[0], times[2], begin + over * plan.turn_deg)
        score.move(channel, times[3], times[4], begin)


def _swing_foot(score: Score, side: int, began_s: float, done_s: float, under: Array, turn_deg: float) -> None:
    """Carry a foot to its side of a point under the body."""
    angle, out, name = np.deg2rad(turn_deg), OUTWARD[side] * STANCE_WIDTH, SIDE_NAMES[side]
    score.move(f"{name}_foot_place", began_s, done_s, under[0] + out * np.cos(angle), under[1] - out * np.sin(angle))
    top_s = (began_s + done_s) / 2
    score.lift(side, began_s, top_s, (0.0, 0.0, STEP_HEIGHT), 14.0)
    score.lift(side, top_s, done_s, (0.0, 0.0, 0.0))
