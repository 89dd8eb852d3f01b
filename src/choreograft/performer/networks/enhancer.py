"""pix2pixHD's local enhancer (Wang et al. 2018, "High-Resolution Image Synthesis ... with Conditional GANs", 3.1).

Shapes: B batch, H x W pixels, both divisible by 2 ** (downsamplings + 1); C the coarse generator's base channels.
"""

from torch import Tensor, nn

from choreograft.config import EnhancerConfig, GeneratorConfig, StageName
from choreograft.performer.networks.halve import halve
from choreograft.performer.networks.pix2pixhd import (
    GlobalGenerator,
    ResidualBlock,
    downsampling,
    head,
    init_weights,
    stem,
    upsampling,
)


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
