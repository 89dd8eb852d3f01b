"""The layers that a person is cut into before they are moved: an arm beside a skirt is not moved with the skirt.

Within a layer a picture of the person is one sheet: where it goes is smooth, and whatever lies off the body, cloth and
hair, goes with it. Where one layer covers another the way jumps. Arms look alike from all sides: what matters of an arm
is how long and how wide it is in the picture, not which side of it is seen. A hand goes as it is, or it shreds.

Shapes: P parts, L layers, V vertices.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.body.parts import MIRRORED_PARTS, PARTS, adjoining_parts
from choreograft.pose import skeleton

Floats = NDArray[np.float32]


def _joints(*names: str) -> list[int]:
    return [skeleton.NAMES.index(name) for name in names]


@dataclass(frozen=True)
class Layer:
    """Parts that move as one."""

    parts: tuple[str, ...]
    joints: list[int]
    """Of COCO-WholeBody, that move with it."""
    kind: str = "sheet"
    """sheet: it goes as its surface does; round: it looks alike from all sides; stiff: it is turned and scaled."""
    dressed: bool = False
    """Whether hair or clothes reach far around it."""
    worn_across: bool = False
    """Whether clothes lie across its edge to the next one, so that a seam between two references would be seen."""


def _both(
    parts: Sequence[str], joints: Sequence[str], kind: str = "sheet", worn_across: bool = False
) -> Iterator[Layer]:
    """One layer of the left side and one of the right."""
    for side in ("left", "right"):
        own = tuple(f"{side}_{part}" for part in parts)
        yield Layer(own, _joints(*(f"{side}_{joint}" for joint in joints)), kind, worn_across=worn_across)


LAYERS: Final = (
    *_both(["shin", "foot"], ["knee", "ankle", "big_toe", "heel"], worn_across=True),
    Layer(
        ("torso", "pelvis", "left_thigh", "right_thigh"),
        _joints("left_shoulder", "right_shoulder", "left_hip", "right_hip", "left_knee", "right_knee"),
        dressed=True,
        worn_across=True,
    ),
    *_both(["upper_arm"], ["shoulder", "elbow"], "round"),
    *_both(["forearm"], ["elbow", "wrist"], "round"),
    *_both(["hand"], ["wrist", "hand_middle_tip"], "stiff"),
    Layer(("head", "neck"), _joints("nose", "left_ear", "right_ear"), dressed=True),
)
"""From the back to the front: the order in which layers that are equally near are drawn."""
LAYER_OF: Final = np.array([next(n for n, layer in enumerate(LAYERS) if part in layer.parts) for part in PARTS])
"""(P,) the layer of each part."""
HEAD: Final = int(LAYER_OF[PARTS.index("head")])
"""The layer of the head."""
MIRRORED_LAYERS: Final = np.array([LAYER_OF[MIRRORED_PARTS[PARTS.index(layer.parts[0])]] for layer in LAYERS])
"""(L,) which layer each becomes in a mirror."""
SIDED: Final = np.array([LAYERS[n].kind == "sheet" for n in LAYER_OF])
"""(P,) whether it matters which side of a part is seen."""


def adjoining_layers() -> NDArray[np.bool_]:
    """(L, L) whether two layers hang together; a layer does not adjoin itself."""
    table = np.zeros((len(LAYERS), len(LAYERS)), np.bool_)
    one, other = np.nonzero(adjoining_parts())
    table[LAYER_OF[one], LAYER_OF[other]] = True
    trunk = LAYER_OF[PARTS.index("torso")]
    for part in ("left_upper_arm", "right_upper_arm"):
        arm = LAYER_OF[PARTS.index(part)]
        table[arm, trunk] = table[trunk, arm] = True
    np.fill_diagonal(table, False)
    return table


@dataclass(frozen=True)
class Limb:
    """Where a round layer's ends and sides are: indices of vertices."""

    near: NDArray[np.intp]
    far: NDArray[np.intp]
    left: NDArray[np.intp]
    right: NDArray[np.intp]

    def stand(self, vertices: Floats) -> tuple[Floats, Floats, float]:
        """How it lies before the camera.

        Args:
            vertices: (V, 3) m, camera axes.
        Returns:
            (3,) its middle and (3,) its axis, of length one; the angle about that, rad, at which its side lies, counted
            from the line of sight.
        """
        near, far = vertices[self.near].mean(axis=0), vertices[self.far].mean(axis=0)
        middle = (near + far) / 2
        axis = (far - near) / max(float(np.linalg.norm(far - near)), 1e-6)
        side = vertices[self.left].mean(axis=0) - vertices[self.right].mean(axis=0)
        ahead = middle - (middle @ axis) * axis
        across = np.cross(axis.astype(np.float64), ahead)
        return middle, axis, float(np.arctan2(side @ across, side @ ahead))


def find_limbs(rest: NDArray[np.floating], parts: NDArray[np.integer]) -> Mapping[int, Limb]:
    """The ends and sides of all round layers.

    Args:
        rest: (V, 3) m, the rest pose. parts: (V,) the part of each vertex.
    """
    limbs = {}
    for n, layer in enumerate(LAYERS):
        if layer.kind == "round":
            of = np.flatnonzero(parts == PARTS.index(layer.parts[0]))
            off = rest[of] - rest[of].mean(axis=0)
            along, across = np.linalg.svd(off, full_matrices=False)[2][:2]
            lower, upper = (np.quantile(off @ along, share) for share in (0.25, 0.75))
            ends = of[off @ along < lower], of[off @ along > upper]
            limbs[n] = Limb(*ends, of[off @ across > 0], of[off @ across < 0])
    return limbs


def turn_about(vertices: Floats, middle: Floats, axis: Floats, angle: float) -> Floats:
    """(M, 3) vertices turned about an axis of length one through a point (Rodrigues)."""
    turn = np.eye(3) * np.cos(angle) + np.cross(np.eye(3), axis) * np.sin(angle)
    turn += np.outer(axis, axis) * (1 - np.cos(angle))
    return np.asarray(middle + (vertices - middle) @ turn.T, dtype=np.float32)
