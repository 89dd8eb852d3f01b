"""Means with intervals, per method and per case."""

from dataclasses import replace

import numpy as np
import pytest

from choreograft.evaluate.metrics.bootstrap import mean_interval
from choreograft.evaluate.report.summary import block_frames, summarise
from choreograft.evaluate.scores import Evaluation, Scores
from evaluated import judge_squares


def test_case_means_are_the_means_of_the_frames_that_have_a_value() -> None:
    evaluation = judge_squares(["waltz", "tango"], ["draft", "full"])
    found = summarise(evaluation).by_case
    for entry in evaluation.entries:
        for pair, values in entry.scores.series.items():
            interval = found[entry.case][entry.method][pair]
            known = [value for value in values if value == value]
            assert interval.mean == pytest.approx(sum(known) / len(known))
            assert interval.low < interval.mean < interval.high
            assert interval.frames == len(known) == 27


def test_pooled_means_weigh_every_frame_the_same() -> None:
    short, long = judge_squares(["waltz"], ["draft"], 10), judge_squares(["tango"], ["draft"], 40)
    evaluation = Evaluation("pair", (*short.entries, *long.entries))
    pair = ("person", "ssim")
    everything = np.concatenate([entry.scores.series[pair] for entry in evaluation.entries])
    found = summarise(evaluation).pooled["draft"][pair]
    assert found.mean == pytest.approx(np.nanmean(everything))
    assert found.frames == np.isfinite(everything).sum()


def test_blocks_last_half_a_second_and_stay_within_cases() -> None:
    evaluation = judge_squares(["waltz", "tango"], ["draft"], 120)
    pair = ("frame", "ssim")
    series = [entry.scores.series[pair] for entry in evaluation.entries]
    assert summarise(evaluation).pooled["draft"][pair] == mean_interval(series, block=12)


@pytest.mark.parametrize(("rate", "frames"), [(24, 12), (30000 / 1001, 15), (5, 2), (1, 1)])
def test_block_is_half_a_second(rate: float, frames: int) -> None:
    assert block_frames(np.arange(50) / rate) == frames


def test_block_does_not_mind_a_gap_in_time() -> None:
    time_s = np.arange(50) / 24
    time_s[20:] += 30
    assert block_frames(time_s) == 12


def test_single_frame_is_a_block() -> None:
    assert block_frames(np.zeros(1)) == 1


def test_truth_comes_last_wherever_it_was_judged() -> None:
    evaluation = judge_squares(["waltz"], ["truth", "draft", "full"])
    summary = summarise(evaluation)
    assert list(summary.pooled) == ["draft", "full", "truth"]
    assert list(summary.by_case["waltz"]) == ["draft", "full", "truth"]


def test_method_that_was_not_measured_everywhere_is_summed_up_from_where_it_was() -> None:
    evaluation = judge_squares(["waltz", "tango"], ["draft"])
    first, second = evaluation.entries
    bare = replace(second, scores=Scores(second.scores.frames, {}))
    summary = summarise(replace(evaluation, entries=(first, bare)))
    pair = ("person", "psnr")
    assert summary.pooled["draft"][pair] == summary.by_case["waltz"]["draft"][pair]
    assert summary.by_case["tango"]["draft"] == {}
