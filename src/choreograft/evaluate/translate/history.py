"""Old drawn pictures for a discriminator (Shrivastava et al. 2017, "Updating discriminator using a history of images").

A generator that goes back to what it drew before is then still found out. Shapes: B batch, H x W pixels.
"""

import numpy as np
import torch
from torch import Tensor, nn

from choreograft.video.size import Size


class History(nn.Module):
    """Up to `capacity` pictures; buffers, so that they are saved with the networks that learn from them."""

    pictures: Tensor
    """(capacity, 3, H, W) in [-1, 1], float32."""
    stored: Tensor
    """() how many of them are there yet."""

    def __init__(self, capacity: int, size: Size) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(capacity, 3, size.height, size.width))
        self.register_buffer("stored", torch.zeros((), dtype=torch.long))

    def exchange(self, drawn: Tensor, lots: np.random.Generator) -> Tensor:
        """What a discriminator is shown instead of drawn pictures (B, 3, H, W): the same shape, without gradients.

        Until the history is full each is kept and shown. From then on, with probability 1/2, an old one is shown and
        the new one takes its place; otherwise the new one is shown and forgotten.
        """
        return torch.stack([self._exchange_one(picture, lots) for picture in drawn.detach().float()])

    def _exchange_one(self, picture: Tensor, lots: np.random.Generator) -> Tensor:
        capacity, stored = len(self.pictures), int(self.stored)
        if stored < capacity:
            self.pictures[stored] = picture
            self.stored += 1
            return picture
        if not capacity or lots.random() < 0.5:
            return picture
        at = int(lots.integers(capacity))
        old = self.pictures[at].clone()
        self.pictures[at] = picture
        return old
