"""The command line: what is refused, how it is said, and that nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from choreograft import __version__, pipeline
from choreograft.cli import main, parse
from choreograft.options import DanceOptions, TrainOptions
from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer, PerformerCard, save_performer
from choreograft.presets import DEFAULT_PRESET
from choreograft.request import check_dance, check_training, dance_folder
from choreograft.retarget.normalise import Stance
from choreograft.system import lacks_cuda
from choreograft.video.size import save_picture
from standing import body, write_frames
from swaying import PRESET, SIZE, swaying_track, write_target


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_target(tmp_path / "clip.mp4", swaying_track(12)).path


@pytest.fixture
def refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """A function that runs a command, expects it to be refused, and returns the one line it says."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object, code: int = 1) -> str:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        assert stop.value.code == code
        assert said.out == ""
        *_, error = said.err.splitlines()  # whatever stands above it tells of progress
        assert error.startswith("choreograft: error: ")
        assert said.err.count("choreograft: error") == 1
        assert "Traceback" not in said.err
        assert [path for path in sorted(tmp_path.rglob("*")) if path.is_file() or path in before] == before
        return error

    return run


def test_options_arrive_and_defaults_stand_in_one_place():
    options = parse(["dance", "a.mp4", "--as", "b.mp4", "-o", "c.mp4", "--minutes", "6", "--side-by-side"])
    assert options == DanceOptions(Path("a.mp4"), Path("b.mp4"), Path("c.mp4"), side_by_side=True, minutes=6)
    assert options.preset == DEFAULT_PRESET
    several = parse(["train", "a.mp4", "b.mp4", "-o", "c.performer", "--images", "8"])
    assert several == TrainOptions((Path("a.mp4"), Path("b.mp4")), Path("c.performer"), images=8)


def test_help_and_version_are_no_errors(capsys):
    for arguments in (["--help"], ["dance", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Expected one of"),
        (["fly"], "fly"),
        (["dance", "a.mp4"], "--as"),
        (["dance", "a.mp4", "--as", "b.mp4", "-o", "c.mp4", "--mintes", "3"], "--mintes"),
        (["dance", "a.mp4", "--as", "b.mp4", "-o", "c.mp4", "--minutes", "soon"], "--minutes"),
        (["dance", "a.mp4", "--as", "b.mp4", "-o", "c.mp4", "--preset", "best"], "draft, standard, paper"),
        (["dance", "a.mp4", "--as", "b.mp4", "-o", "c.mp4", "--minutes", "0"], "above zero"),
        (["dance", "a.mp4", "--as", "b.mp4", "-o", "c.mp4", "--minutes", "1", "--images", "2"], "give one of them"),
        (["dance", "a.mp4", "--as", "b.mp4", "-o", "c.mp4", "--device", "tpu"], "'auto', 'cpu', 'cuda'"),
        (["train", "a.mp4", "-o", "her.model"], ".performer"),
        (["train", "a.mp4", "--devices", "0"], "--devices is 0; expected a number above zero"),
        (["train", "a.mp4", "--device", "cpu", "--devices", "2", "--batch", "3"], "expected a multiple of 2"),
        (["train", "a.mp4", "--batch", "0"], "--batch is 0"),
        (["train", "a.mp4", "--num-nodes", "2"], "no MASTER_ADDR, MASTER_PORT, NODE_RANK"),
        (["train", "a.mp4", "--preset", "preview", "--devices", "2", "--device", "cpu"], "leave out --devices"),
        (["track", "a.mp4", "-o", "a.json"], ".npz"),
        (["dance", "", "--as", "b.mp4", "-o", "c.mp4"], "found an empty argument"),
        (["dance", "a.mp4", "--as=", "-o", "c.mp4"], "found an empty argument"),
        (["dance", "a.performer", "--as", "b.mp4", "-o", "c.mp4"], "a.performer is a performer, which belongs after"),
        (["check", "a.performer"], "a.performer is a performer"),
        (["check", "-her.mp4"], "if -her.mp4 is a file's name, write ./-her.mp4"),
        (["dance", "a.mp4", "--as", "b.mp4", "-o", "-out.mp4"], "write ./-out.mp4"),
    ],
)
def test_wrong_arguments_end_in_one_line(refuse, arguments, words):
    assert words in refuse(*arguments, code=2)


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


def test_help_and_refusals_load_nothing_heavy_and_leave_nothing_behind(clip, her, make_clip, tmp_path):
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


def test_options_are_refused_before_outputs_and_outputs_before_inputs(refuse, tmp_path):
    (tmp_path / "out.mp4").write_bytes(b"mine")
    dance = ("dance", "gone.mp4", "--as", "lost.mp4", "-o", "out.mp4")
    assert "best" in refuse(*dance, "--preset", "best", code=2)
    assert "out.mp4 exists already" in refuse(*dance)
    assert "gone.mp4" in refuse(*dance, "--overwrite")


@pytest.fixture
def torchrun(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What torchrun says to the first of two processes."""
    for name, value in {"LOCAL_WORLD_SIZE": 2, "WORLD_SIZE": 2, "LOCAL_RANK": 0, "GROUP_RANK": 0}.items():
        monkeypatch.setenv(name, str(value))
    return monkeypatch


def test_numbers_that_are_not_torchruns_are_refused_once_on_each_machine(refuse, torchrun, capsys):
    for arguments in (["--devices", "4"], ["--num-nodes", "2"]):
        assert "torchrun has started" in refuse("train", "a.mp4", *arguments, code=2)
    assert "expected a multiple of 2" in refuse("train", "a.mp4", "--device", "cpu", "--batch", "3", code=2)
    torchrun.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit) as stop:
        main(["train", "a.mp4", "--devices", "4"])
    assert stop.value.code == 2
    assert capsys.readouterr() == ("", "")


def test_more_devices_than_there_are_gpus_are_refused(refuse, clip, monkeypatch):
    monkeypatch.setattr(pipeline, "choose_compute", lambda *_: Compute(torch.device("cuda", 0), bf16=True))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert "--devices is 3, and this machine has 2 CUDA devices" in refuse("train", clip, "--devices", 3, code=2)


def test_a_missing_source_or_target_is_named(refuse, clip):
    assert "gone.mp4" in refuse("dance", "gone.mp4", "--as", clip, "-o", "out.mp4")
    assert "gone.mp4" in refuse("dance", clip, "--as", "gone.mp4", "-o", "out.mp4")
    assert "gone.performer" in refuse("dance", clip, "--as", "gone.performer", "-o", "out.mp4")
    assert "gone.mp4" in refuse("train", clip, "gone.mp4")
    assert "gone.mp4" in refuse("track", "gone.mp4", "-o", "t.npz")


def test_an_address_is_named_whole(refuse, clip):
    for address in ("http://x.org/a.mp4", "https://x.org/a.mp4"):
        assert f"{address}: an address, not a file; " in refuse("dance", address, "--as", clip, "-o", "out.mp4")


@pytest.mark.parametrize("folder", [False, True])
def test_too_few_frames_are_refused_before_any_work(refuse, clip, make_clip, tmp_path, folder):
    def make(name: str, count: int) -> Path:
        images = [np.zeros((96, 64, 3), np.uint8)] * count
        if not folder:
            return make_clip(f"{name}.mp4", images)
        (tmp_path / name).mkdir()
        for number, image in enumerate(images):
            save_picture(image, tmp_path / name / f"{number}.png")
        return tmp_path / name

    one, few, enough = make("one", 1), make("few", 8), make("enough", 9)
    assert "a single frame" in refuse("dance", one, "--as", clip, "-o", "out.mp4")
    assert "a single frame" in refuse("dance", clip, "--as", one, "-o", "out.mp4", "--preview-retarget")
    assert "a single frame" in refuse("track", one, "-o", "t.npz")
    said = refuse("dance", clip, "--as", few, "-o", "out.mp4")
    assert "found 8 frames, 7 pairs of consecutive ones; expected at least 8 pairs" in said
    assert "found 8 frames" in refuse("train", few)
    check_training(TrainOptions((few, few)))
    check_dance(DanceOptions(few, enough, tmp_path / "out.mp4"))


def test_what_is_no_video_is_refused_before_any_work(refuse, clip, tmp_path):
    (tmp_path / "notes.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "torn.mp4").write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    for name in ("notes.mp4", "empty.mp4", "torn.mp4"):
        assert name in refuse("dance", name, "--as", clip, "-o", "out.mp4")
        assert name in refuse("dance", clip, "--as", name, "-o", "out.mp4")


def test_a_pipe_is_refused_rather_than_waited_for(refuse, clip, tmp_path):
    for name in ("pipe.mp4", "pipe.performer"):
        os.mkfifo(tmp_path / name)
        assert "a pipe or a device; " in refuse("dance", clip, "--as", name, "-o", "out.mp4")
    assert "save the video as a file" in refuse("dance", "pipe.mp4", "--as", clip, "-o", "out.mp4")
    assert "save the video as a file" in refuse("track", "/dev/null", "-o", "t.npz")


def test_a_file_that_is_no_performer_is_refused(refuse, clip, tmp_path):
    (tmp_path / "her.performer").write_bytes(clip.read_bytes())
    assert "expected a choreograft-performer" in refuse("dance", clip, "--as", "her.performer", "-o", "out.mp4")


@pytest.fixture
def her(tmp_path: Path) -> Path:
    """A performer file of 64x96 px."""
    stance = Stance.measure(swaying_track(24))
    performer = Performer(
        PerformerCard("her", PRESET, SIZE, stance, {"rates": ["300"], "seconds": 60}),
        torch.zeros(3, SIZE.height, SIZE.width),
    )
    save_performer(performer, tmp_path / "her.performer")
    return tmp_path / "her.performer"


def test_a_height_that_cannot_be_drawn_is_refused_before_any_work(refuse, clip, her):
    options = ("-o", "out.mp4", "--height")
    expected = "--height is 2000; expected 96, which her can be drawn at"
    assert expected in refuse("dance", clip, "--as", her, *options, 2000, code=2)
    assert "expected 96 or 256" in refuse("dance", clip, "--as", clip, *options, 2000, code=2)  # of draft's
    assert "expected 512" in refuse("dance", clip, "--as", clip, "--preset", "paper", *options, 96, code=2)
    assert "--height" in refuse("dance", clip, "--as", her, *options, "tall", code=2)


def test_a_performer_file_of_an_older_version_is_refused_with_what_to_do(refuse, clip, her):
    with safe_open(her, framework="pt") as file:
        header = json.loads(file.metadata()["choreograft"]) | {"version": 1}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, her, {"choreograft": json.dumps(header)})
    said = refuse("dance", clip, "--as", her, "-o", "out.mp4")
    assert "her.performer" in said
    assert "version 1" in said
    assert said.endswith("make one with choreograft train")


def test_an_output_is_never_an_input_nor_overwritten_unasked(refuse, clip, tmp_path):
    other = write_target(tmp_path / "other.mp4", swaying_track(12)).path
    (tmp_path / "link.mp4").symlink_to(clip)
    assert "is the input" in refuse("dance", clip, "--as", other, "-o", clip, "--overwrite", code=2)
    assert "is the input" in refuse("dance", other, "--as", clip, "-o", "link.mp4", "--overwrite", code=2)
    (tmp_path / "out.mp4").write_bytes(b"mine")
    assert "--overwrite" in refuse("dance", clip, "--as", other, "-o", "out.mp4")
    assert (tmp_path / "out.mp4").read_bytes() == b"mine"
    (tmp_path / "free.side_by_side.mp4").write_bytes(b"mine")
    assert "--overwrite" in refuse("dance", clip, "--as", other, "-o", "free.mp4", "--side-by-side")
    (tmp_path / "t.npz").write_bytes(b"mine")
    assert "--overwrite" in refuse("track", clip, "-o", "t.npz")


def test_outputs_in_each_others_way_are_refused(refuse, clip, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path)
    for outputs in (
        ("t.npz", "--overlay", "t.mp4", "--write-openpose", "t.mp4"),
        ("t.npz", "--overlay", "link/t.mp4", "--write-openpose", "t.mp4"),
        ("new/t.npz", "--write-openpose", "new"),
        ("t.npz", "--write-openpose", "t.npz/new"),
    ):
        assert "in each other's way" in refuse("track", clip, "-o", *outputs, code=2)


def test_an_output_that_cannot_be_written_is_refused_before_any_work(refuse, clip, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert "cannot write" in refuse("dance", clip, "--as", clip, "-o", "file/out.mp4")
    (tmp_path / "folder.mp4").mkdir()
    assert "is a folder" in refuse("dance", clip, "--as", clip, "-o", "folder.mp4")
    assert ".mp4" in refuse("dance", clip, "--as", clip, "-o", "out.gif", code=2)


@pytest.mark.parametrize("arguments", [["check", "{}"], ["train", "{}"], ["dance", "{}", "--as", "{}", "-o", "out.mp4"],
    ["dance", "clip.mp4", "--as", "{}", "-o", "out.mp4"], ["dance", "clip.mp4", "--as", "clip.mp4", "-o", "{}.mp4"],
    ["track", "clip.mp4", "-o", "{}.npz"], ["evaluate", "{}", "--holdout"], ["demo", "-o", "{}.mp4"],
    ["dance", "clip.mp4", "--as", "clip.mp4", "-o", "out.mp4", "--runs", "{}"],
    ["track", "clip.mp4", "-o", "t.npz", "--runs", "{}"]])  # fmt: skip
def test_a_name_that_no_file_can_have_is_refused_before_any_work(refuse, clip, arguments):
    assert "File name too long; " in refuse(*(word.format("x" * 300) for word in arguments))


def test_an_error_is_one_line_whatever_a_name_holds(refuse, tmp_path):
    assert refuse("check", tmp_path / "two\nlines \x1b[31m.mp4").count(r"two\nlines \x1b[31m.mp4") == 1


def test_each_output_is_described_in_a_folder_of_its_own(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")
    folders = [
        dance_folder(tmp_path / name, tmp_path / "runs")
        for name in ("a/out.mp4", "b/out.mp4", "a/out.mov", f"a/{'x' * 251}.mp4", f"a/{'x' * 250}y.mp4", "link/out.mp4")
    ]
    assert len(set(folders)) == 5
    assert folders[0] == folders[-1]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)


@pytest.mark.models
def test_a_video_without_a_person_is_refused(refuse, make_clip):
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8)[None, :, None], (120, 1, 3))
    street = make_clip("street.mp4", [ramp] * 12)
    assert "street.mp4" in refuse("track", street, "-o", "t.npz")


def test_without_model_files_and_without_a_network_the_files_are_named(refuse, clip, tmp_path, monkeypatch):
    monkeypatch.setenv("CHOREOGRAFT_CACHE", str(tmp_path / "no_models"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    for scheme in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(scheme, "http://127.0.0.1:9")
    (tmp_path / "no_models").mkdir()
    assert "pose_landmarker_full.task" in refuse("track", clip, "-o", "t.npz", "--runs", tmp_path / "runs")
