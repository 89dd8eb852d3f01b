"""What the performers do: a calibration routine and a showcase of the whole range of motion, a dance, and a beat to it.

The showcase is the target's clip of a pair: front and back, near and far, hands open and closed. The beat is a drum on
the beat, a brush between the beats, a chord that changes every bar. Moves are scripts for `Score.act`, in moves.toml.

Shapes: N sound samples.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from choreograft.studio.score import TABLES, Motion, Score

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
