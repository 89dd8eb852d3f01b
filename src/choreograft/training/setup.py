"""What a stage is set up from, and its networks with discriminators and optimisers on the training device."""

import logging
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from choreograft.config import DiscriminatorConfig, LossConfig, OptimiserConfig, StageName
from choreograft.performer.device import Compute
from choreograft.performer.networks.discriminator import MultiScaleDiscriminator
from choreograft.performer.networks.enhancer import trained_part
from choreograft.performer.perceptual import FeatureNetwork
from choreograft.performer.performer import Performer
from choreograft.performer.staging import Composite, Conditioning
from choreograft.presets import Preset
from choreograft.training.objective import FRAME_CHANNELS, PAIR_CHANNELS
from choreograft.training.pairs import Lessons
from choreograft.training.state import TrainingState
from choreograft.training.step import adam


@dataclass(frozen=True)
class Materials:
    """What every stage of a training works with."""

    performer: Performer
    lessons: Lessons
    perceptual: FeatureNetwork | None
    compute: Compute
    seed: int
    """Of the discriminators' weights and of the order of the pairs."""

    @property
    def preset(self) -> Preset:
        """The performer's."""
        return self.performer.card.preset


@dataclass
class Setup:
    """Everything a step of the generator needs, set up for one device."""

    fabric: Fabric
    performer: Performer
    state: TrainingState
    perceptual: FeatureNetwork | None
    preset: Preset
    losses: LossConfig
    """The stage's."""

    def draw(self, conditioning: Conditioning, previous: Tensor) -> Composite:
        """Frames from their conditioning and the frames before them, on the training device."""
        return self.performer.staging.draw(self.state.generator, conditioning, previous)


def set_up(
    performer: Performer, perceptual: FeatureNetwork | None, compute: Compute, seed: int, stage: StageName = "global"
) -> Setup:
    """Move the networks to the device and give what the stage trains discriminators and optimisers.

    The weights of the discriminators are drawn from `seed`, so that equal options make equal runs.

    Args:
        stage: global or local.
    """
    preset, generator = performer.card.preset, trained_part(performer.generator, stage)
    fabric = start_fabric(performer, perceptual, compute)
    channels = PAIR_CHANNELS if preset.temporal else FRAME_CHANNELS
    state = begin_state(fabric, stage, generator, channels, preset.discriminator, preset.optimiser, seed)
    return Setup(fabric, performer, state, perceptual, preset, preset.losses_of(stage))


def start_fabric(performer: Performer, perceptual: FeatureNetwork | None, compute: Compute) -> Fabric:
    """A Fabric for the device of this process, and performer and perceptual network moved there.

    It knows this one process: the training loop averages gradients itself (`Team.average_gradients`), so no network is
    wrapped, and a step is the same in one process as in several.
    """
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it repeats the precision
    devices = 1 if compute.device.index is None else [compute.device.index]
    fabric = Fabric(accelerator=compute.device.type, devices=devices, precision=compute.fabric_precision)
    for module in (performer, perceptual):
        if module is not None:
            fabric.to_device(module.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
    return fabric


def begin_state(
    fabric: Fabric,
    stage: StageName,
    generator: nn.Module,
    channels: int,
    discriminator: DiscriminatorConfig,
    optimiser: OptimiserConfig,
    seed: int,
) -> TrainingState:
    """The state in which a stage begins: its generator against new discriminators of so many input channels."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        judges = MultiScaleDiscriminator(channels, discriminator)
    judges.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    drawing, drawing_optimiser = fabric.setup(generator, adam(generator, optimiser))
    judging, judging_optimiser = fabric.setup(judges, adam(judges, optimiser))
    return TrainingState(stage, drawing, judging, drawing_optimiser, judging_optimiser)
