"""A choreography as a score: named channels, each moved from value to value over stretches of time.

A score knows no build: distances are in leg lengths, directions in the performer's own terms, so two performers of
different size can dance the same score. Directions are (out, forward, up): away from the body's middle on the limb's
own side, to where the performer faces, to the ceiling. A score is written move by move, or in scripts (`Score.act`).

Shapes: T frames; sides are ordered left, right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation

from choreograft.studio import read_table

Array = NDArray[np.float64]
LEFT, RIGHT = 0, 1
SIDES = (LEFT, RIGHT)
SIDE_NAMES = ("left", "right")
OUTWARD = (1.0, -1.0)
"""The sign of x on each side of somebody who faces the camera: the left hand is on the camera's right."""


TABLES = read_table("moves.toml")
"""Channels, poses and scripts by name."""
BODY_CHANNELS: Mapping[str, Sequence[int]] = TABLES["body_channels"]
SIDE_CHANNELS: Mapping[str, Sequence[int]] = TABLES["side_channels"]
"""By the sign of each of their numbers in a mirror."""
ARM_POSES: Mapping[str, tuple[Sequence[float], Sequence[float], float]] = TABLES["arms"]
"""Directions of upper arm and forearm, and the roll of that, deg."""
STANCE_WIDTH = 0.02
STEP_HEIGHT = 0.09
TURN_PER_STEP_DEG = 60.0
"""How far both feet come round in one step on the spot; more would twist the ankles."""
STRIDE = 0.34
"""Length of a step when walking."""
SAME_TIME_S = 1e-6


@dataclass(frozen=True)
class Motion:
    """A score evaluated at the times of frames."""

    rate: Fraction
    """Frames per second."""
    channels: Mapping[str, Array]
    """Body channels (T, n) and side channels (T, 2, n); moves.toml gives n and the meaning."""

    def __len__(self) -> int:
        return len(self.channels["place"])

    def __getitem__(self, name: str) -> Array:
        """One channel; those of a single number come without their last axis."""
        values = self.channels[name]
        return np.asarray(values[..., 0]) if values.shape[-1] == 1 else values


def mirror(motion: Motion) -> Motion:
    """The same motion with left and right swapped."""
    signs = {**BODY_CHANNELS, **SIDE_CHANNELS}
    channels = {}
    for name, values in motion.channels.items():
        swapped = values[:, ::-1] if name in SIDE_CHANNELS else values
        channels[name] = swapped * np.asarray(signs[name], dtype=float)
    return Motion(motion.rate, channels)


class Score:
    """A choreography in the making; every method moves channels between two times, in s, and they rest in between."""

    def __init__(self) -> None:
        self._keys: dict[str, list[tuple[float, Array]]] = {}
        for name, signs in BODY_CHANNELS.items():
            self._keys[name] = [(0.0, np.zeros(len(signs)))]
        for name, signs in SIDE_CHANNELS.items():
            self._keys |= {f"{side}_{name}": [(0.0, np.zeros(len(signs)))] for side in SIDE_NAMES}
        for side, out in zip(SIDE_NAMES, OUTWARD, strict=True):
            beside = {"foot_place": np.array([out * STANCE_WIDTH, 0.0])}
            for name, value in (beside | _arm_channels(*ARM_POSES["hang"])).items():
                self._keys[f"{side}_{name}"] = [(0.0, value)]

    def act(self, at_s: float, script: str, unit_s: float = 1.0) -> None:
        """Add what a script says.

        Each of its lines names a channel, and after it one move after another: `start-end value ..., start-end ...`; no
        value is zero. Besides the channels there are

            arms 0-1 side up, 1-2 hang          poses of the left and the right arm, or of both; - leaves one as it is
            fists 0-1 0.6                       both
            left_leg 0-1 0.4 0 0.1 10, 1-2      as `lift`: out, forward, up, toes down; back onto the floor
            step 0-1 left 0.2 0 50 0.1          as `step`: the first foot, the place, and, if need be, turn and width
            walk 0-1 0 0.4, 1-2 0 0 stiff       as `walk`: the place; stiff keeps the arms out of it
            round 0-1 360                       as `turn_round`
            from 2.5                            all that follows is counted from then on

        Args:
            at_s: when the script begins.
            unit_s: of its times.
        """
        from_s = at_s
        for line in script.strip().splitlines():
            channel, moves = line.split(maxsplit=1)
            if channel == "from":
                from_s = at_s + unit_s * float(moves)
                continue
            for move in moves.split(","):
                times, *words = move.split()
                start_s, end_s = (from_s + unit_s * float(time) for time in times.rsplit("-", 1))
                self._enact(channel, start_s, end_s, words)

    def _enact(self, channel: str, start_s: float, end_s: float, words: list[str]) -> None:
        match channel, words:
            case "arms", [left, *rest]:
                right = rest[0] if rest else left
                self.arms(start_s, end_s, *(None if name == "-" else name for name in (left, right)))
            case "step", [first, x, y, *rest]:
                self.step(start_s, end_s, (float(x), float(y)), *map(float, rest), first=SIDE_NAMES.index(first))
            case "walk", [x, y, *rest]:
                self.walk(start_s, end_s, (float(x), float(y)), arms="stiff" not in rest)
            case "round", [angle]:
                self.turn_round(start_s, end_s, float(angle))
            case "left_leg" | "right_leg", _:
                out, forward, up, toes = map(float, words or ("0",) * 4)
                self.lift(SIDE_NAMES.index(channel.removesuffix("_leg")), start_s, end_s, (out, forward, up), toes)
            case _:
                for name in ("left_fist", "right_fist") if channel == "fists" else (channel,):
                    self.move(name, start_s, end_s, *(map(float, words) if words else np.zeros_like(self.latest(name))))

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
        for side, name in zip(SIDE_NAMES, (left, right), strict=True):
            if name is None:
                continue
            channels = _arm_channels(*ARM_POSES[name])
            if channels["arm"] @ self.latest(f"{side}_arm") < 0:
                channels["arm"] *= -1  # the same rotation, and the shorter way to it
            for channel, value in channels.items():
                self.move(f"{side}_{channel}", start_s, end_s, *value)

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
        *,
        first: int = LEFT,
    ) -> None:
        """Step to a place, one foot after the other, and come to face `turn_deg` there."""
        middle_s = (start_s + end_s) / 2
        self.move("place", start_s, end_s, *place)
        self.move("turn", start_s, end_s, turn_deg)
        for side, began_s, done_s in ((first, start_s, middle_s), (1 - first, middle_s, end_s)):
            self._swing_foot(side, began_s, done_s, place, turn_deg, width, 12.0)
            self.move(f"{SIDE_NAMES[side]}_foot_turn", began_s, done_s, turn_deg)

    def walk(self, start_s: float, end_s: float, goal: tuple[float, float], arms: bool = True) -> None:
        """Walk straight on to a place in even strides, facing as before, and bring the feet together there."""
        begin, turn_deg = self.latest("place"), float(self.latest("turn")[0])
        way = np.asarray(goal) - begin
        swings = max(2, round(float(np.hypot(*way)) / STRIDE) + 1)
        every_s = (end_s - start_s) / swings
        self.move("place", start_s, end_s, *goal)
        for count in range(1, swings + 1):
            side = SIDES[count % 2]
            began_s, done_s = start_s + (count - 1) * every_s, start_s + count * every_s
            share = 1.0 if count == swings else (count + 0.5) / swings
            self._swing_foot(side, began_s, done_s, begin + share * way, turn_deg, STANCE_WIDTH, 14.0)
            if arms:
                ahead = ("swing", "back") if side == RIGHT else ("back", "swing")
                self.arms(began_s, done_s, *(ahead if count < swings else ("hang", "hang")))

    def turn_round(self, start_s: float, end_s: float, angle_deg: float) -> None:
        """Turn on the spot by any angle (positive to the left), stepping round in small steps."""
        turn, place = float(self.latest("turn")[0]), self.latest("place")
        steps = max(1, int(np.ceil(abs(angle_deg) / TURN_PER_STEP_DEG - 1e-9)))
        every_s = (end_s - start_s) / steps
        leading = LEFT if angle_deg > 0 else RIGHT
        for count in range(1, steps + 1):
            began_s, done_s = start_s + (count - 1) * every_s, start_s + count * every_s
            self.step(began_s, done_s, (place[0], place[1]), turn + angle_deg * count / steps, first=leading)

    def _swing_foot(
        self,
        side: int,
        began_s: float,
        done_s: float,
        under: Sequence[float] | Array,
        turn_deg: float,
        width: float,
        toe_down_deg: float,
    ) -> None:
        """Carry a foot to its side of a point under the body."""
        angle, out = np.deg2rad(turn_deg), OUTWARD[side] * width
        beside = (under[0] + out * np.cos(angle), under[1] - out * np.sin(angle))
        self.move(f"{SIDE_NAMES[side]}_foot_place", began_s, done_s, *beside)
        top_s = (began_s + done_s) / 2
        self.lift(side, began_s, top_s, (0.0, 0.0, STEP_HEIGHT), toe_down_deg)
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


def _arm_channels(upper_arm: Sequence[float], forearm: Sequence[float], palm_deg: float) -> dict[str, Array]:
    """An arm's pose as channels that can be interpolated.

    `arm` is the rotation that takes the axes (out, forward, up) to: the upper arm's direction, the direction square to
    it to which the forearm folds, and the product of both. As a quaternion it has no pose in between that is undefined.
    """
    upper, lower = (np.asarray(direction) / np.linalg.norm(direction) for direction in (upper_arm, forearm))
    cosine = float(upper @ lower)
    bend = lower - cosine * upper
    bend /= np.linalg.norm(bend)
    return {
        "arm": Rotation.from_matrix(np.column_stack([upper, bend, np.cross(upper, bend)])).as_quat(),
        "elbow": np.array([np.rad2deg(np.arccos(cosine))]),
        "palm": np.array([palm_deg]),
    }


def _interpolate(keys: Sequence[tuple[float, Array]], time_s: Array) -> Array:
    """Monotone cubic through the keys (T, n): no overshoot, at rest wherever a value is held."""
    if len(keys) == 1:
        return np.tile(keys[0][1], (len(time_s), 1))
    at = np.array([time for time, _ in keys])
    values = np.stack([value for _, value in keys])
    return np.asarray(PchipInterpolator(at, values, axis=0)(np.clip(time_s, at[0], at[-1])))
