"""Unpaired translation as a stage of the training loop (training/loop.py).

Shapes: T frames, H x W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.config import OptimiserConfig, TranslationConfig
from choreograft.evaluate.translate.drawing import draw_sheet
from choreograft.evaluate.translate.lessons import Domain, load_runs
from choreograft.evaluate.translate.networks import Judges, Translators, build_networks
from choreograft.evaluate.translate.objective import direction_terms, translate
from choreograft.performer.device import Compute
from choreograft.performer.losses import adversarial_loss, discriminator_loss
from choreograft.training.state import TrainingState
from choreograft.training.step import Terms, adam
from choreograft.video.size import Size


@dataclass(frozen=True)
class Translation:
    """See loop.Stage."""

    config: TranslationConfig
    source: Domain
    target: Domain
    translators: Translators
    judges: Judges
    state: TrainingState
    """The same networks, with their optimisers and counters."""
    compute: Compute
    seed: int
    """Of the weights, of the order of the frames and of what the histories draw lots for."""

    @staticmethod
    def begin(
        config: TranslationConfig, source: Domain, target: Domain, size: Size, compute: Compute, seed: int
    ) -> "Translation":
        """Untrained, for frames of that size."""
        translators, judges = build_networks(config, size, seed)
        translators.to(compute.device)
        judges.to(compute.device)
        optimisers = adam(translators, config.optimiser), adam(judges, config.optimiser)
        state = TrainingState("global", translators, judges, *optimisers)
        return Translation(config, source, target, translators, judges, state, compute, seed)

    @property
    def optimiser(self) -> OptimiserConfig:
        """See loop.Stage."""
        return self.config.optimiser

    @property
    def images(self) -> int:
        """See loop.Stage."""
        return self.config.images_per_step

    def prepare(self, sample: int) -> Callable[[float], Terms]:
        """See loop.Stage."""
        return partial(self._learn, *load_runs(self.source, self.target, sample, self.seed), sample)

    def draw_preview(self, count: int) -> NDArray[np.uint8]:
        """See loop.Stage."""
        return draw_sheet(self.translators, self.source, self.compute, count)

    def _learn(self, source: Tensor, target: Tensor, sample: int, share: float) -> Terms:
        """Add what consecutive frames of each domain, (T, 3, H, W), have to say to the gradients; the losses by name.

        All gradients are taken before any update. As published the networks of both directions share an optimiser.
        """
        config, shown, networks, judges = self.config, self.config.shown, self.translators, self.judges
        source, target = source.to(self.compute.device), target.to(self.compute.device)
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
        (share * torch.stack(list(terms.values())).sum()).backward()  # type: ignore[no-untyped-call]

        lots = np.random.default_rng((self.seed, sample))
        old_target = judges.drawn_target.exchange(drawn_target, lots)
        old_source = judges.drawn_source.exchange(drawn_source, lots)
        with self.compute.autocast():
            judged = shown * (
                discriminator_loss(judges.of_target(target[:shown]), judges.of_target(old_target))
                + discriminator_loss(judges.of_source(source[:shown]), judges.of_source(old_source))
            )
        (share * judged).backward()  # type: ignore[no-untyped-call]
        return {**terms, "discriminator": judged}


def _add(first: Terms, second: Terms) -> Terms:
    """The losses of both directions, which have the same names."""
    return {name: term + second[name] for name, term in first.items()}
