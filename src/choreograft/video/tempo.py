"""Sound at another tempo and the same pitch, through FFmpeg's `atempo`.

`atempo` lays pieces of 43 ms over each other where they fit best (WSOLA, Verhelst and Roelands 1993). It keeps step
over any length, but puts a beat a little early, the more so the slower it plays; its average is made up for.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

RETIMED_HZ: Final = 48_000
"""Retimed sound is encoded at this rate: the length of atempo's pieces, and so what it puts early, depends on it."""
SLOWEST_STAGE: Final = 0.5
"""One atempo goes no slower; two of them do."""
EARLY_SLOW_S: Final = 0.017
EARLY_SLOWER_S: Final = 0.009
EARLY_FAST_S: Final = 0.006
"""How early attacks come, measured on drums and clicks, with and without held notes, at tempos from 0.5 to 4: in slow
sound 17 ms and 9 ms more for every further second that a second lasts, in fast sound 6 ms; each to within 20 ms."""


@dataclass(frozen=True)
class Retiming:
    """What becomes of the sound of a dance that is danced slower or faster."""

    tempo: Fraction
    """Seconds of the source in one second of the result; above 1 is faster."""
    duration: Fraction
    """Of the result, s; the sound is cut, or silence added, to exactly this length."""

    def filters(self, late: Fraction) -> list[tuple[str, str]]:
        """Names and arguments of FFmpeg filters, for samples at `RETIMED_HZ`.

        Args:
            late: when the first sample is heard, s after the source's first picture.
        """
        stages = split_tempo(float(self.tempo))
        wait = round((float(late / self.tempo) + find_lead_s(stages)) * RETIMED_HZ)
        length = round(self.duration * RETIMED_HZ)
        return [
            ("asetpts", "PTS-STARTPTS"),
            *(("atempo", f"{stage:.12f}") for stage in stages),
            ("adelay", f"delays={wait}S:all=1"),
            ("apad", f"whole_len={length}"),
            ("atrim", f"end_sample={length}"),
            ("asetpts", "N/SR/TB"),
        ]


def split_tempo(tempo: float) -> list[float]:
    """The tempo as a product of equal ones that atempo takes."""
    stages = max(1, math.ceil(math.log(tempo) / math.log(SLOWEST_STAGE) - 1e-9))
    return [tempo ** (1 / stages)] * stages


def find_lead_s(stages: list[float]) -> float:
    """How early sound comes out of a chain of atempo filters, s."""
    lead_s = 0.0
    for tempo in stages:
        slower = 1 / tempo - 1
        lead_s = lead_s / tempo + (EARLY_SLOW_S + EARLY_SLOWER_S * slower if slower > 0 else EARLY_FAST_S)
    return lead_s
