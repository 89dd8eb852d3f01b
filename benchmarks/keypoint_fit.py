"""Robust means of how found joints differ from true ones, in the pictures and in the world landmarks.

`keypoint_offsets.py` films what is measured here. Shapes: T frames, N equations, J = 23 joints of body and feet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from choreograft.pose import skeleton

Array = NDArray[np.float64]

J = skeleton.FEET.stop
TRIM_2D, TRIM_3D = 0.012, 0.02
"""Scale of the robust means, in body heights: residuals beyond it lose weight."""
STIFFNESS = 0.02
"""Of the wish for no offset, as a share of the equations: what no camera sees stays at zero."""
BONES = {
    "nose": "head", "eye": "head", "ear": "head", "shoulder": "spine01", "elbow": "lowerarm01", "wrist": "lowerarm02",
    "hip": "root", "knee": "lowerleg01", "ankle": "foot", "big_toe": "foot", "heel": "foot",
}  # fmt: skip
"""Which bone carries each joint, one of those that the rig turns (body/rig.py). The tracker has no small toe."""


@dataclass(frozen=True)
class Sample:
    """One clip: what is true and what was found."""

    name: str
    joints: Array
    """(T, J, 3) true, in the camera's axes, m."""
    turns: Array
    """(T, J, 3, 3) of each joint's bone from the rest pose, in the camera's axes; right ones mirrored at rest."""
    pitch_deg: float
    """Of the camera."""
    focal_px: float
    centre_px: Array
    """(2,)."""
    height_m: float
    xy: Array
    """(T, J, 2) found, px, NaN where not seen."""
    world: Array
    """(T, J, 3) found, m, from the middle of the hips, NaN where not seen."""

    @property
    def hips(self) -> Array:
        """(T, 1, 3) the true middle of the hips."""
        return np.asarray(self.joints[:, list(skeleton.HIPS)].mean(axis=1, keepdims=True))


def is_right(joint: int) -> bool:
    """Whether a joint is the person's right one."""
    return skeleton.NAMES[joint].startswith("right_")


def kind_of(joint: int) -> str:
    """A joint's name without its side."""
    return skeleton.NAMES[joint].removeprefix("left_").removeprefix("right_")


def bone_of(joint: int) -> str:
    """The name of the bone that carries a joint."""
    kind = kind_of(joint)
    bone = BONES.get(kind, "foot")
    side = ".R" if is_right(joint) else ".L"
    return bone if bone in ("head", "root", "spine01") else bone + side


def fit_flat(samples: Sequence[Sample]) -> Array:
    """(J, 3) offsets in body heights, of the left joints' frame for both, from where the joints are in the pictures."""
    offsets = np.zeros((J, 3))
    for pair in pairs():
        rows, wanted = zip(*(flat_equations(sample, joint) for sample in samples for joint in pair), strict=True)
        offsets[list(pair)] = robust_fit(np.concatenate(rows), np.concatenate(wanted), TRIM_2D, len(pair) == 1)
    return offsets


def pairs() -> list[tuple[int, ...]]:
    """Joints that are one another's mirror image, without the small toes."""
    return [
        tuple(sorted({joint, skeleton.MIRROR[joint]}))
        for joint in range(J)
        if joint <= skeleton.MIRROR[joint] and kind_of(joint) in BONES
    ]


def flat_equations(sample: Sample, joint: int) -> tuple[Array, Array]:
    """Per frame the picture's response (T, 2, 3) to an offset, and what is to be explained (T, 2), in body heights."""
    x, y, z = np.moveaxis(sample.joints[:, joint], -1, 0)
    ones, zeros = np.ones_like(x), np.zeros_like(x)
    lens = np.stack([np.stack([ones, zeros, -x / z], -1), np.stack([zeros, ones, -y / z], -1)], 1)
    true = sample.centre_px + sample.focal_px * np.stack([x / z, y / z], axis=-1)
    px_per_height = (sample.focal_px * sample.height_m / z)[:, None]
    return lens @ sample.turns[:, joint], (sample.xy[:, joint] - true) / px_per_height


def robust_fit(rows: Array, wanted: Array, scale: float, on_midline: bool) -> Array:
    """(3,) the least squares solution of rows (N, D, 3) @ offset = wanted (N, D), far-off frames weighing little."""
    known = np.isfinite(wanted).all(axis=1)
    rows, wanted = rows[known], wanted[known]
    offset = np.zeros(3)
    for _ in range(60):
        off = np.linalg.norm(wanted - rows @ offset, axis=1)
        weight = 1 / (1 + (off / scale) ** 2)
        normal = np.einsum("n,ndi,ndj->ij", weight, rows, rows) + STIFFNESS * weight.sum() * np.eye(3)
        offset = np.linalg.solve(normal, np.einsum("n,ndi,nd->i", weight, rows, wanted))
        if on_midline:
            offset[0] = 0
    return offset


@dataclass(frozen=True)
class World:
    """How the world landmarks differ from the truth."""

    height_m: float
    """They are those of a person of this height, whoever it is."""
    lean_deg: float
    """By so much they lean to the camera where it is level, about the picture's x."""
    lean_per_pitch: float
    """By so much more for each degree that the camera looks down."""
    offsets: Array
    """(J, 3) in body heights, from the true middle of the hips."""


def fit_world(samples: Sequence[Sample]) -> World:
    """Size, lean and offsets of the world landmarks, in turns until they settle."""
    world = World(1.7, 0.0, 0.0, np.zeros((J, 3)))
    for _ in range(8):
        start = [world.height_m, world.lean_deg, world.lean_per_pitch]
        found = least_squares(
            size_and_lean, start, x_scale=[0.1, 1, 1], loss="soft_l1", f_scale=TRIM_3D, args=(samples, world.offsets)
        ).x.tolist()
        world = World(*found, world.offsets)
        world = replace(world, offsets=fit_deep(samples, world))
    return world


def size_and_lean(found: Array, samples: Sequence[Sample], offsets: Array) -> Array:
    """Residuals of the body's joints in body heights, flat."""
    world = World(*found.tolist(), offsets)
    off = np.concatenate([(s.world / world.height_m - place_world(s, world))[:, skeleton.BODY] for s in samples])
    return np.asarray(off[np.isfinite(off).all(axis=-1)]).ravel()


def fit_deep(samples: Sequence[Sample], world: World) -> Array:
    """(J, 3) offsets, for a size and a lean."""
    offsets = np.zeros((J, 3))
    for pair in pairs():
        rows, wanted = zip(*(world_equations(s, joint, world) for s in samples for joint in pair), strict=True)
        offsets[list(pair)] = robust_fit(np.concatenate(rows), np.concatenate(wanted), TRIM_3D, len(pair) == 1)
    return offsets


def world_equations(sample: Sample, joint: int, world: World) -> tuple[Array, Array]:
    """As `flat_equations`, (T, 3, 3) and (T, 3), for the world landmarks."""
    lean = lean_of(sample, world)
    true = (sample.joints - sample.hips)[:, joint] / sample.height_m
    return lean @ sample.turns[:, joint], sample.world[:, joint] / world.height_m - true @ lean.T


def lean_of(sample: Sample, world: World) -> Array:
    """(3, 3) the turn from the truth to the world landmarks, in the camera's axes."""
    angle = world.lean_deg + world.lean_per_pitch * sample.pitch_deg
    return np.asarray(Rotation.from_euler("x", angle, degrees=True).as_matrix())


def place_world(sample: Sample, world: World) -> Array:
    """(T, J, 3) where the world landmarks should be, in body heights."""
    moved = (sample.joints - sample.hips) / sample.height_m
    moved = moved + np.einsum("tjab,jb->tja", sample.turns, world.offsets)
    return np.asarray(moved @ lean_of(sample, world).T)


def place_flat(sample: Sample, offsets: Array) -> Array:
    """(T, J, 2) where the joints should be in the picture, px."""
    moved = sample.joints + sample.height_m * np.einsum("tjab,jb->tja", sample.turns, offsets)
    return np.asarray(sample.centre_px + sample.focal_px * moved[..., :2] / moved[..., 2:])
