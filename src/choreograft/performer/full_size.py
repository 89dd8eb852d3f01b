"""Small decisions, full-size pixels: a person drawn at the size they were filmed from what was decided at the canvas's.

Which reference shows each place and where, the low frequencies of the colours, the outline: all of that is known at the
canvas's size. It is enlarged, and the references' full-size pixels are moved along. One reference wins a pixel, with
narrow seams, as averages of references blur; each part of the body is a layer of its own, since the way to its
reference jumps where one part covers another. The detail that only full-size pixels have is added to the generator's
colours as far as both agree (Burt & Adelson 1983, bands); the outline is the references' fine one where the generator
agrees with it, else its own, cut at one half over a pixel or two.

Shapes: h x w pixels of the canvas; H x W pixels of the result. Pictures are float32 in grey levels, mattes in [0, 1].
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.body.parts import PARTS
from choreograft.performer.cutouts import Cutout, Cutouts
from choreograft.performer.warp import NOWHERE, Warped
from choreograft.video.size import Canvas, Size

Floats = NDArray[np.float32]
Picture = NDArray[np.uint8]

_JOINED: Final = {"neck": "head", "pelvis": "torso", "left_thigh": "torso", "right_thigh": "torso",
                  "left_hand": "left_forearm", "right_hand": "right_forearm",
                  "left_foot": "left_shin", "right_foot": "right_shin"}  # fmt: skip
LAYERS: Final = np.array([PARTS.index(_JOINED.get(part, part)) for part in PARTS])
"""(P,) the layer of each part: parts that hardly ever cover each other move as one sheet."""
LEAST_PX: Final = 6
"""Canvas pixels below which a layer's way to a reference is not worth a layer."""
SEAM: Final = 3.0
"""How much narrower a seam is than the canvas's pixels."""
EDGE: Final = 0.8
"""How steep an enlarged outline is cut, beside the enlargement."""
AGREE_LEVELS: Final = 40.0
"""Of 255, by which a reference may differ from the generator's colours and still lend its detail."""
OUTLINE_AGREES: Final = (0.2, 0.5)
"""Up to which difference of mattes the references' outline is taken, and from which on the generator's is."""


@dataclass(frozen=True)
class Decisions:
    """What a generator has to say of a frame; all of the canvas's size."""

    colour: Floats
    """(h, w, 3) the person's colours, grey levels."""
    matte: Floats
    """(h, w) 0..1."""
    trust: Floats
    """(h, w) 0..1 in what was drawn from references."""
    shift: Floats
    """(h, w, 2) px of the canvas, right and down, by which that is moved."""


class FullSize:
    """Draws frames of one size from cutouts."""

    def __init__(self, cutouts: Cutouts, canvas: Size, size: Size) -> None:
        self._cutouts, self.size = cutouts, size
        self._placed = Canvas(size, canvas)
        self.scale = 1 / self._placed.scale
        self.plate = cutouts.plate if size == cutouts.size else _resize(cutouts.plate, size)

    def draw(self, warped: Warped, decisions: Decisions | None = None) -> Picture:
        """(H, W, 3) RGB: the person over the plate; without decisions as the references show them."""
        labels = _find_layers(warped)
        covers = labels >= 0
        if decisions is not None:
            covers = covers | (decisions.matte > 0.02)
        result = self.plate.copy()
        box = _Box.around(covers, self._placed, self.size)
        if box is None:
            return result
        colour, alpha = self._move(labels, warped, box)
        if decisions is not None:
            colour, alpha = self._decide(colour, alpha, decisions, box)
        there = result[box.rows, box.columns]
        blended = there + alpha[..., None] * (colour - there)
        result[box.rows, box.columns] = np.clip(blended + 0.5, 0, 255).astype(np.uint8)
        return result

    def show(self, n: int) -> Picture:
        """(H, W, 3) RGB: reference n as it is, over the plate."""
        cutout, result = self._cutouts.look(n, self.scale), self.plate.copy()
        step = self.scale / cutout.scale
        left, top = ((at - off) * self.scale for at, off in zip(cutout.corner, self._placed.offset, strict=True))
        matrix = np.array([[step, 0, left + 0.5 * step - 0.5], [0, step, top + 0.5 * step - 0.5]])
        laid = cv2.warpAffine(cutout.picture, matrix, self.size).astype(np.float32)
        result[:] = np.clip(result + laid[..., 3:] / 255 * (laid[..., :3] - result) + 0.5, 0, 255).astype(np.uint8)
        return result

    def _move(self, labels: NDArray[np.int32], warped: Warped, box: "_Box") -> tuple[Floats, Floats]:
        """Colours and matte (H, W) of the box from the references alone; zero where none shows anything."""
        total = np.zeros((*box.shape, 5), np.float32)
        xy = warped.origin_xy.cpu().numpy()
        for label in np.unique(labels[labels >= 0]):
            layer = _Layer.of(labels == label, xy, box)
            cutout = self._cutouts.look(int(label) // len(PARTS), self.scale)
            rows, columns, share, sample = layer.look_up(cutout)
            total[rows, columns, :4] += share[..., None] * sample
            total[rows, columns, 4] += share
        known = np.maximum(total[..., 4], 1e-3)
        return total[..., :3] / known[..., None], np.minimum(total[..., 4], 1) * total[..., 3] / (255 * known)

    def _decide(self, colour: Floats, alpha: Floats, decisions: Decisions, box: "_Box") -> tuple[Floats, Floats]:
        """The same as a generator wants it."""
        moved = box.shift(np.dstack([colour, alpha]), decisions.shift)
        colour, alpha = moved[..., :3], moved[..., 3]
        shown = (alpha > 0.02).astype(np.float32)
        small = box.shrink(np.dstack([colour * shown[..., None], shown, alpha]))
        seen = small[..., 3]
        low, low_alpha = small[..., :3] / np.maximum(seen, 1e-3)[..., None], small[..., 4]
        wanted, matte = box.crop(decisions.colour), box.crop(decisions.matte)
        off = np.abs(low - wanted).max(axis=-1) / AGREE_LEVELS
        detail = np.exp(-off * off) * np.sqrt(box.crop(decisions.trust)) * (seen > 0.5)
        rest = _spread(wanted - detail[..., None] * low, matte)
        agreed = 1 - np.clip((np.abs(matte - low_alpha) - OUTLINE_AGREES[0]) / np.ptp(OUTLINE_AGREES), 0, 1)
        large = box.enlarge(np.dstack([rest, cv2.GaussianBlur(detail, (3, 3), 0), cv2.erode(agreed, np.ones((3, 3)))]))
        cut = np.clip((box.enlarge(matte, cv2.INTER_CUBIC) - 0.5) * EDGE * self.scale + 0.5, 0, 1)
        outline = cut + large[..., 4] * (alpha - cut)
        return large[..., :3] + large[..., 3:4] * colour, outline


@dataclass(frozen=True)
class _Box:
    """A rectangle of the canvas and what it is in the result."""

    top: int
    left: int
    height: int
    width: int
    rows: slice
    columns: slice
    scale: float
    """Result pixels for each of the canvas."""
    start: tuple[float, float]
    """The centre of the box's first result pixel in the box's canvas pixels, (x, y), as OpenCV counts."""

    @staticmethod
    def around(covers: NDArray[np.bool_], placed: Canvas, size: Size) -> "_Box | None":
        """The smallest one around what is covered, with a little room; None where nothing is."""
        spans = [np.flatnonzero(covers.any(axis=axis)) for axis in (1, 0)]
        if not len(spans[0]):
            return None
        (top, bottom), (left, right) = (
            (max(0, int(at[0]) - 2), min(limit, int(at[-1]) + 3)) for at, limit in zip(spans, covers.shape, strict=True)
        )
        scale, (off_x, off_y) = 1 / placed.scale, placed.offset
        rows, columns = (
            slice(max(0, round((low - off) * scale)), min(limit, round((high - off) * scale)))
            for low, high, off, limit in (
                (top, bottom, off_y, size.height), (left, right, off_x, size.width)
            )
        )  # fmt: skip
        start = tuple((first + 0.5) / scale + off - corner - 0.5
                      for first, off, corner in ((columns.start, off_x, left), (rows.start, off_y, top)))  # fmt: skip
        return _Box(top, left, bottom - top, right - left, rows, columns, scale, (start[0], start[1]))

    @property
    def shape(self) -> tuple[int, int]:
        """Of its part of the result."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def crop(self, maps: Floats) -> Floats:
        """(h, w[, C]) of the canvas to what lies in the box."""
        return maps[self.top : self.top + self.height, self.left : self.left + self.width]

    def enlarge(self, maps: Floats, how: int = cv2.INTER_LINEAR, part: tuple[slice, slice] | None = None) -> Floats:
        """(height, width[, C]) of the box at the result's size, or a part (rows, columns) of that."""
        rows, columns = part or (slice(0, self.shape[0]), slice(0, self.shape[1]))
        step = 1 / self.scale
        matrix = np.array(
            [[step, 0, self.start[0] + columns.start * step], [0, step, self.start[1] + rows.start * step]]
        )
        size = columns.stop - columns.start, rows.stop - rows.start
        flags = how | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(maps, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))

    def shrink(self, maps: Floats) -> Floats:
        """(H, W, C) of the box in the result at the canvas's size, by means over squares."""
        side = max(1, round(self.scale))
        blurred = cv2.blur(maps, (side, side)) if side > 1 else maps
        matrix = np.array([[self.scale, 0, -self.start[0] * self.scale], [0, self.scale, -self.start[1] * self.scale]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        size = self.width, self.height
        return np.asarray(cv2.warpAffine(blurred, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))

    def shift(self, maps: Floats, by: Floats) -> Floats:
        """(H, W, C) of the box in the result, moved by so many canvas pixels."""
        flow = self.enlarge(self.crop(by))
        place = self.grid()
        place -= flow * self.scale
        return np.asarray(cv2.remap(maps, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def grid(self, part: tuple[slice, slice] | None = None) -> Floats:
        """(H, W, 2) each result pixel's own place in the box, (x, y)."""
        rows, columns = part or (slice(0, self.shape[0]), slice(0, self.shape[1]))
        place = np.empty((rows.stop - rows.start, columns.stop - columns.start, 2), np.float32)
        place[..., 0] = np.arange(columns.start, columns.stop, dtype=np.float32)
        place[..., 1] = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        return place


@dataclass(frozen=True)
class _Layer:
    """One part of the body as one reference shows it."""

    box: _Box
    share: Floats
    """(height, width) of the box: 1 where it is drawn."""
    affine: Floats
    """(3, 2) canvas pixels x, y, 1 to places in the reference, canvas px: the layer's way to it on the whole."""
    residual: Floats
    """(height, width, 2) what is to be added, canvas px; goes on smoothly beyond the layer."""

    @staticmethod
    def of(mask: NDArray[np.bool_], xy: Floats, box: _Box) -> "_Layer":
        """From where (h, w) it is drawn and its places (h, w, 2) in the reference."""
        row, column = np.nonzero(mask)
        at = np.stack([column + 0.5, row + 0.5, np.ones(len(row))], axis=1)
        there = xy[row, column].astype(np.float64)
        middle = at.mean(axis=0) * [1, 1, 0]
        moments = (at - middle).T @ (at - middle) + np.diag([1e-2, 1e-2, 0])
        affine = np.linalg.solve(moments, (at - middle).T @ there)
        residual = np.zeros((*mask.shape, 2), np.float32)
        residual[row, column] = there - (at - middle) @ affine
        affine[2] -= middle[:2] @ affine[:2]
        share = box.crop(mask.astype(np.float32))
        near = cv2.blur(share, (5, 5))
        spread = cv2.blur(box.crop(residual), (5, 5)) / np.maximum(near, 1e-3)[..., None]
        inner = share[..., None] > 0
        return _Layer(box, share, affine.astype(np.float32), np.where(inner, box.crop(residual), spread))

    def look_up(self, cutout: Cutout) -> tuple[slice, slice, Floats, Floats]:
        """Rows and columns of the box's result, and there: the layer's share, RGB and matte (0..255) of the cutout."""
        box = self.box
        within = _Box.around(self.share > 0, Canvas(Size(box.width, box.height), Size(box.width, box.height)),
                             Size(box.width, box.height))  # fmt: skip
        assert within is not None
        rows, columns = (
            slice(max(0, int((low - 0.5 - start) * box.scale)), min(limit, int((high + 0.5 - start) * box.scale) + 1))
            for low, high, start, limit in (
                (within.top, within.top + within.height, box.start[1], box.shape[0]),
                (within.left, within.left + within.width, box.start[0], box.shape[1]),
            )
        )
        part = rows, columns
        share = np.clip((box.enlarge(cv2.GaussianBlur(self.share, (3, 3), 0), part=part) - 0.5) * SEAM + 0.5, 0, 1)
        place = box.enlarge(self.residual, part=part)
        grid = box.grid(part) / box.scale + (np.array(box.start, np.float32) + (box.left + 0.5, box.top + 0.5))
        place += grid.astype(np.float32) @ self.affine[:2] + self.affine[2]
        place = (place - np.array(cutout.corner, np.float32)) * np.float32(cutout.scale) - np.float32(0.5)
        sample = cv2.remap(cutout.picture, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return rows, columns, np.asarray(share), np.asarray(sample, dtype=np.float32)


def _find_layers(warped: Warped) -> NDArray[np.int32]:
    """(h, w) the layer that each canvas pixel belongs to, reference times parts plus part; -1 where there is none.

    Pixels follow their neighbours: what was chosen pixel by pixel is ragged, and single pixels cannot be enlarged.
    """
    provenance, part = warped.provenance.cpu().numpy(), warped.part.cpu().numpy()
    drawn = (provenance != NOWHERE) & (part >= 0)
    labels = np.where(drawn, provenance * len(PARTS) + LAYERS[part], -1).astype(np.int32)
    best, most = np.full(labels.shape, -1, np.int32), np.zeros(labels.shape, np.float32)
    for label, count in zip(*np.unique(labels[drawn], return_counts=True), strict=True):
        if count < LEAST_PX:
            continue
        votes = cv2.GaussianBlur((labels == label).astype(np.float32), (5, 5), 1.0)
        wins = votes > most
        best[wins], most[wins] = label, votes[wins]
    return np.where(drawn, best, -1).astype(np.int32)


def _spread(colours: Floats, matte: Floats) -> Floats:
    """(h, w, 3) colours carried on beyond where the matte (h, w) is dense, so that enlarging mixes in nothing else."""
    weight = (matte > 0.5).astype(np.float32)
    total = colours * weight[..., None]
    for _ in range(4):
        near, sum_near = cv2.blur(weight, (3, 3)), cv2.blur(total, (3, 3))
        grown = (weight == 0) & (near > 0)
        total[grown] = sum_near[grown] / near[grown, None]
        weight[grown] = 1
    return np.where(weight[..., None] > 0, total, colours)


def _resize(picture: Picture, size: Size) -> Picture:
    smaller = size.height < picture.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=how), dtype=np.uint8)
