"""The swaying target's untrained performer with all that a stage works with, and how well it knows its first frames."""

from pathlib import Path

import numpy as np
import torch

from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer
from choreograft.presets import Budget, Preset
from choreograft.training.pairs import Lessons
from choreograft.training.recording import prepare_recording
from choreograft.training.setup import Materials
from choreograft.training.train import TrainingPlan, build_performer, plan_lessons
from swaying import SIZE

CPU = Compute(torch.device("cpu"), bf16=False)


def materials_of(target: Clip, folder: Path, preset: Preset) -> Materials:
    """What every stage of that preset begins from."""
    plan = TrainingPlan((target.path,), 1, preset, Budget(images=8), seed=0)
    recording = prepare_recording(folder / "recording", [target], SIZE)
    performer = build_performer(plan, recording)
    return Materials(performer, plan_lessons(performer, recording), None, CPU, plan.seed)


def error_by_heart(performer: Performer, lessons: Lessons) -> float:
    """Mean distance in [0, 2] of the first eight frames, each drawn by itself, to the truth."""
    frames = [lessons.load_frame(n) for n in range(8)]
    with torch.no_grad():
        drawn = [performer(frame.conditioning, performer.no_previous()).frame for frame in frames]
    return float(np.mean([(d - frame.real).abs().mean() for d, frame in zip(drawn, frames, strict=True)]))
