"""A folder of numbered pictures as a silent video: one picture a frame, evenly spaced at the assumed rate.

The last number in a name counts, so 2 comes before 10; numbers begin anywhere and have no gaps. Other files in the
folder are of no concern.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from choreograft.config import ASSUMED_RATE
from choreograft.errors import VideoError
from choreograft.files import PICTURE_SUFFIXES, list_pictures
from choreograft.video.picture import TimedPicture
from choreograft.video.picture_file import read_picture, read_sides
from choreograft.video.size import Size

LAST_NUMBER = re.compile(r"(?P<before>.*?)(?P<number>\d+)(?P<after>\D*)")
EXAMPLE = "frame_0001.png"


def is_picture_folder(path: Path) -> bool:
    """Whether a path is to be read as a folder of pictures rather than as a video file."""
    return path.is_dir()


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
        return _size_of(read_picture(self._paths[0]))

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
        if _size_of(image) != self.size:
            raise VideoError(
                f"{path}: found {_size_of(image)} px; expected {self.size} as in {self._paths[0].name}; bring all"
                " pictures of the folder to one size"
            )
        return image


@dataclass(frozen=True)
class _Numbered:
    """A picture's path and what its name consists of."""

    path: Path
    number: int
    series: tuple[str, str]
    """What stands before and after the number."""

    @property
    def name(self) -> str:
        return self.path.name


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
    pictures = sorted((_parse(path) for path in paths), key=lambda picture: picture.number)
    _check_numbers(folder, pictures)
    return [picture.path for picture in pictures]


def _parse(path: Path) -> _Numbered:
    found = LAST_NUMBER.fullmatch(path.stem)
    if found is None:
        raise VideoError(f"{path}: no number in its name; expected one like {EXAMPLE}; number it or take it elsewhere")
    return _Numbered(path, int(found["number"]), (found["before"], found["after"]))


def _check_numbers(folder: Path, pictures: Sequence[_Numbered]) -> None:
    for one, next_one in pairwise(pictures):
        between = f"{folder}: found {one.name} and {next_one.name}"
        if one.series != next_one.series:
            raise VideoError(f"{between}; expected names that differ in their last number alone; "
                             "give each series a folder of its own")  # fmt: skip
        if one.number == next_one.number:
            raise VideoError(f"{between}; expected one picture for each number; take one of them elsewhere")
        if one.number + 1 != next_one.number:
            raise VideoError(f"{between}, nothing between them; expected numbers without gaps; "
                             "add what is missing or number them anew")  # fmt: skip


def _size_of(image: NDArray[np.uint8]) -> Size:
    height, width = image.shape[:2]
    return Size(width, height)
