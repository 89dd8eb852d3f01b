from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from choreograft.body.parts import PARTS
from choreograft.config import WarpConfig
from choreograft.performer.retrieve import SKIRT, Wanted, choose, rate_references, turn_angles

P, N = len(PARTS), 4
CONFIG = WarpConfig()
TORSO, HEAD = PARTS.index("torso"), PARTS.index("head")


def still(count: int) -> np.ndarray:
    return np.tile(np.eye(3, dtype=np.float32), (count, 1, 1))


@pytest.fixture
def wanted() -> Wanted:
    """A patch for each part, all equally large."""
    return Wanted(np.eye(P, dtype=np.float32) * 100, still(P))


def test_angles_are_those_of_the_rotation_between() -> None:
    turns = Rotation.from_rotvec([[0, 0, 0.3], [1.2, 0, 0], [0, -2.0, 0]]).as_matrix().astype(np.float32)
    assert_allclose(turn_angles(turns[:, None], still(1)), [[0.3], [1.2], [2.0]], atol=1e-3)


def test_costs_add_up_what_is_unseen_turned_and_blurred(wanted: Wanted) -> None:
    quality = np.ones((N, P), np.float32)
    quality[1, HEAD] = 0.25
    turns = np.tile(still(P), (N, 1, 1, 1))
    turns[2, HEAD] = Rotation.from_rotvec([0, 0, 0.5]).as_matrix()
    sharpness = np.array([1, 1, 1, 0], np.float32)
    costs = rate_references(wanted, quality, turns, sharpness, CONFIG)
    assert_allclose(costs[0], 0, atol=1e-3)
    assert_allclose(costs[1, HEAD], 0.75, atol=1e-3)
    assert_allclose(costs[2, HEAD], CONFIG.angle_cost * 0.5, atol=2e-3)
    assert costs[2, TORSO] > 0.01  # the head joins it
    assert_allclose(costs[3], CONFIG.blur_cost, atol=1e-3)


def test_one_reference_serves_all_parts_unless_another_is_clearly_better(wanted: Wanted) -> None:
    quality = np.ones((N, P), np.float32)
    costs = np.full((N, P), 0.5, np.float32)
    costs[1] = 0.3
    costs[2, HEAD] = 0.3 - CONFIG.part_gain / 2
    assert (choose(costs, wanted, quality, None, CONFIG)[:, 0] == 1).all()
    costs[2, HEAD] = 0.3 - 2 * CONFIG.part_gain
    first = choose(costs, wanted, quality, None, CONFIG)[:, 0]
    assert first[HEAD] == 2
    assert (np.delete(first, HEAD) == 1).all()


def test_hips_and_thighs_share_a_reference(wanted: Wanted) -> None:
    costs = np.full((N, P), 1.0, np.float32)
    costs[0] = 0.5
    costs[3, SKIRT[1]] = 0.0
    first = choose(costs, wanted, np.ones((N, P), np.float32), None, CONFIG)[:, 0]
    assert len(set(first[list(SKIRT)])) == 1


def test_a_choice_stays_until_another_is_clearly_better(wanted: Wanted) -> None:
    quality, costs = np.ones((N, P), np.float32), np.full((N, P), 1.0, np.float32)
    costs[0], costs[1] = 0.5, 0.5 - CONFIG.stay_gain / 2
    before = np.zeros((P, 1 + CONFIG.spares), np.intp)
    assert (choose(costs, wanted, quality, before, CONFIG)[:, 0] == 0).all()
    costs[1] = 0.5 - 2 * CONFIG.stay_gain
    assert (choose(costs, wanted, quality, before, CONFIG)[:, 0] == 1).all()


def test_what_is_not_allowed_is_never_chosen(wanted: Wanted) -> None:
    costs = np.full((N, P), 0.5, np.float32)
    costs[0] = 0
    chosen = choose(costs, wanted, np.ones((N, P), np.float32), None, CONFIG, np.array([False, True, True, True]))
    assert not (chosen == 0).any()


def test_spares_show_what_the_first_hides(wanted: Wanted) -> None:
    two = replace(wanted, weights=np.concatenate([wanted.weights, wanted.weights]))  # each part has two patches
    quality = np.ones((N, 2 * P), np.float32)
    quality[0, P:] = 0
    quality[1:3, :P] = 0
    quality[1:, P:] = 0
    quality[2, P:] = 1
    costs = np.tile(np.array([0.1, 0.6, 0.7, 0.8], np.float32)[:, None], (1, P))
    chosen = choose(costs, two, quality, None, CONFIG)
    assert (chosen[:, 0] == 0).all()
    assert (chosen[:, 1] == 2).all()
