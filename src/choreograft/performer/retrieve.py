"""Which reference each part of a body is drawn from.

The one that serves the whole body best, unless a part has one that is clearly better for it: neighbours from one frame
have no seam between them. What was chosen for the frame before stays unless another is clearly better: a choice that
flips is seen as flicker.

Shapes: N references, P parts, C patches of the surface, K choices.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.body.parts import PARTS, adjoining_parts
from choreograft.config import WarpConfig

Floats = NDArray[np.float32]
SKIRT: Final = (PARTS.index("pelvis"), PARTS.index("left_thigh"), PARTS.index("right_thigh"))
"""Parts that share a reference: what is worn around all of them would tear."""
Choice = NDArray[np.intp]
"""(P, K) references of each part, the best first."""


@dataclass(frozen=True)
class Wanted:
    """What a new picture shows of the body."""

    weights: Floats
    """(C, P) how much of the picture each patch fills as part of each part, px."""
    turns: Floats
    """(P, 3, 3) of `references.part_turns`."""


def rate_references(wanted: Wanted, quality: Floats, turns: Floats, sharpness: Floats, config: WarpConfig) -> Floats:
    """(N, P) cost of drawing each part from each reference.

    Args:
        quality: (N, C) how well each shows each patch. turns: (N, P, 3, 3). sharpness: (N,) 0..1.
    """
    area = wanted.weights.sum(axis=0)  # (P,)
    seen = quality @ wanted.weights / np.maximum(area, 1e-6)
    angles = turn_angles(turns, wanted.turns)
    beside = adjoining_parts() - np.eye(len(PARTS))
    around = angles @ (beside / np.maximum(beside.sum(axis=0), 1))
    costs = 1 - seen + config.angle_cost * angles + config.joint_cost * around
    return np.asarray(costs + config.blur_cost * (1 - sharpness[:, None]), dtype=np.float32)


def turn_angles(turns: Floats, wanted: Floats) -> Floats:
    """(N, P) rad between rotations (N, P, 3, 3) and (P, 3, 3)."""
    trace = np.einsum("npij,pij->np", turns, wanted)
    return np.asarray(np.arccos(np.clip((trace - 1) / 2, -1, 1)), dtype=np.float32)


def choose(
    costs: Floats, wanted: Wanted, quality: Floats, before: Choice | None, config: WarpConfig,
    allowed: NDArray[np.bool_] | None = None,
) -> Choice:  # fmt: skip
    """(P, 1 + spares) references for each part.

    Args:
        costs: of `rate_references`. before: what was chosen for the frame before. allowed: (N,) which may be used.
    """
    costs = costs.copy()
    parts = np.arange(costs.shape[1])
    if before is not None:
        costs[before[:, 0], parts] -= config.stay_gain
    if allowed is not None:
        costs[~allowed] = np.inf
    area = wanted.weights.sum(axis=0)
    usable = np.where(np.isfinite(costs), costs, 1e6)
    whole = int(np.argmin(usable @ area))
    skirt = list(SKIRT)
    usable[:, skirt] = (usable[:, skirt] @ (area[skirt] / max(float(area[skirt].sum()), 1e-6)))[:, None]
    best = usable.argmin(axis=0)
    first = np.where(usable[best, parts] < usable[whole, parts] - config.part_gain, best, whole)
    chosen = [first]
    left = wanted.weights * (1 - quality[first].T)  # (C, P) what the choices so far do not see
    for _ in range(config.spares):
        gain = quality @ left / np.maximum(area, 1e-6)  # (N, P)
        spare = (gain - 0.1 * usable).argmax(axis=0)
        chosen.append(spare)
        left = left * (1 - quality[spare].T)
    return np.stack(chosen, axis=1)
