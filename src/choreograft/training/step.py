"""One step of training: both losses on a pair of frames, both updates (docs/method.md, sections 3 and 4)."""

from typing import Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from choreograft.config import OptimiserConfig, Preset
from choreograft.performer.losses import discriminator_loss
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.staging import Composite, Conditioning
from choreograft.training.frames import TrainingPair
from choreograft.training.objective import join_frames, join_pair, picture_terms, verdict_terms


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

    def draw(self, conditioning: Conditioning, previous: Tensor) -> Composite:
        """Frames from their conditioning and the frames before them, on the training device."""
        ...


def train_step(setup: StepSetup, pair: TrainingPair, rate: float) -> dict[str, Tensor]:
    """One update of generator and discriminators on a pair of consecutive frames; returns the losses by name.

    As in pix2pixHD both losses are taken before either update, so the discriminators run once on each picture. They are
    left alone where their verdicts have no weight.
    """
    state, weights = setup.state, setup.preset.losses
    for optimiser in (state.generator_optimiser, state.discriminator_optimiser):
        for group in optimiser.param_groups:
            group["lr"] = rate

    # G(x(t-1), 0), then G(x(t), G(x(t-1))); frame by frame the staging leaves the second argument out
    first = setup.draw(pair[0].conditioning, torch.zeros_like(pair[0].real))
    second = setup.draw(pair[1].conditioning, first.frame)

    # both losses
    terms, judged = _judge(setup, pair, first.frame, second.frame) if weights.judged else ({}, None)
    with setup.fabric.autocast():
        terms |= picture_terms(pair, (first, second), setup.perceptual, weights)

    # both updates
    _update(setup.fabric, state.generator_optimiser, torch.stack(list(terms.values())).sum())
    if judged is None:
        return terms
    _update(setup.fabric, state.discriminator_optimiser, judged)
    return {**terms, "discriminator": judged}


def _judge(setup: StepSetup, pair: TrainingPair, first: Tensor, second: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """The discriminators' part of the generator's loss on two drawn frames (B, 3, H, W), and their own loss."""
    discriminator = setup.state.discriminator
    join = join_pair if setup.preset.temporal else join_frames
    drawn, truth = join(pair, first, second), join(pair, pair[0].real, pair[1].real)
    looks = len(truth) // len(pair[0].real)

    # with gradients for themselves on real and drawn, for the generator on what it drew
    real = discriminator(truth)
    judged = looks * discriminator_loss(real, discriminator(drawn.detach()))
    discriminator.requires_grad_(False)
    fake = discriminator(drawn)
    discriminator.requires_grad_(True)
    with setup.fabric.autocast():
        return verdict_terms(real, fake, looks, setup.preset.losses), judged


def _update(fabric: Fabric, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad(set_to_none=True)
    fabric.backward(loss)
    optimiser.step()


def learning_rate(share: float, config: OptimiserConfig) -> float:
    """The rate at a share 0..1 of the budget: constant first, then linear to zero."""
    left = (1 - share) / (1 - config.constant_share) if config.constant_share < 1 else 1.0
    return config.learning_rate * max(0.0, min(1.0, left))


def adam(module: nn.Module, config: OptimiserConfig) -> torch.optim.Adam:
    """The optimiser of the generator or of the discriminators."""
    return torch.optim.Adam(module.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2))
