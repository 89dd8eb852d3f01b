"""Multi-scale PatchGAN discriminators (Wang et al. 2018, section 3.2; Chan et al. 2019, "Temporal smoothing").

Shapes: B batch, H x W pixels. A discriminator returns the activations of all its layers, for feature matching; the
last one is the map of verdicts.
"""

from torch import Tensor, nn

from choreograft.config import DiscriminatorConfig
from choreograft.performer.networks.blocks import InstanceNorm, halve, init_weights

MAX_CHANNELS = 512


class PatchDiscriminator(nn.Module):
    """One PatchGAN: with 3 stride-2 layers every verdict sees a patch of 70x70 pixels."""

    def __init__(self, in_channels: int, base_channels: int, layers: int) -> None:
        super().__init__()
        width = base_channels
        stages = [nn.Sequential(nn.Conv2d(in_channels, width, 4, stride=2, padding=2), nn.LeakyReLU(0.2, inplace=True))]
        for layer in range(1, layers + 1):
            wider = min(2 * width, MAX_CHANNELS)
            stride = 2 if layer < layers else 1
            stages.append(
                nn.Sequential(
                    nn.Conv2d(width, wider, 4, stride=stride, padding=2),
                    InstanceNorm(),
                    nn.LeakyReLU(0.2, inplace=True),
                )
            )
            width = wider
        stages.append(nn.Sequential(nn.Conv2d(width, 1, 4, stride=1, padding=2)))
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) to the activations of every layer; the last is (B, 1, h, w)."""
        activations = []
        for stage in self.stages:
            x = stage(x)
            activations.append(x)
        return activations


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
