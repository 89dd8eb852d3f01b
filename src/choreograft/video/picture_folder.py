"""A folder of numbered pictures as a silent video: one picture a frame, evenly spaced at the assumed rate.

The last number in a name counts, so 2 comes before 10; numbers begin anywhere and have no gaps. Other files in the
folder are of no concern. OpenCV decodes the pictures, each to RGB as a viewer sees it.

Shapes: H, W pixels of a picture, upright.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import cached_property, partial
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from choreograft.config import ASSUMED_RATE
from choreograft.errors import VideoError
from choreograft.files import PICTURE_SUFFIXES, list_pictures
from choreograft.video.picture import TimedPicture
from choreograft.video.size import Size

PNG, WEBP = b"\x89PNG", b"WEBP"
PNG_WITH_ALPHA = (4, 6)
"""Colour types of a PNG header (ISO/IEC 15948, 11.2.2): grey and RGB with alpha."""
WEBP_OPAQUE = b"VP8 "
"""First chunk of a lossy WebP file without extensions (RFC 9649, 2.5), which has no place for alpha."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """The picture as (H, W, 3) uint8 RGB, contiguous.

    Turned as its EXIF data say, like videos by their display matrix. Grey becomes RGB, 16 bits become 8, and what is
    transparent is laid over black. Colour profiles are not applied. Of several pictures in one file the
    first is shown.

    Raises:
        VideoError: missing, not readable, not a picture, damaged, or transparent and turned by its EXIF data at once.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise VideoError(f"{path}: not readable: {reason}; make the file readable, or write it again") from error
    upright = _decode(data, cv2.IMREAD_COLOR)
    if upright is None:
        raise VideoError(
            f"{path}: not a picture, or damaged; expected one that a picture viewer can open; write it again"
        )
    if _may_be_transparent(data):
        upright = _lay_over_black(path, data, upright)
    return np.asarray(cv2.cvtColor(upright, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_sides(path: Path) -> tuple[int, int] | None:
    """Shorter and longer side, px, by the picture's header alone, which is fast; None where it cannot be read."""
    try:
        with Image.open(path) as picture:
            return min(picture.size), max(picture.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _decode(data: bytes, flags: int) -> NDArray[np.uint8] | None:
    """What OpenCV makes of a file's bytes, channels in the order BGR(A); None where it cannot decode them."""
    try:
        with _silent_opencv():
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # of an empty file, or of a picture larger than OpenCV allows
        return None
    return None if decoded is None else np.asarray(decoded)


@contextmanager
def _silent_opencv() -> Iterator[None]:
    """Keep OpenCV's complaints off standard error, where one line of ours is to stand."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _may_be_transparent(data: bytes) -> bool:
    """Whether a second look is worth its time; TIFF is left out, as its decoder lays pictures over black itself."""
    if data.startswith(PNG):
        return data[25] in PNG_WITH_ALPHA or b"tRNS" in data
    return data[8:12] == WEBP and data[12:16] != WEBP_OPAQUE


def _lay_over_black(path: Path, data: bytes, upright: NDArray[np.uint8]) -> NDArray[np.uint8]:
    stored = _decode(data, cv2.IMREAD_UNCHANGED)  # the only way to see alpha; it does not turn the picture
    if stored is None or stored.shape[2:] != (4,):
        return upright
    as_stored = _decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if as_stored is None or not np.array_equal(upright, as_stored):
        raise VideoError(
            f"{path}: transparent and turned by its EXIF data; expected one or the other; save it upright, or opaque"
        )
    steps = np.iinfo(stored.dtype).max // 255
    alpha = (stored[..., 3] // steps).astype(np.uint8)
    return np.asarray(cv2.multiply(upright, cv2.merge([alpha] * 3), scale=1 / 255), dtype=np.uint8)


LAST_NUMBER = re.compile(r"(?P<before>.*?)(?P<number>\d+)(?P<after>\D*)")
EXAMPLE = "frame_0001.png"


class PictureFolder:
    """The pictures of one folder in order; a `Reel`. Holds their names, never more than one of them decoded."""

    rate: Fraction = ASSUMED_RATE
    time_base: Fraction = 1 / ASSUMED_RATE
    has_sound: bool = False

    def __init__(self, path: Path) -> None:
        """Look at the names.

        Raises:
            VideoError: not readable, no pictures, or names that do not number them one by one.
        """
        self._paths = _order(path)
        self.count: int | None = len(self._paths)
        self.listed: int | None = len(self._paths)
        self.duration_s: float = float(self.measure_end())

    @cached_property
    def size(self) -> Size:
        """Of the first picture, px, and so of all.

        Raises:
            VideoError: it cannot be read.
        """
        return Size.of(read_picture(self._paths[0]))

    def pictures(self) -> Iterator[TimedPicture]:
        """All pictures, none of them read before it is asked for.

        Raises:
            VideoError: by `to_rgb`: the picture cannot be read, or is not of the first one's size.
        """
        for index, path in enumerate(self._paths):
            yield TimedPicture(index / self.rate, 1 / self.rate, partial(self._read, path))

    def check_sizes(self) -> None:
        """Read those pictures alone whose headers speak of another size than the first one's.

        Raises:
            VideoError: one cannot be read, or is not of the first one's size.
        """
        sides = read_sides(self._paths[0])
        for path in self._paths[1:]:
            if read_sides(path) not in (sides, None):
                self._read(path)

    def measure_end(self) -> Fraction:
        """When the last picture is gone, s."""
        return len(self._paths) / self.rate

    def measure_held(self) -> Fraction:
        """For how long pictures are held, s: none is."""
        return Fraction(0)

    def _read(self, path: Path) -> NDArray[np.uint8]:
        image = read_picture(path)
        if Size.of(image) != self.size:
            raise VideoError(
                f"{path}: found {Size.of(image)} px; expected {self.size} as in {self._paths[0].name}; bring all"
                " pictures of the folder to one size"
            )
        return image


_Numbered = tuple[int, tuple[str, str], Path]
"""A picture's number, what stands before and after that in its name, and its path."""


def _order(folder: Path) -> list[Path]:
    """The pictures by their numbers."""
    try:
        paths = list_pictures(folder)
    except OSError as error:
        reason = error.strerror or str(error)
        raise VideoError(f"{folder}: not readable: {reason}; make the folder readable") from error
    if not paths:
        raise VideoError(
            f"{folder} is a folder without pictures; expected a video file, or a folder of pictures named like"
            f" {EXAMPLE} ({', '.join(PICTURE_SUFFIXES)})"
        )
    pictures = sorted((_parse(path) for path in paths), key=itemgetter(0))
    _check_numbers(folder, pictures)
    return [path for _, _, path in pictures]


def _parse(path: Path) -> _Numbered:
    found = LAST_NUMBER.fullmatch(path.stem)
    if found is None:
        raise VideoError(f"{path}: no number in its name; expected one like {EXAMPLE}; number it or take it elsewhere")
    return int(found["number"]), (found["before"], found["after"]), path


def _check_numbers(folder: Path, pictures: Sequence[_Numbered]) -> None:
    for (number, series, path), (next_number, next_series, next_path) in pairwise(pictures):
        between = f"{folder}: found {path.name} and {next_path.name}"
        if series != next_series:
            raise VideoError(f"{between}; expected names that differ in their last number alone; "
                             "give each series a folder of its own")  # fmt: skip
        if number == next_number:
            raise VideoError(f"{between}; expected one picture for each number; take one of them elsewhere")
        if number + 1 != next_number:
            raise VideoError(f"{between}, nothing between them; expected numbers without gaps; "
                             "add what is missing or number them anew")  # fmt: skip
