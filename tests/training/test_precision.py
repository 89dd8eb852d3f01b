"""bf16 or float32: chosen once, written down, and what a training was begun in is what it goes on in."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from choreograft import pipeline
from choreograft.cli import VERBS, main, parse
from choreograft.config import DEFAULT_PRECISION
from choreograft.errors import OptionError
from choreograft.options import DanceOptions
from choreograft.performer import device
from choreograft.performer.device import choose_compute
from choreograft.performer.performer import load_performer
from choreograft.progress import SilentProgress
from choreograft.training.state import read_header
from choreograft.training.train import TrainingPlan, train_performer
from interrupted import StopAfter
from listening import Listener
from taught import CPU

BF16 = replace(CPU, bf16=True)
COMMANDS = {
    "train": ["a.mp4"],
    "dance": ["a.mp4", "--as", "b.mp4", "-o", "c.mp4"],
    "evaluate": ["a.mp4", "b.mp4"],
    "demo": [],
}


@pytest.fixture
def on_cpu(monkeypatch):
    """A function that chooses on the CPU of a machine with bf16 instructions or without."""

    def choose(has_bf16, precision="auto", progress=None):
        monkeypatch.setattr(device, "cpu_has_bf16", lambda: has_bf16)
        return choose_compute("cpu", precision, progress or SilentProgress())

    return choose


@pytest.fixture
def plan(target, preset, four_steps):
    return TrainingPlan((target.path,), 1, preset, four_steps, seed=1)


@pytest.fixture
def train(plan, target, quiet_journal, tmp_path):
    """A function that trains, or goes on, in a folder of that name."""

    def run(compute, progress=None, place="cut"):
        progress = progress or SilentProgress()
        return train_performer(plan, [target], tmp_path / place, compute, None, progress, quiet_journal)

    return run


@pytest.fixture
def checkpoint_of(plan, train, tmp_path):
    """A function that trains half of the plan and gives the checkpoint."""

    def begin(compute):
        with pytest.raises(KeyboardInterrupt):
            train(compute, StopAfter(4))
        return plan.folder(tmp_path / "cut") / "checkpoint.safetensors"

    return begin


def test_one_option_with_one_default_wherever_a_device_is_chosen():
    for verb, (kind, _) in VERBS.items():
        assert hasattr(kind, "precision") == hasattr(kind, "device") == (verb in COMMANDS)
    for verb, arguments in COMMANDS.items():
        assert parse([verb, *arguments]).precision == DEFAULT_PRECISION == "auto"
        assert parse([verb, *arguments, "--precision", "bf16"]).precision == "bf16"


def test_an_unknown_precision_is_refused_in_one_line(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["train", "a.mp4", "--precision", "fp16"])
    assert stop.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--precision" in line
    assert "'auto', 'bf16', 'float32'" in line


@pytest.mark.parametrize("has_bf16", [True, False])
def test_auto_is_what_the_processor_has_and_anything_else_is_as_asked(on_cpu, has_bf16):
    auto = on_cpu(has_bf16)
    assert (auto.bf16, auto.stated) == (has_bf16, False)
    for precision in ("bf16", "float32"):
        listener = Listener()
        asked = on_cpu(has_bf16, precision, listener)
        assert (asked.precision, asked.stated, str(asked)) == (precision, True, f"CPU, {precision}")
        emulated = precision == "bf16" and not has_bf16
        assert ["emulated" in sentence for sentence in listener.said] == [True] * emulated


@pytest.mark.parametrize(("begun", "has_bf16"), [(BF16, False), (CPU, True)])
def test_auto_goes_on_as_it_was_begun_and_says_so(on_cpu, train, checkpoint_of, plan, begun, has_bf16):
    whole = train(begun, place="whole")
    checkpoint = checkpoint_of(begun)
    assert read_header(checkpoint, plan.key)["precision"] == begun.precision
    listener = Listener()
    resumed = train(on_cpu(has_bf16), listener)
    assert sum(f"begun in {begun.precision}" in sentence for sentence in listener.said) == 1
    assert any(sentence.startswith("Training target") and str(begun) in sentence for sentence in listener.said)
    states = [load_performer(path).state_dict() for path in (whole, resumed)]
    for (name, a), b in zip(states[0].items(), states[1].values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0, msg=name)
    for record in ("options.json", "summary.json"):
        assert json.loads((resumed.parent / record).read_text())["compute"] == str(begun)
    assert load_performer(resumed).card.training["compute"] == str(begun)


@pytest.mark.parametrize("has_bf16", [True, False])
@pytest.mark.parametrize(("begun", "asked"), [(BF16, "float32"), (CPU, "bf16")])
def test_another_precision_than_it_was_begun_in_is_refused(on_cpu, train, checkpoint_of, begun, asked, has_bf16):
    checkpoint = checkpoint_of(begun)
    before = {path: path.read_bytes() for path in checkpoint.parent.glob("*.*")}
    with pytest.raises(OptionError, match=f"--precision {begun.precision}, or remove it") as refusal:
        train(on_cpu(has_bf16, asked))
    assert str(refusal.value).startswith(f"{checkpoint}: found a training in {begun.precision}")
    assert "\n" not in str(refusal.value)
    assert {path: path.read_bytes() for path in checkpoint.parent.glob("*.*")} == before
    listener = Listener()
    train(on_cpu(has_bf16, begun.precision), listener)
    assert not any("begun in" in sentence for sentence in listener.said)


@pytest.mark.parametrize("compute", [CPU, BF16])
def test_networks_run_in_the_precision_and_their_weights_stay_float32(compute):
    seen, network = [], torch.nn.Conv2d(3, 3, 1)
    network.register_forward_pre_hook(lambda _, x: seen.append(x[0].dtype))
    drawn = compute.run(network, torch.rand(1, 3, 4, 4))
    drawn.float().sum().backward()
    assert [*seen, drawn.dtype] == [torch.bfloat16 if compute.bf16 else torch.float32] * 2
    assert network.weight.dtype == network.weight.grad.dtype == torch.float32


def test_a_dance_refuses_it_before_it_tracks_the_source(plan, checkpoint_of, tmp_path, monkeypatch):
    checkpoint_of(BF16)
    monkeypatch.setattr(pipeline, "TrainingPlan", lambda *_, **__: plan)
    monkeypatch.setattr(pipeline, "check_weights", lambda *_: None)
    for name in ("read_clip", "read_clips"):
        monkeypatch.setattr(pipeline, name, lambda *_: pytest.fail("a video was tracked"))
    target, out = plan.videos[0], tmp_path / "out.mp4"
    with pytest.raises(OptionError, match="found a training in bf16, expected one in float32"):
        pipeline.dance(DanceOptions(target, target, out, runs=tmp_path / "cut", device="cpu", precision="float32"))


@pytest.mark.parametrize("choose", [lambda on_cpu: on_cpu(True), lambda on_cpu: on_cpu(False, "bf16")])
def test_a_checkpoint_from_before_precision_was_written_down_goes_on(on_cpu, train, checkpoint_of, plan, choose):
    checkpoint = checkpoint_of(CPU)
    with safe_open(checkpoint, framework="pt") as file:
        header = json.loads(file.metadata()["choreograft"])
    del header["precision"]
    save_file(load_file(checkpoint), checkpoint, metadata={"choreograft": json.dumps(header)})
    assert "precision" not in read_header(checkpoint, plan.key)
    listener = Listener()
    resumed = train(choose(on_cpu), listener)
    assert not any("begun in" in sentence for sentence in listener.said)
    assert load_performer(resumed).card.training["compute"] == "CPU, bf16"
