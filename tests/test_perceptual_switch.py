"""`--perceptual`: another network for the perceptual loss, or the user's own file for the paper's."""

import json
from dataclasses import replace

import pytest
import torch

from choreograft import pipeline
from choreograft.assets import VGG19
from choreograft.cli import parse
from choreograft.errors import AssetError, FileFormatError, OptionError
from choreograft.performer import perceptual
from choreograft.performer.device import Compute
from choreograft.performer.perceptual import EfficientNetLite0, fetch_weights
from choreograft.presets import Budget
from choreograft.progress import SilentProgress
from choreograft.training import train
from choreograft.training.train import TrainingPlan, train_performer
from swaying import PRESET, swaying_track, write_target
from weight_files import vgg_file


class StoppedError(Exception):
    """Raised where the work that is not tested here would begin."""


@pytest.fixture
def clip(tmp_path):
    return write_target(tmp_path / "clip.mp4", swaying_track(12))


@pytest.fixture
def plan_of(clip, tmp_path, monkeypatch):
    """A function that gives the plan which the arguments of `train` lead to."""

    def obtain(plan, *_):
        raise StoppedError(plan)

    monkeypatch.setattr(pipeline, "obtain_performer", obtain)

    def find(*arguments):
        options = parse(["train", str(clip.path), "--runs", str(tmp_path / "runs"), "--device", "cpu", *arguments])
        with pytest.raises(StoppedError) as stop:
            pipeline.train(options)
        return stop.value.args[0]

    return find


def test_a_name_replaces_the_presets_network_and_the_plan_says_so(plan_of, monkeypatch):
    monkeypatch.setattr(perceptual, "fetch_weights", lambda *_: None)
    plan = plan_of("--preset", "paper", "--perceptual", "efficientnet_lite0")
    assert plan.preset.perceptual == "efficientnet_lite0"
    assert "EfficientNet-Lite0 in its perceptual loss instead of VGG-19" in plan.substitute
    assert plan_of("--preset", "paper").substitute is None


def test_a_file_is_taken_for_vgg19_and_is_part_of_what_names_the_run(plan_of, tmp_path):
    keys = set()
    for seed in (0, 1):
        torch.manual_seed(seed)
        vgg_file(tmp_path / "own.pth")
        plan = plan_of("--preset", "paper", "--perceptual", str(tmp_path / "own.pth"))
        assert (plan.preset.perceptual, plan.weights, plan.substitute) == ("vgg19", tmp_path / "own.pth", None)
        keys.add(plan.key)
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("preset", "network", "error", "words"),
    [
        ("paper", "resnet", OptionError, "--perceptual: found resnet; expected one of efficientnet_lite0, vgg19, none"),
        ("preview", "none", OptionError, "preset preview is not trained; leave out --perceptual"),
        ("paper", "short.pth", FileFormatError, "short.pth: not the expected weights"),
        ("paper", "text.pth", FileFormatError, "text.pth: not the expected weights"),
    ],
)
def test_what_cannot_be_used_is_one_line_before_any_work(clip, tmp_path, monkeypatch, preset, network, error, words):
    monkeypatch.chdir(tmp_path)
    torch.save({"features.0.weight": torch.zeros(1)}, tmp_path / "short.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(error) as refusal:
        pipeline.train(parse(["train", str(clip.path), "--preset", preset, "--perceptual", network]))
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "choreograft_runs").exists()


def test_without_vgg19_the_message_names_both_ways_on(monkeypatch):
    def absent(*_):
        raise AssetError(f"no {VGG19.name}")

    monkeypatch.setattr(perceptual.assets, "fetch", absent)
    with pytest.raises(AssetError) as refusal:
        fetch_weights("vgg19")
    assert "--perceptual FILE" in str(refusal.value)
    assert "--perceptual efficientnet_lite0" in str(refusal.value)


def test_a_substitute_is_told_at_the_end_and_in_the_summary(clip, tmp_path, monkeypatch, quiet_plan):
    told = []

    class Listening(SilentProgress):
        def say(self, text):
            told.append(text)

    monkeypatch.setattr(pipeline, "read_clips", lambda *_: [clip])
    monkeypatch.setattr(pipeline, "read_bodies", lambda *_: None)
    path = pipeline.obtain_performer(quiet_plan, tmp_path, Compute(torch.device("cpu"), False), Listening())
    summary = json.loads((path.parent / "summary.json").read_text())
    assert summary["substitute"] == quiet_plan.substitute
    assert told[-1] == f"NOTE: {quiet_plan.substitute}"


@pytest.fixture
def quiet_plan(clip, monkeypatch):
    """Of a preset that is known with VGG-19, trained with a small network of random weights instead."""
    monkeypatch.setitem(train.PRESETS, "tiny", replace(PRESET, perceptual="vgg19"))
    monkeypatch.setattr(train, "load_perceptual", lambda *_: EfficientNetLite0().freeze())
    preset = replace(PRESET, perceptual="efficientnet_lite0")
    return TrainingPlan((clip.path,), 1, preset, Budget(images=2), seed=0)


def test_the_users_file_is_what_training_judges_with(clip, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(train, "load_perceptual", lambda *arguments: asked.append(arguments[2]))
    vgg_file(tmp_path / "own.pth")
    plan = TrainingPlan((clip.path,), 1, PRESET, Budget(images=2), seed=0, weights=tmp_path / "own.pth")
    train_performer(plan, [clip], tmp_path, Compute(torch.device("cpu"), False))
    assert asked == [tmp_path / "own.pth"]
