"""All three evaluations through the real command line, on a pair of a second."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from choreograft.evaluate.scores import Scores
from choreograft.studio.filming import Camera
from choreograft.studio.pairs import find_case, render_pair
from choreograft.video.read import probe, read_frames
from choreograft.video.size import Size

pytestmark = pytest.mark.models

UPRIGHT = Camera(Size(120, 160), height_m=1.1, distance_m=4.6, view_m=2.6)


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`choreograft evaluate` in a folder, as a user types it."""
    command = [sys.executable, "-m", "choreograft", "evaluate", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds one small pair, dina's dance for ada, under pairs/small."""
    pytest.importorskip("anny", reason="needs the extra 'studio'")
    folder = tmp_path_factory.mktemp("evaluate")
    spec = replace(
        find_case("same_build"), name="small", seconds=0.75, showcase_seconds=2.5,
        target_camera=UPRIGHT, source_camera=replace(UPRIGHT, azimuth_deg=10.0),
    )  # fmt: skip
    render_pair(spec, folder / "pairs" / "small")
    return folder


@pytest.fixture(scope="module")
def against_truth(folder: Path) -> subprocess.CompletedProcess[str]:
    """The pair evaluated once for all tests here."""
    return run(folder, "--pair", "pairs", "--compare", "nearest,preview,draft", "--images", "4", "--height", "160")


def test_a_pair_is_measured_against_its_truth(folder, against_truth):
    assert against_truth.returncode == 0, against_truth.stderr
    found = json.loads((folder / "evaluation/evaluation.json").read_text())
    assert (found["kind"], list(found["cases"])) == ("pair", ["small"])
    assert list(found["methods"]) == ["nearest", "preview", "draft", "truth"]
    for region in ("frame", "person", "face"):
        means = {method: values[region]["ssim"]["mean"] for method, values in found["methods"].items()}
        assert means["truth"] > max(means["nearest"], means["draft"])
    assert found["methods"]["draft"]["frames"] == 18
    assert found["cases"]["small"]["draft"]["facts"]["images"] == 4
    nearest = found["methods"]["nearest"]["person"]["ssim"]
    series = Scores.load(folder / "evaluation/results/small/nearest.npz").series["person", "ssim"]
    assert nearest["mean"] == pytest.approx(np.nanmean(series))
    assert nearest["low"] <= nearest["mean"] <= nearest["high"]


def test_it_leaves_a_page_the_videos_and_a_table(folder, against_truth):
    assert "nearest" in against_truth.stdout
    assert "evaluation.html" in against_truth.stdout.splitlines()[-1]
    page = (folder / "evaluation/evaluation.html").read_text(encoding="utf-8")
    assert "small" in page
    assert "data:video/mp4;base64," in page
    truth = folder / "pairs/small/truth.mp4"
    for method in ("nearest", "draft", "truth"):
        video = folder / f"evaluation/results/small/{method}.mp4"
        assert probe(video).size == Size(120, 160)
        assert [frame.time for frame in read_frames(video)] == [frame.time for frame in read_frames(truth)]


def test_it_replaces_nothing_unasked_and_does_nothing_twice(folder, against_truth):
    refused = run(folder, "--pair", "pairs", "--images", "4", "--height", "160")
    assert refused.returncode == 1
    assert "--overwrite" in refused.stderr
    before = (folder / "evaluation/evaluation.json").read_text()
    again = run(folder, "--pair", "pairs", "--images", "4", "--height", "160", "--overwrite")
    assert again.returncode == 0, again.stderr
    for work in ("Training", "draws", "Judging", "looking for people"):
        assert work not in again.stderr
    assert json.loads(before)["methods"] == json.loads((folder / "evaluation/evaluation.json").read_text())["methods"]


def test_a_source_is_translated_frame_by_frame(folder, against_truth):
    options = ("--compare", "cyclegan,recycle-gan", "--images", "4", "--height", "160", "-o", "translated")
    done = run(folder, "--pair", "pairs", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "translated/evaluation.json").read_text())
    assert list(found["methods"]) == ["cyclegan", "recycle-gan", "truth"]
    for name in ("cyclegan", "recycle-gan"):
        assert found["cases"]["small"][name]["facts"]["images"] == 4
        video = folder / f"translated/results/small/{name}.mp4"
        assert probe(video).size == Size(120, 160)
        assert len(list(read_frames(video))) == len(list(read_frames(folder / "pairs/small/source.mp4"))) == 18


def test_every_row_of_the_ablation_redraws_frames_that_were_kept_back(folder, against_truth):
    options = ("--compare", "ablation", "--images", "10", "--height", "160", "-o", "held")
    done = run(folder, "pairs/small/target.mp4", "--holdout", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "held/evaluation.json").read_text())
    assert found["kind"] == "holdout"
    rows = ["frame-by-frame", "paper-small", "paper-small-face"]
    assert list(found["methods"]) == [*rows, "truth"]
    drawn = []
    for name in rows:
        assert found["methods"][name]["frames"] == 9  # 15 % of 60
        assert {"ssim", "perceptual"} <= set(found["methods"][name]["person"]) & set(found["methods"][name]["face"])
        assert found["cases"]["target"][name]["facts"]["images"] == 10
        drawn.append([frame.image for frame in read_frames(folder / f"held/results/target/{name}.mp4")])
    assert [len(frames) for frames in drawn] == [9, 9, 9]
    assert not np.array_equal(drawn[0], drawn[1])
    cut, whole = (list(read_frames(folder / path)) for path in ("held/truth/target.mp4", "pairs/small/target.mp4"))
    assert len(cut) == 9
    for kept, original in zip(cut, whole[-9:], strict=True):
        assert np.abs(kept.image.astype(int) - original.image).mean() < 3
    refused = run(folder, trained(folder), "--holdout", "-o", "other")
    assert refused.returncode == 2
    assert "--hold-out" in refused.stderr


def trained(folder: Path) -> Path:
    """The performer file of the draft that the comparison trained."""
    files = (folder / "choreograft_runs").rglob("*.performer")
    return next(
        path for path in files if json.loads((path.parent / "options.json").read_text())["preset"]["name"] == "draft"
    )


def test_a_finished_result_is_held_against_the_pose_that_was_asked_for(folder, against_truth):
    result, source = "evaluation/results/small/truth.mp4", "pairs/small/source.mp4"
    done = run(folder, result, source, "--as", "pairs/small/target.mp4", "-o", "asked")
    assert done.returncode == 0, done.stderr
    found = json.loads((folder / "asked/evaluation.json").read_text())["methods"]["result"]
    assert found["person"]["pose_distance"]["mean"] < 8
    assert found["face"]["identity"]["mean"] > 0.9
    assert "ssim" not in found["person"]
    wrong = run(folder, "pairs/small/target.mp4", source, "-o", "wrong")
    assert wrong.returncode == 1
    assert "60 frames" in wrong.stderr
    assert "18" in wrong.stderr


def test_a_performer_of_somebody_else_is_refused(folder, against_truth):
    performer = trained(folder)
    other = folder / "other_pairs" / "small"
    other.mkdir(parents=True)
    for path in (folder / "pairs/small").iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    (other / "target.mp4").write_bytes((other / "truth.mp4").read_bytes())
    refused = run(folder, performer, "--pair", "other_pairs", "-o", "other")
    assert refused.returncode == 2
    assert "was not trained on" in refused.stderr
