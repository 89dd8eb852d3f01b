"""Where the cloth of the trunk, shirt, jacket, skirt, lies beside where the body says: measured in every reference, and
foretold for a new pose.

It swings, slides and is fitted a little wrong, in each reference otherwise. That is measured (training/swaying.py) and
undone, so all references show a hem in the same place of the body, and none jumps where one takes over from another.
What of it goes with the pose is foretold: cloth is skinned anew, some of it hanging from each part of the body,

    s(x) = sum over parts k of a_k (T_k x - x)  +  R_pelvis b  +  R_own c  +  d

in metres in the picture plane, right and down, for a few points x of the body. T_k carries a point as if it were fixed
to part k alone.

Shapes: N references; V vertices; C points; K = 15 terms.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.parts import PARTS
from choreograft.performer.layers import LAYER_OF

Floats = NDArray[np.float32]
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
        return {f"sway_{name}": torch.from_numpy(getattr(self, name)) for name in NAMES}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> "Sway | None":
        """What `tensors` gave; None where a file has none of it."""
        if "sway_off" not in tensors:
            return None
        return Sway(*(tensors[f"sway_{name}"].numpy() for name in NAMES))

    def foretell(self, terms: Floats) -> Floats:
        """(C, 2) m by which cloth lies beside a body with these terms (C, K, 2)."""
        off = np.einsum("ckd,ck->cd", terms, self.weights)
        return np.asarray(off * np.minimum(1, self.most / np.maximum(np.hypot(*off.T), 1e-6))[:, None], np.float32)


NAMES: Final = tuple(field.name for field in fields(Sway))


class Terms:
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
        self._sway, self._terms = sway, Terms(rest, shares, sway.points)
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
