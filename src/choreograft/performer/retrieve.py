"""Which reference each layer of a body is drawn from.

The one that serves the whole body best, unless a layer has one that is clearly better for it: neighbours from one frame
have no seam between them. What was chosen for the frame before stays unless another is clearly better: a choice that
flips is seen as flicker.

Shapes: N references, P parts, L layers, C patches of the surface, K choices.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.body.parts import PARTS, adjoining_parts
from choreograft.config import WarpConfig
from choreograft.performer.layers import LAYER_OF, LAYERS, SIDED

Floats = NDArray[np.float32]
IN_PLANE: Final = 0.3
Choice = NDArray[np.intp]
"""(L, K) references of each layer, the best first."""
_JOINS: Final = np.eye(len(LAYERS), dtype=np.float32)[LAYER_OF]
"""(P, L) 1 where a part belongs to a layer."""


@dataclass(frozen=True)
class Wanted:
    """What a new picture shows of the body."""

    weights: Floats
    """(C, P) how much of the picture each patch fills as part of each part, px."""
    turns: Floats
    """(P, 3, 3) of `references.part_turns`."""


def rate_references(
    wanted: Wanted, quality: Floats, turns: Floats, sharpness: Floats, clearness: Floats, config: WarpConfig
) -> Floats:
    """(N, P) cost of drawing each part from each reference.

    Args:
        quality: (N, C) how well each shows each patch. turns: (N, P, 3, 3). sharpness, clearness: (N, L) 0..1.
    """
    area = wanted.weights.sum(axis=0)  # (P,)
    seen = quality @ wanted.weights / np.maximum(area, 1e-6)
    seen[:, ~SIDED] = 1  # how much of those is seen is part of their clearness
    angles = turn_angles(turns, wanted.turns)
    beside = adjoining_parts() - np.eye(len(PARTS))
    around = angles @ (beside / np.maximum(beside.sum(axis=0), 1))
    costs = 1 - seen + config.angle_cost * angles + config.joint_cost * around
    layers = config.blur_cost * (1 - sharpness) + config.clear_cost * (1 - clearness)
    return np.asarray(costs + layers[:, LAYER_OF], dtype=np.float32)


def turn_angles(turns: Floats, wanted: Floats) -> Floats:
    """(N, P) rad between rotations (N, P, 3, 3) and (P, 3, 3) from the world's axes.

    A turn about the line of sight, which is the world's y, counts for `IN_PLANE` alone: it moves a picture and changes
    little in it but light and folds.
    """
    trace = np.einsum("npij,pij->np", turns, wanted)
    whole = np.arccos(np.clip((trace - 1) / 2, -1, 1))
    side = np.arccos(np.clip(np.einsum("npj,pj->np", turns[:, :, 1], wanted[:, 1]), -1, 1))
    return np.asarray(IN_PLANE * whole + (1 - IN_PLANE) * side, dtype=np.float32)


def choose(
    costs: Floats, wanted: Wanted, quality: Floats, before: Choice | None, config: WarpConfig,
    allowed: NDArray[np.bool_] | None = None,
) -> Choice:  # fmt: skip
    """(L, 1 + spares) references for each layer.

    Args:
        costs: of `rate_references`. before: what was chosen for the frame before. allowed: (N,) which may be used.
    """
    parts_area = wanted.weights.sum(axis=0)
    area = parts_area @ _JOINS
    usable = (costs * parts_area) @ _JOINS / np.maximum(area, 1e-6)  # (N, L)
    usable[:, area == 0] = 0
    layers = np.arange(usable.shape[1])
    if before is not None:
        usable[before[:, 0], layers] -= config.stay_gain
    if allowed is not None:
        usable[~allowed] = 1e6
    whole = int(np.argmin(usable @ area))
    best = usable.argmin(axis=0)
    gain = np.where([layer.worn_across for layer in LAYERS], config.part_gain, config.limb_gain)
    first = np.where(usable[best, layers] < usable[whole, layers] - gain, best, whole)
    chosen = [first]
    left = (wanted.weights @ _JOINS) * (1 - quality[first].T)  # (C, L) what the choices so far do not see
    for _ in range(config.spares):
        gain = quality @ left / np.maximum(area, 1e-6)  # (N, L)
        spare = (gain - 0.1 * usable).argmax(axis=0)
        chosen.append(spare)
        left = left * (1 - quality[spare].T)
    return np.stack(chosen, axis=1)
