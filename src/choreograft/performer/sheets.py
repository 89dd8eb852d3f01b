"""Sheets: a layer of a person as one reference shows it, on its way into a new pose, at any size.

The way is an affine map and a smooth residual known at the canvas's size; pixels are looked up at the size of the
result, each once.

Shapes: h x w pixels of a sheet's box on the canvas; H x W pixels of the box in the result.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import ceil, floor
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.performer.region import Region
from choreograft.video.size import Canvas, Size

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]
LEAST_SMEAR_PX: Final = 3.0
"""Result pixels below which a motion is not drawn as a smear: lens and codec leave as much."""
SMEAR_STEP_PX: Final = 1.5
"""Between the exposures that a smear is put together from: with larger steps a face becomes several."""
FINE_PX: Final = 3.0
"""Canvas px of a picture of 256 rows around, over which colours are coarse ones, not detail."""
ALIKE_LEVELS: Final = 40.0
"""Of 255, by which coarse colours differ that are hardly alike."""
FINE_LEVELS: Final = 20.0
"""That fine detail differs by at most: it is a weave or hair, not a print or an eye."""
COARSE_FROM: Final = 4.0
"""Result pixels for each of the canvas: what lens and codec leave in larger pictures is not so fine that cubics, seven
times as slow to look up, would keep more of it."""
LINED_UP: Final = 4
"""Lines of the canvas among which that is looked for from which on enlarged ones lie best on those of a result."""


@dataclass(frozen=True)
class Lines:
    """Rows or columns of the canvas, which enlarged hold those of a window of the result."""

    at: NDArray[np.intp]
    """(n,) theirs, some beyond the canvas."""
    skipped: int
    """Of the result before the window."""
    off: float
    """Canvas px by which the result's lie farther on than those that are enlarged."""

    @property
    def middle(self) -> Floats:
        """(n,) canvas px such that they lie right once they are enlarged."""
        return (self.at + (0.5 + self.off)).astype(np.float32)

    def within(self, start: int, count: int) -> NDArray[np.intp]:
        """(n,) the same counted in a box that has so many from `start` on; those beyond it are its edges."""
        return np.minimum(np.maximum(self.at - start, 0), count - 1)

    @staticmethod
    @lru_cache(maxsize=64)  # many maps are enlarged in one window
    def around(start: int, stop: int, scale: float, off: float) -> "Lines":
        """Those around so many of a result with so many px for each of the canvas, and where it begins there."""
        found = []
        for first in range(floor(start / scale + off) - 2 - LINED_UP, floor(start / scale + off) - 1):
            lie = (off - first) * scale + start  # where the window begins, if they are enlarged from there
            found.append((abs(lie - round(lie)), first, lie))
        _, first, lie = min(found, key=lambda one: (round(one[0], 6), -one[1]))
        at = np.arange(first, ceil(stop / scale + off) + 3)
        return Lines(at, round(lie), (lie - round(lie)) / scale)

    def window(self, part: slice) -> slice:
        """The lines of the window among those that are enlarged."""
        return slice(self.skipped, self.skipped + part.stop - part.start)


@dataclass(frozen=True)
class Enlargement:
    """From boxes of the canvas to the pixels of a result. Pixel centres lie at integers + 0.5."""

    placed: Canvas
    """Lays a result on the canvas."""

    @cached_property
    def scale(self) -> float:
        """Result pixels for each of the canvas."""
        return 1 / self.placed.scale

    @cached_property
    def offset(self) -> tuple[float, float]:
        """Where the result begins on the canvas, (x, y) px."""
        return self.placed.offset

    def window(self, box: Region) -> tuple[slice, slice]:
        """Rows and columns of the result that a box covers."""
        rows, columns = (
            slice(max(0, round((part.start - off) * self.scale)), min(limit, round((part.stop - off) * self.scale)))
            for part, off, limit in zip(box.at, self.offset[::-1], self.placed.source[::-1], strict=True)
        )
        return rows, columns

    def enlarge(self, maps: Any, box: Region, window: tuple[slice, slice], how: int = cv2.INTER_LINEAR) -> Any:
        """(h, w[, C]) of a box at the result's size, in a window (rows, columns) of it; edges repeat."""
        rows, columns = self.lines(window)
        inner = maps[rows.within(box.top, box.height)[:, None], columns.within(box.left, box.width)]
        return self.spread(inner, window, how)

    def spread(self, maps: Any, window: tuple[slice, slice], how: int = cv2.INTER_LINEAR) -> Any:
        """(n, m[, C]) of the `lines` around a window at the result's size, in the window."""
        rows, columns = self.lines(window)
        large = cv2.resize(maps, None, fx=self.scale, fy=self.scale, interpolation=how)
        return large[rows.window(window[0]), columns.window(window[1])]

    def lines(self, window: tuple[slice, slice]) -> tuple[Lines, Lines]:
        """The rows and columns of the canvas around a window of the result."""
        (rows, columns), (x, y) = window, self.offset
        down, right = (rows.start, rows.stop, self.scale, y), (columns.start, columns.stop, self.scale, x)
        return Lines.around(*down), Lines.around(*right)


@dataclass(frozen=True)
class Cutout:
    """A person, or a layer of one, cut out of a picture."""

    picture: Picture
    """(H, W, 4) RGB and matte (255 = person); the colours go on beyond the outline."""
    scale: float
    """Its pixels for each of the canvas."""
    corner: tuple[float, float]
    """Where its upper left corner lies on the canvas, (x, y) canvas px."""

    def cut(self, member: Picture) -> "Cutout":
        """What of it belongs to a layer, cropped to that.

        Args:
            member: (h, w) of the canvas, 255 where the layer is.
        """
        soft = cv2.GaussianBlur(member, (3, 3), 0)
        there = Region.covering(soft > 0, 2)  # cubics reach so far
        if there is None:
            return Cutout(np.zeros((1, 1, 4), np.uint8), self.scale, self.corner)
        scale, shape = self.scale, self.picture.shape[:2]
        rows, columns = (
            slice(min(max(0, int((side.start - off) * scale)), limit - 1), max(1, int((side.stop - off) * scale) + 1))
            for side, off, limit in zip(there.at, self.corner[::-1], shape, strict=True)
        )
        part = self.crop(rows, columns)
        how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        inside = cv2.warpAffine(soft, part.matrix(), Size.of(part.picture), flags=how)
        cv2.insertChannel(cv2.multiply(inside, part.picture[..., 3], scale=1 / 255), part.picture, 3)
        return part.crop(*(Region.covering(part.picture[..., 3] > 0, 1) or Region(0, 0, 1, 1)).at)

    def crop(self, rows: slice, columns: slice) -> "Cutout":
        """A copy of a part of it."""
        step = 1 / self.scale
        corner = self.corner[0] + columns.start * step, self.corner[1] + rows.start * step
        return Cutout(self.picture[rows, columns].copy(), self.scale, corner)

    def matrix(self, scale: float = 1.0, offset: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.float64]:
        """(2, 3) from its pixels to those of a picture of so many for each of the canvas, which begins there on the
        canvas, as OpenCV counts."""
        step = scale / self.scale
        left, top = ((at - off) * scale for at, off in zip(self.corner, offset, strict=True))
        return np.array([[step, 0, left + 0.5 * step - 0.5], [0, step, top + 0.5 * step - 0.5]])


@dataclass(frozen=True)
class Sheet:
    """One layer as one reference shows it, and how it comes to lie in the new picture."""

    reference: int
    layer: int
    box: Region
    """Beyond which nothing of it is drawn."""
    affine: Floats
    """(3, 2) canvas pixels (x, y, 1) to places in the reference, canvas px, on the whole."""
    residual: Floats
    """(h, w, 2) what is to be added to that, canvas px."""
    gate: Picture
    """(h, w) 255 where it may be drawn."""
    member: Picture
    """(canvas height, canvas width) 255 where the reference shows this layer."""
    smear: tuple[float, float] = (0.0, 0.0)
    """How far it moves, right and down, canvas px, while a camera's shutter is open."""
    usual: Picture | None = None
    """(h, w, 3) the colours it is to have, where the reference shows another side of it; see `recolour`."""
    fold: tuple[float, float, float] | None = None
    """The square of the reference, left, top and side, canvas px, that it is filled with, folded; None: it as it is."""

    def cropped(self) -> "Sheet":
        """The same without the part of its box in which nothing is drawn."""
        inner = Region.covering(self.gate > 0, 1) or Region(0, 0, 1, 1)
        box = Region(self.box.top + inner.top, self.box.left + inner.left, inner.height, inner.width)
        residual, gate = np.ascontiguousarray(self.residual[inner.at]), np.ascontiguousarray(self.gate[inner.at])
        usual = None if self.usual is None else np.ascontiguousarray(self.usual[inner.at])
        return replace(self, box=box, residual=residual, gate=gate, usual=usual)

    def shifted(self, by: Floats) -> "Sheet":
        """The same with each place moved by so many px of the canvas (its height, its width, 2), right and down."""
        by = by[self.box.at]
        place = places_before(by)
        residual, gate = (look_up(maps, place) for maps in (self.residual, self.gate))
        usual = None if self.usual is None else look_up(self.usual, place)
        return replace(self, residual=residual - by @ self.affine[:2], gate=gate, usual=usual)

    def expose(self, cutout: Cutout, enlargement: Enlargement, window: tuple[slice, slice]) -> Picture:
        """(H, W, 4) of a window of the result: RGB, and the matte, the gate left out; smeared by its motion.

        Args:
            cutout: the layer alone, see `Cutout.cut`.
        """
        if self.usual is not None:  # what is fine depends on what is around it: windows must not end in it
            room = int(np.ceil(FINE_PX * enlargement.scale))
            wide = _widen(window, room, room)
            return np.ascontiguousarray(self.look_up(cutout, enlargement, wide)[room:-room, room:-room])
        way = np.array(self.smear, np.float32) * enlargement.scale  # px of the result
        length = float(np.hypot(*way))
        if length < LEAST_SMEAR_PX:
            return self.look_up(cutout, enlargement, window)
        halvings = int(np.ceil(np.log2(length / SMEAR_STEP_PX)))
        early = (1 - 0.5**halvings) / 2 * np.array(self.smear, np.float32)
        x, y = np.ceil(np.abs(way)).astype(int).tolist()  # what comes in from beyond the window
        place = self.find_places(cutout, enlargement, _widen(window, y, x))
        place += early @ self.affine[:2] * cutout.scale
        drawn = cv2.cvtColor(look_up(cutout.picture, place), cv2.COLOR_RGBA2mRGBA)  # colours by alpha: means are right
        for halving in range(1, halvings + 1):  # 2 ** halvings exposures along the way
            matrix = np.column_stack([np.eye(2), way * 0.5**halving])
            moved = cv2.warpAffine(drawn, matrix, (drawn.shape[1], drawn.shape[0]))
            drawn = cv2.addWeighted(drawn, 0.5, moved, 0.5, 0)
        inner = np.ascontiguousarray(drawn[y : len(drawn) - y, x : drawn.shape[1] - x])
        return np.asarray(cv2.cvtColor(inner, cv2.COLOR_mRGBA2RGBA), dtype=np.uint8)

    def look_up(self, cutout: Cutout, enlargement: Enlargement, window: tuple[slice, slice]) -> Picture:
        """As `expose`, not smeared."""
        place = self.find_places(cutout, enlargement, window)
        if self.fold is not None:
            left, top, side = (length * cutout.scale for length in self.fold)
            corner = np.array(cutout.corner, np.float32) * np.float32(cutout.scale)
            first = np.array([left - 0.5, top - 0.5], np.float32) - corner
            place = first + np.float32(side) - np.abs(np.mod(place - first, np.float32(2 * side)) - np.float32(side))
        how = cv2.INTER_CUBIC if enlargement.scale < COARSE_FROM else cv2.INTER_LINEAR
        sample = np.asarray(look_up(cutout.picture, place, how), dtype=np.uint8)
        if self.usual is None:
            return sample
        return recolour(sample, enlargement.enlarge(self.usual, self.box, window), FINE_PX * enlargement.scale)

    def find_all(self) -> Floats:
        """(h, w, 2) where the pixels of its box are in the reference, canvas px as OpenCV counts."""
        x, y = np.arange(self.box.width) + self.box.left, np.arange(self.box.height) + self.box.top
        affine = self.affine.copy()
        affine[2] += 0.5 * (affine[0] + affine[1]) - 0.5
        return _go(self.residual.copy(), affine, x, y)

    def find_places(self, cutout: Cutout, enlargement: Enlargement, window: tuple[slice, slice]) -> Floats:
        """(H, W, 2) where the pixels of a window of the result are in a cutout, (x, y) as OpenCV counts."""
        affine = self.affine * cutout.scale
        affine[2] -= np.array(cutout.corner, np.float32) * cutout.scale + np.float32(0.5)
        rows, columns = enlargement.lines(window)
        down, right = rows.within(self.box.top, self.box.height), columns.within(self.box.left, self.box.width)
        place = _go(self.residual[down[:, None], right] * np.float32(cutout.scale), affine, columns.middle, rows.middle)
        # enlarged last: sums of large maps cost ten times as much
        return np.asarray(enlargement.spread(place, window), dtype=np.float32)


def _widen(window: tuple[slice, slice], rows: int, columns: int) -> tuple[slice, slice]:
    """A window with so many more on all sides."""
    down, right = window
    return slice(down.start - rows, down.stop + rows), slice(right.start - columns, right.stop + columns)


def _go(residual: Floats, affine: Floats, x: NDArray[np.number], y: NDArray[np.number]) -> Floats:
    """(H, W, 2) an affine map (3, 2) of columns at x (W,) and rows at y (H,) added to a residual."""
    for k in range(2):
        residual[..., k] += np.add.outer(y * affine[1, k], x * affine[0, k] + affine[2, k])
    return residual


def look_up(picture: Any, place: Floats, how: int = cv2.INTER_LINEAR) -> Any:
    """A picture at places (H, W, 2), as OpenCV counts; nothing beyond its border."""
    return cv2.remap(picture, place, None, how)  # type: ignore[call-overload]


def recolour(sample: Picture, usual: Picture, radius: float) -> Picture:
    """A sample (H, W, 4) in other colours (H, W, 3): as it is where it has about those, else its fine detail alone.

    Args:
        radius: of what is fine, px.
    Returns:
        (H, W, 4) with a matte of 255: nothing is missing.
    """
    side = (2 * max(1, round(radius)) + 1,) * 2
    shown = cv2.multiply(cv2.extractChannel(sample, 3), 1 / 255, dtype=cv2.CV_32F)[..., None]  # type: ignore[call-overload]
    colour, wanted = sample[..., :3].astype(np.float32), usual.astype(np.float32)
    coarse = cv2.blur(colour * shown, side) / (cv2.blur(shown, side)[..., None] + 1e-3)
    off = np.abs(coarse - wanted).max(axis=-1, keepdims=True) / ALIKE_LEVELS
    alike = np.exp(-off * off) * shown
    fine = np.clip(colour - coarse, -FINE_LEVELS, FINE_LEVELS) * shown
    painted = wanted + fine + alike * (colour - wanted - fine)
    return np.dstack([np.clip(painted + 0.5, 0, 255), np.full(shown.shape, 255)]).astype(np.uint8)


def places_before(by: Floats) -> Floats:
    """(H, W, 2) where what comes to lie at each pixel was before it moved by (H, W, 2) px, as OpenCV counts."""
    height, width = by.shape[:2]
    return _go(np.negative(by, dtype=np.float32), np.eye(3, 2, dtype=np.float32), np.arange(width), np.arange(height))


@dataclass
class Drawing:
    """A picture of a person in the making."""

    colour: Picture
    """(H, W, 3) RGB."""
    alpha: Floats
    """(H, W) 0..1."""

    @staticmethod
    def empty(height: int, width: int) -> "Drawing":
        """Nobody."""
        return Drawing(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), np.float32))

    def lay(self, sample: Picture, share: Picture, at: tuple[slice, slice]) -> None:
        """Lay a sample (h, w, 4) over a part of it, its matte times a share (h, w) of 255."""
        shown = cv2.multiply(cv2.extractChannel(sample, 3), share, scale=1 / 255**2, dtype=cv2.CV_32F)
        kept = cv2.multiply(self.alpha[at], 1 - shown)
        colour = np.ascontiguousarray(self.colour[at])
        self.colour[at] = cv2.blendLinear(cv2.cvtColor(sample, cv2.COLOR_RGBA2RGB), colour, shown, kept)
        self.alpha[at] = cv2.add(shown, kept)
