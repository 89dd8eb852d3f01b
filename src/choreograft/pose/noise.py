"""How noisy a track is, read from the track itself.

People move smoothly: over a fifth of a second a joint's path is close to a cubic, and fourth differences over time
leave next to nothing of it. They leave white noise multiplied by sqrt(70), so their median magnitude measures it,
whatever outliers there are. Shapes: T frames, J joints, C coordinates.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.config import CleaningConfig

_ORDER: Final = 4
_GAIN: Final = 70.0**0.5
"""Standard deviation of the fourth difference (1, -4, 6, -4, 1) of unit white noise."""
_MEDIAN_TO_DEVIATION: Final = 1 / 0.6745
_FEWEST: Final = 12
"""Differences below which a joint's own estimate says nothing, and that of its group stands for it."""


def noise_level(
    values: NDArray[np.float32], seen: NDArray[np.bool_], fps: float, config: CleaningConfig
) -> NDArray[np.float64]:
    """Standard deviation (J,) of the noise in each joint's coordinates (T, J, C), in their own unit.

    At high rates every n-th frame is compared, for neighbouring frames share errors. At rates too low to tell motion
    from noise, less and less is taken for noise. A joint seen too rarely gets the median of the others, 0 if there
    are none.
    """
    stride = max(1, round(fps / config.noise_fps))
    usable = seen & np.isfinite(values).all(-1)
    difference, whole = values.astype(np.float64), usable
    for _ in range(_ORDER):
        difference = difference[stride:] - difference[:-stride]
        whole = whole[stride:] & whole[:-stride]
    size = np.where(whole[..., None], np.abs(difference), np.nan)
    enough = whole.sum(0) >= _FEWEST
    level = np.zeros(values.shape[1])
    if enough.any():
        level[enough] = np.nanmedian(size[:, enough], axis=(0, 2)) * _MEDIAN_TO_DEVIATION / _GAIN
        level[~enough] = np.median(level[enough])
    return level * min(1.0, fps / config.ordinary_fps) ** 2
