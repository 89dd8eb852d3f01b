"""References in a mirror: what was filmed of one side alone serves for the other one too.

Of N references, number N + n is the n-th in a mirror. No picture is stored twice: a mirrored layer is looked up in the
picture as it is, by a way that turns it over.

Shapes: N references, P parts, L layers, C patches of the surface.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.body.parts import MIRRORED_PARTS
from choreograft.performer.atlas import Atlas
from choreograft.performer.layers import MIRRORED_LAYERS
from choreograft.pose import skeleton

Floats = NDArray[np.float32]
MIRRORED_FACE: Final = np.array(skeleton.MIRROR[skeleton.FACE]) - skeleton.FACE.start
"""(68,) which point of the face each becomes in a mirror."""
OVER: Final = np.array([-1, 1, 1], np.float32)


@dataclass(frozen=True)
class Looks:
    """What there is to choose from: the references as they are, then in a mirror."""

    quality: Floats
    """(2N, C) how well each shows each patch."""
    turns: Floats
    """(2N, P, 3, 3) of `part_turns`."""
    sharpness: Floats
    """(2N, L) 0..1."""
    clearness: Floats
    """(2N, L) 0..1."""
    faces: Floats
    """(2N, 68, 2) px."""
    moments: NDArray[np.float64]
    """(2N, 2) clip and time, s; the clips of the mirrored ones are others."""

    @staticmethod
    def of(atlas: Atlas) -> "Looks":
        """Those of all references of an atlas."""
        turns = atlas.turns[:, list(MIRRORED_PARTS)] * OVER[:, None] * OVER
        faces = reflect_places(atlas.faces[:, MIRRORED_FACE], atlas.pictures.shape[2])
        clips = atlas.moments * [1, 1] - [len(atlas.moments), 0]
        pairs = (
            (atlas.patches(), atlas.patches(atlas.quality[:, atlas.mirror])), (atlas.turns, turns),
            (atlas.sharpness, atlas.sharpness[:, MIRRORED_LAYERS]),
            (atlas.clearness, atlas.clearness[:, MIRRORED_LAYERS]),
            (atlas.faces, faces), (atlas.moments, clips),
        )  # fmt: skip
        return Looks(*(np.concatenate(pair) for pair in pairs))


def reflect(vertices: Floats) -> Floats:
    """(M, 3) m, camera axes, in a mirror that stands in the middle of the picture."""
    return vertices * OVER


def reflect_places(places: Floats, width: float) -> Floats:
    """(..., 2) px of a picture of so many px in a mirror."""
    return places * OVER[:2] + np.array([width, 0], np.float32)


def turn_over(affine: Floats, residual: Floats, width: int) -> tuple[Floats, Floats]:
    """A way (see `Sheet`) to places in a mirrored picture of so many px as one to the picture itself, and back."""
    over = np.array([-1, 1], np.float32)
    return affine * over + np.array([[0, 0], [0, 0], [width, 0]], np.float32), residual * over
