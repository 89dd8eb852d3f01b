"""A dance made up from a seed: steps, sways, crouches, leg lifts, arms, trunk and head, all on the beat.

Lots are drawn bar by bar. A bar's feet do one thing (`_FEET`); the arms, trunk and head change on every beat.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from choreograft.studio.score import ARM_POSES, LEFT, OUTWARD, SIDE_NAMES, STANCE_WIDTH, Motion, Score

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
