"""One step of training: both losses on each pair of frames, then both updates (docs/method.md, sections 3 and 4).

Shapes: B batch, C channels, H x W pixels.
"""

from typing import Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from choreograft.config import LossConfig, OptimiserConfig
from choreograft.performer.losses import discriminator_loss
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.staging import Composite, Conditioning
from choreograft.presets import Preset
from choreograft.training.frames import TrainingPair
from choreograft.training.objective import join_frames, join_pair, picture_terms, verdict_terms

Terms = dict[str, Tensor]
"""Losses by name, each a scalar."""


class Networks(Protocol):
    """What is trained, and what trains it. Modules and optimisers may be wrapped by Fabric."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer


class StepSetup(Protocol):
    """Everything one step needs, set up for one device."""

    @property
    def fabric(self) -> Fabric: ...

    @property
    def state(self) -> Networks: ...

    @property
    def perceptual(self) -> FeatureNetwork | None: ...

    @property
    def preset(self) -> Preset: ...

    @property
    def losses(self) -> LossConfig:
        """The stage's."""
        ...

    def draw(self, conditioning: Conditioning, previous: Tensor) -> Composite:
        """Frames from their conditioning and the frames before them, on the training device."""
        ...


def add_pair_gradients(setup: StepSetup, pair: TrainingPair, share: float = 1.0) -> Terms:
    """Add what a pair of consecutive frames has to say to the gradients; returns the losses by name.

    Args:
        share: see `add_gradients`.
    """
    # G(x(t-1), 0), then G(x(t), G(x(t-1))); frame by frame the staging leaves the second argument out
    first = setup.draw(pair[0].conditioning, torch.zeros_like(pair[0].real))
    second = setup.draw(pair[1].conditioning, first.frame)

    join = join_pair if setup.preset.temporal else join_frames
    truth, drawn = join(pair, pair[0].real, pair[1].real), join(pair, first.frame, second.frame)
    with setup.fabric.autocast():
        terms = picture_terms(pair, (first, second), setup.perceptual, setup.losses)
    looks = len(truth) // len(pair[0].real)
    return add_gradients(setup.fabric, setup.state, terms, truth, drawn, setup.losses, share, looks)


def add_gradients(
    fabric: Fabric,
    networks: Networks,
    terms: Terms,
    truth: Tensor,
    drawn: Tensor,
    weights: LossConfig,
    share: float = 1.0,
    looks: int = 1,
) -> Terms:
    """Add a sample's gradients to those of a generator and of its discriminators; returns the losses by name.

    As in pix2pixHD both losses are taken before either update, so the discriminators run once on each picture. They are
    left alone where their verdicts have no weight.

    Args:
        terms: of the generator's loss, apart from what the discriminators add to it.
        truth, drawn: (B, C, H, W) what the discriminators tell apart; `drawn` hangs on the generator's graph.
        share: of the samples that this process takes in the step.
        looks: see `objective.verdict_terms`.
    """
    if not weights.judged:
        fabric.backward(share * torch.stack(list(terms.values())).sum())
        return terms
    verdicts, judged = _judge(fabric, networks.discriminator, truth, drawn, weights, looks)
    terms = verdicts | terms
    fabric.backward(share * torch.stack(list(terms.values())).sum())
    fabric.backward(share * judged)
    return {**terms, "discriminator": judged}


def _judge(
    fabric: Fabric, discriminator: nn.Module, truth: Tensor, drawn: Tensor, weights: LossConfig, looks: int
) -> tuple[Terms, Tensor]:
    """The discriminators' part of the generator's loss, and their own loss."""
    # with gradients for themselves on real and drawn, for the generator on what it drew
    real = discriminator(truth)
    judged = looks * discriminator_loss(real, discriminator(drawn.detach()))
    discriminator.requires_grad_(False)
    fake = discriminator(drawn)
    discriminator.requires_grad_(True)
    with fabric.autocast():
        return verdict_terms(real, fake, looks, weights), judged


def descend(networks: Networks, rate: float) -> None:
    """One update of generator and discriminators by the gradients that were added up, at this learning rate."""
    for optimiser in (networks.generator_optimiser, networks.discriminator_optimiser):
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def learning_rate(share: float, config: OptimiserConfig) -> float:
    """The rate at a share 0..1 of the budget: constant first, then linear to zero."""
    left = (1 - share) / (1 - config.constant_share) if config.constant_share < 1 else 1.0
    return config.learning_rate * max(0.0, min(1.0, left))


def adam(module: nn.Module, config: OptimiserConfig) -> torch.optim.Adam:
    """The optimiser of the generator or of the discriminators; what is frozen in them is not its business."""
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    return torch.optim.Adam(weights, lr=config.learning_rate, betas=(config.beta1, config.beta2))
