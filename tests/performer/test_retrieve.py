from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from choreograft.body.parts import PARTS
from choreograft.config import WarpConfig
from choreograft.performer.layers import LAYER_OF, LAYERS
from choreograft.performer.retrieve import IN_PLANE, Wanted, choose, rate_references, turn_angles

P, N, L = len(PARTS), 4, len(LAYERS)
CONFIG = WarpConfig()
TORSO, HEAD, FOREARM = (PARTS.index(name) for name in ("torso", "head", "left_forearm"))


def still(count: int) -> np.ndarray:
    return np.tile(np.eye(3, dtype=np.float32), (count, 1, 1))


@pytest.fixture
def wanted() -> Wanted:
    """A patch for each part, all equally large."""
    return Wanted(np.eye(P, dtype=np.float32) * 100, still(P))


@pytest.mark.parametrize(
    ("turn", "angle"), [((0, 0, 0.3), 0.3), ((1.2, 0, 0), 1.2), ((0, -2.0, 0), IN_PLANE * 2.0), ((0, 0, 0), 0.0)]
)
def test_a_turn_counts_in_full_unless_it_is_about_the_line_of_sight(turn: tuple[float, ...], angle: float) -> None:
    before = Rotation.random(1, rng=5).as_matrix()
    turned = Rotation.from_rotvec(turn).as_matrix() @ before
    assert_allclose(turn_angles(*(part.astype(np.float32) for part in (turned[None], before))), [[angle]], atol=2e-3)


def test_costs_add_up_what_is_unseen_turned_blurred_and_unclear(wanted: Wanted) -> None:
    quality = np.ones((N, P), np.float32)
    quality[1, HEAD] = 0.25
    turns = np.tile(still(P), (N, 1, 1, 1))
    turns[2, HEAD] = Rotation.from_rotvec([0, 0, 0.5]).as_matrix()
    sharpness, clearness = np.ones((2, N, L), np.float32)
    sharpness[3, LAYER_OF[FOREARM]], clearness[3, LAYER_OF[TORSO]] = 0.5, 0.75
    costs = rate_references(wanted, quality, turns, sharpness, clearness, CONFIG)
    assert_allclose(costs[0], 0, atol=1e-3)
    assert_allclose(costs[1, HEAD], 0.75, atol=1e-3)
    assert_allclose(costs[2, HEAD], CONFIG.angle_cost * 0.5, atol=2e-3)
    assert costs[2, TORSO] > 0.01  # the head joins it
    assert_allclose(costs[3, FOREARM], CONFIG.blur_cost * 0.5, atol=1e-3)
    assert_allclose(costs[3, LAYER_OF[TORSO] == LAYER_OF], CONFIG.clear_cost * 0.25, atol=1e-3)
    assert_allclose(costs[3, HEAD], 0, atol=1e-3)


def test_it_does_not_matter_from_which_side_an_arm_is_seen(wanted: Wanted) -> None:
    quality = np.ones((N, P), np.float32)
    quality[1] = 0
    turns = np.tile(still(P), (N, 1, 1, 1))
    ones = np.ones((N, L), np.float32)
    costs = rate_references(wanted, quality, turns, ones, ones, CONFIG)
    for part, name in enumerate(PARTS):
        assert costs[1, part] == pytest.approx(0 if name.endswith(("arm", "hand")) else 1, abs=1e-3)


def test_one_reference_serves_all_layers_unless_another_is_clearly_better(wanted: Wanted) -> None:
    quality = np.ones((N, P), np.float32)
    for layer, gain in ((LAYER_OF[TORSO], CONFIG.part_gain), (LAYER_OF[HEAD], CONFIG.limb_gain)):
        for share, expected in ((0.5, 1), (2, 2)):
            costs = np.full((N, P), 0.5, np.float32)
            costs[1] = 0.3
            costs[2, layer == LAYER_OF] = 0.3 - share * gain
            first = choose(costs, wanted, quality, None, CONFIG)[:, 0]
            assert first[layer] == expected
            assert (np.delete(first, layer) == 1).all()


def test_a_choice_stays_until_another_is_clearly_better(wanted: Wanted) -> None:
    quality, costs = np.ones((N, P), np.float32), np.full((N, P), 1.0, np.float32)
    costs[0], costs[1] = 0.5, 0.5 - CONFIG.stay_gain / 2
    before = np.zeros((L, 1 + CONFIG.spares), np.intp)
    assert (choose(costs, wanted, quality, before, CONFIG)[:, 0] == 0).all()
    costs[1] = 0.5 - 2 * CONFIG.stay_gain
    assert (choose(costs, wanted, quality, before, CONFIG)[:, 0] == 1).all()


def test_what_is_not_allowed_is_never_chosen(wanted: Wanted) -> None:
    costs = np.full((N, P), 0.5, np.float32)
    costs[0] = 0
    chosen = choose(costs, wanted, np.ones((N, P), np.float32), None, CONFIG, np.array([False, True, True, True]))
    assert chosen.shape == (L, 1 + CONFIG.spares)
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
