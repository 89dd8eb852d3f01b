"""The seam between poses and pictures: what turns a pose into the generator's input and its output into a frame.

A staging states how many channels the generator reads and writes; the performer and the training loop know no more.
`Staging` itself is the paper's: a stick figure in, a frame out. `OverPlate` has the generator draw the person and a
matte, and lays both over the estimated background, so that no capacity and no training time go into standing furniture.
Any of them may be temporal, and give the generator the frame before, or not (docs/method.md, section 4).

Shapes: B batch, H x W pixels. `to_tensor` and `to_image` are the only functions that convert (docs/conventions.md,
"Colour").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from choreograft.config import StickFigureConfig
from choreograft.performer.networks import halve
from choreograft.performer.region import Region
from choreograft.pose.draw import draw_track_frame
from choreograft.pose.track import PoseTrack
from choreograft.presets import Background

GUIDE_CHANNELS: Final = 11
"""Of a guide, see `Warped.as_guide`."""
START_TRUST: Final = 1.5
"""Of the output's trust before its tanh: nine tenths."""
MAX_SHIFT: Final = 0.04
"""Share of the height by which a generator may move what it is given."""
SHIFT_CELL: Final = 8
"""Side of the squares, px, that have one shift."""
START_SHARE: Final = 0.1
"""Of the usual weights of the last convolution: the first pictures are nearly the guide."""


def to_tensor(image: NDArray[np.uint8]) -> Tensor:
    """Picture (H, W, C) or mask (H, W), uint8, to float32 (C, H, W): pictures in [-1, 1], masks (1, H, W) in [0, 1]."""
    pixels = torch.from_numpy(np.array(image)).float()  # a copy: memory maps are read-only
    if image.ndim == 2:
        return pixels[None] / 255
    return pixels.permute(2, 0, 1) / 127.5 - 1


def to_image(tensor: Tensor) -> NDArray[np.uint8]:
    """Float (3, H, W) in [-1, 1], on any device, to a picture (H, W, 3) uint8; values outside are clipped."""
    levels = (tensor.detach().float() + 1).mul(127.5).round().clamp(0, 255)
    image: NDArray[np.uint8] = levels.to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()
    return image


@dataclass(frozen=True)
class Conditioning:
    """What is known about the frames to draw, before they are drawn."""

    stick: Tensor
    """(B, 3, H, W) stick figures in [-1, 1]; the discriminators see them too."""
    plate: Tensor
    """(B, 3, H, W) the empty background in [-1, 1]."""
    guide: Tensor | None = None
    """(B, GUIDE_CHANNELS, H, W): the person drawn from references (`Warped.as_guide`); None where none is taken."""

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        return self._map(lambda part: part.to(device, non_blocking=True))

    def crop(self, region: Region) -> Self:
        """The same of a part of the canvas."""
        return self._map(region.crop)

    def halve(self) -> Self:
        """The same at half the size."""
        return self._map(halve)

    def _map(self, change: Callable[[Tensor], Tensor]) -> Self:
        guide = None if self.guide is None else change(self.guide)
        return type(self)(change(self.stick), change(self.plate), guide)


@dataclass(frozen=True)
class Composite:
    """Finished frames and how they came about."""

    frame: Tensor
    """(B, 3, H, W) in [-1, 1]."""
    matte: Tensor | None
    """(B, 1, H, W) in [0, 1], 1 where the person is; None where the staging has none."""
    person: Tensor | None = None
    """(B, 5, H, W): their colours in [-1, 1], and the shift of the guide, right and down, in px; None where nobody is
    refined."""


class Staging:
    """One way of going from poses to pictures: the generator reads the stick figure and, if it is temporal, the frame
    before; here, as with Chan et al. (2019), its output is the frame."""

    output_channels = 3
    """Of the generator."""
    guided = False
    """Whether it takes a guide."""
    paints_background = True
    """Whether the generator draws it, or it is the plate."""

    def __init__(self, config: StickFigureConfig, temporal: bool) -> None:
        self.config, self.temporal = config, temporal

    @property
    def input_channels(self) -> int:
        """Of the generator, the previous frame's three included where it is given."""
        return 3 + GUIDE_CHANNELS * self.guided + 3 * self.temporal

    def describe(self, track: PoseTrack, t: int, plate: Tensor, guide: Tensor | None = None) -> Conditioning:
        """Frame t of a track in canvas pixels, before the plate (3, H, W) of its clip; a batch of one.

        Args:
            guide: (GUIDE_CHANNELS, H, W), for a staging that is guided.
        """
        stick = to_tensor(draw_track_frame(track, t, self.config))
        return Conditioning(stick[None], plate[None], None if guide is None else guide[None])

    def start(self, generator: nn.Module) -> None:
        """Bring an untrained generator to where this staging begins."""

    def draw(self, generator: Callable[[Tensor], Tensor], conditioning: Conditioning, previous: Tensor) -> Composite:
        """One pass of the generator: conditioning and the frames before, (B, 3, H, W) in [-1, 1], to frames."""
        guide = conditioning.guide if self.guided else None
        parts = (conditioning.stick, guide, previous if self.temporal else None)
        inputs = torch.cat([part for part in parts if part is not None], dim=1)  # (B, input_channels, H, W)
        return self.compose(generator(inputs.contiguous(memory_format=torch.channels_last)).float(), conditioning)

    def compose(self, drawn: Tensor, conditioning: Conditioning) -> Composite:  # noqa: ARG002
        """The generator's output (B, output_channels, H, W) in [-1, 1] as finished frames."""
        return Composite(drawn, None)


class OverPlate(Staging):
    """The fourth output channel is the matte with which the first three are laid over the plate."""

    output_channels = 4
    paints_background = False

    def compose(self, drawn: Tensor, conditioning: Conditioning) -> Composite:
        """See Staging."""
        matte = (drawn[:, 3:] + 1) / 2
        return Composite(matte * drawn[:, :3] + (1 - matte) * conditioning.plate, matte)


class OverWarp(Staging):
    """The generator refines a person drawn from references: it repaints what it does not trust and mends the matte."""

    output_channels = 7
    guided = True
    paints_background = False

    def compose(self, drawn: Tensor, conditioning: Conditioning) -> Composite:
        """See Staging. Channels of the output: colour, trust in the guide, what is added to its matte, its shift."""
        person, matte = _repaint(conditioning, drawn)
        frame = matte * person + (1 - matte) * conditioning.plate
        return Composite(frame, matte, torch.cat([person, find_shift(drawn[:, 5:7])], dim=1))

    def start(self, generator: nn.Module) -> None:
        """See Staging: at first the guide is trusted and the matte is its own."""
        last = [module for module in generator.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)][-1]
        assert last.bias is not None
        with torch.no_grad():
            last.weight.mul_(START_SHARE)
            trust = len(last.bias) // self.output_channels  # the refiner has four pixels in each channel
            last.bias[3 * trust : 4 * trust] = START_TRUST


class WithinFrame(OverWarp):
    """As `OverWarp` where there is no background to lay anybody over: all around the person is the generator's."""

    paints_background = True

    def compose(self, drawn: Tensor, conditioning: Conditioning) -> Composite:
        """See Staging."""
        return Composite(_repaint(conditioning, drawn)[0], None)


def _repaint(conditioning: Conditioning, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Colours (B, 3, H, W) and matte (B, 1, H, W) from a guide and what the generator has to say to it."""
    assert conditioning.guide is not None
    moved = shift(conditioning.guide[:, :4], drawn[:, 5:7])
    warped, alpha = moved[:, :3], moved[:, 3:]
    trust = alpha * (drawn[:, 3:4] + 1) / 2
    return trust * warped + (1 - trust) * drawn[:, :3], (alpha + drawn[:, 4:5]).clamp(0, 1)


def shift(pictures: Tensor, by: Tensor) -> Tensor:
    """(B, C, H, W) pictures whose parts are moved a little: what a body leaves to be aligned, cloth above all.

    Args:
        pictures: (B, C, H, W); beyond the border they repeat their edge.
        by: (B, 2, H, W) in [-1, 1], right and down, of `MAX_SHIFT` of the height; averaged over `SHIFT_CELL` px, as
            neighbours move together.
    """
    H, W = pictures.shape[2:]
    flow = find_shift(by)
    x, y = (torch.arange(count, device=by.device, dtype=by.dtype) for count in (W, H))
    grid = torch.stack([(2 * (x - flow[:, 0]) + 1) / W - 1, (2 * (y[:, None] - flow[:, 1]) + 1) / H - 1], dim=-1)
    return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def find_shift(by: Tensor) -> Tensor:
    """(B, 2, H, W) px by which `shift` moves what lies where, from the same."""
    H, W = by.shape[2:]
    coarse = F.avg_pool2d(by, SHIFT_CELL, SHIFT_CELL)
    return F.interpolate(coarse, size=(H, W), mode="bilinear", align_corners=False) * (MAX_SHIFT * H)


STAGINGS: Final[dict[Background, type[Staging]]] = {
    "frame": Staging,
    "plate": OverPlate,
    "warp": OverWarp,
    "frame_around_warp": WithinFrame,
}
"""Each takes how poses are drawn and whether it is temporal."""
