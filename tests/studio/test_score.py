from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose

from choreograft.studio.routines import BEAT_S, calibration, dance
from choreograft.studio.score import ARM_POSES, Score


def test_a_channel_rests_between_its_moves_and_never_overshoots() -> None:
    score = Score()
    score.move("crouch", 1.0, 2.0, 0.4)
    score.move("crouch", 3.0, 4.0, 0.0)
    crouch = score.play(5.0, Fraction(100))["crouch"]
    assert_allclose(crouch[:100], 0, atol=1e-12)
    assert_allclose(crouch[200:300], 0.4)
    assert_allclose(crouch[400:], 0, atol=1e-12)
    assert crouch.min() >= 0.0
    assert crouch.max() <= 0.4 + 1e-12


def test_a_channel_cannot_be_in_two_moves_at_once() -> None:
    score = Score()
    score.move("crouch", 1.0, 2.0, 0.4)
    with pytest.raises(ValueError, match=r"already moves until 2\.0 s"):
        score.move("crouch", 1.5, 2.5, 0.0)


def test_a_step_ends_with_both_feet_beside_the_pelvis_and_on_the_floor() -> None:
    score = Score()
    score.step(0.0, 1.0, (0.5, 0.25), turn_deg=90.0, width=0.1)
    motion = score.play(2.0, Fraction(10))
    assert_allclose(motion["place"][-1], [0.5, 0.25])
    # facing the camera's right, the left foot is the one farther from the camera
    assert_allclose(motion["foot_place"][-1], [[0.5, 0.15], [0.5, 0.35]], atol=1e-12)
    assert_allclose(motion["foot_lift"][-1], 0, atol=1e-12)


def test_one_foot_stays_down_while_the_other_steps() -> None:
    score = Score()
    score.step(0.0, 1.0, (0.5, 0.0))
    lift = score.play(1.0, Fraction(60))["foot_lift"][..., 2]
    assert lift.max(axis=0).min() > 0.08
    assert_allclose(lift.min(axis=1), 0, atol=1e-12)


def test_no_arm_pose_is_straight_so_that_the_elbow_knows_its_plane() -> None:
    for name, (upper_arm, forearm, _) in ARM_POSES.items():
        upper, lower = (np.asarray(d) / np.linalg.norm(d) for d in (upper_arm, forearm))
        assert 3 < np.rad2deg(np.arccos(upper @ lower)) < 150, name


@pytest.mark.parametrize("seconds", [2.0, 20.0])
def test_calibration_fills_any_length(seconds: float) -> None:
    motion = calibration(seconds, Fraction(24))
    assert len(motion) == round(seconds * 24)
    assert motion["turn"].max() > 45
    assert motion["turn"].min() < -45
    assert motion["crouch"].max() > 0.4


def test_the_dance_dips_on_the_beat() -> None:
    crouch = dance(8.0, Fraction(100))["crouch"]
    beats = np.arange(1, 11) * BEAT_S
    on, off = np.round((beats + BEAT_S / 2) * 100).astype(int), np.round(beats * 100).astype(int)
    assert (crouch[on] - crouch[off] > 0.03).all()


def test_the_dance_has_one_frame_for_each_at_a_broken_rate() -> None:
    assert len(dance(8.0, Fraction(30000, 1001))) == 240
