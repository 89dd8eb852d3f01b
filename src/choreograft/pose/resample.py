"""A track on another time grid: other frame rates, slower or faster dances.

Between two frames a joint follows a cubic that keeps the shape of its motion: where the frames rise it rises, and where
they turn it turns in the frame itself, so that a hit is never overshot (Fritsch and Butland 1984, known as PCHIP).
Nothing is invented where nothing is known: between frames that do not belong together, whatever is asked for is what
the nearer one shows, and through a hold or a gap what was shown last, as in a player. Bodies go by the same grid.

Shapes: T frames of the track, N of the new grid, J = 133 joints, C coordinates.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.config import CleaningConfig
from choreograft.pose.track import NEIGHBOUR, PoseTrack

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

HALFWAY: Final = 0.5 + 1e-6
"""At twice the rate every other time lies between two frames: rounding must not make it choose now this, now that."""


@dataclass(frozen=True)
class TimeGrid:
    """Where new times lie among a track's frames."""

    time_s: Floats
    """(N,) the new times."""
    step_s: Floats
    """(T - 1,) between neighbouring frames."""
    joined: Flags
    """(T - 1,) whether the person moved from one frame to the next: in both of them, no cut and no gap between."""
    before: NDArray[np.intp]
    """(N,) the frame at or before each new time, T - 2 at most."""
    share: Floats
    """(N,) of the step behind that frame, 0 to 1; 0 or 1 where the two do not belong together."""
    nearest: NDArray[np.intp]
    """(N,) the frame that is shown: the nearest in time, the earlier one of two; in a gap the last."""
    shot: NDArray[np.int32]
    """(N,) number of the shot that is shown; after a gap begins another, as nothing moved through it."""

    @staticmethod
    def of(track: PoseTrack, time_s: NDArray[np.float64]) -> "TimeGrid":
        """The grid of times (N,) on the track's clock, s, increasing.

        Raises:
            ValueError: the track has no frame.
        """
        if not len(track):
            raise ValueError("found a track without frames; expected at least one to take poses from")
        time_s = np.asarray(time_s, np.float64)
        step_s = np.diff(track.time_s)
        before = np.clip(np.searchsorted(track.time_s, time_s, side="right") - 1, 0, max(0, len(track) - 2))
        after = np.minimum(before + 1, len(track) - 1)
        length_s = np.maximum(track.time_s[after] - track.time_s[before], np.finfo(np.float64).tiny)
        share = np.clip((time_s - track.time_s[before]) / length_s, 0, 1)
        gap = step_s > max(CleaningConfig().fill_gap_s, NEIGHBOUR / float(track.rate))
        joined = track.present[:-1] & track.present[1:] & ~gap & (np.diff(track.shot) == 0)
        if len(joined):
            share = np.where(gap[before], share == 1, np.where(joined[before], share, share > HALFWAY))
        nearest = np.where(share <= HALFWAY, before, after)
        shot = track.shot + np.concatenate([[0], np.cumsum(gap)]).astype(np.int32)
        return TimeGrid(time_s, step_s, joined, before, share, nearest, shot[nearest])


def fill_joints(values: Floats, at_s: Floats, time_s: Floats, least: float = 0.0) -> Floats:
    """Values (N, J, C) known at `at_s`, at other times (T, J, C): linear in between, held at the ends.

    Joints that are known in less than the share `least` of the frames, or never, stay NaN.
    """
    result = np.full((len(time_s), *values.shape[1:]), np.nan)
    for joint in range(values.shape[1]):
        known = np.isfinite(values[:, joint]).all(axis=-1)
        if known.any() and known.mean() >= least:
            for axis in range(values.shape[2]):
                result[:, joint, axis] = np.interp(time_s, at_s[known], values[known, joint, axis])
    return result


def resample_track(track: PoseTrack, grid: TimeGrid, rate: Fraction) -> PoseTrack:
    """The same motion at other times; on its own times a track stays what it is.

    `xy`, `depth` and `world` are interpolated by a monotone cubic, scores linearly, both only between two frames that
    show the person and the joint and have no cut and no gap between them (one that cleaning would not fill either).
    Everything else, `present` and masks among it, is that of the nearest frame; before the first and after the last
    frame these two stay.

    Args:
        track: cleaned, in any pixels. grid: of it. rate: nominal frames per second of the new grid.
    Returns:
        N frames at the grid's times. Unseen joints are NaN with score 0, as ever.
    """
    near = replace(track.select(grid.nearest), time_s=grid.time_s, rate=rate, shot=grid.shot)
    if len(track) == 1:
        return near
    return replace(
        near,
        xy=_follow_cubic(track.xy, near.xy, grid),
        depth=_follow_cubic(track.depth[..., None], near.depth[..., None], grid)[..., 0],
        world=_follow_cubic(track.world, near.world, grid),
        score=_follow_line(track.score, near.score, np.asarray(np.isfinite(track.xy).all(-1)), grid),
    )


def _follow_cubic(values: NDArray[np.float32], near: NDArray[np.float32], grid: TimeGrid) -> NDArray[np.float32]:
    """(N, J, C) the cubic through values (T, J, C) where it is defined, and `near` (N, J, C) elsewhere."""
    result = near.copy()
    s = grid.share[:, None]
    rise, fall = s**2 * (3 - 2 * s), (1 - s) ** 2 * (1 + 2 * s)
    # joint by joint: a long clip's temporaries for all 133 at once would take gigabytes
    for j in np.flatnonzero(np.isfinite(values).any((0, 2))):
        path = values[:, j].astype(np.float64)  # (T, C)
        known = np.asarray(np.isfinite(path).all(-1))
        linked = grid.joined & known[:-1] & known[1:]
        tangent = _monotone_tangents(path, linked, grid.step_s)
        k, inside = grid.before, linked[grid.before]
        length_s = grid.step_s[k][:, None]
        bend = length_s * s * (1 - s) * ((1 - s) * tangent[k] - s * tangent[k + 1])
        result[inside, j] = (fall * path[k] + rise * path[k + 1] + bend)[inside]
    return result


def _monotone_tangents(path: Floats, linked: Flags, step_s: Floats) -> Floats:
    """(T, C) velocity at each frame of a joint's path (T, C), after Fritsch and Butland 1984.

    The weighted harmonic mean of the velocities on both sides, 0 where they disagree in sign; where the joint is known
    on one side only, the velocity there.
    """
    velocity = np.where(linked[:, None], np.diff(path, axis=0) / step_s[:, None], 0.0)  # (T - 1, C)
    nothing = np.zeros((1, path.shape[1]))
    left, right = np.concatenate([nothing, velocity]), np.concatenate([velocity, nothing])
    has_left, has_right = np.append(False, linked)[:, None], np.append(linked, False)[:, None]
    h_left, h_right = np.append(0, step_s)[:, None], np.append(step_s, 0)[:, None]
    w_left, w_right = 2 * h_right + h_left, h_right + 2 * h_left
    agree = left * right > 0
    mixed = w_left * right + w_right * left
    mean = (w_left + w_right) * left * right / np.where(agree, mixed, 1)
    return np.where(has_left & has_right, np.where(agree, mean, 0), left + right)


def _follow_line(
    score: NDArray[np.float32], near: NDArray[np.float32], known: Flags, grid: TimeGrid
) -> NDArray[np.float32]:
    """(N, J) scores (T, J) on the line between two frames that know the joint (T, J), and `near` (N, J) elsewhere."""
    k, share = grid.before, grid.share[:, None].astype(np.float32)
    inside = grid.joined[k, None] & known[k] & known[k + 1]
    return np.where(inside, (1 - share) * score[k] + share * score[k + 1], near).astype(np.float32)
