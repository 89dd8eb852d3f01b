"""Flicker: change from frame to frame that the true motion does not explain, in grey levels of 255.

The frame before is moved along the true motion and taken from the frame: what is left changed without moving. With a
true video its own remainder (noise, light, what the flow gets wrong) is taken off, so the truth scores 0 and a still
picture does not win: it lacks the change that the truth has. This is the warping error of Lai et al. 2018, "Learning
Blind Video Temporal Consistency", section 4.2, with the truth's flow, and relative to the truth's own error.

All of that asks for the truth's motion in the truth's places: a result that is a little elsewhere fails it, be it as
steady as the real video. How steady it is in itself, its own flow says: what changes beside that, and how evenly that
goes on from frame to frame.

Where no true video exists, the motion is the one that a pose track asks for.

Shapes: T frames, L limbs, H x W pixels, h x w blocks of them.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.metrics.regions import BODY_SEEN, upright_height
from choreograft.pose import skeleton
from choreograft.pose.head import head_middle
from choreograft.pose.track import PoseTrack
from choreograft.video.size import Size

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

_EXPLAINED: Final = 16.0
"""Grey levels by which the truth may differ from its moved frame before; more means that the flow is wrong there, or
that something came into view that no motion can bring."""
_ROUND_TRIP_PX: Final = 1.5
"""How far a pixel may end from its start when it follows the flow back and forth; farther means occlusion."""
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


@dataclass(frozen=True)
class Motion:
    """Where every pixel of a frame was in the frame before."""

    flow: Floats
    """(H, W, 2) px, from a pixel's place now to its place before."""
    trusted: NDArray[np.bool_]
    """(H, W) where the flow explains the video."""
    remainder: Floats
    """(H, W, 3) grey levels of the video that its flow does not explain."""

    @property
    def change(self) -> Floats:
        """(H, W) how much the video changes beside its motion, the mean of the channels, grey levels; NaN untrusted."""
        return self.where_trusted(np.abs(self.remainder).mean(axis=-1))

    def where_trusted(self, values: Floats) -> Floats:
        """The values (H, W), NaN where the flow is not trusted."""
        return np.where(self.trusted, values, np.nan).astype(np.float32)


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
    return motion.where_trusted(np.abs(now - warp(before, motion.flow) - motion.remainder).mean(axis=-1))


def own_change(before: Image, now: Image, motion: Motion) -> Floats:
    """(H, W) the change of a result (H, W, 3) beside the motion, the mean of the channels.

    Grey levels; NaN where the motion is not trusted. This is Lai's error itself: unlike `unexplained_change` it does
    not ask that result and truth change alike, only how much the result changes.
    """
    return motion.where_trusted(np.abs(now - warp(before, motion.flow)).mean(axis=-1))


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
