"""Drawing a posed body from references: the person cut into layers, each moved as one sheet from the reference that
shows it best.

No training; the colours are the target's own. One reference wins a pixel: means of references blur. What no reference
shows has the surface's usual colours.

Shapes: H x W pixels of the canvas; N references; V vertices; P parts; L layers; K references of a layer; h x w pixels
of a layer's box.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
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
from choreograft.performer.atlas import AGREEMENT_POWER, Atlas, project
from choreograft.performer.device import AHEAD, run_ahead
from choreograft.performer.laid import Candidate, Laid, max_of, order_layers, settle
from choreograft.performer.layers import LAYER_OF, LAYERS, adjoining_layers, turn_about
from choreograft.performer.references import part_turns
from choreograft.performer.retrieve import (
    UNUSABLE,
    Choice,
    Fading,
    Wanted,
    add_spares,
    cast_dance,
    change_costs,
    compare_faces,
    rate_layers,
    rate_references,
)
from choreograft.performer.sheets import Cutout, Drawing, Floats, Picture, Sheet, look_up
from choreograft.performer.way import Points, Scene, fit_face
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.video.size import Size

NOWHERE: Final = -1
"""Provenance of a pixel that no reference shows."""
LEAST_SHARE: Final = 0.15
"""In a layer from which on a vertex says where the layer goes."""
LEAST_PX: Final = 10
"""Canvas pixels that the first reference must leave unseen for the others to be asked."""
OVERLAP_PX: Final = 2
"""By which layers that cloth joins overlap in a reference."""
SPARE_PX: Final = 2
"""Around what a reference shows on the canvas, where it may show something fine at full size."""
HEAD: Final = [PARTS.index(part) for part in ("head", "neck")]
SLOWEST: Final = 24.0
"""Frames per second that a camera is taken to film at where the footage has fewer: those were thinned out later."""
CUT: Final = 0.2
"""Share of the height: a body that moves farther from one frame to the next was cut to, and is not smeared."""
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
        colour, usual = (picture / np.float32(127.5) - 1 for picture in (self.colour, self.usual))
        parts = colour, self.alpha[..., None], self.confidence[..., None], normal, usual
        maps = np.concatenate(parts, axis=-1).astype(np.float32)
        return torch.from_numpy(maps).permute(2, 0, 1)  # channels last in memory, as networks take it


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
    time_s: float = 0.0
    """When, in its dance."""


def pose_frames(body: BodyTrack, track: PoseTrack) -> Iterator[Posed | None]:
    """The frames of a body, one by one, with the faces of its track, both on the canvas; None where nobody is there."""
    turns, camera = part_turns(body), body.camera
    for t, vertices in enumerate(body.skin()):
        face = track.xy[t, skeleton.FACE]
        posed = Posed(camera.place(vertices), turns[t], camera.focal_px, camera.size, face, float(track.time_s[t]))
        yield posed if track.present[t] else None


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
        self._masks = np.ascontiguousarray(self._pictures[..., 3])
        self._exposure_s = self._config.shutter / max(atlas.rate, SLOWEST)
        self._shown = LAYER_OF.astype(np.uint8)[atlas.nearest_part.cpu().numpy()]  # (N, h, w)
        self._cuts: dict[tuple[int, int], tuple[Cutout, Picture]] = {}
        self._stands: dict[tuple[int, int], tuple[Floats, Floats, float]] = {}

    def draw(self, posed: Posed, allowed: NDArray[np.bool_] | None = None) -> Warped:
        """Draw one body by itself.

        Args:
            allowed: (N,) the references that may be used; all where None.
        Raises:
            DependencyError: warp-lang is not installed.
        """
        surface = self._render(posed)
        wanted, costs = self._rate(posed, surface)
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
        costs = [None if shown is None else self._rate(*shown)[1] for shown in self._render_ahead(poses())]
        changes = change_costs(self._atlas.moments, self._config)
        cast = iter(cast_dance(costs, changes, self._config.fade_frames))
        known = iter([cost for cost in costs if cost is not None])
        before: tuple[Floats, float] | None = None
        for shown in self._render_ahead(poses()):
            if shown is None:
                before = None
                yield None
                continue
            posed, surface = shown
            wanted = find_wanted(surface, self._atlas, posed.turns)
            cost, (first, fading) = next(known), next(cast)
            choice = add_spares(first, cost, wanted, self._patches, self._config)
            xy = project(surface.vertices, surface.focal_px, surface.size).cpu().numpy()
            moved = None
            if before is not None and posed.time_s > before[1]:
                step = xy - before[0]
                if np.median(np.abs(step)) < CUT * posed.size.height:
                    moved = step * (self._exposure_s / (posed.time_s - before[1]))
            before = xy, posed.time_s
            yield self.draw_from(surface, choice, posed.face, fading, moved)

    def _rate(self, posed: Posed, surface: SurfaceMap) -> tuple[Wanted, Floats]:
        """What a pose asks for, and what it costs (N, L) to draw its layers from the references."""
        atlas, config = self._atlas, self._config
        wanted = find_wanted(surface, atlas, posed.turns)
        parts = rate_references(wanted, self._patches, atlas.turns, atlas.sharpness, atlas.clearness, config)
        if posed.face is not None:
            parts[:, HEAD] += config.face_cost * compare_faces(atlas.faces, posed.face)[:, None]
        return wanted, rate_layers(parts, wanted, config)

    def _render(self, posed: Posed) -> SurfaceMap:
        return render_surface(posed.vertices, self._atlas.mesh, posed.focal_px, posed.size)

    def _render_ahead(self, poses: Iterable[Posed | None]) -> Iterator[tuple[Posed, SurfaceMap] | None]:
        """Poses and what they show, rendered in a thread of their own; None where nobody is there."""
        shown = (None if posed is None else (posed, self._render(posed)) for posed in poses)
        return run_ahead(shown, "bodies", AHEAD)

    def draw_from(
        self,
        surface: SurfaceMap,
        choice: Choice,
        face: Floats | None = None,
        fading: Fading | None = None,
        moved: Floats | None = None,
    ) -> Warped:
        """Draw a body from given references (L, K).

        Args:
            face: see `Posed`. fading: for some layers another reference, and how much of it is shown over the first.
            moved: (V, 2) px by which the vertices move while the shutter is open; None where nobody knows.
        """
        scene = Scene.of(surface, self._atlas, face, moved)
        laid = [self._lay(scene, layer, choice[layer], (fading or {}).get(layer)) for layer in range(len(LAYERS))]
        layers = order_layers([layer for layer in laid if layer is not None], scene.layer.shape)
        return _compose(layers, scene, surface, choice)

    def _lay(
        self, scene: Scene, layer: int, references: NDArray[np.intp], fading: tuple[int, float] | None
    ) -> Laid | None:
        """One layer, from the first of its references and, where that does not see it, the others."""
        reach = (self._config.beyond_m if LAYERS[layer].dressed else self._config.limb_beyond_m) * scene.px_per_m
        points = Points.of(scene, layer, self._of_layer[layer], self._shares[layer], reach)
        if points is None:
            return None
        on = scene.layer[points.box.at] == layer
        fade = _fade(on | (points.near > 0.2), reach)
        candidates: list[Candidate] = []
        for reference in dict.fromkeys(references.tolist()):
            candidates.append(self._rate_sheet(scene, *self._move(scene, layer, reference, points, fade)))
            if LAYERS[layer].kind != "sheet":
                break
            unseen = on & (max_of([candidate.seen for candidate in candidates]) < self._config.spare_share)
            if np.count_nonzero(unseen) < LEAST_PX:
                break
        laid = settle(candidates, points, on, self._config.spare_share)
        if fading is None:
            return laid
        sheet, sample, _, _ = self._move(scene, layer, fading[0], points, fade)
        sheet = replace(sheet, gate=np.asarray(sheet.gate * fading[1], dtype=np.uint8))
        return replace(laid, sheets=(*laid.sheets, sheet), samples=(*laid.samples, sample))

    def _move(
        self, scene: Scene, layer: int, reference: int, points: Points, fade: Picture
    ) -> tuple[Sheet, Picture, Floats, Floats]:
        """A layer as one reference shows it: the sheet, what it looks like (h, w, 4), (h, w, 2) where its pixels are
        there, canvas px, and (h, w) 0..1 how well the layer's body is seen there.
        """
        kind, of = LAYERS[layer].kind, self._of_layer[layer][points.chosen]
        quality = self._quality[reference, of] if kind == "sheet" else np.ones(len(of), np.float32)
        there = self._places(scene, layer, reference, of)
        scale = self._scale(scene, reference, of) if kind == "stiff" else None
        affine, residual, seen = points.find_way(there, quality, scale)
        if layer == LAYER_OF[HEAD[0]] and scene.face is not None:
            affine, residual = fit_face(affine, residual, points, scene.face, self._atlas.faces[reference])
        cutout, member = self._cut(reference, layer)
        sheet = Sheet(reference, layer, points.box, affine, residual, fade, member, points.drift)
        place = sheet.find_all()
        sample = look_up(cutout.picture, place - np.array(cutout.corner, np.float32))
        # smaller, where nothing is to be seen: less is drawn at full size
        sides = [2 * (SPARE_PX + int(np.ceil(abs(along) / 2))) + 1 for along in points.drift[::-1]]
        reached = cv2.dilate(sample[..., 3], np.ones(sides, np.uint8)) > 0
        return replace(sheet, gate=fade * reached), sample, place, seen

    def _rate_sheet(self, scene: Scene, sheet: Sheet, sample: Picture, place: Floats, seen: Floats) -> Candidate:
        at = sheet.box.at
        near = cv2.blur(np.asarray(cv2.cvtColor(sample, cv2.COLOR_RGBA2RGB)), (3, 3)).astype(np.float32)
        off = np.maximum.reduce(cv2.split(cv2.absdiff(near, scene.usual[at])))
        doubt = cv2.pow(off / scene.tolerance[at], AGREEMENT_POWER)
        shown = sample[..., 3] / np.float32(255)
        person = look_up(self._masks[sheet.reference], place) / np.float32(255)
        # where the reference shows that nobody is there, that is believed; where another layer is, this one is hidden
        hidden = np.maximum(person - shown, 0)
        seen = seen * (1 - hidden)
        agreed = np.asarray(seen * (1 - shown + shown / (1 + doubt)), dtype=np.float32)
        return Candidate(sheet, sample, seen, agreed, hidden)

    def _scale(self, scene: Scene, reference: int, of: NDArray[np.intp]) -> float:
        """How much larger a reference shows what lies at some vertices than the new picture does."""
        nearness = self._atlas.focal_px[reference] / self._vertices[reference, of, 2].mean()
        return float(nearness * scene.vertices[of, 2].mean() / scene.focal_px)

    def _places(self, scene: Scene, layer: int, reference: int, of: NDArray[np.intp]) -> Floats:
        """(M, 2) px where a reference has a layer's vertices; a round one is turned first to show the side wanted."""
        if layer not in scene.angles:
            return np.asarray(self._xy[reference, of])
        middle, axis, angle = self._stand(reference, layer)
        turned = turn_about(self._vertices[reference, of], middle, axis, scene.angles[layer] - angle)
        centre = np.array(self._masks.shape[:0:-1], np.float32) / 2
        nearness = self._atlas.focal_px[reference] / np.maximum(turned[:, 2:], 1e-3)
        return np.asarray(turned[:, :2] * nearness + centre, dtype=np.float32)

    def _stand(self, reference: int, layer: int) -> tuple[Floats, Floats, float]:
        """`Limb.stand` of a round layer in a reference."""
        found = self._stands.get((reference, layer))
        if found is None:
            found = self._stands[reference, layer] = self._atlas.limbs[layer].stand(self._vertices[reference])
        return found

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


def find_wanted(surface: SurfaceMap, atlas: Atlas, turns: NDArray[np.float32]) -> Wanted:
    """What a picture of the body asks for."""
    _, corners, shares = surface.corners
    fills = torch.bincount(corners.flatten(), shares.flatten(), len(atlas.mesh))
    filled = fills.nonzero()[:, 0]
    weights = torch.zeros(int(atlas.patch_of.max()) + 1, atlas.vertex_parts.shape[1], device=fills.device)
    weights.index_add_(
        0, atlas.patch_of.index_select(0, filled),
        fills.index_select(0, filled)[:, None] * atlas.vertex_parts.index_select(0, filled),
    )  # fmt: skip
    return Wanted(weights.cpu().numpy(), turns)


def _compose(layers: list[Laid], scene: Scene, surface: SurfaceMap, choice: Choice) -> Warped:
    shape = scene.layer.shape
    drawn = Drawing.empty(*shape)
    confidence, unseen = np.zeros(shape, np.float32), np.zeros(shape, np.uint8)
    provenance = np.full(shape, NOWHERE, np.int32)
    for layer in layers:
        unseen[layer.box.at] |= layer.unseen
    if unseen.any():
        usual = np.dstack([scene.usual, np.full(shape, 255, np.float32)]).astype(np.uint8)
        drawn.lay(usual, unseen, (slice(None), slice(None)))
    for layer in layers:
        at = layer.box.at
        for sheet, sample in zip(layer.sheets, layer.samples, strict=True):
            drawn.lay(sample, sheet.gate, at)
            np.copyto(
                provenance[at], sheet.reference, where=cv2.multiply(sheet.gate, sample[..., 3], scale=1 / 255) > 127
            )
        confidence[at] += layer.alpha * (layer.confidence - confidence[at])
    sheets = tuple(sheet for layer in layers for sheet in layer.sheets)
    return Warped(drawn.colour, drawn.alpha, confidence, provenance, scene.usual, unseen, sheets, surface, choice)


def _fade(near: NDArray[np.bool_], reach: float) -> Picture:
    """(h, w) 255 on a layer's body, 0 farther from it than so many px."""
    away = cv2.distanceTransform((~near).astype(np.uint8), cv2.DIST_L2, 3)
    return np.asarray(np.clip((1 - away / reach) * (255 / FADE), 0, 255), dtype=np.uint8)
