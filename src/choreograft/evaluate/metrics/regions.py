"""Where in each frame the metrics look: the whole picture, the box around the true person, the square of the face.

All regions come from the truth (or the pose that was asked for), never from the result: a result that loses an arm or
the whole person is still judged where they should be.

The joints found in a result are held against the wanted ones here as well (section 6 of docs/method.md). Chan et al.
2019 run one detector on the synthesised and on the real frames and report the mean distance between their keypoints and
the number of those that are missing. Distances are in % of the body height here, and misses in % of the wanted joints,
so that clips of any size compare.

Shapes: T frames, J = 133 joints, H x W pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.scores import Region, Values
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
JOINT_REGIONS: Final[Mapping[Region, slice]] = {
    "frame": slice(0, skeleton.JOINTS),
    "person": skeleton.BODY,
    "face": skeleton.FACE,
    "hands": slice(skeleton.LEFT_HAND.start, skeleton.RIGHT_HAND.stop),
}
DETAIL_SEEN: Final = 0.25
"""Score from which a point of face or hands counts as found. It is the score of the head or the wrist times how well
the find agrees with the body, 0.5 to 1 (pose/mediapipe.py): half of what is asked of the body."""
_UPRIGHT_PERCENTILE: Final = 95
"""Of the body heights of a clip: the upright height, without the outliers; the median of a squatting person is none."""
MASK_LEVEL: Final = 128
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
    body, torso = (np.linalg.norm(line, axis=-1) for line in (head_middle(xy) - ankles, shoulders - hips))
    for length in (body, HEIGHT_PER_TORSO * torso):
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
    boxes: list[Box | None] = [None] * len(track)
    for t in np.flatnonzero(track.present).tolist():
        points = np.concatenate([track.xy[t, joints][seen[t]], _mask_corners(track, source, t)])
        if len(points):
            boxes[t] = _clip(points.min(axis=0) - margin_px, points.max(axis=0) + margin_px, track.size)
    return tuple(boxes)


def _mask_corners(track: PoseTrack, source: Size, t: int) -> NDArray[np.float32]:
    """(2, 2) upper left and lower right corner of the mask, canvas px; (0, 2) where there is none."""
    person = None if track.masks is None else track.masks[t] >= MASK_LEVEL
    if person is None or not person.any():
        return np.zeros((0, 2), np.float32)
    rows, columns = np.nonzero(person)
    per_pixel = np.asarray(source) / person.shape[::-1]
    corners = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]) * per_pixel
    return Canvas(source, track.size).place_points(corners.astype(np.float32))


def _face_boxes(track: PoseTrack, side_px: float) -> tuple[Box | None, ...]:
    """Squares about the head; None where no face is shown, or most of the square is outside the picture."""
    centres = head_middle(np.where(track.seen(BODY_SEEN)[..., None], track.xy, np.nan))
    shown = shows_face(track) & np.isfinite(centres).all(axis=-1) & np.isfinite(side_px)
    boxes: list[Box | None] = [None] * len(track)
    for t in np.flatnonzero(shown).tolist():
        box = _clip(centres[t] - side_px / 2, centres[t] + side_px / 2, track.size)
        boxes[t] = box if box is not None and box.area >= _MIN_INSIDE * side_px**2 else None
    return tuple(boxes)


def _clip(low: NDArray[np.float32], high: NDArray[np.float32], size: Size) -> Box | None:
    """The whole pixels that a rectangle touches, inside the picture; None where it lies outside."""
    left, top = np.clip(np.floor(low), 0, size).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high), 0, size).astype(int).tolist()
    return Box(left, top, right, bottom) if left < right and top < bottom else None


def compare_joints(found: PoseTrack, wanted: PoseTrack) -> dict[tuple[Region, str], Values]:
    """Distance from the wanted joints and share of those missed, per frame and region.

    Args:
        found: joints detected in the result.
        wanted: joints detected in the true video, or asked for; of any size of the same shape, as many frames.
    Returns:
        `pose_distance` (T,) mean over the joints seen in both, % of the wanted body's upright height, NaN where there
        are none; `missed_detections` (T,) % of the wanted joints inside the picture, NaN where none is wanted.
    """
    placed = wanted.on_canvas(found.size)
    asked = found_joints(placed) & placed.in_frame()
    both = asked & found_joints(found)
    distance = np.linalg.norm(found.xy - placed.xy, axis=-1) / upright_height(placed) * 100
    series: dict[tuple[Region, str], Values] = {}
    for region, joints in JOINT_REGIONS.items():
        a, b = asked[:, joints], both[:, joints]
        series[region, "pose_distance"] = _ratio(np.where(b, distance[:, joints], 0).sum(axis=1), b.sum(axis=1))
        series[region, "missed_detections"] = _ratio(100.0 * (a & ~b).sum(axis=1), a.sum(axis=1))
    return series


def found_joints(track: PoseTrack) -> NDArray[np.bool_]:
    """(T, J) joints that count as found: body and feet from `BODY_SEEN`, face and hands from `DETAIL_SEEN`."""
    found = track.seen(DETAIL_SEEN)
    found[:, : skeleton.FEET.stop] = track.seen(BODY_SEEN)[:, : skeleton.FEET.stop]
    return found


def _ratio(total: NDArray[np.float64], count: NDArray[np.intp]) -> Values:
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
