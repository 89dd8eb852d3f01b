from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from choreograft.body.body_track import resample_body
from choreograft.pose.track import TimeGrid, resample_track
from filmed import film


def test_on_its_own_times_a_body_stays_what_it_is() -> None:
    clip = film("ada", "squats")
    body = clip.body
    same = resample_body(body, TimeGrid.of(clip.track, body.time_s), body.rate)
    for name in ("present", "root", "pelvis", "turns", "stands"):
        assert_allclose(getattr(same, name), getattr(body, name), atol=1e-5)


def test_halfway_lies_between() -> None:
    clip = film("ada", "turns")
    body = clip.body
    halves = (body.time_s[1:] + body.time_s[:-1]) / 2
    between = resample_body(body, TimeGrid.of(clip.track, halves), Fraction(24))
    assert between.rate == 24
    assert_allclose(between.pelvis, (body.pelvis[1:] + body.pelvis[:-1]) / 2, atol=1e-5)
    whole = Rotation.from_matrix(body.root[:-1]).inv() * Rotation.from_matrix(body.root[1:])
    part = Rotation.from_matrix(body.root[:-1]).inv() * Rotation.from_matrix(between.root)
    assert_allclose(part.magnitude(), whole.magnitude() / 2, atol=1e-4)


def test_outside_of_the_clip_its_ends_stay() -> None:
    clip = film("ada", "squats")
    out = resample_body(clip.body, TimeGrid.of(clip.track, np.array([-1.0, 99.0])), clip.body.rate)
    assert_allclose(out.pelvis, clip.body.pelvis[[0, -1]], atol=1e-6)


def test_through_a_hold_body_and_joints_stay_what_was_shown_last() -> None:
    """As in a recording of a screen: 1.4 s without a new picture."""
    clip = film("ada", "squats")
    late = np.where(np.arange(len(clip.track)) > 10, 1.4, 0.0)
    track, body = (replace(part, time_s=part.time_s + late) for part in (clip.track, clip.body))
    hold, next_s = track.time_s[10], track.time_s[11]
    times = np.array([hold - 0.01, hold + 0.3, next_s - 0.3, next_s - 0.02, next_s])
    grid = TimeGrid.of(track, times)
    posed, moved = resample_track(track, grid, Fraction(30)), resample_body(body, grid, Fraction(30))
    for t in (1, 2, 3):
        assert_allclose(moved.pelvis[t], body.pelvis[10], atol=1e-6)
        assert_allclose(posed.xy[t], track.xy[10])
    assert_allclose(moved.pelvis[4], body.pelvis[11], atol=1e-6)
    assert_allclose(posed.xy[4], track.xy[11])
    assert not np.allclose(moved.pelvis[0], body.pelvis[10], atol=1e-6)  # before it, it moves
