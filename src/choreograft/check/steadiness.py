"""Whether the camera stands still and the background with it.

What is left of the camera's path (video/camera_watch.py) without its slow part is shaking. For the background, some
frames spread over the clip are laid over the first one and compared.

Shapes: T frames, N sampled frames, H, W pixels of the picture that is looked at, h, w of the smaller samples.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.config import CheckConfig
from choreograft.video.camera_watch import CameraWatch

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

_SAMPLE_HEIGHT_PX: Final = 128
_OFTEN_FREE: Final = 0.2
"""Share of the samples in which a pixel must be free of the person to be judged."""
_OFTEN_CHANGED: Final = 0.1
"""Share of its free samples in which a pixel must differ to count as changing."""


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
