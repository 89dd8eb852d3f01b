"""Videos as streams of upright RGB frames with exact times; never a whole one in memory.

A video is a file or a folder of numbered pictures: a *reel* of pictures with times, converted on demand.

Shapes: H, W pixels of a frame as a viewer sees it (rotation and pixel shape applied). Times are fractions of a second,
0 at the first frame shown (docs/conventions.md, "Time").
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from choreograft.video.clock import ASSUMED_TIME_BASE, nominal_rate
from choreograft.video.decode import (
    count_listed,
    declared_duration_s,
    first_picture,
    held_time,
    open_video,
    pictures_end,
    shown_pictures,
)
from choreograft.video.picture import PictureConverter, StoredPicture, TimedPicture, orientation
from choreograft.video.picture_folder import PictureFolder
from choreograft.video.size import Size


class VideoFile:
    """The pictures of a video file as a viewer sees them; a `Reel`."""

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        """Look at what the file declares; `open_video` opens it."""
        self._path, self._container, self._stream = path, container, stream
        self.rate = nominal_rate(path, container, stream)
        """Nominal frames per second; the average where the frames are unevenly timed."""
        self.time_base = Fraction(stream.time_base or ASSUMED_TIME_BASE)
        """Seconds that every time is a whole multiple of."""
        self.duration_s = declared_duration_s(container, stream)
        """Declared, 0.0 if unknown."""
        self.count = _count(stream, self.rate, self.duration_s)
        """Of the pictures, declared or estimated; None if unknown."""
        self.listed = count_listed(container, stream)
        """Of the pictures that a player would show, where an index lists every one of them and none is damaged."""
        self.has_sound = bool(container.streams.audio)

    def pictures(self) -> Iterator[TimedPicture]:
        """Every picture that a player would show, in order, at strictly increasing times; all of one size.

        Raises:
            VideoError: one cannot be read, or the last one turns out to be missing.
        """
        converter = PictureConverter(self._stream.sample_aspect_ratio)
        for shown in shown_pictures(self._path, self._container, self._stream, self.rate):
            shape = converter.see(shown.frame)
            yield TimedPicture(shown.time, shown.duration, partial(converter.convert, shown.frame, shape))

    def measure_end(self) -> Fraction:
        """When the last picture is gone, s since the file's own zero."""
        return pictures_end(self._path)

    def measure_held(self) -> Fraction:
        """For how long pictures stay that stay for `decode.LONG_HOLD_S` and longer, s."""
        return held_time(self._path)


Reel = VideoFile | PictureFolder
"""An opened video, whatever it is made of."""


@contextmanager
def open_reel(path: Path) -> Iterator[Reel]:
    """A video file or a folder of pictures, whichever lies there; closed with the context.

    Raises:
        VideoError: missing, unreadable, not a video, or a folder without numbered pictures.
    """
    if path.is_dir():
        yield PictureFolder(path)
        return
    with open_video(path) as (container, stream):
        yield VideoFile(path, container, stream)


def _count(stream: VideoStream, rate: Fraction, duration_s: float) -> int | None:
    # AVI counts its empty chunks as frames, so a count far above the duration's is not believed
    expected = round(duration_s * rate)
    if stream.frames and (not expected or stream.frames < 1.5 * expected):
        return stream.frames
    return expected or None


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
        return VideoInfo(
            path=path,
            size=Size.of(next(reel.pictures()).to_rgb()),
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


def sample_frames(path: Path, indices: Sequence[int] | NDArray[np.intp]) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) RGB uint8 at increasing indices, as `read_frames` numbers and shows them.

    The video is not read beyond the last of them; indices beyond its end yield nothing.

    Raises:
        VideoError: as `probe`.
    """
    wanted = {int(index) for index in indices}
    with open_reel(path) as reel:
        for index, picture in enumerate(reel.pictures()):
            if index in wanted:
                yield picture.to_rgb()
                wanted.discard(index)
            if not wanted:
                return


def look_at_stored(path: Path) -> StoredPicture | None:
    """How the first picture of a video lies in its file; None for a folder of pictures.

    Raises:
        VideoError: as `probe`.
    """
    if path.is_dir():
        return None
    with open_video(path) as (container, stream):
        frame = first_picture(path, container, stream).frame
        return StoredPicture(Size(frame.width, frame.height), *(orientation(frame) or (False, None)))
