"""Square, turned cut-outs of a frame around a head or a hand, for models that see nothing in a full-length picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Crop:
    """A square of the frame, resampled to a picture of `out_px` a side; beyond the frame its edge repeats."""

    centre: NDArray[np.float32]
    """(2,) px of the frame."""
    side_px: float
    """Of the square, in px of the frame."""
    up: NDArray[np.float32]
    """(2,) direction in the frame that points up in the crop; (0, -1) turns nothing."""
    out_px: int = 256

    def __post_init__(self) -> None:
        if not (self.side_px > 0 and np.linalg.norm(self.up) > 0):
            raise ValueError(f"a crop of side {self.side_px} and direction {self.up}; expected both above zero")

    @property
    def _turn(self) -> NDArray[np.float64]:
        """(2, 2) from frame to crop directions, scale included."""
        x, y = self.up / np.linalg.norm(self.up)
        return np.array([[-y, x], [-x, -y]]) * self.out_px / self.side_px

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The crop of a frame (H, W, 3), as (out_px, out_px, 3)."""
        # pixel centres lie at integers + 0.5 for us and at integers for OpenCV
        shift = self.out_px / 2 - self._turn @ (self.centre - 0.5) - 0.5
        matrix = np.column_stack([self._turn, shift])
        size = (self.out_px, self.out_px)
        cut = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cut, dtype=np.uint8)

    def to_frame(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points of the crop (N, 2), 0..1 of its side, in px of the frame."""
        centred = (points - 0.5) * self.out_px
        return np.asarray(centred @ np.linalg.inv(self._turn).T + self.centre, dtype=np.float32)
