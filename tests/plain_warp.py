"""What `performer/warp_kernels.py` does, in plain NumPy, pixel by pixel."""

import numpy as np
from numpy.typing import NDArray

from choreograft.body.surface import SurfaceMap
from choreograft.performer.references import AGREEMENT_POWER, Atlas
from choreograft.performer.retrieve import Choice

Array = NDArray[np.float64]


def look_up(picture: NDArray[np.uint8], xy: Array) -> Array:
    """(4,) bilinear sample of (h, w, 4) at one place."""
    h, w = picture.shape[:2]
    x, y = np.clip(xy[0] - 0.5, 0, w - 1), np.clip(xy[1] - 0.5, 0, h - 1)
    left, top = min(int(x), w - 2), min(int(y), h - 2)
    across, down = x - left, y - top
    corners = picture[top : top + 2, left : left + 2].astype(float)
    rows = corners[:, 0] * (1 - across) + corners[:, 1] * across
    return np.asarray(rows[0] * (1 - down) + rows[1] * down)


def draw_body(surface: SurfaceMap, atlas: Atlas, choice: Choice, spare_share: float) -> tuple[Array, Array, Array]:
    """Colour (H, W, 3), alpha and confidence (H, W) on the body."""
    height, width = surface.face.shape
    colour, alpha, trust = np.zeros((height, width, 3)), np.zeros((height, width)), np.zeros((height, width))
    faces, shares = atlas.mesh.faces.numpy(), atlas.vertex_parts.numpy()
    quality, xy, pictures = atlas.quality.numpy(), atlas.xy.numpy(), atlas.pictures.numpy()
    for row, column in zip(*np.nonzero(surface.covered.numpy()), strict=True):
        corners = faces[surface.face[row, column]]
        at = surface.barycentric[row, column].numpy().astype(float)
        share = at @ shares[corners]
        usual, allowed = at @ atlas.colours.numpy()[corners], at @ atlas.tolerance.numpy()[corners]
        parts = np.argsort(-share, kind="stable")[:2]
        total, shown, mixed, best = 0.0, 0.0, np.zeros(3), []
        for place, part in enumerate(parts):
            if place == 1 and share[part] < 0.01:
                break
            qualities = [float(at @ quality[n, corners]) for n in choice[part]]
            best.append(max(qualities))
            for rank, (n, q) in enumerate(zip(choice[part], qualities, strict=True)):
                weight = q * share[part] * spare_share**rank
                sample = look_up(pictures[n], at @ xy[n, corners])
                weight /= 1 + (np.abs(sample[:3] - usual).max() / allowed) ** AGREEMENT_POWER
                total += weight
                shown += weight * sample[3] / 255
                mixed += weight * sample[3] / 255 * sample[:3]
        colour[row, column] = (mixed + 1e-3 * usual) / (shown + 1e-3)
        alpha[row, column] = (shown + 1e-3) / (total + 1e-3)
        trust[row, column] = share[parts[: len(best)]] @ best / share[parts].sum()
    return colour, alpha, trust
