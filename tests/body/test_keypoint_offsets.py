from collections.abc import Mapping

import numpy as np
import pytest

from choreograft.body.keypoint_offsets import (
    OFFSETS,
    WORLD_HEIGHT_M,
    WORLD_LEAN_DEG,
    WORLD_LEAN_PER_PITCH,
    WORLD_OFFSETS,
    Offset,
)
from choreograft.body.rig import JOINTS
from choreograft.pose import skeleton
from choreograft.pose.landmarks import BODY_FROM_POSE

TURNED = {bone for joint in JOINTS for bone in joint.bones}


@pytest.fixture(params=[OFFSETS, WORLD_OFFSETS], ids=["pictures", "world"])
def offsets(request: pytest.FixtureRequest) -> Mapping[str, Offset]:
    table: Mapping[str, Offset] = request.param
    return table


def test_every_joint_that_the_tracker_has_is_there_once_for_both_sides(offsets: Mapping[str, Offset]) -> None:
    kinds = {skeleton.NAMES[joint].removeprefix("left_").removeprefix("right_") for joint in BODY_FROM_POSE}
    assert set(offsets) == kinds


def test_every_carrier_is_a_bone_that_the_rig_turns(offsets: Mapping[str, Offset]) -> None:
    for offset in offsets.values():
        assert offset.bone in TURNED
        assert not offset.bone.endswith(".R")


def test_joints_move_by_less_than_six_hundredths_of_the_height(offsets: Mapping[str, Offset]) -> None:
    for offset in offsets.values():
        assert np.linalg.norm(offset.step) < 0.06


def test_the_nose_stays_between_left_and_right(offsets: Mapping[str, Offset]) -> None:
    assert offsets["nose"].step[0] == 0


def test_the_world_landmarks_are_an_adults_and_lean_by_degrees() -> None:
    assert 1.5 < WORLD_HEIGHT_M < 1.9
    assert abs(WORLD_LEAN_DEG) < 10
    assert -1 <= WORLD_LEAN_PER_PITCH <= 0  # between none of the camera's pitch taken out, and all of it
