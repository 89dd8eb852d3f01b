"""Where hands are seen in the references, which is not always where they were fitted, and what else lies on arms.

Shapes: N references of h x w pixels, L layers.
"""

from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.parts import PARTS
from choreograft.body.surface import find_nearest
from choreograft.performer.layers import LAYER_OF, LAYERS
from choreograft.performer.references import SMEAR_ROWS

if TYPE_CHECKING:
    from choreograft.performer.atlas import Atlas

HAND_REACH_PX: Final = 24.0
"""Of 256 rows, from a fitted hand, within which the real one is looked for."""
HAND_LEVELS: Final = 60.0
"""Of 255, at most, by which what is not a hand may differ from its usual colour."""
SLIDES_PX: Final = 4
"""Canvas pixels by which cloth may lie elsewhere than usual."""
LIKE_SKIN: Final = 0.6
"""Times that difference: what differs less from a hand's colour is one."""
SKIN_LEVELS: Final = 45.0
"""Of 255, by which a hand's colour may differ from its median."""


def claim_hands(atlas: "Atlas") -> tuple[Tensor, NDArray[np.float32]]:
    """(N, h, w) `Atlas.nearest_part` with hands where they are seen: a fitted hand may lie beside the real one.

    Hand is what is seen near it, in its colour, on trunk, legs and upper arms that have another: else a hand on a hip
    is moved with the hip, and drawn twice.

    Returns:
        Also (N, L) 0..1 how much of each layer's picture is of something else: hands that were seen on it, since cuff
        and sleeve, which look like other clothes, are still there; on arms whatever has other colours than usual, more
        than in most references: hair, a strap, what they lie before.
    """
    parts = atlas.nearest_part.cpu().numpy().copy()
    colours, tolerance, shares = (maps.cpu().numpy() for maps in (atlas.colours, atlas.tolerance, atlas.vertex_parts))
    xy, quality, shown, pictures = (
        maps.cpu().numpy() for maps in (atlas.xy, atlas.quality, atlas.part, atlas.pictures)
    )
    h, w = parts.shape[1:]
    hands = [PARTS.index("left_hand"), PARTS.index("right_hand")]
    kept = [PARTS.index(name) for name in ("head", "neck", "left_forearm", "right_forearm", "left_hand", "right_hand")]
    bare = shares[:, hands].max(axis=1) > 0.1
    skins = [np.median(colours[shares[:, hand] > 0.5], axis=0) for hand in hands]
    reach = HAND_REACH_PX * h / SMEAR_ROWS
    claimed, foreign = (np.zeros((len(parts), len(LAYERS)), np.float32) for _ in range(2))
    sizes = np.median([np.bincount(one[one >= 0], minlength=len(PARTS)) for one in shown], axis=0)
    half = max(1.0, float(sizes[hands].mean()) / 2)
    for n, part in enumerate(parts):
        nearest = _find_vertices(xy[n], (quality[n] > 0) & ~bare, (h, w))
        picture = pictures[n, ..., :3].astype(np.float32)
        off = _measure_difference(picture, colours[nearest])
        strange = (2 * off > np.minimum(tolerance[nearest], HAND_LEVELS)) & (pictures[n, ..., 3] > 127) & (nearest >= 0)
        foreign[n] = np.bincount(LAYER_OF[part[strange]], minlength=len(LAYERS))
        strange &= ~np.isin(part, kept)
        for hand, skin in zip(hands, skins, strict=True):
            near = find_nearest(shown[n] == hand)[0] < reach
            like = np.abs(picture - skin).max(axis=-1) < np.minimum(LIKE_SKIN * off, SKIN_LEVELS)
            seen = (strange & near & like).astype(np.uint8)
            of_hand = strange & (cv2.dilate(seen, np.ones((5, 5), np.uint8)) > 0)
            claimed[n] += np.bincount(LAYER_OF[part[of_hand]], minlength=len(LAYERS)) / half
            part[of_hand] = hand
    arms = [n for n, layer in enumerate(LAYERS) if layer.kind == "round"]
    more = np.maximum(foreign - np.median(foreign, axis=0), 0)
    claimed[:, arms] += more[:, arms] / np.maximum(sizes[[PARTS.index(LAYERS[n].parts[0]) for n in arms]] / 2, 1)
    return torch.from_numpy(parts).to(atlas.nearest_part), np.minimum(claimed, 1)


def _find_vertices(xy: NDArray[np.float32], seen: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.int64]:
    """(h, w) the vertex nearest to each pixel, of those (V, 2) px that are seen; -1 where none is."""
    h, w = shape
    vertex = np.full(shape, -1, np.int64)
    of = np.flatnonzero(seen & (xy >= 0).all(axis=1) & (xy < (w, h)).all(axis=1))
    column, row = xy[of].astype(np.int64).T
    vertex[row, column] = of
    return vertex.reshape(-1)[find_nearest(vertex >= 0)[1]]


def _measure_difference(picture: NDArray[np.float32], usual: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) levels by which a picture (h, w, 3) is beyond the range of the usual colours around, as cloth slides."""
    around = np.ones((2 * SLIDES_PX + 1,) * 2, np.uint8)
    beyond = np.maximum(picture - cv2.dilate(usual, around), cv2.erode(usual, around) - picture)
    return np.asarray(beyond.max(axis=-1), dtype=np.float32)
