"""What can be read, a video file or a folder of pictures, behind one face: pictures with times, converted on demand."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Protocol

from av.container import InputContainer
from av.video.stream import VideoStream

from choreograft.video.clock import ASSUMED_TIME_BASE, nominal_rate
from choreograft.video.decode import (
    count_listed,
    declared_duration_s,
    held_time,
    open_video,
    pictures_end,
    shown_pictures,
)
from choreograft.video.picture import PictureConverter, TimedPicture
from choreograft.video.picture_folder import PictureFolder, is_picture_folder


class Reel(Protocol):
    """An opened video, whatever it is made of."""

    rate: Fraction
    """Nominal frames per second; the average where the frames are unevenly timed."""
    time_base: Fraction
    """Seconds that every time is a whole multiple of."""
    duration_s: float
    """Declared, 0.0 if unknown."""
    count: int | None
    """Of the pictures, declared or estimated; None if unknown."""
    listed: int | None
    """Of the pictures that a player would show, where names or an index list every one of them and none is damaged."""
    has_sound: bool

    def pictures(self) -> Iterator[TimedPicture]:
        """Every picture that a player would show, in order, at strictly increasing times; all of one size.

        Raises:
            VideoError: one cannot be read, or the last one turns out to be missing.
        """

    def measure_end(self) -> Fraction:
        """When the last picture is gone, s since the reel's own zero."""

    def measure_held(self) -> Fraction:
        """For how long pictures stay that stay for `decode.LONG_HOLD_S` and longer, s."""


@contextmanager
def open_reel(path: Path) -> Iterator[Reel]:
    """A video file or a folder of pictures, whichever lies there; closed with the context.

    Raises:
        VideoError: missing, unreadable, not a video, or a folder without numbered pictures.
    """
    if is_picture_folder(path):
        yield PictureFolder(path)
        return
    with open_video(path) as (container, stream):
        yield _VideoFile(path, container, stream)


class _VideoFile:
    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        self._path, self._container, self._stream = path, container, stream
        self.rate = nominal_rate(path, container, stream)
        self.time_base = Fraction(stream.time_base or ASSUMED_TIME_BASE)
        self.duration_s = declared_duration_s(container, stream)
        self.count = _count(stream, self.rate, self.duration_s)
        self.listed = count_listed(container, stream)
        self.has_sound = bool(container.streams.audio)

    def pictures(self) -> Iterator[TimedPicture]:
        converter = PictureConverter(self._stream.sample_aspect_ratio)
        for shown in shown_pictures(self._path, self._container, self._stream, self.rate):
            shape = converter.see(shown.frame)
            yield TimedPicture(shown.time, shown.duration, partial(converter.convert, shown.frame, shape))

    def measure_end(self) -> Fraction:
        return pictures_end(self._path)

    def measure_held(self) -> Fraction:
        return held_time(self._path)


def _count(stream: VideoStream, rate: Fraction, duration_s: float) -> int | None:
    # AVI counts its empty chunks as frames, so a count far above the duration's is not believed
    expected = round(duration_s * rate)
    if stream.frames and (not expected or stream.frames < 1.5 * expected):
        return stream.frames
    return expected or None
