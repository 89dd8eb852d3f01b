"""The layers that a person is cut into before they are moved: an arm beside a skirt is not moved with the skirt; and
where the cloth of the trunk, shirt, jacket, skirt, lies beside where the body says.

Within a layer a picture of the person is one sheet: where it goes is smooth, and whatever lies off the body, cloth and
hair, goes with it. Where one layer covers another the way jumps. Arms look alike from all sides: what matters of an arm
is how long and how wide it is in the picture, not which side of it is seen. A hand goes as it is, or it shreds.

Cloth swings, slides and is fitted a little wrong, in each reference otherwise. That is measured (training/swaying.py)
and undone, so all references show a hem in the same place of the body, and none jumps where one takes over from
another. What of it goes with the pose is foretold: cloth is skinned anew, some of it hanging from each part of the
body,

    s(x) = sum over parts k of a_k (T_k x - x)  +  R_pelvis b  +  R_own c  +  d

in metres in the picture plane, right and down, for a few points x of the body. T_k carries a point as if it were fixed
to part k alone.

Shapes: N references; P parts; L layers; V vertices; C points; K = 15 terms.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.surface import MIRRORED_PARTS, PARTS, adjoining_parts
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
SWAYING: Final = int(LAYER_OF[PARTS.index("torso")])
"""The layer that sways. Shins hardly do, and heads are laid on the face's points."""
CARRIERS: Final = ("torso", "pelvis", "head", "left_thigh", "right_thigh", "left_shin", "right_shin")
"""Parts k that cloth of the trunk may hang from."""
CARRYING: Final = 80
"""Vertices by which a part's motion is found."""
TERM_M: Final = 0.1
"""Length of the axes that b, c and d are counted in, so that all terms are about equally large."""
REACH_M: Final = 0.1
"""Standard deviation of how far a point speaks for the vertices around it, at rest."""


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


@dataclass(frozen=True)
class Sway:
    """How far the cloth of one person is off."""

    points: NDArray[np.int64]
    """(C,) vertices of the layer that sways."""
    off: Floats
    """(N, C, 2) m by which the cloth around each lies beside it in each reference, right and down in the picture."""
    weights: Floats
    """(C, K) of the terms; 0 where nothing can be foretold."""
    most: Floats
    """(C,) m: the longest way that was seen."""

    def tensors(self) -> dict[str, Tensor]:
        """For a file; `from_tensors` is the inverse."""
        return {f"sway_{name}": torch.from_numpy(getattr(self, name)) for name in SWAY_NAMES}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> "Sway | None":
        """What `tensors` gave; None where a file has none of it."""
        if "sway_off" not in tensors:
            return None
        return Sway(*(tensors[f"sway_{name}"].numpy() for name in SWAY_NAMES))

    def foretell(self, terms: Floats) -> Floats:
        """(C, 2) m by which cloth lies beside a body with these terms (C, K, 2)."""
        off = np.einsum("ckd,ck->cd", terms, self.weights)
        return np.asarray(off * np.minimum(1, self.most / np.maximum(np.hypot(*off.T), 1e-6))[:, None], np.float32)


SWAY_NAMES: Final = tuple(field.name for field in fields(Sway))


class SwayTerms:
    """Finds the terms of the sway in a posed body."""

    def __init__(self, rest: NDArray[np.floating], shares: Floats, points: NDArray[np.int64]) -> None:
        """Choose what is looked at.

        Args:
            rest: (V, 3) m the rest pose. shares: (V, P) of the vertices in the parts. points: (C,) vertices.
        """
        self._rest, self._points, most = rest.astype(np.float32), points, shares.argmax(axis=1)
        self._own = most[points]
        self._of = {}
        for part in {*(PARTS.index(name) for name in CARRIERS), *self._own.tolist()}:
            of = np.flatnonzero((most == part) & (shares[:, part] > 0.9 * shares[:, part].max()))
            self._of[part] = of[np.linspace(0, len(of) - 1, min(len(of), CARRYING)).astype(int)]

    def of(self, vertices: Floats) -> Floats:
        """(C, K, 2) m of a body (V, 3), camera axes."""
        x, at = self._rest[self._points], vertices[self._points]
        moved = {part: find_motion(self._rest[of], vertices[of]) for part, of in self._of.items()}
        carried = [x @ turn.T + shift - at for turn, shift in (moved[PARTS.index(name)] for name in CARRIERS)]
        pelvis = np.broadcast_to(moved[PARTS.index("pelvis")][0], (len(x), 3, 3))
        own = np.stack([moved[part][0] for part in self._own.tolist()])
        axes = np.concatenate([pelvis, own], axis=2).transpose(0, 2, 1)[..., :2]  # (C, 6, 2)
        plane = np.broadcast_to(np.eye(2), (len(x), 2, 2))
        terms = [np.stack(carried, axis=1)[..., :2], TERM_M * axes, TERM_M * plane]
        return np.concatenate(terms, axis=1).astype(np.float32)


def find_motion(rest: Floats, posed: Floats) -> tuple[Floats, Floats]:
    """The rigid motion, (3, 3) and (3,), that carries points (M, 3) nearest to where they are now (Kabsch 1976)."""
    middle, now = rest.mean(axis=0), posed.mean(axis=0)
    left, _, right = np.linalg.svd((posed - now).T @ (rest - middle))
    left[:, 2] *= np.sign(np.linalg.det(left @ right))
    turn = left @ right
    return turn, now - turn @ middle


class Cloth:
    """The sway of a bank, carried smoothly to all vertices of a body, to none of other layers."""

    def __init__(self, sway: Sway, rest: NDArray[np.floating], shares: Floats) -> None:
        """Prepare it for bodies of that rest pose (V, 3) m and those shares (V, P) in the parts."""
        self._sway, self._terms = sway, SwayTerms(rest, shares, sway.points)
        share = shares[:, LAYER_OF == SWAYING].sum(axis=1)
        of = np.flatnonzero(share)
        away = ((rest[of, None] - rest[sway.points]) ** 2).sum(axis=-1)
        near = np.exp((away.min(axis=1, keepdims=True) - away) / (2 * REACH_M**2))
        self._spread = np.zeros((len(rest), len(sway.points)), np.float32)
        self._spread[of] = share[of, None] * near / near.sum(axis=1, keepdims=True)

    def measured(self, reference: int) -> Floats:
        """(V, 2) m by which the cloth around each vertex lies beside it in a reference."""
        return np.asarray(self._spread @ self._sway.off[reference])

    def foretold(self, vertices: Floats) -> Floats:
        """(V, 2) the same of a new pose (V, 3) m, camera axes."""
        return np.asarray(self._spread @ self._sway.foretell(self._terms.of(vertices)))
