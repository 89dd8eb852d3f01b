"""The training loop: one stage's steps, each at its rate, with numbers, pictures and checkpoints when they are due.

All processes of a training walk through it side by side; the main one writes.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from choreograft.config import OptimiserConfig, Precision
from choreograft.errors import ChoreograftError
from choreograft.performer.device import run_ahead
from choreograft.presets import Budget
from choreograft.progress import Advance
from choreograft.training.journal import Journal
from choreograft.training.state import TrainingState
from choreograft.training.step import Terms, descend, learning_rate
from choreograft.training.team import Team

KEPT: Final = "what was learned is kept: the same command goes on from there"
"""What an interruption says once the checkpoint is safe."""


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
    def images(self) -> int:
        """Real frames that a sample shows to the generators."""
        ...

    def prepare(self, sample: int) -> Callable[[float], Terms]:
        """Load a sample of a step, on the CPU, in any thread.

        Returns:
            What adds its gradients, on the training device: from its share of a step to its losses by name.
        """
        ...

    def draw_preview(self, count: int) -> NDArray[np.uint8]:
        """A contact sheet (H, W, 3) of what it draws by now, always of the same `count` frames."""
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
    precision: Precision
    """What the stages compute in."""
    advance: Advance
    """Tells how much of the budget is spent, in its own unit."""
    batch: int
    """Samples a step, over all processes."""
    team: Team


def fit(stage: Stage, span: Span, course: Course) -> None:
    """Train until the stage's part of the budget is spent, from wherever its state stands.

    A checkpoint is written every `checkpoint_every_s` of the journal's config, when the user interrupts and at the end.

    Raises:
        ChoreograftError: the losses are no longer finite.
        KeyboardInterrupt: interrupted, after the checkpoint is safe.
        TeamError: another process has ended.
    """
    state, journal, budget, team = stage.state, course.journal, course.budget, course.team
    images = stage.images * course.batch  # a step
    mine = range(team.rank, course.batch, team.size)  # of a step's samples, those of this process
    samples = (step * course.batch + k for step in count(state.seen_images // images) for k in mine)
    lessons = run_ahead(((sample, stage.prepare(sample)) for sample in samples), "lessons")
    began, checkpoint_due = time.monotonic() - state.seconds, time.monotonic() + journal.config.checkpoint_every_s

    try:
        while (done := span.share_of(budget.spent(state.seconds, state.seen_images))) < 1:
            # one step, at the learning rate that this share of the stage asks for
            rate = learning_rate(done, stage.optimiser)
            for sample, learn in islice(lessons, len(mine)):
                _seed_noise(stage.seed, sample)
                journal.note(learn(1 / len(mine)))
            team.average_gradients(state.generator, state.discriminator)
            descend(state, rate)
            state.seen_images += images
            state.seconds = time.monotonic() - began

            # numbers, pictures, checkpoint: each when it is due
            if state.seen_images % journal.config.stats_every_images < images:
                write_stats(state, course, rate)
            if team.is_main and journal.preview_is_due():
                _preview(stage, journal)
            if time.monotonic() >= checkpoint_due:
                _save(state, course)
                checkpoint_due = time.monotonic() + journal.config.checkpoint_every_s
            state.seconds = team.settle(time.monotonic() - began)
            course.advance(budget.spent(state.seconds, state.seen_images) * budget.total, **journal.latest)
    except KeyboardInterrupt:
        _save(state, course)
        team.fail(KeyboardInterrupt(KEPT))
    finally:
        lessons.close()
    _save(state, course)
    write_stats(state, course, learning_rate(1, stage.optimiser))
    if team.is_main:
        _preview(stage, journal)


def _seed_noise(seed: int, sample: int) -> None:
    """Make what is random in a sample a function of seed and sample alone, so that a resumed run goes on exactly."""
    torch.manual_seed(int(np.random.SeedSequence((seed, sample)).generate_state(1, np.uint64)[0]))


def _save(state: TrainingState, course: Course) -> None:
    if course.team.is_main:
        state.save(course.checkpoint, course.key, course.precision)


def _preview(stage: Stage, journal: Journal) -> None:
    journal.write_preview(stage.draw_preview(journal.config.preview_frames), stage.state.seen_images)


def write_stats(state: TrainingState, course: Course, rate: float) -> None:
    """Write the losses' means over all processes since the last time, and see that they are numbers.

    Raises:
        ChoreograftError: one of them is not finite.
    """
    means = course.team.mean(course.journal.take_means())
    if means and course.team.is_main:
        course.journal.write_stats(means, state.seen_images, state.seconds, rate)
    broken = [name for name, value in means.items() if not abs(value) < float("inf")]
    if broken:
        course.team.fail(
            ChoreograftError(
                f"training diverged: {', '.join(broken)} is not a finite number; run again with another --seed,"
                f" or remove {course.checkpoint} to begin anew"
            )
        )
