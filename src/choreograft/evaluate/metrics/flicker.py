"""Flicker: change from frame to frame that the true motion does not explain, in grey levels of 255.

The frame before is moved along the true motion and taken from the frame: what is left changed without moving. With a
true video its own remainder (noise, light, what the flow gets wrong) is taken off, so the truth scores 0 and a still
picture does not win: it lacks the change that the truth has. This is the warping error of Lai et al. 2018, "Learning
Blind Video Temporal Consistency", section 4.2, with the truth's flow, and relative to the truth's own error.

All of that asks for the truth's motion in the truth's places: a result that is a little elsewhere fails it, be it as
steady as the real video. How steady it is in itself, its own flow says: what changes beside that, and how evenly that
goes on from frame to frame.

Shapes: H x W pixels.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

_EXPLAINED: Final = 16.0
"""Grey levels by which the truth may differ from its moved frame before; more means that the flow is wrong there, or
that something came into view that no motion can bring."""
_ROUND_TRIP_PX: Final = 1.5
"""How far a pixel may end from its start when it follows the flow back and forth; farther means occlusion."""


@dataclass(frozen=True)
class Motion:
    """Where every pixel of a frame was in the frame before."""

    flow: Floats
    """(H, W, 2) px, from a pixel's place now to its place before."""
    trusted: NDArray[np.bool_]
    """(H, W) where the flow explains the video."""
    remainder: Floats
    """(H, W, 3) grey levels of the video that its flow does not explain."""


class MotionSearch:
    """Finds the motion of a video by dense inverse search flow (Kroeger et al. 2016)."""

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def between(self, before: Image, now: Image) -> Motion:
        """The motion from one frame (H, W, 3) to the next."""
        grey_before, grey_now = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (before, now))
        back, forth = self._flow(grey_now, grey_before), self._flow(grey_before, grey_now)
        remainder = now - warp(before, back)
        returned = back + warp(forth, back)
        trusted = np.linalg.norm(returned, axis=-1) <= _ROUND_TRIP_PX
        return Motion(back, trusted & (np.abs(remainder).max(axis=-1) <= _EXPLAINED), remainder)

    def _flow(self, start: NDArray[Any], end: NDArray[Any]) -> Floats:
        """(H, W, 2) from each pixel of a grey picture to its place in the other."""
        flow = np.zeros((*start.shape, 2), np.float32)
        return np.asarray(self._search.calc(start, end, flow), dtype=np.float32)


def unexplained_change(before: Image, now: Image, motion: Motion) -> Floats:
    """(H, W) change from one frame of a result (H, W, 3) to the next beside the motion, the mean of the channels.

    Grey levels; NaN where the motion is not trusted.
    """
    change = np.abs(now - warp(before, motion.flow) - motion.remainder).mean(axis=-1)
    return np.where(motion.trusted, change, np.nan).astype(np.float32)


def own_change(before: Image, now: Image, motion: Motion) -> tuple[Floats, Floats]:
    """(H, W) the change of a result (H, W, 3) beside the motion, and that of the truth, each the mean of the channels.

    Grey levels; NaN where the motion is not trusted. This is Lai's error itself: unlike `unexplained_change` it does
    not ask that both change alike, only how much the result changes.
    """
    changes = now - warp(before, motion.flow), motion.remainder
    ours, true = (np.where(motion.trusted, np.abs(c).mean(axis=-1), np.nan).astype(np.float32) for c in changes)
    return ours, true


def change_of_motion(before: Motion, now: Motion) -> Floats:
    """(H, W) px by which each pixel's step differs from its step before; NaN where a step is not trusted.

    Args:
        before: of the step that ended where `now` begins.
    """
    changed = np.linalg.norm(now.flow - warp(before.flow, now.flow), axis=-1)
    known = now.trusted & (warp(before.trusted.astype(np.float32), now.flow) > 0.99)
    return np.where(known, changed, np.nan).astype(np.float32)


def warp(image: NDArray[Any], flow: Floats) -> Floats:
    """A picture (H, W) or (H, W, C) fetched from where `flow` (H, W, 2) points, float32; the border repeats."""
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    at = (columns + flow[..., 0], rows + flow[..., 1])
    warped = cv2.remap(image.astype(np.float32), *at, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, dtype=np.float32)
