"""The networks: pix2pixHD's generators and discriminators (Wang et al. 2018, sections 3.1 and 3.2; Chan et al. 2019,
"Temporal smoothing"), the quick presets' refiner, the generator of faces, and what they are built from.

Shapes: B batch, H x W pixels of a picture, for generators divisible by 2 ** downsamplings, with an enhancer by twice
that; h x w of features; C channels, of generators the base's; S side of a face's square in px.
"""

import math
from itertools import accumulate, pairwise
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from choreograft.config import DiscriminatorConfig, EnhancerConfig, FaceConfig, GeneratorConfig, StageName, Upsampling

HEAD_LAYERS: Final = 3
"""Of what `head` returns."""
FACE_CHANNELS: Final = 6
"""Of what `join_face` returns."""
MAX_CHANNELS: Final = 512
"""Of a discriminator's layers."""


def halve(pictures: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, ceil(H / 2), ceil(W / 2)): the mean of 3x3 pixels about every other one.

    So pix2pixHD halves for coarser networks and discriminators (Wang et al. 2018). At the border it is the mean of
    those of the nine that lie within the picture.
    """
    return F.avg_pool2d(pictures, 3, stride=2, padding=1, count_include_pad=False)


def run_stages(stages: nn.ModuleList, x: Tensor) -> list[Tensor]:
    """The activations after each of some stages that follow one another."""
    return list(accumulate(stages, lambda before, stage: stage(before), initial=x))[1:]


class InstanceNorm(nn.Module):
    """Every channel of every picture to mean 0 and variance 1 over its pixels; nothing is learned.

    Ulyanov et al. 2016.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape.

        A batch of one is normalised as a batch: the same numbers, but PyTorch keeps the tensor channels last, where its
        instance normalisation copies it to and fro; the draft's generator takes a third less time on a CPU.
        """
        if len(x) == 1:
            return F.batch_norm(x, None, None, training=True)
        return F.instance_norm(x)


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
        self.down = nn.ModuleList(nn.Sequential(*downsampling(width)) for width in widths[:-1])
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


class PatchDiscriminator(nn.Module):
    """One PatchGAN (Wang et al. 2018, section 3.2): with 3 stride-2 layers every verdict sees a patch of 70x70 pixels.

    The activations of all layers are returned, for feature matching; the last one is the map of verdicts.
    """

    def __init__(self, in_channels: int, base_channels: int, layers: int) -> None:
        super().__init__()
        widths = [min(base_channels * 2**layer, max(base_channels, MAX_CHANNELS)) for layer in range(layers + 1)]
        self.stages = nn.ModuleList()
        for layer, (before, width) in enumerate(pairwise([in_channels, *widths])):
            convolution = nn.Conv2d(before, width, 4, stride=2 if layer < layers else 1, padding=2)
            norm = [InstanceNorm()] * (layer > 0)
            self.stages.append(nn.Sequential(convolution, *norm, nn.LeakyReLU(0.2, inplace=True)))
        self.stages.append(nn.Sequential(nn.Conv2d(widths[-1], 1, 4, stride=1, padding=2)))

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) to the activations of every layer; the last is (B, 1, h, w)."""
        return run_stages(self.stages, x)


class MultiScaleDiscriminator(nn.Module):
    """The same architecture at full, half, quarter ... resolution, with weights of its own at each scale."""

    def __init__(self, in_channels: int, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.scales = nn.ModuleList(
            PatchDiscriminator(in_channels, config.base_channels, config.layers) for _ in range(config.scales)
        )
        self.apply(init_weights)

    def forward(self, x: Tensor) -> list[list[Tensor]]:
        """(B, in_channels, H, W) to the activations [scale][layer], finest scale first."""
        results = []
        for index, discriminator in enumerate(self.scales):
            if index:
                x = halve(x)
            results.append(discriminator(x))
        return results
