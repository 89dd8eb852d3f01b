"""Shape space: from a person's build to the rig's bone lengths and keypoints, differentiable.

Shapes: P = 6 phenotypes, L lengths, C blend coefficients, S segments, K points: 133 COCO-WholeBody joints, then the
soles' points.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.model import (
    FINGER_BONES,
    FINGERTIP_REACH,
    LENGTHS,
    Blend,
    Body,
    load_blend,
    make_body,
    phenotype_coefficients,
)
from choreograft.body.rig import JOINTS, SIDES, Chain, Points, Rig, joint_axes, joint_index
from choreograft.pose import skeleton

PHENOTYPES: Final = ("gender", "age", "muscle", "weight", "height", "proportions")
SOLE_POINTS: Final = ("heel", "inner ball", "outer ball", "tip")
"""Of each foot, left first: where it touches the floor."""
SOLES: Final = slice(skeleton.JOINTS, skeleton.JOINTS + 2 * len(SOLE_POINTS))


@dataclass(frozen=True)
class BodyShape:
    """One person's build."""

    phenotypes: tuple[float, ...]
    """(P,) of `PHENOTYPES`, 0..1."""
    lengths: tuple[float, ...] = (0.0,) * len(LENGTHS)
    """(L,) of `LENGTHS`: by how much of itself each part is longer."""

    def build(self) -> Body:
        """The body at rest: mesh, skeleton and skinning; a fifth of a second the first time. Not to be changed."""
        return _build(self)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` is the inverse."""
        return {
            "phenotypes": dict(zip(PHENOTYPES, self.phenotypes, strict=True)),
            "lengths": dict(zip(LENGTHS, self.lengths, strict=True)),
        }

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> "BodyShape":
        """What `as_dict` wrote; missing names raise KeyError."""
        return BodyShape(
            tuple(float(content["phenotypes"][name]) for name in PHENOTYPES),
            tuple(float(content["lengths"][name]) for name in LENGTHS),
        )


@lru_cache(maxsize=16)
def _build(shape: BodyShape) -> Body:
    named = shape.as_dict()
    return make_body(named["phenotypes"], named["lengths"])


MEAN_SHAPE: Final = BodyShape((0.5, 0.67, 0.5, 0.5, 0.5, 0.5))


@dataclass(frozen=True)
class ShapeSpace:
    """The linear part of all shapes, in float32 tensors."""

    rig: Rig
    axes: Tensor
    """(J, 3, 3) of the mean shape; limbs point alike in all shapes."""
    heads: Tensor
    """(1 + C, S, 3) m: the mean, then what each coefficient adds."""
    points: Tensor
    """(1 + C, 4 S, K) see `rig.Points`."""

    def segment_of(self, joint: str) -> int:
        """The first segment that a joint turns."""
        return self.rig.joints.index(joint_index(joint))

    def coefficients(self, phenotypes: Tensor, lengths: Tensor) -> Tensor:
        """(C,) of phenotypes (P,) 0..1 and lengths (L,)."""
        named = dict(zip(PHENOTYPES, torch.split(phenotypes.double(), 1), strict=True))
        anny: Tensor = phenotype_coefficients(named)
        return torch.cat([anny.to(lengths.dtype), lengths])

    def skeleton(self, coefficients: Tensor, points: slice | Tensor = slice(None)) -> tuple[Chain, Points]:
        """The rig with the bone lengths of one shape, and the chosen points on it."""
        chain = Chain(self.rig, self.axes, self.heads[0] + torch.tensordot(coefficients, self.heads[1:], 1))
        chosen = self.points[..., points]
        return chain, Points(chosen[0] + torch.tensordot(coefficients, chosen[1:], 1))

    def select(self, points: Tensor) -> "ShapeSpace":
        """The same with the chosen points alone: saves choosing them anew for every shape."""
        return replace(self, points=self.points[..., points])

    def of(self, shape: BodyShape, points: slice | Tensor = slice(None)) -> tuple[Chain, Points]:
        """`skeleton` of a finished shape."""
        return self.skeleton(self.coefficients(torch.tensor(shape.phenotypes), torch.tensor(shape.lengths)), points)


@cache
def load_shape_space(joints: int = len(JOINTS)) -> ShapeSpace:
    """The shape space of Anny's body; takes some seconds, once in a process.

    Args:
        joints: how many of `JOINTS` can move; with `BODY_COUNT` the fingers stay as they are at rest.
    Raises:
        DependencyError: anny is not installed.
    """
    blend, mean = load_blend(), MEAN_SHAPE.build()
    rig = Rig.of(blend.bones, blend.parents, joints)
    segments = list(rig.segments)
    heads = blend.heads[:, segments]
    carried = np.zeros((len(heads), len(segments), 4, SOLES.stop))
    _add_surface_points(carried, blend, rig, heads, mean)
    _add_hands(carried, blend, rig)
    return ShapeSpace(
        rig=rig,
        axes=torch.tensor(joint_axes(mean), dtype=torch.float32),
        heads=torch.tensor(heads, dtype=torch.float32),
        points=torch.tensor(carried.reshape(len(heads), -1, SOLES.stop), dtype=torch.float32),
    )


def _add_surface_points(
    carried: NDArray[np.float64], blend: Blend, rig: Rig, heads: NDArray[np.float64], mean: Body
) -> None:
    """Body, feet, face and soles: means of vertices, each vertex carried by its bones."""
    regressor = scipy.sparse.vstack([blend.surface_joints, blend.face_joints, _sole_regressor(mean)]).tocsr()
    columns = [*range(skeleton.FACE.stop), *range(SOLES.start, SOLES.stop)]
    ride = scipy.sparse.csr_array(
        (np.ones(len(rig.segment_of)), (range(len(rig.segment_of)), rig.segment_of)),
        shape=(len(rig.segment_of), len(rig.segments)),
    )
    weights = (blend.weights @ ride).tocsc()  # (V, S)
    flat = blend.vertices.transpose(1, 0, 2).reshape(blend.vertices.shape[1], -1)
    for s in range(len(rig.segments)):
        part = regressor.multiply(weights[:, [s]].toarray().T).tocsr()  # (K', V)
        weight = np.asarray(part.sum(1)).ravel()
        place = (part @ flat).reshape(len(columns), len(heads), 3) - weight[:, None, None] * heads[:, s]
        carried[:, s, :3, columns] = place.transpose(0, 1, 2)
        carried[0, s, 3, columns] = weight


def _sole_regressor(body: Body) -> scipy.sparse.csr_array:
    """(8, V) the vertices of `SOLE_POINTS` under both feet."""
    rows = []
    for side in SIDES:
        foot = body.weight_of("foot", "toe") * (body.vertices[:, 0] > 0 if side == "L" else body.vertices[:, 0] < 0)
        low = np.flatnonzero((foot > 0.5) & (body.vertices[:, 2] < body.vertices[:, 2].min() + 0.02))
        xyz = body.vertices[low]
        ball_y = body.head(f"toe3-1.{side}")[1]
        ball = np.abs(xyz[:, 1] - ball_y)
        outward = xyz[:, 0] if side == "L" else -xyz[:, 0]
        rows += [
            low[np.argmax(xyz[:, 1])],
            low[np.argmin(outward + 3 * ball)],
            low[np.argmin(-outward + 3 * ball)],
            low[np.argmin(xyz[:, 1])],
        ]
    return scipy.sparse.csr_array((np.ones(len(rows)), (range(len(rows)), rows)), shape=(len(rows), len(body.vertices)))


def _add_hands(carried: NDArray[np.float64], blend: Blend, rig: Rig) -> None:
    """Finger joints lie where their bones begin, tips a little beyond the last; a hand's root is the wrist."""
    heads = blend.heads

    def ride(point: int, bone: int, offset: NDArray[np.float64]) -> None:
        segment = rig.segment_of[bone]
        carried[0, segment, 3, point] = 1
        carried[:, segment, :3, point] = heads[:, bone] - heads[:, rig.segments[segment]] + offset

    for side, (part, wrist) in zip("LR", skeleton.HANDS, strict=True):
        carried[..., part.start] = carried[..., wrist]
        for count, finger in enumerate(FINGER_BONES.values()):
            chain = [blend.bones.index(f"finger{finger}-{knuckle}.{side}") for knuckle in (1, 2, 3)]
            first = part.start + 1 + 4 * count
            for knuckle, bone in enumerate(chain):
                ride(first + knuckle, bone, np.zeros(3))
            ride(first + 3, chain[2], FINGERTIP_REACH * (heads[:, chain[2]] - heads[:, chain[1]]))
