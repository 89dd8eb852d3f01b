"""The part of the canvas that the generator works on: where the person is, whatever the picture's width."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from choreograft.video.size import Size

REGION_MARGIN: Final = 0.12
"""Around a person, as a share of the height: hair, cloth, shadows on the floor."""
REGION_STEP: Final = 32
"""Sides are multiples of it, px: few different sizes are prepared faster than many."""


@dataclass(frozen=True)
class Region:
    """A rectangle of the canvas, px."""

    top: int
    left: int
    height: int
    width: int

    @staticmethod
    def whole(size: Size) -> "Region":
        """All of it."""
        return Region(0, 0, size.height, size.width)

    @staticmethod
    def around(places: NDArray[np.floating], size: Size, margin: float, step: int) -> "Region":
        """The smallest one with sides divisible by `step` around points (..., 2) px, as far as the canvas goes.

        Args:
            margin: added on each side, as a share of the points' height.
            step: px; where the canvas ends, a side may be shorter than its multiple.
        """
        known = places.reshape(-1, 2)
        known = known[np.isfinite(known).all(axis=1)]
        if not len(known):
            return Region.whole(size)
        low, high = known.min(axis=0), known.max(axis=0)
        room = margin * (high[1] - low[1])
        left, width = _fit(low[0] - room, high[0] + room, size.width, step)
        top, height = _fit(low[1] - room, high[1] + room, size.height, step)
        return Region(top, left, height, width)

    @staticmethod
    def square(centre: NDArray[np.floating], side: int, size: Size) -> "Region":
        """The square of `side` px about a point (2,) px, moved by as little as it takes to lie on the canvas.

        Args:
            side: no longer than the canvas is wide and high.
        """
        left, top = (
            int(np.clip(round(at - side / 2), 0, limit - side)) for at, limit in zip(centre, size, strict=True)
        )
        return Region(top, left, side, side)

    def crop(self, pictures: Tensor) -> Tensor:
        """(..., H, W) of the canvas to (..., height, width)."""
        return pictures[..., self.top : self.top + self.height, self.left : self.left + self.width]

    def paste(self, pictures: Tensor, canvas: Tensor) -> Tensor:
        """A copy of `canvas` (..., H, W) with pictures (..., height, width) in their place."""
        whole = canvas.expand(*pictures.shape[:-2], *canvas.shape[-2:]).clone()
        self.crop(whole).copy_(pictures)
        return whole


def _fit(low: float, high: float, limit: int, step: int) -> tuple[int, int]:
    """Start and length of the stretch, within 0 and limit, a multiple of step long."""
    low, high = max(0.0, np.floor(low)), min(float(limit), np.ceil(high))
    length = min(limit, int(np.ceil(max(high - low, 1) / step)) * step)
    start = int(np.clip(round((low + high - length) / 2), 0, limit - length))
    return start, length
