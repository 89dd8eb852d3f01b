"""Where a layer of a body goes: from a new pose to the places where a reference shows the same.

Shapes: H x W pixels of the canvas; V vertices, M of them of a layer; h x w pixels of the layer's box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from choreograft.body.surface import SurfaceMap, find_nearest
from choreograft.performer.atlas import Atlas
from choreograft.performer.colours import project, view_cosines
from choreograft.performer.layers import LAYER_OF
from choreograft.performer.references import INNER_FACE
from choreograft.performer.region import Region
from choreograft.performer.sheets import Floats, Picture

LEAST_VERTICES: Final = 8
"""In view, below which a layer is not drawn."""
NEAR_PX, FAR_PX = 2.5, 6.0
"""Standard deviations, canvas px of 256 rows, by which the way is smoothed where vertices say it, and beyond."""
FEATURE_PX: Final = 1.5
"""The same of a face's points, which lie closer."""
FACED: Final = 0.1
"""Mean cosine to the lens of a face, below which its points are not seen."""
TURNED: Final = (0.3, 0.45)
"""Mean cosine to the reference's lens, of what is the new outline of a layer's first part, from which on and at which
the reference's outline is another one: that of another side."""
BEHIND: Final = 0.2
"""Weight of a layer's vertices around a pixel, from which on it is behind another layer that is seen there."""
FADE: Final = 0.25
"""Share of the reach over which what is beside the body fades."""
RIM: Final = 0.3
"""Cosine to the lens at which a vertex is hardly one of the outline."""


@dataclass(frozen=True)
class Scene:
    """The body in the new pose, as its layers need it; maps of the canvas's size."""

    vertices: Floats
    """(V, 3) m, camera axes."""
    xy: Floats
    """(V, 2) px."""
    visible: NDArray[np.bool_]
    """(V,) on the canvas and faced."""
    pixel: NDArray[np.int64]
    """(V, 2) column and row that each vertex lies in, within the canvas."""
    part: NDArray[np.int8]
    """(H, W) the part that is seen, -1 beside the body."""
    layer: NDArray[np.int8]
    """(H, W) the same of layers."""
    rim: Floats
    """(V,) 0..1 how far each vertex lies on an outline: turned aside from the lens."""
    front: Floats
    """(H, W) its depth, m; infinite beside the body."""
    usual: Floats
    """(H, W, 3) usual colours, carried on beside the body."""
    tolerance: Floats
    """(H, W) by how much colours may differ from them."""
    focal_px: float
    px_per_m: float
    angles: Mapping[int, float]
    """Of each round layer, how it is turned about its axis; see `Limb.stand`."""
    face: Floats | None
    """(68, 2) px the points of its face; None where it has none."""
    moved: Floats | None
    """(V, 2) px by which the vertices move while the shutter is open; None where nobody knows."""
    sway: Floats | None
    """(V, 2) m by which cloth lies beside the body, right and down; None where nobody measured it."""

    @staticmethod
    def of(surface: SurfaceMap, atlas: Atlas, face: Floats | None, moved: Floats | None) -> "Scene":
        """What a body shows where it was drawn; `face` and `moved` as in the fields of these names."""
        size = surface.size
        xy = project(surface.vertices, surface.focal_px, size).cpu().numpy()
        facing = view_cosines(surface).cpu().numpy()
        (x, y), limit = xy.T, np.array(size, np.float32) - 1
        inside = (x >= 0) & (x < size.width) & (y >= 0) & (y < size.height)
        pixel = np.clip(np.nan_to_num(xy), 0, limit).astype(np.int64)
        part = surface.part.cpu().numpy()
        at, corners, shares = surface.corners
        mean = torch.cat([atlas.colours, atlas.tolerance[:, None]], dim=1).index_select(0, corners.flatten())
        mixed = torch.einsum("mkc,mk->mc", mean.view(-1, 3, 4), shares).cpu().numpy()
        usual, tolerance = np.zeros((*part.shape, 3), np.float32), np.full(part.shape, np.inf, np.float32)
        seen = at.cpu().numpy()
        usual.reshape(-1, 3)[seen], tolerance.reshape(-1)[seen] = mixed[:, :3], mixed[:, 3]
        depth = surface.depth_m.cpu().numpy()
        usual = usual.reshape(-1, 3)[find_nearest(surface.covered.cpu().numpy())[1]]
        if face is not None and np.average(facing, weights=atlas.face_shares) < FACED:
            face = None  # the tracker guesses at a face that is turned away
        px_per_m = surface.focal_px / float(np.median(depth.reshape(-1)[seen])) if len(seen) else surface.focal_px
        layer = np.where(part >= 0, LAYER_OF[part], -1).astype(np.int8)
        vertices = surface.vertices.cpu().numpy()
        sway = None if atlas.cloth is None else atlas.cloth.foretold(vertices)
        angles = {layer: limb.stand(vertices)[2] for layer, limb in atlas.limbs.items()}
        return Scene(
            vertices, xy, inside & (facing > 0), pixel, part.astype(np.int8), layer, np.exp(-((facing / RIM) ** 2)),
            depth, usual, tolerance, surface.focal_px, px_per_m, angles, face, moved, sway,
        )  # fmt: skip


@dataclass(frozen=True)
class Spot:
    """Where a layer is to be drawn, and its vertices that say where it goes."""

    layer: int
    box: Region
    chosen: NDArray[np.intp]
    """(M,) of the layer's vertices, those that say where it goes."""
    at: NDArray[np.float64]
    """(M, 3) x, y, 1 on the canvas, px."""
    place: NDArray[np.int64]
    """(M,) the pixel of the box, counted row by row."""
    weight: Floats
    """(M,) how much each has to say."""
    depth: Floats
    """(h, w) of the layer, m, carried on beyond it."""
    fine: float
    """How many times 256 rows the canvas has."""
    drift: tuple[float, float]
    """Right and down, px, by which the layer moves while the shutter is open."""
    on: NDArray[np.bool_]
    """(h, w) its body is seen there."""
    body: NDArray[np.bool_]
    """(h, w) it is there, be it behind another layer."""
    away: Floats
    """(h, w) px from its body."""
    fade: Picture
    """(h, w) 255 on its body, fading to 0 where nothing of it is looked for."""

    @staticmethod
    def of(scene: Scene, layer: int, vertices: NDArray[np.intp], shares: Floats, reach: Floats) -> "Spot | None":
        """By its vertices that are seen, or covered by another layer alone; None where hardly any are.

        Args:
            vertices: of the layer. shares: theirs in it. reach: (P,) px around each part that it is looked for.
        """
        column, row = scene.pixel[vertices].T
        clear = scene.vertices[vertices, 2] <= scene.front[row, column] + 0.02
        chosen = np.flatnonzero(scene.visible[vertices] & (clear | (scene.layer[row, column] != layer)))
        if len(chosen) < LEAST_VERTICES:
            return None
        H, W = scene.layer.shape
        widest = reach[layer == LAYER_OF].max()
        low, high = scene.pixel[vertices[chosen]].min(axis=0), scene.pixel[vertices[chosen]].max(axis=0)
        left, top = np.maximum(low - int(widest) - 2, 0).tolist()
        right, bottom = np.minimum(high + int(widest) + 3, (W, H)).tolist()
        box = Region(top, left, bottom - top, right - left)
        at = np.column_stack([scene.xy[vertices[chosen]], np.ones(len(chosen))]).astype(np.float64)
        place = (row[chosen] - top) * box.width + column[chosen] - left
        weight, depth = shares[chosen], scene.vertices[vertices[chosen], 2]
        sums = _splat(place, [weight, weight * depth], box)
        fine = H / 256
        far, far_depth = _smooth(sums, fine * 4 * FAR_PX)
        mean = float((weight * depth).sum() / weight.sum())
        carried = (far_depth + 1e-4 * mean) / (far + 1e-4)
        near, near_depth = _smooth(sums, fine * NEAR_PX)
        depth_map = (near_depth + 0.02 * carried) / (near + 0.02)
        moved = np.zeros((2, 1)) if scene.moved is None else scene.moved[vertices[chosen]].T
        x, y = np.median(moved, axis=1).tolist()
        on = scene.layer[box.at] == layer
        body = on | ((near > BEHIND) & (scene.layer[box.at] >= 0))
        away = cv2.distanceTransform((~body).astype(np.uint8), cv2.DIST_L2, 3)
        far_px = reach[scene.part[box.at].reshape(-1)[find_nearest(on)[1]]] if on.any() else widest
        fade = np.clip((1 - np.minimum(away, 2 * far_px) / far_px) * (255 / FADE), 0, 255).astype(np.uint8)
        return Spot(layer, box, chosen, at, place, weight, depth_map, fine, (x, y), on, body, away, fade)

    def find_way(self, there: Floats, quality: Floats, scale: float | None) -> tuple[Floats, Floats, Floats]:
        """The way to a reference that has the points at `there` (M, 2) and sees them so well (M,).

        Args:
            scale: of what is turned and scaled alone; None for what goes as its points do.

        Returns:
            affine (3, 2) and residual (h, w, 2), see `Sheet`; (h, w) 0..1 how well each pixel is seen.
        """
        weight = self.weight * (0.02 + quality)
        middle = np.append((weight[:, None] * self.at[:, :2]).sum(axis=0) / weight.sum(), 0.0)
        from_middle = self.at - middle
        moments = (weight[:, None] * from_middle).T @ from_middle + np.diag([1.0, 1.0, 0.0])
        products = (weight[:, None] * from_middle).T @ there
        affine = np.linalg.solve(moments, products)
        if scale is not None:
            along, across = products[0, 0] + products[1, 1], products[0, 1] - products[1, 0]
            along, across = np.array([along, across]) * scale / max(np.hypot(along, across), 1e-6)
            affine[:2] = [[along, across], [-across, along]]
            # it stays where it hangs on the layer next to it, whose vertices are half its own
            joint = self.weight * np.maximum(1 - self.weight, 1e-3)
            here, same = (np.average(xy, axis=0, weights=joint) for xy in (from_middle[:, :2], there))
            affine[2] = same - here @ affine[:2]
        off = there - from_middle @ affine
        affine[2] -= middle[:2] @ affine[:2]
        values = [weight, weight * off[:, 0], weight * off[:, 1], self.weight, self.weight * quality]
        sums = _splat(self.place, values, self.box)
        near, x, y, all_near, seen = _smooth(sums, self.fine * NEAR_PX)
        far, far_x, far_y = _smooth(np.ascontiguousarray(sums[..., :3]), self.fine * FAR_PX)
        carry = 0.02 / (far + 1e-3)
        residual = cv2.merge([(x + carry * far_x) / (near + 0.02), (y + carry * far_y) / (near + 0.02)])
        kept = np.asarray(residual, np.float32) if scale is None else np.zeros(residual.shape, np.float32)
        return affine.astype(np.float32), kept, seen / (all_near + 0.05)


def fit_face(
    affine: Floats, residual: Floats, spot: Spot, share: Floats, here: Floats, there: Floats
) -> tuple[Floats, Floats]:
    """The way of a head with its face's points (68, 2) laid on those of the reference: the whole of it, then features.

    What the fitted bodies know of a head is where it is and how it is turned; its points are seen. The neck stays where
    it hangs on the trunk.

    Args:
        share: (M,) of the spot's vertices, in the head rather than in the neck.
    """
    known = np.asarray(np.isfinite(here).all(axis=1) & np.isfinite(there).all(axis=1))
    known[:INNER_FACE] = False
    if known.sum() < LEAST_VERTICES:
        return affine, residual
    box = spot.box
    at = here[known] - (box.left, box.top)
    pixel = np.clip(at.astype(np.int64), 0, (box.width - 1, box.height - 1))
    ones = np.column_stack([here[known], np.ones(len(at))])
    off = there[known] - (ones @ affine + residual[pixel[:, 1], pixel[:, 0]])
    middle = ones.mean(axis=0) * [1, 1, 0]
    moments = (ones - middle).T @ (ones - middle) + np.diag([1e-2, 1e-2, 0])
    change = np.linalg.solve(moments, (ones - middle).T @ off)
    left = off - (ones - middle) @ change
    change[2] -= middle[:2] @ change[:2]
    place = pixel[:, 1] * box.width + pixel[:, 0]
    sums = _splat(place, [np.ones(len(at), np.float32), left[:, 0], left[:, 1]], box)
    count, x, y = _smooth(sums, spot.fine * FEATURE_PX)
    features = cv2.merge([x / (count + 0.05), y / (count + 0.05)])
    of_neck, of_all = _smooth(_splat(spot.place, [spot.weight * (1 - share), spot.weight], box), spot.fine * FAR_PX)
    columns, rows = np.meshgrid(np.arange(box.width) + box.left + 0.5, np.arange(box.height) + box.top + 0.5)
    moved = np.dstack([columns, rows, np.ones_like(rows)]) @ change
    held = np.clip(2 * of_neck / (of_all + 1e-3) - 1, 0, 1)[..., None] * moved  # the chin is the face's
    return (affine + change).astype(np.float32), np.asarray(residual + features - held, dtype=np.float32)


def _splat(place: NDArray[np.int64], values: list[Floats], box: Region) -> Floats:
    """(h, w, C) the sums of values (M,) in the pixels of a box that they lie in."""
    C = len(values)
    entries = (C * place[:, None] + np.arange(C)).ravel()
    sums = np.bincount(entries, np.stack(values, axis=1).ravel(), C * box.height * box.width)
    return sums.reshape(box.height, box.width, C).astype(np.float32)


def _smooth(maps: Floats, sigma: float) -> Sequence[Floats]:
    """C maps (h, w) of (h, w, C) under nearly a Gaussian, two boxes; nothing lies beyond them."""
    side = 2 * max(1, round((np.sqrt(6 * sigma**2 + 1) - 1) / 2)) + 1
    for _ in range(2):
        maps = np.asarray(cv2.blur(maps, (side, side), borderType=cv2.BORDER_CONSTANT), dtype=np.float32)
    return cast(Sequence[Floats], cv2.split(maps))
