"""What the pictures of a clip are like: one streaming pass over its frames with the person's track beside it.

Whether the camera stands still is told by its path (video/watch.py): what is left of it without its slow part is
shaking. Whether the background does: some frames spread over the clip are laid over the first one and compared.

Shapes: T frames, L limbs, N sampled frames, H, W pixels of the measured picture (at most `MEASURED_HEIGHT_PX` tall), h,
w of the smaller samples.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, silent
from choreograft.video.read import read_frames
from choreograft.video.sharpness import Gradients
from choreograft.video.size import Canvas, Size, scale_to_height, width_at
from choreograft.video.watch import CameraWatch

Floats = NDArray[np.float64]
Image = NDArray[np.uint8]

LIMBS: Final = {
    "left arm": (skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST),
    "right arm": (skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST),
    "left leg": (skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE),
    "right leg": (skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE),
}
"""What can be fast, from the body outwards: the line along it, and the joint whose speed counts."""
MEASURED_HEIGHT_PX: Final = 512
"""Taller pictures are looked at in this height: finer detail is not learned either."""
_THUMBNAILS: Final = 12
_THUMBNAIL_PX: Final = 160
_REACH: Final = 0.05
"""Of the body height: how far beyond the mask clothes, hair, shadow and a mask's error reach."""
_OUTLINE: Final = 0.015
"""Of the body height: how far on either side of the mask's edge the person's is looked for."""
_LIMB_WIDTH: Final = 0.09
"""Of the body height."""
_FAST, _SLOW = 1.2, 0.3
"""Body heights a second from which a limb counts as fast, and below which it counts as slow."""
_FEWEST_SLOW: Final = 5
"""Frames in which a limb must be slow for its edges to be known."""
_SMEAR_LOST: Final = 0.6
"""Share of a limb's edges that has to be lost to motion for it to count as smeared."""
_FULL: Final = 252
"""Level from which a channel has no detail left; two of three that are full are too much light, one may be a colour."""
_STEADY_SPAN_S: Final = 1.0
"""What is slower than this is drift, what is faster is shaking."""
_SAMPLES: Final = 120
"""Frames that the background is judged by, spread over the clip."""
_SAMPLE_HEIGHT_PX: Final = 128
_CHANGED_LEVELS: Final = 20.0
"""Grey levels from which a background pixel counts as changed."""
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
    def of(watch: CameraWatch, time_s: Floats, height_px: int) -> "CameraPath":
        """The path of a camera that was watched to the end."""
        path = np.stack(watch.places)  # (T, 5, 2)
        half_s = _STEADY_SPAN_S / 2 + 1e-6  # times are rounded
        slow = np.stack([path[np.abs(time_s - now_s) <= half_s].mean(0) for now_s in time_s])
        known = np.array([*watch.known[1:2], *watch.known[1:]] or [False])  # nothing leads to the first frame
        to_percent = 100 / height_px
        return CameraPath(
            np.linalg.norm(path - slow, axis=-1).max(-1) * to_percent,
            np.linalg.norm(slow - slow[0], axis=-1).max(-1) * to_percent,
            known,
        )


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


class BackgroundWatch:
    """Collects frames of the clip, laid over the first one, to see what of the background stays as it is."""

    def __init__(self, frames: int) -> None:
        self._wanted = _spread_over(frames, _SAMPLES)
        self._pictures: list[Image] = []
        self._free: list[NDArray[np.bool_]] = []

    def add(self, t: int, grey: Image, free: Image, pose: Floats) -> None:
        """Take frame t (H, W), where no person is (H, W), and the camera's pose there."""
        if t in self._wanted:
            height, width = grey.shape
            turned_back = np.linalg.inv(pose)[:2]
            laid, open_ = (cv2.warpAffine(image, turned_back, (width, height)) for image in (grey, free))
            size = (max(1, round(width * _SAMPLE_HEIGHT_PX / height)), _SAMPLE_HEIGHT_PX)
            small, small_free = (cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (laid, open_))
            self._pictures.append(np.asarray(small, dtype=np.uint8))
            self._free.append(np.asarray(small_free == 255))

    def conclude(self) -> Background:
        """What was seen; each frame's brightness is first brought to that of the others."""
        free = np.stack(self._free)  # (N, h, w)
        changed = np.zeros(free.shape[1:], np.uint8)
        often = free.mean(0) >= _OFTEN_FREE
        if not often.any():
            return Background(float("nan"), changed > 0)
        pictures = np.where(free, np.stack(self._pictures).astype(np.float32), np.nan)[:, often]  # (N, pixels)
        pictures = pictures[np.isfinite(pictures).any(1)]
        usual = np.nanmedian(pictures, axis=0)
        gain = np.nanmedian((pictures + 1) / (usual + 1), axis=1, keepdims=True)
        differs = np.abs(pictures / gain - usual) > _CHANGED_LEVELS
        changed[often] = differs.sum(0) > _OFTEN_CHANGED * free[:, often].sum(0)
        changed = np.asarray(cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), dtype=np.uint8)
        return Background(float(changed.sum() / often.sum()), changed > 0)


def limb_speed(track: PoseTrack) -> Floats:
    """How fast the end of each limb moves across the picture: (T, L) px a second, NaN where unknown and beside cuts."""
    ends = track.xy[:, [outer for _, outer in LIMBS.values()]].astype(np.float64)  # (T, L, 2)
    usable = np.asarray(np.isfinite(track.xy[:, list(LIMBS.values())]).all((2, 3)))
    if len(track) < 3:
        return np.full(usable.shape, np.nan)
    cut = np.diff(track.shot) != 0
    usable[:-1][cut] = usable[1:][cut] = False
    speed = np.linalg.norm(np.gradient(ends, track.time_s, axis=0), axis=-1)
    return np.where(usable, speed, np.nan)


@dataclass(frozen=True)
class Footage:
    """What was seen in the pictures; NaN where there was nothing to measure."""

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

    @property
    def smeared(self) -> NDArray[np.bool_]:
        """(T, L) whether a limb is."""
        return np.asarray(np.nan_to_num(self.smear) > _SMEAR_LOST)


def watch_footage(video: Path, track: PoseTrack, body_px: float, progress: Progress = silent) -> Footage:
    """Measure a clip.

    Args:
        video: the clip. track: of its person, cleaned. body_px: that person's upright height, px of the video.
    Raises:
        VideoError: the clip cannot be read.
    """
    observer = _Observer(track, body_px)
    with progress.task(f"measuring {video.name}", len(track)) as advance:
        for frame, _ in zip(read_frames(video), range(len(track)), strict=False):
            observer.add(frame.index, frame.time_s, frame.image)
            advance(frame.index + 1)
    return observer.conclude()


class _Observer:
    """Everything that is counted while the frames go by."""

    def __init__(self, track: PoseTrack, body_px: float) -> None:
        height, T = min(track.size.height, MEASURED_HEIGHT_PX), len(track)
        self.size = Size(width_at(track.size, height), height)
        self.track, self.masked = track.on_canvas(self.size), track.masked
        self.body_px = max(1.0, body_px * height / track.size.height)
        self.speed = limb_speed(self.track) / self.body_px  # (T, L)
        names = ("blur_px", "background_blur_px", "light", "clipped", "background_light")
        self.series = {name: np.full(T, np.nan) for name in names}
        self.strength = np.full((T, len(LIMBS)), np.nan)
        self.camera, self.background = CameraWatch(), BackgroundWatch(T)
        self.shown = _spread_over(T, _THUMBNAILS)
        self.thumbnails: list[tuple[float, Image]] = []

    def add(self, t: int, time_s: float, image: Image) -> None:
        """Measure frame t."""
        if t in self.shown:
            self.thumbnails.append((time_s, scale_to_height(image, min(_THUMBNAIL_PX, image.shape[0]))))
        shrunk = scale_to_height(image, min(self.size.height, image.shape[0]))
        picture = Canvas(self.track.size, self.size).place_image(shrunk)
        grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
        person = self._person(t)
        free = _spread(person, _REACH * self.body_px) == 0
        free_mask = free.astype(np.uint8) * 255
        self.camera.add(grey, free_mask)
        self.background.add(t, grey, free_mask, self.camera.pose)
        if free.any():
            self.series["background_light"][t] = grey[free].mean()
        gradients = Gradients.of(grey.astype(np.float32))
        self.series["background_blur_px"][t] = gradients.blur_px(free.astype(np.float32))
        if person.any():
            self._add_person(t, picture, grey, person, gradients)

    def conclude(self) -> Footage:
        """All of it."""
        return Footage(
            **self.series,
            smear=lost_edges(self.strength, self.speed),
            flicker=100 * np.abs(np.log(self.camera.brightening)),
            camera=CameraPath.of(self.camera, self.track.time_s, self.size.height),
            background=self.background.conclude(),
            thumbnails=tuple(self.thumbnails),
        )

    def _person(self, t: int) -> Image:
        """(H, W) 255 = person: the mask, or the joints' box where there is none."""
        box = np.zeros((self.size.height, self.size.width), np.uint8)
        if not self.track.present[t]:
            return box
        if self.track.masks is not None and self.masked[t]:
            mask = cv2.resize(self.track.masks[t], self.size, interpolation=cv2.INTER_LINEAR)
            return np.where(mask >= 128, np.uint8(255), np.uint8(0))
        seen = self.track.xy[t][np.isfinite(self.track.xy[t]).all(-1)]
        left, top, right, bottom = np.round([*seen.min(0), *seen.max(0)]).astype(int)
        box[max(0, top) : max(0, bottom), max(0, left) : max(0, right)] = 255
        return box

    def _add_person(self, t: int, picture: Image, grey: Image, person: Image, gradients: Gradients) -> None:
        inside = person > 0
        self.series["light"][t] = np.percentile(grey[inside], 90)
        self.series["clipped"][t] = (np.median(picture[inside], axis=1) >= _FULL).mean()
        # the outline is the one edge that every person has; a pattern inside of it reads sharp at any blur
        reach = max(3.0, _OUTLINE * self.body_px)
        outline = (_spread(person, reach) > 0) & (_spread(255 - person, reach) > 0)
        self.series["blur_px"][t] = gradients.blur_px(outline.astype(np.float32))
        for limb, joints in enumerate(LIMBS.values()):
            if self.speed[t, limb] >= 0:
                self.strength[t, limb] = gradients.strength(self._limb(t, joints))

    def _limb(self, t: int, joints: tuple[int, int]) -> NDArray[np.float32]:
        """(H, W) 1 on the outer half of a limb and as much beyond: hand or foot, which are the fastest."""
        inner, outer = self.track.xy[t, list(joints)] - 0.5  # OpenCV counts from pixel centres
        line = np.round(((inner + outer) / 2, outer + (outer - inner) / 2)).astype(np.int32)
        area = np.zeros((self.size.height, self.size.width), np.uint8)
        cv2.polylines(area, [line], False, 255, max(3, round(_LIMB_WIDTH * self.body_px)))
        return (area > 0).astype(np.float32)


def lost_edges(strength: Floats, speed: Floats) -> Floats:
    """How much of each limb's edges motion takes: 1 - their strength while it is fast over that while it is slow.

    Args:
        strength: (T, L) mean squared gradients about each limb. speed: (T, L) of each limb, body heights a second.
    Returns:
        (T, L) share lost, NaN where a limb is not fast, or is never slow and so has nothing to compare with.
    """
    lost = np.full(strength.shape, np.nan)
    for limb in range(strength.shape[1]):
        known = np.isfinite(strength[:, limb])
        slow, fast = known & (speed[:, limb] < _SLOW), known & (speed[:, limb] > _FAST)
        if slow.sum() >= _FEWEST_SLOW:
            usual = max(float(np.median(strength[slow, limb])), 1e-6)
            lost[fast, limb] = 1 - strength[fast, limb] / usual
    return lost


def _spread_over(frames: int, count: int) -> set[int]:
    """The numbers of so many of some frames, or of all of them."""
    return set(np.linspace(0, frames - 1, min(frames, count)).round().astype(int).tolist())


def _spread(mask: Image, by_px: float) -> Image:
    reach = max(1, round(by_px))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return np.asarray(cv2.dilate(mask, kernel), dtype=np.uint8)
