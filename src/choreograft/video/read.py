"""Videos as streams of upright RGB frames with exact times; never a whole one in memory.

A video is a file or a folder of numbered pictures.

Shapes: H, W pixels of a frame as a viewer sees it (rotation and pixel shape applied). Times are fractions of a second,
0 at the first frame shown (docs/conventions.md, "Time").
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from choreograft.video.clock import ASSUMED_TIME_BASE
from choreograft.video.picture import TimedPicture
from choreograft.video.picture_folder import PictureFolder
from choreograft.video.reel import open_reel
from choreograft.video.size import Size


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
    listed: int | None = None
    """The frames shown, where names or an index list every one of them and none is damaged."""
    time_base: Fraction = ASSUMED_TIME_BASE
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
        VideoError: missing, not a video, sound only, no picture that decodes, truncated; of a folder: no pictures,
            or not numbered one by one, or not all of one size.
    """
    with open_reel(path) as reel:
        if isinstance(reel, PictureFolder):
            reel.check_sizes()
        height, width, _ = next(reel.pictures()).to_rgb().shape
        return VideoInfo(
            path=path,
            size=Size(width, height),
            rate=reel.rate,
            duration_s=reel.duration_s,
            frames=reel.count,
            has_sound=reel.has_sound,
            listed=reel.listed,
            time_base=reel.time_base,
        )


def measure_length(path: Path) -> Fraction:
    """How long the pictures are shown, s: from the first one's time to the end of the last one's.

    Reads every packet but decodes one picture only. What a file declares is often another length: that of its sound,
    or counted from elsewhere.

    Raises:
        VideoError: as `probe`.
    """
    with open_reel(path) as reel:
        start = next(reel.pictures()).time
    return reel.measure_end() - start


def measure_held(path: Path) -> Fraction:
    """For how long pictures are held for ten seconds and longer, s: reads every packet and decodes none.

    Raises:
        VideoError: as `probe`.
    """
    with open_reel(path) as reel:
        return reel.measure_held()


def count_frames(path: Path) -> int:
    """How many frames `read_frames` yields, unless some of a file's do not decode.

    Read from the index or the names where these list the pictures, otherwise every picture is decoded.

    Raises:
        VideoError: as `read_frames`.
    """
    with open_reel(path) as reel:
        return sum(1 for _ in reel.pictures()) if reel.listed is None else reel.listed


def read_frames(path: Path) -> Iterator[Frame]:
    """Decode a video frame by frame. Closing the generator closes the file.

    Frames of a file that do not decode are left out; the times of the others stay true, so a gap is a gap. Missing,
    repeated and backward times are repaired. Frames that an edit list hides are not shown.

    Raises:
        VideoError: as `probe`; after the last frame also if the file turns out to break off early; of a folder,
            where a picture cannot be read or is of another size than the first.
    """
    for index, picture in enumerate(read_pictures(path)):
        yield Frame(index, float(picture.time), picture.time, picture.to_rgb(), picture.duration)


def read_pictures(path: Path) -> Iterator[TimedPicture]:
    """The same frames before their colours are converted, which costs more than decoding them.

    Raises: as `read_frames`.
    """
    with open_reel(path) as reel:
        start: Fraction | None = None
        for picture in reel.pictures():
            start = picture.time if start is None else start
            yield replace(picture, time=picture.time - start)
