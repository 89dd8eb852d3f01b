"""Parts of the canvas: where the generator works, which is where the person is, whatever the picture's width, and where
a face is mended (Chan et al. 2019, "Face GAN"; docs/method.md, section 5).

Shapes: T frames. A face's square has one size for a performer, as their network needs one.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from choreograft.config import FaceConfig, StickFigureConfig
from choreograft.pose.head import face_centre
from choreograft.pose.track import PoseTrack
from choreograft.retarget.normalise import Stance
from choreograft.video.size import Size

REGION_MARGIN: Final = 0.12
"""Around a person, as a share of the height: hair, cloth, shadows on the floor."""
REGION_STEP: Final = 32
"""Sides are multiples of it, px: few different sizes are prepared faster than many."""
LEAST_BLOCKS: Final = 2
"""The fewest px that the innermost layers of a face's network need each way, as they are padded by reflection."""


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

    @staticmethod
    def covering(covers: NDArray[np.bool_], room: int = 0) -> "Region | None":
        """The smallest one around what is covered (h, w), with some room; None where nothing is."""
        x, y, width, height = cv2.boundingRect(covers.astype(np.uint8))
        if not width:
            return None
        top, left = max(0, y - room), max(0, x - room)
        bottom, right = min(covers.shape[0], y + height + room), min(covers.shape[1], x + width + room)
        return Region(top, left, bottom - top, right - left)

    @property
    def at(self) -> tuple[slice, slice]:
        """Its rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def crop(self, pictures: Tensor) -> Tensor:
        """(..., H, W) of the canvas to (..., height, width)."""
        return pictures[..., *self.at]

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


def face_side(stance: Stance, config: FaceConfig) -> int:
    """Side of the square about the face, canvas px: a share of the person's upright height.

    A multiple of what the network asks for, and no longer than the canvas is wide and high.
    """
    step = config.generator.step
    blocks = max(LEAST_BLOCKS, round(config.box * stance.upright_height_px / step))
    return int(step * min(blocks, min(stance.size) // step))


def find_faces(track: PoseTrack, side: int, config: StickFigureConfig) -> list[Region | None]:
    """T squares of `side` px about the face, on the canvas; None where no face is seen.

    A point of the face counts as seen where the stick figure shows it. What lies off the picture is not mended, nor is
    a head that is turned away.

    Args:
        track: in canvas pixels.
    """
    centres = face_centre(track, config.body_threshold)
    with np.errstate(invalid="ignore"):  # NaN lies nowhere
        inside = np.all((centres >= 0) & (centres <= np.asarray(track.size)), axis=-1)
    return [
        Region.square(centre, side, track.size) if shown else None
        for centre, shown in zip(centres, inside.tolist(), strict=True)
    ]
