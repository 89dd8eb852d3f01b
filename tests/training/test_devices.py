"""Several processes train one performer: the same weights as one, resumed by any number, and nobody hangs."""

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from choreograft.files import text_hash
from choreograft.footage.clip import Clip
from choreograft.performer.performer import load_performer
from choreograft.presets import PRESETS, Budget
from choreograft.training.train import DRAWING_RECIPE, TrainingPlan, train_performer
from swaying import ENHANCED_PRESET, swaying_track, write_target
from taught import CPU, enter, training_of
from trained_together import FRAMES, STOP_AT

TESTS = Path(__file__).parents[1]
PROGRAM = [sys.executable, TESTS / "trained_together.py"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", TESTS / "trained_together.py"]
IMAGES = 24
TRAIN = ["train", "target.mp4", "--preset", ENHANCED_PRESET.name, "--images", IMAGES]
TRAIN += ["--device", "cpu", "--precision", "float32"]  # to the last bit as taught.CPU, on any processor
DEADLINE_S = 120
LEFT_OUT = ("images", "temporal", "face", "enhancer", "stages")
"""Of a preset that has none of it."""


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return write_target(tmp_path_factory.mktemp("clip") / "target.mp4", swaying_track(FRAMES))


@pytest.fixture(scope="module")
def plan(clip: Clip) -> TrainingPlan:
    """Two pairs a step: two steps of each of the three stages."""
    return TrainingPlan((clip.path,), 1, ENHANCED_PRESET, Budget(images=IMAGES), seed=0, batch=2)


@pytest.fixture(scope="module")
def alone(clip: Clip, plan: TrainingPlan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of one process that takes both pairs of every step."""
    runs = tmp_path_factory.mktemp("alone")
    return train_performer(plan, [clip], runs, CPU).parent


@pytest.fixture
def run(clip: Clip, tmp_path: Path):
    """A function that trains in processes of their own, in a folder that holds the clip."""
    (tmp_path / clip.path.name).symlink_to(clip.path)

    def start(program: list[object], *options: object, trouble: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TROUBLE": trouble}
        command = [str(word) for word in (*program, *TRAIN, *options)]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )

    return start


def assert_same_weights(performer: Path, other: Path) -> None:
    states = [load_performer(path).state_dict() for path in (performer, other)]
    for (name, a), b in zip(states[0].items(), states[1].values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)


def read_stats(folder: Path) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "stats.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def test_two_processes_under_torchrun_equal_one_with_the_same_batch(run, plan, alone, tmp_path):
    done = run(TORCHRUN)
    assert done.returncode == 0, done.stderr
    folder = plan.folder(tmp_path / "choreograft_runs")
    assert done.stdout == f"{plan.performer_path(Path('choreograft_runs'))}\n"
    assert done.stderr.count("Training target") == 1
    assert_same_weights(plan.performer_path(folder.parent), plan.performer_path(alone.parent))
    for line, other in zip(read_stats(folder), read_stats(alone), strict=True):
        assert line == pytest.approx(other, rel=1e-5)
    summary = json.loads((folder / "summary.json").read_text())
    assert (summary["images"], summary["batch"], summary["compute"]) == (IMAGES, 2, "2 x CPU, float32")
    assert not list(folder.parent.glob(".*"))


def test_all_processes_compute_in_the_main_ones_precision(run, plan, alone, tmp_path):
    done = run(PROGRAM, "--devices", 2, "--precision", "auto", trouble="machines differ")
    assert done.returncode == 0, done.stderr
    performer = plan.performer_path(tmp_path / "choreograft_runs")
    assert load_performer(performer).card.training["compute"] == "2 x CPU, float32"
    assert_same_weights(performer, plan.performer_path(alone.parent))


def test_what_two_processes_began_one_goes_on_with_exactly(run, plan, alone, clip, tmp_path):
    stopped = run(PROGRAM, "--devices", 2, trouble="stopped")
    assert stopped.returncode == 130, stopped.stderr
    assert stopped.stdout == ""
    assert stopped.stderr.count("interrupted") == 1
    assert "Traceback" not in stopped.stderr
    runs = tmp_path / "choreograft_runs"
    assert (plan.folder(runs) / "checkpoint.safetensors").exists()
    previews = sorted(path.stem for path in (plan.folder(runs) / "previews").iterdir())
    assert previews == ["images_0000004", "images_0000008"]  # after the first step, and where its stage ended
    resumed = train_performer(plan, [clip], runs, CPU)
    assert IMAGES / 3 < STOP_AT < IMAGES * 2 / 3  # in the stage between the first and the last
    assert_same_weights(resumed, plan.performer_path(alone.parent))


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("diverges", "training diverged: pixel"),
        ("another ends", "another process of this training has ended"),
        ("apart", "1 of 2 processes do not find there what the main one wrote"),
    ],
)
def test_what_goes_wrong_in_one_process_ends_all_with_one_line(run, tmp_path, trouble, words):
    done = run(PROGRAM, "--devices", 2, trouble=trouble)
    assert done.returncode not in (0, 130)
    assert done.stdout == ""
    assert done.stderr.count("choreograft: error: ") == 1
    said = next(line for line in done.stderr.splitlines() if line.startswith("choreograft: error: "))
    assert words in said  # libraries of processes that are ended may have a word of their own after it
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*/*/*.performer"))


def test_the_gradients_of_a_step_are_the_means_of_its_samples(clip, tmp_path):
    training = training_of(clip, tmp_path, ENHANCED_PRESET)
    with torch.no_grad():
        for weight in training.performer.face.parameters():  # as it begins, most gradients pass through zeros
            weight.normal_(0, 0.1)
    for name in ("global", "local", "face"):
        stage = enter(training, name)
        weights = [*stage.generator.parameters(), *stage.discriminator.parameters()]
        weights = [weight for weight in weights if weight.requires_grad]

        def gradients(*samples, stage=stage, weights=weights):
            for weight in weights:
                weight.grad = None
            stage.batch = len(samples)
            for sample in samples:
                stage.prepare(sample)()
            return [weight.grad.clone() for weight in weights]

        first, second = gradients(0), gradients(1)
        for a, b, both in zip(first, second, gradients(0, 1), strict=True):
            torch.testing.assert_close(both, (a + b) / 2)
        assert any(not torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_runs_of_one_pair_a_step_keep_their_name_and_others_have_their_own(plan):
    preset = {name: value for name, value in asdict(ENHANCED_PRESET).items() if name not in ("temporal", "images")}
    options = [list(plan.clips.values()), plan.person, preset, asdict(plan.budget), plan.seed]
    assert replace(plan, batch=1).key == text_hash(options)
    assert len({replace(plan, batch=batch).key for batch in (1, 2, 3)}) == 3


def test_runs_whose_people_are_drawn_from_references_are_named_by_how_that_is_done(plan):
    refers = replace(plan, preset=PRESETS["preview"].without_face(), batch=1)
    preset = {name: value for name, value in asdict(refers.preset).items() if name not in LEFT_OUT}
    options = [list(plan.clips.values()), plan.person, preset, asdict(plan.budget), plan.seed]
    assert refers.key == text_hash([*options, {"drawing": DRAWING_RECIPE}])
    assert DRAWING_RECIPE > 1
