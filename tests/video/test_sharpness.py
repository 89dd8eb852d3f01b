"""Blur is measured in pixels, whatever the contrast."""

import cv2
import numpy as np
import pytest

from choreograft.video.sharpness import Gradients

ROWS, COLUMNS = np.mgrid[:120, :160]
DISC = np.where(np.hypot(ROWS - 60, COLUMNS - 80) < 40, 200.0, 40.0).astype(np.float32)
EVERYWHERE = np.ones_like(DISC)


@pytest.mark.parametrize("blur_px", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("contrast", [0.15, 1.0])
def test_the_blur_of_an_edge_comes_back_in_pixels(blur_px, contrast):
    blurred = cv2.GaussianBlur(100 + contrast * (DISC - 100), (0, 0), blur_px)
    assert Gradients.of(blurred).blur_px(EVERYWHERE) == pytest.approx(blur_px, rel=0.1)


def test_a_sharp_edge_has_next_to_none():
    assert Gradients.of(DISC).blur_px(EVERYWHERE) < 0.5


def test_only_the_region_counts():
    both = np.hstack([DISC, cv2.GaussianBlur(DISC, (0, 0), 3.0)])
    left = np.hstack([EVERYWHERE, 0 * EVERYWHERE])
    assert Gradients.of(both).blur_px(left) < 0.5
    assert Gradients.of(both).blur_px(1 - left) == pytest.approx(3.0, rel=0.1)


def test_where_nothing_is_there_is_no_blur_to_measure():
    gradients = Gradients.of(np.full((40, 40), 90, np.float32))
    assert np.isnan(gradients.blur_px(np.ones((40, 40), np.float32)))
    assert np.isnan(gradients.strength(np.zeros((40, 40), np.float32)))
