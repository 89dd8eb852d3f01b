"""The parts of a body: which of them each vertex and each triangle of the body model belongs to.

Shapes: V vertices, F triangles, P parts.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from choreograft.body.model import Body

Labels = NDArray[np.int32]

_SIDES: Final = {"L": "left", "R": "right"}
PARTS: Final = (
    *("head", "neck", "torso", "pelvis"),
    *(f"{side}_{name}" for side in _SIDES.values() for name in ("upper_arm", "forearm", "hand")),
    *(f"{side}_{name}" for side in _SIDES.values() for name in ("thigh", "shin", "foot")),
)
"""Names; a part's label is its index. Left and right are the person's own."""

NO_PART: Final = -1
"""The label where there is no body."""

_BONES: Final[Mapping[str, tuple[str, ...]]] = {
    "head": ("head", "eye"),
    "neck": ("neck",),
    "pelvis": ("spine05", "root", "pelvis"),
    "torso": ("spine", "clavicle", "shoulder"),
    "upper_arm": ("upperarm",),
    "forearm": ("lowerarm",),
    "hand": ("wrist", "metacarpal", "finger"),
    "thigh": ("upperleg",),
    "shin": ("lowerleg",),
    "foot": ("foot", "toe"),
}
"""What bones carry, and how their names begin; the first that fits counts."""
_CHAINS: Final = (
    ("head", "neck", "torso", "pelvis"),
    ("head", "torso"),
    *((f"{side}_upper_arm", f"{side}_forearm", f"{side}_hand") for side in _SIDES.values()),
    *(("pelvis", f"{side}_thigh", f"{side}_shin", f"{side}_foot") for side in _SIDES.values()),
    ("left_thigh", "right_thigh"),
)
"""Parts between which clothes and hair hang, one after another; an arm that hangs beside the torso is not meant."""


def _mirrored(name: str) -> str:
    side, _, rest = name.partition("_")
    return {"left": f"right_{rest}", "right": f"left_{rest}"}.get(side, name)


MIRRORED_PARTS: Final = tuple(PARTS.index(_mirrored(name)) for name in PARTS)
"""(P,) which part each becomes in a mirror."""


def mirror_vertices(body: Body) -> NDArray[np.intp]:
    """(V,) which vertex of a body each becomes in a mirror: the one nearest to its image at rest."""
    return np.asarray(cKDTree(body.vertices).query(body.vertices * [-1, 1, 1])[1])


def part_of_bone(bone: str) -> int:
    """The label of the part that a bone carries.

    Raises:
        KeyError: no part is known for a bone of this name.
    """
    name = next((part for part, prefixes in _BONES.items() if bone.startswith(prefixes)), None)
    if name is None:
        raise KeyError(f"found bone {bone!r}; expected one that begins with {', '.join(sum(_BONES.values(), ()))}")
    side = _SIDES.get(bone.rpartition(".")[2])
    return PARTS.index(name if name in PARTS else f"{side}_{name}")


def adjoining_parts() -> Labels:
    """(P, P) 1 for a part and itself, and for two that clothes or hair join; 0 elsewhere."""
    table = np.eye(len(PARTS), dtype=np.int32)
    for chain in _CHAINS:
        for one, other in pairwise(PARTS.index(name) for name in chain):
            table[one, other] = table[other, one] = 1
    return table


def vertex_parts(body: Body) -> Labels:
    """(V,) the part that each vertex hangs on most."""
    return np.asarray(part_weights(body).argmax(axis=1), dtype=np.int32)


def face_parts(body: Body) -> Labels:
    """(F,) the part that the three corners of each triangle, together, hang on most."""
    return np.asarray(part_weights(body)[body.faces].sum(axis=1).argmax(axis=1), dtype=np.int32)


def part_weights(body: Body) -> NDArray[np.float64]:
    """(V, P) skinning weights summed over the bones of a part."""
    carries = np.zeros((len(body.bones), len(PARTS)))
    carries[np.arange(len(body.bones)), [part_of_bone(bone) for bone in body.bones]] = 1
    return np.asarray(body.weights @ carries)
