"""The whole job through the real command line, on two tiny synthetic clips, and on what goes wrong halfway."""

import contextlib
import io
import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from choreograft.cli import main
from choreograft.performer.performer import load_performer
from choreograft.pose.track import PoseTrack
from choreograft.request import dance_folder
from choreograft.studio.filming import Camera
from choreograft.studio.render import SOURCE_TAKE, TARGET_TAKE, render_clip
from choreograft.video.read import probe, read_frames
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter

pytestmark = pytest.mark.models

ROOT = Path(__file__).parents[1]
SHORT = {"--minutes 20": "--images 8", "--duration 30": "--duration 0.5"}
"""What takes minutes on the pages, and what is done in its place."""


def start(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`choreograft` in a folder, as a user types it."""
    command = [sys.executable, "-m", "choreograft", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def run(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The same in this process, which has PyTorch loaded."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    written = io.StringIO(), io.StringIO()
    try:
        with (
            contextlib.chdir(folder), contextlib.redirect_stdout(written[0]), contextlib.redirect_stderr(written[1]),
            pytest.raises(SystemExit) as end,
        ):  # fmt: skip
            main([str(argument) for argument in arguments])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    output, errors = (stream.getvalue() for stream in written)
    return subprocess.CompletedProcess(arguments, int(end.value.code or 0), output, errors)


def told(command: str) -> list[str]:
    """The words of a command that stands in the README, made short."""
    assert f"\nchoreograft {command}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
    for long, short in SHORT.items():
        command = command.replace(long, short)
    return command.split()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a second of each performer: target.mp4 at 24 fps, source.mp4 with sound at 30/1.001."""
    pytest.importorskip("anny", reason="needs the extra 'studio'")
    folder = tmp_path_factory.mktemp("studio")
    upright, wide = Camera(Size(240, 320), 1.08, 4.2, 2.6), Camera(Size(266, 150), 1.35, 4.8, 2.3, 6.0)
    render_clip(replace(TARGET_TAKE, routine="dance", camera=upright, seconds=1.2), folder / "target.mp4")
    render_clip(replace(SOURCE_TAKE, camera=wide, seconds=1.0), folder / "source.mp4")
    return folder


def described(studio: Path, output: str) -> Path:
    return dance_folder(studio / output, studio / "choreograft_runs")


@pytest.fixture(scope="module")
def danced(studio: Path) -> subprocess.CompletedProcess[str]:
    """The main job, done once for all tests here."""
    main_job = told("dance source.mp4 --as target.mp4 -o out.mp4")
    return start(studio, *main_job, "--images", "8", "--side-by-side")


def test_the_main_job_keeps_rate_length_and_sound_of_the_source(studio, danced):
    assert danced.returncode == 0, danced.stderr
    source, out = probe(studio / "source.mp4"), probe(studio / "out.mp4")
    assert out.rate == source.rate == Fraction(30000, 1001)
    assert abs(out.duration_s - source.duration_s) < 1 / float(source.rate)
    assert out.has_sound
    times = [[frame.time for frame in read_frames(studio / name)] for name in ("source.mp4", "out.mp4")]
    assert times[0] == times[1]
    assert out.size == probe(studio / "target.mp4").size == Size(240, 320)
    assert probe(studio / "out.side_by_side.mp4").frames == len(times[0])


def test_it_says_where_everything_lies(studio, danced):
    last_line = danced.stdout.splitlines()[-1]
    summary = json.loads((described(studio, "out.mp4") / "summary.json").read_text())
    performer = studio / summary["performer"]
    assert performer.exists()
    assert summary["performer"] in last_line
    assert (described(studio, "out.mp4") / "sheet.png").exists()
    assert load_performer(performer).card.training["images"] == 8
    assert {path.name for path in performer.parent.iterdir()} >= {"options.json", "stats.jsonl", "previews"}


def test_the_next_dance_uses_the_performer_and_the_tracks_that_are_there(studio, danced):
    again = run(studio, "dance", "source.mp4", "--as", "target.mp4", "-o", "again.mp4", "--images", "8")
    assert again.returncode == 0, again.stderr
    assert "trained earlier" in again.stderr
    assert "Training" not in again.stderr
    assert "looking for people" not in again.stderr
    performer = next((studio / "choreograft_runs").glob("target-*/target.performer"))
    by_file = run(studio, "dance", "source.mp4", "--as", performer, "-o", "by_file.mp4")
    assert by_file.returncode == 0, by_file.stderr
    first, second = (list(read_frames(studio / name)) for name in ("again.mp4", "by_file.mp4"))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.image, b.image)


def test_the_readmes_commands_leave_what_they_name(studio, danced):
    another = replace(TARGET_TAKE, camera=Camera(Size(240, 320), 1.08, 4.2, 2.6), seconds=0.6)
    render_clip(another, studio / "another_clip_of_her.mp4")
    for command, left in {
        "train target.mp4 another_clip_of_her.mp4 -o her.performer --minutes 20": "her.performer",
        "dance source.mp4 --as her.performer -o slow.mp4 --duration 30 --fps 60": "slow.mp4",
        "dance source.mp4 --as target.mp4 -o preview.mp4 --preset preview": "preview.mp4",
        "dance source.mp4 --as target.mp4 -o look.mp4 --preview-retarget": "look.mp4",
        "evaluate out.mp4 source.mp4": "evaluation/evaluation.html",
    }.items():
        done = run(studio, *told(command))
        assert done.returncode == 0, done.stderr
        assert left in done.stdout.splitlines()[-1]
        assert (studio / left).stat().st_size > 1000
    assert len(load_performer(studio / "her.performer").card.training["clips"]) == 2
    assert probe(studio / "slow.mp4").frames == 30  # half a second at 60 fps
    assert probe(studio / "preview.mp4").size == Size(240, 320)
    assert probe(studio / "look.mp4").frames == probe(studio / "source.mp4").frames


def test_the_examples_of_the_python_page_run_one_after_another(studio, danced, monkeypatch):
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8").replace('"out.mp4"', '"called.mp4"')
    monkeypatch.chdir(studio)
    names: dict[str, object] = {}
    for example in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(example, names)
    drawn, saved = ([frame.image for frame in read_frames(studio / name)] for name in ("frames.mp4", "called.mp4"))
    assert len(drawn) == len(saved) == probe(studio / "source.mp4").frames
    np.testing.assert_array_equal(drawn, saved)


def test_a_dance_is_as_tall_as_is_asked_for(studio, danced):
    performer = next((studio / "choreograft_runs").glob("target-*/target.performer"))
    done = run(studio, "dance", "source.mp4", "--as", performer, "-o", "small.mp4", "--height", "280")
    assert done.returncode == 0, done.stderr
    assert probe(studio / "small.mp4").size == Size(210, 280)
    frames = [next(read_frames(studio / name)).image for name in ("small.mp4", "out.mp4")]
    large = cv2.resize(frames[1], (210, 280), interpolation=cv2.INTER_AREA)
    assert np.abs(frames[0].astype(int) - large).mean() < 4
    refused = run(studio, "dance", "source.mp4", "--as", performer, "-o", "no.mp4", "--height", "720")
    assert refused.returncode == 2
    assert "--height is 720; expected 256 to 320" in refused.stderr.splitlines()[-1]
    assert not (studio / "no.mp4").exists()


def test_two_devices_train_one_performer(studio, danced):
    options = ("--devices", "2", "--device", "cpu", "--images", "8", "-o", "both.performer")
    trained = start(studio, "train", "target.mp4", *options)
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout == "both.performer\n"
    assert "looking for people" not in trained.stderr
    training = load_performer(studio / "both.performer").card.training
    assert (training["images"], training["batch"], training["compute"][:4]) == (8, 2, "2 x ")


def test_a_dance_at_the_targets_rate_and_half_as_long(studio, danced):
    performer = next((studio / "choreograft_runs").glob("target-*/target.performer"))
    assert load_performer(performer).card.rate == 24
    options = ("--duration", "0.5", "--fps", "target")
    done = run(studio, "dance", "source.mp4", "--as", performer, "-o", "fast.mp4", *options)
    assert done.returncode == 0, done.stderr
    assert [frame.time for frame in read_frames(studio / "fast.mp4")] == [Fraction(n, 24) for n in range(12)]
    summary = json.loads((described(studio, "fast.mp4") / "summary.json").read_text())
    assert (summary["frames"], summary["rate"], summary["duration_s"]) == (12, "24", 0.5)
    assert summary["tempo"] == pytest.approx(2, abs=0.1)
    refused = run(studio, "dance", "source.mp4", "--as", performer, "-o", "no.mp4", "--duration", "0.1")
    assert refused.returncode == 2
    assert "times the speed of the source" in refused.stderr.splitlines()[-1]


def test_tracking_finds_the_joints_where_they_are(studio):
    tracked = run(studio, "track", "target.mp4", "-o", "track.npz", "--overlay", "overlay.mp4")
    assert tracked.returncode == 0, tracked.stderr
    found, truth = PoseTrack.load(studio / "track.npz"), PoseTrack.load(studio / "target.npz")
    assert len(found) == len(truth) == probe(studio / "overlay.mp4").frames
    assert found.present.mean() > 0.95
    distance = np.linalg.norm(found.xy[:, :17] - truth.xy[:, :17], axis=-1)
    height = np.ptp(truth.xy[:, :17, 1], axis=1).max()
    assert np.nanmean(distance) < 0.03 * height


def test_someone_too_small_is_refused(studio):
    far = Camera(Size(266, 150), 1.35, 9.5, 9.0)
    render_clip(replace(SOURCE_TAKE, camera=far, seconds=0.4, with_sound=False), studio / "far.mp4")
    refused = run(studio, "dance", "far.mp4", "--as", "target.mp4", "-o", "far_out.mp4", "--images", "8")
    assert refused.returncode == 1
    assert "far.mp4" in refused.stderr.splitlines()[-1]
    assert not (studio / "far_out.mp4").exists()


def test_a_target_whose_view_changes_is_refused_before_anything_is_fitted(studio, danced):
    info = probe(studio / "target.mp4")
    with VideoWriter(studio / "cut.mp4", info.size, info.rate) as video:
        for frame in read_frames(studio / "target.mp4"):
            height, width = (side * 3 // 4 if frame.time_s >= 0.5 else side for side in frame.image.shape[:2])
            top, left = (whole - part for whole, part in zip(frame.image.shape[:2], (height, width), strict=True))
            part = np.ascontiguousarray(frame.image[top : top + height, left // 2 : left // 2 + width])
            video.write(cv2.resize(part, tuple(info.size)), frame.time)
    done = run(studio, "dance", "source.mp4", "--as", "cut.mp4", "-o", "cut_out.mp4", "--preset", "preview")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "cut.mp4: the picture changes to another view at 0.5 s; expected one camera" in last
    assert not (studio / "cut_out.mp4").exists()
    assert not list((studio / "choreograft_runs").glob("bodies/cut*"))
