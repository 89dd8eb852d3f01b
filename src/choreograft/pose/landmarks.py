"""MediaPipe's points in COCO-WholeBody order: index tables and conversions of plain arrays; no MediaPipe here.

BlazePose gives 33 points, the hand model 21 in COCO's own order, the face model 478 of which 68 lie where iBUG has
its points. Left and right are the person's own in all of them.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.estimator import Person

POSE_POINTS: Final = 33
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
    J = skeleton.JOINTS
    person = Person(
        xy=np.full((J, 2), np.nan, np.float32),
        score=np.zeros(J, np.float32),
        depth=np.full(J, np.nan, np.float32),
        world=np.full((J, 3), np.nan, np.float32),
        mask=mask,
    )
    person.xy[joints] = points[indices, :2] * (width_px, height_px)
    person.depth[joints] = points[indices, 2] * width_px
    person.world[joints] = world[indices]
    person.score[joints] = score[indices]
    person.score[list(COARSE_HANDS_FROM_POSE)] *= COARSE_HAND_TRUST
    unseen = person.score < _MIN_SCORE
    for array, empty in ((person.xy, np.nan), (person.score, 0), (person.depth, np.nan), (person.world, np.nan)):
        array[unseen] = empty
    return person


def body_scale_px(person: Person) -> float:
    """A length that hands and heads can be measured by: the torso's, or the shoulders' where the torso is bent away."""
    shoulders, hips = person.xy[list(skeleton.SHOULDERS)], person.xy[list(skeleton.HIPS)]
    lengths = (np.linalg.norm(shoulders.mean(0) - hips.mean(0)), 1.3 * np.linalg.norm(shoulders[0] - shoulders[1]))
    known = [float(length) for length in lengths if np.isfinite(length)]
    return max(known, default=0.0)
