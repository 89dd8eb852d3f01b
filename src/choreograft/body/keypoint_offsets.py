"""How the tracker's joints differ from the body model's; made by benchmarks/keypoint_offsets.py.

The pose estimator "mediapipe" was trained on points that people marked, the body model names weighted means of its
vertices: shoulders, hips or heels of the two lie apart, by a constant step in the frame of the bone that carries them.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Offset(NamedTuple):
    """Where the tracker has a joint, seen from where the body model has it, for the person's left one."""

    bone: str
    """That carries the joint. For the right one its partner carries it, and x is turned round."""
    step: tuple[float, float, float]
    """x to the person's left, y backwards, z up, in the rest pose, in body heights."""


OFFSETS: Final[Mapping[str, Offset]] = {
    "nose": Offset("head", (0.0000, 0.0031, 0.0003)),
    "eye": Offset("head", (-0.0019, 0.0061, -0.0005)),
    "ear": Offset("head", (-0.0117, -0.0114, 0.0016)),
    "shoulder": Offset("spine01", (-0.0033, -0.0041, 0.0016)),
    "elbow": Offset("lowerarm01.L", (-0.0021, 0.0043, 0.0001)),
    "wrist": Offset("lowerarm02.L", (0.0012, -0.0040, -0.0044)),
    "hip": Offset("root", (-0.0017, -0.0064, 0.0051)),
    "knee": Offset("lowerleg01.L", (0.0005, -0.0033, 0.0044)),
    "ankle": Offset("foot.L", (0.0006, -0.0036, 0.0010)),
    "big_toe": Offset("foot.L", (0.0106, 0.0045, -0.0026)),
    "heel": Offset("foot.L", (-0.0037, 0.0035, 0.0008)),
}
"""By the joint's name without its side, from pictures. The tracker has no small toe."""

WORLD_LEAN_DEG: Final = 3.8
WORLD_LEAN_PER_PITCH: Final = -0.52
"""The tracker's metric landmarks lean to the camera, turned about the picture's x by `WORLD_LEAN_DEG` where the camera
is level, and by `WORLD_LEAN_PER_PITCH` more for each degree that it looks down: the tracker takes part of the pitch
out."""


class LimbDepth(NamedTuple):
    """How the world landmarks see a limb's way in depth: found = `slope` * true + `offset`, give or take `scatter`."""

    slope: float
    offset: float
    """In body heights, as is the scatter."""
    scatter: float


LIMB_DEPTHS: Final[Mapping[str, LimbDepth]] = {
    "upper arm": LimbDepth(0.60, -0.009, 0.033),
    "forearm": LimbDepth(0.66, -0.022, 0.039),
    "thigh": LimbDepth(0.33, -0.010, 0.022),
    "shin": LimbDepth(0.57, 0.008, 0.028),
    "foot": LimbDepth(0.27, -0.030, 0.017),
    "trunk": LimbDepth(0.71, -0.002, 0.028),
    "neck": LimbDepth(0.76, -0.007, 0.013),
    "face": LimbDepth(1.01, -0.011, 0.015),
    "shoulders": LimbDepth(0.98, 0.009, 0.023),
    "hips": LimbDepth(1.13, 0.005, 0.013),
    "ears": LimbDepth(0.94, 0.005, 0.011),
}
"""Once the lean is taken out. The tracker flattens limbs that point to the camera or away from it; shoulders, hips and
head turn as they should."""
