"""A performer's body at rest: mesh, skeleton, skinning weights and where the 133 joints lie on it.

Anny (Brégier et al. 2025, "Human Mesh Modeling for Anny Body") makes the shape; from there on everything is plain
linear blend skinning of NumPy arrays. Lengths of single parts are blend shapes of our own: people differ in more than
six phenotypes. A part is stretched along its bone; all that hangs on it moves along; left and right change together.

Shapes: V vertices, U texture corners (a vertex on a texture seam has several), F triangles, B bones, J = 133 joints, L
lengths. Stage axes (see the package), origin on the floor below the pelvis.
"""

import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from choreograft.errors import DependencyError
from choreograft.pose import skeleton

Array = NDArray[np.float64]

_PARTS: Final[Mapping[str, tuple[tuple[str, ...], str, str]]] = {
    "trunk": (("spine05", "spine04", "spine03", "spine02", "spine01"), "root", "neck01"),
    "neck": (("neck01", "neck02", "neck03"), "neck01", "head"),
    "shoulders": (("clavicle.{}", "shoulder01.{}"), "clavicle.{}", "upperarm01.{}"),
    "upper arms": (("upperarm01.{}", "upperarm02.{}"), "upperarm01.{}", "lowerarm01.{}"),
    "forearms": (("lowerarm01.{}", "lowerarm02.{}"), "lowerarm01.{}", "wrist.{}"),
    "hips": (("pelvis.{}",), "root", "upperleg01.{}"),
    "thighs": (("upperleg01.{}", "upperleg02.{}"), "upperleg01.{}", "lowerleg01.{}"),
    "shins": (("lowerleg01.{}", "lowerleg02.{}"), "lowerleg01.{}", "foot.{}"),
}
"""Each part: the bones that are stretched, and from which bone's beginning to which."""
_SIDEWAYS: Final = ("shoulders", "hips")
"""Parts that grow in width only."""
LENGTHS: Final = tuple(_PARTS)


def length_shapes(
    bones: Sequence[str], parents: NDArray[np.int64], vertices: Array, heads: Array, weights: scipy.sparse.csr_array
) -> tuple[Array, Array]:
    """How vertices (L, V, 3) and bone heads (L, B, 3) move, in m, if a part becomes twice as long.

    Args:
        bones, parents: of the skeleton. vertices: (V, 3) m at rest. heads: (B, 3) m. weights: (V, B) of the skinning.
    """
    vertex_shapes = np.zeros((len(LENGTHS), len(vertices), 3))
    head_shapes = np.zeros((len(LENGTHS), len(heads), 3))
    for index, (name, (stretched, first, last)) in enumerate(_PARTS.items()):
        for side in "LR" if "{}" in "".join(stretched) else " ":
            own, start, end = (
                [bones.index(bone.format(side)) for bone in group] for group in (stretched, [first], [last])
            )
            below = _hanging_on(own, parents)
            way = heads[end[0]] - heads[start[0]]
            if name in _SIDEWAYS:
                way = way * [1, 0, 0]
            for points, shapes, share in (
                (vertices, vertex_shapes, np.asarray(weights.toarray())),
                (heads, head_shapes, np.eye(len(bones))),
            ):
                along = np.clip((points - heads[start[0]]) @ way / (way @ way), 0, 1)
                moved = share[:, own].sum(1) * along + share[:, below].sum(1)
                shapes[index] += moved[:, None] * way
    return vertex_shapes, head_shapes


def _hanging_on(own: list[int], parents: NDArray[np.int64]) -> list[int]:
    """The bones below some bones, without them."""
    below: list[int] = []
    for bone, parent in enumerate(parents):
        if (parent in own or parent in below) and bone not in own:
            below.append(bone)
    return below


FACE_POINTS: Final = Path(__file__).with_name("face_points.csv")
"""Where iBUG's 68 face points lie on the head, made by benchmarks/face_points.py: a row for each, in iBUG's order, of
three vertices of the mesh and their shares, which add up to one. Left and right are mirror images; points of the plane
of symmetry lie on an edge in it. The tracker's face model marked them on rendered heads of several people: they are
where the tracker sees them, which is not always where an anatomist would put them."""

SOLE_M = 0.022
"""Thickness of the shoes' soles: the bare foot hovers this far above the floor."""

FINGER_BONES = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
FINGERTIP_REACH = 0.9
"""Length of a finger's last bone, as a share of the one before; the rig gives only where bones begin."""


@dataclass(frozen=True)
class Skinning:
    """What all shapes have in common: what hangs on what."""

    bones: tuple[str, ...]
    """Names, each parent before its children."""
    parents: NDArray[np.int64]
    """(B,) the parent of each bone, -1 for the root."""
    weights: scipy.sparse.csr_array
    """(V, B) skinning weights; rows add up to one."""
    surface_joints: scipy.sparse.csr_array
    """(23, V) the body's and feet's joints as weighted means of vertices."""
    face_joints: scipy.sparse.csr_array
    """(68, V) the face points, likewise."""


@dataclass(frozen=True)
class Body(Skinning):
    """One person, unclothed, in the rest pose."""

    vertices: Array
    """(V, 3) m."""
    faces: NDArray[np.int64]
    """(F, 3) into `vertices`, counter-clockwise seen from outside."""
    texture_xy: Array
    """(U, 2) place of each texture corner in the texture, 0..1, y up."""
    texture_faces: NDArray[np.int64]
    """(F, 3) into `texture_xy`."""
    hidden_faces: NDArray[np.bool_]
    """(F,) inside the mouth: never worth drawing."""
    heads: Array
    """(B, 3) where each bone begins, m."""

    def bone(self, name: str) -> int:
        """The index of a bone."""
        return self.bones.index(name)

    def head(self, name: str) -> Array:
        """(3,) where a bone begins, m."""
        return np.asarray(self.heads[self.bone(name)])

    @cached_property
    def height_m(self) -> float:
        """From the floor to the crown, barefoot and on the soles' height."""
        return float(self.vertices[:, 2].max())

    @cached_property
    def leg_m(self) -> float:
        """Thigh plus shin: the unit of every distance in a choreography."""
        hip, knee, ankle = self.head("upperleg01.L"), self.head("lowerleg01.L"), self.head("foot.L")
        return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))

    @cached_property
    def trunk_m(self) -> float:
        """From hip to shoulder."""
        return float(np.linalg.norm(self.head("upperarm01.L") - self.head("upperleg01.L")))

    def weight_of(self, *prefixes: str) -> Array:
        """(V,) how much each vertex belongs to the bones whose names begin so, 0..1."""
        chosen = [index for index, name in enumerate(self.bones) if name.startswith(prefixes)]
        return np.asarray(self.weights[:, chosen].sum(axis=1), dtype=np.float64).ravel()

    def skin(self, vertices: Array, weights: scipy.sparse.csr_array, rotations: Array, origins: Array) -> Array:
        """Carry rest vertices (N, 3) with the bones: linear blend skinning.

        Args:
            vertices: (N, 3) at rest.
            weights: (N, B).
            rotations: (B, 3, 3) of each bone from its rest orientation, in stage axes.
            origins: (B, 3) where each bone begins now.
        """
        offsets = origins - np.einsum("bij,bj->bi", rotations, self.heads)
        transforms = np.concatenate([rotations, offsets[:, :, None]], axis=2).reshape(-1, 12)
        blended = np.asarray(weights @ transforms).reshape(-1, 3, 4)
        return np.asarray(np.einsum("nij,nj->ni", blended[:, :, :3], vertices) + blended[:, :, 3])

    def joints(self, skinned: Array, rotations: Array, origins: Array) -> Array:
        """The true joints (J, 3) of a posed body, m.

        Args:
            skinned: (V, 3) the posed vertices of the bare body.
            rotations, origins: of the bones, as in `skin`.
        """
        joints = np.empty((skeleton.JOINTS, 3))
        joints[: skeleton.FEET.stop] = self.surface_joints @ skinned
        joints[skeleton.FACE] = self.face_joints @ skinned
        for side, (part, wrist) in zip("LR", skeleton.HANDS, strict=True):
            joints[part] = [joints[wrist], *self._fingers(side, rotations, origins)]
        return joints

    def _fingers(self, side: str, rotations: Array, origins: Array) -> list[Array]:
        points = []
        for finger in FINGER_BONES.values():
            chain = [self.bone(f"finger{finger}-{knuckle}.{side}") for knuckle in (1, 2, 3)]
            tip = FINGERTIP_REACH * (self.heads[chain[2]] - self.heads[chain[1]])
            points += [*origins[chain], origins[chain[2]] + rotations[chain[2]] @ tip]
        return points


def make_body(shape: Mapping[str, float], lengths: Mapping[str, float] | None = None) -> Body:
    """Build a body of a given shape.

    Args:
        shape: Anny's phenotypes, each 0..1: gender (0 male, 1 female), age (0.67 adult), muscle, weight, height,
            proportions.
        lengths: by how much of itself a part is longer than in that shape (`LENGTHS`), -1..1; none where None.
    Raises:
        DependencyError: anny is not installed.
    """
    model, blend = _load_model(), load_blend()
    from anny.face_segmentation import get_face_segmentation_mask

    coefficients = np.concatenate([phenotype_coefficients(shape), [(lengths or {}).get(n, 0.0) for n in LENGTHS]])
    vertices, heads = (part[0] + np.tensordot(coefficients, part[1:], axes=1) for part in (blend.vertices, blend.heads))
    floor = np.array([0.0, heads[0, 1], vertices[:, 2].min() - SOLE_M])
    return Body(
        vertices=vertices - floor,
        faces=model.faces.numpy(),
        texture_xy=model.texture_coordinates.numpy(),
        texture_faces=model.face_texture_coordinate_indices.numpy(),
        hidden_faces=np.asarray(get_face_segmentation_mask(model, ["mouth_cavity", "tongue"]).numpy()),
        heads=heads - floor,
        **{part.name: getattr(blend, part.name) for part in fields(Skinning)},
    )


@dataclass(frozen=True)
class Blend(Skinning):
    """A mean body and the directions in which shapes differ.

    Shapes: C coefficients, those of Anny's blend shapes and then one for each of `LENGTHS`.
    """

    vertices: Array
    """(1 + C, V, 3) m: without any blend shape, then what a coefficient of one adds."""
    heads: Array
    """(1 + C, B, 3) m, likewise."""


@cache
def load_blend() -> Blend:
    """The blend of Anny's full body and of our limb lengths.

    The first time builds the body model's cache, which takes a minute or two and 830 MB under ~/.cache/anny (or
    `ANNY_CACHE_DIR`). It needs no network: the model's data are part of the anny package.

    Raises:
        DependencyError: anny is not installed.
    """
    model = _load_model()
    bones, parents = tuple(model.bone_labels), np.asarray(model.bone_parents)
    vertices, heads = model.template_vertices.numpy(), model.template_bone_heads.numpy()
    weights = _mix_points(model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy(), len(bones))
    corners, shares = np.split(np.loadtxt(FACE_POINTS, delimiter=","), 2, axis=1)
    vertex_lengths, head_lengths = length_shapes(bones, parents, vertices, heads, weights)
    return Blend(
        bones=bones,
        parents=parents,
        vertices=np.concatenate([vertices[None], model.blendshapes.numpy(), vertex_lengths]),
        heads=np.concatenate([heads[None], model.bone_heads_blendshapes.numpy(), head_lengths]),
        weights=weights,
        surface_joints=_surface_joints(model),
        face_joints=_mix_points(corners.astype(np.int64), shares, len(vertices)),
    )


def phenotype_coefficients(shape: Mapping[str, Any]) -> Any:
    """The coefficients of Anny's blend shapes for phenotypes 0..1.

    Returns:
        (C - len(LENGTHS),) float64, of NumPy for plain numbers; of torch, with its gradients, for tensors of one value.
    """
    import torch

    coefficients = _load_model().get_phenotype_blendshape_coefficients(**shape)[0]
    return coefficients if any(isinstance(value, torch.Tensor) for value in shape.values()) else coefficients.numpy()


@cache
def _load_model() -> Any:
    """Anny, imported late: that takes seconds, which a command without a body need not pay."""
    try:
        settings: Any = importlib.import_module("warp.config")
        settings.quiet = True  # it greets on standard output otherwise
        anny = importlib.import_module("anny")
    except ImportError as error:
        raise DependencyError(f"cannot import {error.name or 'anny'}; install it with: pip install anny") from error
    logging.getLogger("anny").setLevel(logging.WARNING)
    return anny.Anny(skinning_method="lbs")


def _mix_points(columns: NDArray[np.int64], shares: Array, width: int) -> scipy.sparse.csr_array:
    """(N, width) whose row n has `shares` (N, S) in `columns` (N, S)."""
    rows = np.repeat(np.arange(len(columns)), columns.shape[1])
    return scipy.sparse.csr_array((shares.ravel(), (rows, columns.ravel())), shape=(len(columns), width))


def _surface_joints(model: Any) -> scipy.sparse.csr_array:
    from anny.keypoints import KeypointsRegressor

    names = list(skeleton.NAMES[skeleton.BODY_AND_FEET])
    return scipy.sparse.csr_array(KeypointsRegressor.coco(model, labels=names).regression_weights.numpy())
