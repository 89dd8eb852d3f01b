"""Where in each frame the metrics look: the whole picture, the box around the true person, the square of the face.

All regions come from the truth (or the pose that was asked for), never from the result: a result that loses an arm or
the whole person is still judged where they should be.

Shapes: T frames, J = 133 joints, H x W pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.scores import Region
from choreograft.pose import skeleton
from choreograft.pose.head import head_middle, is_turned_to_camera
from choreograft.pose.track import PoseTrack
from choreograft.retarget.normalise import HEIGHT_PER_TORSO
from choreograft.video.size import Canvas, Size

BODY_SEEN: Final = 0.5
"""Score from which a body joint counts as seen; below it the estimator guesses."""
PICTURES: Final[tuple[Region, ...]] = ("frame", "person", "face")
"""The regions that are boxes of pixels."""
FACE_SIDE: Final = 0.22
"""Side of the face square in body heights (head to ankles): a head is about 0.16 of it, hair and chin included."""

_UPRIGHT_PERCENTILE: Final = 95
"""Of the body heights of a clip: the upright height, without the outliers; the median of a squatting person is none."""
_MASK_LEVEL: Final = 128
"""From which a soft mask (0..255) counts as person."""
_MARGIN: Final = 0.04
"""Around the person, in body heights: hair, fingers and shoes reach beyond the joints."""
_MIN_INSIDE: Final = 0.5
"""A face square of which less than this share lies inside the picture is no face to judge."""

Array = TypeVar("Array", bound=np.ndarray)


@dataclass(frozen=True)
class Box:
    """Whole pixels `left <= x < right`, `top <= y < bottom`, inside the picture and not empty."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """Its pixels."""
        return (self.right - self.left) * (self.bottom - self.top)

    def cut(self, picture: Array) -> Array:
        """The part (h, w, ...) of a picture (H, W, ...); a view."""
        return picture[self.top : self.bottom, self.left : self.right]  # type: ignore[return-value]


Boxes = Mapping[Region, tuple[Box | None, ...]]
"""For each region of `PICTURES` T boxes; None where the frame has no such region."""


def find_boxes(track: PoseTrack, size: Size) -> Boxes:
    """The regions of every frame of a clip, in pixels of a canvas of another size.

    Args:
        track: of the true person, with masks where it has them.
        size: at which pictures are compared.
    """
    placed = track.on_canvas(size)
    height = upright_height(placed)
    whole = Box(0, 0, size.width, size.height)
    return {
        "frame": (whole,) * len(track),
        "person": _person_boxes(placed, track.size, _MARGIN * height if np.isfinite(height) else 0.0),
        "face": _face_boxes(placed, FACE_SIDE * height),
    }


def upright_height(track: PoseTrack) -> float:
    """Distance of the head from the ankles' middle, px, as the person stands upright; NaN where it cannot be told.

    The 95th percentile over the frames in which all of it is seen inside the picture; of people without feet 2.9 times
    the torso.
    """
    xy = np.where((track.seen(BODY_SEEN) & track.in_frame())[..., None], track.xy, np.nan)
    ankles, shoulders, hips = (
        xy[:, list(pair)].mean(axis=1) for pair in (skeleton.ANKLES, skeleton.SHOULDERS, skeleton.HIPS)
    )
    lengths = (_distance(head_middle(xy), ankles), HEIGHT_PER_TORSO * _distance(shoulders, hips))
    for length in lengths:
        if np.isfinite(length).any():
            return float(np.nanpercentile(length, _UPRIGHT_PERCENTILE))
    return float("nan")


def shows_face(track: PoseTrack) -> NDArray[np.bool_]:
    """(T,) whether the nose is seen and the head turned to the camera rather than away from it."""
    return np.asarray(track.seen(BODY_SEEN)[:, skeleton.NOSE] & is_turned_to_camera(track))


def _person_boxes(track: PoseTrack, source: Size, margin_px: float) -> tuple[Box | None, ...]:
    """Around mask and seen joints of body and feet; `track` is on the canvas, its masks show the frame of `source`."""
    joints = slice(0, skeleton.FEET.stop)
    seen = track.seen(BODY_SEEN)[:, joints]
    boxes = []
    for t in range(len(track)):
        points = np.concatenate([track.xy[t, joints][seen[t]], _mask_corners(track, source, t)])
        shown = track.present[t] and len(points) > 0
        boxes.append(
            _clip(points.min(axis=0) - margin_px, points.max(axis=0) + margin_px, track.size) if shown else None
        )
    return tuple(boxes)


def _mask_corners(track: PoseTrack, source: Size, t: int) -> NDArray[np.float32]:
    """(2, 2) upper left and lower right corner of the mask, canvas px; (0, 2) where there is none."""
    if track.masks is None:
        return np.zeros((0, 2), np.float32)
    rows, columns = np.nonzero(track.masks[t] >= _MASK_LEVEL)
    if not len(rows):
        return np.zeros((0, 2), np.float32)
    per_pixel = np.asarray(source) / np.asarray(track.masks.size)
    corners = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]) * per_pixel
    return Canvas(source, track.size).place_points(corners.astype(np.float32))


def _face_boxes(track: PoseTrack, side_px: float) -> tuple[Box | None, ...]:
    """Squares about the head; None where no face is shown, or most of the square is outside the picture."""
    centres = head_middle(np.where(track.seen(BODY_SEEN)[..., None], track.xy, np.nan))
    shown = shows_face(track) & np.isfinite(centres).all(axis=-1) & np.isfinite(side_px)
    boxes = [
        _clip(c - side_px / 2, c + side_px / 2, track.size) if s else None for c, s in zip(centres, shown, strict=True)
    ]
    enough_px = _MIN_INSIDE * side_px**2
    return tuple(box if box is not None and box.area >= enough_px else None for box in boxes)


def _clip(low: NDArray[np.float32], high: NDArray[np.float32], size: Size) -> Box | None:
    """The whole pixels that a rectangle touches, inside the picture; None where it lies outside."""
    left, top = np.clip(np.floor(low), 0, size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high), 0, size).astype(int).tolist()
    return Box(left, top, right, bottom) if left < right and top < bottom else None


def _distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.linalg.norm(a - b, axis=-1))
