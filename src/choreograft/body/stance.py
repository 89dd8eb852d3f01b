"""When feet stand, and how tall a person is in the picture."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_opening, gaussian_filter1d

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

Array = NDArray[np.float64]

_SEEN: Final = 0.3
_UPRIGHT_PERCENTILE: Final = 95
_TORSOS_TALL: Final = 3.1
"""Head to ankles, in lengths of the torso, for people whose feet are never seen."""
_SPEED_M_S: Final = 0.4
_RISE_M: Final = 0.09
_SHORTEST_S: Final = 0.1
_SMOOTHING_S: Final = 0.06


def measure_height_px(track: PoseTrack) -> float:
    """Upright height from ankles to head in the picture, px; from the torso where feet or head are never seen."""
    seen = track.seen(_SEEN)

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


def find_standing(soles: NDArray[np.float32], time_s: NDArray[np.floating]) -> NDArray[np.float32]:
    """(T, 2) 1 where the left, the right foot stands: low and slow for a while; soles (T, 8, 3) in the world, m."""
    T = len(soles)
    if T < 2:
        return np.asarray(soles.reshape(T, 2, 4, 3)[..., 2].min(-1) < _RISE_M, dtype=np.float32)
    step_s = max(float(np.median(np.diff(time_s))), 1e-3)
    feet = gaussian_filter1d(soles.reshape(T, 2, 4, 3), _SMOOTHING_S / step_s, axis=0, mode="nearest")
    velocity = np.gradient(feet, time_s, axis=0)
    speed = np.linalg.norm(velocity, axis=-1).min(-1)  # (T, 2) of the point that moves least
    low = feet[..., 2].min(-1) < _RISE_M
    standing = low & (speed < _SPEED_M_S)
    frames = max(1, round(_SHORTEST_S / step_s))
    shape = np.ones((frames, 1), np.bool_)
    beyond = ((frames, frames), (0, 0))  # the clip's ends are no reason to stand or not
    steady = binary_closing(binary_opening(np.pad(standing, beyond, mode="edge"), shape), shape)
    return np.asarray(steady[frames:-frames], dtype=np.float32)
