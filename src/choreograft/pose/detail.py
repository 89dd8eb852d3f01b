"""MediaPipe's points in COCO-WholeBody order, where to look closer for hands and head, and whether a find is theirs.

Arrays only, no MediaPipe here. BlazePose gives 33 points, the hand model 21 in COCO's own order, the face model 478 of
which 68 lie where iBUG has its points. Left and right are the person's own in all of them. Hands and heads are looked
for in square, turned cut-outs of the frame: models see nothing of them in a full-length picture. What is found there
comes in shares of the crop (x, y, and z in shares of its side).
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import Person, empty_arrays

FACE_POINTS: Final = 478

_LEFT_HAND, _RIGHT_HAND = skeleton.LEFT_HAND.start, skeleton.RIGHT_HAND.start
HAND_ROOT, THUMB_2, INDEX_1, PINKY_1 = 0, 2, 5, 17

BODY_FROM_POSE: Final = {
    skeleton.NOSE: 0, skeleton.LEFT_EYE: 2, skeleton.RIGHT_EYE: 5, skeleton.LEFT_EAR: 7, skeleton.RIGHT_EAR: 8,
    skeleton.LEFT_SHOULDER: 11, skeleton.RIGHT_SHOULDER: 12, skeleton.LEFT_ELBOW: 13, skeleton.RIGHT_ELBOW: 14,
    skeleton.LEFT_WRIST: 15, skeleton.RIGHT_WRIST: 16, skeleton.LEFT_HIP: 23, skeleton.RIGHT_HIP: 24,
    skeleton.LEFT_KNEE: 25, skeleton.RIGHT_KNEE: 26, skeleton.LEFT_ANKLE: 27, skeleton.RIGHT_ANKLE: 28,
    skeleton.LEFT_HEEL: 29, skeleton.RIGHT_HEEL: 30, skeleton.LEFT_BIG_TOE: 31, skeleton.RIGHT_BIG_TOE: 32,
}  # fmt: skip
"""COCO joint: BlazePose point. BlazePose has one toe a foot, which is COCO's big toe; the small toe stays unseen."""

COARSE_HANDS_FROM_POSE: Final = {
    _LEFT_HAND + HAND_ROOT: 15, _LEFT_HAND + PINKY_1: 17, _LEFT_HAND + INDEX_1: 19, _LEFT_HAND + THUMB_2: 21,
    _RIGHT_HAND + HAND_ROOT: 16, _RIGHT_HAND + PINKY_1: 18, _RIGHT_HAND + INDEX_1: 20, _RIGHT_HAND + THUMB_2: 22,
}  # fmt: skip
"""Hand points that the body model knows roughly: they stand in where the hand model finds nothing."""

COARSE_HAND_TRUST: Final = 0.5
"""Their score is this share of the body model's."""

FACE_FROM_MESH: Final = (
    127, 234, 93, 58, 172, 136, 150, 176, 152, 400, 379, 365, 397, 288, 323, 454, 356,  # jaw, right ear to left ear
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # right eyebrow, left eyebrow
    168, 197, 5, 1, 98, 97, 2, 326, 327,  # bridge of the nose, nostrils
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # right eye, left eye
    61, 40, 37, 0, 267, 270, 291, 321, 314, 17, 84, 91,  # outer lips
    78, 81, 13, 311, 308, 402, 14, 178,  # inner lips
)  # fmt: skip
"""Face mesh vertex for each of the 68 iBUG points."""
assert len(FACE_FROM_MESH) == skeleton.FACE.stop - skeleton.FACE.start

_MIN_SCORE: Final = 0.02
"""A point below this is as good as unseen."""
_HAND_SIDE: Final = 1.0
"""Side of a hand's crop in body scales; smaller ones lose hands, larger ones catch the other hand."""
_HAND_OFF: Final = 0.16
"""How far a found hand's root and knuckles may be from the body's, in body scales."""
_MIN_WRIST: Final = 0.2
"""Below this score of its wrist a hand is not looked for."""
_HEAD_SIDE: Final = 1.0
_FACE_OFF: Final = 0.15
_MIN_FACE: Final = 0.5
"""Nose and eyes below this score belong to a head that is turned away."""
_UPRIGHT: Final = np.array([0, -1], np.float32)
_KNUCKLES: Final = [INDEX_1, PINKY_1]


@dataclass(frozen=True)
class Crop:
    """A square of the frame, resampled to a picture of `out_px` a side; beyond the frame its edge repeats."""

    centre: NDArray[np.float32]
    """(2,) px of the frame."""
    side_px: float
    """Of the square, in px of the frame."""
    up: NDArray[np.float32]
    """(2,) direction in the frame that points up in the crop; (0, -1) turns nothing."""
    out_px: int = 256

    def __post_init__(self) -> None:
        if not (self.side_px > 0 and np.linalg.norm(self.up) > 0):
            raise ValueError(f"a crop of side {self.side_px} and direction {self.up}; expected both above zero")

    @property
    def _turn(self) -> NDArray[np.float64]:
        """(2, 2) from frame to crop directions, scale included."""
        x, y = self.up / np.linalg.norm(self.up)
        return np.array([[-y, x], [-x, -y]]) * self.out_px / self.side_px

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The crop of a frame (H, W, 3), as (out_px, out_px, 3)."""
        # pixel centres lie at integers + 0.5 for us and at integers for OpenCV
        shift = self.out_px / 2 - self._turn @ (self.centre - 0.5) - 0.5
        matrix = np.column_stack([self._turn, shift])
        size = (self.out_px, self.out_px)
        cut = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cut, dtype=np.uint8)

    def to_frame(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points of the crop (N, 2), 0..1 of its side, in px of the frame."""
        centred = (points - 0.5) * self.out_px
        return np.asarray(centred @ np.linalg.inv(self._turn).T + self.centre, dtype=np.float32)


def person_from_pose(
    points: NDArray[np.float32],
    score: NDArray[np.float32],
    world: NDArray[np.float32],
    width_px: int,
    height_px: int,
    mask: NDArray[np.uint8] | None,
) -> Person:
    """One BlazePose result as a person with body, feet and coarse hands.

    Args:
        points: (33, 3) x and y as shares of the frame's width and height, z as a share of its width, 0 at the hips.
        score: (33,) 0..1.
        world: (33, 3) m, origin between the hips, x right, y down, z away from the camera.
    """
    pairs = {**BODY_FROM_POSE, **COARSE_HANDS_FROM_POSE}
    joints, indices = list(pairs), list(pairs.values())
    person = Person.unseen(mask)
    person.xy[joints] = points[indices, :2] * (width_px, height_px)
    person.depth[joints] = points[indices, 2] * width_px
    person.world[joints] = world[indices]
    person.score[joints] = score[indices]
    person.score[list(COARSE_HANDS_FROM_POSE)] *= COARSE_HAND_TRUST
    unseen = person.score < _MIN_SCORE
    for name, empty in empty_arrays(1).items():
        getattr(person, name)[unseen] = empty[0, 0]
    return person


def body_scale_px(person: Person) -> float:
    """A length that hands and heads can be measured by: the torso's, or the shoulders' where the torso is bent away."""
    shoulders, hips = person.xy[list(skeleton.SHOULDERS)], person.xy[list(skeleton.HIPS)]
    lengths = (np.linalg.norm(shoulders.mean(0) - hips.mean(0)), 1.3 * np.linalg.norm(shoulders[0] - shoulders[1]))
    known = [float(length) for length in lengths if np.isfinite(length)]
    return max(known, default=0.0)


def hand_crop(person: Person, hand: slice, wrist: int) -> Crop | None:
    """A square around the knuckles as the body model sees them; None where the wrist is not seen or off the frame."""
    centre, scale_px = person.xy[hand][_KNUCKLES].mean(0), body_scale_px(person)
    if scale_px == 0 or person.score[wrist] < _MIN_WRIST or not np.isfinite(centre).all():
        return None
    return Crop(centre, _HAND_SIDE * scale_px, _UPRIGHT)


def place_hand(person: Person, points: NDArray[np.float32], crop: Crop, hand: slice, wrist: int) -> bool:
    """Write a hand (21, 3) into `person` if it starts at this wrist and points the way the body model has it.

    Returns:
        Whether it did; false means that another hand was found, or none.
    """
    found, known = crop.to_frame(points[:, :2]), person.xy[hand]
    off = np.linalg.norm(found - known, axis=-1) / body_scale_px(person)
    root_off, knuckles_off = float(off[HAND_ROOT]), float(off[_KNUCKLES].mean())
    if not (root_off <= _HAND_OFF and knuckles_off <= _HAND_OFF):
        return False
    agreement = 1 - (root_off + knuckles_off) / (4 * _HAND_OFF)  # 1 where they meet, 0.5 at the limit
    depth = person.depth[wrist] + (points[:, 2] - points[HAND_ROOT, 2]) * crop.side_px
    person.xy[hand], person.depth[hand] = found, depth
    person.score[hand] = float(person.score[wrist]) * agreement
    return True


def head_crop(person: Person) -> Crop | None:
    """A square around the head, the neck pointing down; None where the head is turned away or not seen."""
    head, scale_px = person.xy[list(skeleton.HEAD)], body_scale_px(person)
    front = [skeleton.NOSE, *skeleton.EYES]
    if scale_px == 0 or person.score[front].min() < _MIN_FACE or not np.isfinite(head).all():
        return None
    if person.depth[skeleton.NOSE] > person.depth[list(skeleton.EARS)].mean():
        return None
    up = head.mean(0) - person.xy[list(skeleton.SHOULDERS)].mean(0)
    return Crop(head.mean(0), _HEAD_SIDE * scale_px, up if np.linalg.norm(up) > 0 else _UPRIGHT)


def place_face(person: Person, points: NDArray[np.float32], crop: Crop) -> bool:
    """Write a face mesh (478, 3) into `person` as iBUG's 68 points if its eyes lie where the body model has them.

    Returns:
        Whether it did; false means that somebody else's face was found.
    """
    chosen = points[list(FACE_FROM_MESH)]
    found = crop.to_frame(chosen[:, :2])
    right_eye, left_eye, nose = found[36:42].mean(0), found[42:48].mean(0), found[30]
    seen = np.stack([left_eye, right_eye, nose])
    known = person.xy[[*skeleton.EYES, skeleton.NOSE]]
    off = float(np.linalg.norm(seen - known, axis=-1).mean()) / body_scale_px(person)
    if not off <= _FACE_OFF:
        return False
    person.xy[skeleton.FACE] = found
    person.depth[skeleton.FACE] = person.depth[skeleton.NOSE] + (chosen[:, 2] - chosen[30, 2]) * crop.side_px
    person.score[skeleton.FACE] = float(person.score[list(skeleton.HEAD)].mean()) * (1 - 0.5 * off / _FACE_OFF)
    return True
