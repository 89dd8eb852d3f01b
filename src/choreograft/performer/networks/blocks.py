"""What the networks are built from.

Shapes: B batch, C channels, H x W pixels of a picture, h x w of features.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from choreograft.config import Upsampling


def halve(pictures: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, ceil(H / 2), ceil(W / 2)): the mean of 3x3 pixels about every other one.

    So pix2pixHD halves for coarser networks and discriminators (Wang et al. 2018). At the border it is the mean of
    those of the nine that lie within the picture.
    """
    return F.avg_pool2d(pictures, 3, stride=2, padding=1, count_include_pad=False)


class InstanceNorm(nn.Module):
    """Every channel of every picture to mean 0 and variance 1 over its pixels; nothing is learned.

    Ulyanov et al. 2016.
    """

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape.

        A batch of one is normalised as a batch: the same numbers, but PyTorch keeps the tensor channels last, where its
        instance normalisation copies it to and fro; the draft's generator takes a third less time on a CPU.
        """
        if len(x) == 1:
            return F.batch_norm(x, None, None, training=True, eps=self.eps)
        return F.instance_norm(x, eps=self.eps)


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
