"""How a command starts: what it loads before it refuses or works, and an interruption meanwhile."""

import json
import signal
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from choreograft.system import lacks_cuda
from standing import body, write_frames
from swaying import swaying_track, write_target
from taught import write_performer

IN_A_CHILD = """
import json, sys
from choreograft.cli import main
ended = {}
for command in sys.argv[1:]:
    try:
        main(command.split())
    except SystemExit as stop:
        heavy = {"torch", "mediapipe", "scipy", "matplotlib", "anny", "warp"} & sys.modules.keys()
        ended[command] = [stop.code, *sorted(heavy)]
print(json.dumps(ended))
"""


def test_help_and_refusals_load_nothing_heavy_and_leave_nothing_behind(make_clip, tmp_path):
    write_target(tmp_path / "clip.mp4", swaying_track(12))
    write_performer(tmp_path / "her.performer")
    make_clip("fast.mp4", [np.zeros((96, 64, 3), np.uint8)] * 9, rate=Fraction(300))
    (tmp_path / "notes.mp4").write_text("not a video")
    (tmp_path / "t.npz").write_bytes(b"mine")
    (tmp_path / "check").mkdir()
    (tmp_path / "check/check.json").write_bytes(b"mine")
    write_frames(tmp_path / "few", [[{"pose_keypoints_2d": body()}]] * 2)
    before = sorted(tmp_path.rglob("*"))
    codes = {
        "--help": 0,
        "dance --help": 0,
        "dance gone.mp4 --as clip.mp4 -o new/out.mp4 --runs new/runs": 1,
        "dance clip.mp4 --as gone.mp4 -o out.mp4": 1,
        "dance clip.mp4 --as notes.mp4 -o out.mp4": 1,
        "dance clip.mp4 --as notes.mp4 -o out.mp4 --preview-retarget": 1,
        "dance clip.mp4 --as gone.performer -o out.mp4": 1,
        "dance clip.mp4 --as her.performer -o out.mp4 --face yes": 2,
        "dance clip.mp4 --as her.performer -o out.mp4 --preview-retarget": 2,
        "dance clip.mp4 --as clip.mp4 -o out.mp4 --preset best": 2,
        "dance clip.mp4 --as clip.mp4 -o out.mp4 --device tpu": 2,
        "dance clip.mp4 --as clip.mp4 -o out.mp4 --duration 99": 2,
        "dance clip.mp4 --as clip.mp4 -o out.mp4 --height 2000": 2,
        "dance clip.mp4 --as fast.mp4 -o out.mp4 --fps target": 2,
        "dance clip.mp4 --as clip.mp4 -o notes.mp4": 1,
        "dance clip.mp4 --as clip.mp4 -o out.mp4 --keypoints gone": 1,
        "dance clip.mp4 --as clip.mp4 -o out.mp4 --as-keypoints few": 1,
        "dance clip.mp4 --as her.performer -o out.mp4 --as-keypoints few": 2,
        "train gone.mp4": 1,
        "dance clip.mp4 --as clip.mp4 -o out.mp4 --retarget global": 2,
        "train clip.mp4 --preset best": 2,
        "train clip.mp4 --perceptual gone.pth": 2,
        "train clip.mp4 --devices 0": 2,
        "train clip.mp4 --keypoints few": 1,
        "train clip.mp4 --keypoints few few": 2,
        "track gone.mp4 -o new/out.npz --write-openpose new/keypoints": 1,
        "track clip.mp4 -o t.npz": 1,
        "track clip.mp4 -o new.json": 2,
        "track notes.mp4 -o new.npz": 1,
        "track clip.mp4 -o new.npz --openpose few": 1,
        "check gone.mp4": 1,
        "check notes.mp4": 1,
        "check clip.mp4 --source gone.mp4 -o new/check": 1,
        "check clip.mp4 -o check": 1,
        "check clip.mp4 --person 0": 2,
        "dance clip.mp4 --as clip.mp4 -o out.mp4 --as-person 0": 2,
        "dance clip.mp4 --as her.performer -o out.mp4 --height 2000": 2,
        "dance clip.mp4 --as her.performer -o out.mp4 --fps target": 2,
        "doctor --fetsh": 2,
        "demo -o out.gif": 2,
        "demo --minutes 0": 2,
        "evaluate": 2,
        "evaluate gone.mp4 clip.mp4 -o new/evaluation": 1,
        "evaluate clip.mp4 clip.mp4 --as gone.performer": 1,
        "evaluate clip.mp4 fast.mp4": 1,
        "evaluate clip.mp4 clip.mp4 -o notes.mp4": 1,
        "evaluate clip.mp4 --holdout --compare best": 2,
        "evaluate clip.mp4 --holdout --compare cyclegan": 2,
        "evaluate clip.mp4 --holdout --height -8": 2,
        "evaluate her.performer --holdout": 2,
        "check clip.mp4 --keypoints few -o new/check": 1,
        "check clip.mp4 --source-keypoints few -o new/check": 2,
    }
    if lacks_cuda():
        codes |= {f"{verb} --device cuda": 2 for verb in ("train clip.mp4", "demo", "evaluate clip.mp4 clip.mp4")}
    said = subprocess.check_output(
        [sys.executable, "-c", IN_A_CHILD, *codes], cwd=tmp_path, stderr=subprocess.DEVNULL, text=True
    )
    assert json.loads(said.splitlines()[-1]) == {command: [code] for command, code in codes.items()}
    assert sorted(tmp_path.rglob("*")) == before


INTERRUPTED_AT_AN_IMPORT = """
import os, runpy, sys
module, number = sys.argv.pop(1), int(sys.argv.pop(1))
class Finder:
    def find_spec(name, *_):
        if name == module:
            os.kill(os.getpid(), number)
sys.meta_path.insert(0, Finder)
runpy.run_module("choreograft", run_name="__main__")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", ["choreograft.cli", "tyro", "choreograft.request", "torch"])
def test_an_interruption_is_one_line_whatever_is_being_imported(make_clip, tmp_path, module, number):
    make_clip("clip.mp4", [np.zeros((96, 64, 3), np.uint8)] * 9)
    command = [sys.executable, "-c", INTERRUPTED_AT_AN_IMPORT, module, str(int(number)), "train", "clip.mp4"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "choreograft: interrupted\n")


def test_pairs_that_are_not_there_are_refused_without_pytorch(tmp_path):
    command = [sys.executable, "-c", IN_A_CHILD, "evaluate --pair gone"]
    said = json.loads(subprocess.check_output(command, cwd=tmp_path, stderr=subprocess.DEVNULL, text=True))
    assert said == {"evaluate --pair gone": [1, "scipy"]}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.models
def test_a_check_of_one_video_is_made_without_pytorch(make_clip, tmp_path):
    make_clip("clip.mp4", [np.zeros((96, 64, 3), np.uint8)] * 9)
    command = [sys.executable, "-c", IN_A_CHILD, "check clip.mp4"]
    said = subprocess.check_output(command, cwd=tmp_path, stderr=subprocess.DEVNULL, text=True)
    assert json.loads(said.splitlines()[-1]) == {"check clip.mp4": [3, "matplotlib", "mediapipe", "scipy"]}
