"""The head of a person: where it is, and whether its face is turned to the camera.

Shapes: T frames, J = 133 joints.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

_EARS: Final = [skeleton.LEFT_EAR, skeleton.RIGHT_EAR]


def head_middle(xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T, 2) the mean of those of nose, eyes and ears that are seen (not NaN) in (T, J, 2); NaN where none is."""
    head = xy[:, list(skeleton.HEAD)]
    seen = np.isfinite(head).all(axis=-1, keepdims=True)
    count = seen.sum(axis=1)
    middle = np.where(seen, head, 0).sum(axis=1) / np.maximum(count, 1)
    return np.where(count > 0, middle, np.nan).astype(np.float32)


def is_turned_to_camera(track: PoseTrack) -> NDArray[np.bool_]:
    """(T,) whether the head is turned to the camera rather than away from it; false where that cannot be told.

    The nose must lie nearer than the ears' middle; where depth is unknown, the left ear must lie to the left of the way
    from the shoulders up to the head, as it does (seen from the front) even upside down.
    """
    ahead = track.depth[:, _EARS].mean(axis=1) - track.depth[:, skeleton.NOSE]
    up = head_middle(track.xy) - track.xy[:, list(skeleton.SHOULDERS)].mean(axis=1)
    across = track.xy[:, skeleton.LEFT_EAR] - track.xy[:, skeleton.RIGHT_EAR]
    ordered = across[:, 1] * up[:, 0] - across[:, 0] * up[:, 1]  # positive where `across` is `up` turned to the right
    return np.asarray(np.where(np.isfinite(ahead), ahead, ordered) > 0)


def face_centre(track: PoseTrack, threshold: float) -> NDArray[np.float32]:
    """(T, 2) the nose or, where its score is below the threshold, the middle of both ears; NaN where no face is seen.

    Chan et al. 2019, "Face GAN". No face is seen either where the head is turned away.
    """
    seen = track.seen(threshold)
    nose, ears = track.xy[:, skeleton.NOSE], track.xy[:, _EARS].mean(axis=1)
    centre = np.where(seen[:, [skeleton.NOSE]], nose, np.where(seen[:, _EARS].all(axis=1, keepdims=True), ears, np.nan))
    return np.where(is_turned_to_camera(track)[:, None], centre, np.nan).astype(np.float32)
