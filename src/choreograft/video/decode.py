"""Opening a video file and decoding its pictures in order, each with a trustworthy time.

Everything that is odd about files is dealt with here: packets that do not decode, pictures hidden by an edit list,
files that end early. When a picture is shown is `clock.py`'s concern, what it looks like `picture.py`'s.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from choreograft.errors import VideoError
from choreograft.video.clock import (
    AnyPacket,
    Clock,
    Ending,
    JoinedTimes,
    Recording,
    ShownPicture,
    Stamp,
    is_indexed,
    nominal_rate,
    split_recordings,
)
from choreograft.video.picture import Deinterlacer

ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's own decoders of these leave transparency out."""
MISSING_S = 0.5
"""A file whose pictures stop this long before their declared end is truncated."""
MISSING_SHARE = 0.02
"""The same as a share of the duration, where that is only known for the file as a whole."""
LONG_HOLD_S = 10
"""A picture that stays so long is held, by a screen recording or a damaged clock."""
PICTURE_BRANDS = dict.fromkeys(("avif", "avis"), "avif") | dict.fromkeys(
    ("heic", "heim", "heis", "heix", "hevc", "hevx", "mif1", "msf1"), "heif"
)
"""Of MP4's relatives that hold pictures, moving or not, and how people call them."""
APNG_HEAD = 1 << 16
"""Bytes within which an APNG file says how many pictures it has."""
ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/+(?P<rest>.*)")
"""How an address on a network begins, such as https://."""
MAX_READ_ERRORS = 100
"""Unreadable places in a row after which the rest of the file counts as lost."""


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The opened file and the stream that holds its pictures; closed with the context.

    Raises:
        VideoError: the file is missing, unreadable, not a video, without pictures or truncated.
    """
    if not path.exists():
        raise _missing(path)
    if not path.is_file():  # reading waits for whoever writes into it, and there is no second reading
        raise VideoError(f"{path}: not a file but a pipe or a device; save the video as a file and name that")
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


def _missing(path: Path) -> VideoError:
    address = ADDRESS.match(str(path))
    if address is None:
        return VideoError(f"{path}: no such file; check the name of the video")
    whole = f"{address['scheme']}://{address['rest']}"  # of two slashes a path keeps one
    return VideoError(f"{whole}: an address, not a file; download the video and name the file")


def declared_duration_s(container: InputContainer, stream: VideoStream) -> float:
    """How long the pictures claim to last, or the whole file where they say nothing; 0.0 if neither does."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else 0.0


def count_listed(container: InputContainer, stream: VideoStream) -> int | None:
    """How many pictures MP4's index says are shown, without those that an edit list hides; None without such an index.

    Fragments list theirs as they are read, so a file of fragments has no count.
    """
    if not is_indexed(container) or not stream.frames:
        return None
    return sum(not entry.is_discard for entry in stream.index_entries)


def pictures_end(path: Path) -> Fraction:
    """When the last picture ends on the file's own clock, s; from the packets, as few formats declare it.

    Raises:
        VideoError: as `open_video`.
    """
    with open_video(path) as (container, stream):
        ending = Ending(container, stream)
        for stamp in _stamps(container, stream):
            ending.see(stamp)
    return ending.end


def held_time(path: Path) -> Fraction:
    """For how long pictures stay that stay for `LONG_HOLD_S` and longer, s, the last one aside; from the packets.

    Raises:
        VideoError: as `open_video`.
    """
    joined = JoinedTimes()
    with open_video(path) as (container, stream):
        stamps = _stamps(container, stream)
        starts = sorted(joined.place(stamp.time, stamp.length, stamp.decoded) for stamp in stamps)
    steps = (later - start for start, later in pairwise(starts))
    return sum((step for step in steps if step >= LONG_HOLD_S), Fraction(0))


def find_recordings(path: Path, rate: Fraction) -> list[Recording]:
    """Those that a file is joined from, from its packets: one, unless its times jump.

    Args:
        rate: nominal frames per second.
    Raises:
        VideoError: as `open_video`.
    """
    with open_video(path) as (container, stream):
        return split_recordings(_stamps(container, stream), 1 / rate)


def _stamps(container: InputContainer, stream: VideoStream) -> Iterator[Stamp]:
    """Those of the packets of pictures, in the order of the file."""
    with suppress(av.FFmpegError):  # what is behind damage does not count
        for packet in container.demux(stream):
            stamp = Stamp.of(packet)
            if stamp is not None:
                yield stamp


def shown_pictures(
    path: Path, container: InputContainer, stream: VideoStream, rate: Fraction
) -> Iterator[ShownPicture]:
    """Every picture that a player would show, in order, at strictly increasing times; interlaced ones made whole.

    Decoded in threads up to the first damage: they say now this, now that of which frames of damaged H.264 are whole.
    From there the file is read again without them, so that every reading shows the same.

    Args:
        rate: nominal frames per second.
    Raises:
        VideoError: none could be decoded, or (after the last one) the file turns out to be truncated.
    """
    stream.thread_type, last, reading = "AUTO", None, _Reading(path, container, stream, rate)
    for picture in reading.show():
        if reading.damage:
            break
        yield picture
        last = picture.time
    else:
        if not reading.damage:
            return
    with open_video(path) as (again, same):
        same.thread_type = "NONE"
        pictures = _Reading(path, again, same, rate).show()
        yield from (picture for picture in pictures if last is None or picture.time > last)


def first_picture(path: Path, container: InputContainer, stream: VideoStream) -> ShownPicture:
    """The first one that a player would show.

    Raises:
        VideoError: as `shown_pictures`.
    """
    return next(shown_pictures(path, container, stream, nominal_rate(path, container, stream)))


class _Reading:
    """One reading of a file from its beginning: its pictures, and how far its data really reach."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream, rate: Fraction) -> None:
        self._path, self._container, self._stream = path, container, stream
        self._clock, self._ending = Clock(stream, rate), Ending(container, stream)
        # a complete index was checked already, and declared lengths of MP4 may be generous
        known = is_indexed(container) and stream.frames > 0
        self._declared_s = 0.0 if known or not container.duration else container.duration / av.time_base
        self._first_s, self._last_s = float("inf"), 0.0
        self.damage = 0
        """Places that could not be decoded so far."""

    def show(self) -> Iterator[ShownPicture]:
        """As `shown_pictures`, in the threads that the stream has."""
        decoder, weaver = _find_decoder(self._stream), Deinterlacer()
        shown_until: Fraction | None = None
        for packet in self._packets():
            self._see(packet)
            if packet.stream is not self._stream:  # its stream_index is not set on the packets that flush
                continue
            for frame in self._decode(decoder, packet):
                picture = self._ending.settle(self._clock.time_picture(frame))
                shown_until = picture.time + (picture.duration or self._clock.longest_step)
                yield from weaver.weave(picture)
        yield from weaver.finish()
        if shown_until is None:
            raise VideoError(
                f"{self._path}: not one picture could be decoded; expected a video with at least one frame"
            )
        self._check_complete(float(shown_until))

    def _packets(self) -> Iterator[AnyPacket]:
        """All packets of all streams, going on behind places that cannot be read."""
        errors = 0
        while errors < MAX_READ_ERRORS:
            try:
                for packet in self._container.demux():
                    errors = 0
                    yield packet
                return
            except av.FFmpegError:
                errors += 1
                self.damage += 1

    def _see(self, packet: AnyPacket) -> None:
        stamp = Stamp.of(packet)
        if stamp is None:
            return
        self._first_s = min(self._first_s, float(stamp.time))
        self._last_s = max(self._last_s, float(stamp.time + stamp.length))
        if packet.stream is self._stream:
            self._ending.see(stamp)

    def _decode(self, decoder: VideoCodecContext, packet: AnyPacket) -> list[VideoFrame]:
        """The pictures that this packet completes, without those the decoder knows to be broken."""
        try:
            frames = decoder.decode(packet)
        except av.FFmpegError:
            self.damage += 1
            return []
        whole = [frame for frame in frames if not frame.is_corrupt]
        self.damage += len(frames) - len(whole)
        return whole

    def _check_complete(self, shown_until_s: float) -> None:
        """Raise VideoError if the file breaks off, or its last part does not decode (an unfinished download)."""
        tolerance_s = max(MISSING_S, MISSING_SHARE * self._declared_s) + float(self._clock.longest_step)
        # declared durations count from zero or from the first packet, as the format likes: believe the milder one
        reached_s, pictures_s = max(self._last_s, self._last_s - self._first_s), float(self._ending.end)
        for found_s, declared_s in ((reached_s, self._declared_s), (shown_until_s, pictures_s)):
            if found_s < declared_s - tolerance_s:
                raise _truncated(self._path, shown_until_s, declared_s)


def _truncated(path: Path, found_s: float, declared_s: float) -> VideoError:
    return VideoError(
        f"{path}: truncated: pictures end at {found_s:.1f} s of {declared_s:.1f} s declared; get the complete file, "
        "or cut the video to its good part first"
    )


def _picture_stream(path: Path, container: InputContainer) -> VideoStream:
    name = container.format.name
    if name == "tty":  # FFmpeg plays text files as old terminal animations
        raise VideoError(f"{path}: not a video but text; expected a file that a player can open")
    _check_moving(path, container)
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    decodable = [s for s in streams if s.codec_context is not None]
    if decodable:
        return max(decodable, key=_rank)
    if streams:
        raise VideoError(f"{path}: no decoder for its pictures; convert it to H.264 first")
    if container.streams.audio:
        raise VideoError(f"{path}: sound only, no pictures; expected a video")
    raise VideoError(f"{path}: no pictures in this file; expected a video")


def _rank(stream: VideoStream) -> tuple[bool, bool, int]:
    """What moves first, then the default stream, then the largest: some cameras add a small preview stream."""
    return stream.frames != 1, bool(stream.disposition & Disposition.default), stream.width * stream.height


def _check_moving(path: Path, container: InputContainer) -> None:
    """Refuse a still picture, and a moving one that FFmpeg shows as a still or without its transparency."""
    kind, counts = container.format.name.removesuffix("_pipe"), [stream.frames for stream in container.streams.video]
    still, fault = container.format.name.endswith("_pipe") or kind == "image2", ""
    if kind == "webp" and _is_animated_webp(path):
        fault = "that cannot be decoded"
    elif kind in ("gif", "apng"):
        still = (_count_apng(path) if kind == "apng" else counts[0]) == 1
    elif is_indexed(container) and container.metadata.get("major_brand") in PICTURE_BRANDS:
        kind, still = PICTURE_BRANDS[container.metadata["major_brand"]], max(counts, default=1) <= 1
        fault = "with transparency, which would be lost" if sum(count > 1 for count in counts) > 1 else ""
    if fault:
        raise VideoError(f"{path}: an animated picture ({kind}) {fault}; convert it to GIF or to a video first")
    if still:
        raise VideoError(f"{path}: a still picture ({kind}); expected a video, or a folder of numbered pictures")


def _is_animated_webp(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(21)  # RFC 9649, 2.7
    return head[12:16] == b"VP8X" and bool(head[20:] and head[20] & 2)


def _count_apng(path: Path) -> int | None:
    """Of the pictures, as the header of an APNG file says; None where it does not."""
    with path.open("rb") as file:
        head = file.read(APNG_HEAD)
    at = head.find(b"acTL")
    return None if at < 0 else int.from_bytes(head[at + 4 : at + 8], "big")


def _check_index(path: Path, container: InputContainer, stream: VideoStream) -> None:
    """MP4 lists where each packet lies, so a missing end shows before hours are spent on the beginning."""
    if not is_indexed(container) or not stream.time_base:
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


def _find_decoder(stream: VideoStream) -> VideoCodecContext:
    """The stream's own, or one that keeps its transparency."""
    name = ALPHA_DECODERS.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1" or name not in av.codecs_available:
        return stream.codec_context
    return cast(VideoCodecContext, VideoCodecContext.create(name, "r"))
