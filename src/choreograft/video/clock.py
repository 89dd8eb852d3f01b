"""When pictures are shown: what a stream declares is a hint, the times of its pictures decide.

Times that are missing, repeat, jump or run backwards are repaired; recordings that were joined follow one another.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from choreograft.config import ASSUMED_RATE

AnyPacket: TypeAlias = "Packet[Any]"
"""PyAV's packets are generic to type checkers only."""
ASSUMED_TIME_BASE = Fraction(1, 90_000)
"""Seconds a tick of a stream that says nothing of it: MPEG's clock."""
RATE_TOLERANCE = Fraction(5, 10_000)
"""An average this close to the base rate is the base rate, blurred by rounded timestamps."""
FEW_TIMES, MANY_TIMES = 8, 600
"""Fewer pictures tell no rate; so many are looked at where no index lists them."""
MISDECLARED = Fraction(1, 5)
"""By which a declared rate may be off: a file may begin slower or faster than it goes on."""
RATE_PARTS = 100
"""Measured rates are counted in parts of one, up to hundredths."""
SLOWEST_RATE, FASTEST_RATE = Fraction(1, RATE_PARTS), Fraction(1000)
"""Beyond these it is a damaged clock that speaks."""
LEAST_STEP = Fraction(1, 10_000)
"""Seconds: pictures nearer to each other than that have one time, of which the second is to be repaired."""
SPLICE_S = 2
"""Times that jump back further than this begin anew (joined recordings); anything less is one wrong time."""
LONGEST_GAP_S = 600
"""Times that jump forward further than this do so too, or are damaged: nobody dances in a picture that long."""


@dataclass
class ReadReport:
    """What was found while a video was read; complete once its last frame was taken."""

    frames: int = 0
    """Frames that were shown."""
    undecodable: int = 0
    """Places that could not be decoded; their frames are missing and leave gaps in the times."""
    repaired_times: int = 0
    """Frames whose time was missing, repeated or ran backwards."""


@dataclass(frozen=True)
class ShownPicture:
    """A decoded picture and when it is shown, s since the stream's own zero."""

    frame: VideoFrame
    time: Fraction
    duration: Fraction | None


def nominal_rate(path: Path, container: InputContainer, stream: VideoStream) -> Fraction:
    """Frames per second: the exact base rate of a constant stream, the average of a variable one.

    What a stream declares is a hint: browsers write 1000. Where the times of its pictures say otherwise, they decide.
    """
    base, average = stream.base_rate, stream.average_rate
    declared = average or base or stream.guessed_rate
    if base and average and average > base * (1 - RATE_TOLERANCE):
        declared = base  # no stream can be faster on average; AVI claims so where it counts empty chunks
    if not declared or not SLOWEST_RATE <= declared <= FASTEST_RATE:
        declared = ASSUMED_RATE
    ticks, time_base = sorted(_first_ticks(path, container, stream)), Fraction(stream.time_base or ASSUMED_TIME_BASE)
    longest = LONGEST_GAP_S / time_base
    steps = [step for tick, later in pairwise(ticks) if (step := later - tick) <= longest]
    if len(ticks) < FEW_TIMES or not steps:
        return declared
    measured = len(steps) / (sum(steps) * time_base)
    if abs(measured / declared - 1) < MISDECLARED or not SLOWEST_RATE <= measured <= FASTEST_RATE:
        return declared
    return measured.limit_denominator(RATE_PARTS)


def _first_ticks(path: Path, container: InputContainer, stream: VideoStream) -> set[int]:
    """When pictures are shown or decoded, ticks: all that an index lists, else those of the first packets."""
    if is_indexed(container):
        return {entry.timestamp for entry in stream.index_entries}
    ticks: set[int] = set()
    with suppress(av.FFmpegError), av.open(f"file:{path}") as again:  # where reading began, it goes on
        for packet in again.demux(again.streams[stream.index]):
            stamp = packet.dts if packet.dts is not None else packet.pts
            if stamp is not None and not packet.is_discard:
                ticks.add(stamp)
            if len(ticks) == MANY_TIMES:
                break
    return ticks


def is_indexed(container: InputContainer) -> bool:
    return "mp4" in container.format.name.split(",")


def stay(ticks: int | None, time_base: Fraction) -> Fraction:
    """How long its file says a picture or sound stays, s; 0 where it says nothing, or nothing to be believed."""
    length = (ticks or 0) * time_base
    return length if length <= LONGEST_GAP_S else Fraction(0)


def jumps(step: Fraction) -> bool:
    """Whether a time that is so much later than the one before, s, is of another recording, or of a damaged clock."""
    return not -SPLICE_S <= step <= LONGEST_GAP_S


@dataclass(frozen=True)
class Recording:
    """The pictures of one of the recordings that were joined, on its own clock."""

    first: Fraction
    """When it begins, s."""
    last: Fraction
    """When its last picture is shown, s."""
    shift: Fraction
    """By how much later it is shown, s, so that it follows the one before."""
    place: range
    """Where its pictures lie in the file, bytes."""

    def covers(self, time: Fraction) -> bool:
        """Whether a sound of that time may belong to these pictures: it may begin before them and outlast them."""
        return self.first - SPLICE_S <= time <= self.last + SPLICE_S

    def distance(self, place: int | None) -> int:
        """Of a place in the file from these pictures, bytes; 0 where nobody knows it."""
        return 0 if place is None else max(self.place.start - place, place - self.place.stop, 0)


def split_recordings(stamps: Iterable[tuple[Fraction, int | None]], interval: Fraction) -> list[Recording]:
    """The recordings that a clip is joined from, placed as `Clock` places their pictures.

    Args:
        stamps: time, s, and place in the file, bytes, of each picture, in the order in which they are decoded.
        interval: from the last picture of one to the first of the next, s.
    """
    parts: list[list[tuple[Fraction, int]]] = []
    for time, place in stamps:
        if not parts or jumps(time - parts[-1][-1][0]):
            parts.append([])
        parts[-1].append((time, place or 0))
    recordings: list[Recording] = []
    for part in parts:
        times, places = zip(*part, strict=True)
        shift = recordings[-1].last + recordings[-1].shift + interval - min(times) if recordings else Fraction(0)
        recordings.append(Recording(min(times), max(times), shift, range(min(places), max(places))))
    return recordings


class JoinedTimes:
    """Times of joined recordings, or of a damaged one, as those of one: what jumps follows what was before."""

    def __init__(self, report: ReadReport | None = None) -> None:
        self._report = report or ReadReport()
        self._last: Fraction | None = None
        self._shift = Fraction(0)

    def place(self, time: Fraction, interval: Fraction) -> Fraction:
        """When a picture of that time is shown, s; the next one by `interval` where the times jump."""
        place = time + self._shift
        if self._last is not None and jumps(place - self._last):
            self._shift += self._last + interval - place
            place = self._last + interval
            self._report.repaired_times += 1
        self._last = place
        return place


class Clock:
    """Gives every picture a time, repairing those that are missing, repeat or run backwards."""

    def __init__(self, stream: VideoStream, rate: Fraction, report: ReadReport) -> None:
        self.time_base = Fraction(stream.time_base or ASSUMED_TIME_BASE)
        self._interval = 1 / rate
        self.longest_step = self._interval
        self._report = report
        self._last: Fraction | None = None
        self._joined = JoinedTimes(report)

    def time_picture(self, frame: VideoFrame) -> ShownPicture:
        """The picture with its own time, or the most plausible one."""
        stamp = frame.pts if frame.pts is not None else frame.dts  # AVI knows decoding times only
        time = None if stamp is None else self._joined.place(stamp * self.time_base, self._interval)
        if time is None or (self._last is not None and time < self._last + LEAST_STEP):
            time = self._repair(time)
        if self._last is not None:
            self.longest_step = max(self.longest_step, time - self._last)
        self._last = time
        return ShownPicture(frame, time, stay(frame.duration, self.time_base) or None)

    def _repair(self, time: Fraction | None) -> Fraction:
        self._report.repaired_times += 1
        if self._last is None:
            return Fraction(0)
        if time is None:
            return self._last + self._interval
        # half a step, so that the next picture's true time is still free
        return self._last + self._interval / 2
