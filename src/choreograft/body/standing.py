"""When feet stand, and how tall a person stands in the picture."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_opening, binary_propagation, gaussian_filter1d

from choreograft.pose import skeleton
from choreograft.pose.track import SEEN, PoseTrack

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_UPRIGHT_PERCENTILE: Final = 95
_TORSOS_TALL: Final = 3.1
"""Head to ankles, in lengths of the torso, for people whose feet are never seen."""
_FEET: Final = (
    (skeleton.LEFT_ANKLE, skeleton.LEFT_HEEL, skeleton.LEFT_BIG_TOE),
    (skeleton.RIGHT_ANKLE, skeleton.RIGHT_HEEL, skeleton.RIGHT_BIG_TOE),
)
_STILL: Final = 0.1
"""Body heights a second: a foot that is slower in the picture rests, and goes on resting up to `_RESTLESS`."""
_RESTLESS: Final = 0.2
_SPEED_M_S: Final = 0.4
"""In the world, where the picture does not show the foot."""
_RISE_M: Final = 0.09
_SHORTEST_S: Final = 0.1
_SMOOTHING_S: Final = 0.06


def measure_height_px(track: PoseTrack) -> float:
    """Upright height from ankles to head in the picture, px; from the torso where feet or head are never seen."""
    seen = track.seen(SEEN)

    def middle(joints: tuple[int, ...]) -> Array:
        known = seen[:, joints].all(1, keepdims=True)
        return np.where(known, track.xy[:, joints].astype(np.float64).mean(1), np.nan)

    for top, bottom, factor in (
        ((skeleton.NOSE,), skeleton.ANKLES, 1.0),
        (skeleton.SHOULDERS, skeleton.HIPS, _TORSOS_TALL),
    ):
        lengths = factor * np.linalg.norm(middle(top) - middle(bottom), axis=1)
        if np.isfinite(lengths).sum() >= max(1, 0.1 * track.present.sum()):
            return float(np.nanpercentile(lengths, _UPRIGHT_PERCENTILE))
    return float(track.size.height)


def measure_foot_speeds(track: PoseTrack, height_px: float) -> Array:
    """(T - 1, 2) how fast left and right foot move in the picture, body heights a second; NaN where they are not seen.

    The depth of a fitted foot trembles, its place in a picture of a camera at rest does not: what stands is
    still there.
    """
    seen = track.seen(SEEN)[:, _FEET][..., None]
    feet = np.where(seen, track.xy[:, _FEET].astype(np.float64), np.nan)
    step_s = np.maximum(np.diff(track.time_s), 1e-3)[:, None]
    speeds = np.linalg.norm(np.diff(feet, axis=0), axis=-1)  # (T - 1, 2, 3) px: ankle, heel, toe
    return np.asarray(np.median(speeds, axis=-1) / step_s / height_px)


def find_standing(
    soles: NDArray[np.float32], time_s: NDArray[np.floating], foot_speeds: Array | None = None
) -> NDArray[np.float32]:
    """(T, 2) 1 where the left, the right foot stands: low, and slow for a while.

    Args:
        soles: (T, 8, 3) in the world, m. foot_speeds: of `measure_foot_speeds`; where they are missing, the soles' own
            speed decides.
    """
    T = len(soles)
    if T < 2:
        return np.asarray(soles.reshape(T, 2, 4, 3)[..., 2].min(-1) < _RISE_M, dtype=np.float32)
    step_s = max(float(np.median(np.diff(time_s))), 1e-3)
    feet = gaussian_filter1d(soles.reshape(T, 2, 4, 3), _SMOOTHING_S / step_s, axis=0, mode="nearest")
    low = feet[..., 2].min(-1) < _RISE_M  # (T, 2)
    slow = _rest_in_world(feet, time_s, step_s, low)
    if foot_speeds is None:
        return slow.astype(np.float32)
    seen = np.isfinite(foot_speeds)
    both = low[1:] & low[:-1]
    rest = binary_propagation(
        both & seen & (np.nan_to_num(foot_speeds) < _STILL),
        structure=np.array([[0, 1, 0]] * 3, np.bool_),
        mask=both & seen & (np.nan_to_num(foot_speeds) < _RESTLESS),
    )
    rest = np.where(seen, rest, slow[1:] & slow[:-1])
    stands = np.zeros((T, 2), np.float32)
    stands[1:] = rest
    stands[:-1] = np.maximum(stands[:-1], rest)
    return stands


def _rest_in_world(feet: NDArray[np.float32], time_s: NDArray[np.floating], step_s: float, low: Flags) -> Flags:
    """(T, 2) whether feet (T, 2, 4, 3) m that are low are slow in the world, too, for long enough."""
    speed = np.linalg.norm(np.gradient(feet, time_s, axis=0), axis=-1).min(-1)  # of the point that moves least
    frames = max(1, round(_SHORTEST_S / step_s))
    shape = np.ones((frames, 1), np.bool_)
    beyond = ((frames, frames), (0, 0))  # the clip's ends are no reason to stand or not
    padded = np.pad(low & (speed < _SPEED_M_S), beyond, mode="edge")
    return np.asarray(binary_closing(binary_opening(padded, shape), shape)[frames:-frames])
