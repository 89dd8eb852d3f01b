"""What the performers do: a calibration routine and a showcase of the whole range of motion, a dance, and a beat to it.

The showcase is the target's clip of a pair: front and back, near and far, hands open and closed. The beat is a drum on
the beat, a brush between the beats, a chord that changes every bar. Moves are scripts for `Score.act`.

Shapes: N sound samples.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from choreograft.studio.score import Motion, Score

BEATS_PER_MINUTE = 120
BEAT_S = 60 / BEATS_PER_MINUTE
PHRASE_BEATS = 16

RAISE_ARMS = """
    arms  0-0.6 side, 0.6-1.1 up, 1.2-1.7 side, 1.7-2.2 hang
    arms  2.2-2.6 front back, 2.6-3 up swing, 3-3.35 front, 3.35-3.8 hang
    torso 2.2-2.8 -4 0 8, 2.8-3.6
"""
TURN = """
    step  0-0.9 left 0 0 50, 1.1-2.4 right 0 0 -50, 2.5-3.4 left 0 0
    arms  0-0.5 front back, 0.6-1.1 back swing, 1.2-1.8 diagonal down_out, 1.9-2.5 hip
    head  0.3-0.9 0 0 -25, 1.1-2.4 0 0 25, 2.5-3.4
"""
SQUAT = "step 0-0.4 left 0 0 0 0.1" + "".join(
    f"""
    from   {start_s}
    arms   0-0.5 {arms}, 0.5-1 hang
    crouch 0-0.5 {depth}, 0.5-1
    sway   0-0.5 0 -0.12, 0.5-1
    torso  0-0.5 32 0 0, 0.5-1
    head   0-0.5 -22 0 0, 0.5-1"""
    for start_s, depth, arms in ((0.4, 0.3, "front"), (1.4, 0.42, "chest"))
)
SIDESTEP_AND_WAVE = """
    step 0-0.6 right -0.2 0, 0.8-1.7 left 0.2 0, 1.8-2.3 right 0 0
    arms 0-0.5 hip wave_out, 0.5-0.7 - wave_in, 0.7-0.9 - wave_out, 0.9-1.3 wave_out hip
    arms 1.3-1.5 wave_in -, 1.5-1.7 wave_out -, 1.8-2.3 down_out
"""
RAISE_LEGS = "".join(
    f"""
    from       {start_s}
    arms       0-0.33 {arms}
    {side}_leg 0-0.33 {lift}, 0.33-0.65
    sway       0-0.33 {over} 0, 0.33-0.65
    torso      0-0.33 0 {60 * over} 0, 0.33-0.65"""
    for start_s, side, over, lift, arms in (
        (0.0, "left", -0.09, "0 0.2 0.5 35", "guard back"),
        (0.65, "right", 0.09, "0 0.2 0.5 35", "back guard"),
        (1.3, "left", -0.09, "0.42 0 0.14 10", "side hip"),
        (1.95, "right", 0.09, "0.42 0 0.14 10", "hip side"),
    )
)
LEAN = """
    arms   0-0.6 hip up, 0.65-1.3 up hip, 1.3-1.8 front
    torso  0-0.6 0 24 0, 0.65-1.3 0 -24 0, 1.35-1.8 38 0 15, 1.85-2.3
    pelvis 1.35-1.8 12 0 0, 1.85-2.3
    sway   1.35-1.8 0 -0.1, 1.85-2.3
    head   1.35-1.8 -20 0 0, 1.85-2.3
"""
TOUCH_HEAD = """
    arms -0.4-0.1 cactus, 0.1-0.5 head
    head 0.1-0.4 8 12 0, 0.4-0.7 8 -12 0, 0.7-1
"""
WALK = """
    step 0-0.7 right 0 0.3, 0.75-1.65 left 0 -0.3
    arms 0-0.4 swing back, 0.4-0.8 back swing, 0.8-1.2 swing back, 1.2-1.6 hang
"""
TURN_SLOWLY = """
    round 0.3-4.2 360
    arms  0-0.5 down_out hang, 0.7-1.2 side hip, 1.4-1.9 diagonal side
    arms  2.1-2.6 hip diagonal, 2.8-3.2 front, 3.5-4 hang
    fists 0.1-0.5 1, 1.5-1.9, 2.2-2.6 0.7, 3.6-4
"""
"""Once round, with the arms in a different place for every view."""
WALK_ABOUT = """
    walk  0-0.8 0 0.42
    arms  0.85-1.2 fists_up
    fists 0.85-1.15 1, 1.3-1.6
    walk  1-2.4 0 -0.7 stiff
    arms  1.5-1.9 stop offer, 1.95-2.3 offer stop
    walk  2.45-3.2 0 0
"""
"""To the camera with swinging arms; back again facing it, hands opening and closing before the chest."""

CALIBRATION_S, SHOWCASE_S = 20.0, 22.0
"""Length of these routines at their own pace."""
CALIBRATION: Mapping[float, str] = {
    0.4: RAISE_ARMS,
    4.2: TURN,
    7.6: SQUAT,
    10.0: SIDESTEP_AND_WAVE,
    12.4: RAISE_LEGS,
    15.0: LEAN,
    17.2: TOUCH_HEAD,
    18.0: WALK,
}
"""Scripts, and when they begin, s."""
SHOWCASE: Mapping[float, str] = {
    0.3: RAISE_ARMS,
    4.1: SQUAT,
    6.5: SIDESTEP_AND_WAVE,
    8.8: RAISE_LEGS,
    11.4: LEAN,
    13.6: TOUCH_HEAD,
    14.3: TURN_SLOWLY,
    18.6: WALK_ABOUT,
}


def calibration(seconds: float, rate: Fraction, _seed: int = 0) -> Motion:
    """The calibration routine: both arms in all planes, turns, squats, steps, leg raises, leaning, walking.

    It takes `CALIBRATION_S` at its own pace and is played faster or slower to last `seconds`.
    """
    return _act_all(CALIBRATION).play(seconds, rate, CALIBRATION_S / seconds)


def showcase(seconds: float, rate: Fraction, _seed: int = 0) -> Motion:
    """All that `calibration` has, a slow full turn, walking nearer and farther, and fists.

    It takes `SHOWCASE_S` at its own pace and is played faster or slower to last `seconds`.
    """
    score = _act_all(SHOWCASE)
    score.rest(SHOWCASE_S)
    return score.play(seconds, rate, SHOWCASE_S / seconds)


def _act_all(scripts: Mapping[float, str]) -> Score:
    score = Score()
    for at_s, script in scripts.items():
        score.act(at_s, script)
    return score


BOUNCE = "".join(
    f"""
    crouch {beat}-{beat + 0.5} {depth}, {beat + 0.5}-{beat + 1} 0.015
    head   {beat}-{beat + 0.5} 7 {4 * (-1) ** beat} 0, {beat + 0.5}-{beat + 1}"""
    for beat, depth in enumerate((0.06,) * 12 + (0.12, 0.22, 0.28, 0.1))
)
"""Down on every beat, lowest in the last bar; the head nods along. Times are beats, as in all of the dance."""
STEP_TOUCH = """
    step  0-1 left 0.22 0, 1-2 left 0.44 0, 2-3 right 0.22 0, 3-4 right 0 0
    arms  0-1 guard swing, 1-2 swing guard, 2-3 guard down_out, 3-4 down_out guard
    torso 0-1 4 0 -12, 1-2 4 0 12, 2-3 4 0 -12, 3-4 4 0 12
"""
POINT = """
    arms   4-5 diagonal hip, 5-6 hip diagonal, 6-7 diagonal hip, 7-8 hip diagonal
    sway   4-5 -0.07 0, 5-6 0.07 0, 6-7 -0.07 0, 7-8 0.07 0
    pelvis 4-5 0 6 -8, 5-6 0 -6 8, 6-7 0 6 -8, 7-8 0 -6 8
    torso  4-5 0 -8 14, 5-6 0 8 -14, 6-7 0 -8 14, 7-8 0 8 -14
"""
"""An arm shoots up and out on each beat, the hip to the other side."""
LIFT_KNEES = f"""
    step      8-9 left 0 0.12 18
    arms      8-9 cactus, 9-10 cactus chest, 10-11 chest cactus, 11-12 bent_side
    left_leg  9-9.5 0.05 0.18 0.42 30, 9.5-10
    right_leg 10-10.5 0.05 0.18 0.42 30, 10.5-11
    sway      8-9, 9-9.5 -0.07 0, 9.5-10, 10-10.5 0.07 0, 10.5-11
    pelvis    8-9
    torso     8-9, 9-9.5 10 0 {160 * -0.07}, 9.5-10, 10-10.5 10 0 {160 * 0.07}, 10.5-11
    step      11-12 right 0 0 0 0.1
"""
ROLL_LOW = """
    arms  12-13 side bent_side, 13-14 bent_side side, 14-15 front_high, 15-16 hang
    torso 12-13 12 0 16, 13-14 12 0 -16, 14-15 20 0 0, 15-16
    step  15-16 left 0 0
"""


def dance(seconds: float, rate: Fraction, _seed: int = 0) -> Motion:
    """A dance of 16 beats at 120 a minute, repeated for as long as it takes."""
    score = Score()
    for phrase in range(int(-(-seconds // (PHRASE_BEATS * BEAT_S)))):
        for script in (BOUNCE, STEP_TOUCH, POINT, LIFT_KNEES, ROLL_LOW):
            score.act(phrase * PHRASE_BEATS * BEAT_S, script, BEAT_S)
    return score.play(seconds, rate)


Array = NDArray[np.float64]

RATE_HZ = 48_000
BEATS_PER_BAR = 4
CHORDS_HZ = ((220.0, 261.63, 329.63), (174.61, 220.0, 261.63), (196.0, 246.94, 293.66), (164.81, 196.0, 246.94))
LOUDNESS = 0.5
"""Peak of the whole, 0..1."""


def make_rhythm(seconds: float) -> NDArray[np.float32]:
    """(N,) mono samples, -1..1, at `RATE_HZ`; the first beat falls on the first sample."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    since_beat = time_s % BEAT_S
    since_off_beat = (time_s + BEAT_S / 2) % BEAT_S
    sound = 0.9 * _drum(since_beat) + 0.12 * _brush(since_off_beat) + 0.35 * _chords(time_s)
    fade = np.clip((seconds - time_s) / 0.2, 0, 1)
    return np.asarray(LOUDNESS * fade * sound / np.abs(sound).max(), dtype=np.float32)


def _drum(since_s: Array) -> Array:
    """A drum's skin: a tone that falls from 110 to 50 Hz while it dies away."""
    phase = 2 * np.pi * (50 * since_s + 60 * 0.04 * (1 - np.exp(-since_s / 0.04)))
    return np.asarray(np.sin(phase) * np.exp(-since_s / 0.12))


def _brush(since_s: Array) -> Array:
    noise = np.random.default_rng(7).standard_normal(len(since_s))
    return np.asarray(np.diff(noise, prepend=0.0) * np.exp(-since_s / 0.03))


def _chords(time_s: Array) -> Array:
    bar_s = BEATS_PER_BAR * BEAT_S
    bar = (time_s // bar_s).astype(int) % len(CHORDS_HZ)
    swell = np.sin(np.pi * (time_s % bar_s) / bar_s)
    tones = np.sin(2 * np.pi * np.asarray(CHORDS_HZ)[bar].T * time_s)
    return np.asarray(swell * tones.mean(axis=0))
