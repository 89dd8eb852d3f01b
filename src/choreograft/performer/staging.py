"""The seam between poses and pictures: what turns a pose into the generator's input and its output into a frame.

A staging states how many channels the generator reads and writes; the performer and the training loop know no more.
`WholeFrame` is the paper's: a stick figure in, a frame out. `OverPlate` has the generator draw the person and a matte,
and lays both over the estimated background, so that no capacity and no training time go into standing furniture.

Shapes: B batch, H x W pixels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, Self

import torch
from torch import Tensor

from choreograft.config import Background, StickFigureConfig
from choreograft.performer.images import to_tensor
from choreograft.pose.draw import draw_track_frame
from choreograft.pose.track import PoseTrack


@dataclass(frozen=True)
class Conditioning:
    """What is known about the frames to draw, before they are drawn."""

    stick: Tensor
    """(B, 3, H, W) stick figures in [-1, 1]; the discriminators see them too."""
    plate: Tensor
    """(B, 3, H, W) the empty background in [-1, 1]."""

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        return type(self)(*(part.to(device, non_blocking=True) for part in (self.stick, self.plate)))


@dataclass(frozen=True)
class Composite:
    """Finished frames and how they came about."""

    frame: Tensor
    """(B, 3, H, W) in [-1, 1]."""
    matte: Tensor | None
    """(B, 1, H, W) in [0, 1], 1 where the person is; None where the staging has none."""


class Staging(Protocol):
    """One way of going from poses to pictures."""

    input_channels: int
    """Of the generator, the previous frame's three included."""
    output_channels: int

    def describe(self, track: PoseTrack, t: int, plate: Tensor) -> Conditioning:
        """Frame t of a track in canvas pixels, before the plate (3, H, W) of its clip; a batch of one."""
        ...

    def generator_input(self, conditioning: Conditioning, previous: Tensor) -> Tensor:
        """(B, input_channels, H, W) from the conditioning and the previous frame (B, 3, H, W)."""
        ...

    def compose(self, drawn: Tensor, conditioning: Conditioning) -> Composite:
        """The generator's output (B, output_channels, H, W) in [-1, 1] as finished frames."""
        ...


class _StickFigureStaging:
    """What both stagings share: the generator reads the stick figure and the previous frame."""

    input_channels = 6
    output_channels = 3

    def __init__(self, config: StickFigureConfig) -> None:
        self.config = config

    def describe(self, track: PoseTrack, t: int, plate: Tensor) -> Conditioning:
        """See Staging."""
        stick = to_tensor(draw_track_frame(track, t, self.config))
        return Conditioning(stick[None], plate[None])

    def generator_input(self, conditioning: Conditioning, previous: Tensor) -> Tensor:
        """See Staging."""
        return torch.cat([conditioning.stick, previous], dim=1)


class WholeFrame(_StickFigureStaging):
    """The generator's output is the frame (Chan et al. 2019)."""

    def compose(self, drawn: Tensor, conditioning: Conditioning) -> Composite:  # noqa: ARG002
        """See Staging."""
        return Composite(drawn, None)


class OverPlate(_StickFigureStaging):
    """The fourth output channel is the matte with which the first three are laid over the plate."""

    output_channels = 4

    def compose(self, drawn: Tensor, conditioning: Conditioning) -> Composite:
        """See Staging."""
        matte = (drawn[:, 3:] + 1) / 2
        return Composite(matte * drawn[:, :3] + (1 - matte) * conditioning.plate, matte)


def draw_frames(
    staging: Staging, generator: Callable[[Tensor], Tensor], conditioning: Conditioning, previous: Tensor
) -> Composite:
    """One pass of the generator: conditioning and the frames before, (B, 3, H, W) in [-1, 1], to finished frames."""
    inputs = staging.generator_input(conditioning, previous).contiguous(memory_format=torch.channels_last)
    return staging.compose(generator(inputs).float(), conditioning)


STAGINGS: Final[dict[Background, type[WholeFrame] | type[OverPlate]]] = {"frame": WholeFrame, "plate": OverPlate}
