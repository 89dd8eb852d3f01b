"""A small U-Net that mends a picture which is nearly right: what the quick presets have for a generator.

Nothing is computed at the full resolution, where a guide has the detail already: the first convolution goes in steps of
two pixels, the last one draws four pixels into the channels of one (Shi et al. 2016). Skips (Ronneberger et al. 2015)
carry places through.

Shapes: B batch, H x W pixels, both divisible by 2 ** downsamplings.
"""

import torch
from torch import Tensor, nn

from choreograft.config import GeneratorConfig
from choreograft.performer.networks.pix2pixhd import ResidualBlock, init_weights, normalised


class Refiner(nn.Module):
    """6x6 and 3x3 convolutions of stride 2, residual blocks, upsamplings with skips, unfolded pixels, tanh."""

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
