"""Lengths of single parts of the body as blend shapes of our own: people differ in more than six phenotypes.

A part is stretched along its bone; all that hangs on it moves along. Left and right change together.

Shapes: L lengths, V vertices, B bones.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

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
    for index, name in enumerate(LENGTHS):
        for side in "LR" if "{}" in "".join(_PARTS[name][0]) else " ":
            own, start, end = ([bones.index(bone.format(side)) for bone in names] for names in _named(name))
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


def _named(name: str) -> tuple[tuple[str, ...], tuple[str], tuple[str]]:
    own, start, end = _PARTS[name]
    return own, (start,), (end,)


def _hanging_on(own: list[int], parents: NDArray[np.int64]) -> list[int]:
    """The bones below some bones, without them."""
    below: list[int] = []
    for bone, parent in enumerate(parents):
        if (parent in own or parent in below) and bone not in own:
            below.append(bone)
    return below
