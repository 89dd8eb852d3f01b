"""The One-Euro filter: smoothing one frame at a time, for live use, where the future is not known.

Casiez, Roussel, Vogel 2012, "1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive Systems":
a low-pass filter whose cut-off rises with speed, so that what rests is calm and what is fast is not late.
Shapes: J joints, C coordinates.
"""

import numpy as np
from numpy.typing import NDArray

from choreograft.config import OneEuroConfig

Array = NDArray[np.float64]


class OneEuroFilter:
    """Smooths joints as they come; every joint has a state of its own.

    A joint that was away for longer than `forget_s` starts anew; one away for less goes on from where it was.
    """

    def __init__(self, scale: float, config: OneEuroConfig | None = None) -> None:
        """`scale`: the body's height in the unit of the coordinates (px or m); speeds are measured by it."""
        if not scale > 0:
            raise ValueError(f"scale is {scale}; expected the body's height, above zero")
        self.scale = scale
        self.config = OneEuroConfig() if config is None else config
        self._last: Array | None = None
        self._raw: Array
        self._speed: Array
        self._seen_s: Array

    def filter(self, values: NDArray[np.float32], time_s: float) -> NDArray[np.float32]:
        """The next frame, smoothed.

        Args:
            values: (J, C), NaN where unseen; of the same shape in every frame.
            time_s: later than that of the frame before, steps may be uneven.
        Returns:
            (J, C) float32, NaN where `values` is.
        Raises:
            ValueError: time does not go on.
        """
        seen = np.asarray(np.isfinite(values).all(-1))
        if self._last is None:
            self._last = np.full(values.shape, np.nan)
            self._raw, self._speed = self._last.copy(), np.zeros(values.shape)
            self._seen_s = np.full(len(values), -np.inf)
        step_s = time_s - self._seen_s  # (J,)
        if not (step_s > 0).all():
            raise ValueError(f"time_s is {time_s}; expected more than the last frame's, {self._seen_s.max()}")
        fresh = np.asarray(seen & (step_s > self.config.forget_s))
        follows = seen & ~fresh
        self._last[fresh] = self._raw[fresh] = values[fresh]
        self._speed[fresh] = 0.0
        self._follow(values, follows, step_s[follows, None])
        self._seen_s[seen] = time_s
        return np.where(seen[:, None], self._last, np.nan).astype(np.float32)

    def _follow(self, values: NDArray[np.float32], joints: NDArray[np.bool_], step_s: Array) -> None:
        assert self._last is not None
        now = values[joints].astype(np.float64)
        share = smoothing_share(np.full_like(step_s, self.config.speed_cutoff_hz), step_s)
        speed = share * (now - self._raw[joints]) / step_s + (1 - share) * self._speed[joints]
        pace = np.linalg.norm(speed, axis=-1, keepdims=True) / self.scale
        share = smoothing_share(self.config.min_cutoff_hz + self.config.beta * pace, step_s)
        self._last[joints] = share * now + (1 - share) * self._last[joints]
        self._raw[joints], self._speed[joints] = now, speed


def smoothing_share(cutoff_hz: Array, step_s: Array) -> Array:
    """What share of a low-pass filter's output is the new value: 1 / (1 + tau / step), tau = 1 / (2 pi cut-off)."""
    return np.asarray(1 / (1 + 1 / (2 * np.pi * cutoff_hz * step_s)))
