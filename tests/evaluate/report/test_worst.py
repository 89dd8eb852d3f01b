"""Which frames are called the worst."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.evaluate.report.exhibits import find_judge, find_worst
from choreograft.evaluate.scores import Evaluation, Scores
from evaluated import judge_squares

PERCEPTUAL = ("person", "perceptual")


def with_values(values: dict[str, NDArray[np.float64]], pair: tuple[str, str] = PERCEPTUAL) -> Evaluation:
    """One case, 10 frames a second, known values by method."""
    evaluation = judge_squares(["waltz"], list(values))
    entries = tuple(
        replace(
            entry,
            scores=Scores(len(values[entry.method]), {pair: values[entry.method]}),
            time_s=np.arange(len(values[entry.method])) / 10,
        )
        for entry in evaluation.entries
    )
    return replace(evaluation, entries=entries)


def test_worst_frames_are_in_order_and_half_a_second_apart() -> None:
    values = np.zeros(40)
    values[[3, 4, 5, 12, 16, 17, 30]] = [7, 9, 8, 5, 6, 6.5, np.nan]
    found = find_worst(with_values({"draft": values}), PERCEPTUAL, count=4)
    # 5 and 3 are near 4, 16 is near 17; 12 is just half a second from 17
    assert [(round(10 * moment.time_s), moment.value) for moment in found[:3]] == [(4, 9), (17, 6.5), (12, 5)]
    assert len(found) == 4


def test_worst_frames_have_the_lowest_values_where_higher_is_better() -> None:
    values = np.array([0.9, 0.2, 0.8, 0.7, 0.9, 0.9, 0.9, 0.3, 0.9])
    evaluation = with_values({"draft": values}, ("person", "ssim"))
    assert [m.value for m in find_worst(evaluation, ("person", "ssim"), count=2)] == [0.2, 0.3]


def test_worst_frames_are_shared_among_methods_and_the_truth_has_none() -> None:
    bad, good = np.linspace(9, 8, 100), np.linspace(1, 2, 100)
    found = find_worst(with_values({"nearest": bad, "full": good, "truth": np.full(100, 99.0)}), PERCEPTUAL, count=6)
    assert [moment.method for moment in found] == ["nearest"] * 3 + ["full"] * 3


def test_frame_is_shown_for_one_method_only() -> None:
    peak = np.zeros(30)
    peak[10] = 5
    found = find_worst(with_values({"a": peak, "b": peak + 1}), PERCEPTUAL, count=2)
    assert (found[0].method, round(10 * found[0].time_s)) == ("b", 10)
    assert found[1].method == "a"
    assert round(10 * found[1].time_s) != 10


@pytest.mark.parametrize(
    ("measured", "judge"),
    [
        ([("frame", "ssim"), PERCEPTUAL, ("person", "ssim")], PERCEPTUAL),
        ([("person", "pose_distance"), ("frame", "ssim")], ("frame", "ssim")),
        ([("person", "flicker"), ("person", "pose_distance")], ("person", "pose_distance")),
        ([("person", "flicker")], None),
    ],
)
def test_judge_is_the_closest_to_the_eye_that_was_measured(measured: list, judge: tuple | None) -> None:
    entry = judge_squares(["waltz"], ["draft"]).entries[0]
    scores = Scores(4, {pair: np.arange(4.0) for pair in measured})
    assert find_judge(Evaluation("pair", (replace(entry, scores=scores),))) == judge


def test_judge_without_a_value_is_passed_over() -> None:
    entry = judge_squares(["waltz"], ["draft"]).entries[0]
    scores = Scores(4, {PERCEPTUAL: np.full(4, np.nan), ("frame", "ssim"): np.ones(4)})
    assert find_judge(Evaluation("pair", (replace(entry, scores=scores),))) == ("frame", "ssim")
