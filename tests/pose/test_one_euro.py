"""The live filter equals its published recursion, is calm at rest and late by little."""

import math

import numpy as np
import pytest

from choreograft.config import OneEuroConfig
from choreograft.pose.one_euro import OneEuroFilter

CONFIG = OneEuroConfig()


def _published(samples: list[float], times_s: list[float], scale: float) -> list[float]:
    """Casiez et al. 2012, algorithm 1, for one number, speed in units of `scale`."""

    def share(cutoff_hz: float, step_s: float) -> float:
        return 1 / (1 + 1 / (2 * math.pi * cutoff_hz) / step_s)

    filtered, speed, result = samples[0], 0.0, [samples[0]]
    for n in range(1, len(samples)):
        step_s = times_s[n] - times_s[n - 1]
        a = share(CONFIG.speed_cutoff_hz, step_s)
        speed = a * (samples[n] - samples[n - 1]) / step_s + (1 - a) * speed
        a = share(CONFIG.min_cutoff_hz + CONFIG.beta * abs(speed) / scale, step_s)
        filtered = a * samples[n] + (1 - a) * filtered
        result.append(filtered)
    return result


def test_one_coordinate_equals_the_published_recursion_over_uneven_times() -> None:
    random = np.random.default_rng(0)
    times_s = np.cumsum(random.choice([1 / 60, 2 / 60], 50)).tolist()
    samples = (100 * np.sin(3 * np.array(times_s)) + random.normal(0, 3, 50)).tolist()
    live = OneEuroFilter(scale=400)
    found = [float(live.filter(np.array([[s]], np.float32), t)[0, 0]) for s, t in zip(samples, times_s, strict=True)]
    np.testing.assert_allclose(found, _published(samples, times_s, 400), rtol=1e-5)


@pytest.mark.parametrize("fps", [5, 24, 120])
def test_a_joint_at_rest_becomes_calmer_and_stays_where_it_is(fps: int) -> None:
    random = np.random.default_rng(1)
    samples = (np.array([[200, 300]]) + random.normal(0, 3, (600, 1, 2))).astype(np.float32)
    live = OneEuroFilter(scale=400)
    smooth = np.stack([live.filter(sample, t / fps) for t, sample in enumerate(samples)])
    assert np.abs(smooth[100:].mean(0) - [200, 300]).max() < 1
    assert np.abs(np.diff(smooth[100:], axis=0)).mean() < 0.85 * np.abs(np.diff(samples[100:], axis=0)).mean()


def test_a_fast_hand_is_less_late_than_a_slow_filter_would_have_it() -> None:
    live, slow = OneEuroFilter(scale=400), OneEuroFilter(scale=1e9)
    for t in range(30):
        place = np.array([[40.0 * t, 0]], np.float32)
        ahead, behind = live.filter(place, t / 30)[0, 0], slow.filter(place, t / 30)[0, 0]
    assert 40 * 29 - ahead < 30
    assert 40 * 29 - behind > 60


def test_unseen_joints_stay_unseen_and_start_anew_after_a_while() -> None:
    live = OneEuroFilter(scale=400)
    first, gone = np.array([[0, 0], [50, 50]], np.float32), np.array([[np.nan, np.nan], [50, 50]], np.float32)
    live.filter(first, 0.0)
    for t in range(1, 20):
        smooth = live.filter(gone, t / 25)
        assert np.isnan(smooth[0]).all()
        np.testing.assert_allclose(smooth[1], 50)
    back = np.array([[300, 300], [50, 50]], np.float32)
    np.testing.assert_allclose(live.filter(back, 20 / 25), back)


def test_a_clock_that_stands_still_is_refused() -> None:
    live = OneEuroFilter(scale=400)
    live.filter(np.zeros((1, 2), np.float32), 1.0)
    with pytest.raises(ValueError, match="expected more than the last frame's"):
        live.filter(np.zeros((1, 2), np.float32), 1.0)
    with pytest.raises(ValueError, match="scale is 0"):
        OneEuroFilter(scale=0)
