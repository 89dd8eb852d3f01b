"""How well the person found in the result covers the true one.

Shapes: H x W pixels.
"""

import numpy as np
from numpy.typing import NDArray


def soft_iou(found: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    """Intersection over union of two soft masks (H, W) of 0..255: the smaller values over the larger.

    For masks of 0 and 255 it is the ordinary IoU; equal soft masks score 1 (the Ruzicka similarity).

    Returns:
        0..1; NaN where nobody is wanted.
    """
    if not wanted.any():
        return float("nan")
    smaller, larger = np.minimum(found, wanted), np.maximum(found, wanted)
    return float(smaller.sum(dtype=np.float64) / larger.sum(dtype=np.float64))
