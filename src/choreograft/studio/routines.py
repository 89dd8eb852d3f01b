"""All routines by name, and those of one kind of movement each: kicks, squats, spins, walking, gestures.

A drill repeats until the clip is full. Seed 0 gives it as it is written; other seeds begin elsewhere, change the tempo,
swap left and right.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TypeVar

import numpy as np

from choreograft.studio.improvise import improvise
from choreograft.studio.moves import calibration, dance, showcase
from choreograft.studio.score import LEFT, RIGHT, SIDE_NAMES, SIDES, Motion, Score, mirror
from choreograft.studio.steps import kick, spin, turn_round, walk_to

KICK_S = 0.8
SQUAT_S = 1.32
SPIN_S = 0.9
NEAR, FAR = 0.42, -1.0
"""How far `walk` comes towards the camera and goes away from it, in leg lengths: 1.25 m for a leg of 88 cm."""
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
            _squat_once(score, at + count * SQUAT_S, low, high, 0.5 if count % 2 else 0.58)
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
        walk_to(score, at, at + 0.62, (0.0, NEAR))
        turn_round(score, at + 0.62, at + 1.28, 180.0)
        walk_to(score, at + 1.28, at + 2.46, (0.0, FAR))
        turn_round(score, at + 2.46, at + 3.12, 180.0)
        walk_to(score, at + 3.12, at + 3.92, (0.0, 0.0))
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


def _squat_once(score: Score, at: float, low: str, high: str, depth: float) -> None:
    down, up = (at, at + 0.55), (at + 0.66, at + 1.2)
    score.arms(*down, low, low)
    score.arms(*up, high, high)
    bent = {"crouch": (depth,), "sway": (0.0, -0.14), "torso": (30.0, 0.0, 0.0), "head": (-16.0, 0.0, 0.0)}
    for channel, value in bent.items():
        score.move(channel, *down, *value)
        score.move(channel, *up, *(0.0 for _ in value))


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
