from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from choreograft.performer.colours import AS_FILMED, fit_light, match_lights, relight
from painted import painted_bank

WARM = np.array([[1.2, 0.1, 0.0, -20], [0.0, 1.1, 0.0, -10], [0.0, -0.1, 0.9, 5]], np.float32)
"""Stronger contrast, a warmer white."""


def light_up(colours: np.ndarray) -> np.ndarray:
    return colours @ WARM[:, :3].T + WARM[:, 3]


def test_a_light_is_found_though_some_things_are_other_ones() -> None:
    rng = np.random.default_rng(0)
    theirs = rng.uniform(20, 200, (3000, 3)).astype(np.float32)
    ours = light_up(theirs).astype(np.float32) + rng.normal(0, 2, theirs.shape).astype(np.float32)
    ours[:700] = [200, 30, 30]  # a red shirt, now
    ours[700:800] = np.nan
    light = fit_light(theirs, ours)
    assert_allclose(light[:, :3], WARM[:, :3], atol=0.03)
    assert_allclose(light[:, 3], WARM[:, 3], atol=3)


@pytest.mark.parametrize("seen", [100, 3000])
def test_what_is_no_matter_of_light_stays_as_it_was_filmed(seen: int) -> None:
    rng = np.random.default_rng(1)
    theirs, ours = (rng.uniform(0, 255, (3000, 3)).astype(np.float32) for _ in range(2))
    ours[seen:] = np.nan
    assert_array_equal(fit_light(theirs, ours), AS_FILMED)


def test_a_clip_in_another_light_is_brought_into_that_of_the_first() -> None:
    bank = painted_bank()
    dim = (0.6 * bank.frames + 20).astype(np.uint8)
    body = bank.bodies[0]
    other = replace(body, time_s=body.time_s + 1)
    lights = match_lights(np.concatenate([bank.frames, dim]), np.concatenate([bank.masks] * 2), [body, other])
    assert_array_equal(lights[0], AS_FILMED)
    assert np.abs(relight(dim[3], lights[1]).astype(int) - bank.frames[3]).max() < 4
    assert relight(dim, AS_FILMED) is dim


def test_a_clip_in_the_same_light_or_with_nobody_in_it_is_left_alone() -> None:
    bank = painted_bank()
    frames, masks, bodies = np.concatenate([bank.frames] * 2), np.concatenate([bank.masks] * 2), [bank.bodies[0]] * 2
    assert_allclose(match_lights(frames, masks, bodies)[1], AS_FILMED, atol=1e-3)
    masks[len(bank) :] = 0
    assert_array_equal(match_lights(frames, masks, bodies)[1], AS_FILMED)
