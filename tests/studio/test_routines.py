"""What every routine owes the eye: feet that stand, knees that fold forward, limbs that do not snap."""

from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.studio.costume import Costume
from choreograft.studio.filming import find_joints
from choreograft.studio.posing import Poses, pose_body
from choreograft.studio.routines import FAR, NEAR, ROUTINES
from choreograft.studio.score import SIDE_CHANNELS, Motion, mirror

Array = NDArray[np.float64]
RATE = Fraction(60)
DANCES = [(name, 0) for name in ROUTINES] + [("improvise", seed) for seed in (1, 2, 3)] + [("kicks", 5), ("turns", 6)]
FINGERS = "finger"


@pytest.fixture(scope="module", params=DANCES, ids=lambda dance: f"{dance[0]}-{dance[1]}")
def performance(request: pytest.FixtureRequest, ada: Costume) -> tuple[Costume, Motion, Poses]:
    name, seed = request.param
    motion = ROUTINES[name](20.0 if name in ("calibration", "showcase") else 4.0, RATE, seed)
    return ada, motion, pose_body(ada.body, motion)


def test_planted_feet_stay_where_they_are(performance: tuple[Costume, Motion, Poses]) -> None:
    costume, motion, poses = performance
    for side, letter in enumerate("LR"):
        ball = poses.origins[:, costume.body.bone(f"toe3-1.{letter}")]
        planted = np.abs(motion["foot_lift"][:, side]).max(axis=1) < 1e-9
        both = planted[1:] & planted[:-1]
        assert both.sum() > 30
        assert np.linalg.norm(np.diff(ball, axis=0), axis=1)[both].max() < 1e-3


def test_no_ankle_is_wrung(performance: tuple[Costume, Motion, Poses]) -> None:
    motion = performance[1]
    for side in range(2):
        assert np.abs(motion["turn"] - motion["foot_turn"][:, side] - motion["pivot"][:, side]).max() < 60


def test_no_limb_snaps(performance: tuple[Costume, Motion, Poses]) -> None:
    costume, _, poses = performance
    limbs = [index for index, name in enumerate(costume.body.bones) if not name.startswith(FINGERS)]
    speed_m_s = np.linalg.norm(np.diff(poses.origins, axis=0), axis=-1) * float(RATE)
    turn = poses.rotations[1:, limbs] @ poses.rotations[:-1, limbs].swapaxes(-1, -2)
    cosine = np.clip((np.trace(turn, axis1=-2, axis2=-1) - 1) / 2, -1, 1)
    assert speed_m_s.max() < 12  # of the fastest fingertip
    assert float(RATE) * np.rad2deg(np.arccos(cosine)).max() < 1500  # deg/s, of a kicking shin


def test_knees_fold_forward(performance: tuple[Costume, Motion, Poses]) -> None:
    costume, motion, poses = performance
    joints = find_joints(costume.body, Poses(poses.rotations[::6], poses.origins[::6]))
    for side, chain in enumerate(
        (
            (skeleton.LEFT_HIP, skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE),
            (skeleton.RIGHT_HIP, skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE),
        )
    ):
        heading = np.deg2rad((motion["turn"] + motion["foot_turn"][:, side] + motion["pivot"][:, side])[::6] / 2)
        forward = np.stack([np.sin(heading), -np.cos(heading), 0 * heading], axis=-1)
        hip, knee, ankle = (joints[:, joint] for joint in chain)
        along = (ankle - hip) / np.linalg.norm(ankle - hip, axis=1, keepdims=True)
        ahead = (knee - hip) - ((knee - hip) * along).sum(1, keepdims=True) * along
        square = forward - (forward * along).sum(1, keepdims=True) * along
        folded = np.linalg.norm(ahead, axis=1) > 0.1
        assert ((ahead * square).sum(axis=1)[folded] > 0).all()


def test_the_same_seed_is_the_same_dance_and_another_seed_another() -> None:
    improvise = ROUTINES["improvise"]
    first, again, other = (improvise(4.0, Fraction(24), seed) for seed in (7, 7, 8))
    assert_allclose(first["arm"], again["arm"], atol=0)
    apart = 2 * np.arccos(np.clip(np.abs((first["arm"] * other["arm"]).sum(axis=-1)), 0, 1))
    assert np.rad2deg(apart[24:]).mean() > 30


@pytest.mark.parametrize("name", ["kicks", "squats", "turns", "walk", "gestures"])
def test_seeds_vary_a_drill_within_its_kind(name: str) -> None:
    plain, varied = ROUTINES[name](4.0, Fraction(24), 0), ROUTINES[name](4.0, Fraction(24), 3)
    assert np.abs(plain["arm"] - varied["arm"]).max() > 0.1


def test_a_longer_clip_goes_on_moving() -> None:
    for name in ("kicks", "squats", "turns", "walk", "gestures", "improvise"):
        arm = ROUTINES[name](13.0, Fraction(24), 0)["arm"]
        assert len(arm) == 13 * 24
        assert np.abs(np.diff(arm[-48:], axis=0)).max() > 1e-3


def test_kicks_reach_the_hips(ada: Costume) -> None:
    poses = pose_body(ada.body, ROUTINES["kicks"](4.8, RATE, 0))
    for letter in "LR":
        assert poses.origins[:, ada.body.bone(f"foot.{letter}"), 2].max() > 0.75 * ada.body.leg_m


def test_squats_bring_the_thighs_level(ada: Costume) -> None:
    poses = pose_body(ada.body, ROUTINES["squats"](4.0, RATE, 0))
    drop = poses.origins[:, ada.body.bone("upperleg01.L"), 2] - poses.origins[:, ada.body.bone("lowerleg01.L"), 2]
    assert drop.min() < 0.1


def test_a_spin_turns_once_round_in_nine_tenths_of_a_second() -> None:
    turn = ROUTINES["turns"](4.0, RATE, 0)["turn"]
    moving = np.flatnonzero(np.abs(np.diff(turn)) > 1e-6)
    first = moving[: np.flatnonzero(np.diff(moving) > 5)[0] + 1]
    assert len(first) / float(RATE) == pytest.approx(0.9, abs=0.05)
    assert turn.max() == pytest.approx(360)
    assert turn.min() == pytest.approx(0)


def test_the_walk_changes_depth_by_more_than_a_metre(ada: Costume) -> None:
    depth = pose_body(ada.body, ROUTINES["walk"](4.0, RATE, 0)).origins[:, 0, 1]
    assert np.ptp(depth) == pytest.approx((NEAR - FAR) * ada.body.leg_m, abs=0.01)
    assert np.ptp(depth) > 1.2


def test_the_showcase_shows_every_side_and_both_states_of_the_hands() -> None:
    motion = ROUTINES["showcase"](20.0, RATE, 0)
    quarters, _ = np.histogram(motion["turn"], bins=4, range=(0, 360))
    assert (quarters > 20).all()
    assert np.ptp(motion["place"][:, 1]) > 1.0
    assert motion["fist"].max() == pytest.approx(1)
    assert np.rad2deg(motion["crouch"].max()) > 20


def test_a_closed_fist_brings_the_fingertips_to_the_palm(ada: Costume) -> None:
    poses = pose_body(ada.body, ROUTINES["kicks"](1.0, RATE, 0))
    joints = find_joints(ada.body, Poses(poses.rotations[[0, 20]], poses.origins[[0, 20]]))
    for part in (skeleton.LEFT_HAND, skeleton.RIGHT_HAND):
        hand = joints[:, part]
        for tip in (8, 12, 16, 20):
            reach = np.linalg.norm(hand[:, tip] - hand[:, 0], axis=-1)
            assert reach[1] < 0.75 * reach[0]
            # towards the palm, not over the back of the hand: the way the fingers are bent at rest
            bones = np.diff(hand[:, tip - 3 : tip + 1], axis=1)
            bent = np.cross(bones[:, 0], bones[:, 1])
            knuckles = hand[1, 17] - hand[1, 5]
            assert np.sign(bent[1] @ knuckles) == (1 if part is skeleton.LEFT_HAND else -1)


def test_a_mirrored_motion_is_the_reflection_of_the_pose(ada: Costume) -> None:
    motion = ROUTINES["improvise"](3.0, Fraction(8), 4)
    there = pose_body(ada.body, motion).origins
    back = pose_body(ada.body, mirror(motion)).origins
    opposite = [
        ada.body.bone(name[:-1] + {"L": "R", "R": "L"}[name[-1]] if name.endswith((".L", ".R")) else name)
        for name in ada.body.bones
    ]
    assert_allclose(back[:, opposite] * [-1, 1, 1], there, atol=0.01)
    assert set(SIDE_CHANNELS) < set(mirror(motion).channels)
