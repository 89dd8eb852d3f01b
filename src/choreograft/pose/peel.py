"""Taking a person out of a frame, so that the next one can be found in what is left.

Body models that look for several people at once blend neighbours into one skeleton; looking for one person at a time,
each time without those found before, does not. Masks are (h, w) uint8, 255 = person, of any resolution.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.estimator import Person

_WORK_PX: Final = 96
"""Long side at which the surroundings are spread into the hole: it only has to look like nobody."""
_SPREADS_PX: Final = (3, 9, 27)
_PERSON: Final = 64
"""Mask value from which a pixel is taken out; low, for arms are faint in masks."""


def erase_person(image: NDArray[np.uint8], mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of an RGB frame (H, W, 3) with blurred surroundings in the person's place."""
    height, width = image.shape[:2]
    shrink = min(1.0, _WORK_PX / max(height, width))
    small = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    core = np.asarray(cv2.resize(mask, small, interpolation=cv2.INTER_AREA) >= _PERSON, dtype=np.uint8)
    hole = np.asarray(cv2.dilate(core, np.ones((3, 3), np.uint8)), dtype=np.uint8)
    fill = _spread(np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), dtype=np.uint8), 1 - hole)
    erased = image.copy()
    cv2.copyTo(
        cv2.resize(fill, (width, height), interpolation=cv2.INTER_LINEAR),
        cv2.resize(hole, (width, height), interpolation=cv2.INTER_NEAREST),
        erased,
    )
    return erased


def _spread(image: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The known pixels' colours, blurred over the whole picture; near ones outweigh far ones."""
    weight = known.astype(np.float32)
    colours, weights = np.zeros(image.shape, np.float32), np.full(known.shape, 1e-30, np.float32)
    for spread_px in _SPREADS_PX:
        fading = np.float32(10.0**-spread_px)
        colours += fading * cv2.GaussianBlur(image * weight[..., None], (0, 0), spread_px)
        weights += fading * cv2.GaussianBlur(weight, (0, 0), spread_px)
    return np.asarray(np.clip(colours / weights[..., None], 0, 255), dtype=np.uint8)


def hidden_share(person: Person, width_px: int, height_px: int, masks: list[NDArray[np.uint8]]) -> float:
    """Share of a person's body joints, 0..1, that lie where somebody was taken out."""
    xy = person.xy[skeleton.BODY] / (width_px, height_px)
    xy = xy[np.isfinite(xy).all(-1)]
    hidden = np.zeros(len(xy), bool)
    for mask in masks:
        size = np.array(mask.shape[::-1])
        column, row = np.clip((xy * size).astype(int), 0, size - 1).T
        hidden |= mask[row, column] >= _PERSON
    return float(hidden.mean()) if len(hidden) else 1.0
