"""Ways to get about on foot that routines share: strides, turning on the spot, spinning on one foot, kicking.

Distances are in leg lengths and times in s, as in `score`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from choreograft.studio.score import LEFT, OUTWARD, RIGHT, SIDE_NAMES, STANCE_WIDTH, STEP_HEIGHT, Array, Score

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
