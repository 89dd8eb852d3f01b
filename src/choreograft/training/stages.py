"""The stages of a training, one after the other, each with its share of the budget (config.TrainingStage)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final

import torch

from choreograft.config import StageName, TrainingStage
from choreograft.errors import FileFormatError, OptionError
from choreograft.options import DEFAULT_BATCH
from choreograft.performer.device import Compute
from choreograft.presets import Budget
from choreograft.progress import Progress
from choreograft.training.face import FaceStage
from choreograft.training.generator import GeneratorStage
from choreograft.training.journal import Journal
from choreograft.training.loop import Course, Span, Stage, fit
from choreograft.training.setup import Materials
from choreograft.training.state import TrainingState, read_precision, read_stage
from choreograft.training.team import Team, alone

BEGIN: Final[Mapping[StageName, Callable[[Materials], Stage]]] = {
    "global": GeneratorStage.begin,
    "local": GeneratorStage.begin_local,
    "face": FaceStage.begin,
}


def train_stages(
    materials: Materials,
    budget: Budget,
    journal: Journal,
    checkpoint: Path,
    key: str,
    progress: Progress,
    batch: int = DEFAULT_BATCH,
    team: Team = alone,
) -> TrainingState:
    """Train the performer through all stages of its preset, from the checkpoint on where there is one.

    Args:
        checkpoint: where it is read and written. key: names the plan it belongs to.
        batch: pairs of frames a step, over all processes of the team.
    Returns:
        The state in which the last stage ended.
    Raises:
        FileFormatError: the checkpoint is damaged or belongs to another plan.
        ChoreograftError: the losses are no longer finite.
        KeyboardInterrupt: interrupted, after the checkpoint is safe.
        TeamError: another process has ended.
    """
    stages = materials.preset.stages
    state: TrainingState | None = None
    task = progress.task("Training", budget.total, budget.unit)
    with task as advance, torch.random.fork_rng(devices=[]), team.listening():
        course = Course(budget, journal, checkpoint, key, materials.compute.precision, advance, batch, team)
        first = _first_stage(checkpoint, key, stages)
        for stage, span in list(zip(stages, plan_spans(stages), strict=True))[first:]:
            current = BEGIN[stage.name](materials)
            if state is None:
                resume(current.state, course, progress)
            else:
                current.state.seen_images, current.state.seconds = state.seen_images, state.seconds
            state = current.state
            fit(current, span, course)
    assert state is not None
    return state


def plan_spans(stages: Sequence[TrainingStage]) -> list[Span]:
    """Which part of the budget each stage has: its share of the sum of all shares, in order."""
    total = sum(stage.share for stage in stages)
    ends = [end / total for end in accumulate(stage.share for stage in stages)]
    return [Span(begin, end) for begin, end in pairwise([0.0, *ends])]


def _first_stage(checkpoint: Path, key: str, stages: Sequence[TrainingStage]) -> int:
    """The index of the stage that the checkpoint was written in; the first where there is none."""
    if not checkpoint.exists():
        return 0
    names = [stage.name for stage in stages]
    found = read_stage(checkpoint, key)
    if found not in names:
        raise FileFormatError(
            f"{checkpoint}: found stage {found}; expected {' or '.join(names)}; remove it to begin anew"
        )
    return names.index(found)


def keep_precision(compute: Compute, checkpoint: Path, key: str, progress: Progress) -> Compute:
    """What a training computes with: as chosen, or in the precision of its checkpoint where none was stated.

    Raises:
        OptionError: the checkpoint was trained in another precision than the one stated.
        FileFormatError: the checkpoint is damaged or belongs to another plan.
    """
    begun = read_precision(checkpoint, key) if checkpoint.exists() else None
    if begun in (None, compute.precision):
        return compute
    if compute.stated:
        raise OptionError(
            f"{checkpoint}: found a training in {begun}, expected one in {compute.precision}; go on with --precision"
            f" {begun}, or remove it to begin anew"
        )
    progress.say(f"{checkpoint}: begun in {begun}, so it goes on in {begun} instead of {compute.precision}")
    return replace(compute, bf16=begun == "bf16")


def resume(state: TrainingState, course: Course, progress: Progress) -> None:
    """Load the checkpoint if there is one, and say so; the journal forgets what came after it.

    Raises:
        FileFormatError: the checkpoint is damaged or belongs to another plan.
    """
    if course.checkpoint.exists():
        state.load(course.checkpoint, course.key)
        progress.say(
            f"Going on from {course.checkpoint}: stage {state.stage}, {state.seen_images} images,"
            f" {state.seconds:.0f} s trained so far"
        )
    if course.team.is_main:
        course.journal.forget_after(state.seen_images)
