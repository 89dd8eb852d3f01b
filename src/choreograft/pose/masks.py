"""Person masks of a whole clip, each packed as a PNG: a 5-minute clip takes megabytes, not gigabytes."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.errors import FileFormatError
from choreograft.video.size import Size

LONG_SIDE_PX = 512
"""Masks are kept at this size at most; the estimator's own are computed at 256x256."""


@dataclass(frozen=True)
class MaskSequence:
    """T soft masks, (h, w) uint8, 255 = person, decoded one at a time.

    `packed` holds all PNG files one after another; mask t lies at `starts[t]:starts[t + 1]`, empty where there is none.
    """

    size: Size
    packed: NDArray[np.uint8]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, t: int) -> NDArray[np.uint8]:
        """Mask t, (h, w) uint8; all zero where nobody was seen.

        Raises:
            FileFormatError: it is no picture of that size.
        """
        blob = self.packed[self.starts[t] : self.starts[t + 1]]
        if len(blob) == 0:
            return np.zeros((self.size.height, self.size.width), np.uint8)
        mask = cv2.imdecode(blob, cv2.IMREAD_GRAYSCALE)
        if mask is None or mask.shape != (self.size.height, self.size.width):
            raise FileFormatError(f"found a damaged mask, of frame {t}; expected {self.size} px; make the track again")
        return np.asarray(mask, dtype=np.uint8)

    def select(self, indices: Sequence[int] | NDArray[np.intp]) -> "MaskSequence":
        """The masks at `indices`, in that order."""
        blobs = [self.packed[self.starts[t] : self.starts[t + 1]] for t in indices]
        return MaskSequence.from_blobs(self.size, blobs)

    @staticmethod
    def checked(size: Size, packed: NDArray[np.uint8], starts: NDArray[np.int64]) -> "MaskSequence":
        """What a file says is one.

        Raises:
            ValueError: the masks do not lie one after another.
        """
        whole = starts.ndim == packed.ndim == 1 and len(starts) and starts[0] == 0 and starts[-1] == len(packed)
        if not whole or (np.diff(starts) < 0).any():
            raise ValueError(f"masks that do not fill their {packed.size} bytes")
        return MaskSequence(size, packed, starts)

    @staticmethod
    def size_for(frame: Size) -> Size:
        """The size at which masks of a frame are kept."""
        shrink = min(1.0, LONG_SIDE_PX / max(frame))
        return Size(max(1, round(frame.width * shrink)), max(1, round(frame.height * shrink)))

    @staticmethod
    def pack(mask: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
        """One mask (h, w) uint8 as the bytes that `from_blobs` takes, resized to `size`."""
        if (mask.shape[1], mask.shape[0]) != tuple(size):
            mask = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        _, blob = cv2.imencode(".png", mask, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        return np.asarray(blob, dtype=np.uint8).ravel()

    @staticmethod
    def from_blobs(size: Size, blobs: Sequence[NDArray[np.uint8]]) -> "MaskSequence":
        """Join packed masks; an empty array stands for a frame without one."""
        starts = np.concatenate([[0], np.cumsum([len(blob) for blob in blobs])]).astype(np.int64)
        packed = np.concatenate([np.zeros(0, np.uint8), *blobs])
        return MaskSequence(size, packed, starts)
