"""The face GAN's generator (Chan et al. 2019, "Face GAN"; docs/method.md, section 5).

Shapes: B batch, S side of the face's square in px, divisible by 2 ** downsamplings.
"""

import math
from typing import Final

import torch
from torch import Tensor, nn

from choreograft.config import FaceConfig
from choreograft.performer.networks.pix2pixhd import GlobalGenerator

FACE_CHANNELS: Final = 6
"""Of what `join_face` returns."""


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
