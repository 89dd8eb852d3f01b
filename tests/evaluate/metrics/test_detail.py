"""Fine detail, texture and outline of a synthetic person whose damage an eye is sure of."""

from collections.abc import Callable

import numpy as np
import pytest

from choreograft.evaluate.metrics.detail import detail, outline, texture
from full_size_person import add_noise, blur, draw_mask, draw_person, fray, invent_detail, shift, take_through

MASK = draw_mask()
TRUTH = draw_person(MASK)
MEASURES = (detail, texture, outline)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_truth_is_perfect(measure: Callable[..., float]) -> None:
    assert measure(TRUTH, TRUTH, MASK) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("measure", MEASURES)
def test_nobody_has_no_value_and_another_size_is_refused(measure: Callable[..., float]) -> None:
    assert np.isnan(measure(TRUTH, TRUTH, np.zeros_like(MASK)))
    with pytest.raises(ValueError, match="expected one size"):
        measure(TRUTH[::2], TRUTH, MASK)


def test_detail_is_less_in_blur_and_more_in_noise_and_does_not_mind_a_shift() -> None:
    assert detail(blur(TRUTH), TRUTH, MASK) < 0.75
    assert detail(take_through(TRUTH), TRUTH, MASK) < 0.85
    assert detail(shift(TRUTH, 2), TRUTH, MASK) == pytest.approx(1, abs=0.02)
    assert detail(add_noise(TRUTH, 3), TRUTH, MASK) > 1.5
    assert detail(invent_detail(TRUTH), TRUTH, MASK) > 1.5


def test_detail_and_texture_are_of_the_inside_alone() -> None:
    frayed = fray(TRUTH, MASK)
    assert detail(frayed, TRUTH, MASK) == pytest.approx(1, abs=0.05)
    assert texture(frayed, TRUTH, MASK) > 0.9


def test_texture_need_not_be_aligned_but_of_the_same_kind() -> None:
    assert texture(shift(TRUTH, 3), TRUTH, MASK) > 0.95
    assert texture(blur(TRUTH), TRUTH, MASK) < 0.85
    assert texture(invent_detail(TRUTH), TRUTH, MASK) < 0.5
    turned = np.ascontiguousarray(np.rot90(np.tile(TRUTH[180:300, 110:210], (6, 6, 1)))[: len(TRUTH), : TRUTH.shape[1]])
    assert texture(turned, TRUTH, MASK) < 0.85  # as strong, but across the weave


def test_an_outline_may_lie_beside_the_true_one_but_not_be_soft_ragged_or_missing() -> None:
    beside = outline(shift(TRUTH), TRUTH, MASK)
    assert beside > 0.93
    for worse in (blur(TRUTH), take_through(TRUTH), fray(TRUTH, MASK)):
        assert outline(worse, TRUTH, MASK) < beside - 0.1
    assert outline(np.full_like(TRUTH, 215), TRUTH, MASK) == pytest.approx(0, abs=0.01)
    assert outline(add_noise(TRUTH, 3), TRUTH, MASK) == pytest.approx(1, abs=0.03)


def test_an_outline_without_contrast_has_no_value() -> None:
    grey = np.full_like(TRUTH, 128)
    assert np.isnan(outline(TRUTH, grey, MASK))
