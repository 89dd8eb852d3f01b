"""What the pictures of a clip are like: one streaming pass over its frames with the person's track beside it.

Shapes: T frames, L limbs, H, W pixels of the measured picture (at most `CheckConfig.measured_height_px` tall).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.check.steadiness import Background, BackgroundWatch, CameraPath
from choreograft.config import CheckConfig
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, silent
from choreograft.video.camera_watch import CameraWatch
from choreograft.video.read import read_frames
from choreograft.video.sharpness import Gradients
from choreograft.video.size import Canvas, Size, scale_to_height

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

THUMBNAILS: Final = 12
_THUMBNAIL_PX: Final = 160
_REACH: Final = 0.05
"""Of the body height: how far beyond the mask clothes, hair, shadow and a mask's error reach."""
_OUTLINE: Final = 0.015
"""Of the body height: how far on either side of the mask's edge the person's is looked for."""
_LIMB_WIDTH: Final = 0.09
"""Of the body height."""
_FEWEST_SLOW: Final = 5
"""Frames in which a limb must be slow for its edges to be known."""
_FULL: Final = 252
"""Level from which a channel has no detail left; two of three that are full are too much light, one may be a colour."""


@dataclass(frozen=True)
class Limb:
    """A limb that can be fast: the line along it, and the joint whose speed counts."""

    name: str
    joints: tuple[int, int]
    """From the body outwards; the outer one's speed is the limb's."""


LIMBS: Final = (
    Limb("left arm", (skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST)),
    Limb("right arm", (skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST)),
    Limb("left leg", (skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE)),
    Limb("right leg", (skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE)),
)


def limb_speed(track: PoseTrack) -> Floats:
    """How fast the end of each limb moves across the picture: (T, L) px a second, NaN where unknown and beside cuts."""
    ends = track.xy[:, [limb.joints[1] for limb in LIMBS]].astype(np.float64)  # (T, L, 2)
    usable = np.stack([np.isfinite(track.xy[:, list(limb.joints)]).all((1, 2)) for limb in LIMBS], axis=1)
    if len(track) < 3:
        return np.full(usable.shape, np.nan)
    cut = np.diff(track.shot) != 0
    usable[:-1][cut] = usable[1:][cut] = False
    speed = np.linalg.norm(np.gradient(ends, track.time_s, axis=0), axis=-1)
    return np.where(usable, speed, np.nan)


@dataclass(frozen=True)
class Footage:
    """What was seen in the pictures; NaN where there was nothing to measure."""

    time_s: Floats
    """(T,)"""
    blur_px: Floats
    """(T,) blur of the person, standard deviation, px of the measured picture."""
    background_blur_px: Floats
    """(T,) the same of the background."""
    smear: Floats
    """(T, L) share of a limb's edges that its motion takes, see `lost_edges`; NaN while it is not fast."""
    light: Floats
    """(T,) grey level that the person's brightest tenth reaches."""
    clipped: Floats
    """(T,) share of the person with two of three colour channels at their end."""
    background_light: Floats
    """(T,) mean grey level of the background."""
    flicker: Floats
    """(T,) how much brighter or darker the background is than in the frame before, %."""
    camera: CameraPath
    background: Background
    thumbnails: tuple[tuple[float, Image], ...]
    """Some frames spread over the clip, with their times."""


def watch_footage(
    video: Path, track: PoseTrack, body_px: float, config: CheckConfig, progress: Progress = silent
) -> Footage:
    """Measure a clip.

    Args:
        video: the clip. track: of its person, cleaned. body_px: that person's upright height, px of the video.
    Raises:
        VideoError: the clip cannot be read.
    """
    observer = _Observer(track, body_px, config)
    with progress.task(f"measuring {video.name}", len(track)) as advance:
        for frame, _ in zip(read_frames(video), range(len(track)), strict=False):
            observer.add(frame.index, frame.time_s, frame.image)
            advance(frame.index + 1)
    return observer.conclude()


class _Observer:
    """Everything that is counted while the frames go by."""

    def __init__(self, track: PoseTrack, body_px: float, config: CheckConfig) -> None:
        height = min(track.size.height, config.measured_height_px)
        self.size = Size(max(1, round(track.size.width * height / track.size.height)), height)
        self.track, self.masked = track.on_canvas(self.size), track.masked
        self.body_px = max(1.0, body_px * height / track.size.height)
        self.config = config
        T = len(track)
        self.speed = limb_speed(self.track) / self.body_px  # (T, L)
        self.series = {name: np.full(T, np.nan) for name in ("blur", "behind", "light", "clipped", "background_light")}
        self.strength = np.full((T, len(LIMBS)), np.nan)
        self.camera, self.background = CameraWatch(), BackgroundWatch(T, config)
        self.shown = set(np.linspace(0, T - 1, min(T, THUMBNAILS)).round().astype(int).tolist())
        self.thumbnails: list[tuple[float, Image]] = []

    def add(self, t: int, time_s: float, image: Image) -> None:
        """Measure frame t."""
        if t in self.shown:
            self.thumbnails.append((time_s, scale_to_height(image, min(_THUMBNAIL_PX, image.shape[0]))))
        picture = Canvas(self.track.size, self.size).place_image(_shrink(image, self.size))
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        person = self._person(t)
        free = _spread(person, _REACH * self.body_px) == 0
        free_mask = free.astype(np.uint8) * 255
        self.camera.add(grey, free_mask)
        self.background.add(grey, free_mask, self.camera.pose)
        if free.any():
            self.series["background_light"][t] = float(grey[free].mean())
        gradients = Gradients.of(grey.astype(np.float32))
        self.series["behind"][t] = gradients.blur_px(free.astype(np.float32))
        if person.any():
            self._add_person(t, picture, grey, person, gradients)

    def conclude(self) -> Footage:
        """All of it."""
        series = self.series
        return Footage(
            time_s=self.track.time_s,
            blur_px=series["blur"],
            background_blur_px=series["behind"],
            smear=lost_edges(self.strength, self.speed, self.config),
            light=series["light"],
            clipped=series["clipped"],
            background_light=series["background_light"],
            flicker=100 * np.abs(np.log(self.camera.brightening)),
            camera=CameraPath.of(self.camera, self.track.time_s, self.size.height, self.config),
            background=self.background.conclude(),
            thumbnails=tuple(self.thumbnails),
        )

    def _person(self, t: int) -> Image:
        """(H, W) 255 = person: the mask, or the joints' box where there is none."""
        if not self.track.present[t]:
            return np.zeros((self.size.height, self.size.width), np.uint8)
        if self.track.masks is not None and self.masked[t]:
            mask = cv2.resize(self.track.masks[t], self.size, interpolation=cv2.INTER_LINEAR)
            return np.where(mask >= 128, np.uint8(255), np.uint8(0))
        box = np.zeros((self.size.height, self.size.width), np.uint8)
        seen = self.track.xy[t][np.isfinite(self.track.xy[t]).all(-1)]
        left, top, right, bottom = np.round([*seen.min(0), *seen.max(0)]).astype(int)
        box[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = 255
        return box

    def _add_person(self, t: int, picture: Image, grey: Image, person: Image, gradients: Gradients) -> None:
        inside = person > 0
        levels = grey[inside]
        self.series["light"][t] = float(np.percentile(levels, 90))
        self.series["clipped"][t] = float((np.median(picture[inside], axis=1) >= _FULL).mean())
        # the outline is the one edge that every person has; a pattern inside of it reads sharp at any blur
        reach = max(3.0, _OUTLINE * self.body_px)
        outlined = _spread(person, reach) > 0
        outline = outlined & (_spread(255 - person, reach) > 0)
        self.series["blur"][t] = gradients.blur_px(outline.astype(np.float32))
        for limb in np.flatnonzero(self.speed[t] >= 0):
            self.strength[t, limb] = gradients.strength(self._limb(t, int(limb)))

    def _limb(self, t: int, limb: int) -> NDArray[np.float32]:
        """(H, W) 1 on the outer half of a limb and as much beyond: hand or foot, which are the fastest."""
        inner, outer = self.track.xy[t, list(LIMBS[limb].joints)] - 0.5  # OpenCV counts from pixel centres
        line = np.round(((inner + outer) / 2, outer + (outer - inner) / 2)).astype(np.int32)
        area = np.zeros((self.size.height, self.size.width), np.uint8)
        cv2.polylines(area, [line], False, 255, max(3, round(_LIMB_WIDTH * self.body_px)))
        return (area > 0).astype(np.float32)


def lost_edges(strength: Floats, speed: Floats, config: CheckConfig) -> Floats:
    """How much of each limb's edges motion takes: 1 - their strength while it is fast over that while it is slow.

    Args:
        strength: (T, L) mean squared gradients about each limb. speed: (T, L) of each limb, body heights a second.
    Returns:
        (T, L) share lost, NaN where a limb is not fast, or is never slow and so has nothing to compare with.
    """
    lost = np.full(strength.shape, np.nan)
    for limb in range(strength.shape[1]):
        known = np.isfinite(strength[:, limb])
        slow, fast = known & (speed[:, limb] < config.slow), known & (speed[:, limb] > config.fast)
        if slow.sum() >= _FEWEST_SLOW:
            usual = max(float(np.median(strength[slow, limb])), 1e-6)
            lost[fast, limb] = 1 - strength[fast, limb] / usual
    return lost


def _shrink(image: Image, size: Size) -> Image:
    if image.shape[0] <= size.height:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _spread(mask: Image, by_px: float) -> Image:
    reach = max(1, round(by_px))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask, kernel), dtype=np.uint8)
