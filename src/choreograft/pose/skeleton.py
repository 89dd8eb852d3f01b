"""COCO-WholeBody, 133 points: the only place where a joint index means anything.

17 body, 6 feet, 68 face, 21 + 21 hands, in the order of Jin et al. 2020, "Whole-Body Human Pose Estimation in the
Wild". Left and right are the person's own. Other modules name joints through the constants and slices below.

The body is also a tree: each joint hangs from another. What a joint does beyond what its parent does is what its own
limb does, and that is little and changes slowly: gaps are filled (pose/clean.py), lengths judged (pose/repair.py) and
noise is told from motion (pose/smooth.py) limb by limb.
"""

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR = range(5)
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST = range(5, 11)
LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE = range(11, 17)
LEFT_BIG_TOE, LEFT_SMALL_TOE, LEFT_HEEL, RIGHT_BIG_TOE, RIGHT_SMALL_TOE, RIGHT_HEEL = range(17, 23)

BODY: Final = slice(0, 17)
FEET: Final = slice(17, 23)
BODY_AND_FEET: Final = slice(BODY.start, FEET.stop)
FACE: Final = slice(23, 91)
LEFT_HAND: Final = slice(91, 112)
RIGHT_HAND: Final = slice(112, 133)
JOINTS: Final = 133

_FINGERS: Final = ("thumb", "index", "middle", "ring", "pinky")
_HAND_POINTS: Final = ("root", *(f"{finger}_{end}" for finger in _FINGERS for end in (1, 2, 3, "tip")))
NAMES: Final = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
    "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
    *(f"face_{i}" for i in range(68)),
    *(f"{side}_hand_{point}" for side in ("left", "right") for point in _HAND_POINTS),
)  # fmt: skip
assert len(NAMES) == JOINTS

HEAD: Final = (NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR)
EYES: Final = (LEFT_EYE, RIGHT_EYE)
EARS: Final = (LEFT_EAR, RIGHT_EAR)
WRISTS: Final = (LEFT_WRIST, RIGHT_WRIST)
KNEES: Final = (LEFT_KNEE, RIGHT_KNEE)
ANKLES: Final = (LEFT_ANKLE, RIGHT_ANKLE)
HIPS: Final = (LEFT_HIP, RIGHT_HIP)
SHOULDERS: Final = (LEFT_SHOULDER, RIGHT_SHOULDER)
TRUNK: Final = (*SHOULDERS, *HIPS)
ARMS: Final = ((LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST), (RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST))
LEGS: Final = (
    (LEFT_HIP, LEFT_KNEE, LEFT_ANKLE, LEFT_HEEL, LEFT_BIG_TOE),
    (RIGHT_HIP, RIGHT_KNEE, RIGHT_ANKLE, RIGHT_HEEL, RIGHT_BIG_TOE),
)
HANDS: Final = ((LEFT_HAND, LEFT_WRIST), (RIGHT_HAND, RIGHT_WRIST))
"""Each with the joint that it hangs on."""

BODY_LIMBS: Final = (
    (LEFT_SHOULDER, RIGHT_SHOULDER), (LEFT_HIP, RIGHT_HIP), (LEFT_SHOULDER, LEFT_HIP), (RIGHT_SHOULDER, RIGHT_HIP),
    (LEFT_HIP, LEFT_KNEE), (LEFT_KNEE, LEFT_ANKLE), (RIGHT_HIP, RIGHT_KNEE), (RIGHT_KNEE, RIGHT_ANKLE),
    (LEFT_ANKLE, LEFT_HEEL), (LEFT_HEEL, LEFT_BIG_TOE), (RIGHT_ANKLE, RIGHT_HEEL), (RIGHT_HEEL, RIGHT_BIG_TOE),
    (LEFT_SHOULDER, LEFT_ELBOW), (LEFT_ELBOW, LEFT_WRIST), (RIGHT_SHOULDER, RIGHT_ELBOW), (RIGHT_ELBOW, RIGHT_WRIST),
    (NOSE, LEFT_EYE), (LEFT_EYE, LEFT_EAR), (NOSE, RIGHT_EYE), (RIGHT_EYE, RIGHT_EAR),
)  # fmt: skip
"""Pairs of joints; the neck (shoulders' middle to nose) is drawn besides, since COCO has no neck joint."""

HAND_BONES: Final = tuple(
    (0 if knuckle == 0 else first + knuckle - 1, first + knuckle) for first in (1, 5, 9, 13, 17) for knuckle in range(4)
)
"""The 20 bones of a hand, as pairs of points counted from the hand's own root."""


def _mirror_index() -> tuple[int, ...]:
    mirror = list(range(JOINTS))
    for index, name in enumerate(NAMES):
        if name.startswith(("left_", "right_")):
            side, rest = name.split("_", 1)
            mirror[index] = NAMES.index(("right_" if side == "left" else "left_") + rest)
    # iBUG 68: each group runs from the person's right to the left, except where lips and eyes close a ring
    pairs = [
        *zip(range(9), range(16, 7, -1), strict=True),  # jaw
        *zip(range(17, 22), range(26, 21, -1), strict=True),  # eyebrows
        *zip(range(31, 34), range(35, 32, -1), strict=True),  # nostrils
        *zip((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46), strict=True),  # eyes
        *zip((48, 49, 50, 51, 59, 58, 57), (54, 53, 52, 51, 55, 56, 57), strict=True),  # outer lips
        *zip((60, 61, 62, 67, 66), (64, 63, 62, 65, 66), strict=True),  # inner lips
    ]
    for a, b in pairs:
        mirror[FACE.start + a], mirror[FACE.start + b] = FACE.start + b, FACE.start + a
    return tuple(mirror)


MIRROR: Final = _mirror_index()
"""MIRROR[j] is the joint that j becomes in a mirror."""


NO_PARENT: Final = -1


def _hang() -> tuple[int, ...]:
    parents = [NO_PARENT] * JOINTS
    for parent, child in (
        (LEFT_HIP, RIGHT_HIP),
        (LEFT_HIP, LEFT_SHOULDER), (LEFT_SHOULDER, RIGHT_SHOULDER),
        (LEFT_SHOULDER, NOSE),
        *((NOSE, joint) for joint in HEAD[1:]),
        *(pair for limb in (*ARMS, *LEGS) for pair in pairwise(limb[:4])),
        (LEFT_ANKLE, LEFT_BIG_TOE), (RIGHT_ANKLE, RIGHT_BIG_TOE),
        (LEFT_BIG_TOE, LEFT_SMALL_TOE), (RIGHT_BIG_TOE, RIGHT_SMALL_TOE),
    ):  # fmt: skip
        parents[child] = parent
    for hand, wrist in HANDS:
        parents[hand.start] = wrist
        for near, far in HAND_BONES:
            parents[hand.start + far] = hand.start + near
    for joint in range(FACE.start, FACE.stop):
        parents[joint] = NOSE
    return tuple(parents)


PARENT: Final = _hang()
"""PARENT[j] is the joint that j hangs from, or NO_PARENT for the left hip, from which all others hang."""


def _count_steps(joint: int) -> int:
    return 0 if PARENT[joint] == NO_PARENT else 1 + _count_steps(PARENT[joint])


STEPS: Final = tuple(map(_count_steps, range(JOINTS)))
"""How many limbs lie between each joint and the left hip."""
OUTWARDS: Final = tuple(sorted(range(JOINTS), key=STEPS.__getitem__))
"""All joints, every one of them after its parent."""


def offset_matrix(joints: list[int]) -> NDArray[np.float64]:
    """(K, K) what turns the places of K joints into offsets from their nearest ancestors among these.

    Rows of joints without such an ancestor give their place itself, so the matrix can be inverted.
    """
    at = {joint: k for k, joint in enumerate(joints)}
    matrix = np.eye(len(joints))
    for joint, k in at.items():
        parent = PARENT[joint]
        while parent != NO_PARENT and parent not in at:
            parent = PARENT[parent]
        if parent != NO_PARENT:
            matrix[k, at[parent]] -= 1
    return matrix
