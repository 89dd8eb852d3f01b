"""The generator that a preset asks for."""

from typing import Final

from torch import nn

from choreograft.performer.networks.enhancer import LocalEnhancer
from choreograft.performer.networks.pix2pixhd import GlobalGenerator
from choreograft.performer.networks.refiner import Refiner
from choreograft.performer.networks.translators import CascadedRefinement, UNet
from choreograft.presets import Preset

FAMILIES: Final = {"pix2pixhd": GlobalGenerator, "refiner": Refiner, "unet": UNet, "crn": CascadedRefinement}


def build_generator(preset: Preset, in_channels: int, out_channels: int) -> nn.Module:
    """Untrained, from (B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]."""
    if preset.enhances:
        return LocalEnhancer(in_channels, out_channels, preset.generator, preset.enhancer)
    return FAMILIES[preset.generator.family](in_channels, out_channels, preset.generator)
