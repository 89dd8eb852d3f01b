"""pix2pixHD's global generator (Wang et al. 2018, "High-Resolution Image Synthesis ... with Conditional GANs", 3.1).

Shapes: B batch, H x W pixels, both divisible by 2 ** downsamplings.
"""

from typing import Final

from torch import Tensor, nn

from choreograft.config import GeneratorConfig, Upsampling
from choreograft.performer.networks.norm import InstanceNorm

HEAD_LAYERS: Final = 3
"""Of what `head` returns."""


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


class ResidualBlock(nn.Module):
    """x plus two 3x3 convolutions of x, with reflection padding and instance normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *normalised(nn.Conv2d(channels, channels, 3)),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            InstanceNorm(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) to the same shape."""
        y: Tensor = x + self.layers(x)
        return y


def stem(in_channels: int, width: int) -> list[nn.Module]:
    """A picture (B, in_channels, H, W) to features (B, width, H, W)."""
    return [nn.ReflectionPad2d(3), *normalised(nn.Conv2d(in_channels, width, 7))]


def downsampling(width: int) -> list[nn.Module]:
    """Features (B, width, H, W) to (B, 2 width, H / 2, W / 2)."""
    return normalised(nn.Conv2d(width, 2 * width, 3, stride=2, padding=1))


def upsampling(width: int, kind: Upsampling) -> list[nn.Module]:
    """Features (B, width, H, W) to (B, width / 2, 2 H, 2 W)."""
    if kind == "nearest":
        return [nn.Upsample(scale_factor=2), *normalised(nn.Conv2d(width, width // 2, 3, padding=1))]
    return normalised(nn.ConvTranspose2d(width, width // 2, 3, stride=2, padding=1, output_padding=1))


def head(width: int, out_channels: int) -> list[nn.Module]:
    """Features (B, width, H, W) to a picture (B, out_channels, H, W) in [-1, 1]."""
    return [nn.ReflectionPad2d(3), nn.Conv2d(width, out_channels, 7), nn.Tanh()]


def init_weights(module: nn.Module) -> None:
    """Normal weights of deviation 0.02 and zero biases, as pix2pix starts (Isola et al. 2017, appendix 6.2)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def normalised(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    """A convolution, instance normalisation, ReLU."""
    return [convolution, InstanceNorm(), nn.ReLU(inplace=True)]
