"""The command line: what is refused, how it is said, and that nothing is left behind."""

import json
import os
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
from choreograft.presets import DEFAULT_PRESET
from choreograft.request import check_dance, check_training, dance_folder
from choreograft.video.size import save_picture
from swaying import swaying_track, write_target
from taught import write_performer


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_target(tmp_path / "clip.mp4", swaying_track(12)).path


@pytest.fixture
def her(tmp_path: Path) -> Path:
    return write_performer(tmp_path / "her.performer")


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
