"""What the performers do: a calibration routine and a showcase of the whole range of motion, a dance, and a beat to it.

The showcase is the target's clip of a pair: front and back, near and far, hands open and closed. The beat is a drum on
the beat, a brush between the beats, a chord that changes every bar.

Shapes: N sound samples.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from choreograft.studio.score import LEFT, RIGHT, Motion, Score, turn_round, walk_to

CALIBRATION_S = 20.0
"""Length of the calibration routine at its own pace."""
BEATS_PER_MINUTE = 120
BEAT_S = 60 / BEATS_PER_MINUTE
PHRASE_BEATS = 16
DOWN = (0.0, 0.0, 0.0)


def calibration(seconds: float, rate: Fraction, seed: int = 0) -> Motion:  # noqa: ARG001
    """The calibration routine: both arms in all planes, turns, squats, steps, leg raises, leaning, walking.

    It takes `CALIBRATION_S` at its own pace and is played faster or slower to last `seconds`.
    """
    score = Score()
    raise_arms(score, 0.4)
    _turn(score, 4.2)
    squat(score, 7.6)
    sidestep_and_wave(score, 10.0)
    raise_legs(score, 12.4)
    lean(score, 15.0)
    touch_head(score, 17.2)
    _walk(score, 18.0)
    return score.play(seconds, rate, CALIBRATION_S / seconds)


def dance(seconds: float, rate: Fraction, seed: int = 0) -> Motion:  # noqa: ARG001
    """A dance of 16 beats at 120 a minute, repeated for as long as it takes."""
    score = Score()
    phrases = int(-(-seconds // (PHRASE_BEATS * BEAT_S)))
    for phrase in range(phrases):
        _dance_phrase(score, phrase * PHRASE_BEATS * BEAT_S)
    return score.play(seconds, rate)


def raise_arms(score: Score, at: float) -> None:
    for start, end, pose in ((0.0, 0.6, "side"), (0.6, 1.1, "up"), (1.2, 1.7, "side"), (1.7, 2.2, "hang")):
        score.arms(at + start, at + end, pose, pose)
    for start, end, left, right in (
        (2.2, 2.6, "front", "back"),
        (2.6, 3.0, "up", "swing"),
        (3.0, 3.35, "front", "front"),
        (3.35, 3.8, "hang", "hang"),
    ):
        score.arms(at + start, at + end, left, right)
    score.move("torso", at + 2.2, at + 2.8, -4.0, 0.0, 8.0)
    score.move("torso", at + 2.8, at + 3.6, 0.0, 0.0, 0.0)


def _turn(score: Score, at: float) -> None:
    score.step(at, at + 0.9, (0.0, 0.0), 50.0, first=LEFT)
    score.arms(at, at + 0.5, "front", "back")
    score.arms(at + 0.6, at + 1.1, "back", "swing")
    score.step(at + 1.1, at + 2.4, (0.0, 0.0), -50.0, first=RIGHT)
    score.move("head", at + 0.3, at + 0.9, 0.0, 0.0, -25.0)
    score.move("head", at + 1.1, at + 2.4, 0.0, 0.0, 25.0)
    score.arms(at + 1.2, at + 1.8, "diagonal", "down_out")
    score.arms(at + 1.9, at + 2.5, "hip", "hip")
    score.step(at + 2.5, at + 3.4, (0.0, 0.0), 0.0, first=LEFT)
    score.move("head", at + 2.5, at + 3.4, 0.0, 0.0, 0.0)


def squat(score: Score, at: float) -> None:
    score.step(at, at + 0.4, (0.0, 0.0), width=0.1)
    for start, depth, pose in ((0.4, 0.3, "front"), (1.4, 0.42, "chest")):
        down, up = (at + start, at + start + 0.5), (at + start + 0.5, at + start + 1.0)
        score.arms(*down, pose, pose)
        score.arms(*up, "hang", "hang")
        low = {"crouch": (depth,), "sway": (0.0, -0.12), "torso": (32.0, 0.0, 0.0), "head": (-22.0, 0.0, 0.0)}
        for channel, value in low.items():
            score.move(channel, *down, *value)
            score.move(channel, *up, *(0.0 for _ in value))


def sidestep_and_wave(score: Score, at: float) -> None:
    score.step(at, at + 0.6, (-0.2, 0.0), first=RIGHT)
    score.arms(at, at + 0.5, "hip", "wave_out")
    score.arms(at + 0.5, at + 0.7, None, "wave_in")
    score.arms(at + 0.7, at + 0.9, None, "wave_out")
    score.arms(at + 0.9, at + 1.3, "wave_out", "hip")
    score.step(at + 0.8, at + 1.7, (0.2, 0.0), first=LEFT)
    score.arms(at + 1.3, at + 1.5, "wave_in", None)
    score.arms(at + 1.5, at + 1.7, "wave_out", None)
    score.step(at + 1.8, at + 2.3, (0.0, 0.0), first=RIGHT)
    score.arms(at + 1.8, at + 2.3, "down_out", "down_out")


def raise_legs(score: Score, at: float) -> None:
    plan = (
        (0.0, LEFT, (0.0, 0.2, 0.5), 35.0, "guard", "back"),
        (0.65, RIGHT, (0.0, 0.2, 0.5), 35.0, "back", "guard"),
        (1.3, LEFT, (0.42, 0.0, 0.14), 10.0, "side", "hip"),
        (1.95, RIGHT, (0.42, 0.0, 0.14), 10.0, "hip", "side"),
    )
    for start, side, lift, toe_down, left, right in plan:
        top, end = at + start + 0.33, at + start + 0.65
        score.arms(at + start, top, left, right)
        score.lift(side, at + start, top, lift, toe_down)
        over = -0.09 if side == LEFT else 0.09
        score.move("sway", at + start, top, over, 0.0)
        score.move("torso", at + start, top, 0.0, 60 * over, 0.0)
        score.lift(side, top, end, DOWN)
        score.move("sway", top, end, 0.0, 0.0)
        score.move("torso", top, end, 0.0, 0.0, 0.0)


def lean(score: Score, at: float) -> None:
    score.arms(at, at + 0.6, "hip", "up")
    score.move("torso", at, at + 0.6, 0.0, 24.0, 0.0)
    score.arms(at + 0.65, at + 1.3, "up", "hip")
    score.move("torso", at + 0.65, at + 1.3, 0.0, -24.0, 0.0)
    score.arms(at + 1.3, at + 1.8, "front", "front")
    bow = {"torso": (38.0, 0.0, 15.0), "pelvis": (12.0, 0.0, 0.0), "sway": (0.0, -0.1), "head": (-20.0, 0.0, 0.0)}
    for channel, value in bow.items():
        score.move(channel, at + 1.35, at + 1.8, *value)
        score.move(channel, at + 1.85, at + 2.3, *(0.0 for _ in value))


def touch_head(score: Score, at: float) -> None:
    score.arms(at - 0.4, at + 0.1, "cactus", "cactus")
    score.arms(at + 0.1, at + 0.5, "head", "head")
    score.move("head", at + 0.1, at + 0.4, 8.0, 12.0, 0.0)
    score.move("head", at + 0.4, at + 0.7, 8.0, -12.0, 0.0)
    score.move("head", at + 0.7, at + 1.0, 0.0, 0.0, 0.0)


def _walk(score: Score, at: float) -> None:
    score.step(at, at + 0.7, (0.0, 0.3), first=RIGHT)
    score.arms(at, at + 0.4, "swing", "back")
    score.arms(at + 0.4, at + 0.8, "back", "swing")
    score.step(at + 0.75, at + 1.65, (0.0, -0.3), first=LEFT)
    score.arms(at + 0.8, at + 1.2, "swing", "back")
    score.arms(at + 1.2, at + 1.6, "hang", "hang")


def _dance_phrase(score: Score, at: float) -> None:
    _bounce(score, at)
    _step_touch(score, at)
    _point(score, at + 4 * BEAT_S)
    _lift_knees(score, at + 8 * BEAT_S)
    _roll_low(score, at + 12 * BEAT_S)


def _bounce(score: Score, at: float) -> None:
    """Down on every beat, lowest in the last bar; the head nods along."""
    for beat in range(PHRASE_BEATS):
        start = at + beat * BEAT_S
        depth = 0.06 if beat < 12 else (0.12, 0.22, 0.28, 0.1)[beat - 12]
        score.move("crouch", start, start + 0.5 * BEAT_S, depth)
        score.move("crouch", start + 0.5 * BEAT_S, start + BEAT_S, 0.015)
        score.move("head", start, start + 0.5 * BEAT_S, 7.0, 4.0 * (-1) ** beat, 0.0)
        score.move("head", start + 0.5 * BEAT_S, start + BEAT_S, 0.0, 0.0, 0.0)


def _step_touch(score: Score, at: float) -> None:
    for beat, place, first, left, right in (
        (0, 0.22, LEFT, "guard", "swing"),
        (1, 0.44, LEFT, "swing", "guard"),
        (2, 0.22, RIGHT, "guard", "down_out"),
        (3, 0.0, RIGHT, "down_out", "guard"),
    ):
        start = at + beat * BEAT_S
        score.step(start, start + BEAT_S, (place, 0.0), first=first)
        score.arms(start, start + BEAT_S, left, right)
        score.move("torso", start, start + BEAT_S, 4.0, 0.0, 12.0 if beat % 2 else -12.0)


def _point(score: Score, at: float) -> None:
    """An arm shoots up and out on each beat, the hip to the other side."""
    for beat in range(4):
        start, end = at + beat * BEAT_S, at + (beat + 1) * BEAT_S
        left = beat % 2 == 0
        score.arms(start, end, "diagonal" if left else "hip", "hip" if left else "diagonal")
        swing = 1.0 if left else -1.0
        score.move("sway", start, end, -0.07 * swing, 0.0)
        score.move("pelvis", start, end, 0.0, 6.0 * swing, -8.0 * swing)
        score.move("torso", start, end, 0.0, -8.0 * swing, 14.0 * swing)


def _lift_knees(score: Score, at: float) -> None:
    score.step(at, at + BEAT_S, (0.0, 0.12), 18.0, first=LEFT)
    score.arms(at, at + BEAT_S, "cactus", "cactus")
    score.move("sway", at, at + BEAT_S, 0.0, 0.0)
    score.move("pelvis", at, at + BEAT_S, 0.0, 0.0, 0.0)
    score.move("torso", at, at + BEAT_S, 0.0, 0.0, 0.0)
    for beat, side, left, right in ((1, LEFT, "cactus", "chest"), (2, RIGHT, "chest", "cactus")):
        start, top, end = (at + (beat + part) * BEAT_S for part in (0.0, 0.5, 1.0))
        over = -0.07 if side == LEFT else 0.07
        score.lift(side, start, top, (0.05, 0.18, 0.42), 30.0)
        score.arms(start, end, left, right)
        score.move("sway", start, top, over, 0.0)
        score.move("torso", start, top, 10.0, 0.0, 160 * over)
        score.lift(side, top, end, DOWN)
        score.move("sway", top, end, 0.0, 0.0)
        score.move("torso", top, end, 0.0, 0.0, 0.0)
    score.step(at + 3 * BEAT_S, at + 4 * BEAT_S, (0.0, 0.0), 0.0, width=0.1, first=RIGHT)
    score.arms(at + 3 * BEAT_S, at + 4 * BEAT_S, "bent_side", "bent_side")


def _roll_low(score: Score, at: float) -> None:
    for beat, left, right, twist in ((0, "side", "bent_side", 16.0), (1, "bent_side", "side", -16.0)):
        start, end = at + beat * BEAT_S, at + (beat + 1) * BEAT_S
        score.arms(start, end, left, right)
        score.move("torso", start, end, 12.0, 0.0, twist)
    score.arms(at + 2 * BEAT_S, at + 3 * BEAT_S, "front_high", "front_high")
    score.move("torso", at + 2 * BEAT_S, at + 3 * BEAT_S, 20.0, 0.0, 0.0)
    score.arms(at + 3 * BEAT_S, at + 4 * BEAT_S, "hang", "hang")
    score.move("torso", at + 3 * BEAT_S, at + 4 * BEAT_S, 0.0, 0.0, 0.0)
    score.step(at + 3 * BEAT_S, at + 4 * BEAT_S, (0.0, 0.0))


SHOWCASE_S = 22.0
"""Length of the showcase at its own pace."""


def showcase(seconds: float, rate: Fraction, seed: int = 0) -> Motion:  # noqa: ARG001
    """All that `calibration` has, a slow full turn, walking nearer and farther, and fists.

    It takes `SHOWCASE_S` at its own pace and is played faster or slower to last `seconds`.
    """
    score = Score()
    raise_arms(score, 0.3)
    squat(score, 4.1)
    sidestep_and_wave(score, 6.5)
    raise_legs(score, 8.8)
    lean(score, 11.4)
    touch_head(score, 13.6)
    _turn_slowly(score, 14.3)
    _walk_about(score, 18.6)
    score.rest(SHOWCASE_S)
    return score.play(seconds, rate, SHOWCASE_S / seconds)


def _turn_slowly(score: Score, at: float) -> None:
    """Once round, with the arms in a different place for every view."""
    turn_round(score, at + 0.3, at + 4.2, 360.0)
    for start, end, left, right in (
        (0.0, 0.5, "down_out", "hang"),
        (0.7, 1.2, "side", "hip"),
        (1.4, 1.9, "diagonal", "side"),
        (2.1, 2.6, "hip", "diagonal"),
        (2.8, 3.2, "front", "front"),
        (3.5, 4.0, "hang", "hang"),
    ):
        score.arms(at + start, at + end, left, right)
    for start, end, value in ((0.1, 0.5, 1.0), (1.5, 1.9, 0.0), (2.2, 2.6, 0.7), (3.6, 4.0, 0.0)):
        for side in ("left", "right"):
            score.move(f"{side}_fist", at + start, at + end, value)


def _walk_about(score: Score, at: float) -> None:
    """To the camera with swinging arms; back again facing it, hands opening and closing before the chest."""
    walk_to(score, at, at + 0.8, (0.0, 0.42))
    score.arms(at + 0.85, at + 1.2, "fists_up", "fists_up")
    for side in ("left", "right"):
        score.move(f"{side}_fist", at + 0.85, at + 1.15, 1.0)
        score.move(f"{side}_fist", at + 1.3, at + 1.6, 0.0)
    walk_to(score, at + 1.0, at + 2.4, (0.0, -0.7), arms=False)
    score.arms(at + 1.5, at + 1.9, "stop", "offer")
    score.arms(at + 1.95, at + 2.3, "offer", "stop")
    walk_to(score, at + 2.45, at + 3.2, (0.0, 0.0))


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
