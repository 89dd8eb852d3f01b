"""How alike two pictures are, pixel by pixel: SSIM and PSNR, in boxes of one frame; and how alike two masks are.

Shapes: H x W pixels, h x w of them in a box.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.metrics.regions import Box

Image = NDArray[np.uint8]

PEAK: Final = 255
PSNR_CAP_DB: Final = 100.0
"""PSNR of equal pictures, which is infinite; a finite value keeps means finite. One grey level in one of a million
values gives 108 dB, so no measurement of a video comes near."""
_SIGMA_PX: Final = 1.5
_RADIUS_PX: Final = 5
"""Of the Gaussian window, 11 px across (Wang et al. 2004, section III.C)."""
_C1: Final = (0.01 * PEAK) ** 2
_C2: Final = (0.03 * PEAK) ** 2


def ssim_map(picture: Image, truth: Image) -> NDArray[np.float32]:
    """Structural similarity about every pixel, the mean of the three channels.

    Wang et al. 2004, "Image Quality Assessment", with their window and constants.

    Args:
        picture, truth: (H, W, 3) uint8, at least 11 px high and wide.
    Returns:
        (H, W) in [-1, 1], 1 where they are equal. NaN within 5 px of the border, where the window does not fit.
    """
    similarity = np.full(picture.shape[:2], np.nan, np.float32)
    inner = (slice(_RADIUS_PX, -_RADIUS_PX),) * 2
    maps = [_compare_channel(picture[..., channel], truth[..., channel])[inner] for channel in range(3)]
    similarity[inner] = np.mean(maps, axis=0)
    return similarity


def _compare_channel(picture: Image, truth: Image) -> NDArray[np.float32]:
    """(H, W) structural similarity of one channel of each."""
    ours, true = (each.astype(np.float32) - PEAK / 2 for each in (picture, truth))  # centred, float32 is exact enough
    mean, true_mean = _average(ours), _average(true)
    covariance = _average(ours * true) - mean * true_mean
    variances = _average(ours * ours + true * true) - (mean * mean + true_mean * true_mean)
    mean, true_mean = mean + PEAK / 2, true_mean + PEAK / 2
    alike = (2 * mean * true_mean + _C1) * (2 * covariance + _C2)
    alike /= (mean * mean + true_mean * true_mean + _C1) * (variances + _C2)
    return np.asarray(alike, np.float32)


def _average(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) the mean in the window about every pixel."""
    side = 2 * _RADIUS_PX + 1
    return np.asarray(cv2.GaussianBlur(values, (side, side), _SIGMA_PX), np.float32)


def mean_in(box: Box | None, values: NDArray[np.float32]) -> float:
    """The mean of the known values (H, W) in a box; NaN where there is no box, or nothing known in it."""
    if box is None:
        return float("nan")
    part = box.cut(values)
    known = part[np.isfinite(part)]
    return float(known.mean(dtype=np.float64)) if known.size else float("nan")


def psnr(box: Box | None, picture: Image, truth: Image) -> float:
    """Peak signal-to-noise ratio of two pictures (H, W, 3) in a box, dB, at most `PSNR_CAP_DB`; NaN without a box."""
    if box is None:
        return float("nan")
    difference = box.cut(picture).astype(np.float32) - box.cut(truth)
    error = float(np.mean(np.square(difference), dtype=np.float64))
    return PSNR_CAP_DB if error == 0 else min(PSNR_CAP_DB, float(10 * np.log10(PEAK**2 / error)))


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
