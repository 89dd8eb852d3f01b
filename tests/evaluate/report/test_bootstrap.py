"""Intervals against what theory says of them."""

import numpy as np
import pytest

from choreograft.evaluate.report.summary import mean_interval


def autoregressive(random: np.random.Generator, frames: int, memory: float) -> np.ndarray:
    values = np.zeros(frames + 50)
    for t in range(1, len(values)):
        values[t] = memory * values[t - 1] + random.normal()
    return values[50:]


def test_independent_values_give_the_textbook_interval() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    interval = mean_interval([values], block=1, repeats=4000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.mean == pytest.approx(values.mean())
    assert interval.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.1 * half)
    assert interval.frames == 400


def test_blocks_cover_the_mean_of_a_series_with_memory_and_single_frames_do_not() -> None:
    random = np.random.default_rng(1)
    series = [autoregressive(random, 300, memory=0.8) for _ in range(150)]
    covered = {}
    for block in (1, 20):
        intervals = [mean_interval([values], block, repeats=300) for values in series]
        covered[block] = np.mean([interval.low <= 0 <= interval.high for interval in intervals])
    assert covered[20] > 0.83
    assert covered[1] < 0.65


def test_unknown_frames_do_not_count() -> None:
    values = np.array([1.0, np.nan, 3.0, np.nan, 5.0, 3.0, 3.0, 3.0])
    interval = mean_interval([values], block=2)
    assert interval.mean == 3
    assert interval.frames == 6
    assert 1 < interval.low < 3 < interval.high < 5


def test_cases_are_drawn_from_their_own_frames() -> None:
    # two constant cases: whatever is drawn, each gives its own value for as many frames as it has
    interval = mean_interval([np.full(30, 1.0), np.full(10, 5.0)], block=4)
    assert interval.mean == interval.low == interval.high == pytest.approx(2.0)


def test_the_interval_is_the_same_each_time_and_widens_with_the_level() -> None:
    values = np.random.default_rng(2).normal(size=100)
    first = mean_interval([values], 5)
    assert first == mean_interval([values], 5)
    assert first != mean_interval([values], 5, seed=1)
    wider = mean_interval([values], 5, level=0.99)
    assert wider.low < first.low < first.high < wider.high


def test_a_short_series_is_not_drawn_in_one_block() -> None:
    interval = mean_interval([np.arange(8.0)], block=100)
    assert interval.low < 3.5 < interval.high


@pytest.mark.parametrize("series", [[], [np.full(5, np.nan)], [np.zeros(0)]])
def test_nothing_known_gives_nothing(series: list[np.ndarray]) -> None:
    interval = mean_interval(series, block=3)
    assert interval.frames == 0
    assert np.isnan([interval.mean, interval.low, interval.high]).all()
