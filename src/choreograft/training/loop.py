"""The training loop: stage by stage, step by step, with numbers, pictures and checkpoints when they are due.

All processes of a training walk through it side by side; the main one writes.
"""

import time
from collections.abc import Sequence
from itertools import accumulate, count, islice, pairwise
from typing import Final

import numpy as np
import torch

from choreograft.config import OptimiserConfig, TrainingStage
from choreograft.errors import ChoreograftError, FileFormatError
from choreograft.performer.device import run_ahead
from choreograft.progress import Advance, Progress
from choreograft.training.state import Training, read_header

KEPT: Final = "what was learned is kept: the same command goes on from there"
"""What an interruption says once the checkpoint is safe."""


def fit(training: Training, progress: Progress) -> None:
    """Train through all stages, from the checkpoint on where there is one.

    Raises:
        FileFormatError: the checkpoint is damaged or belongs to another plan.
        ChoreograftError: the losses are no longer finite.
        KeyboardInterrupt: interrupted, after the checkpoint is safe.
        TeamError: another process has ended.
    """
    budget, first = training.budget, find_stage(training)
    task = progress.task("Training", budget.total, budget.unit)
    with task as advance, torch.random.fork_rng(devices=[]), training.team.listening():
        for number, span in enumerate(plan_spans(training.stages)[first:], first):
            training.span = span
            training.enter(training.stages[number].name)
            if number == first:
                _resume(training, progress)
            _fit_stage(training, advance)


def plan_spans(stages: Sequence[TrainingStage]) -> list[tuple[float, float]]:
    """Where each stage begins and ends, in shares of the budget: by its share of the sum of all shares, in order."""
    total = sum(stage.share for stage in stages)
    return list(pairwise([0.0, *(end / total for end in accumulate(stage.share for stage in stages))]))


def find_stage(training: Training) -> int:
    """The index of the stage that the checkpoint was written in; the first where there is none.

    Raises:
        FileFormatError: the checkpoint is damaged or belongs to another plan.
    """
    checkpoint = training.journal.checkpoint
    if not checkpoint.exists():
        return 0
    names, found = [stage.name for stage in training.stages], read_header(checkpoint, training.key)["stage"]
    if found not in names:
        raise FileFormatError(
            f"{checkpoint}: found stage {found}; expected {' or '.join(names)}; remove it to begin anew"
        )
    return names.index(found)


def _resume(training: Training, progress: Progress) -> None:
    """Load the checkpoint if there is one, and say so; the journal forgets what came after it."""
    checkpoint = training.journal.checkpoint
    if checkpoint.exists():
        training.load()
        progress.say(
            f"Going on from {checkpoint}: stage {training.stage}, {training.seen_images} images,"
            f" {training.seconds:.0f} s trained so far"
        )
    if training.team.is_main:
        training.journal.forget_after(training.seen_images)


def _fit_stage(training: Training, advance: Advance) -> None:
    """Train until the stage's part of the budget is spent, from wherever it stands.

    A checkpoint is written every `checkpoint_every_s` of the journal's config, when the user interrupts and at the end.
    """
    journal, team = training.journal, training.team
    images = training.images * training.batch  # a step
    mine = range(team.rank, training.batch, team.size)  # of a step's samples, those of this process
    samples = (step * training.batch + k for step in count(training.seen_images // images) for k in mine)
    lessons = run_ahead(((sample, training.prepare(sample)) for sample in samples), "lessons")
    began, checkpoint_due = time.monotonic() - training.seconds, time.monotonic() + journal.config.checkpoint_every_s

    try:
        while training.done < 1:
            # one step, at the learning rate that this share of the stage asks for
            rate = learning_rate(training.done, training.optimiser)
            for sample, learn in islice(lessons, len(mine)):
                _seed_noise(training.seed, sample)
                journal.note(learn())
            team.average_gradients(training.generator, training.discriminator)
            descend(training, rate)
            training.seen_images += images
            training.seconds = time.monotonic() - began

            # numbers, pictures, checkpoint: each when it is due
            if training.seen_images % journal.config.stats_every_images < images:
                _write_stats(training, rate)
            if team.is_main and journal.preview_is_due():
                _preview(training)
            if time.monotonic() >= checkpoint_due:
                _save(training)
                checkpoint_due = time.monotonic() + journal.config.checkpoint_every_s
            training.seconds = team.settle(time.monotonic() - began)
            advance(training.spent, **journal.latest)
    except KeyboardInterrupt:
        _save(training)
        team.fail(KeyboardInterrupt(KEPT))
    finally:
        lessons.close()
    _save(training)
    _write_stats(training, learning_rate(1, training.optimiser))
    if team.is_main:
        _preview(training)


def learning_rate(share: float, config: OptimiserConfig) -> float:
    """The rate at a share 0..1 of the stage: constant first, then linear to zero."""
    left = (1 - share) / (1 - config.constant_share) if config.constant_share < 1 else 1.0
    return config.learning_rate * max(0.0, min(1.0, left))


def descend(training: Training, rate: float) -> None:
    """One update of generator and discriminators by the gradients that were added up, at this learning rate."""
    for optimiser in (training.generator_optimiser, training.discriminator_optimiser):
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def _seed_noise(seed: int, sample: int) -> None:
    """Make what is random in a sample a function of seed and sample alone, so that a resumed run goes on exactly."""
    torch.manual_seed(int(np.random.SeedSequence((seed, sample)).generate_state(1, np.uint64)[0]))


def _save(training: Training) -> None:
    if training.team.is_main:
        training.save()


def _preview(training: Training) -> None:
    journal = training.journal
    journal.write_preview(training.draw_preview(journal.config.preview_frames), training.seen_images)


def _write_stats(training: Training, rate: float) -> None:
    """Write the losses' means over all processes since the last time, and see that they are numbers.

    Raises:
        ChoreograftError: one of them is not finite.
    """
    means = training.team.mean(training.journal.take_means())
    if means and training.team.is_main:
        training.journal.write_stats(means, training.seen_images, training.seconds, rate)
    broken = [name for name, value in means.items() if not abs(value) < float("inf")]
    if broken:
        training.team.fail(
            ChoreograftError(
                f"training diverged: {', '.join(broken)} is not a finite number; run again with another --seed,"
                f" or remove {training.journal.checkpoint} to begin anew"
            )
        )
