"""One sample of a training step: two consecutive real frames with all that their drawing is given and judged by.

Shapes: B = 1, H x W pixels.
"""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from choreograft.performer.networks.halve import halve
from choreograft.performer.region import Region
from choreograft.performer.staging import Conditioning

IMAGES_PER_PAIR: Final = 2


@dataclass(frozen=True)
class TrainingFrame:
    """One real frame with all that its drawing is given and judged by."""

    conditioning: Conditioning
    real: Tensor
    """(1, 3, H, W) in [-1, 1]."""
    mask: Tensor
    """(1, 1, H, W) in [0, 1]."""

    def to(self, device: torch.device) -> "TrainingFrame":
        """The same on another device."""
        return TrainingFrame(self.conditioning.to(device), self.real.to(device), self.mask.to(device))

    def crop(self, region: Region) -> "TrainingFrame":
        """The same of a part of the canvas."""
        return TrainingFrame(self.conditioning.crop(region), region.crop(self.real), region.crop(self.mask))

    def halve(self) -> "TrainingFrame":
        """The same at half the size, as a coarse generator sees it."""
        return TrainingFrame(self.conditioning.halve(), halve(self.real), halve(self.mask))


TrainingPair = tuple[TrainingFrame, TrainingFrame]
"""The frames t - 1 and t of the method."""
