"""The joint order, and what is left and right in it."""

import numpy as np
import pytest

from choreograft.pose import skeleton


def test_parts_are_disjoint_and_cover_all_joints() -> None:
    parts = (skeleton.BODY, skeleton.FEET, skeleton.FACE, skeleton.LEFT_HAND, skeleton.RIGHT_HAND)
    joints = [joint for part in parts for joint in range(skeleton.JOINTS)[part]]
    assert joints == list(range(skeleton.JOINTS))
    assert [len(range(133)[part]) for part in parts] == [17, 6, 68, 21, 21]


@pytest.mark.parametrize(
    ("joint", "name"),
    [
        (skeleton.NOSE, "nose"),
        (skeleton.RIGHT_WRIST, "right_wrist"),
        (skeleton.LEFT_ANKLE, "left_ankle"),
        (skeleton.RIGHT_BIG_TOE, "right_big_toe"),
        (skeleton.RIGHT_HEEL, "right_heel"),
        (skeleton.FACE.start + 30, "face_30"),
        (skeleton.LEFT_HAND.start, "left_hand_root"),
        (skeleton.RIGHT_HAND.start + 8, "right_hand_index_tip"),
    ],
)
def test_constants_and_names_agree(joint: int, name: str) -> None:
    assert skeleton.NAMES[joint] == name


def test_mirroring_twice_changes_nothing() -> None:
    mirror = np.asarray(skeleton.MIRROR)
    np.testing.assert_array_equal(mirror[mirror], np.arange(skeleton.JOINTS))


def test_mirror_swaps_sides_and_keeps_the_middle() -> None:
    named = dict(zip(skeleton.NAMES, skeleton.MIRROR, strict=True))
    assert skeleton.NAMES[named["left_hand_ring_2"]] == "right_hand_ring_2"
    assert skeleton.NAMES[named["right_heel"]] == "left_heel"
    assert named["nose"] == skeleton.NOSE
    middle = {8, 27, 28, 29, 30, 33, 51, 57, 62, 66}  # chin, bridge and tip of the nose, middle of the lips
    fixed = {joint - 23 for joint in range(23, 91) if skeleton.MIRROR[joint] == joint}
    assert fixed == middle


def test_mirror_reverses_a_face_laid_out_by_hand() -> None:
    # x of some iBUG points of a frontal face, symmetric about 0; the person's right is at the picture's left
    x = {
        0: -8,
        16: 8,
        17: -6,
        26: 6,
        36: -5,
        45: 5,
        39: -2,
        42: 2,
        37: -4,
        44: 4,
        48: -3,
        54: 3,
        60: -2,
        64: 2,
        31: -1,
        35: 1,
    }
    for point, position in x.items():
        assert x[skeleton.MIRROR[23 + point] - 23] == -position


def test_limbs_mirror_into_limbs() -> None:
    limbs = {frozenset(limb) for limb in skeleton.BODY_LIMBS}
    assert limbs == {frozenset(skeleton.MIRROR[joint] for joint in limb) for limb in skeleton.BODY_LIMBS}


def test_hand_bones_are_five_chains_from_the_root() -> None:
    assert len(skeleton.HAND_BONES) == 20
    parents = {child: parent for parent, child in skeleton.HAND_BONES}
    assert set(parents) == set(range(1, 21))
    assert {tip: parents[tip] for tip in (1, 5, 9, 13, 17)} == dict.fromkeys((1, 5, 9, 13, 17), 0)
    assert [parents[joint] for joint in (2, 3, 4, 8, 12, 20)] == [1, 2, 3, 7, 11, 19]
