"""Whether the camera stands still and the background with it: corners beside the person, followed from frame to frame.

The step between two frames is the similarity (shift, turn, zoom) that most corners agree on (RANSAC), so that a
passer-by or a scrolling text does not pass for the camera. Steps add up to a path; what is left of it without its slow
part is shaking. For the background, some frames spread over the clip are laid over the first one and compared.

Shapes: T frames, N sampled frames, H, W pixels of the picture that is looked at, h, w of the smaller samples.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.config import CheckConfig

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
_SAMPLE_HEIGHT_PX: Final = 128
_OFTEN_FREE: Final = 0.2
"""Share of the samples in which a pixel must be free of the person to be judged."""
_OFTEN_CHANGED: Final = 0.1
"""Share of its free samples in which a pixel must differ to count as changing."""


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


@dataclass(frozen=True)
class CameraPath:
    """How the camera moved, in % of the picture's height."""

    shake: Floats
    """(T,) distance of each frame from the path's slow part."""
    drift: Floats
    """(T,) distance of the slow part from where it began."""
    known: NDArray[np.bool_]
    """(T,) whether there were corners to tell; the first frame counts as known."""

    @staticmethod
    def of(watch: CameraWatch, time_s: Floats, height_px: int, config: CheckConfig) -> "CameraPath":
        """The path of a camera that was watched to the end."""
        path = np.stack(watch.places)  # (T, 5, 2)
        slow = np.stack([path[_about(time_s, t, config.steady_span_s)].mean(0) for t in range(len(path))])
        known = np.array([*watch.known[1:2], *watch.known[1:]] or [False])  # nothing leads to the first frame
        to_percent = 100 / height_px
        return CameraPath(
            np.linalg.norm(path - slow, axis=-1).max(-1) * to_percent,
            np.linalg.norm(slow - slow[0], axis=-1).max(-1) * to_percent,
            known,
        )


class BackgroundWatch:
    """Collects frames of the clip, laid over the first one, to see what of the background stays as it is."""

    def __init__(self, frames: int, config: CheckConfig) -> None:
        self._wanted = set(np.linspace(0, frames - 1, min(frames, config.background_samples)).round().astype(int))
        self._index = 0
        self._pictures: list[Image] = []
        self._free: list[NDArray[np.bool_]] = []
        self._config = config

    def add(self, grey: Image, free: Image, pose: Floats) -> None:
        """Take the next frame (H, W), where no person is (H, W), and the camera's pose there."""
        if self._index in self._wanted:
            height, width = grey.shape
            turned_back = np.linalg.inv(pose)[:2]
            laid, open_ = (cv2.warpAffine(image, turned_back, (width, height)) for image in (grey, free))
            size = (max(1, round(width * _SAMPLE_HEIGHT_PX / height)), _SAMPLE_HEIGHT_PX)
            small, small_free = (cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (laid, open_))
            self._pictures.append(np.asarray(small, dtype=np.uint8))
            self._free.append(np.asarray(small_free == 255))
        self._index += 1

    def conclude(self) -> "Background":
        """What was seen; each frame's brightness is first brought to that of the others."""
        free = np.stack(self._free)  # (N, h, w)
        changed = np.zeros(free.shape[1:], np.uint8)
        often = free.mean(0) >= _OFTEN_FREE
        if not often.any():
            return Background(float("nan"), changed > 0)
        pictures = np.where(free, np.stack(self._pictures).astype(np.float32), np.nan)[:, often]  # (N, pixels)
        usual = np.nanmedian(pictures, axis=0)
        gain = _row_medians((pictures + 1) / (usual + 1))
        differs = np.abs(pictures / gain[:, None] - usual) > self._config.background_levels
        changed[often] = differs.sum(0) > _OFTEN_CHANGED * free[:, often].sum(0)
        changed = np.asarray(cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), dtype=np.uint8)
        return Background(float(changed.sum() / often.sum()), changed > 0)


@dataclass(frozen=True)
class Background:
    """What of the background stays as it is."""

    changing: float
    """Share of the pixels beside the person that change over the clip; NaN if there are none."""
    changed: NDArray[np.bool_]
    """(h, w) which pixels change."""

    def describe_place(self) -> str:
        """Where in the picture most of the change is, in words."""
        rows, columns = np.nonzero(self.changed)
        if not len(rows):
            return "nowhere"
        y, x = np.median(rows) / self.changed.shape[0], np.median(columns) / self.changed.shape[1]
        down = "at the top" if y < 1 / 3 else "at the bottom" if y > 2 / 3 else ""
        across = "on the left" if x < 1 / 3 else "on the right" if x > 2 / 3 else ""
        return " ".join(word for word in (down, across) if word) or "around the middle"


def _find_brightening(before: Image, free_before: Image, grey: Image, free: Image) -> float:
    """Ratio of the brightness of what is free of the person in both frames."""
    both = cv2.bitwise_and(free_before, free)
    return max(cv2.mean(grey, both)[0], 1.0) / max(cv2.mean(before, both)[0], 1.0)


def _follow(before: Image, after: Image, corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """(K, 1, 2) where the corners of one picture are in another, NaN for those lost."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, np.zeros_like(corners), winSize=(15, 15))
    known = np.asarray(found).astype(bool)[..., None]
    return np.where(known, np.asarray(there), np.nan).astype(np.float32)


def _row_medians(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) of (N, K); 1 where a row holds nothing."""
    medians = np.ones(len(values), np.float32)
    filled = np.isfinite(values).any(1)
    medians[filled] = np.nanmedian(values[filled], axis=1)
    return medians


def _about(time_s: Floats, t: int, span_s: float) -> slice:
    """The frames within half of `span_s` before and after frame t."""
    off_s = np.abs(time_s - time_s[t])
    near = np.flatnonzero(off_s <= span_s / 2 + 1e-6)  # times are rounded
    return slice(int(near[0]), int(near[-1]) + 1)


def _move_frame(pose: Floats, width: int, height: int) -> Floats:
    """(5, 2) the centre and the corners of the first frame under a pose."""
    points = np.array([(0.5, 0.5), (0, 0), (1, 0), (0, 1), (1, 1)]) * (width, height)
    return np.asarray(points @ pose[:2, :2].T + pose[:2, 2])
