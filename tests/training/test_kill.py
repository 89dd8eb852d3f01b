"""A training that is killed without warning goes on from its last checkpoint."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch

from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute
from choreograft.presets import Budget
from choreograft.progress import SilentProgress
from choreograft.training.state import JournalConfig
from choreograft.training.train import TrainingPlan, train_performer
from listening import Listener
from swaying import PRESET, swaying_track, write_target

CHECKPOINT_EVERY_S = 0.5
DEADLINE_S = 120
TESTS = str(Path(__file__).parents[1])


def train(folder: Path, progress: SilentProgress) -> Path:
    """Train for a while in `folder`; what the child process runs until it is killed."""
    path, track = folder / "target.mp4", swaying_track(24)
    clip = Clip(path, track) if path.exists() else write_target(path, track)
    plan = TrainingPlan((clip.path,), 1, PRESET, Budget(images=240), seed=0)
    journal = JournalConfig(checkpoint_every_s=CHECKPOINT_EVERY_S, preview_every_s=3600)
    return train_performer(plan, [clip], folder / "runs", Compute(torch.device("cpu"), False), None, progress, journal)


def test_a_killed_training_goes_on_from_a_whole_checkpoint(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([TESTS, *sys.path])}
    child = subprocess.Popen([sys.executable, __file__, str(tmp_path)], env=environment)
    give_up_at = time.monotonic() + DEADLINE_S
    while not (found := list(tmp_path.glob("runs/*/checkpoint.safetensors"))):
        assert child.poll() is None, "the training ended before it was killed"
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert child.returncode == -signal.SIGKILL
    assert not list(tmp_path.glob("runs/*/*.performer"))

    listener = Listener()
    performer = train(tmp_path, listener)
    assert performer.exists()
    assert performer.parent == found[0].parent
    assert any("Going on from" in sentence for sentence in listener.said)
    assert not [path for path in performer.parent.iterdir() if path.name.startswith(".") and path.name != ".lock"]


if __name__ == "__main__":
    train(Path(sys.argv[1]), SilentProgress())
