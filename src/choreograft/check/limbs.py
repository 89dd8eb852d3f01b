"""Limbs and their motion in the picture. Shapes: T frames, J joints, L limbs."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Limb:
    """A limb that can be fast: the line along it, and the joint whose speed counts."""

    name: str
    joints: tuple[int, int]
    """From the body outwards; the outer one's speed is the limb's."""


LIMBS: Final = (
    Limb("left arm", (skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST)),
    Limb("right arm", (skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST)),
    Limb("left leg", (skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE)),
    Limb("right leg", (skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE)),
)


def limb_speed(track: PoseTrack) -> Floats:
    """How fast the end of each limb moves across the picture: (T, L) px a second, NaN where unknown and beside cuts."""
    ends = track.xy[:, [limb.joints[1] for limb in LIMBS]].astype(np.float64)  # (T, L, 2)
    usable = np.stack([np.isfinite(track.xy[:, list(limb.joints)]).all((1, 2)) for limb in LIMBS], axis=1)
    if len(track) < 3:
        return np.full(usable.shape, np.nan)
    cut = np.diff(track.shot) != 0
    usable[:-1][cut] = usable[1:][cut] = False
    speed = np.linalg.norm(np.gradient(ends, track.time_s, axis=0), axis=-1)
    return np.where(usable, speed, np.nan)
