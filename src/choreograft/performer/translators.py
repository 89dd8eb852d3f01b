"""Which generator a preset draws with; and two other image translators, as baselines: pix2pix's U-Net and a cascaded
refinement network.

They are made and called like `GlobalGenerator`, so any staging can be drawn with them; evaluate/methods.py trains them
with the losses of their papers, and docs/method.md says where they deviate from them.

Shapes: B batch, H x W pixels, both at least 2 ** downsamplings, which limits the depth: the published U-Net halves
256 px eight times, down to one. Where a side is odd, its half is rounded down and its double comes back odd.
"""

from itertools import pairwise
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from choreograft.config import GeneratorConfig
from choreograft.performer.networks import GlobalGenerator, InstanceNorm, LocalEnhancer, Refiner, init_weights
from choreograft.presets import Preset

WIDEST: Final = 8
"""No layer has more than this many times the base's channels: 64 to 512 in pix2pix."""
DROPOUT_LAYERS: Final = 3
"""Of the decoder, the innermost ones."""
SLOPE: Final = 0.2
"""Of leaky rectifiers."""


class UNet(nn.Module):
    """pix2pix's generator (Isola et al. 2017, section 3.2.1 and appendix 6.1.1): an encoder, a decoder, skips between.

    4x4 convolutions of stride 2 down, transposed ones up. Every layer is normalised but the first, the last and the
    innermost, which may be a single pixel. Dropout is the paper's only noise, and here a matter of training alone:
    drawn anew for every frame of a result it would flicker.
    """

    def __init__(self, in_channels: int, out_channels: int, config: GeneratorConfig) -> None:
        super().__init__()
        widths = _widths(config, config.downsamplings)
        self.down = nn.ModuleList(
            _encoder_layer(before, width, normalised=0 < level < len(widths) - 1)
            for level, (before, width) in enumerate(pairwise([in_channels, *widths]))
        )
        self.up = nn.ModuleList()
        channels = widths[-1]
        for depth, width in enumerate(reversed(widths[:-1])):
            noise = [nn.Dropout(0.5)] * (depth < DROPOUT_LAYERS)
            self.up.append(_DecoderLayer(channels, width, InstanceNorm(), *noise, nn.ReLU(inplace=True)))
            channels = 2 * width  # with those of the encoder's layer beside it
        self.last = _DecoderLayer(channels, out_channels, nn.Tanh())
        self.apply(init_weights)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]."""
        skips = [x]
        for down in self.down:
            skips.append(down(skips[-1]))
        y = skips.pop()
        for up in self.up:
            beside = skips.pop()
            y = torch.cat([up(y, beside), beside], dim=1)
        drawn: Tensor = self.last(y, x)
        return drawn


class CascadedRefinement(nn.Module):
    """Chen & Koltun 2017, section 3: modules of rising resolution, each shown the whole input at its own.

    The first sees the input alone, reduced to 1 / 2 ** downsamplings; every other one also what the module before it
    made, enlarged to twice its size.
    """

    def __init__(self, in_channels: int, out_channels: int, config: GeneratorConfig) -> None:
        super().__init__()
        widths = _widths(config, config.downsamplings + 1)[::-1]
        self.refine = nn.ModuleList(
            _refinement_module(in_channels + before, width) for before, width in pairwise([0, *widths])
        )
        self.last = nn.Sequential(nn.Conv2d(widths[-1], out_channels, 1), nn.Tanh())
        self.apply(init_weights)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]."""
        layouts = [x]
        while len(layouts) < len(self.refine):
            layouts.append(F.avg_pool2d(layouts[-1], 2))
        features = self.refine[0](layouts.pop())
        for refine in self.refine[1:]:
            layout = layouts.pop()
            enlarged = F.interpolate(features, layout.shape[2:], mode="bilinear", align_corners=False)
            features = refine(torch.cat([layout, enlarged], dim=1))
        drawn: Tensor = self.last(features)
        return drawn


def _widths(config: GeneratorConfig, levels: int) -> list[int]:
    """Channels of each level, finest first: twice as many at half the resolution, up to a limit."""
    return [config.base_channels * min(2**level, WIDEST) for level in range(levels)]


def _encoder_layer(before: int, width: int, normalised: bool) -> nn.Sequential:
    convolution = nn.Conv2d(before, width, 4, stride=2, padding=1)
    return nn.Sequential(convolution, *[InstanceNorm()] * normalised, nn.LeakyReLU(SLOPE, inplace=True))


class _DecoderLayer(nn.Module):
    """A transposed convolution and what follows it."""

    def __init__(self, before: int, width: int, *after: nn.Module) -> None:
        super().__init__()
        self.convolution = nn.ConvTranspose2d(before, width, 4, stride=2, padding=1)
        self.after = nn.Sequential(*after)

    def forward(self, x: Tensor, beside: Tensor) -> Tensor:
        """(B, before, h, w) to (B, width, H, W), as large as the picture beside it, which was halved to h x w."""
        y: Tensor = self.after(self.convolution(x, output_size=beside.shape[2:]))
        return y


def _refinement_module(before: int, width: int) -> nn.Sequential:
    """Two 3x3 convolutions; layer normalisation is that of all of a picture's features together, in one group."""
    layers = [
        (nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(1, width), nn.LeakyReLU(SLOPE, inplace=True))
        for channels in (before, width)
    ]
    return nn.Sequential(*layers[0], *layers[1])


FAMILIES: Final = {"pix2pixhd": GlobalGenerator, "refiner": Refiner, "unet": UNet, "crn": CascadedRefinement}


def build_generator(preset: Preset, in_channels: int, out_channels: int) -> nn.Module:
    """Untrained, from (B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]."""
    if preset.enhances:
        return LocalEnhancer(in_channels, out_channels, preset.generator, preset.enhancer)
    return FAMILIES[preset.generator.family](in_channels, out_channels, preset.generator)
