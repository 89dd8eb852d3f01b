from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from choreograft.body.model import Body
from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.studio.costume import Costume
from choreograft.studio.filming import Camera, find_joints, true_track
from choreograft.studio.imitate import imitate
from choreograft.studio.posing import Poses, pose_body
from choreograft.studio.routines import ROUTINES

Array = NDArray[np.float64]
LIMBS = (
    (skeleton.LEFT_SHOULDER, skeleton.LEFT_ELBOW),
    (skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST),
    (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_ELBOW),
    (skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST),
    (skeleton.LEFT_HIP, skeleton.LEFT_KNEE),
    (skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE),
    (skeleton.RIGHT_HIP, skeleton.RIGHT_KNEE),
    (skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE),
)


@pytest.fixture(scope="module", params=["improvise", "squats", "turns", "gestures"])
def joints(request: pytest.FixtureRequest, ada: Costume) -> Array:
    """(T, J, 3) m of a routine danced by ada."""
    return find_joints(ada.body, pose_body(ada.body, ROUTINES[request.param](4.0, Fraction(24), 3)))


@pytest.fixture(scope="module")
def track(joints: Array, camera: Camera) -> PoseTrack:
    return true_track(joints, camera, Fraction(24), None)


def centred(joints: Array) -> Array:
    return joints - joints[:, list(skeleton.HIPS)].mean(axis=1, keepdims=True)


def between(joints: Array, start: int, end: int) -> Array:
    way = joints[:, end] - joints[:, start]
    return np.asarray(way / np.linalg.norm(way, axis=-1, keepdims=True))


def test_a_body_that_imitates_itself_does_the_same(ada: Costume, joints: Array, track: PoseTrack) -> None:
    again = find_joints(ada.body, imitate(track, ada.body))
    error = np.linalg.norm(centred(again) - centred(joints), axis=-1) / ada.body.height_m
    assert error[:, skeleton.BODY].mean() < 0.01
    assert error[:, skeleton.BODY].max() < 0.03
    assert error[:, skeleton.FEET].mean() < 0.015
    assert error[:, skeleton.LEFT_HAND].mean() < 0.015
    height = again[:, list(skeleton.HIPS), 2] - joints[:, list(skeleton.HIPS), 2]
    assert np.abs(height).mean() < 0.015 * ada.body.height_m


def test_another_body_points_its_limbs_the_same_way(bruno: Costume, joints: Array, track: PoseTrack) -> None:
    other = find_joints(bruno.body, imitate(track, bruno.body))
    for limb in LIMBS:
        angle = np.rad2deg(np.arccos(np.clip((between(joints, *limb) * between(other, *limb)).sum(-1), -1, 1)))
        assert angle.mean() < 7  # the shoulders' landmarks move in the flesh, by build


def test_bones_keep_the_bodys_own_lengths(bruno: Costume, track: PoseTrack) -> None:
    poses = imitate(track, bruno.body)
    child, parent = np.arange(1, len(bruno.body.bones)), bruno.body.parents[1:]
    rest = np.linalg.norm(bruno.body.heads[child] - bruno.body.heads[parent], axis=-1)
    assert_allclose(
        np.linalg.norm(poses.origins[:, child] - poses.origins[:, parent], axis=-1),
        rest[None] + 0 * poses.origins[:, child, 0],
        atol=1e-9,
    )
    assert_allclose(np.linalg.det(poses.rotations), 1)


def test_the_lower_foot_stands_on_the_floor(bruno: Costume, track: PoseTrack) -> None:
    poses = imitate(track, bruno.body)
    assert lowest(bruno.body, poses) == pytest.approx(0, abs=0.03)


def lowest(body: Body, poses: Poses) -> float:
    """m, the farthest that the lower ball is from its height when standing."""
    balls = [body.bone(f"toe3-1.{letter}") for letter in "LR"]
    rise = (poses.origins[:, balls, 2] - body.heads[balls, 2]).min(axis=1)
    return float(rise[np.abs(rise).argmax()])


def test_gaps_are_bridged(ada: Costume, track: PoseTrack) -> None:
    world, present = track.world.copy(), track.present.copy()
    world[40:44, skeleton.LEFT_WRIST] = np.nan
    present[60:63] = False
    holed = imitate(replace(track, world=world, present=present), ada.body)
    whole = imitate(track, ada.body)
    apart = np.linalg.norm(holed.origins - whole.origins, axis=-1)
    assert np.isfinite(holed.origins).all()
    assert apart[:35].max() < 0.01
    assert apart.max() < 0.35


def test_unknown_hands_and_feet_go_along_with_their_limbs(ada: Costume, track: PoseTrack) -> None:
    world = track.world.copy()
    world[:, skeleton.FEET.start :] = np.nan
    poses = imitate(replace(track, world=world), ada.body)
    for limb, end in (("lowerarm01.L", "wrist.L"), ("lowerleg01.R", "foot.R")):
        assert_allclose(poses.rotations[:, ada.body.bone(end)], poses.rotations[:, ada.body.bone(limb)])


def test_another_rate_and_length_are_the_same_motion(ada: Costume, track: PoseTrack) -> None:
    twice = imitate(track, ada.body, seconds=5.0, rate=Fraction(48))
    assert len(twice) == 240
    plain = imitate(track, ada.body)
    assert np.abs(twice.origins[: 2 * len(plain) : 2] - plain.origins).max() < 0.08
    assert_allclose(twice.origins[-1], twice.origins[2 * len(plain) + 20], atol=1e-6)


def test_a_track_of_nobody_is_refused(ada: Costume, track: PoseTrack) -> None:
    with pytest.raises(PersonError, match="no whole body to imitate"):
        imitate(replace(track, present=np.zeros_like(track.present)), ada.body)
