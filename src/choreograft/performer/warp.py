"""Drawing a posed body from references: the person cut into layers, each moved as one sheet from the reference that
shows it best.

No training; the colours are the target's own. One reference wins a pixel: means of references blur. What no reference
shows has the surface's usual colours.

Shapes: H x W pixels of the canvas; N references; V vertices; P parts; L layers; K references of a layer; h x w pixels
of a layer's box.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.parts import PARTS
from choreograft.body.surface import SurfaceMap, render_surface
from choreograft.body.track import BodyTrack
from choreograft.config import WarpConfig
from choreograft.performer.layers import LAYER_OF, LAYERS, adjoining_layers, turn_about
from choreograft.performer.references import AGREEMENT_POWER, Atlas, part_turns, project
from choreograft.performer.retrieve import (
    INNER_FACE,
    UNUSABLE,
    Choice,
    Wanted,
    add_spares,
    change_costs,
    choose_track,
    compare_faces,
    rate_layers,
    rate_references,
)
from choreograft.performer.sheets import Box, Cutout, Drawing, Enlargement, Floats, Picture, Sheet
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.video.size import Size

NOWHERE: Final = -1
"""Provenance of a pixel that no reference shows."""
LEAST_SHARE: Final = 0.15
"""In a layer from which on a vertex says where the layer goes."""
LEAST_VERTICES: Final = 8
"""In view, below which a layer is not drawn."""
LEAST_PX: Final = 10
"""Canvas pixels that the first reference must leave unseen for the others to be asked."""
KNOWN: Final = 1e-3
"""How well a pixel is seen from which on it counts as seen at all."""
NEAR_PX, FAR_PX = 1.5, 6.0
"""Standard deviations, canvas px of 256 rows, by which the way is smoothed where vertices say it, and beyond."""
OVERLAP_PX: Final = 2
"""By which layers that cloth joins overlap in a reference."""
LEAST_DEPTH_M: Final = 0.04
"""Difference in depth from which on the nearer layer covers the farther one, whatever their order."""
HIDDEN_PX, OTHER_PX = 5, 7
"""Width of the places, canvas px, that another reference may fill: what the first one does not see, and where it shows
other colours than are usual there."""
ORDER_STEP: Final = 3
"""Of the pixels in each direction one in so many tells which layer is nearer."""
LEAST_SHARED: Final = 2
"""Of them that two layers must share."""
HEAD: Final = [PARTS.index(part) for part in ("head", "neck")]
FADE: Final = 0.25
"""Share of the reach over which what is beside the body fades."""


@dataclass(frozen=True)
class Warped:
    """A body drawn from references."""

    colour: Picture
    """(H, W, 3) RGB; 0 where nothing is drawn."""
    alpha: Floats
    """(H, W) 0..1: how much of the pixel is the person."""
    confidence: Floats
    """(H, W) 0..1: how well the references show it."""
    provenance: NDArray[np.int32]
    """(H, W) the reference that is seen, `NOWHERE` where none is."""
    usual: Floats
    """(H, W, 3) grey levels: the mean colour, over all references, of what lies there of the body; 0 beside it."""
    unseen: Picture
    """(H, W) 255 where the body is drawn in its usual colours, below all sheets."""
    sheets: tuple[Sheet, ...]
    """What it is drawn from, from the back to the front."""
    surface: SurfaceMap
    """Of the body that was drawn."""
    choice: Choice
    """(L, K) the references of each layer."""

    def over(self, plate: Floats) -> Floats:
        """(H, W, 3) grey levels: laid over a plate (H, W, 3)."""
        return np.asarray(plate + self.alpha[..., None] * (self.colour - plate))

    def as_guide(self) -> Tensor:
        """(GUIDE_CHANNELS, H, W): colour in [-1, 1], matte, confidence in [0, 1], normals, usual colours in [-1, 1]."""
        normal = self.surface.normal.cpu().numpy()
        parts = (
            self.colour / 127.5 - 1,
            self.alpha[..., None],
            self.confidence[..., None],
            normal,
            self.usual / np.float32(127.5) - 1,
        )
        return torch.from_numpy(np.concatenate(parts, axis=-1).astype(np.float32)).permute(
            2, 0, 1
        )  # channels last, as networks take it


@dataclass(frozen=True)
class Posed:
    """A body that is to be drawn."""

    vertices: Tensor | NDArray[np.floating]
    """(V, 3) m, camera axes."""
    turns: NDArray[np.float32]
    """(P, 3, 3) of `part_turns`."""
    focal_px: float
    """Of a camera whose pictures are of that size."""
    size: Size
    """Of the picture, the canvas's."""
    face: Floats | None = None
    """(68, 2) px the points of its face; None where it has none, NaN where they are not known."""


def pose_frames(body: BodyTrack, track: PoseTrack) -> Iterator[Posed | None]:
    """The frames of a body, one by one, with the faces of its track, both on the canvas; None where nobody is there."""
    turns, camera = part_turns(body), body.camera
    for t, vertices in enumerate(body.skin()):
        face = track.xy[t, skeleton.FACE]
        posed = Posed(camera.place(vertices), turns[t], camera.focal_px, camera.size, face)
        yield posed if track.present[t] else None


Fading = Mapping[int, tuple[int, float]]
"""For some layers another reference than the first, and how much of it (0..1/2) is shown over that."""


class Warper:
    """Draws bodies from references."""

    def __init__(self, atlas: Atlas, config: WarpConfig | None = None) -> None:
        self._atlas, self._config = atlas, config or WarpConfig()
        self._patches = atlas.patches()
        shares = np.zeros((len(atlas.mesh), len(LAYERS)), np.float32)
        np.add.at(shares.T, LAYER_OF, atlas.vertex_parts.cpu().numpy().T)
        self._of_layer = [np.flatnonzero(share > LEAST_SHARE) for share in shares.T]
        self._shares = [share[of] for share, of in zip(shares.T, self._of_layer, strict=True)]
        self._vertices, self._xy, self._quality, self._pictures = (
            part.cpu().numpy() for part in (atlas.vertices, atlas.xy, atlas.quality, atlas.pictures)
        )
        self._shown = LAYER_OF.astype(np.uint8)[atlas.nearest_part.cpu().numpy()]  # (N, h, w)
        self._cuts: dict[tuple[int, int], tuple[Cutout, Picture]] = {}

    def draw(self, posed: Posed, allowed: NDArray[np.bool_] | None = None) -> Warped:
        """Draw one body by itself.

        Args:
            allowed: (N,) the references that may be used; all where None.
        Raises:
            DependencyError: warp-lang is not installed.
        """
        surface, wanted, costs = self._rate(posed)
        if allowed is not None:
            costs[~allowed] = UNUSABLE
        choice = add_spares(costs.argmin(axis=0), costs, wanted, self._patches, self._config)
        return self.draw_from(surface, choice, posed.face)

    def draw_dance(self, poses: Callable[[], Iterable[Posed | None]]) -> Iterator[Warped | None]:
        """Draw the frames of a dance; None where nobody is there.

        Args:
            poses: gives the frames from the beginning each time it is called: they are looked at twice, since what
                they are drawn from is chosen for the whole dance.
        Raises:
            DependencyError: warp-lang is not installed.
        """
        costs = [None if posed is None else self._rate(posed)[2] for posed in poses()]
        changes = change_costs(self._atlas.moments, self._config)
        cast = iter(_cast_runs(costs, changes, self._config.fade_frames))
        for posed in poses():
            if posed is None:
                yield None
                continue
            surface, wanted, cost = self._rate(posed)
            first, fading = next(cast)
            choice = add_spares(first, cost, wanted, self._patches, self._config)
            yield self.draw_from(surface, choice, posed.face, fading)

    def _rate(self, posed: Posed) -> tuple[SurfaceMap, Wanted, Floats]:
        """What a pose shows, asks for, and what it costs (N, L) to draw its layers from the references."""
        atlas, config = self._atlas, self._config
        surface = render_surface(posed.vertices, atlas.mesh, posed.focal_px, posed.size)
        wanted = find_wanted(surface, atlas, posed.turns)
        parts = rate_references(wanted, self._patches, atlas.turns, atlas.sharpness, atlas.clearness, config)
        if posed.face is not None:
            parts[:, HEAD] += config.face_cost * compare_faces(atlas.faces, posed.face)[:, None]
        return surface, wanted, rate_layers(parts, wanted, config)

    def draw_from(
        self, surface: SurfaceMap, choice: Choice, face: Floats | None = None, fading: "Fading | None" = None
    ) -> Warped:
        """Draw a body from given references (L, K).

        Args:
            face: see `Posed`. fading: for some layers another reference, and how much of it is shown over the first.
        """
        scene = _Scene.of(surface, self._atlas, face)
        laid = [self._lay(scene, layer, choice[layer], (fading or {}).get(layer)) for layer in range(len(LAYERS))]
        layers = _order([layer for layer in laid if layer is not None], scene.layer.shape)
        return _compose(layers, scene, surface, choice)

    def _lay(
        self, scene: "_Scene", layer: int, references: NDArray[np.intp], fading: tuple[int, float] | None
    ) -> "_Laid | None":
        """One layer, from the first of its references and, where that does not see it, the others."""
        reach = (self._config.beyond_m if LAYERS[layer].dressed else self._config.limb_beyond_m) * scene.px_per_m
        points = _Points.of(scene, layer, self._of_layer[layer], self._shares[layer], reach)
        if points is None:
            return None
        on = scene.layer[points.box.at] == layer
        fade = _fade(on | (points.near > 0.2), reach)
        candidates: list[_Candidate] = []
        for reference in dict.fromkeys(references.tolist()):
            candidates.append(self._try(scene, layer, reference, points, fade))
            unseen = on & (max_of([candidate.seen for candidate in candidates]) < self._config.spare_share)
            if LAYERS[layer].kind != "sheet" or unseen.sum() < LEAST_PX:
                break
        laid = _settle(candidates, points, on, self._config.spare_share)
        if fading is None:
            return laid
        other = self._try(scene, layer, fading[0], points, fade)
        sheet = replace(other.sheet, gate=np.asarray(fade * fading[1], dtype=np.uint8))
        return replace(laid, sheets=(*laid.sheets, sheet), samples=(*laid.samples, other.sample))

    def _try(self, scene: "_Scene", layer: int, reference: int, points: "_Points", fade: Picture) -> "_Candidate":
        kind, of = LAYERS[layer].kind, self._of_layer[layer][points.chosen]
        quality = self._quality[reference, of] if kind == "sheet" else np.ones(len(of), np.float32)
        there = self._places(scene, layer, reference, of)
        scale = self._scale(scene, reference, of) if kind == "stiff" else None
        affine, residual, seen = points.find_way(there, quality, scale)
        if layer == LAYER_OF[HEAD[0]] and scene.face is not None:
            affine, residual = _fit_face(affine, residual, points, scene.face, self._atlas.faces[reference])
        cutout, member = self._cut(reference, layer)
        sheet = Sheet(reference, layer, points.box, affine, residual, fade, member)
        sample = sheet.look_up(cutout, scene.flat, points.box.at)
        off = cv2.absdiff(cv2.blur(sample[..., :3], (3, 3)).astype(np.float32), scene.usual[points.box.at]).max(axis=-1)
        doubt = (off / scene.tolerance[points.box.at]) ** AGREEMENT_POWER
        shown = sample[..., 3] / np.float32(255)  # where the reference shows that nobody is there, that is believed
        return _Candidate(sheet, sample, seen, seen * (1 - shown + shown / (1 + doubt)))

    def _scale(self, scene: "_Scene", reference: int, of: NDArray[np.intp]) -> float:
        """How much larger a reference shows what lies at some vertices than the new picture does."""
        nearness = self._atlas.focal_px[reference] / self._vertices[reference, of, 2].mean()
        return float(nearness * scene.vertices[of, 2].mean() / scene.focal_px)

    def _places(self, scene: "_Scene", layer: int, reference: int, of: NDArray[np.intp]) -> Floats:
        """(M, 2) px where a reference has a layer's vertices; a round one is turned first to show the side wanted."""
        limb = self._atlas.limbs.get(layer)
        if limb is None:
            return np.asarray(self._xy[reference, of])
        vertices = self._vertices[reference]
        middle, axis, angle = limb.stand(vertices)
        turned = turn_about(vertices[of], middle, axis, limb.stand(scene.vertices)[2] - angle)
        size = Size(self._pictures.shape[2], self._pictures.shape[1])
        return project(torch.from_numpy(turned), self._atlas.focal_px[reference], size).numpy()

    def _cut(self, reference: int, layer: int) -> tuple[Cutout, Picture]:
        """A layer of a reference at the canvas's size, and where it is, (h, w) 255; joined layers overlap a little."""
        found = self._cuts.get((reference, layer))
        if found is None:
            shown = self._shown[reference]
            own = (shown == layer).astype(np.uint8) * 255
            wide = cv2.dilate(own, np.ones((2 * OVERLAP_PX + 1,) * 2, np.uint8))
            member = np.where(adjoining_layers()[layer][shown], wide, own)
            found = Cutout(self._pictures[reference], 1.0, (0.0, 0.0)).cut(member), member
            self._cuts[reference, layer] = found
        return found


def max_of(maps: list[Floats]) -> Floats:
    """The greatest of maps of one shape, pixel by pixel."""
    return np.asarray(np.maximum.reduce(maps))


def find_wanted(surface: SurfaceMap, atlas: Atlas, turns: NDArray[np.float32]) -> Wanted:
    """What a picture of the body asks for."""
    face = surface.face[surface.covered].long()
    corners = atlas.mesh.faces[face].long()  # (M, 3)
    fills = torch.bincount(corners.flatten(), surface.barycentric[surface.covered].flatten(), len(atlas.mesh))
    filled = fills.nonzero()[:, 0]
    weights = torch.zeros(int(atlas.patch_of.max()) + 1, atlas.vertex_parts.shape[1], device=face.device)
    weights.index_add_(0, atlas.patch_of[filled], fills[filled, None] * atlas.vertex_parts[filled])
    return Wanted(weights.cpu().numpy(), turns)


@dataclass(frozen=True)
class _Scene:
    """The body in the new pose, as its layers need it; maps of the canvas's size."""

    vertices: Floats
    """(V, 3) m, camera axes."""
    xy: Floats
    """(V, 2) px."""
    visible: NDArray[np.bool_]
    """(V,) on the canvas and faced."""
    pixel: NDArray[np.int64]
    """(V, 2) column and row that each vertex lies in, within the canvas."""
    layer: NDArray[np.int8]
    """(H, W) the layer that is seen, -1 beside the body."""
    front: Floats
    """(H, W) its depth, m; infinite beside the body."""
    usual: Floats
    """(H, W, 3) usual colours, 0 beside the body. tolerance: (H, W) by how much colours may differ from them."""
    tolerance: Floats
    focal_px: float
    px_per_m: float
    flat: Enlargement
    """None: the canvas itself."""
    face: Floats | None

    @staticmethod
    def of(surface: SurfaceMap, atlas: Atlas, face: Floats | None) -> "_Scene":
        size = surface.size
        xy = project(surface.vertices, surface.focal_px, size).cpu().numpy()
        facing = -(surface.vertex_normals * surface.vertices).sum(1).cpu().numpy()
        inside = ((xy >= 0) & (xy < size)).all(axis=1)
        pixel = np.clip(np.nan_to_num(xy), 0, np.array(size) - 1).astype(np.int64)
        part = surface.part.cpu().numpy()
        on = surface.covered
        corners = atlas.mesh.faces[surface.face[on].long()].long()
        shares = surface.barycentric[on]
        usual, tolerance = np.zeros((*part.shape, 3), np.float32), np.full(part.shape, np.inf, np.float32)
        seen = on.cpu().numpy()
        usual[seen] = (atlas.colours[corners] * shares[..., None]).sum(1).cpu().numpy()
        tolerance[seen] = (atlas.tolerance[corners] * shares).sum(1).cpu().numpy()
        depth = surface.depth_m.cpu().numpy()
        px_per_m = surface.focal_px / float(np.median(depth[seen])) if seen.any() else surface.focal_px
        seen_layer = np.where(part >= 0, LAYER_OF[part], -1).astype(np.int8)
        return _Scene(
            surface.vertices.cpu().numpy(), xy, inside & (facing > 0), pixel, seen_layer, depth, usual, tolerance,
            surface.focal_px, px_per_m, Enlargement.none(size), face,
        )  # fmt: skip


@dataclass(frozen=True)
class _Points:
    """The vertices of a layer that say where it goes, and its box."""

    box: Box
    chosen: NDArray[np.intp]
    """(M,) of the layer's vertices, those that say so."""
    at: NDArray[np.float64]
    """(M, 3) x, y, 1 on the canvas, px."""
    place: NDArray[np.int64]
    """(M,) the pixel of the box, counted row by row."""
    weight: Floats
    """(M,) how much each has to say."""
    depth: Floats
    """(h, w) of the layer, m, carried on beyond it."""
    near: Floats
    """(h, w) how many of them are near, by weight."""
    fine: float
    """How many times 256 rows the canvas has."""

    @staticmethod
    def of(scene: _Scene, layer: int, vertices: NDArray[np.intp], shares: Floats, reach: float) -> "_Points | None":
        """Those that are seen, or covered by another layer alone; None where hardly any are."""
        column, row = scene.pixel[vertices].T
        clear = scene.vertices[vertices, 2] <= scene.front[row, column] + 0.02
        chosen = np.flatnonzero(scene.visible[vertices] & (clear | (scene.layer[row, column] != layer)))
        if len(chosen) < LEAST_VERTICES:
            return None
        H, W = scene.layer.shape
        low, high = scene.pixel[vertices[chosen]].min(axis=0), scene.pixel[vertices[chosen]].max(axis=0)
        left, top = np.maximum(low - int(reach) - 2, 0).tolist()
        right, bottom = np.minimum(high + int(reach) + 3, (W, H)).tolist()
        box = Box(top, left, bottom - top, right - left)
        at = np.column_stack([scene.xy[vertices[chosen]], np.ones(len(chosen))]).astype(np.float64)
        place = (row[chosen] - top) * box.width + column[chosen] - left
        weight = shares[chosen]
        depth = scene.vertices[vertices[chosen], 2]
        sums = _splat(place, [weight, weight * depth], box)
        fine = H / 256
        far = _smooth(sums, fine * 4 * FAR_PX)
        mean = float((weight * depth).sum() / weight.sum())
        carried = (far[..., 1] + 1e-4 * mean) / (far[..., 0] + 1e-4)
        near = _smooth(sums, fine * NEAR_PX)
        depth_map = (near[..., 1] + 0.02 * carried) / (near[..., 0] + 0.02)
        return _Points(box, chosen, at, place, weight, depth_map, near[..., 0], fine)

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
        off = there - from_middle @ affine
        affine[2] -= middle[:2] @ affine[:2]
        values = [weight, weight * off[:, 0], weight * off[:, 1], self.weight, self.weight * quality]
        sums = _splat(self.place, values, self.box)
        far, near = _smooth(sums[..., :3], self.fine * FAR_PX), _smooth(sums, self.fine * NEAR_PX)
        carried = far[..., 1:] / (far[..., :1] + 1e-3)
        residual = (near[..., 1:3] + 0.02 * carried) / (near[..., :1] + 0.02) * (scale is None)
        return affine.astype(np.float32), residual.astype(np.float32), near[..., 4] / (near[..., 3] + 0.05)


@dataclass(frozen=True)
class _Candidate:
    """A layer from one reference."""

    sheet: Sheet
    sample: Picture
    """(h, w, 4) of `Sheet.look_up` at the canvas's size."""
    quality: Floats
    """(h, w) 0..1 how well the reference sees it."""
    seen: Floats
    """(h, w) the same times how far its colours are the usual ones."""


@dataclass(frozen=True)
class _Laid:
    """A layer as it will be drawn; maps of its box."""

    sheets: tuple[Sheet, ...]
    samples: tuple[Picture, ...]
    box: Box
    depth: Floats
    alpha: Floats
    """(h, w) of all its sheets."""
    confidence: Floats
    unseen: Picture
    """(h, w) 255 where the layer's body is seen by no reference."""


def _settle(candidates: list[_Candidate], points: _Points, on: NDArray[np.bool_], spare_share: float) -> _Laid:
    """Decide which candidate wins which pixel: the first, but on the body, in places of some size, one that sees it."""
    winner, first = np.zeros(on.shape, np.intp), candidates[0]
    best = cv2.blur(first.seen, (3, 3))
    for rank, candidate in enumerate(candidates[1:], start=1):
        seen = cv2.blur(candidate.seen * candidate.sample[..., 3], (3, 3)) * (spare_share**rank / 255)
        # what the first does not see, and, where it shows something else instead, only larger places: cloth slides
        hidden, other = on & (seen > first.quality), on & (seen > best)
        better = _clear(hidden, HIDDEN_PX) | _clear(other, OTHER_PX)
        winner[better], best = rank, np.where(better, seen, best)
    unseen = _clear(on & (max_of([candidate.quality for candidate in candidates]) < KNOWN), HIDDEN_PX)
    sheets, alpha = [], np.zeros(on.shape, np.float32)
    for n, candidate in enumerate(candidates):
        gate = np.where((winner == n) & ~unseen, candidate.sheet.gate, np.uint8(0))
        if gate.any():
            sheets.append((replace(candidate.sheet, gate=gate), candidate.sample))
            alpha += cv2.multiply(gate, candidate.sample[..., 3], scale=1 / 255**2, dtype=cv2.CV_32F)
    quality = max_of([candidate.quality for candidate in candidates])
    confidence = np.where(on, quality, 0.5 * alpha)
    return _Laid(
        tuple(sheet for sheet, _ in sheets), tuple(sample for _, sample in sheets), points.box, points.depth, alpha,
        confidence.astype(np.float32), unseen * np.uint8(255),
    )  # fmt: skip


def _cast_runs(costs: Sequence[Floats | None], changes: Floats, fade: int) -> Iterator[tuple[NDArray[np.intp], Fading]]:
    """The first reference of each layer (L,), and what fades, for every frame that has costs; runs by themselves."""
    for there, run in groupby(costs, lambda cost: cost is not None):
        if not there:
            continue
        chosen = choose_track([cost for cost in run if cost is not None], changes)
        for t, first in enumerate(chosen):
            around = chosen[max(0, t - fade) : t + fade + 1]
            fading = {}
            for layer in np.flatnonzero((around != first).any(axis=0)).tolist():
                others, counts = np.unique(around[around[:, layer] != first[layer], layer], return_counts=True)
                fading[layer] = int(others[counts.argmax()]), float(counts.max() / (2 * fade + 1))
            yield first, fading


def _fit_face(affine: Floats, residual: Floats, points: _Points, here: Floats, there: Floats) -> tuple[Floats, Floats]:
    """The way of a head with its face's points (68, 2) laid on those of the reference: the whole of it, then features.

    What the fitted bodies know of a head is where it is and how it is turned; its points are seen.
    """
    known = np.asarray(np.isfinite(here).all(axis=1) & np.isfinite(there).all(axis=1))
    known[:INNER_FACE] = False
    if known.sum() < LEAST_VERTICES:
        return affine, residual
    box = points.box
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
    sums = _smooth(_splat(place, [np.ones(len(at), np.float32), left[:, 0], left[:, 1]], box), points.fine * NEAR_PX)
    features = sums[..., 1:] / (sums[..., :1] + 0.05)
    return (affine + change).astype(np.float32), (residual + features).astype(np.float32)


def _order(layers: list[_Laid], shape: tuple[int, int]) -> list[_Laid]:
    """From the back to the front: as `LAYERS` has them, unless one is clearly nearer where two overlap."""
    if not layers:
        return []
    alpha = np.zeros((len(layers), *shape), np.float32)
    depth = np.zeros_like(alpha)
    for n, layer in enumerate(layers):
        alpha[n][layer.box.at], depth[n][layer.box.at] = layer.alpha > 0.5, layer.depth
    alpha, depth = (maps[:, ::ORDER_STEP, ::ORDER_STEP] for maps in (alpha, depth))
    flat, deep = alpha.reshape(len(layers), -1), (alpha * depth).reshape(len(layers), -1)
    shared = flat @ flat.T
    nearer = (deep @ flat.T - flat @ deep.T) / np.maximum(shared, 1)  # (n, m) m by which n is farther where both are
    nearer[shared < LEAST_SHARED] = 0
    order = list(range(len(layers)))
    for _ in order:
        for place in range(len(order) - 1):
            back, front = order[place : place + 2]
            if nearer[back, front] < -LEAST_DEPTH_M or (back > front and nearer[back, front] < LEAST_DEPTH_M):
                order[place : place + 2] = [front, back]
    return [layers[n] for n in order]


def _compose(layers: list[_Laid], scene: _Scene, surface: SurfaceMap, choice: Choice) -> Warped:
    shape = scene.layer.shape
    drawn = Drawing.empty(*shape)
    confidence, unseen = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    provenance = np.full(shape, NOWHERE, np.int32)
    for layer in layers:
        unseen[layer.box.at] |= layer.unseen
    usual = np.dstack([scene.usual, np.full(shape, 255, np.float32)]).astype(np.uint8)
    drawn.lay(usual, unseen, (slice(None), slice(None)))
    for layer in layers:
        at = layer.box.at
        for sheet, sample in zip(layer.sheets, layer.samples, strict=True):
            drawn.lay(sample, sheet.gate, at)
            provenance[at][cv2.multiply(sheet.gate, sample[..., 3], scale=1 / 255) > 127] = sheet.reference
        confidence[at] += layer.alpha * (layer.confidence - confidence[at])
    sheets = tuple(sheet for layer in layers for sheet in layer.sheets)
    return Warped(drawn.colour, drawn.alpha, confidence, provenance, scene.usual, unseen, sheets, surface, choice)


def _clear(places: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    """Places without those that are narrower than so many px."""
    return np.asarray(cv2.morphologyEx(places.astype(np.uint8), cv2.MORPH_OPEN, np.ones((least, least))) > 0)


def _fade(near: NDArray[np.bool_], reach: float) -> Picture:
    """(h, w) 255 on a layer's body, 0 farther from it than so many px."""
    away = cv2.distanceTransform((~near).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(np.clip((1 - away / reach) * (255 / FADE), 0, 255), dtype=np.uint8)


def _splat(place: NDArray[np.int64], values: list[Floats], box: Box) -> Floats:
    """(h, w, C) the sums of values (M,) in the pixels of a box that they lie in."""
    count = box.height * box.width
    sums = [np.bincount(place, value, count) for value in values]
    return np.stack(sums, axis=1).reshape(box.height, box.width, len(values)).astype(np.float32)


def _smooth(maps: Floats, sigma: float) -> Floats:
    """Maps (h, w, C) under nearly a Gaussian, two boxes; nothing lies beyond them."""
    side = 2 * max(1, round((np.sqrt(6 * sigma**2 + 1) - 1) / 2)) + 1
    for _ in range(2):
        maps = np.asarray(cv2.blur(maps, (side, side), borderType=cv2.BORDER_CONSTANT))
    return np.asarray(maps, dtype=np.float32)
