"""The training loop: one stage's steps, each at its rate, with numbers, pictures and checkpoints when they are due."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from choreograft.config import Budget, OptimiserConfig
from choreograft.errors import ChoreograftError
from choreograft.performer.device import run_ahead
from choreograft.progress import Advance
from choreograft.training.frames import IMAGES_PER_STEP, TrainingFrame
from choreograft.training.journal import Journal
from choreograft.training.pairs import Lessons
from choreograft.training.state import TrainingState
from choreograft.training.step import Terms, learning_rate


class Stage(Protocol):
    """A part of a training: what its steps are given and do, and how far it has come."""

    @property
    def state(self) -> TrainingState: ...

    @property
    def optimiser(self) -> OptimiserConfig:
        """How its learning rate goes."""
        ...

    @property
    def seed(self) -> int:
        """Of the order of the pairs and of what a generator draws lots for in training (pix2pix's dropout)."""
        ...

    @property
    def lessons(self) -> Lessons:
        """What previews are drawn from."""
        ...

    def prepare(self, step: int) -> Callable[[float], Terms]:
        """Load what a step is given, on the CPU, in any thread.

        Returns:
            The step itself: from the learning rate to the losses by name, on the training device.
        """
        ...

    def show(self, n: int) -> tuple[TrainingFrame, Tensor]:
        """Frame n + 1 of the recording and how it is drawn by now after frame n: (1, 3, H, W) in [-1, 1]."""
        ...


@dataclass(frozen=True)
class Span:
    """The part of the budget that a stage has, shares of all of it."""

    begin: float
    end: float

    def share_of(self, spent: float) -> float:
        """How much of the stage is done, 0 to 1 and beyond, once a share `spent` of the budget is."""
        return (spent - self.begin) / (self.end - self.begin)


@dataclass(frozen=True)
class Course:
    """What a training leaves and how long it goes on: the same in all of its stages."""

    budget: Budget
    journal: Journal
    checkpoint: Path
    key: str
    """Names the plan that the checkpoint belongs to."""
    advance: Advance
    """Tells how much of the budget is spent, in its own unit."""


def fit(stage: Stage, span: Span, course: Course) -> None:
    """Train until the stage's part of the budget is spent, from wherever its state stands.

    A checkpoint is written every `checkpoint_every_s` of the journal's config, when the user interrupts and at the end.

    Raises:
        ChoreograftError: the losses are no longer finite.
        KeyboardInterrupt: interrupted, after the checkpoint is safe.
    """
    state, journal, budget = stage.state, course.journal, course.budget
    steps = run_ahead((stage.prepare(step) for step in count(state.seen_images // IMAGES_PER_STEP)), "lessons")
    began, checkpoint_due = time.monotonic() - state.seconds, time.monotonic() + journal.config.checkpoint_every_s

    try:
        while (done := span.share_of(budget.spent(state.seconds, state.seen_images))) < 1:
            # one step, at the learning rate that this share of the stage asks for
            rate = learning_rate(done, stage.optimiser)
            step = next(steps)
            _seed_noise(stage.seed, state.seen_images)
            journal.note(step(rate))
            state.seen_images += IMAGES_PER_STEP
            state.seconds = time.monotonic() - began

            # numbers, pictures, checkpoint: each when it is due
            if state.seen_images % journal.config.stats_every_images == 0:
                check_finite(journal.write_stats(state.seen_images, state.seconds, rate), course.checkpoint)
            if journal.preview_is_due():
                _preview(stage, journal)
            if time.monotonic() >= checkpoint_due:
                state.save(course.checkpoint, course.key)
                checkpoint_due = time.monotonic() + journal.config.checkpoint_every_s
            state.seconds = time.monotonic() - began
            course.advance(state.seconds if budget.images is None else state.seen_images, **journal.latest)
    except KeyboardInterrupt:
        state.save(course.checkpoint, course.key)
        raise
    finally:
        steps.close()
    state.save(course.checkpoint, course.key)
    journal.write_stats(state.seen_images, state.seconds, learning_rate(1, stage.optimiser))
    _preview(stage, journal)


def _seed_noise(seed: int, seen_images: int) -> None:
    """Make what is random in a step a function of seed and step alone, so that a resumed run goes on exactly."""
    torch.manual_seed(int(np.random.SeedSequence((seed, seen_images)).generate_state(1, np.uint64)[0]))


def _preview(stage: Stage, journal: Journal) -> None:
    journal.write_preview(stage.show, stage.lessons.recording.pairs, stage.state.seen_images)


def check_finite(means: dict[str, float], checkpoint: Path) -> None:
    """Refuse to go on with losses, by name, that are no numbers.

    Args:
        checkpoint: named in the message; the user may begin anew without it.
    Raises:
        ChoreograftError: one of them is not finite.
    """
    broken = [name for name, value in means.items() if not abs(value) < float("inf")]
    if broken:
        raise ChoreograftError(
            f"training diverged: {', '.join(broken)} is not a finite number; run again with another --seed,"
            f" or remove {checkpoint} to begin anew"
        )
