"""Smoothing takes the noise and leaves the motion, at any rate, late by nothing."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.clean import clean_track
from choreograft.pose.smooth import noise_level, smooth_joints
from choreograft.pose.track import PoseTrack
from dancing import HEIGHT_PX, LIMBED, PX_PER_M, dance, shaken

WRIST = skeleton.LEFT_WRIST


def _errors(found: PoseTrack, true: PoseTrack) -> tuple[float, float]:
    """Mean error of place and of acceleration, px."""
    off = (found.xy - true.xy)[:, LIMBED].astype(np.float64)
    place, jitter = (np.linalg.norm(v, axis=-1) for v in (off, np.diff(off, n=2, axis=0)))
    return float(np.nanmean(place)), float(np.nanmean(jitter))


@pytest.mark.parametrize("fps", [20, 24, 60, 120])
def test_noise_is_taken_away(fps: float) -> None:
    truth = dance(int(max(96, 2 * fps)), fps)
    noisy = shaken(truth, 5.0, dropped=0.1)
    before, after = _errors(noisy, truth), _errors(clean_track(noisy)[0], truth)
    assert after[0] < 0.4 * before[0]
    assert after[1] < 0.2 * before[1]


@pytest.mark.parametrize("fps", [5, 12, 24, 60, 120])
def test_a_track_without_noise_is_hardly_touched(fps: float) -> None:
    truth = dance(int(max(40, 1.5 * fps)), fps, turning=0.2)
    cleaned, report = clean_track(truth)
    assert _errors(cleaned, truth)[0] < 0.003 * HEIGHT_PX
    assert report.joints_filled == report.joints_jumped == report.joints_misplaced == 0
    speed, true_speed = (np.linalg.norm(np.diff(t.xy[:, WRIST], axis=0), axis=-1).max() for t in (cleaned, truth))
    assert speed > 0.9 * true_speed


def test_uneven_times_are_smoothed_as_they_are() -> None:
    time_s = np.cumsum(np.random.default_rng(0).choice([1 / 60, 2 / 60], 200))
    truth = dance(200, 40, time_s=time_s)
    noisy = shaken(truth, 4.0)
    before, after = _errors(noisy, truth), _errors(clean_track(noisy)[0], truth)
    assert after[0] < 0.4 * before[0]


def test_a_fast_hit_is_neither_late_nor_blunted() -> None:
    """A forearm that strikes out and back by 140 degrees within a quarter of a second."""
    truth = dance()
    angle = 0.4 + 2.4 * np.exp(-np.square((truth.time_s - 2.0) / 0.08))
    forearm = 0.26 * np.stack([np.sin(angle), np.cos(angle), 0 * angle], axis=-1)
    truth.world[:, WRIST] = truth.world[:, skeleton.LEFT_ELBOW] + forearm
    truth.xy[:, WRIST] = truth.xy[:, skeleton.LEFT_ELBOW] + PX_PER_M * forearm[:, :2]
    truth.depth[:, WRIST] = truth.depth[:, skeleton.LEFT_ELBOW]
    cleaned, report = clean_track(shaken(truth, 1.0))
    assert report.joints_jumped == report.joints_misplaced == 0
    height, true_height = (t.xy[42:55, WRIST, 1] for t in (cleaned, truth))
    assert height.argmin() == true_height.argmin()
    assert np.ptp(height) > 0.95 * np.ptp(true_height)
    speed, true_speed = (np.linalg.norm(np.diff(t.xy[:, WRIST], axis=0), axis=-1).max() for t in (cleaned, truth))
    assert speed > 0.9 * true_speed


def test_smoothing_has_no_lag() -> None:
    noisy = shaken(dance(100), 4.0)
    backwards = replace(
        noisy, xy=noisy.xy[::-1], score=noisy.score[::-1], depth=noisy.depth[::-1], world=noisy.world[::-1]
    )
    np.testing.assert_allclose(clean_track(backwards)[0].xy[::-1], clean_track(noisy)[0].xy, atol=3)


def test_a_long_clip_is_smoothed_in_windows_without_seams() -> None:
    truth = dance(300)
    noisy = shaken(truth, 5.0)
    before, after = _errors(noisy, truth), _errors(clean_track(noisy)[0], truth)
    assert after[0] < 0.4 * before[0]
    assert after[1] < 0.1 * before[1]


def test_a_doubtful_sighting_pulls_less() -> None:
    values, weight = _ramp(), np.ones((40, 1), np.float32)
    values[20] += 6
    certain = smooth_joints(values, weight, np.arange(40) / 24, np.array([2.0]))
    weight[20] = 0.2
    doubtful = smooth_joints(values, weight, np.arange(40) / 24, np.array([2.0]))
    assert np.abs(doubtful[20] - _ramp()[20]).max() < 0.5 * np.abs(certain[20] - _ramp()[20]).max()


def test_sightings_that_do_not_count_stay_as_they_are() -> None:
    values, weight = _ramp(), np.ones((40, 1), np.float32)
    values[20], weight[20] = 777, 0
    smooth = smooth_joints(values, weight, np.arange(40) / 24, np.array([2.0]))
    np.testing.assert_array_equal(smooth[20], values[20])
    np.testing.assert_allclose(np.delete(smooth, 20, axis=0), np.delete(_ramp(), 20, axis=0), atol=1e-3)


def _ramp() -> NDArray[np.float32]:
    return np.repeat(3 * np.arange(40, dtype=np.float32)[:, None, None], 2, axis=-1)


@pytest.mark.parametrize("sigma_px", [0.5, 2.0, 8.0])
def test_noise_is_measured_under_motion_and_outliers(sigma_px: float) -> None:
    track = shaken(dance(300), sigma_px)
    track.xy[::100] += 200
    level = noise_level(track.xy[:, LIMBED], track.seen(0.3)[:, LIMBED], 24)
    np.testing.assert_allclose(level, sigma_px, rtol=0.3)
    assert np.median(level) == pytest.approx(sigma_px, rel=0.1)


def test_motion_at_low_rates_is_not_taken_for_noise() -> None:
    slow = dance(60, 5)
    level = noise_level(slow.xy[:, LIMBED], slow.seen(0.3)[:, LIMBED], 5)
    assert level.max() < 0.01 * HEIGHT_PX


def test_the_noise_found_is_told() -> None:
    assert clean_track(shaken(dance(), 3.0))[1].noise_px == pytest.approx(3.0, rel=0.1)
