"""The plate: the empty background of a clip filmed by a standing camera.

Shapes: N frames, H x W pixels.
"""

import warnings

import cv2
import numpy as np
from numpy.typing import NDArray

MAX_FRAMES = 64
"""Frames the median is taken over, spread evenly: more change nothing that can be seen and cost memory."""
PERSON_ABOVE = 32
"""Mask value (0..255) from which a pixel may show the person."""
MARGIN = 1 / 64
"""Share of the height by which masks are widened: hair, cloth and motion blur reach beyond them."""
BAND_ROWS = 32
"""Rows worked on at once, which bounds the memory."""


def estimate_plate(frames: NDArray[np.uint8], masks: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The median, per pixel and channel, of those frames in which the person does not cover the pixel.

    Args:
        frames: (N, H, W, 3) uint8; may be a memory map. masks: (N, H, W) uint8, 255 = person.
    Returns:
        (H, W, 3) uint8. Pixels that the person covers in every frame are painted in from their surroundings.
    """
    N, H, W, _ = frames.shape
    chosen = np.unique(np.linspace(0, N - 1, min(N, MAX_FRAMES)).round().astype(int))
    kernel = np.ones((2 * max(1, round(H * MARGIN)) + 1,) * 2, np.uint8)
    covered = np.stack([cv2.dilate(masks[n], kernel) >= PERSON_ABOVE for n in chosen])
    plate = np.zeros((H, W, 3), np.uint8)
    for top in range(0, H, BAND_ROWS):
        rows = slice(top, top + BAND_ROWS)
        band = np.where(covered[:, rows, :, None], np.nan, frames[chosen, rows].astype(np.float32))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # "all-NaN slice": the holes, painted in below
            plate[rows] = np.nan_to_num(np.nanmedian(band, axis=0)).round().astype(np.uint8)
    holes = np.asarray(covered.all(axis=0), dtype=np.uint8)
    if holes.any():
        plate = np.asarray(cv2.inpaint(plate, holes, 3, cv2.INPAINT_TELEA), dtype=np.uint8)
    return plate
