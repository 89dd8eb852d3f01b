"""Training of an unpaired translation: the loop and its step, with a checkpoint from which it goes on exactly.

Shapes: T frames, H x W pixels.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import Tensor

from choreograft.config import TranslationConfig
from choreograft.evaluate.translate.networks import Judges, Translators, build_networks
from choreograft.evaluate.translate.objective import direction_terms, translate
from choreograft.performer.device import Compute, run_ahead
from choreograft.performer.losses import adversarial_loss, discriminator_loss
from choreograft.training.loop import Course, write_stats
from choreograft.training.state import TrainingState
from choreograft.training.step import Terms, adam, descend, learning_rate
from choreograft.video.size import Size

LoadRuns = Callable[[int], tuple[Tensor, Tensor]]
"""From a step to `TranslationConfig.loaded` consecutive frames (T, 3, H, W) of source and target, on the CPU."""


@dataclass(frozen=True)
class Translation:
    """An unpaired translation in training, on its device."""

    config: TranslationConfig
    translators: Translators
    judges: Judges
    state: TrainingState
    """The same networks, with their optimisers and counters."""
    compute: Compute
    seed: int
    """Of the weights and of what the histories draw lots for."""

    @staticmethod
    def begin(config: TranslationConfig, size: Size, compute: Compute, seed: int) -> "Translation":
        """Untrained, for frames of that size."""
        translators, judges = build_networks(config, size, seed)
        translators.to(compute.device)
        judges.to(compute.device)
        optimisers = adam(translators, config.optimiser), adam(judges, config.optimiser)
        state = TrainingState("global", translators, judges, *optimisers)
        return Translation(config, translators, judges, state, compute, seed)

    def step(self, source: Tensor, target: Tensor, rate: float) -> Terms:
        """One update of all networks on consecutive frames of each domain; returns the losses by name.

        As published the networks of both directions share an optimiser. All gradients are taken before any update.
        """
        config, shown, networks, judges = self.config, self.config.shown, self.translators, self.judges
        state = self.state
        with self.compute.autocast():
            drawn_target = translate(networks.to_target, source[:shown])
            drawn_source = translate(networks.to_source, target[:shown])
            terms = _add(
                direction_terms(networks.from_source, source, target, drawn_target, config),
                direction_terms(networks.from_target, target, source, drawn_source, config),
            )
            judges.requires_grad_(False)
            verdicts = judges.of_target(drawn_target), judges.of_source(drawn_source)
            judges.requires_grad_(True)
        terms["adversarial"] = shown * torch.stack([adversarial_loss(verdict) for verdict in verdicts]).sum()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]

        lots = np.random.default_rng((self.seed, state.seen_images))
        old_target = judges.drawn_target.exchange(drawn_target, lots)
        old_source = judges.drawn_source.exchange(drawn_source, lots)
        with self.compute.autocast():
            judged = shown * (
                discriminator_loss(judges.of_target(target[:shown]), judges.of_target(old_target))
                + discriminator_loss(judges.of_source(source[:shown]), judges.of_source(old_source))
            )
        judged.backward()  # type: ignore[no-untyped-call]
        descend(state, rate)
        return {**terms, "discriminator": judged}


def fit(translation: Translation, load_runs: LoadRuns, course: Course) -> None:
    """Train until the budget is spent, from wherever the translation's state stands.

    A checkpoint is written every `checkpoint_every_s` of the journal's config, when the user interrupts and at the end.

    Raises:
        ChoreograftError: the losses are no longer finite.
        KeyboardInterrupt: interrupted, after the checkpoint is safe.
    """
    state, config, journal, budget = translation.state, translation.config, course.journal, course.budget
    device = translation.compute.device
    steps = run_ahead((load_runs(step) for step in count(state.seen_images // config.images_per_step)), "frames")
    began, checkpoint_due = time.monotonic() - state.seconds, time.monotonic() + journal.config.checkpoint_every_s

    try:
        while (done := budget.spent(state.seconds, state.seen_images)) < 1:
            rate = learning_rate(done, config.optimiser)
            source, target = next(steps)
            journal.note(translation.step(source.to(device), target.to(device), rate))
            state.seen_images += config.images_per_step
            state.seconds = time.monotonic() - began

            if state.seen_images % journal.config.stats_every_images < config.images_per_step:
                write_stats(state, course, rate)
            if time.monotonic() >= checkpoint_due:
                state.save(course.checkpoint, course.key)
                checkpoint_due = time.monotonic() + journal.config.checkpoint_every_s
            course.advance(state.seconds if budget.images is None else state.seen_images, **journal.latest)
    except KeyboardInterrupt:
        state.save(course.checkpoint, course.key)
        raise
    finally:
        steps.close()
    state.save(course.checkpoint, course.key)
    write_stats(state, course, learning_rate(1, config.optimiser))


def _add(first: Terms, second: Terms) -> Terms:
    """The losses of both directions, which have the same names."""
    return {name: term + second[name] for name, term in first.items()}
