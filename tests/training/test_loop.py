"""Training: it learns, it resumes exactly, and it leaves what it promises."""

import json
import math
from dataclasses import replace
from pathlib import Path
from shutil import rmtree

import pytest
import torch

from choreograft.config import LossConfig, OptimiserConfig
from choreograft.errors import BusyError, ChoreograftError, FileFormatError
from choreograft.performer.device import choose_compute
from choreograft.performer.performer import load_performer
from choreograft.performer.staging import to_image
from choreograft.presets import Budget
from choreograft.progress import silent
from choreograft.training import step, train
from choreograft.training.loop import descend, fit, learning_rate
from choreograft.training.train import TrainingPlan, hold_folder, train_performer
from interrupted import StopAfter
from swaying import PRESET
from taught import CPU, enter, error_by_heart, training_of

MAPS = Path("/proc/self/maps")


@pytest.fixture
def plan(target, preset, four_steps):
    return TrainingPlan((target.path,), 1, preset, four_steps, seed=1)


def weights(path):
    return load_performer(path).generator.state_dict()


def test_four_steps_equal_two_and_a_resume_and_two(plan, target, tmp_path, quiet_journal):
    whole = train_performer(plan, [target], tmp_path / "whole", CPU, journal_config=quiet_journal)
    with pytest.raises(KeyboardInterrupt, match="what was learned is kept"):
        train_performer(plan, [target], tmp_path / "cut", CPU, None, StopAfter(4), quiet_journal)
    checkpoint = plan.folder(tmp_path / "cut") / "checkpoint.safetensors"
    assert checkpoint.exists()
    assert not plan.performer_path(tmp_path / "cut").exists()
    resumed = train_performer(plan, [target], tmp_path / "cut", CPU, journal_config=quiet_journal)

    for (name, a), b in zip(weights(whole).items(), weights(resumed).values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)
    lines = [(plan.folder(tmp_path / run) / "stats.jsonl").read_text().splitlines() for run in ("whole", "cut")]
    images = [[json.loads(line)["images"] for line in run] for run in lines]
    assert images[0] == images[1] == [2, 4, 6, 8]
    assert not checkpoint.exists()


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux tells what is mapped")
def test_what_is_removed_or_replaced_is_not_mapped_into_memory(plan, target, tmp_path, quiet_journal, monkeypatch):
    """As Windows asks for: the recording at the end, the checkpoint after a training has gone on from it."""
    seen = []

    def look_and_remove(folder):
        seen.extend(line for line in MAPS.read_text().splitlines() if str(plan.folder(tmp_path)) in line)
        rmtree(folder)

    monkeypatch.setattr(train, "rmtree", look_and_remove)
    with pytest.raises(KeyboardInterrupt):
        train_performer(plan, [target], tmp_path, CPU, None, StopAfter(4), quiet_journal)
    train_performer(plan, [target], tmp_path, CPU, journal_config=quiet_journal)
    assert not (plan.folder(tmp_path) / "recording").exists()
    assert seen == []


def test_another_seed_gives_other_weights(plan, target, tmp_path, quiet_journal, preset, four_steps):
    other = TrainingPlan(plan.videos, 1, preset, four_steps, seed=2)
    first = train_performer(plan, [target], tmp_path, CPU, journal_config=quiet_journal)
    second = train_performer(other, [target], tmp_path, CPU, journal_config=quiet_journal)
    assert first != second
    assert any(not torch.equal(a, b) for a, b in zip(weights(first).values(), weights(second).values(), strict=True))


def test_a_tiny_performer_learns_its_eight_frames_by_heart(target, preset, tmp_path):
    training = training_of(target, tmp_path, preset, 320)
    performer, lessons = training.performer, training.lessons
    before = error_by_heart(performer, lessons)
    fit(training, silent)
    assert error_by_heart(performer, lessons) < 0.25 * before
    frame = lessons.load_frame(4)
    with torch.no_grad():
        drawn = to_image(performer(frame.conditioning, performer.no_previous()).frame[0])
    centre = round(float(lessons.recording.tracks[0].xy[4, [11, 12], 0].mean()))
    red, blue = drawn[30, centre].astype(int), drawn[70, centre].astype(int)
    assert red[0] > 120 > red[2]
    assert blue[2] > 110 > blue[0]


def test_both_networks_move_and_the_judges_gradients_do_not_leak(target, preset, tmp_path):
    training = enter(training_of(target, tmp_path, preset), "global")
    before = [p.clone() for m in (training.generator, training.discriminator) for p in m.parameters()]
    terms = training.prepare(0)()
    descend(training, rate=1e-3)
    after = [p for m in (training.generator, training.discriminator) for p in m.parameters()]
    assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True) if a.ndim == 4)
    assert set(terms) == {"adversarial", "matching", "pixel", "matte", "discriminator"}
    assert all(p.requires_grad for p in training.discriminator.parameters())


def test_the_papers_staging_trains_on_whole_frames_with_the_papers_losses(plan, target, tmp_path, quiet_journal):
    paper = replace(PRESET, background="frame", losses=LossConfig())
    plan = TrainingPlan((target.path,), 1, paper, Budget(images=4), seed=0)
    performer = load_performer(train_performer(plan, [target], tmp_path, CPU, journal_config=quiet_journal))
    assert performer.generator(torch.zeros(1, 6, 96, 64)).shape == (1, 3, 96, 64)
    first_line = (plan.folder(tmp_path) / "stats.jsonl").read_text().splitlines()[0]
    assert set(json.loads(first_line)) == {
        "images", "seconds", "learning_rate", "adversarial", "matching", "discriminator",
    }  # fmt: skip


def test_the_rate_is_constant_then_falls_linearly_to_zero():
    config = OptimiserConfig(learning_rate=2e-4, constant_share=0.5)
    rates = [learning_rate(share, config) for share in (0, 0.5, 0.75, 1, 1.2)]
    assert rates == pytest.approx([2e-4, 2e-4, 1e-4, 0, 0])


def test_the_run_folder_holds_options_numbers_and_pictures(plan, target, tmp_path, quiet_journal):
    path = train_performer(plan, [target], tmp_path, CPU, journal_config=quiet_journal)
    folder = plan.folder(tmp_path)
    left = sorted(p.name for p in folder.iterdir())
    assert left == [".lock", "losses.png", "options.json", "previews", "stats.jsonl", "summary.json", path.name]
    assert {p.name for p in (folder / "previews").iterdir()} == {"images_0000002.png", "images_0000008.png"}
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["images"] == 8
    assert summary["clips"] == plan.clips
    assert json.loads((folder / "options.json").read_text())["budget"] == "8 images"


def test_a_run_folder_in_use_is_refused(tmp_path):
    with hold_folder(tmp_path), pytest.raises(BusyError, match="another process"), hold_folder(tmp_path):
        pass


def test_a_checkpoint_of_other_options_is_refused(target, preset, tmp_path):
    training = enter(training_of(target, tmp_path, preset), "global")
    training.save()
    training.key = "other"
    with pytest.raises(FileFormatError, match="of run other"):
        training.load()
    training.key = "k"
    training.journal.checkpoint.write_bytes(b"torn")
    with pytest.raises(FileFormatError, match=r"checkpoint\.safetensors"):
        training.load()


def test_training_that_diverges_stops_with_a_sentence(plan, target, tmp_path, quiet_journal, monkeypatch):
    def diverge(*_):
        return {"pixel": torch.tensor(math.nan)}

    monkeypatch.setattr(step, "add_pair_gradients", diverge)
    with pytest.raises(ChoreograftError, match="diverged: pixel"):
        train_performer(plan, [target], tmp_path, CPU, journal_config=quiet_journal)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_trains_and_its_performer_draws_on_a_cpu(plan, target, tmp_path):
    path = train_performer(plan, [target], tmp_path, choose_compute("cuda"))
    assert next(load_performer(path).parameters()).device.type == "cpu"
