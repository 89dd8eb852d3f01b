"""The rig's joints, limits and axes: what a bend, a twist and a move aside do to a body."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from choreograft.body.model import load_blend
from choreograft.body.rig import (
    BODY_COUNT,
    BODY_JOINTS,
    JOINTS,
    NAMES,
    PELVIS,
    Rig,
    joint_axes,
    joint_index,
    limits_rad,
)
from choreograft.body.shape import MEAN_SHAPE, load_shape_space
from choreograft.pose import skeleton
from filmed import film, posed

TOLERANCE_M = 4e-3
"""By which Anny's left and right differ."""


@pytest.fixture(scope="module")
def rig() -> Rig:
    return load_shape_space().rig


def moved(joint: int, **turns: tuple[float, float, float]) -> np.ndarray:
    """(3,) m, by how much a point moves if joints turn; `elbow_L` is the joint elbow.L."""
    body = posed({}, {name.replace("_", "."): angles for name, angles in turns.items()})
    return body.points[1, joint] - body.points[0, joint]


def test_every_segment_has_its_parent_before_it(rig: Rig) -> None:
    assert rig.parents[0] == -1
    assert all(parent < segment for segment, parent in enumerate(rig.parents))


def test_each_bone_rides_on_the_nearest_moving_bone_above_it(rig: Rig) -> None:
    parents = load_blend().parents
    for bone in range(len(rig.bones)):
        above = bone
        while above not in rig.segments:
            above = parents[above]
        assert rig.segments[rig.segment_of[bone]] == above


def test_every_bone_of_a_joint_is_a_segment_and_chains_share_their_turn(rig: Rig) -> None:
    for index, joint in enumerate(JOINTS):
        own = [s for s in range(len(rig.segments)) if rig.joints[s] == index]
        assert {rig.bones[rig.segments[s]] for s in own} == set(joint.bones)
        assert_allclose([rig.shares[s] for s in own], 1 / len(joint.bones) if joint.is_chain else 1)


def test_levels_are_the_segments_by_their_distance_from_the_root(rig: Rig) -> None:
    assert sorted(s for level in rig.levels for s in level) == list(range(len(rig.segments)))
    for above, level in zip(rig.levels, rig.levels[1:], strict=False):
        assert all(rig.parents[s] in above for s in level)


def test_without_finger_joints_fingers_ride_on_the_hand() -> None:
    blend = load_blend()
    rig = Rig.of(blend.bones, blend.parents, BODY_COUNT)
    tip, wrist = (blend.bones.index(name) for name in ("finger2-3.L", "wrist.L"))
    assert rig.segments[rig.segment_of[tip]] == wrist


def test_axes_are_orthonormal_and_right_handed() -> None:
    axes = joint_axes(MEAN_SHAPE.build())
    assert_allclose(axes.transpose(0, 2, 1) @ axes, np.tile(np.eye(3), (len(JOINTS), 1, 1)), atol=1e-12)
    assert_allclose(np.linalg.det(axes), 1)


def test_limits_hold_the_rest_pose_and_are_alike_on_both_sides() -> None:
    low, high = limits_rad()
    assert (low <= 0).all()
    assert (high >= 0).all()
    for name in NAMES:
        if name.endswith(".L"):
            left, right = joint_index(name), joint_index(name.replace(".L", ".R"))
            assert_allclose(low[left], low[right])
            assert_allclose(high[left], high[right])


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_bent_knee_brings_the_ankle_backwards_and_up(side: str) -> None:
    ankle = skeleton.LEFT_ANKLE if side == "L" else skeleton.RIGHT_ANKLE
    x, y, z = moved(ankle, **{f"knee_{side}": (90, 0, 0)})
    assert y > 0.3  # the body faces -y
    assert z > 0.3
    assert abs(x) < 0.05


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_negative_bend_of_the_hip_lifts_the_thigh_forward(side: str) -> None:
    knee = skeleton.LEFT_KNEE if side == "L" else skeleton.RIGHT_KNEE
    _, y, z = moved(knee, **{f"hip_{side}": (-80, 0, 0)})
    assert y < -0.3
    assert z > 0.2


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_bent_elbow_brings_the_wrist_to_the_shoulder(side: str) -> None:
    shoulder, wrist = (
        (skeleton.LEFT_SHOULDER, skeleton.LEFT_WRIST)
        if side == "L"
        else (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_WRIST)
    )
    bends = [-42, 0, 40, 80, 105]
    points = posed(*({f"elbow.{side}": (bend, 0, 0)} for bend in bends)).points
    away = np.linalg.norm(points[:, wrist] - points[:, shoulder], axis=1)
    assert (np.diff(away) < -0.02).all()
    assert away[-1] < 0.5 * away[0]


@pytest.mark.parametrize("side", ["L", "R"])
def test_a_bent_finger_comes_to_the_hands_root(side: str) -> None:
    hand = (skeleton.LEFT_HAND if side == "L" else skeleton.RIGHT_HAND).start
    fist = {f"index{knuckle}.{side}": (80.0, 0.0, 0.0) for knuckle in (1, 2, 3)}
    points = posed({}, fist).points
    reach = np.linalg.norm(points[:, hand + 8] - points[:, hand], axis=1)
    assert reach[1] < 0.75 * reach[0]


def test_a_collar_lifts_the_shoulder_farther_than_it_drops_it() -> None:
    low, high = np.rad2deg(limits_rad())
    for side, shoulder in (("L", skeleton.LEFT_SHOULDER), ("R", skeleton.RIGHT_SHOULDER)):
        joint = joint_index(f"collar.{side}")
        lifted = moved(shoulder, **{f"collar_{side}": (0, 0, low[joint, 2])})[2]
        dropped = moved(shoulder, **{f"collar_{side}": (0, 0, high[joint, 2])})[2]
        assert lifted > 0.05
        assert -0.5 * lifted < dropped < 0


def test_arms_that_point_up_lift_the_collars_within_their_limits() -> None:
    low, high = limits_rad()
    turns = film("ada", "squats", 3.0).body.turns  # in the second squat arms go up
    for name in ("collar.L", "collar.R"):
        aside = turns[:, joint_index(name), 2]
        assert aside.min() < np.deg2rad(-15)
        assert aside.min() > low[joint_index(name), 2]
        assert aside.max() < high[joint_index(name), 2]


def test_a_bent_spine_leans_forward_and_a_twist_turns_the_shoulders() -> None:
    _, y, z = moved(skeleton.NOSE, spine=(60, 0, 0))
    assert y < -0.2
    assert z < 0
    points = posed({}, {"spine": (0, 40, 0)}).points
    across = points[:, skeleton.LEFT_SHOULDER] - points[:, skeleton.RIGHT_SHOULDER]
    turned = np.rad2deg(np.arctan2(across[:, 1], across[:, 0]))
    assert_allclose(turned[1] - turned[0], 40, atol=1)


def test_left_mirrors_right() -> None:
    random = np.random.default_rng(3)
    low, high = np.rad2deg(limits_rad())
    left, right = {}, {}
    for index, joint in enumerate(JOINTS):
        if not joint.name.endswith(".L"):
            continue
        bend, twist, aside = random.uniform(0.5 * low[index], 0.5 * high[index])
        left[joint.name] = (bend, twist, aside)
        # the collar's hinge is the vertical on both sides, all other hinges are mirrored themselves
        flipped = (-bend, -twist, aside) if joint.name.startswith("collar") else (bend, -twist, -aside)
        right[joint.name.replace(".L", ".R")] = flipped
    points = posed(left, right).points[:, : skeleton.JOINTS]
    assert_allclose(points[1], points[0][list(skeleton.MIRROR)] * [-1, 1, 1], atol=TOLERANCE_M)


def test_the_pelvis_turns_the_whole_body() -> None:
    assert JOINTS[0].name == PELVIS
    assert len(BODY_JOINTS) == BODY_COUNT == 21
