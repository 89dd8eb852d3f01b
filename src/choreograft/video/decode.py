"""Opening a video file and decoding its pictures in order, each with a trustworthy time.

Everything that is odd about files is dealt with here: packets that do not decode, times that are missing, repeat or
jump back, pictures hidden by an edit list, files that end early. What a picture looks like is `picture.py`'s concern.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias, cast

import av
from av.container import InputContainer
from av.filter import Graph
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from choreograft.config import ASSUMED_RATE
from choreograft.errors import VideoError

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
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these leave transparency out."""
SPLICE_S = 2
"""Times that jump back further than this begin anew (joined recordings); anything less is one wrong time."""
LONGEST_GAP_S = 600
"""Times that jump forward further than this do so too, or are damaged: nobody dances in a picture that long."""
MISSING_S = 0.5
"""A file whose pictures stop this long before their declared end is truncated."""
MISSING_SHARE = 0.02
"""The same as a share of the duration, where that is only known for the file as a whole."""
MAX_READ_ERRORS = 100
"""Unreadable places in a row after which the rest of the file counts as lost."""


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


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The opened file and the stream that holds its pictures; closed with the context.

    Raises:
        VideoError: the file is missing, unreadable, not a video, without pictures or truncated.
    """
    if not path.exists():
        raise VideoError(f"{path}: no such file; check the name of the video")
    try:
        # the prefix keeps FFmpeg from taking a name with a colon for a protocol
        container = av.open(f"file:{path}")
    except PermissionError as error:
        raise VideoError(f"{path}: not readable: permission denied; make the file readable") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise VideoError(
            f"{path}: not a video, or its beginning is missing or damaged; expected a file that a player can open"
        ) from error
    with container:
        stream = _picture_stream(path, container)
        _check_index(path, container, stream)
        yield container, stream


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
    if _is_indexed(container):
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


def declared_duration_s(container: InputContainer, stream: VideoStream) -> float:
    """How long the pictures claim to last, or the whole file where they say nothing; 0.0 if neither does."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def count_listed(container: InputContainer, stream: VideoStream) -> int | None:
    """How many pictures MP4's index says are shown, without those that an edit list hides; None without such an index.

    Fragments list theirs as they are read, so a file of fragments has no count.
    """
    if not _is_indexed(container) or not stream.frames:
        return None
    return sum(not entry.is_discard for entry in stream.index_entries)


def pictures_end(path: Path) -> Fraction:
    """When the last picture ends on the file's own clock, s; from the packets, as few formats declare it.

    Raises:
        VideoError: as `open_video`.
    """
    end, joined = Fraction(0), _JoinedTimes()
    with open_video(path) as (container, stream), suppress(av.FFmpegError):  # what is behind damage does not count
        time_base = Fraction(stream.time_base or 0)
        for packet in container.demux(stream):
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is not None and not packet.is_discard:
                length = _stay(packet.duration, time_base)
                end = max(end, joined.place(stamp * time_base, length) + length)
    return end


def shown_pictures(
    path: Path, container: InputContainer, stream: VideoStream, report: ReadReport
) -> Iterator[ShownPicture]:
    """Every picture that a player would show, in order, at strictly increasing times; interlaced ones made whole.

    Decoded in threads up to the first damage: they say now this, now that of which frames of damaged H.264 are whole.
    From there the file is read again without them, so that every reading shows the same.

    Raises:
        VideoError: none could be decoded, or (after the last one) the file turns out to be truncated.
    """
    stream.thread_type, last = "AUTO", None
    for picture in _show(path, container, stream, report):
        if report.undecodable:
            break
        yield picture
        last = picture.time
    else:
        if not report.undecodable:
            return
    report.frames = report.undecodable = report.repaired_times = 0
    with open_video(path) as (again, same):
        same.thread_type = "NONE"
        yield from (picture for picture in _show(path, again, same, report) if last is None or picture.time > last)


def _show(path: Path, container: InputContainer, stream: VideoStream, report: ReadReport) -> Iterator[ShownPicture]:
    clock = _Clock(stream, nominal_rate(path, container, stream), report)
    extent = _Extent(container, stream)
    decoder, weaver = _find_decoder(stream), _Deinterlacer()
    shown_until = Fraction(0)
    for packet in _packets(container, report):
        extent.see(packet)
        if packet.stream is not stream:  # its stream_index is not set on the packets that flush
            continue
        for frame in _decode(decoder, packet, report):
            picture = clock.time_picture(frame)
            shown_until = picture.time + (picture.duration or clock.longest_step)
            report.frames += 1
            yield from weaver.weave(picture)
    yield from weaver.finish()
    if not report.frames:
        raise VideoError(f"{path}: not one picture could be decoded; expected a video with at least one frame")
    extent.check_complete(path, float(shown_until), float(clock.longest_step))


def _stay(ticks: int | None, time_base: Fraction) -> Fraction:
    """How long its file says a picture or sound stays, s; 0 where it says nothing, or nothing to be believed."""
    length = (ticks or 0) * time_base
    return length if length <= LONGEST_GAP_S else Fraction(0)


class _JoinedTimes:
    """Times of joined recordings, or of a damaged one, as those of one: what jumps follows what was before."""

    def __init__(self, report: ReadReport | None = None) -> None:
        self._report = report or ReadReport()
        self._last: Fraction | None = None
        self._shift = Fraction(0)

    def place(self, time: Fraction, interval: Fraction) -> Fraction:
        """When a picture of that time is shown, s; the next one by `interval` where the times jump."""
        place = time + self._shift
        if self._last is not None and not -SPLICE_S <= place - self._last <= LONGEST_GAP_S:
            self._shift += self._last + interval - place
            place = self._last + interval
            self._report.repaired_times += 1
        self._last = place
        return place


class _Clock:
    """Gives every picture a time, repairing those that are missing, repeat or run backwards."""

    def __init__(self, stream: VideoStream, rate: Fraction, report: ReadReport) -> None:
        self.time_base = Fraction(stream.time_base or ASSUMED_TIME_BASE)
        self._interval = 1 / rate
        self.longest_step = self._interval
        self._report = report
        self._last: Fraction | None = None
        self._joined = _JoinedTimes(report)

    def time_picture(self, frame: VideoFrame) -> ShownPicture:
        """The picture with its own time, or the most plausible one."""
        stamp = frame.pts if frame.pts is not None else frame.dts  # AVI knows decoding times only
        time = None if stamp is None else self._joined.place(stamp * self.time_base, self._interval)
        if time is None or (self._last is not None and time < self._last + LEAST_STEP):
            time = self._repair(time)
        if self._last is not None:
            self.longest_step = max(self.longest_step, time - self._last)
        self._last = time
        return ShownPicture(frame, time, _stay(frame.duration, self.time_base) or None)

    def _repair(self, time: Fraction | None) -> Fraction:
        self._report.repaired_times += 1
        if self._last is None:
            return Fraction(0)
        if time is None:
            return self._last + self._interval
        # half a step, so that the next picture's true time is still free
        return self._last + self._interval / 2


class _Deinterlacer:
    """Makes whole pictures of interlaced ones, which show two moments in alternate rows (FFmpeg's bwdif)."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None
        self._waiting: deque[ShownPicture] = deque()

    def weave(self, picture: ShownPicture) -> Iterator[ShownPicture]:
        """The pictures that are whole with this one; it may have to wait for the next."""
        frame = picture.frame
        kind = (frame.width, frame.height, frame.format.name) if frame.interlaced_frame else None
        if kind != self._kind:
            yield from self.finish()
            self._kind = kind
            if kind is not None:
                self._graph = _build_graph(frame)
        if self._graph is None:
            yield picture
            return
        self._waiting.append(picture)
        frame.pts = len(self._waiting)  # FFmpeg wants one; the times are known
        self._graph.push(frame)
        yield from self._pull(self._graph)

    def finish(self) -> Iterator[ShownPicture]:
        """Those that still wait."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pull(self._graph)
        self._graph = self._kind = None

    def _pull(self, graph: Graph) -> Iterator[ShownPicture]:
        with suppress(av.BlockingIOError, av.EOFError):
            while self._waiting:
                frame = cast(VideoFrame, graph.pull())
                yield replace(self._waiting.popleft(), frame=frame)


def _build_graph(frame: VideoFrame) -> Graph:
    graph = Graph()
    start = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=ASSUMED_TIME_BASE)
    whole, end = graph.add("bwdif", mode="send_frame"), graph.add("buffersink")
    start.link_to(whole)
    whole.link_to(end)
    graph.configure()
    return graph


class _Extent:
    """How far the data of a file really reach, to be compared with what it declares."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        # a complete index was checked already, and declared lengths of MP4 may be generous
        known = _is_indexed(container) and stream.frames > 0
        self._declared_s = 0.0 if known or not container.duration else container.duration / av.time_base
        self._stream = stream
        self._first_s = float("inf")
        self._last_s = 0.0
        self._pictures_s = 0.0
        self._joined = _JoinedTimes()

    def see(self, packet: AnyPacket) -> None:
        """Take note of one packet of any stream."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or packet.is_discard:
            return
        start, length = stamp * packet.time_base, _stay(packet.duration, packet.time_base)
        self._first_s = min(self._first_s, float(start))
        self._last_s = max(self._last_s, float(start + length))
        if packet.stream is self._stream:
            self._pictures_s = max(self._pictures_s, float(self._joined.place(start, length) + length))

    def check_complete(self, path: Path, shown_until_s: float, longest_step_s: float) -> None:
        """Raise VideoError if the file breaks off, or its last part does not decode (an unfinished download)."""
        tolerance_s = max(MISSING_S, MISSING_SHARE * self._declared_s) + longest_step_s
        # declared durations count from zero or from the first packet, as the format likes: believe the milder one
        reached_s = max(self._last_s, self._last_s - self._first_s)
        if reached_s < self._declared_s - tolerance_s:
            raise _truncated(path, shown_until_s, self._declared_s)
        if shown_until_s < self._pictures_s - tolerance_s:
            raise _truncated(path, shown_until_s, self._pictures_s)


def _truncated(path: Path, found_s: float, declared_s: float) -> VideoError:
    return VideoError(
        f"{path}: truncated: pictures end at {found_s:.1f} s of {declared_s:.1f} s declared; get the complete file, "
        "or cut the video to its good part first"
    )


def _picture_stream(path: Path, container: InputContainer) -> VideoStream:
    name = container.format.name
    if name == "tty":  # FFmpeg plays text files as old terminal animations
        raise VideoError(f"{path}: not a video but text; expected a file that a player can open")
    if name.endswith("_pipe") or name == "image2":
        kind = name.removesuffix("_pipe")
        raise VideoError(f"{path}: a still picture ({kind}); expected a video, or a folder of numbered pictures")
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    decodable = [s for s in streams if s.codec_context is not None]
    if decodable:
        return max(decodable, key=_rank)
    if streams:
        raise VideoError(f"{path}: no decoder for its pictures; convert it to H.264 first")
    if container.streams.audio:
        raise VideoError(f"{path}: sound only, no pictures; expected a video")
    raise VideoError(f"{path}: no pictures in this file; expected a video")


def _rank(stream: VideoStream) -> tuple[bool, int]:
    """The default stream first, then the largest: some cameras add a small preview stream."""
    return bool(stream.disposition & Disposition.default), stream.width * stream.height


def _check_index(path: Path, container: InputContainer, stream: VideoStream) -> None:
    """MP4 lists where each packet lies, so a missing end shows before hours are spent on the beginning."""
    if not _is_indexed(container) or not stream.time_base:
        return
    length = path.stat().st_size
    entries = stream.index_entries
    missing = [entry.timestamp for entry in entries if entry.pos + entry.size > length]
    if not missing:
        return
    found_s = float(min(missing) * stream.time_base)
    declared_s = declared_duration_s(container, stream)
    if found_s < declared_s - MISSING_S:
        raise _truncated(path, max(found_s, 0.0), declared_s)


def _is_indexed(container: InputContainer) -> bool:
    return "mp4" in container.format.name.split(",")


def _packets(container: InputContainer, report: ReadReport) -> Iterator[AnyPacket]:
    """All packets of all streams, going on behind places that cannot be read."""
    errors = 0
    while True:
        try:
            for packet in container.demux():
                errors = 0
                yield packet
            return
        except av.FFmpegError:
            errors += 1
            report.undecodable += 1
            if errors >= MAX_READ_ERRORS:
                return


def _find_decoder(stream: VideoStream) -> VideoCodecContext:
    """The stream's own, or one that keeps its transparency."""
    name = ALPHA_DECODERS.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1" or name not in av.codecs_available:
        return stream.codec_context
    return cast(VideoCodecContext, VideoCodecContext.create(name, "r"))


def _decode(decoder: VideoCodecContext, packet: AnyPacket, report: ReadReport) -> list[VideoFrame]:
    """The pictures that this packet completes, without those the decoder knows to be broken."""
    try:
        frames = decoder.decode(packet)
    except av.FFmpegError:
        report.undecodable += 1
        return []
    sound = [frame for frame in frames if not frame.is_corrupt]
    report.undecodable += len(frames) - len(sound)
    return sound
