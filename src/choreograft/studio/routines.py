"""All routines by name: a dance made up from a seed, and drills of one kind of movement each. moves.py has the others.

The dance draws lots bar by bar. A bar's feet do one thing (`_FEET`); the arms, trunk and head change on every beat.
Drills (kicks, squats, spins, walking, gestures) repeat until the clip is full. Seed 0 gives a drill as it is written;
other seeds begin elsewhere, change the tempo, swap left and right.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np

from choreograft.studio.moves import calibration, dance, showcase
from choreograft.studio.score import (
    ARM_POSES,
    LEFT,
    OUTWARD,
    RIGHT,
    SIDE_NAMES,
    SIDES,
    STANCE_WIDTH,
    Motion,
    Score,
    mirror,
)

BAR_BEATS = 4
TEMPO_BPM = (104, 132)
REACH_OUT = 0.24
"""How far from its spot the dance goes, in leg lengths: arms stay in the picture."""
STILL_ARMS = ("hang", "stop", "cheek", "offer", "greet_in", "greet_out", "wide_low")
"""Poses for talking rather than dancing."""
LOW_ARMS = ("swing", "back", "hip", "down_out", "balance")
"""Poses in which a hand would sink into the thighs of somebody who crouches."""
MIRRORED = 0.45
"""How often both arms do the same."""
ARM_BEATS = (1, 1, 1, 2)
"""An arm pose is usually reached within one beat, now and then within two."""


BOUNCE = 0.06
"""How far the knees give on a beat."""
DEPTHS: Mapping[str, tuple[float, ...]] = {"sink": (0.08, 0.34, 0.22, 0.02), "sway wide": (0.05, 0.1, 0.1, 0.02)}
"""How low the pelvis is after each beat of a bar."""


@dataclass
class _Dance:
    """A dance in the making."""

    score: Score
    random: np.random.Generator
    beat_s: float

    def draw(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def one_of(self, names: tuple[str, ...]) -> str:
        return str(names[self.random.integers(len(names))])


def improvise(seconds: float, rate: Fraction, seed: int = 0) -> Motion:
    """A dance that is the same whenever the seed is, and another for every other seed."""
    random = np.random.default_rng([seed, 20])
    dance = _Dance(Score(), random, 60 / float(random.integers(*TEMPO_BPM)))
    arms = tuple(name for name in ARM_POSES if name not in STILL_ARMS)
    favourites = tuple(random.permutation(arms)[:9])
    at, last = 0.05, ""
    while at < seconds:
        last = dance.one_of(tuple(name for name in _FEET if name != last))
        _FEET[last](dance, at)
        _move_arms(dance, at, tuple(name for name in favourites if last != "sink" or name not in LOW_ARMS))
        _move_trunk(dance, at, DEPTHS.get(last, (0.01,) * BAR_BEATS))
        at += BAR_BEATS * dance.beat_s
    dance.score.rest(at + dance.beat_s)
    return dance.score.play(seconds, rate)


def _move_arms(dance: _Dance, at: float, poses: tuple[str, ...]) -> None:
    beat = 0
    while beat < BAR_BEATS:
        beats = min(int(dance.random.choice(ARM_BEATS)), BAR_BEATS - beat)
        left = dance.one_of(poses)
        right = left if dance.draw(0, 1) < MIRRORED else dance.one_of(poses)
        start, end = at + beat * dance.beat_s, at + (beat + beats) * dance.beat_s
        dance.score.arms(start, end, left, right)
        for side in SIDE_NAMES:
            dance.score.move(f"{side}_fist", start, end, float(dance.random.choice([0.0, 0.0, 0.6, 1.0])))
        beat += beats


def _move_trunk(dance: _Dance, at: float, depths: tuple[float, ...]) -> None:
    """Lean, tilt and twist of trunk and head; the knees give on every beat, around a depth for each beat."""
    for beat in range(BAR_BEATS):
        start, end = at + beat * dance.beat_s, at + (beat + 1) * dance.beat_s
        middle = (start + end) / 2
        dance.score.move("torso", start, end, dance.draw(-4, 16), dance.draw(-14, 14), dance.draw(-20, 20))
        dance.score.move("head", start, end, dance.draw(-8, 12), dance.draw(-12, 12), dance.draw(-25, 25))
        dance.score.move("crouch", start, middle, depths[beat] + BOUNCE)
        dance.score.move("crouch", middle, end, depths[beat])


def _spots(dance: _Dance) -> tuple[float, float]:
    return dance.draw(-REACH_OUT, REACH_OUT), dance.draw(-0.15, 0.2)


def _step_about(dance: _Dance, at: float) -> None:
    """A step on every beat."""
    for beat in range(BAR_BEATS):
        start, end = at + beat * dance.beat_s, at + (beat + 1) * dance.beat_s
        width = dance.draw(0.0, 0.1)
        first = int(dance.random.integers(2))
        dance.score.step(start, end, _spots(dance), dance.draw(-25, 25), width=width, first=first)


def _turn_aside(dance: _Dance, at: float) -> None:
    """Half a bar to one side, half a bar to the other."""
    angle = dance.draw(35, 65) * (1 if dance.draw(0, 1) < 0.5 else -1)
    for half, turn in ((0, angle), (1, 0.0)):
        start, end = at + 2 * half * dance.beat_s, at + (2 * half + 1.6) * dance.beat_s
        dance.score.step(start, end, _spots(dance), turn, first=LEFT if turn > 0 else 1 - LEFT)


def _lift_legs(dance: _Dance, at: float) -> None:
    """A knee to the front or a foot to the side or back, on the second and the fourth beat."""
    lifts = {"knee": (0.04, 0.2, 0.46, 32.0), "aside": (0.4, 0.05, 0.16, 12.0), "back": (0.0, -0.35, 0.22, 45.0)}
    place = dance.score.latest("place")
    dance.score.step(at, at + 0.9 * dance.beat_s, (place[0] / 2, place[1] / 2), dance.draw(-15, 15))
    first = int(dance.random.integers(2))
    for count, side in enumerate((first, 1 - first)):
        out, forward, up, toes = lifts[dance.one_of(tuple(lifts))]
        begin, top, end = (at + (1 + 1.5 * count + share) * dance.beat_s for share in (0.0, 0.6, 1.3))
        over = -OUTWARD[side] * 0.12
        dance.score.lift(side, begin, top, (out, forward, up), toes)
        dance.score.lift(side, top, end, (0.0, 0.0, 0.0))
        dance.score.move("sway", begin, top, over, 0.0)
        dance.score.move("sway", top, end, 0.0, 0.0)


def _sway_wide(dance: _Dance, at: float) -> None:
    """Feet apart, the hips from side to side."""
    _stand_wide(dance, at)
    sign = 1 if dance.draw(0, 1) < 0.5 else -1
    for beat in range(1, BAR_BEATS):
        start, end = at + beat * dance.beat_s, at + (beat + 1) * dance.beat_s
        swing = sign * (-1) ** beat * dance.draw(0.5, 1.0) if beat < BAR_BEATS - 1 else 0.0
        dance.score.move("sway", start, end, 0.13 * swing, 0.0)
        dance.score.move("pelvis", start, end, 0.0, -8.0 * swing, 12.0 * swing)


def _sink(dance: _Dance, at: float) -> None:
    """Feet apart, down into the knees and up again."""
    _stand_wide(dance, at)
    for beat, back in ((1, -0.1), (2, -0.04), (3, 0.0)):
        start, end = at + beat * dance.beat_s, at + (beat + 1) * dance.beat_s
        dance.score.move("sway", start, end, 0.0, back)
        dance.score.move("pelvis", start, end, -90 * back, 0.0, 0.0)


def _stand_wide(dance: _Dance, at: float) -> None:
    place = dance.score.latest("place")
    width = dance.draw(0.14, 0.26)
    dance.score.step(at, at + 0.95 * dance.beat_s, (place[0] / 2, place[1] / 2), 0.0, width=width + STANCE_WIDTH)


_FEET: Mapping[str, Callable[[_Dance, float], None]] = {
    "step about": _step_about,
    "turn aside": _turn_aside,
    "lift legs": _lift_legs,
    "sway wide": _sway_wide,
    "sink": _sink,
}


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

    folded: tuple[float, float, float]
    stretched: tuple[float, float, float]
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


KICK_S = 0.8
SQUAT_S = 1.32
SPIN_S = 0.9
NEAR, FAR = 0.42, -1.0
"""How far `walk` comes towards the camera and goes away from it, in leg lengths: 1.25 m for a leg of 88 cm."""
WALK = f"""
    walk  0-0.62 0 {NEAR}
    round 0.62-1.28 180
    walk  1.28-2.46 0 {FAR}
    round 2.46-3.12 180
    walk  3.12-3.92 0 0
"""
SQUAT_ARMS = (("front", "hang"), ("up", "side"), ("head", "head"), ("chest", "hang"))
"""In the depth of a squat, and up again."""
SPIN_ARMS = (
    # before a turn (left arm, right arm), during it, after it
    (("bent_side", "side"), ("chest", "chest"), ("side", "side")),
    (("side", "bent_side"), ("up", "up"), ("diagonal", "down_out")),
    (("hip", "side"), ("hip", "hip"), ("diagonal", "hip")),
    (("side", "front"), ("guard", "guard"), ("hang", "hang")),
)
GESTURES = (
    # left, right, their fists, head (nod, tilt, turn), torso
    ("offer", "offer", 0.0, 0.0, (6.0, 0.0, 0.0), (3.0, 0.0, 0.0)),
    ("breast", "stop", 0.3, 0.0, (0.0, -8.0, 16.0), (0.0, 0.0, 8.0)),
    ("cheek", "hip", 0.0, 0.8, (0.0, 10.0, 10.0), (0.0, 4.0, 0.0)),
    ("fists_up", "fists_up", 1.0, 1.0, (10.0, 0.0, 0.0), (4.0, 0.0, 0.0)),
    ("greet_out", "breast", 0.0, 0.4, (0.0, -6.0, -18.0), (0.0, 0.0, -8.0)),
    ("greet_in", "breast", 0.0, 0.4, (0.0, 6.0, -10.0), (0.0, 0.0, -6.0)),
    ("wide_low", "cheek", 0.1, 0.0, (-6.0, -10.0, -6.0), (0.0, -4.0, 0.0)),
    ("stop", "stop", 0.0, 0.0, (0.0, 0.0, 20.0), (-4.0, 0.0, 6.0)),
    ("guard", "wide_low", 1.0, 0.0, (8.0, 4.0, 0.0), (0.0, 0.0, -4.0)),
)
TEMPI = (0.88, 1.12)
"""Between these a seed draws how fast a drill goes."""
REST_S = 0.5
T = TypeVar("T")


def kicks(seconds: float, rate: Fraction, seed: int = 0) -> Motion:
    """Kicks to the front, the side and around, left and right, fists up."""
    score = Score()
    sides, ways = (LEFT, RIGHT), _reorder(("front", "side", "round"), seed)
    plan = [(sides[count % 2], ways[count % 3]) for count in range(6)]
    score.arms(0.02, 0.25, "fists_up", "fists_up")
    for side in SIDES:
        score.move(f"{SIDE_NAMES[side]}_fist", 0.02, 0.25, 1.0)

    def cycle(at: float) -> float:
        for count, (side, way) in enumerate(plan):
            start = at + count * KICK_S
            kick(score, start, KICK_S * 0.94, side, way)
            swung = ["fists_up", "fists_up"]
            swung[side] = "balance"
            score.arms(start + 0.3 * KICK_S, start + 0.5 * KICK_S, *swung)
            score.arms(start + 0.65 * KICK_S, start + 0.9 * KICK_S, "fists_up", "fists_up")
        return at + len(plan) * KICK_S

    return _repeat(score, cycle, 0.1, seconds, rate, seed)


def squats(seconds: float, rate: Fraction, seed: int = 0) -> Motion:
    """Deep squats with the feet apart, the arms forward, up, at the head, crossed."""
    score = Score()
    score.step(0.02, 0.35, (0.0, 0.0), width=0.12)

    def cycle(at: float) -> float:
        for count, (low, high) in enumerate(_reorder(SQUAT_ARMS, seed)):
            down_up = f"""
                arms   0-0.55 {low}, 0.66-1.2 {high}
                crouch 0-0.55 {0.5 if count % 2 else 0.58}, 0.66-1.2
                sway   0-0.55 0 -0.14, 0.66-1.2
                torso  0-0.55 30 0 0, 0.66-1.2
                head   0-0.55 -16 0 0, 0.66-1.2
            """
            score.act(at + count * SQUAT_S, down_up)
        return at + len(SQUAT_ARMS) * SQUAT_S

    return _repeat(score, cycle, 0.35, seconds, rate, seed)


def turns(seconds: float, rate: Fraction, seed: int = 0) -> Motion:
    """Full turns on one foot, to the left and to the right, each with arms of its own."""
    score = Score()

    def cycle(at: float) -> float:
        for count, (ready, held, after) in enumerate(_reorder(SPIN_ARMS, seed)):
            side = (LEFT, RIGHT)[count % 2]
            score.arms(at, at + 0.25, *ready)
            score.arms(at + 0.25, at + 0.55, *held)
            done = spin(score, at, SPIN_S, side)
            score.arms(done - 0.4, done, *after)
            score.move("crouch", at, at + 0.2, 0.09)
            score.move("crouch", at + 0.2, at + 0.45, 0.02)
            score.move("crouch", done - 0.3, done, 0.06)
            score.move("crouch", done, done + 0.15, 0.0)
            at = done + 0.2
        return at

    return _repeat(score, cycle, 0.1, seconds, rate, seed)


def walk(seconds: float, rate: Fraction, seed: int = 0) -> Motion:
    """To the camera, round, away from it, round, and back again."""
    score = Score()

    def cycle(at: float) -> float:
        score.act(at, WALK)
        return at + 3.95

    return _repeat(score, cycle, 0.05, seconds, rate, seed)


def gestures(seconds: float, rate: Fraction, seed: int = 0) -> Motion:
    """Standing and talking with the hands, before the chest and beside the face, and with the head."""
    score = Score()
    plan = _reorder(GESTURES, seed)

    def cycle(at: float) -> float:
        for count, (left, right, left_fist, right_fist, head, torso) in enumerate(plan):
            start, end = at + 0.45 * count, at + 0.45 * count + 0.4
            score.arms(start, end, left, right)
            score.move("left_fist", start, end, left_fist)
            score.move("right_fist", start, end, right_fist)
            score.move("head", start, end, *head)
            score.move("torso", start, end, *torso)
            score.move("sway", start, end, 0.03 * (-1) ** count, 0.0)
        return at + 0.45 * len(plan)

    return _repeat(score, cycle, 0.05, seconds, rate, seed)


def _reorder(plan: Sequence[T], seed: int) -> Sequence[T]:
    """A plan begun at another of its items by each seed, as it stands by seed 0."""
    start = seed % len(plan)
    return [*plan[start:], *plan[:start]]


def _repeat(
    score: Score, cycle: Callable[[float], float], at: float, seconds: float, rate: Fraction, seed: int
) -> Motion:
    """Append cycles, each of which tells when it ends, until the clip is full.

    Seed 0 plays them as they are; others draw their tempo and whether left and right are swapped.
    """
    random = np.random.default_rng(seed)
    tempo = float(random.uniform(*TEMPI)) if seed else 1.0
    while at < seconds * tempo:
        at = cycle(at)
    score.rest(at + REST_S)
    motion = score.play(seconds, rate, tempo)
    return mirror(motion) if seed and random.random() < 0.5 else motion


Routine = Callable[[float, Fraction, int], Motion]
"""`routine(seconds, rate, seed)`: the motion of a clip of so many seconds at so many frames a second. Only those that
draw lots look at the seed; all the others do the same whatever it is."""

ROUTINES: Mapping[str, Routine] = {
    "calibration": calibration,
    "dance": dance,
    "showcase": showcase,
    "kicks": kicks,
    "squats": squats,
    "turns": turns,
    "walk": walk,
    "gestures": gestures,
    "improvise": improvise,
}
