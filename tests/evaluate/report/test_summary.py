"""Means with intervals, per method and per case, and evaluation.json against means taken independently."""

import json
import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest

from choreograft.evaluate.report.summary import block_frames, mean_interval, summarise, to_document, to_plain
from choreograft.evaluate.scores import METRICS, Evaluation, Scores
from choreograft.files import write_json
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


def write_and_read(evaluation: Evaluation, folder: Path) -> dict:
    """What a strict reader finds: NaN and Infinity are not JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"found {constant}, which is not JSON")

    write_json(folder / "evaluation.json", to_document(evaluation, summarise(evaluation)))
    return json.loads((folder / "evaluation.json").read_text(encoding="utf-8"), parse_constant=refuse)


def test_values_are_the_means_of_the_series(tmp_path: Path) -> None:
    evaluation = judge_squares(["waltz", "tango"], ["draft", "full", "truth"])
    found = write_and_read(evaluation, tmp_path)
    for entry in evaluation.entries:
        part = found["cases"][entry.case][entry.method]
        for (region, metric), values in entry.scores.series.items():
            assert part[region][metric]["mean"] == pytest.approx(fmean(v for v in values if not math.isnan(v)))
            assert part[region][metric]["frames"] == 27
    for method in ("draft", "full", "truth"):
        everything = [
            value
            for entry in evaluation.entries
            if entry.method == method
            for value in entry.scores.series["face", "identity"]
            if not math.isnan(value)
        ]
        identity = found["methods"][method]["face"]["identity"]
        assert identity["mean"] == pytest.approx(fmean(everything))
        assert identity["low"] < identity["mean"] < identity["high"]
        assert found["methods"][method]["frames"] == 60


def test_document_says_what_it_is_and_where_everything_lies(tmp_path: Path) -> None:
    found = write_and_read(judge_squares(["waltz"], ["draft", "full"]), tmp_path)
    assert (found["format"], found["version"], found["kind"]) == ("choreograft-evaluation", 1, "pair")
    assert found["notes"] == ["Nobody measured LPIPS."]
    assert found["facts"]["options"] == {"minutes": 6.0, "pair": "pairs"}
    assert found["methods"]["draft"]["motion_signature"] == {"accuracy": 0.9, "chance": pytest.approx(1 / 3)}
    entry = found["cases"]["waltz"]["full"]
    assert [entry[key] for key in ("result", "truth", "source", "size", "facts")] == [
        "waltz-full.mp4", "waltz-truth.mp4", "waltz-source.mp4", "32x48", {"images": 901},
    ]  # fmt: skip
    assert {name: metric["better"] for name, metric in found["metrics"].items()} == {
        name: metric.better for name, metric in METRICS.items()
    }


def test_what_has_no_value_is_null(tmp_path: Path) -> None:
    evaluation = judge_squares(["waltz"], ["draft"])
    nothing = Scores(30, {("person", "lpips"): np.full(30, np.nan)})
    entry = replace(evaluation.entries[0], scores=nothing, truth=None, facts={"loss": math.inf})
    found = write_and_read(replace(evaluation, entries=(entry,), signature={}), tmp_path)
    missing = {"mean": None, "low": None, "high": None, "frames": 0}
    assert found["methods"]["draft"] == {"frames": 30, "person": {"lpips": missing}}
    assert found["cases"]["waltz"]["draft"]["person"] == {"lpips": missing}
    assert found["cases"]["waltz"]["draft"]["truth"] is None
    assert found["cases"]["waltz"]["draft"]["facts"] == {"loss": None}


def test_plain_values_are_those_of_json() -> None:
    found = to_plain({1: (np.float32(0.5), np.int64(3), np.array([1.0, np.nan])), "path": Path("a/b"), "yes": True})
    assert found == {"1": [0.5, 3, [1.0, None]], "path": "a/b", "yes": True}
    assert [type(value) for value in found["1"]] == [float, int, list]
