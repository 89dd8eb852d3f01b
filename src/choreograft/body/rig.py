"""The joints by which a body is moved, fewer than Anny's 104 bones, and from their rotations to bones and points.

A *joint* turns its bones by a rotation vector; a chain of bones (spine, neck) shares it evenly. A *segment* is a bone
that some joint turns; all other bones ride on the nearest segment above them. The rotation vector is written in the
joint's own axes: *bend* (about its hinge), *twist* (about the limb) and *aside*, so that limits mean something.

`Chain` and `Points` go from there to places, for all frames at once and differentiable: torch, no skinning. Under
linear blend skinning a weighted mean of vertices is itself a weighted mean of what the bones make of a few fixed
points, so every keypoint is one row of a small matrix: exact, and a thousand times cheaper than skinning the mesh.

Shapes: T frames, J joints, S segments, B bones, K points. World axes (see the package), metres, radians.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.model import FINGER_BONES, Body

Array = NDArray[np.float64]

SIDES: Final = ("L", "R")
PELVIS: Final = "pelvis"
"""Turns the whole body; its rotation is that of the body in the world."""


@dataclass(frozen=True)
class Joint:
    """One joint of the rig."""

    name: str
    bones: tuple[str, ...]
    """The bones it turns."""
    is_chain: bool = False
    """Whether its bones follow one another and share its rotation, or each make all of it."""
    low_deg: tuple[float, float, float] = (-60.0, -60.0, -60.0)
    high_deg: tuple[float, float, float] = (60.0, 60.0, 60.0)
    """Limits of bend, twist and aside, from the rest pose."""


def _limb_joints(side: str) -> tuple[Joint, ...]:
    toes = tuple(f"toe{count}-1.{side}" for count in range(1, 6))
    return (
        # a negative move aside lifts the shoulder
        Joint(f"collar.{side}", (f"clavicle.{side}",), low_deg=(-12, -12, -35), high_deg=(12, 12, 12)),
        Joint(f"shoulder.{side}", (f"upperarm01.{side}",), low_deg=(-130, -95, -130), high_deg=(130, 95, 130)),
        # at rest the elbow is bent by 42 degrees
        Joint(f"elbow.{side}", (f"lowerarm01.{side}",), low_deg=(-46, -4, -4), high_deg=(108, 4, 4)),
        Joint(f"forearm.{side}", (f"lowerarm02.{side}",), low_deg=(-3, -85, -3), high_deg=(3, 85, 3)),
        Joint(f"wrist.{side}", (f"wrist.{side}",), low_deg=(-75, -8, -30), high_deg=(75, 8, 30)),
        Joint(f"hip.{side}", (f"upperleg01.{side}",), low_deg=(-140, -50, -75), high_deg=(40, 50, 75)),
        Joint(f"knee.{side}", (f"lowerleg01.{side}",), low_deg=(-6, -12, -4), high_deg=(155, 12, 4)),
        Joint(f"ankle.{side}", (f"foot.{side}",), low_deg=(-55, -20, -35), high_deg=(55, 20, 35)),
        Joint(f"toes.{side}", toes, low_deg=(-45, -2, -2), high_deg=(5, 2, 2)),
    )


def _finger_joints(side: str) -> tuple[Joint, ...]:
    return tuple(
        Joint(f"{name}{knuckle}.{side}", (f"finger{finger}-{knuckle}.{side}",), False, (-100, -12, -22), (100, 12, 22))
        for name, finger in FINGER_BONES.items()
        for knuckle in (1, 2, 3)
    )


BODY_JOINTS: Final = (
    Joint(PELVIS, ("root",)),
    Joint("spine", ("spine05", "spine04", "spine03", "spine02", "spine01"), True, (-45, -60, -45), (75, 60, 45)),
    Joint("neck", ("neck01", "neck02", "neck03", "head"), True, (-65, -80, -50), (65, 80, 50)),
    *_limb_joints("L"),
    *_limb_joints("R"),
)
FINGER_JOINTS: Final = (*_finger_joints("L"), *_finger_joints("R"))
JOINTS: Final = (*BODY_JOINTS, *FINGER_JOINTS)
NAMES: Final = tuple(joint.name for joint in JOINTS)
BODY_COUNT: Final = len(BODY_JOINTS)


def joint_index(name: str) -> int:
    """Where a joint stands in `JOINTS`."""
    return NAMES.index(name)


@dataclass(frozen=True)
class Rig:
    """The rig of a skeleton: which segment hangs on which, and how much of which joint's rotation it makes."""

    bones: tuple[str, ...]
    """All B bones of the skeleton."""
    segments: tuple[int, ...]
    """(S,) the bone of each segment, parents before children; the first is the root."""
    parents: tuple[int, ...]
    """(S,) the segment above; -1 for the root."""
    joints: tuple[int, ...]
    """(S,) the joint that turns it."""
    shares: tuple[float, ...]
    """(S,) of the joint's rotation vector."""
    segment_of: tuple[int, ...]
    """(B,) the segment that each bone rides on."""

    @staticmethod
    def of(bones: Sequence[str], parents: NDArray[np.int64], joints_used: int = len(JOINTS)) -> "Rig":
        """The rig of a skeleton with these bones; those that the first `joints_used` joints turn are among them."""
        driver = {bone: index for index, joint in enumerate(JOINTS[:joints_used]) for bone in joint.bones}
        segments = [bone for bone, name in enumerate(bones) if name in driver]
        joints = [driver[bones[bone]] for bone in segments]
        segment_of: list[int] = []
        for bone, parent in enumerate(parents):
            segment_of.append(segments.index(bone) if bone in segments else segment_of[parent])
        above = [-1, *(segment_of[parents[bone]] for bone in segments[1:])]
        shares = [1 / len(JOINTS[joint].bones) if JOINTS[joint].is_chain else 1.0 for joint in joints]
        return Rig(tuple(bones), tuple(segments), tuple(above), tuple(joints), tuple(shares), tuple(segment_of))

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """Segments by their distance from the root: all of a level can be placed at once."""
        depth = [0]
        for parent in self.parents[1:]:
            depth.append(depth[parent] + 1)
        return tuple(tuple(s for s in range(len(depth)) if depth[s] == level) for level in range(max(depth) + 1))


def joint_axes(body: Body) -> Array:
    """(J, 3, 3) columns: the axes of bend, twist and aside of each joint, in world axes of the rest pose.

    Elbows bend about the hinge of the resting arm, knees about the line from right to left, fingers about the line
    across the hand. Bending a knee, an elbow or a finger is positive, lifting a thigh forward negative, as the axes go.
    """
    axes = np.tile(np.eye(3), (len(JOINTS), 1, 1))
    right, up = np.eye(3)[[0, 2]]
    for name in ("spine", "neck"):
        axes[joint_index(name)] = _frame(up, right)

    def way(side: str, start: str, end: str) -> Array:
        return body.head(f"{end}.{side}") - body.head(f"{start}.{side}")

    for side in SIDES:
        elbow = np.cross(way(side, "upperarm01", "lowerarm01"), way(side, "lowerarm01", "wrist"))
        hand = way(side, "finger2-1", "finger5-1") * (1 if side == "L" else -1)
        for name, start, end, hinge in (
            ("collar", "clavicle", "upperarm01", up),
            ("shoulder", "upperarm01", "lowerarm01", elbow),
            ("elbow", "lowerarm01", "wrist", elbow),
            ("forearm", "lowerarm01", "wrist", elbow),
            ("wrist", "wrist", "finger3-1", hand),
            ("hip", "upperleg01", "lowerleg01", right),
            ("knee", "lowerleg01", "foot", right),
            ("ankle", "foot", "toe3-1", right),
            ("toes", "foot", "toe3-1", right),
        ):
            axes[joint_index(f"{name}.{side}")] = _frame(way(side, start, end), hinge)
        for name, finger in FINGER_BONES.items():
            first = joint_index(f"{name}1.{side}")
            axes[first : first + 3] = _frame(way(side, f"finger{finger}-1", f"finger{finger}-3"), hand)
    return axes


def _frame(along: Array, hinge: Array) -> Array:
    """(3, 3) columns: the hinge made square to the limb, the limb, and the third axis."""
    twist = along / np.linalg.norm(along)
    bend = hinge - (hinge @ twist) * twist
    bend /= np.linalg.norm(bend)
    return np.stack([bend, twist, np.cross(bend, twist)], axis=1)


def limits_rad() -> tuple[Array, Array]:
    """(J, 3) lowest and highest bend, twist and aside of every joint."""
    return np.deg2rad([joint.low_deg for joint in JOINTS]), np.deg2rad([joint.high_deg for joint in JOINTS])


@dataclass(frozen=True)
class Chain:
    """The rig as tensors, with the bone lengths of one shape."""

    rig: Rig
    axes: Tensor
    """(J, 3, 3) see `rig.joint_axes`."""
    heads: Tensor
    """(S, 3) where each segment begins at rest."""

    def place(self, root: Tensor, pelvis: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations (T, S, 3, 3) of the segments from their rest orientation, and where each begins (T, S, 3).

        Args:
            root: (T, 3, 3) the pelvis's rotation. pelvis: (T, 3) m, where it is.
            turns: (T, J, 3) bend, twist and aside of the rig's joints. The pelvis's own row is not read.
        """
        local = self.local_rotations(turns)
        rotations: list[Tensor] = [root[:, None]]
        origins: list[Tensor] = [pelvis[:, None]]
        at = {0: (0, 0)}
        for number, level in enumerate(self.rig.levels[1:], start=1):
            parents = [self.rig.parents[s] for s in level]
            above = [at[parent][1] for parent in parents]
            turned, begun = rotations[-1][:, above], origins[-1][:, above]
            offsets = self.heads[list(level)] - self.heads[parents]  # (n, 3)
            origins.append(begun + (turned @ offsets[None, :, :, None])[..., 0])
            rotations.append(turned @ local[:, list(level)])
            at |= {s: (number, place) for place, s in enumerate(level)}
        return torch.cat(rotations, 1)[:, self._back], torch.cat(origins, 1)[:, self._back]

    @cached_property
    def _back(self) -> list[int]:
        """From the order of levels to that of segments."""
        order = [s for level in self.rig.levels for s in level]
        return sorted(range(len(order)), key=order.__getitem__)

    def local_rotations(self, turns: Tensor) -> Tensor:
        """(T, S, 3, 3) of each segment against the one above it; the root's is not meant to be used."""
        vectors = torch.einsum("jab,tjb->tja", self.axes[: turns.shape[1]], turns)
        shares = turns.new_tensor(self.rig.shares)
        return rotation_matrices(vectors[:, list(self.rig.joints)] * shares[:, None])


@dataclass(frozen=True)
class Points:
    """K points on the body as weighted means of what the segments carry, for one shape."""

    matrix: Tensor
    """(4 S, K): of each segment first the three coordinates, then the weight."""

    def locate(self, rotations: Tensor, origins: Tensor) -> Tensor:
        """(T, K, 3) m of segments' rotations (T, S, 3, 3) and origins (T, S, 3)."""
        T, S = origins.shape[:2]
        carried = torch.cat([rotations, origins[..., None]], dim=-1)  # (T, S, 3, 4)
        return (carried.permute(0, 2, 1, 3).reshape(T, 3, 4 * S) @ self.matrix).transpose(1, 2)


def rotation_matrices(vectors: Tensor) -> Tensor:
    """(..., 3, 3) of rotation vectors (..., 3), radians; smooth at zero (Rodrigues' formula)."""
    squared = (vectors * vectors).sum(-1, keepdim=True)
    angle = torch.sqrt(squared + 1e-12)
    first, second = torch.sin(angle) / angle, (1 - torch.cos(angle)) / (angle * angle)
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*vectors.shape, 3)
    outer = vectors[..., :, None] * vectors[..., None, :]
    eye = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    matrices: Tensor = eye * (1 - second * squared)[..., None] + first[..., None] * cross + second[..., None] * outer
    return matrices
