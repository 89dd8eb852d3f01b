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
from choreograft.training.objective import generator_terms, join_pair


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

    As in pix2pixHD both losses are taken before either update, so the discriminators run once on each picture.
    """
    state = setup.state
    for optimiser in (state.generator_optimiser, state.discriminator_optimiser):
        for group in optimiser.param_groups:
            group["lr"] = rate

    # G(x(t-1), 0), then G(x(t), G(x(t-1)))
    first = setup.draw(pair[0].conditioning, torch.zeros_like(pair[0].real))
    second = setup.draw(pair[1].conditioning, first.frame)
    drawn, truth = join_pair(pair, first.frame, second.frame), join_pair(pair, pair[0].real, pair[1].real)

    # the discriminators judge: with gradients for themselves on the two pairs, for the generator on the drawn one
    real = state.discriminator(truth)
    judged = discriminator_loss(real, state.discriminator(drawn.detach()))
    state.discriminator.requires_grad_(False)
    fake = state.discriminator(drawn)
    with setup.fabric.autocast():
        terms = generator_terms(pair, (first, second), real, fake, setup.perceptual, setup.preset.losses)

    # update both
    state.generator_optimiser.zero_grad(set_to_none=True)
    setup.fabric.backward(torch.stack(list(terms.values())).sum())
    state.discriminator.requires_grad_(True)
    state.generator_optimiser.step()
    state.discriminator_optimiser.zero_grad(set_to_none=True)
    setup.fabric.backward(judged)
    state.discriminator_optimiser.step()
    return {**terms, "discriminator": judged}


def learning_rate(share: float, config: OptimiserConfig) -> float:
    """The rate at a share 0..1 of the budget: constant first, then linear to zero."""
    left = (1 - share) / (1 - config.constant_share) if config.constant_share < 1 else 1.0
    return config.learning_rate * max(0.0, min(1.0, left))


def adam(module: nn.Module, config: OptimiserConfig) -> torch.optim.Adam:
    """The optimiser of the generator or of the discriminators."""
    return torch.optim.Adam(module.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2))
