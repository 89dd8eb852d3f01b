"""The networks of an unpaired translation between two domains: the source's frames X and the target's frames Y."""

from dataclasses import dataclass

import torch
from torch import nn

from choreograft.config import TranslationConfig
from choreograft.evaluate.translate.history import History
from choreograft.performer.networks.discriminator import MultiScaleDiscriminator
from choreograft.performer.networks.pix2pixhd import GlobalGenerator
from choreograft.performer.networks.translators import UNet
from choreograft.video.size import Size


@dataclass(frozen=True)
class Direction:
    """One of the two directions, as its losses see it; `here` is the domain that it begins in."""

    there: nn.Module
    """(B, 3, H, W) to the other domain."""
    back: nn.Module
    """(B, 3, H, W) from there."""
    next_here: nn.Module
    """(B, 6, H, W), two consecutive frames of this domain, to the third (B, 3, H, W)."""
    next_there: nn.Module
    """The same of the other domain."""


class Translators(nn.Module):
    """G and F of CycleGAN and, where a third frame is predicted, P_X and P_Y of Recycle-GAN."""

    next_source: nn.Module
    next_target: nn.Module

    def __init__(self, config: TranslationConfig) -> None:
        super().__init__()
        self.to_target = GlobalGenerator(3, 3, config.generator)
        self.to_source = GlobalGenerator(3, 3, config.generator)
        self.next_source = UNet(6, 3, config.predictor) if config.predicts else nn.Identity()
        self.next_target = UNet(6, 3, config.predictor) if config.predicts else nn.Identity()
        self.eval()  # nothing but the predictors' dropout knows the difference, and Recycle-GAN trains without it

    @property
    def from_source(self) -> Direction:
        """Source to target and back."""
        return Direction(self.to_target, self.to_source, self.next_source, self.next_target)

    @property
    def from_target(self) -> Direction:
        """Target to source and back."""
        return Direction(self.to_source, self.to_target, self.next_target, self.next_source)


class Judges(nn.Module):
    """D_X and D_Y, one 70x70 PatchGAN for each domain, and the drawn pictures that each has seen."""

    def __init__(self, config: TranslationConfig, size: Size) -> None:
        super().__init__()
        self.of_source = MultiScaleDiscriminator(3, config.discriminator)
        self.of_target = MultiScaleDiscriminator(3, config.discriminator)
        self.drawn_source = History(config.history, size)
        self.drawn_target = History(config.history, size)


def build_networks(config: TranslationConfig, size: Size, seed: int) -> tuple[Translators, Judges]:
    """Both, with weights drawn from `seed`, on the CPU, channels last."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        translators, judges = Translators(config), Judges(config, size)
    for module in (translators, judges):
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return translators, judges
