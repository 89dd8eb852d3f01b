"""Whether the joints found in a result are where they were wanted (section 6 of docs/method.md).

Chan et al. 2019 run one detector on the synthesised and on the real frames and report the mean distance between their
keypoints and the number of those that are missing. Distances are in % of the body height here, and misses in % of the
wanted joints, so that clips of any size compare.

Shapes: T frames, J = 133 joints.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.evaluate.metrics.regions import BODY_SEEN, upright_height
from choreograft.evaluate.scores import Region, Values
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

JOINT_REGIONS: Final[Mapping[Region, slice]] = {
    "frame": slice(0, skeleton.JOINTS),
    "person": skeleton.BODY,
    "face": skeleton.FACE,
    "hands": slice(skeleton.LEFT_HAND.start, skeleton.RIGHT_HAND.stop),
}
DETAIL_SEEN: Final = 0.25
"""Score from which a point of face or hands counts as found. It is the score of the head or the wrist times how well
the find agrees with the body, 0.5 to 1 (pose/mediapipe.py): half of what is asked of the body."""


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
