"""A soft beat for the dance: a drum on the beat, a brush between the beats, a chord that changes every bar.

Shapes: N sound samples.
"""

import numpy as np
from numpy.typing import NDArray

from choreograft.studio.moves import BEAT_S

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
