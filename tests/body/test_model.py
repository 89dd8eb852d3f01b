import numpy as np
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from choreograft.body.model import SOLE_M, Body
from choreograft.pose import skeleton
from choreograft.studio.costume import Costume


def still(body: Body) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.tile(np.eye(3), (len(body.bones), 1, 1)), body.heads


def test_a_body_stands_on_its_soles(ada: Costume) -> None:
    assert_allclose(ada.body.vertices[:, 2].min(), SOLE_M)
    assert_allclose(ada.body.heads[0, :2], 0, atol=1e-3)


def test_unmoved_bones_leave_the_body_as_it_is(ada: Costume) -> None:
    rotations, origins = still(ada.body)
    assert_allclose(ada.body.skin(ada.vertices, ada.body.weights, rotations, origins), ada.vertices, atol=1e-12)


def test_turning_all_bones_together_turns_the_body_as_a_whole(ada: Costume) -> None:
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    rotations, origins = still(ada.body)
    moved = ada.body.skin(ada.vertices, ada.body.weights, rotations @ quarter, origins @ quarter.T + [1, 2, 3])
    assert_allclose(moved, ada.vertices @ quarter.T + [1, 2, 3], atol=1e-9)


def test_left_joints_lie_on_the_performers_left(ada: Costume) -> None:
    joints = ada.body.joints(ada.body.vertices, *still(ada.body))
    for index, name in enumerate(skeleton.NAMES):
        if name.startswith("left_"):
            mirrored = joints[skeleton.MIRROR[index]] * [-1, 1, 1]
            assert joints[index, 0] > 0
            assert_allclose(joints[index], mirrored, atol=2e-3)


def test_all_joints_are_known_and_in_anatomical_order(ada: Costume) -> None:
    joints = ada.body.joints(ada.body.vertices, *still(ada.body))
    assert np.isfinite(joints).all()
    chain = [skeleton.LEFT_EYE, skeleton.NOSE, skeleton.LEFT_SHOULDER, skeleton.LEFT_ELBOW, skeleton.LEFT_HIP]
    chain += [skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE, skeleton.LEFT_BIG_TOE]
    assert (np.diff(joints[chain, 2]) < 0).all()
    hand = joints[skeleton.LEFT_HAND]
    reach = np.linalg.norm(hand - hand[0], axis=1)
    for first in (1, 5, 9, 13, 17):
        assert (np.diff(reach[first : first + 4]) > 0).all()


def test_the_two_performers_differ_in_height_and_proportions(ada: Costume, bruno: Costume) -> None:
    assert ada.body.height_m - bruno.body.height_m > 0.2

    def shoulders_to_height(body: Body) -> float:
        return float(2 * body.head("upperarm01.L")[0] / body.height_m)

    assert shoulders_to_height(bruno.body) > 1.1 * shoulders_to_height(ada.body)
