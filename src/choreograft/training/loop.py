"""The training loop: pix2pixHD's objective on pairs of consecutive frames (docs/method.md, sections 3 and 4)."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor

from choreograft.config import Budget, Preset
from choreograft.errors import ChoreograftError
from choreograft.performer.device import Compute
from choreograft.performer.networks.discriminator import MultiScaleDiscriminator
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.performer import Performer
from choreograft.performer.staging import Composite, Conditioning, draw_frames
from choreograft.progress import Progress
from choreograft.training.frames import IMAGES_PER_STEP
from choreograft.training.journal import Journal
from choreograft.training.objective import FRAME_CHANNELS, PAIR_CHANNELS
from choreograft.training.pairs import Lessons, stream_pairs
from choreograft.training.state import TrainingState
from choreograft.training.step import adam, learning_rate, train_step


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
    channels = PAIR_CHANNELS if preset.temporal else FRAME_CHANNELS
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        discriminator = MultiScaleDiscriminator(channels, preset.discriminator)
    discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    generator, generator_optimiser = fabric.setup(performer.generator, adam(performer.generator, preset.optimiser))
    judge, judge_optimiser = fabric.setup(discriminator, adam(discriminator, preset.optimiser))
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
        checkpoint: where it is written. key: names the plan it belongs to. seed: of the order of the pairs and of what
            a generator draws lots for in training (pix2pix's dropout).

    Raises:
        ChoreograftError: the losses are no longer finite.
        KeyboardInterrupt: interrupted, after the checkpoint is safe.
    """
    state, device = setup.state, setup.fabric.device
    pairs = stream_pairs(lessons, state.seen_images // IMAGES_PER_STEP, seed)
    by_clock = budget.images is None
    total = 60 * budget.minutes if budget.minutes is not None else budget.images
    began, checkpoint_due = time.monotonic() - state.seconds, time.monotonic() + journal.config.checkpoint_every_s

    task = progress.task("Training", total, "s" if by_clock else "images")
    with task as advance, torch.random.fork_rng(devices=[]):
        try:
            while (share := budget.spent(state.seconds, state.seen_images)) < 1:
                # one step, at the learning rate that this share of the budget asks for
                rate = learning_rate(share, setup.preset.optimiser)
                first, second = next(pairs)
                _seed_noise(seed, state.seen_images)
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


def _seed_noise(seed: int, seen_images: int) -> None:
    """Make what is random in a step a function of seed and step alone, so that a resumed run goes on exactly."""
    torch.manual_seed(int(np.random.SeedSequence((seed, seen_images)).generate_state(1, np.uint64)[0]))


@torch.no_grad()
def _preview(setup: Setup, lessons: Lessons, journal: Journal) -> None:
    def draw(conditioning: Conditioning, previous: Tensor) -> Composite:
        return setup.draw(conditioning.to(setup.fabric.device), previous.to(setup.fabric.device))

    setup.state.generator.eval()
    journal.write_preview(draw, lessons, setup.state.seen_images)
    setup.state.generator.train()


def _check_finite(means: dict[str, float], checkpoint: Path) -> None:
    broken = [name for name, value in means.items() if not abs(value) < float("inf")]
    if broken:
        raise ChoreograftError(
            f"training diverged: {', '.join(broken)} is not a finite number; run again with another --seed,"
            f" or remove {checkpoint} to begin anew"
        )
