from fractions import Fraction

import numpy as np
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.studio.costume import Costume
from choreograft.studio.posing import Poses, pose_body
from choreograft.studio.routines import calibration, dance
from choreograft.studio.score import Motion, Score

Array = NDArray[np.float64]


def test_rotations_are_rotations(poses: Poses) -> None:
    product = poses.rotations @ poses.rotations.swapaxes(-1, -2)
    assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-9)
    assert_allclose(np.linalg.det(poses.rotations), 1)


def test_bones_keep_their_lengths(ada: Costume, poses: Poses) -> None:
    children = np.arange(1, len(ada.body.bones))
    parents = ada.body.parents[children]
    rest = np.linalg.norm(ada.body.heads[children] - ada.body.heads[parents], axis=-1)
    posed = np.linalg.norm(poses.origins[:, children] - poses.origins[:, parents], axis=-1)
    assert_allclose(posed, np.broadcast_to(rest, posed.shape), atol=1e-9)


def test_the_lowest_shoe_stands_on_the_floor_in_every_frame(ada: Costume, poses: Poses) -> None:
    for frame in range(len(poses)):
        solids = ada.body.skin(ada.solids.vertices, ada.solids.weights, poses.rotations[frame], poses.origins[frame])
        assert abs(solids[:, 2].min()) < 0.012


def test_a_planted_foot_does_not_slide(ada: Costume) -> None:
    motion = dance(8.0, Fraction(60))
    poses = pose_body(ada.body, motion)
    for side, letter in enumerate("LR"):
        ball = poses.origins[:, ada.body.bone(f"toe3-1.{letter}")]
        planted = np.abs(motion["foot_lift"][:, side]).max(axis=1) < 1e-9
        both = planted[1:] & planted[:-1]
        assert both.sum() > 100
        assert np.linalg.norm(np.diff(ball, axis=0), axis=1)[both].max() < 0.003


def test_feet_are_where_the_motion_puts_them(ada: Costume, poses: Poses, motion: Motion) -> None:
    reach = poses.origins[:, ada.body.bone("foot.L")] - poses.origins[:, ada.body.bone("upperleg01.L")]
    assert np.linalg.norm(reach, axis=1).max() <= ada.body.leg_m
    planted = np.abs(motion["foot_lift"][:, 0]).max(axis=1) < 1e-9
    height = poses.origins[planted][:, ada.body.bone("toe3-1.L"), 2]
    assert_allclose(height, ada.body.head("toe3-1.L")[2], atol=0.004)


def test_knees_bend_forward(ada: Costume, joints: Array, motion: Motion) -> None:
    forward = np.stack(
        [np.sin(np.deg2rad(motion["turn"])), -np.cos(np.deg2rad(motion["turn"])), 0 * motion["turn"]], -1
    )
    for hip, knee, ankle in (
        (skeleton.LEFT_HIP, skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE),
        (skeleton.RIGHT_HIP, skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE),
    ):
        middle = (joints[:, hip] + joints[:, ankle]) / 2
        ahead = ((joints[:, knee] - middle) * forward).sum(axis=-1)
        assert ahead.min() > -0.02  # straight legs: the knee's surface point lies in the middle of the leg
        assert ahead[motion["crouch"] > 0.25].min() > 0.1


def test_an_arm_points_where_the_score_says(ada: Costume) -> None:
    score = Score()
    score.arms(0.0, 1.0, "side", "up")
    joints = pose_body(ada.body, score.play(2.0, Fraction(10))).origins[-1]
    left = joints[ada.body.bone("lowerarm01.L")] - joints[ada.body.bone("upperarm01.L")]
    right = joints[ada.body.bone("lowerarm01.R")] - joints[ada.body.bone("upperarm01.R")]
    assert left[0] / np.linalg.norm(left) > 0.99
    assert right[2] / np.linalg.norm(right) > 0.9


def test_nobody_jerks(ada: Costume) -> None:
    for motion in (dance(8.0, Fraction(60)), calibration(20.0, Fraction(60))):
        poses = pose_body(ada.body, motion)
        speed_m_s = np.linalg.norm(np.diff(poses.origins, axis=0), axis=-1) * 60
        turn = poses.rotations[1:] @ poses.rotations[:-1].swapaxes(-1, -2)
        cosine = np.clip((np.trace(turn, axis1=-2, axis2=-1) - 1) / 2, -1, 1)
        assert speed_m_s.max() < 10  # of the fastest fingertip
        assert 60 * np.rad2deg(np.arccos(cosine)).max() < 900  # deg/s, of the fastest bone


def test_two_builds_dance_the_same_angles(ada: Costume, bruno: Costume, motion: Motion, poses: Poses) -> None:
    other = pose_body(bruno.body, motion)
    spine = ada.body.bone("spine01")
    assert_allclose(other.rotations[:, spine], poses.rotations[:, spine], atol=1e-9)
