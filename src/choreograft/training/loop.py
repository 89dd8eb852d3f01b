"""The training loop: pix2pixHD's objective on pairs of consecutive frames (docs/method.md, sections 3 and 4)."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from choreograft.config import Budget, OptimiserConfig, Preset
from choreograft.errors import ChoreograftError
from choreograft.performer.device import Compute
from choreograft.performer.losses import discriminator_loss
from choreograft.performer.networks.discriminator import MultiScaleDiscriminator
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.performer import Performer
from choreograft.performer.staging import Composite, Conditioning, draw_frames
from choreograft.progress import Progress
from choreograft.training.journal import Journal
from choreograft.training.objective import PAIR_CHANNELS, generator_terms, join_pair
from choreograft.training.pairs import IMAGES_PER_STEP, Lessons, TrainingPair, stream_pairs
from choreograft.training.state import TrainingState


@dataclass
class Setup:
    """Everything one step needs, set up for one device."""

    fabric: Fabric
    performer: Performer
    state: TrainingState
    perceptual: FeatureNetwork | None
    preset: Preset

    def draw(self, conditioning: Conditioning, previous: Tensor) -> Composite:
        """Frames from their conditioning and the frames before them, on the training device."""
        return draw_frames(self.performer.staging, self.state.generator, conditioning, previous)


def set_up(performer: Performer, perceptual: FeatureNetwork | None, compute: Compute, seed: int) -> Setup:
    """Move the networks to the device and give them discriminators and optimisers.

    The weights are drawn anew from `seed`, so that equal options make equal runs.
    """
    preset = performer.card.preset
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it repeats the precision
    fabric = Fabric(accelerator=compute.device.type, devices=1, precision=compute.fabric_precision)
    fabric.to_device(performer.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        discriminator = MultiScaleDiscriminator(PAIR_CHANNELS, preset.discriminator)
    discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator, generator_optimiser = fabric.setup(performer.generator, _adam(performer.generator, preset.optimiser))
    judge, judge_optimiser = fabric.setup(discriminator, _adam(discriminator, preset.optimiser))
    if perceptual is not None:
        fabric.to_device(perceptual.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    state = TrainingState(generator, judge, generator_optimiser, judge_optimiser)
    return Setup(fabric, performer, state, perceptual, preset)


def fit(
    setup: Setup,
    lessons: Lessons,
    budget: Budget,
    journal: Journal,
    checkpoint: Path,
    key: str,
    seed: int,
    progress: Progress,
) -> None:
    """Train until the budget is spent, from wherever `setup.state` stands.

    A checkpoint is written every `checkpoint_every_s` of the journal's config and when the user interrupts.

    Args:
        checkpoint: where it is written. key: names the plan it belongs to. seed: of the order of the pairs.

    Raises:
        ChoreograftError: the losses are no longer finite.
        KeyboardInterrupt: interrupted, after the checkpoint is safe.
    """
    state, device = setup.state, setup.fabric.device
    pairs = stream_pairs(lessons, state.seen_images // IMAGES_PER_STEP, seed)
    by_clock = budget.images is None
    total = 60 * budget.minutes if budget.minutes is not None else budget.images
    began, checkpoint_due = time.monotonic() - state.seconds, time.monotonic() + journal.config.checkpoint_every_s

    with progress.task("Training", total, "s" if by_clock else "images") as advance:
        try:
            while (share := budget.spent(state.seconds, state.seen_images)) < 1:
                # one step, at the learning rate that this share of the budget asks for
                rate = learning_rate(share, setup.preset.optimiser)
                first, second = next(pairs)
                journal.note(train_step(setup, (first.to(device), second.to(device)), rate))
                state.seen_images += IMAGES_PER_STEP
                state.seconds = time.monotonic() - began

                # numbers, pictures, checkpoint: each when it is due
                if state.seen_images % journal.config.stats_every_images == 0:
                    _check_finite(journal.write_stats(state.seen_images, state.seconds, rate), checkpoint)
                if journal.preview_is_due():
                    _preview(setup, lessons, journal)
                if time.monotonic() >= checkpoint_due:
                    state.save(checkpoint, key)
                    checkpoint_due = time.monotonic() + journal.config.checkpoint_every_s
                state.seconds = time.monotonic() - began
                advance(state.seconds if by_clock else state.seen_images, **journal.latest)
        except KeyboardInterrupt:
            state.save(checkpoint, key)
            raise
        finally:
            pairs.close()
    state.save(checkpoint, key)
    journal.write_stats(state.seen_images, state.seconds, learning_rate(1, setup.preset.optimiser))
    _preview(setup, lessons, journal)


def train_step(setup: Setup, pair: TrainingPair, rate: float) -> dict[str, Tensor]:
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


def _adam(module: torch.nn.Module, config: OptimiserConfig) -> torch.optim.Adam:
    return torch.optim.Adam(module.parameters(), lr=config.learning_rate, betas=(config.beta1, config.beta2))


@torch.no_grad()
def _preview(setup: Setup, lessons: Lessons, journal: Journal) -> None:
    def draw(conditioning: Conditioning, previous: Tensor) -> Composite:
        return setup.draw(conditioning.to(setup.fabric.device), previous.to(setup.fabric.device))

    journal.write_preview(draw, lessons, setup.state.seen_images)


def _check_finite(means: dict[str, float], checkpoint: Path) -> None:
    broken = [name for name, value in means.items() if not abs(value) < float("inf")]
    if broken:
        raise ChoreograftError(
            f"training diverged: {', '.join(broken)} is not a finite number; run again with another --seed,"
            f" or remove {checkpoint} to begin anew"
        )
