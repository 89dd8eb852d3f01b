"""The networks of an unpaired translation between two domains: the source's frames X and the target's frames Y.

Shapes: B batch, H x W pixels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from choreograft.config import TranslationConfig
from choreograft.performer.networks.discriminator import MultiScaleDiscriminator
from choreograft.performer.networks.pix2pixhd import GlobalGenerator
from choreograft.performer.networks.translators import UNet
from choreograft.video.size import Size


class History(nn.Module):
    """Up to `capacity` old drawn pictures for a discriminator; buffers, so that they are saved with the networks.

    Shrivastava et al. 2017, "Updating discriminator using a history of images": a generator that goes back to what it
    drew before is still found out.
    """

    pictures: Tensor
    """(capacity, 3, H, W) in [-1, 1], float32."""
    stored: Tensor
    """() how many of them are there yet."""

    def __init__(self, capacity: int, size: Size) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(capacity, 3, size.height, size.width))
        self.register_buffer("stored", torch.zeros((), dtype=torch.long))

    def exchange(self, drawn: Tensor, lots: np.random.Generator) -> Tensor:
        """What a discriminator is shown instead of drawn pictures (B, 3, H, W): the same shape, without gradients.

        Until the history is full each is kept and shown. From then on, with probability 1/2, an old one is shown and
        the new one takes its place; otherwise the new one is shown and forgotten.
        """
        return torch.stack([self._exchange_one(picture, lots) for picture in drawn.detach().float()])

    def _exchange_one(self, picture: Tensor, lots: np.random.Generator) -> Tensor:
        capacity, stored = len(self.pictures), int(self.stored)
        if stored < capacity:
            self.pictures[stored] = picture
            self.stored += 1
            return picture
        if not capacity or lots.random() < 0.5:
            return picture
        at = int(lots.integers(capacity))
        old = self.pictures[at].clone()
        self.pictures[at] = picture
        return old


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
