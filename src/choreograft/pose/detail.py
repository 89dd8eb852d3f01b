"""Where to look for a person's hands and head, and whether what was found there is theirs.

Arrays only: a hand is 21 points and a face 478 points in shares of a crop (x, y, and z in shares of its side).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.crops import Crop
from choreograft.pose.estimator import Person
from choreograft.pose.landmarks import FACE_FROM_MESH, HAND_ROOT, INDEX_1, PINKY_1, body_scale_px

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
_EYES: Final = [skeleton.LEFT_EYE, skeleton.RIGHT_EYE]
_EARS: Final = [skeleton.LEFT_EAR, skeleton.RIGHT_EAR]
_KNUCKLES: Final = [INDEX_1, PINKY_1]

HANDS: Final = ((skeleton.LEFT_HAND, skeleton.LEFT_WRIST), (skeleton.RIGHT_HAND, skeleton.RIGHT_WRIST))


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
    front = [skeleton.NOSE, *_EYES]
    if scale_px == 0 or person.score[front].min() < _MIN_FACE or not np.isfinite(head).all():
        return None
    if person.depth[skeleton.NOSE] > person.depth[_EARS].mean():
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
    known = person.xy[[skeleton.LEFT_EYE, skeleton.RIGHT_EYE, skeleton.NOSE]]
    off = float(np.linalg.norm(seen - known, axis=-1).mean()) / body_scale_px(person)
    if not off <= _FACE_OFF:
        return False
    person.xy[skeleton.FACE] = found
    person.depth[skeleton.FACE] = person.depth[skeleton.NOSE] + (chosen[:, 2] - chosen[30, 2]) * crop.side_px
    person.score[skeleton.FACE] = float(person.score[list(skeleton.HEAD)].mean()) * (1 - 0.5 * off / _FACE_OFF)
    return True
