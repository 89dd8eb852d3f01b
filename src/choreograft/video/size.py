"""Sizes in pixels; how pictures are scaled, laid onto another (docs/conventions.md, "Pixels") and beside each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.files import atomic_path

LONGEST_SIDE: Final = 1 << 15
"""Of a picture that a file may speak of, px."""


class Size(NamedTuple):
    """Width and height in pixels, in this order everywhere outside of array shapes."""

    width: int
    height: int

    @staticmethod
    def of(picture: NDArray[Any]) -> "Size":
        """That of a picture (H, W, ...)."""
        return Size(picture.shape[1], picture.shape[0])

    def scaled(self, factor: float) -> "Size":
        """So many times as large, no side below one pixel."""
        return Size(max(1, round(self.width * factor)), max(1, round(self.height * factor)))

    @staticmethod
    def checked(sides: Sequence[Any]) -> "Size":
        """What a file says is a size.

        Raises:
            ValueError: not two whole numbers above zero that a picture could have.
        """
        if len(sides) != 2 or not all(isinstance(side, int) and 0 < side <= LONGEST_SIDE for side in sides):
            raise ValueError(f"a size of {sides}")
        return Size(*sides)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class Canvas:
    """Lays pictures of size `source` onto a picture of size `size`: one scale for both axes, centred.

    Where the shapes nearly agree (within `MAX_CROP`) the picture covers the canvas and loses a few rows or columns;
    otherwise it is contained, and the border repeats its edge pixels.
    """

    source: Size
    size: Size

    MAX_CROP = 0.05

    @property
    def scale(self) -> float:
        """Canvas pixels per source pixel."""
        across, down = self.size.width / self.source.width, self.size.height / self.source.height
        cover, contain = max(across, down), min(across, down)
        return cover if 1 - contain / cover <= self.MAX_CROP else contain

    @property
    def offset(self) -> tuple[float, float]:
        """Where the source's upper left corner comes to lie on the canvas, (x, y) in canvas pixels."""
        return (
            (self.size.width - self.source.width * self.scale) / 2,
            (self.size.height - self.source.height * self.scale) / 2,
        )

    def place_points(self, xy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Source pixels (..., 2) to canvas pixels (..., 2); NaN stays NaN."""
        return np.asarray(xy * self.scale + np.asarray(self.offset), dtype=np.float32)

    def place_image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A source picture (h, w) or (h, w, C) uint8 of the source's shape, on the canvas (H, W[, C])."""
        covered = (self.source.width * self.scale, self.source.height * self.scale)
        return _lay(image, covered, self.offset, self.size, cv2.INTER_LINEAR)

    def restore_image(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A canvas picture (H, W, C) uint8 back in the source's frame (h, w, C), enlarged by bicubic interpolation.

        What the canvas does not show of the source repeats its edge.
        """
        covered = (self.size.width / self.scale, self.size.height / self.scale)
        left, top = self.offset
        return _lay(image, covered, (-left / self.scale, -top / self.scale), self.source, cv2.INTER_CUBIC)


@dataclass(frozen=True)
class Crop:
    """A square of the frame, resampled to a picture of `out_px` a side; beyond the frame its edge repeats."""

    centre: NDArray[np.float32]
    """(2,) px of the frame."""
    side_px: float
    """Of the square, in px of the frame."""
    up: NDArray[np.float32]
    """(2,) direction in the frame that points up in the crop; (0, -1) turns nothing."""
    out_px: int = 256

    def __post_init__(self) -> None:
        if not (self.side_px > 0 and np.linalg.norm(self.up) > 0):
            raise ValueError(f"a crop of side {self.side_px} and direction {self.up}; expected both above zero")

    @property
    def _turn(self) -> NDArray[np.float64]:
        """(2, 2) from frame to crop directions, scale included."""
        x, y = self.up / np.linalg.norm(self.up)
        return np.array([[-y, x], [-x, -y]]) * self.out_px / self.side_px

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The crop of a frame (H, W, 3), as (out_px, out_px, 3)."""
        # pixel centres lie at integers + 0.5 for us and at integers for OpenCV
        shift = self.out_px / 2 - self._turn @ (self.centre - 0.5) - 0.5
        matrix = np.column_stack([self._turn, shift])
        size = (self.out_px, self.out_px)
        cut = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cut, dtype=np.uint8)

    def to_frame(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points of the crop (N, 2), 0..1 of its side, in px of the frame."""
        centred = (points - 0.5) * self.out_px
        return np.asarray(centred @ np.linalg.inv(self._turn).T + self.centre, dtype=np.float32)


def _lay(
    image: NDArray[np.uint8], covered: tuple[float, float], corner: tuple[float, float], size: Size, interpolation: int
) -> NDArray[np.uint8]:
    """A picture (h, w[, C]) stretched over `covered` px (x, y) from `corner` (x, y) of another one, (H, W[, C])."""
    height, width = image.shape[:2]
    if covered[0] < width:  # shrink with area averaging first: an affine warp alone would alias
        width, height = max(1, round(covered[0])), max(1, round(height * covered[0] / width))
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    step_x, step_y = covered[0] / width, covered[1] / height
    # pixel centres lie at integers + 0.5 for us and at integers for OpenCV
    matrix = np.array([[step_x, 0, corner[0] + 0.5 * step_x - 0.5], [0, step_y, corner[1] + 0.5 * step_y - 0.5]])
    return np.asarray(
        cv2.warpAffine(image, matrix, size, flags=interpolation, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
    )


GAP_PX = 4
GROUND = 24
"""Grey level between the pictures."""


def tile_pictures(rows: Sequence[Sequence[NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Lay pictures (h, w, 3) RGB uint8 out in rows, each as tall as its first picture, with a gap between them."""
    strips = [_join_row(row) for row in rows if row]
    width = max(strip.shape[1] for strip in strips)
    sheet = np.full((sum(strip.shape[0] + GAP_PX for strip in strips) - GAP_PX, width, 3), GROUND, np.uint8)
    top = 0
    for strip in strips:
        sheet[top : top + strip.shape[0], : strip.shape[1]] = strip
        top += strip.shape[0] + GAP_PX
    return sheet


def width_at(size: Size, height_px: int) -> int:
    """The width of a picture of that size at another height, its shape kept."""
    return size.width if size.height == height_px else max(1, round(size.width * height_px / size.height))


def scale_to_height(picture: NDArray[np.uint8], height_px: int) -> NDArray[np.uint8]:
    """The same picture (h, w, 3) at another height, its shape kept."""
    given = Size.of(picture)
    if given.height == height_px:
        return picture
    size = (width_at(given, height_px), height_px)
    interpolation = cv2.INTER_AREA if given.height > height_px else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), dtype=np.uint8)


def fit_into(picture: NDArray[np.uint8], size: Size, ground: int = GROUND) -> NDArray[np.uint8]:
    """The whole of a picture (h, w, 3) as large as it fits into `size`, centred on a grey level."""
    given = Size.of(picture)
    scale = min(size.width / given.width, size.height / given.height)
    inner = given.scaled(scale)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    left, top = (size.width - inner.width) // 2, (size.height - inner.height) // 2
    cell = np.full((size.height, size.width, 3), ground, np.uint8)
    cell[top : top + inner.height, left : left + inner.width] = cv2.resize(picture, inner, interpolation=interpolation)
    return cell


def save_picture(picture: NDArray[np.uint8], path: Path) -> None:
    """Write (H, W, 3) RGB uint8 as the format of the suffix, atomically."""
    _, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _join_row(row: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height_px = row[0].shape[0]
    parts = [scale_to_height(picture, height_px) for picture in row]
    gap = np.full((height_px, GAP_PX, 3), GROUND, np.uint8)
    joined = [part for picture in parts for part in (picture, gap)][:-1]
    return np.concatenate(joined, axis=1)
