"""How a camera moved: corners beside the person, followed from frame to frame.

The step between two frames is the similarity (shift, turn, zoom) that most corners agree on (RANSAC), so that a
passer-by or a scrolling text does not pass for the camera. Steps add up to a path.

Shapes: H, W pixels of the picture that is looked at.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

_CORNERS: Final = 240
_FEWEST: Final = 12
"""Corners that have to agree for a step to be believed."""
_RANSAC_PX: Final = 0.7
_ASTRAY_PX: Final = 0.5
"""A corner that, followed there and back, ends farther from its beginning was lost."""
_FAINTEST: Final = 0.003
"""Of the clearest corner's strength: plain walls have faint ones only, and they count as much as a patterned dress."""
_STILL_PX: Final = 0.5
_STILL_SHARE: Final = 0.35
"""Of the corners: where as many stand still, the camera does."""


class CameraWatch:
    """Follows the camera through a clip, frame after frame."""

    def __init__(self) -> None:
        self._before: tuple[Image, Image] | None = None
        self._corners: NDArray[np.float32] = np.zeros((0, 1, 2), np.float32)
        self.pose: Floats = np.eye(3)
        """(3, 3) takes the first frame's pixels to the newest one's."""
        self.places: list[Floats] = []
        """Where the first frame's centre and corners (5, 2) are in each frame, px."""
        self.known: list[bool] = []
        """Whether the step to each frame could be measured."""
        self.brightening: list[float] = []
        """How much brighter the background is than in the frame before; 1 = as bright."""

    def add(self, grey: Image, free: Image) -> None:
        """Take the next frame (H, W) and where no person is in it (H, W), 255 = free."""
        self.brightening.append(1.0 if self._before is None else _find_brightening(*self._before, grey, free))
        step = None if self._before is None else self._find_step(self._before[0], grey)
        self.known.append(step is not None)
        if step is not None:
            self.pose = step @ self.pose
        self.places.append(_move_frame(self.pose, grey.shape[1], grey.shape[0]))
        self._before = grey, free
        corners = cv2.goodFeaturesToTrack(grey, _CORNERS, _FAINTEST, max(6, grey.shape[0] // 32), mask=free)
        self._corners = np.zeros((0, 1, 2), np.float32) if corners is None else corners.astype(np.float32)

    def _find_step(self, before: Image, grey: Image) -> Floats | None:
        """(3, 3) from the frame before to this one; None where too few corners agree."""
        if len(self._corners) < _FEWEST:
            return None
        # a step of the exposure moves nothing
        even = np.asarray(cv2.convertScaleAbs(grey, alpha=1 / self.brightening[-1]), dtype=np.uint8)
        there = _follow(before, even, self._corners)
        astray_px, moved_px = (
            np.linalg.norm(places - self._corners, axis=-1).ravel() for places in (_follow(even, before, there), there)
        )
        honest = astray_px < _ASTRAY_PX
        still = honest & (moved_px < _STILL_PX)
        if still.sum() > _STILL_SHARE * honest.sum():  # somebody may walk before a camera that stands
            honest = still
        if honest.sum() < _FEWEST:
            return None
        step, agree = cv2.estimateAffinePartial2D(
            self._corners[honest], there[honest], method=cv2.RANSAC, ransacReprojThreshold=_RANSAC_PX
        )
        if step is None or agree.sum() < _FEWEST:
            return None
        return np.vstack([step, (0, 0, 1)])


def _find_brightening(before: Image, free_before: Image, grey: Image, free: Image) -> float:
    """Ratio of the brightness of what is free of the person in both frames."""
    both = cv2.bitwise_and(free_before, free)
    return max(cv2.mean(grey, both)[0], 1.0) / max(cv2.mean(before, both)[0], 1.0)


def _follow(before: Image, after: Image, corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, 1, 2) where the corners of one picture are in another, NaN for those lost."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, np.zeros_like(corners), winSize=(15, 15))
    known = np.asarray(found).astype(bool)[..., None]
    return np.where(known, np.asarray(there), np.nan).astype(np.float32)


def _move_frame(pose: Floats, width: int, height: int) -> Floats:
    """(5, 2) the centre and the corners of the first frame under a pose."""
    points = np.array([(0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1)]) * (width, height)
    return np.asarray(points @ pose[:2, :2].T + pose[:2, 2])
