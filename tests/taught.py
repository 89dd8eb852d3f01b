"""The swaying target's performer: its file untrained, its training, and how well it knows its first frames."""

from copy import copy
from pathlib import Path

import numpy as np
import torch

from choreograft.config import StageName
from choreograft.footage.clip import Clip
from choreograft.performer.device import Compute
from choreograft.performer.performer import Performer, PerformerCard, save_performer
from choreograft.presets import Budget, Preset
from choreograft.retarget.normalise import Stance
from choreograft.training.lessons import Lessons
from choreograft.training.recording import prepare_recording
from choreograft.training.state import Journal, JournalConfig
from choreograft.training.step import PerformerTraining
from choreograft.training.train import TrainingPlan, build_performer, plan_lessons
from swaying import PRESET, SIZE, swaying_track

CPU = Compute(torch.device("cpu"), bf16=False)
QUIET = JournalConfig(checkpoint_every_s=3600, preview_every_s=3600, stats_every_images=2, preview_frames=2)


def write_performer(path: Path) -> Path:
    """The file of a performer of 64x96 px that was filmed at 300 frames a second, named as the file."""
    facts = {"rates": ["300"], "seconds": 60}
    card = PerformerCard(path.stem, PRESET, SIZE, Stance.measure(swaying_track(24)), facts)
    save_performer(Performer(card, torch.zeros(3, SIZE.height, SIZE.width)), path)
    return path


def training_of(target: Clip, folder: Path, preset: Preset, images: int = 8) -> PerformerTraining:
    """The training of that preset for so many images, in no stage yet."""
    plan = TrainingPlan((target.path,), 1, preset, Budget(images=images), seed=0)
    recording = prepare_recording(folder / "recording", [target], SIZE)
    performer = build_performer(plan, recording)
    return PerformerTraining(
        compute=CPU, seed=plan.seed, budget=plan.budget, journal=Journal(folder, QUIET), key="k", performer=performer,
        lessons=plan_lessons(performer, recording), perceptual=None,
    )  # fmt: skip


def enter(training: PerformerTraining, stage: StageName) -> PerformerTraining:
    """A training of the same performer in that stage."""
    entered = copy(training)
    entered.enter(stage)
    return entered


def error_by_heart(performer: Performer, lessons: Lessons) -> float:
    """Mean distance in [0, 2] of the first eight frames, each drawn by itself, to the truth."""
    frames = [lessons.load_frame(n) for n in range(8)]
    with torch.no_grad():
        drawn = [performer(frame.conditioning, performer.no_previous()).frame for frame in frames]
    return float(np.mean([(d - frame.real).abs().mean() for d, frame in zip(drawn, frames, strict=True)]))
