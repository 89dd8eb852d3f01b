from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

from choreograft.body.surface import PARTS
from choreograft.performer.layers import LAYER_OF, LAYERS
from choreograft.performer.retrieve import (
    ANGLE_COST,
    BLUR_COST,
    CHANGE_COST,
    CHANGE_S,
    CLEAR_COST,
    IN_PLANE,
    LIMB_BLUR_COST,
    LIMB_CLEAR_COST,
    LIMB_GAIN,
    PART_GAIN,
    SPARES,
    UNUSABLE,
    Wanted,
    add_spares,
    change_costs,
    choose_track,
    compare_faces,
    find_useful,
    rate_layers,
    rate_references,
    turn_angles,
)

P, N, L = len(PARTS), 4, len(LAYERS)
TORSO, HEAD, FOREARM, SHIN = map(PARTS.index, ("torso", "head", "left_forearm", "left_shin"))


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
    before = Rotation.from_rotvec([[0.4, -1.1, 0.7]]).as_matrix()
    turned = Rotation.from_rotvec(turn).as_matrix() @ before
    assert_allclose(turn_angles(*(part.astype(np.float32) for part in (turned[None], before))), [[angle]], atol=2e-3)


def test_costs_add_up_what_is_unseen_turned_blurred_and_unclear(wanted: Wanted) -> None:
    quality = np.ones((N, P), np.float32)
    quality[1, HEAD] = 0.25
    turns = np.tile(still(P), (N, 1, 1, 1))
    turns[2, HEAD] = Rotation.from_rotvec([0, 0, 0.5]).as_matrix()
    sharpness, clearness = np.ones((2, N, L), np.float32)
    sharpness[3, LAYER_OF[FOREARM]], sharpness[3, LAYER_OF[SHIN]], clearness[3, LAYER_OF[TORSO]] = 0.5, 0.25, 0.75
    clearness[2, LAYER_OF[FOREARM]] = 0.9
    costs = rate_references(wanted, quality, turns, sharpness, clearness)
    assert_allclose(costs[0], 0, atol=1e-3)
    assert_allclose(costs[1, HEAD], 0.75, atol=1e-3)
    assert_allclose(costs[2, HEAD], ANGLE_COST * 0.5, atol=2e-3)
    assert costs[2, TORSO] > 0.01  # the head joins it
    assert_allclose(costs[3, FOREARM], LIMB_BLUR_COST * 0.5, atol=1e-3)
    assert_allclose(costs[3, LAYER_OF[TORSO] == LAYER_OF], CLEAR_COST * 0.25, atol=1e-3)
    assert_allclose(costs[3, SHIN], BLUR_COST * 0.75, atol=1e-3)
    assert_allclose(costs[2, FOREARM], LIMB_CLEAR_COST * 0.1, atol=1e-3)
    assert_allclose(costs[3, HEAD], 0, atol=1e-3)


def test_it_does_not_matter_from_which_side_an_arm_is_seen(wanted: Wanted) -> None:
    quality = np.ones((N, P), np.float32)
    quality[1] = 0
    turns = np.tile(still(P), (N, 1, 1, 1))
    ones = np.ones((N, L), np.float32)
    costs = rate_references(wanted, quality, turns, ones, ones)
    for part, name in enumerate(PARTS):
        assert costs[1, part] == pytest.approx(0 if name.endswith(("arm", "hand")) else 1, abs=1e-3)


def test_one_reference_serves_all_layers_unless_another_is_clearly_better(wanted: Wanted) -> None:
    for layer, gain in ((LAYER_OF[TORSO], PART_GAIN), (LAYER_OF[HEAD], LIMB_GAIN)):
        for share, expected in ((0.5, 1), (2, 2)):
            costs = np.full((N, P), 0.5, np.float32)
            costs[1] = 0.3
            costs[2, layer == LAYER_OF] = 0.3 - share * gain
            first = rate_layers(costs, wanted).argmin(axis=0)
            assert first[layer] == expected
            assert (np.delete(first, layer) == 1).all()


def test_a_layers_cost_is_that_of_its_parts_by_what_they_fill(wanted: Wanted) -> None:
    thigh, trunk = PARTS.index("left_thigh"), LAYER_OF[TORSO]
    weights = wanted.weights.copy()
    weights[thigh, thigh] = 700  # of 1000 px of the trunk
    costs = np.tile(np.linspace(0.2, 0.5, N, dtype=np.float32)[:, None], (1, P))
    costs[:, thigh] += np.float32([0, 0.1, 0.2, 0.3])
    layers = rate_layers(costs, replace(wanted, weights=weights))
    apart = np.array([0, 1, 1, 1]) * PART_GAIN  # the first serves the whole body best
    assert_allclose(layers[:, trunk], np.linspace(0.2, 0.5, N) + 0.7 * np.arange(N) / 10 + apart, atol=1e-5)
    unseen = rate_layers(costs, replace(wanted, weights=0 * weights))
    assert np.isfinite(unseen).all()


def test_a_dance_is_drawn_on_the_cheapest_of_all_ways_through_it() -> None:
    rng = np.random.default_rng(4)
    costs = rng.random((5, 3, L)).astype(np.float32)
    changes = rng.random((3, 3)).astype(np.float32) * (1 - np.eye(3, dtype=np.float32))
    track = choose_track(list(costs), changes)
    assert track.shape == (5, L)
    for layer in range(L):

        def price(way: tuple[int, ...], layer: int = layer) -> float:
            stays = sum(costs[t, n, layer] for t, n in enumerate(way))
            return float(stays + sum(changes[a, b] for a, b in pairwise(way)))

        best = min(price(way) for way in product(range(3), repeat=5))
        assert price(tuple(track[:, layer])) == pytest.approx(best, abs=1e-5)


def test_a_choice_stays_until_another_is_clearly_better() -> None:
    changes = np.float32([[0, 0.5], [0.5, 0]])
    costs = np.full((6, 2, L), 0.3, np.float32)
    costs[:, 1] = 1
    costs[2, 1] = 0.1  # better for a moment
    assert not choose_track(list(costs), changes).any()
    costs[3:, 1] = 0.1  # and on
    assert_array_equal(choose_track(list(costs), changes)[:, 3], [0, 0, 1, 1, 1, 1])


def test_going_to_what_was_filmed_right_after_costs_less() -> None:
    moments = np.array([[0, 1.0], [0, 1.0 + CHANGE_S / 4], [0, 9.0], [1, 1.0]])
    expected = CHANGE_COST * np.array([[0, 0.25, 1, 1], [0.25, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0]])
    assert_allclose(change_costs(moments), expected, atol=1e-6)


def test_faces_are_compared_by_their_shape_alone() -> None:
    rng = np.random.default_rng(1)
    face = rng.normal(0, 20, (68, 2)).astype(np.float32)
    turn = Rotation.from_rotvec([0, 0, 0.4]).as_matrix()[:2, :2]
    moved = 1.7 * face @ turn.T + [40, -3]
    moved[:17] += 30  # the jaw does not count
    other = face.copy()
    other[48:] += [0, 12]  # a mouth further down
    hidden = np.full_like(face, np.nan)
    away = compare_faces(np.float32([moved, other, hidden]), face)
    assert away[0] == pytest.approx(0, abs=1e-5)
    assert away[1] == pytest.approx(procrustes_distance(other[17:], face[17:]), rel=1e-4)
    assert away[2] == pytest.approx((away[0] + away[1]) / 2)
    assert not compare_faces(np.float32([hidden, hidden]), face).any()
    assert not compare_faces(np.float32([moved, other]), hidden).any()


def procrustes_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Root mean square distance after the best similarity of the other, found by least squares, over the one's size."""
    a, b = one - one.mean(axis=0), other - other.mean(axis=0)
    columns = np.stack([np.column_stack([b[:, 0], b[:, 1]]).ravel(), np.column_stack([-b[:, 1], b[:, 0]]).ravel()], 1)
    left = np.linalg.lstsq(columns, a.ravel(), rcond=None)[0]
    off = a.ravel() - columns @ left
    return float(np.sqrt((off**2).sum() / (a**2).sum()))


def test_what_may_not_be_used_is_no_spare(wanted: Wanted) -> None:
    costs = np.full((2 * N, L), 0.5, np.float32)
    costs[[0, N]] = UNUSABLE
    chosen = add_spares(np.full(L, 2), costs, wanted, np.ones((2 * N, P), np.float32))
    assert chosen.shape == (L, 1 + SPARES + 1)
    assert (chosen[:, 0] == 2).all()
    assert not (chosen % N == 0).any()
    assert (chosen[:, :-1] < N).all()
    assert (chosen[:, -1] >= N).all()  # after all others one in a mirror


def test_spares_show_what_the_first_hides(wanted: Wanted) -> None:
    two = replace(wanted, weights=np.concatenate([wanted.weights, wanted.weights]))  # each part has two patches
    quality = np.ones((2 * N, 2 * P), np.float32)
    quality[0, P:] = 0
    quality[1:3, :P] = 0
    quality[1:, P:] = 0
    quality[2, P:] = 1
    costs = np.tile(np.array([0.1, 0.6, 0.7, 0.8] * 2, np.float32)[:, None], (1, L))
    chosen = add_spares(np.zeros(L, np.intp), costs, two, quality)
    assert (chosen[:, 0] == 0).all()
    assert (chosen[:, 1] == 2).all()


def test_of_mirrored_references_those_alone_are_offered_that_are_the_best_somewhere() -> None:
    costs = np.full((3, 2 * N, L), 2.0, np.float32)
    costs[:, 0] = 1
    costs[1, N + 2, 5] = 0.5
    assert_array_equal(find_useful([costs[0], None, *costs[1:]], N), [*range(N), N + 2])
    assert_array_equal(find_useful([None], N), np.arange(N))
