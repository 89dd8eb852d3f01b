"""SSIM and PSNR against scikit-image's own means and the formulas written out."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from choreograft.evaluate.metrics.measures import PSNR_CAP_DB, mean_in, psnr, soft_iou, ssim_map
from choreograft.evaluate.metrics.regions import Box

WHOLE = Box(0, 0, 40, 32)


def pictures() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    one = random.integers(0, 256, (32, 40, 3), np.uint8)
    return one, np.clip(one + random.normal(0, 20, one.shape), 0, 255).astype(np.uint8)


def test_the_mean_over_the_frame_is_the_librarys() -> None:
    one, other = pictures()
    expected = structural_similarity(
        one, other, channel_axis=-1, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert mean_in(WHOLE, ssim_map(one, other)) == pytest.approx(expected, abs=1e-6)


def test_one_pixel_follows_the_formula() -> None:
    one, other = pictures()
    row, column = 14, 20
    distance = np.arange(-5, 6)
    weight = np.exp(-(distance[:, None] ** 2 + distance**2) / (2 * 1.5**2))
    weight /= weight.sum()
    values = []
    for channel in range(3):
        a, b = (p[row - 5 : row + 6, column - 5 : column + 6, channel].astype(float) for p in (one, other))
        ma, mb = (weight * a).sum(), (weight * b).sum()
        va, vb, ab = ((weight * x * y).sum() - m for x, y, m in ((a, a, ma * ma), (b, b, mb * mb), (a, b, ma * mb)))
        c1, c2 = 2.55**2, 7.65**2
        values.append((2 * ma * mb + c1) * (2 * ab + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    assert ssim_map(one, other)[row, column] == pytest.approx(np.mean(values), abs=1e-5)


def test_equal_pictures_are_perfect_and_finite() -> None:
    one, _ = pictures()
    assert mean_in(WHOLE, ssim_map(one, one)) == 1
    assert psnr(WHOLE, one, one) == PSNR_CAP_DB


def test_psnr_is_of_the_box_alone() -> None:
    one, other = pictures()
    box = Box(3, 4, 20, 30)
    expected = peak_signal_noise_ratio(one[4:30, 3:20], other[4:30, 3:20], data_range=255)
    assert psnr(box, other, one) == pytest.approx(expected, rel=1e-5)


def test_border_has_no_value() -> None:
    one, other = pictures()
    assert np.isnan(mean_in(Box(0, 0, 5, 32), ssim_map(one, other)))  # where the window does not fit


def test_overlap_of_masks() -> None:
    wanted, found = np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8)
    assert np.isnan(soft_iou(found, wanted))
    wanted[:, :6], found[:, 4:] = 255, 255
    assert soft_iou(found, wanted) == pytest.approx(20 / 100)
    assert soft_iou(np.zeros_like(wanted), wanted) == 0
    soft = np.random.default_rng(0).integers(0, 256, (10, 10), np.uint8)
    assert soft_iou(soft, soft) == 1
    assert soft_iou(np.full((2, 2), 100, np.uint8), np.full((2, 2), 200, np.uint8)) == pytest.approx(0.5)
