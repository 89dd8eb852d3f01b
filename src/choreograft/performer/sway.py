"""Where the cloth of the trunk, shirt, jacket, skirt, lies in each reference, beside where the body says.

It swings, slides and is fitted a little wrong, in each reference otherwise. Laid where it lies on the average, all
references show a hem in the same place of the body, and none jumps where one takes over from another. How much of it
each reference is off is measured (training/swaying.py); a new pose does not foretell it.

Shapes: N references; V vertices; C points.
"""

from collections.abc import Mapping
from dataclasses import dataclass
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
REACH_M: Final = 0.1
"""Standard deviation of how far a point speaks for the vertices around it, at rest."""


@dataclass(frozen=True)
class Sway:
    """How far the cloth of one person is off."""

    points: NDArray[np.int64]
    """(C,) vertices of the layer that sways."""
    off: Floats
    """(N, C, 2) m by which the cloth around each lies beside it in each reference, right and down in the picture."""

    def tensors(self) -> dict[str, Tensor]:
        """For a file; `from_tensors` is the inverse."""
        return {f"sway_{name}": torch.from_numpy(getattr(self, name)) for name in ("points", "off")}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> "Sway | None":
        """What `tensors` gave; None where a file has none of it."""
        if "sway_off" not in tensors:
            return None
        return Sway(tensors["sway_points"].numpy(), tensors["sway_off"].numpy())

    def spread(self, rest: NDArray[np.floating], shares: Floats) -> Floats:
        """(N, V, 2) the same of all vertices: smooth, and none where other layers begin.

        Args:
            rest: (V, 3) m the rest pose. shares: (V, P) in the parts.
        """
        share = shares[:, LAYER_OF == SWAYING].sum(axis=1)
        of = np.flatnonzero(share)
        away = ((rest[of, None] - rest[self.points]) ** 2).sum(axis=-1)
        near = np.exp((away.min(axis=1, keepdims=True) - away) / (2 * REACH_M**2))
        near *= share[of, None] / near.sum(axis=1, keepdims=True)
        result = np.zeros((len(self.off), len(rest), 2), np.float32)
        result[:, of] = near.astype(np.float32) @ self.off
        return result
