import numpy as np
import pytest

from choreograft.body.energy import LIMBS
from choreograft.body.keypoint_offsets import LIMB_DEPTHS, OFFSETS, WORLD_LEAN_DEG, WORLD_LEAN_PER_PITCH
from choreograft.body.placement import USUAL_HEIGHT_M, deepen
from choreograft.body.rig import JOINTS
from choreograft.pose import skeleton
from choreograft.pose.detail import BODY_FROM_POSE

TURNED = {bone for joint in JOINTS for bone in joint.bones}


def test_every_joint_that_the_tracker_has_is_there_once_for_both_sides() -> None:
    kinds = {skeleton.NAMES[joint].removeprefix("left_").removeprefix("right_") for joint in BODY_FROM_POSE}
    assert set(OFFSETS) == kinds


def test_every_carrier_is_a_bone_that_the_rig_turns() -> None:
    for offset in OFFSETS.values():
        assert offset.bone in TURNED
        assert not offset.bone.endswith(".R")


def test_joints_move_by_less_than_six_hundredths_of_the_height() -> None:
    for offset in OFFSETS.values():
        assert np.linalg.norm(offset.step) < 0.06


def test_the_nose_stays_between_left_and_right() -> None:
    assert OFFSETS["nose"].step[0] == 0


def test_the_landmarks_lean_by_degrees() -> None:
    assert abs(WORLD_LEAN_DEG) < 10
    assert -1 <= WORLD_LEAN_PER_PITCH <= 0  # between none of the camera's pitch taken out, and all of it


def test_every_limb_has_a_depth_that_grows_with_the_true_one() -> None:
    assert set(LIMB_DEPTHS) == {name for name, _, _ in LIMBS}
    for depth in LIMB_DEPTHS.values():
        assert 0.2 < depth.slope < 1.3
        assert abs(depth.offset) < 0.04
        assert 0.005 < depth.scatter < 0.05


def test_flattened_limbs_are_guessed_nearer_to_their_true_depth_and_feet_go_along() -> None:
    random, T = np.random.default_rng(0), 200
    true = random.normal(0, 0.3, (T, skeleton.JOINTS, 3))
    legs = [(side + "_hip", side + "_knee", side + "_ankle", side + "_big_toe") for side in ("left", "right")]
    seen = true.copy()
    for leg in legs:
        hip, knee, ankle, toe = (skeleton.NAMES.index(name) for name in leg)
        for name, start, end in (("thigh", hip, knee), ("shin", knee, ankle)):
            depth = LIMB_DEPTHS[name]
            way = random.normal(0, 0.15, T)
            true[:, end, 2] = true[:, start, 2] + way
            seen[:, end, 2] = seen[:, start, 2] + depth.slope * way + depth.offset * USUAL_HEIGHT_M
            seen[:, end, 1] = seen[:, start, 1]  # across the line of sight: the lean changes nothing
        seen[:, toe] = seen[:, ankle] + true[:, toe]
        found = deepen(seen)
        flat, deep = (np.abs(each[:, ankle, 2] - true[:, ankle, 2]).mean() for each in (seen, found))
        assert deep < 0.7 * flat
        assert found[:, toe] - found[:, ankle] == pytest.approx(true[:, toe])
        assert found[..., :2] == pytest.approx(seen[..., :2])
