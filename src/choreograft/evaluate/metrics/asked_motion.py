"""The motion that a pose track asks for, pixel by pixel: what flicker is measured against where no true video exists.

Shapes: T frames, L limbs, H x W pixels, h x w blocks of them.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.metrics.flicker import Motion
from choreograft.evaluate.metrics.regions import BODY_SEEN, upright_height
from choreograft.pose import skeleton
from choreograft.pose.head import head_middle
from choreograft.pose.track import PoseTrack
from choreograft.video.size import Size

Floats = NDArray[np.float32]

_LIMB_RADIUS: Final = 0.05
"""Half the width of a limb in body heights; what is nearer to its line moves with it."""
_TRUNK_RADIUS: Final = 0.1
"""The same for trunk and head."""
_FADE: Final = 0.05
"""Body heights over which the motion fades to none beyond the limb: clothes and hair go along, the room does not."""
_SHRINK: Final = 4
"""The motion is worked out on every fourth pixel each way: it changes slowly across the picture."""
_SHORTEST_PX: Final = 1.0
"""A limb that points at the camera has no direction to turn by."""
_LIMBS: Final = tuple(pair for pair in skeleton.BODY_LIMBS if not set(pair) & set(skeleton.HEAD))


class AskedMotion:
    """The motion that a pose track asks for: every pixel goes with the limb it is nearest to, the room stands still.

    Coarser than the flow of a true video: it knows no clothes, no hair and no thickness of limbs, and nothing is taken
    off for what it gets wrong. Its values compare between results of the same motion, and with nothing else.
    """

    def __init__(self, asked: PoseTrack) -> None:
        """Of a track in the result's pixels."""
        height_px = upright_height(asked)
        self.size = asked.size
        self._limbs = _limb_ends(np.where(asked.seen(BODY_SEEN)[..., None], asked.xy, np.nan))
        radius = [_LIMB_RADIUS] * len(_LIMBS) + [_TRUNK_RADIUS] * (self._limbs.shape[1] - len(_LIMBS))
        self._radius_px = (np.array(radius) * height_px).astype(np.float32)
        self._fade_px = np.float32(_FADE * height_px)

    def between(self, t: int) -> Motion:
        """The motion from frame t - 1 to frame t."""
        before, now = self._limbs[t - 1], self._limbs[t]
        known = np.isfinite(before).all(axis=(1, 2)) & np.isfinite(now).all(axis=(1, 2))
        width, height = self.size
        flow = np.zeros((height, width, 2), np.float32)
        if known.any():
            flow = self._follow_limbs(before[known], now[known], self._radius_px[known])
        return Motion(flow, np.ones((height, width), np.bool_), np.zeros((height, width, 3), np.float32))

    def _follow_limbs(self, before: Floats, now: Floats, radius_px: Floats) -> Floats:
        """(H, W, 2) from ends (L, 2, 2) of the limbs in both frames."""
        grid = _grid(self.size)
        share, beside = _nearest_on(now, grid)
        beyond = np.linalg.norm(beside, axis=-1) - radius_px[:, None, None]
        limb = beyond.argmin(axis=0)
        rows, columns = np.indices(limb.shape)
        share, beside, beyond = share[limb, rows, columns], beside[limb, rows, columns], beyond[limb, rows, columns]
        turned = np.einsum("...ij,...j->...i", _turns(now, before)[limb], beside)
        foot = before[limb, 0] + share[..., None] * (before[limb, 1] - before[limb, 0])
        strength = np.clip(1 - beyond / self._fade_px, 0, 1)
        coarse = (foot + turned - grid) * strength[..., None]
        return np.asarray(cv2.resize(coarse.astype(np.float32), self.size, interpolation=cv2.INTER_LINEAR))


def _grid(size: Size) -> Floats:
    """(h, w, 2) centres of the blocks of `_SHRINK` pixels, as `cv2.resize` will lay them."""
    w, h = max(1, round(size.width / _SHRINK)), max(1, round(size.height / _SHRINK))
    x, y = (np.arange(w) + 0.5) * size.width / w, (np.arange(h) + 0.5) * size.height / h
    return np.stack(np.meshgrid(x, y), axis=-1).astype(np.float32)


def _nearest_on(limbs: Floats, grid: Floats) -> tuple[Floats, Floats]:
    """How far along each limb (L, 2, 2) its point nearest to each pixel lies (L, h, w), 0..1; the way from it."""
    start, along = limbs[:, 0, None, None], (limbs[:, 1] - limbs[:, 0])[:, None, None]
    square = np.maximum((along**2).sum(axis=-1), _SHORTEST_PX**2)
    share = np.clip(((grid - start) * along).sum(axis=-1) / square, 0, 1)
    return share, grid - start - share[..., None] * along


def _turns(start: Floats, end: Floats) -> Floats:
    """(L, 2, 2) rotations that turn limbs (L, 2, 2) from their direction at `start` into that at `end`."""
    a, b = start[:, 1] - start[:, 0], end[:, 1] - end[:, 0]
    long = (np.linalg.norm(a, axis=-1) >= _SHORTEST_PX) & (np.linalg.norm(b, axis=-1) >= _SHORTEST_PX)
    angle = np.arctan2(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(axis=-1))
    angle = np.where(long, angle, 0)
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([cosine, -sine, sine, cosine], axis=-1).reshape(-1, 2, 2).astype(np.float32)


def _limb_ends(xy: Floats) -> Floats:
    """(T, L, 2, 2) both ends of every limb, then of trunk and neck; NaN where an end is unseen."""
    shoulders, hips = (xy[:, list(pair)].mean(axis=1) for pair in (skeleton.SHOULDERS, skeleton.HIPS))
    trunk = [np.stack([shoulders, end], axis=1) for end in (hips, head_middle(xy))]
    return np.stack([*(xy[:, list(pair)] for pair in _LIMBS), *trunk], axis=1)
