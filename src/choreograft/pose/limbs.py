"""The body as a tree: which joint each joint hangs from, and where a joint is as seen from there.

What a joint does beyond what its parent does is what its own limb does, and that is little and changes slowly: gaps
are filled (pose/gaps.py), lengths judged (pose/outliers.py) and noise is told from motion (pose/adaptive.py) limb by
limb.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton

NO_PARENT: Final = -1


def _hang() -> tuple[int, ...]:
    parents = [NO_PARENT] * skeleton.JOINTS
    for parent, child in (
        (skeleton.LEFT_HIP, skeleton.RIGHT_HIP),
        (skeleton.LEFT_HIP, skeleton.LEFT_SHOULDER), (skeleton.LEFT_SHOULDER, skeleton.RIGHT_SHOULDER),
        (skeleton.LEFT_SHOULDER, skeleton.NOSE),
        *((skeleton.NOSE, joint) for joint in skeleton.HEAD[1:]),
        (skeleton.LEFT_SHOULDER, skeleton.LEFT_ELBOW), (skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST),
        (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_ELBOW), (skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST),
        (skeleton.LEFT_HIP, skeleton.LEFT_KNEE), (skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE),
        (skeleton.RIGHT_HIP, skeleton.RIGHT_KNEE), (skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE),
        (skeleton.LEFT_ANKLE, skeleton.LEFT_HEEL), (skeleton.RIGHT_ANKLE, skeleton.RIGHT_HEEL),
        (skeleton.LEFT_ANKLE, skeleton.LEFT_BIG_TOE), (skeleton.RIGHT_ANKLE, skeleton.RIGHT_BIG_TOE),
        (skeleton.LEFT_BIG_TOE, skeleton.LEFT_SMALL_TOE), (skeleton.RIGHT_BIG_TOE, skeleton.RIGHT_SMALL_TOE),
    ):  # fmt: skip
        parents[child] = parent
    for hand, wrist in ((skeleton.LEFT_HAND, skeleton.LEFT_WRIST), (skeleton.RIGHT_HAND, skeleton.RIGHT_WRIST)):
        parents[hand.start] = wrist
        for near, far in skeleton.HAND_BONES:
            parents[hand.start + far] = hand.start + near
    for joint in range(skeleton.FACE.start, skeleton.FACE.stop):
        parents[joint] = skeleton.NOSE
    return tuple(parents)


PARENT: Final = _hang()
"""PARENT[j] is the joint that j hangs from, or NO_PARENT for the left hip, from which all others hang."""


def _order() -> tuple[int, ...]:
    def depth(joint: int) -> int:
        return 0 if PARENT[joint] == NO_PARENT else 1 + depth(PARENT[joint])

    return tuple(sorted(range(skeleton.JOINTS), key=depth))


OUTWARDS: Final = _order()
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
