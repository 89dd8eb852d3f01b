"""A layer as it will be drawn: which reference wins which of its pixels, and what covers what.

Shapes: H x W pixels of the canvas; h x w pixels of a layer's box.
"""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.performer.region import Region
from choreograft.performer.sheets import Floats, Picture, Sheet
from choreograft.performer.way import Points

KNOWN: Final = 1e-3
"""How well a pixel is seen from which on it counts as seen at all."""
SPARE_SHARE: Final = 0.04
"""Weight of a spare beside the one before it where both see the same."""
SOFT_PX: Final = 4
"""Canvas px of 256 rows over which what is made up fades into what a reference sees."""
COVERED: Final = 0.95
"""Of a matte, below which what is behind it would show."""
LEAST_DEPTH_M: Final = 0.04
"""Difference in depth from which on the nearer layer covers the farther one, whatever their order."""
ORDER_STEP: Final = 3
"""Of the pixels in each direction one in so many tells which layer is nearer."""
LEAST_SHARED: Final = 2
"""Of them that two layers must share."""
HIDDEN_PX, OTHER_PX = 5, 7
"""Width of the places, canvas px, that another reference may fill: what the first one does not see, and where it shows
other colours than are usual there."""


@dataclass(frozen=True)
class Candidate:
    """A layer from one reference."""

    sheet: Sheet
    sample: Picture
    """(h, w, 4) of `Sheet.look_up` at the canvas's size."""
    quality: Floats
    """(h, w) 0..1 how well the reference sees it."""
    seen: Floats
    """(h, w) the same times how far its colours are the usual ones."""
    hidden: Floats
    """(h, w) 0..1 where the reference shows another layer before it."""
    turned: float
    """0..1 how far another side is wanted than it shows, so that its outline says nothing."""


@dataclass(frozen=True)
class Laid:
    """A layer as it will be drawn; maps of its box."""

    sheets: tuple[Sheet, ...]
    samples: tuple[Picture, ...]
    box: Region
    depth: Floats
    alpha: Floats
    """(h, w) of all its sheets."""
    confidence: Floats
    below: Picture
    """(h, w) 255 where the layer's body is drawn in its usual colours below all sheets, or nothing might be there."""
    unseen: Picture
    """(h, w) 255 where no reference sees the layer's body, fading into what one sees."""


def settle(candidates: list[Candidate], points: Points, on: NDArray[np.bool_]) -> Laid:
    """Decide which candidate wins which pixel: the first, but on the body, in places of some size, one that sees it."""
    winner, first = np.zeros(on.shape, np.uint8), candidates[0]
    known, best = first.quality, cv2.blur(first.seen, (3, 3))
    for rank, candidate in enumerate(candidates[1:], start=1):
        seen = cv2.blur(candidate.seen * candidate.sample[..., 3], (3, 3)) * (SPARE_SHARE**rank / 255)
        # what the first does not see, and, where it shows something else instead, only larger places: cloth slides
        hidden, other = on & (seen > known), on & (seen > best)
        better = _clear(hidden, HIDDEN_PX) | _clear(other, OTHER_PX)
        winner[better] = rank
        known, best = (np.where(better, seen, maps) for maps in (known, best))
    quality = max_of([candidate.quality for candidate in candidates])
    unseen = _clear(on & (quality < KNOWN), HIDDEN_PX)
    sheets, alpha = [], np.zeros(on.shape, np.float32)
    for n, candidate in enumerate(candidates):
        gate = candidate.sheet.gate * (winner == n)
        if gate.any():
            sheets.append((replace(candidate.sheet, gate=gate), candidate.sample))
            alpha += cv2.multiply(gate, candidate.sample[..., 3], scale=1 / 255**2, dtype=cv2.CV_32F)
    # shows where no sheet does: there is body in any case
    holes = on & (first.turned > 0.5) & (alpha < COVERED)
    bare = (unseen | (on & (first.hidden > 0.5)) | holes).astype(np.uint8)
    below = on & (cv2.dilate(bare, np.ones((3, 3), np.uint8)) > 0)  # without a seam to what is drawn over it
    confidence = np.where(on, quality, 0.5 * alpha)
    return Laid(
        tuple(sheet for sheet, _ in sheets), tuple(sample for _, sample in sheets), points.box, points.depth, alpha,
        confidence.astype(np.float32), below * np.uint8(255), soften(unseen, on, points.fine),
    )  # fmt: skip


def soften(unseen: NDArray[np.bool_], on: NDArray[np.bool_], fine: float) -> Picture:
    """(h, w) 255 at some places on a layer's body, fading around them."""
    side = 2 * max(1, round(SOFT_PX * fine)) + 1
    wide = cv2.dilate(unseen.astype(np.uint8) * 255, np.ones((side, side), np.uint8))
    return np.where(on, cv2.blur(wide, (side, side)), np.uint8(0))


def order_layers(layers: list[Laid], shape: tuple[int, int]) -> list[Laid]:
    """From the back to the front: as `LAYERS` has them, unless one is clearly nearer where two overlap."""
    if not layers:
        return []
    alpha = np.zeros((len(layers), *(-(-side // ORDER_STEP) for side in shape)), np.float32)
    depth = np.zeros_like(alpha)
    for n, layer in enumerate(layers):
        skipped = tuple(-start % ORDER_STEP for start in (layer.box.top, layer.box.left))
        each = tuple(slice(start, None, ORDER_STEP) for start in skipped)
        shown = layer.alpha[each] > 0.5
        top, left = ((at + off) // ORDER_STEP for at, off in zip((layer.box.top, layer.box.left), skipped, strict=True))
        at = slice(top, top + shown.shape[0]), slice(left, left + shown.shape[1])
        alpha[n][at], depth[n][at] = shown, layer.depth[each]
    flat, deep = alpha.reshape(len(layers), -1), (alpha * depth).reshape(len(layers), -1)
    shared = flat @ flat.T
    farther = (deep @ flat.T - flat @ deep.T) / np.maximum(shared, 1)  # (n, m) m by which n is, where both are
    alike = np.abs(farther) < LEAST_DEPTH_M
    behind = np.where(alike, np.triu(np.full_like(farther, LEAST_DEPTH_M), 1), np.maximum(farther, 0))
    behind[shared < LEAST_SHARED] = 0
    waiting, order = list(range(len(layers))), list[int]()
    while waiting:  # next is what none that waits lies behind; of layers in a circle, what they least do
        order.append(waiting.pop(int(behind[np.ix_(waiting, waiting)].sum(axis=0).argmin())))
    return [layers[n] for n in order]


def _clear(places: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Places without those that are narrower than so many px."""
    return np.asarray(cv2.morphologyEx(places.astype(np.uint8), cv2.MORPH_OPEN, np.ones((least, least))) > 0)


def max_of(maps: list[Floats]) -> Floats:
    """The greatest of maps of one shape, pixel by pixel."""
    return np.asarray(np.maximum.reduce(maps))
