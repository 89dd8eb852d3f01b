"""What the performers do, by name: routines from tables, a dance made up from a seed, drills of one kind of movement.

Scripts for `Score.act` and what else is data lie in moves.toml. The showcase is the target's clip of a pair: front and
back, near and far, hands open and closed. The dance of lots draws them bar by bar. A bar's feet do one thing (`_FEET`);
the arms, trunk and head change on every beat. Drills (kicks, squats, spins, walking, gestures) repeat until the clip is
full. Seed 0 gives a drill as it is written; other seeds begin elsewhere, change the tempo, swap left and right.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any, TypeVar

import numpy as np

from choreograft.studio.score import ARM_POSES, LEFT, OUTWARD, SIDE_NAMES, STANCE_WIDTH, TABLES, Motion, Score, mirror

BEATS_PER_MINUTE = 120
BEAT_S = 60 / BEATS_PER_MINUTE
PHRASE_BEATS = 16

CALIBRATION_S, SHOWCASE_S = 20.0, 22.0
"""Length of these routines at their own pace."""


def calibration(seconds: float, rate: Fraction, _seed: int = 0) -> Motion:
    """The calibration routine: both arms in all planes, turns, squats, steps, leg raises, leaning, walking.

    It takes `CALIBRATION_S` at its own pace and is played faster or slower to last `seconds`.
    """
    return _act_all("calibration").play(seconds, rate, CALIBRATION_S / seconds)


def showcase(seconds: float, rate: Fraction, _seed: int = 0) -> Motion:
    """All that `calibration` has, a slow full turn, walking nearer and farther, and fists.

    It takes `SHOWCASE_S` at its own pace and is played faster or slower to last `seconds`.
    """
    score = _act_all("showcase")
    score.rest(SHOWCASE_S)
    return score.play(seconds, rate, SHOWCASE_S / seconds)


def _act_all(routine: str) -> Score:
    score = Score()
    for move, at_s in TABLES[routine].items():
        score.act(at_s, TABLES["moves"][move])
    return score


def dance(seconds: float, rate: Fraction, _seed: int = 0) -> Motion:
    """A dance of 16 beats at 120 a minute, repeated for as long as it takes."""
    score = Score()
    for phrase in range(int(-(-seconds // (PHRASE_BEATS * BEAT_S)))):
        for move, beat in TABLES["dance"].items():
            score.act((phrase * PHRASE_BEATS + beat) * BEAT_S, TABLES["moves"][move], BEAT_S)
    return score.play(seconds, rate)


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
    at_s: float = 0.05
    """When the bar begins."""

    def draw(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def one_of(self, names: tuple[str, ...]) -> str:
        return str(names[self.random.integers(len(names))])

    def act(self, script: str) -> None:
        """Add a script whose times are beats of the bar."""
        self.score.act(self.at_s, script, self.beat_s)


def improvise(seconds: float, rate: Fraction, seed: int = 0) -> Motion:
    """A dance that is the same whenever the seed is, and another for every other seed."""
    random = np.random.default_rng([seed, 20])
    dance = _Dance(Score(), random, 60 / float(random.integers(*TEMPO_BPM)))
    arms = tuple(name for name in ARM_POSES if name not in STILL_ARMS)
    favourites = tuple(random.permutation(arms)[:9])
    last = ""
    while dance.at_s < seconds:
        last = dance.one_of(tuple(name for name in _FEET if name != last))
        _FEET[last](dance)
        _move_arms(dance, tuple(name for name in favourites if last != "sink" or name not in LOW_ARMS))
        _move_trunk(dance, DEPTHS.get(last, (0.01,) * BAR_BEATS))
        dance.at_s += BAR_BEATS * dance.beat_s
    dance.score.rest(dance.at_s + dance.beat_s)
    return dance.score.play(seconds, rate)


def _move_arms(dance: _Dance, poses: tuple[str, ...]) -> None:
    beat = 0
    while beat < BAR_BEATS:
        end = min(beat + int(dance.random.choice(ARM_BEATS)), BAR_BEATS)
        left = dance.one_of(poses)
        right = left if dance.draw(0, 1) < MIRRORED else dance.one_of(poses)
        dance.act(f"arms {beat}-{end} {left} {right}")
        for side in SIDE_NAMES:
            dance.act(f"{side}_fist {beat}-{end} {dance.random.choice([0.0, 0.0, 0.6, 1.0])}")
        beat = end


def _move_trunk(dance: _Dance, depths: tuple[float, ...]) -> None:
    """Lean, tilt and twist of trunk and head; the knees give on every beat, around a depth for each beat."""
    for beat in range(BAR_BEATS):
        dance.act(f"torso {beat}-{beat + 1} {dance.draw(-4, 16)} {dance.draw(-14, 14)} {dance.draw(-20, 20)}")
        dance.act(f"head {beat}-{beat + 1} {dance.draw(-8, 12)} {dance.draw(-12, 12)} {dance.draw(-25, 25)}")
        start, end = dance.at_s + beat * dance.beat_s, dance.at_s + (beat + 1) * dance.beat_s
        middle = (start + end) / 2
        dance.score.move("crouch", start, middle, depths[beat] + BOUNCE)
        dance.score.move("crouch", middle, end, depths[beat])


def _draw_spot(dance: _Dance) -> str:
    return f"{dance.draw(-REACH_OUT, REACH_OUT)} {dance.draw(-0.15, 0.2)}"


def _halfway_home(dance: _Dance) -> str:
    right, near = dance.score.latest("place") / 2
    return f"{right} {near}"


def _step_about(dance: _Dance) -> None:
    """A step on every beat."""
    for beat in range(BAR_BEATS):
        width = dance.draw(0.0, 0.1)
        first = SIDE_NAMES[dance.random.integers(2)]
        dance.act(f"step {beat}-{beat + 1} {first} {_draw_spot(dance)} {dance.draw(-25, 25)} {width}")


def _turn_aside(dance: _Dance) -> None:
    """Half a bar to one side, half a bar to the other."""
    angle = dance.draw(35, 65) * (1 if dance.draw(0, 1) < 0.5 else -1)
    for start, turn in ((0, angle), (2, 0.0)):
        dance.act(f"step {start}-{start + 1.6} {'left' if turn > 0 else 'right'} {_draw_spot(dance)} {turn}")


def _lift_legs(dance: _Dance) -> None:
    """A knee to the front or a foot to the side or back, on the second and the fourth beat."""
    lifts = ("0.04 0.2 0.46 32", "0.4 0.05 0.16 12", "0 -0.35 0.22 45")
    dance.act(f"step 0-0.9 left {_halfway_home(dance)} {dance.draw(-15, 15)}")
    first = int(dance.random.integers(2))
    for count, side in enumerate((first, 1 - first)):
        begin, top, end = (1 + 1.5 * count + share for share in (0.0, 0.6, 1.3))
        dance.act(f"{SIDE_NAMES[side]}_leg {begin}-{top} {dance.one_of(lifts)}, {top}-{end}")
        dance.act(f"sway {begin}-{top} {-OUTWARD[side] * 0.12} 0, {top}-{end}")


def _sway_wide(dance: _Dance) -> None:
    """Feet apart, the hips from side to side."""
    _stand_wide(dance)
    sign = 1 if dance.draw(0, 1) < 0.5 else -1
    for beat in range(1, BAR_BEATS):
        swing = sign * (-1) ** beat * dance.draw(0.5, 1.0) if beat < BAR_BEATS - 1 else 0.0
        dance.act(f"sway {beat}-{beat + 1} {0.13 * swing} 0")
        dance.act(f"pelvis {beat}-{beat + 1} 0 {-8 * swing} {12 * swing}")


def _sink(dance: _Dance) -> None:
    """Feet apart, down into the knees and up again."""
    _stand_wide(dance)
    for beat, back in ((1, -0.1), (2, -0.04), (3, 0.0)):
        dance.act(f"sway {beat}-{beat + 1} 0 {back}")
        dance.act(f"pelvis {beat}-{beat + 1} {-90 * back} 0 0")


def _stand_wide(dance: _Dance) -> None:
    dance.act(f"step 0-0.95 left {_halfway_home(dance)} 0 {dance.draw(0.14, 0.26) + STANCE_WIDTH}")


_FEET: Mapping[str, Callable[[_Dance], None]] = {
    "step about": _step_about,
    "turn aside": _turn_aside,
    "lift legs": _lift_legs,
    "sway wide": _sway_wide,
    "sink": _sink,
}


DRILLS: Mapping[str, Any] = TABLES["drills"]
KICK_S = 0.8
KICK_SWAY, KICK_TILT_DEG = 0.15, 14.0
"""How far the pelvis goes over the standing foot in a kick, and how far it tilts."""
FOLDED_SOLE = 0.35
"""How much of its tilt the sole of a kicking foot has while the leg is still folded."""


def _kick(score: Score, at: float, side: int, way: str) -> None:
    """Fold a leg up, shoot it out, fold it again, put it down: a `front`, `side` or `round` kick."""
    folded, stretched, sole_out_deg, torso_deg, turn_deg = TABLES["kicks"][way]
    period_s = 0.94 * KICK_S
    name, other, over = SIDE_NAMES[side], SIDE_NAMES[1 - side], -OUTWARD[side]
    script = f"""
        {name}_leg      0-0.3 {folded} 25, 0.3-0.5 {stretched}, 0.5-0.68 {folded} 25, 0.68-1
        {name}_sole_out 0-0.3 {FOLDED_SOLE * sole_out_deg}, 0.3-0.5 {sole_out_deg}, 0.5-1
        sway            0-0.3 {over * KICK_SWAY} 0.02, 0.68-1
    """
    score.act(at, script, period_s)
    lean = np.array(torso_deg) * (1.0, over, over)
    for start, end, share in ((0.0, 0.3, 0.5), (0.3, 0.5, 1.0), (0.5, 1.0, 0.0)):
        start_s, end_s = at + start * period_s, at + end * period_s
        score.move("torso", start_s, end_s, *(share * lean))
        score.move("pelvis", start_s, end_s, 0.4 * share * lean[0], share * over * KICK_TILT_DEG, 0.0)
    for channel in ("turn", f"{name}_foot_turn", f"{other}_pivot") if turn_deg else ():
        begin = score.latest(channel)[0]
        score.act(at, f"{channel} 0-0.5 {begin + over * turn_deg}, 0.68-1 {begin}", period_s)


def _kick_in_turn(score: Score, at: float, seed: int) -> float:
    """Kicks to the front, the side and around, left and right, fists up."""
    ways = _reorder(("front", "side", "round"), seed)
    for count in range(6):
        start, side = at + count * KICK_S, count % 2
        _kick(score, start, side, ways[count % 3])
        swung = "balance fists_up" if side == LEFT else "fists_up balance"
        score.act(start, f"arms 0.3-0.5 {swung}, 0.65-0.9 fists_up", KICK_S)
    return at + 6 * KICK_S


SQUAT_S = 1.32


def _squat(score: Score, at: float, seed: int) -> float:
    """Deep squats with the feet apart, the arms forward, up, at the head, crossed."""
    for count, arms in enumerate(_reorder(DRILLS["squat_arms"], seed)):
        script = f"""
            arms   0-0.55 {arms}
            crouch 0-0.55 {0.5 if count % 2 else 0.58}, 0.66-1.2
            sway   0-0.55 0 -0.14, 0.66-1.2
            torso  0-0.55 30 0 0, 0.66-1.2
            head   0-0.55 -16 0 0, 0.66-1.2
        """
        score.act(at + count * SQUAT_S, script)
    return at + len(DRILLS["squat_arms"]) * SQUAT_S


SPIN_S = 0.9
SPIN_PREPARE_S, SPIN_SETTLE_S = 0.22, 0.28
"""Time to shift the weight before a spin, and back after it."""
SPIN_TUCKED_S = 0.3 * SPIN_S
"""After which the free foot is tucked in."""
BALL_OUT, BALL_AHEAD = 0.21, 0.14
"""Where the ball of a foot is, from the middle between the feet; bodies differ by 0.02."""


def _spin(score: Score, start_s: float, side: int) -> float:
    """One full turn on the ball of a foot, to that foot's side, the other foot tucked in; returns when it is over."""
    name, other = SIDE_NAMES[side], SIDE_NAMES[1 - side]
    begin_s = start_s + SPIN_PREPARE_S
    end_s = begin_s + SPIN_S
    done_s = end_s + SPIN_SETTLE_S
    spot, foot = score.latest("place"), score.latest(f"{other}_foot_place")
    over = spot + np.array([OUTWARD[side] * BALL_OUT, BALL_AHEAD])
    score.move("place", start_s, begin_s, *over)
    score.move("place", end_s, done_s, *spot)
    for channel in ("turn", f"{name}_pivot", f"{other}_foot_turn"):
        score.move(channel, begin_s, end_s, score.latest(channel)[0] + 360.0 * OUTWARD[side])
    score.move(f"{other}_foot_place", begin_s - 0.06, begin_s + SPIN_TUCKED_S, *(foot + over - spot))
    score.move(f"{other}_foot_place", end_s - 0.1, done_s, *foot)
    score.act(begin_s, f"{other}_leg -0.06-{SPIN_TUCKED_S} -0.06 0.04 0.2 30\n{name}_toe_down 0-{SPIN_TUCKED_S} 8")
    score.act(end_s, f"{other}_leg -0.1-{SPIN_SETTLE_S}\n{name}_toe_down -0.2-0")
    return done_s


def _spin_in_turn(score: Score, at: float, seed: int) -> float:
    """Full turns on one foot, to the left and to the right, each with arms of its own."""
    for count, (ready, held, after) in enumerate(_reorder(DRILLS["spin_arms"], seed)):
        done = _spin(score, at, count % 2)
        score.act(at, f"arms 0-0.25 {ready}, 0.25-0.55 {held}\ncrouch 0-0.2 0.09, 0.2-0.45 0.02")
        score.act(done, f"arms -0.4-0 {after}\ncrouch -0.3-0 0.06, 0-0.15")
        at = done + 0.2
    return at


NEAR, FAR = 0.42, -1.0
"""How far `walk` comes towards the camera and goes away from it, in leg lengths: 1.25 m for a leg of 88 cm."""
WALK = f"""
    walk  0-0.62 0 {NEAR}
    round 0.62-1.28 180
    walk  1.28-2.46 0 {FAR}
    round 2.46-3.12 180
    walk  3.12-3.92 0 0
"""


def _walk(score: Score, at: float, _seed: int) -> float:
    """To the camera, round, away from it, round, and back again."""
    score.act(at, WALK)
    return at + 3.95


GESTURE_S = 0.45


def _gesture(score: Score, at: float, seed: int) -> float:
    """Standing and talking with the hands, before the chest and beside the face, and with the head."""
    for count, (left, right, left_fist, right_fist, head, torso) in enumerate(_reorder(DRILLS["gestures"], seed)):
        script = f"""
            arms       0-0.4 {left} {right}
            left_fist  0-0.4 {left_fist}
            right_fist 0-0.4 {right_fist}
            head       0-0.4 {head}
            torso      0-0.4 {torso}
            sway       0-0.4 {0.03 * (-1) ** count} 0
        """
        score.act(at + GESTURE_S * count, script)
    return at + GESTURE_S * len(DRILLS["gestures"])


TEMPI = (0.88, 1.12)
"""Between these a seed draws how fast a drill goes."""
REST_S = 0.5
T = TypeVar("T")


def _reorder(plan: Sequence[T], seed: int) -> Sequence[T]:
    """A plan begun at another of its items by each seed, as it stands by seed 0."""
    start = seed % len(plan)
    return [*plan[start:], *plan[:start]]


def _drill(
    cycle: Callable[[Score, float, int], float], ready: str, at: float, seconds: float, rate: Fraction, seed: int = 0
) -> Motion:
    """Append cycles, each of which tells when it ends, to a script until the clip is full.

    Seed 0 plays them as they are; others draw their tempo and whether left and right are swapped.
    """
    random = np.random.default_rng(seed)
    tempo = float(random.uniform(*TEMPI)) if seed else 1.0
    score = Score()
    score.act(0.0, ready)
    while at < seconds * tempo:
        at = cycle(score, at, seed)
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
    "kicks": partial(_drill, _kick_in_turn, "arms 0.02-0.25 fists_up\nfists 0.02-0.25 1", 0.1),
    "squats": partial(_drill, _squat, "step 0.02-0.35 left 0 0 0 0.12", 0.35),
    "turns": partial(_drill, _spin_in_turn, "", 0.1),
    "walk": partial(_drill, _walk, "", 0.05),
    "gestures": partial(_drill, _gesture, "", 0.05),
    "improvise": improvise,
}
