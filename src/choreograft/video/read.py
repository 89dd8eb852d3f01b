"""Videos as streams of upright RGB frames with exact times; never a whole file in memory.

Shapes: H, W pixels of a frame as a viewer sees it (rotation and pixel shape applied). Times are fractions of a second,
0 at the first frame shown (docs/conventions.md, "Time").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

from choreograft.video.decode import (
    ReadReport,
    ShownPicture,
    declared_duration_s,
    nominal_rate,
    open_video,
    pictures_end,
    shown_pictures,
)
from choreograft.video.picture import PictureConverter
from choreograft.video.size import Size

__all__ = ["Frame", "ReadReport", "VideoInfo", "measure_length", "probe", "read_frames"]


@dataclass(frozen=True)
class VideoInfo:
    """What a video says of itself."""

    path: Path
    size: Size
    """Of the frames that `read_frames` yields."""
    rate: Fraction
    """Nominal frames per second; the average where the frames are unevenly timed."""
    duration_s: float
    """Declared, 0.0 if unknown."""
    frames: int | None
    """Declared or estimated, for progress totals; None if unknown. The frames shown may be fewer."""
    has_sound: bool
    time_base: Fraction = Fraction(1, 90_000)
    """Seconds that every frame time is a whole multiple of."""


@dataclass(frozen=True)
class Frame:
    """One shown frame."""

    index: int
    time_s: float
    """0 = the first frame, strictly increasing."""
    time: Fraction
    """The same, exactly."""
    image: NDArray[np.uint8]
    """(H, W, 3) RGB, contiguous."""
    duration: Fraction | None = None
    """How long the file says it stays, s; None where it does not say."""


def probe(path: Path) -> VideoInfo:
    """Look at a video; decodes its first picture, because only that shows the true size.

    Raises:
        VideoError: missing, a folder, not a video, sound only, no picture that decodes, truncated.
    """
    with open_video(path) as (container, stream):
        rate = nominal_rate(stream)
        duration_s = declared_duration_s(container, stream)
        picture = next(shown_pictures(path, container, stream, ReadReport()))
        return VideoInfo(
            path=path,
            size=_converter(stream, picture).size,
            rate=rate,
            duration_s=duration_s,
            frames=_count(stream, rate, duration_s),
            has_sound=bool(container.streams.audio),
            time_base=Fraction(stream.time_base or VideoInfo.time_base),
        )


def measure_length(path: Path) -> Fraction:
    """How long the pictures are shown, s: from the first one's time to the end of the last one's.

    Reads every packet but decodes one picture only. What a file declares is often another length: that of its sound,
    or counted from elsewhere.

    Raises:
        VideoError: as `probe`.
    """
    with open_video(path) as (container, stream):
        start = next(shown_pictures(path, container, stream, ReadReport())).time
    return pictures_end(path) - start


def read_frames(path: Path, report: ReadReport | None = None) -> Iterator[Frame]:
    """Decode a video frame by frame. Closing the generator closes the file.

    Frames that do not decode are left out; the times of the others stay true, so a gap is a gap. Missing, repeated
    and backward times are repaired. Frames that an edit list hides are not shown.

    Args:
        report: filled while the frames are read, for callers that want to tell of damage.
    Raises:
        VideoError: as `probe`; after the last frame also if the file turns out to break off early.
    """
    with open_video(path) as (container, stream):
        converter: PictureConverter | None = None
        start = Fraction(0)
        pictures = shown_pictures(path, container, stream, report or ReadReport())
        for index, picture in enumerate(pictures):
            if converter is None:
                converter, start = _converter(stream, picture), picture.time
            time = picture.time - start
            yield Frame(index, float(time), time, converter.convert(picture.frame), picture.duration)


def _converter(stream: VideoStream, first: ShownPicture) -> PictureConverter:
    return PictureConverter(first.frame, stream.sample_aspect_ratio)


def _count(stream: VideoStream, rate: Fraction, duration_s: float) -> int | None:
    # AVI counts its empty chunks as frames, so a count far above the duration's is not believed
    expected = round(duration_s * rate)
    if stream.frames and (not expected or stream.frames < 1.5 * expected):
        return stream.frames
    return expected or None
