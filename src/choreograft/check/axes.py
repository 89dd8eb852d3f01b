"""Which way head, torso and pelvis are turned, read off the world landmarks of a track; NaN where these are unknown.

Shapes: T frames, J joints, P = 3 parts. Directions are unit vectors with axes as in the image: x right, y down, z away.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

Floats = NDArray[np.float64]

PARTS: Final = ("head", "torso", "pelvis")
_SMOOTHED: Final = 5
"""Frames under the running mean that takes the estimator's noise out of directions."""


def unit(vectors: Floats) -> Floats:
    """Vectors (..., D) made one long; NaN where they have no length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.where(length > 1e-6, vectors / np.where(length > 1e-6, length, 1), np.nan)


def world_points(track: PoseTrack) -> Floats:
    """(T, J, 3) m, NaN where a joint or the person is unseen."""
    known = track.present[:, None] & (track.score > 0)
    return np.where(known[..., None], track.world, np.nan).astype(np.float64)


def middle(points: Floats, joints: tuple[int, ...]) -> Floats:
    """Mean (T, D) of some joints of (T, J, D); NaN unless all are known."""
    return np.asarray(points[:, list(joints)].mean(1))


def part_axes(world: Floats) -> Floats:
    """Axes of each part: (T, P, 3, 3), rows its own left, up and forwards.

    Args:
        world: (T, J, 3) m.
    """
    shoulders, hips = middle(world, skeleton.SHOULDERS), middle(world, skeleton.HIPS)
    ears = middle(world, (skeleton.LEFT_EAR, skeleton.RIGHT_EAR))
    spine = shoulders - hips
    across = {
        "head": world[:, skeleton.LEFT_EAR] - world[:, skeleton.RIGHT_EAR],
        "torso": world[:, skeleton.LEFT_SHOULDER] - world[:, skeleton.RIGHT_SHOULDER],
        "pelvis": world[:, skeleton.LEFT_HIP] - world[:, skeleton.RIGHT_HIP],
    }
    upwards = {"head": ears - shoulders, "torso": spine, "pelvis": spine}
    axes = []
    for part in PARTS:
        left = unit(across[part])
        forward = unit(np.cross(left, upwards[part]))
        if part == "head":  # a nodding head takes its nose along, not its neck
            nose = world[:, skeleton.NOSE] - ears
            forward = unit(nose - (nose * left).sum(-1, keepdims=True) * left)
        axes.append(np.stack([left, np.cross(forward, left), forward], axis=1))
    return np.stack(axes, axis=1)


def coarse_views(track: PoseTrack) -> Floats:
    """From each part to the camera, in the part's own axes (left, up, forwards): (T, P, 3) unit vectors.

    The camera is taken to be far away, so that the direction to it is the same for all parts.
    """
    to_camera = -part_axes(world_points(track))[..., 2]  # the picture's z runs away from the camera
    smooth = np.stack([_running_mean(to_camera[:, p]) for p in range(len(PARTS))], axis=1)
    return unit(smooth)


def _running_mean(values: Floats) -> Floats:
    """(T, D) mean of the known values about each frame; NaN where the frame itself is unknown."""
    known = np.asarray(np.isfinite(values).all(-1))
    kernel = np.ones(min(_SMOOTHED, len(values)))
    count = np.convolve(known.astype(float), kernel, mode="same")
    filled = np.where(known[:, None], values, 0)
    total = np.stack([np.convolve(filled[:, d], kernel, mode="same") for d in range(values.shape[1])], axis=-1)
    return np.where(known[:, None], total / np.maximum(count, 1)[:, None], np.nan)
