"""When pictures are shown: what a stream declares is a hint, the times of its pictures decide.

Times that are missing, repeat, jump or run backwards are repaired; recordings that were joined follow one another.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median_low
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
    """Whether its format, MP4 or a relative, lists its packets before or behind them."""
    return "mp4" in container.format.name.split(",")


def stay(ticks: int | None, time_base: Fraction) -> Fraction:
    """How long its file says a picture or sound stays, s; 0 where it says nothing, or nothing to be believed."""
    length = (ticks or 0) * time_base
    return length if length <= LONGEST_GAP_S else Fraction(0)


def jumps(step: Fraction) -> bool:
    """Whether a time that is so much later than the one before, s, is of another recording, or of a damaged clock."""
    return not -SPLICE_S <= step <= LONGEST_GAP_S


@dataclass(frozen=True)
class Stamp:
    """When and where a packet is, on the file's own clock."""

    time: Fraction
    """When its picture is shown, s."""
    decoded: Fraction | None
    """When it is decoded, s, which may be before an earlier picture is."""
    length: Fraction
    """For how long it says that its picture stays, s."""
    place: int | None
    """In the file, bytes."""

    @classmethod
    def of(cls, packet: AnyPacket) -> "Stamp | None":
        """That of a packet; None where it has no time or is not to be shown."""
        ticks, unit = packet.dts if packet.pts is None else packet.pts, Fraction(packet.time_base or 0)
        if ticks is None or packet.is_discard:
            return None
        decoded = None if packet.dts is None else packet.dts * unit
        return cls(ticks * unit, decoded, stay(packet.duration, unit), packet.pos)


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


def split_recordings(stamps: Iterable[Stamp], interval: Fraction) -> list[Recording]:
    """The recordings that a clip is joined from, placed as `Clock` places their pictures.

    Args:
        stamps: of the packets of pictures, in the order in which they are decoded.
        interval: from the last picture of one to the first of the next, s.
    """
    parts: list[list[tuple[Fraction, int]]] = []
    joined = JoinedTimes()
    for stamp in stamps:
        if joined.begins(stamp.time, stamp.decoded) or not parts:
            parts.append([])
        parts[-1].append((stamp.time, stamp.place or 0))
    recordings: list[Recording] = []
    for part in parts:
        times, places = zip(*part, strict=True)
        shift = recordings[-1].last + recordings[-1].shift + interval - min(times) if recordings else Fraction(0)
        recordings.append(Recording(min(times), max(times), shift, range(min(places), max(places))))
    return recordings


class JoinedTimes:
    """Times of joined recordings, or of a damaged one, as those of one: what jumps follows what was before."""

    def __init__(self) -> None:
        self._latest: Fraction | None = None
        self._decoded: Fraction | None = None
        self._last = self._shift = Fraction(0)

    def begins(self, time: Fraction, decoded: Fraction | None) -> bool:
        """Whether another recording begins with a picture, by its time and its decoding time, s.

        One that is decoded after a later one goes back too, across a picture that is held for seconds, but its decoding
        time does not.
        """
        step = Fraction(0) if self._latest is None else time - self._latest
        goes_on = decoded is not None and self._decoded is not None and decoded >= self._decoded
        begins = jumps(step) and (step > 0 or not goes_on)
        self._latest = time if self._latest is None or begins else max(self._latest, time)
        self._decoded = decoded
        return begins

    def place(self, time: Fraction, interval: Fraction, decoded: Fraction | None = None) -> Fraction:
        """When a picture of that time is shown, s; the next one by `interval` where the times jump.

        Args:
            decoded: its decoding time, s, where pictures come in the order in which they are decoded.
        """
        if self.begins(time, decoded):
            self._shift = self._last + interval - time
        self._last = time + self._shift
        return self._last


class Ending:
    """When the last picture is gone, from the packets of its stream.

    What MP4 says of a packet is the step of the decoding times, which is how long its picture stays only where pictures
    lie in the order in which they are shown.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self._steps_decode = is_indexed(container)
        self._declared: Fraction | None = None
        if stream.frames and stream.duration and stream.time_base:  # fragments count their end from elsewhere
            self._declared = ((stream.start_time or 0) + stream.duration) * stream.time_base
        self._joined = JoinedTimes()
        self._lengths: Counter[Fraction] = Counter()
        self._reordered = False
        self._time = self._place = self._length = Fraction(0)

    def see(self, stamp: Stamp) -> None:
        """Take note of one packet."""
        time, length = stamp.time, stamp.length
        place = self._joined.place(time, length, stamp.decoded)
        self._lengths[length] += 1
        self._reordered |= place < self._place
        if place >= self._place:
            self._time, self._place, self._length = time, place, length

    @property
    def end(self) -> Fraction:
        """Of all pictures seen so far, s."""
        return self._place + self._last_stay

    def settle(self, picture: ShownPicture) -> ShownPicture:
        """The picture with a duration that is right where it is the last one."""
        return replace(picture, duration=self._last_stay or None) if self._misleads else picture

    @property
    def _misleads(self) -> bool:
        return self._steps_decode and self._reordered

    @property
    def _last_stay(self) -> Fraction:
        if not self._misleads:
            return self._length
        left = Fraction(0) if self._declared is None else self._declared - self._time
        return left if 0 < left <= LONGEST_GAP_S else median_low(self._lengths.elements())


class Clock:
    """Gives every picture a time, repairing those that are missing, repeat or run backwards."""

    def __init__(self, stream: VideoStream, rate: Fraction) -> None:
        self.time_base = Fraction(stream.time_base or ASSUMED_TIME_BASE)
        self._interval = 1 / rate
        self.longest_step = self._interval
        self._last: Fraction | None = None
        self._joined = JoinedTimes()

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
        if self._last is None:
            return Fraction(0)
        if time is None:
            return self._last + self._interval
        # half a step, so that the next picture's true time is still free
        return self._last + self._interval / 2
