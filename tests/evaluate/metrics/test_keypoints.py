"""Distances and misses counted by hand."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from choreograft.evaluate.metrics.regions import compare_joints
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack, empty_arrays
from choreograft.video.size import Size

HEIGHT = 200.0


def person(frames: int = 2) -> PoseTrack:
    """All 133 joints seen; head and ankles 200 px apart."""
    arrays = empty_arrays(frames)
    arrays["xy"][:] = np.random.default_rng(0).uniform(60, 240, (skeleton.JOINTS, 2))
    arrays["xy"][:, list(skeleton.HEAD)] = (150, 40)
    arrays["xy"][:, list(skeleton.ANKLES)] = (150, 240)
    arrays["score"][:] = 1
    return PoseTrack(Size(300, 300), Fraction(24), np.arange(frames) / 24, **arrays, present=np.ones(frames, np.bool_))


def test_a_track_is_where_it_is() -> None:
    series = compare_joints(person(), person())
    assert {region for region, _ in series} == {"frame", "person", "face", "hands"}
    for values in series.values():
        np.testing.assert_array_equal(values, [0, 0])


def test_distances_are_shares_of_the_height() -> None:
    found = person()
    found.xy[1, skeleton.LEFT_WRIST] += (6, 8)  # 10 px, 5 % of the height
    found.xy[1, skeleton.FACE] += (0, 4)
    series = compare_joints(found, person())
    assert series["person", "pose_distance"][1] == pytest.approx(5 / 17, rel=1e-4)
    assert series["face", "pose_distance"][1] == pytest.approx(2, rel=1e-4)
    assert series["frame", "pose_distance"][1] == pytest.approx((5 + 68 * 2) / 133, rel=1e-4)
    assert series["hands", "pose_distance"][1] == 0
    assert series["frame", "pose_distance"][0] == 0


def test_sizes_are_brought_together() -> None:
    doubled = person().on_canvas(Size(600, 600))
    found = replace(doubled, xy=doubled.xy + np.float32(4))
    series = compare_joints(found, person())
    np.testing.assert_allclose(series["frame", "pose_distance"], np.hypot(4, 4) / 400 * 100, rtol=1e-4)


def test_unseen_joints_are_missed_and_do_not_count_as_distance() -> None:
    found = person()
    found.score[0, [skeleton.LEFT_WRIST, skeleton.LEFT_ELBOW]] = 0.4
    found.xy[0, [skeleton.LEFT_WRIST, skeleton.LEFT_ELBOW]] = 9999
    found.score[0, skeleton.LEFT_HAND] = 0.3  # enough for a hand
    found.score[0, skeleton.RIGHT_HAND] = 0.2
    series = compare_joints(found, person())
    assert series["person", "missed_detections"][0] == pytest.approx(100 * 2 / 17)
    assert series["hands", "missed_detections"][0] == pytest.approx(50)
    assert series["frame", "missed_detections"][0] == pytest.approx(100 * 23 / 133)
    assert series["person", "pose_distance"][0] == 0


def test_somebody_absent_misses_everything() -> None:
    found = replace(person(), present=np.array([True, False]))
    series = compare_joints(found, person())
    np.testing.assert_array_equal(series["frame", "missed_detections"], [0, 100])
    assert np.isnan(series["frame", "pose_distance"][1])


def test_joints_that_nobody_wants_count_nothing() -> None:
    wanted = person()
    wanted.score[:, skeleton.FACE] = 0
    wanted.xy[:, skeleton.LEFT_HAND] = (400, 100)  # outside the picture
    found = person()
    found.score[:, skeleton.LEFT_HAND] = 0
    series = compare_joints(found, wanted)
    assert np.isnan(series["face", "pose_distance"]).all()
    assert np.isnan(series["face", "missed_detections"]).all()
    np.testing.assert_array_equal(series["hands", "missed_detections"], [0, 0])
