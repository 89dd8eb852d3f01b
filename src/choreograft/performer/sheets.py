"""Sheets: a layer of a person as one reference shows it, on its way into a new pose, at any size.

The way is an affine map and a smooth residual known at the canvas's size; pixels are looked up at the size of the
result, each once.

Shapes: h x w pixels of a sheet's box on the canvas; H x W pixels of the box in the result.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.video.size import Canvas, Size

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
SEAM: Final = 3.0
"""How much narrower a seam is than the canvas's pixels."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the canvas, px."""

    top: int
    left: int
    height: int
    width: int

    @staticmethod
    def around(covers: NDArray[np.bool_], room: int = 0) -> "Box | None":
        """The smallest one around what is covered (h, w), with some room; None where nothing is."""
        rows, columns = (np.flatnonzero(covers.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return None
        top, left = max(0, int(rows[0]) - room), max(0, int(columns[0]) - room)
        bottom, right = (
            min(limit, int(at[-1]) + room + 1) for at, limit in zip((rows, columns), covers.shape, strict=True)
        )
        return Box(top, left, bottom - top, right - left)

    @property
    def at(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True)
class Enlargement:
    """From boxes of the canvas to the pixels of a result and back. Pixel centres lie at integers + 0.5."""

    placed: Canvas
    """Lays a result on the canvas."""

    @staticmethod
    def none(size: Size) -> "Enlargement":
        """The result is the canvas."""
        return Enlargement(Canvas(size, size))

    @property
    def scale(self) -> float:
        """Result pixels for each of the canvas."""
        return 1 / self.placed.scale

    def window(self, box: Box) -> tuple[slice, slice]:
        """Rows and columns of the result that a box covers."""
        (off_x, off_y), size = self.placed.offset, self.placed.source
        rows, columns = (
            slice(max(0, round((low - off) * self.scale)), min(limit, round((low + span - off) * self.scale)))
            for low, span, off, limit in (
                (box.top, box.height, off_y, size.height), (box.left, box.width, off_x, size.width),
            )
        )  # fmt: skip
        return rows, columns

    def enlarge(self, maps: Floats, box: Box, window: tuple[slice, slice], how: int = cv2.INTER_LINEAR) -> Floats:
        """(h, w[, C]) of a box at the result's size, in a window (rows, columns) of it; edges repeat."""
        size = window[1].stop - window[1].start, window[0].stop - window[0].start
        if self.scale == 1 and size == (box.width, box.height):
            return maps
        flags = how | cv2.WARP_INVERSE_MAP
        matrix = self._matrix(box, window)
        return np.asarray(cv2.warpAffine(maps, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))

    def shrink(self, maps: Floats, box: Box, window: tuple[slice, slice]) -> Floats:
        """(H, W[, C]) in a window of the result at the canvas's size in a box, by means over squares."""
        side = max(1, round(self.scale))
        means = cv2.blur(maps, (side, side)) if side > 1 else maps
        matrix, size = self._matrix(box, window), (box.width, box.height)
        return np.asarray(cv2.warpAffine(means, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def grid(self, window: tuple[slice, slice]) -> Floats:
        """(H, W, 2) where the pixels of a window lie on the canvas, (x, y) canvas px."""
        (off_x, off_y), (rows, columns) = self.placed.offset, window
        place = np.empty((rows.stop - rows.start, columns.stop - columns.start, 2), np.float32)
        place[..., 0] = (np.arange(columns.start, columns.stop) + 0.5) / self.scale + off_x
        place[..., 1] = ((np.arange(rows.start, rows.stop) + 0.5) / self.scale + off_y)[:, None]
        return place

    def _matrix(self, box: Box, window: tuple[slice, slice]) -> NDArray[np.float64]:
        """(2, 3) pixels of the window to those of the box, as OpenCV counts them."""
        step, (off_x, off_y) = self.placed.scale, self.placed.offset
        x = (window[1].start + 0.5) * step + off_x - box.left - 0.5
        y = (window[0].start + 0.5) * step + off_y - box.top - 0.5
        return np.array([[step, 0, x], [0, step, y]])


@dataclass(frozen=True)
class Cutout:
    """A person, cut out of a picture."""

    picture: Picture
    """(H, W, 4) RGB and matte (255 = person); the colours go on beyond the outline."""
    scale: float
    """Its pixels for each of the canvas."""
    corner: tuple[float, float]
    """Where its upper left corner lies on the canvas, (x, y) canvas px."""


@dataclass(frozen=True)
class Sheet:
    """One layer as one reference shows it, and how it comes to lie in the new picture."""

    reference: int
    layer: int
    box: Box
    """Beyond which nothing of it is drawn."""
    affine: Floats
    """(3, 2) canvas pixels (x, y, 1) to places in the reference, canvas px, on the whole."""
    residual: Floats
    """(h, w, 2) what is to be added to that, canvas px."""
    gate: Floats
    """(h, w) 0..1 where it may be drawn."""
    member: Picture
    """(canvas height, canvas width) 255 where the reference shows this layer."""

    def look_up(self, cutout: Cutout, enlargement: Enlargement, window: tuple[slice, slice]) -> Floats:
        """(H, W, 4) of a window of the result: RGB in grey levels, and 0..1 how much is shown, the gate left out."""
        place = enlargement.enlarge(self.residual, self.box, window).copy()
        grid = enlargement.grid(window)
        place += grid[..., :1] * self.affine[0] + grid[..., 1:] * self.affine[1] + self.affine[2]
        inside = _remap(self.member, place - np.float32(0.5)).astype(np.float32) / 255
        place -= np.array(cutout.corner, np.float32)
        place *= np.float32(cutout.scale)
        sample = _remap(cutout.picture, place - np.float32(0.5)).astype(np.float32)
        sample[..., 3] *= np.clip((inside - 0.5) * SEAM + 0.5, 0, 1) / 255
        return sample


def lay_over(drawn: Floats, sample: Floats, share: Floats) -> None:
    """Lay a sample (H, W, 4) over what is drawn (H, W, 4), RGB times matte and matte, in place.

    Args:
        share: (H, W) 0..1, times the sample's own matte.
    """
    shown = (share * sample[..., 3])[..., None]
    drawn *= 1 - shown
    drawn[..., :3] += shown * sample[..., :3]
    drawn[..., 3:] += shown


def _remap(picture: Floats | Picture, place: Floats) -> NDArray[np.generic]:
    """A picture looked up at places (H, W, 2), as OpenCV counts; its edges repeat."""
    return np.asarray(
        cv2.remap(picture, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    )
