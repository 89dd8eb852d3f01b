"""When the frames of a result are shown, and which moment of the source each of them shows.

Shapes: T frames of the source, N of the result. Times are exact fractions of a second (docs/conventions.md, "Time").
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import OptionError
from choreograft.options import DEFAULT_FPS
from choreograft.video.sound import Retiming

SLOWEST, FASTEST = Fraction(1, 4), Fraction(4)
"""Tempos that sound and motion still bear."""
LOWEST_FPS, HIGHEST_FPS = 1, 240
NTSC_TOLERANCE: Final = Fraction(6, 1000)
"""29.97, 23.98 and the like are short for 30000/1001 and 24000/1001."""
LONGEST_HELD_S: Final = 1800
"""Of a result's evenly spaced frames that show held pictures alone."""
FINEST_TICK: Final = 1_000_000
"""No file counts time in smaller parts of a second, so a float64 time of a track has one exact fraction."""


@dataclass(frozen=True)
class TimingRequest:
    """What the user asked for; without anything, the source's own frames at their own times."""

    duration: Fraction | None = None
    """Of the result, s; the source's own where None."""
    fps: Fraction | str = DEFAULT_FPS
    """Frames per second of the result, or whose: source or target."""

    @staticmethod
    def parse(duration_s: float | None, fps: str) -> "TimingRequest":
        """The options `--duration` and `--fps`.

        Raises:
            OptionError: a duration that is not above zero, or a rate that is none.
        """
        if duration_s is not None and not 0 < duration_s < float("inf"):
            raise OptionError(f"--duration is {duration_s:g}; expected seconds above zero")
        duration = None if duration_s is None else Fraction(duration_s).limit_denominator(FINEST_TICK)
        return TimingRequest(duration, fps if fps in ("source", "target") else parse_rate(fps))

    def find_tempo(self, source_duration: Fraction) -> Fraction:
        """Seconds of the source in one second of the result.

        Raises:
            OptionError: more than four times as slow or as fast as the source.
        """
        tempo = Fraction(1) if self.duration is None else source_duration / self.duration
        if not SLOWEST <= tempo <= FASTEST:
            shortest, longest = float(source_duration / FASTEST), float(source_duration / SLOWEST)
            raise OptionError(
                f"--duration asks for {float(tempo):.3g} times the speed of the source, which lasts"
                f" {float(source_duration):.3g} s; expected {shortest:.3g} to {longest:.3g} s"
            )
        return tempo

    def check_held(self, held: Fraction, tempo: Fraction) -> None:
        """Refuse to draw frame by frame what a source shows with a few pictures.

        Args:
            held: for how long its pictures are held, s; see `measure_held`.
        Raises:
            OptionError: more of that than anybody would wait for.
        """
        longest = float(LONGEST_HELD_S * tempo)
        if held > longest and not self.keeps_times(tempo):
            raise OptionError(
                f"the source holds pictures for {float(held):.0f} s, which would be drawn frame by frame; expected"
                f" {longest:.0f} s at most; leave out --fps and --duration, or cut these parts out"
            )

    def keeps_times(self, tempo: Fraction) -> bool:
        """Whether the result has the source's own frame times, even or not."""
        return self.fps == "source" and tempo == 1

    def find_rate(self, source: Fraction, target: Fraction | None) -> Fraction:
        """Frames per second of the result.

        Args:
            source: the source's. target: those of the footage of who is to dance; the source's where None.
        Raises:
            OptionError: the target's are asked for and out of bounds.
        """
        if isinstance(self.fps, Fraction):
            return self.fps
        if self.fps == "target" and target is not None:
            return _check_rate(target, "the target was filmed at")
        return source


@dataclass(frozen=True)
class Timing:
    """The times of a result's N frames."""

    times: tuple[Fraction, ...]
    """When each is shown, s, 0 = the first frame."""
    source_times: tuple[Fraction, ...]
    """The moment of the source that each shows, s since its first frame."""
    rate: Fraction
    """Nominal frames per second."""
    duration: Fraction
    """Until the last frame is gone, s."""
    tempo: Fraction
    """Seconds of the source in one second of the result."""
    as_filmed: bool
    """Whether the result has one frame for every source frame, at the source's times."""

    @property
    def retiming(self) -> Retiming | None:
        """What becomes of the sound; None where it stays what it is."""
        return None if self.tempo == 1 else Retiming(self.tempo, self.duration)


def plan_timing(
    request: TimingRequest,
    source_s: NDArray[np.float64],
    source_rate: Fraction,
    source_duration: Fraction,
    target_rate: Fraction | None,
) -> Timing:
    """The timing that was asked for.

    Where neither speed nor rate is to change, the source's own times are kept, even or not. In all other cases the
    result has evenly spaced frames, as many as come closest to its duration; the last one stays to its end.

    Args:
        source_s: (T,) times of the source's frames, s, 0 = the first. source_rate: its nominal frames per second.
        source_duration: from its first frame to the end of its last, s.
        target_rate: that of the footage which the performer was trained on; the source's where None.
    Raises:
        OptionError: the tempo, or the rate of the target, is out of bounds.
    """
    own = tuple(Fraction(time).limit_denominator(FINEST_TICK) for time in source_s.tolist())
    whole = max(source_duration, own[-1] + 1 / source_rate / 2)  # damaged files may declare less than they show
    tempo = request.find_tempo(whole)
    if request.keeps_times(tempo):
        return Timing(own, own, source_rate, whole, tempo, as_filmed=True)
    rate = request.find_rate(source_rate, target_rate)
    duration = whole / tempo
    times = tuple(n / rate for n in range(max(1, round(duration * rate))))
    moments = tuple(time * tempo for time in times)
    return Timing(times, moments, rate, duration, tempo, as_filmed=tempo == 1 and times == own)


def parse_rate(text: str) -> Fraction:
    """Frames per second as people write them: 30, 12.5, 30000/1001, or 29.97 for the same.

    Raises:
        OptionError: no number, or one that no video should have.
    """
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise OptionError(f"--fps is {text!r}; expected source, target, or a number such as 30 or 29.97") from error
    ntsc = Fraction(1000, 1001) * round(rate * Fraction(1001, 1000))
    if rate.denominator != 1 and abs(rate - ntsc) <= NTSC_TOLERANCE:
        rate = ntsc
    return _check_rate(rate, "--fps is")


def _check_rate(rate: Fraction, what: str) -> Fraction:
    if not LOWEST_FPS <= rate <= HIGHEST_FPS:
        raise OptionError(
            f"{what} {float(rate):g} frames a second; expected {LOWEST_FPS} to {HIGHEST_FPS}: give another --fps"
        )
    return rate
