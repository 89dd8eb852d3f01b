"""The true pose track of a rendered clip: the skeleton itself, projected, instead of an estimate.

Shapes: T frames, J = 133 joints.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from choreograft.body.model import Body
from choreograft.pose import skeleton
from choreograft.pose.track import MaskSequence, PoseTrack
from choreograft.studio.camera import Camera
from choreograft.studio.posing import Poses

Array = NDArray[np.float64]


def find_joints(body: Body, poses: Poses) -> Array:
    """(T, J, 3) m, stage axes."""
    joints = []
    for rotations, origins in zip(poses.rotations, poses.origins, strict=True):
        joints.append(body.joints(body.skin(body.vertices, body.weights, rotations, origins), rotations, origins))
    return np.stack(joints)


def true_track(joints: Array, camera: Camera, rate: Fraction, masks: MaskSequence | None) -> PoseTrack:
    """What a perfect estimator would have found.

    Args:
        joints: (T, J, 3) m, stage axes, NaN where unknown.
        camera: that saw them.
        rate: frames per second.
        masks: of the person, or None.
    """
    T = len(joints)
    seen = camera.place(joints)  # camera axes, m
    hips = seen[:, list(skeleton.HIPS)].mean(axis=1, keepdims=True)
    px_per_m = camera.focal_px / hips[..., 2]
    return PoseTrack(
        size=camera.size,
        rate=rate,
        time_s=np.arange(T) / float(rate),
        xy=camera.project(joints).astype(np.float32),
        score=np.asarray(np.isfinite(joints).all(axis=-1), dtype=np.float32),
        depth=((seen - hips)[..., 2] * px_per_m).astype(np.float32),
        world=(seen - hips).astype(np.float32),
        present=np.ones(T, dtype=np.bool_),
        masks=masks,
    )
