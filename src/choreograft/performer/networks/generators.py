"""The generators: pix2pixHD's two (Wang et al. 2018, section 3.1), the quick presets' refiner, and that of faces.

Shapes: B batch, H x W pixels, both divisible by 2 ** downsamplings, with an enhancer by twice that; C the base
channels; S side of a face's square in px.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from choreograft.config import EnhancerConfig, FaceConfig, GeneratorConfig, StageName
from choreograft.performer.networks.blocks import (
    ResidualBlock,
    downsampling,
    halve,
    head,
    init_weights,
    normalised,
    stem,
    upsampling,
)
from choreograft.performer.networks.translators import CascadedRefinement, UNet
from choreograft.presets import Preset

HEAD_LAYERS: Final = 3
"""Of what `head` returns."""
FACE_CHANNELS: Final = 6
"""Of what `join_face` returns."""


class GlobalGenerator(nn.Module):
    """7x7 convolution, n stride-2 downsamplings, residual blocks, n upsamplings, 7x7 convolution, tanh.

    Instance normalisation without learned scale; reflection padding at full resolution and in the blocks.
    """

    def __init__(self, in_channels: int, out_channels: int, config: GeneratorConfig) -> None:
        super().__init__()
        width = config.base_channels
        layers = stem(in_channels, width)
        for _ in range(config.downsamplings):
            layers += downsampling(width)
            width *= 2
        layers += [ResidualBlock(width) for _ in range(config.residual_blocks)]
        for _ in range(config.downsamplings):
            layers += upsampling(width, config.upsampling)
            width //= 2
        layers += head(width, out_channels)
        self.layers = nn.Sequential(*layers)
        self.apply(init_weights)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]."""
        y: Tensor = self.layers(x)
        return y

    def features(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to what `head` makes pictures of: (B, base_channels, H, W)."""
        y: Tensor = self.layers[:-HEAD_LAYERS](x)
        return y

    @property
    def head(self) -> nn.Module:
        """The last layers, see `head` of this module."""
        return self.layers[-HEAD_LAYERS:]


class LocalEnhancer(nn.Module):
    """A global generator at half size whose features are joined with those of the whole picture, and drawn from.

    `coarse` is a global generator in full. It lends its features; its own head draws only where it is trained alone, in
    the stage "global".
    """

    coarse: GlobalGenerator

    def __init__(self, in_channels: int, out_channels: int, generator: GeneratorConfig, config: EnhancerConfig) -> None:
        """Build it.

        Args:
            generator: the coarse one. At full size there are C / 2 channels, so that at half size there are C, as many
                as it adds to.
        """
        super().__init__()
        self.coarse = GlobalGenerator(in_channels, out_channels, generator)
        joined = generator.base_channels
        width = joined // 2
        self.down = nn.Sequential(*stem(in_channels, width), *downsampling(width))
        self.up = nn.Sequential(
            *(ResidualBlock(joined) for _ in range(config.residual_blocks)),
            *upsampling(joined, generator.upsampling),
            *head(width, out_channels),
        )
        for own in (self.down, self.up):
            own.apply(init_weights)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]."""
        joined = self.coarse.features(halve(x)) + self.down(x)  # (B, C, H / 2, W / 2)
        y: Tensor = self.up(joined)
        return y


def trained_part(generator: nn.Module, stage: StageName) -> nn.Module:
    """What a stage trains of a generator: an enhancer's coarse one in "global", else all of it.

    An enhancer's coarse head is frozen outside that stage, where nothing is drawn with it.
    """
    if not isinstance(generator, LocalEnhancer):
        return generator
    alone = stage == "global"
    generator.coarse.head.requires_grad_(alone)
    return generator.coarse if alone else generator


class Refiner(nn.Module):
    """A small U-Net that mends a picture which is nearly right: what the quick presets have for a generator.

    6x6 and 3x3 convolutions of stride 2, residual blocks, upsamplings with skips, unfolded pixels, tanh. Nothing is
    computed at the full resolution, where a guide has the detail already: the first convolution goes in steps of two
    pixels, the last one draws four pixels into the channels of one (Shi et al. 2016). Skips (Ronneberger et al. 2015)
    carry places through.
    """

    def __init__(self, in_channels: int, out_channels: int, config: GeneratorConfig) -> None:
        """Build it.

        Args:
            config: `downsamplings` counts the first convolution, so it is at least 1.
        """
        super().__init__()
        widths = [config.base_channels * 2**level for level in range(config.downsamplings)]
        self.stem = nn.Sequential(*normalised(nn.Conv2d(in_channels, widths[0], 6, stride=2, padding=2)))
        self.down = nn.ModuleList(
            nn.Sequential(*normalised(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1))) for width in widths[:-1]
        )
        self.blocks = nn.Sequential(*(ResidualBlock(widths[-1]) for _ in range(config.residual_blocks)))
        self.up = nn.ModuleList(
            nn.Sequential(*normalised(nn.Conv2d(3 * width, width, 3, padding=1))) for width in reversed(widths[:-1])
        )
        self.last = nn.Conv2d(widths[0], 4 * out_channels, 3, padding=1)
        self.unfold = nn.PixelShuffle(2)
        self.apply(init_weights)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]."""
        y: Tensor = self.stem(x)
        skips = []
        for down in self.down:
            skips.append(y)
            y = down(y)
        y = self.blocks(y)
        for up in self.up:
            y = up(torch.cat([nn.functional.interpolate(y, scale_factor=2), skips.pop()], dim=1))
        drawn: Tensor = torch.tanh(self.unfold(self.last(y)))
        return drawn


class FaceGenerator(nn.Module):
    """A small global generator whose output is added to what was drawn: G(x)_F + w r, r = G_f(x_F, G(x)_F).

    The window w fades out at the edges. Untrained, r is zero: the last convolution starts from zero weights, so that
    nothing has to be unlearned and a training cut short does no harm.
    """

    window: Tensor

    def __init__(self, config: FaceConfig, side: int) -> None:
        super().__init__()
        self.network = GlobalGenerator(FACE_CHANNELS, 3, config.generator)
        last = [module for module in self.network.modules() if isinstance(module, nn.Conv2d)][-1]
        nn.init.zeros_(last.weight)
        self.register_buffer("window", soft_square(side, config.edge), persistent=False)

    def forward(self, stick: Tensor, drawn: Tensor) -> Tensor:
        """The mended faces (B, 3, S, S) of faces of stick figures and of drawn frames (B, 3, S, S), in [-1, 1].

        Float32; a little beyond [-1, 1] is possible.
        """
        residual: Tensor = self.network(join_face(stick, drawn)).float()
        return drawn + self.window * residual


def join_face(stick: Tensor, picture: Tensor) -> Tensor:
    """(B, 6, S, S) what generator and discriminator see: a face's stick figure and its picture, (B, 3, S, S) each."""
    return torch.cat([stick, picture], dim=1).contiguous(memory_format=torch.channels_last)


def soft_square(side: int, edge: float) -> Tensor:
    """(side, side) weights: 1 inside, falling as a raised cosine to nearly 0 over a share `edge` of the side."""
    beyond = torch.arange(side) + 0.5
    inwards = torch.minimum(beyond, side - beyond) / max(edge * side, 1)
    ramp = 0.5 - 0.5 * torch.cos(math.pi * inwards.clamp(max=1))
    return ramp[:, None] * ramp


FAMILIES: Final = {"pix2pixhd": GlobalGenerator, "refiner": Refiner, "unet": UNet, "crn": CascadedRefinement}


def build_generator(preset: Preset, in_channels: int, out_channels: int) -> nn.Module:
    """Untrained, from (B, in_channels, H, W) to (B, out_channels, H, W) in [-1, 1]."""
    if preset.enhances:
        return LocalEnhancer(in_channels, out_channels, preset.generator, preset.enhancer)
    return FAMILIES[preset.generator.family](in_channels, out_channels, preset.generator)
