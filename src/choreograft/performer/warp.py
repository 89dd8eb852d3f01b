"""Drawing a posed body from references: the person cut into layers, each moved as one sheet from the reference that
shows it best.

No training; the colours are the target's own. One reference wins a pixel: means of references blur. What no reference
shows has the surface's usual colours.

Shapes: H x W pixels of the canvas; N references; V vertices; P parts; L layers; K references of a layer; h x w pixels
of a layer's box.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
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
from choreograft.performer.layers import LAYER_OF, LAYERS, MIRRORED_LAYERS, adjoining_layers, turn_about
from choreograft.performer.mirror import Looks, turn_over
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
    find_useful,
    rate_layers,
    rate_references,
)
from choreograft.performer.sheets import (
    ALIKE_LEVELS,
    Box,
    Cutout,
    Drawing,
    Enlargement,
    Floats,
    Picture,
    Sheet,
    look_up,
)
from choreograft.performer.way import TURNED, Points, Scene, fit_face
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
TURNED_ROOM: Final = 4.0
"""Canvas px of 256 rows that cloth may be farther beside the body than in its reference where half is turned."""
OVER: Final = np.array([-1, 1, 1], np.float32)
"""Turns points over in a mirror."""
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
    """(H, W, 3) grey levels: the mean colour, over all references, of what lies there of the body, carried on beside
    it."""
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
        usual = np.where(self.surface.covered.cpu().numpy()[..., None], usual, -1)
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


@dataclass(frozen=True)
class _Moved:
    """A layer as one reference shows it; maps of the sheet's box."""

    sheet: Sheet
    sample: Picture
    """(h, w, 4) what it looks like."""
    person: Picture
    """(h, w) 255 where the reference shows the person."""
    seen: Floats
    """(h, w) 0..1 how well the layer's body is seen there."""
    turned: float
    """See `Candidate`."""


class Warper:
    """Draws bodies from references."""

    def __init__(self, atlas: Atlas, config: WarpConfig | None = None) -> None:
        self._atlas, self._config = atlas, config or WarpConfig()
        self._count, self._mirror = len(atlas.pictures), atlas.mirror.cpu().numpy()
        self._looks = Looks.of(atlas)
        shares = np.zeros((len(atlas.mesh), len(LAYERS)), np.float32)
        np.add.at(shares.T, LAYER_OF, atlas.vertex_parts.cpu().numpy().T)
        self._of_layer = [np.flatnonzero(share > LEAST_SHARE) for share in shares.T]
        self._shares = [share[of] for share, of in zip(shares.T, self._of_layer, strict=True)]
        self._vertices, self._xy, self._quality, self._pictures = (
            part.cpu().numpy() for part in (atlas.vertices, atlas.xy, atlas.quality, atlas.pictures)
        )
        self._exposure_s = self._config.shutter / max(atlas.rate, SLOWEST)
        self._shown = LAYER_OF.astype(np.uint8)[atlas.nearest_part.cpu().numpy()]  # (N, h, w)
        self._sharpness = atlas.sharpness
        firsts = [PARTS.index(layer.parts[0]) for layer in LAYERS]
        self._leads = atlas.vertex_parts.cpu().numpy()[:, firsts].T + 1e-3  # (L, V) share in what turns the layer
        self._facing = atlas.facing.cpu().numpy()
        bodies = [_measure_depth(part >= 0) for part in atlas.part.cpu().numpy()]
        whole = [np.dstack([picture[..., 3], body]) for picture, body in zip(self._pictures, bodies, strict=True)]
        self._persons = whole
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
            costs[~np.tile(allowed, 2)] = UNUSABLE
        choice = add_spares(costs.argmin(axis=0), costs, wanted, self._looks.quality, self._config)
        return self.draw_from(surface, choice, posed.face)

    def draw_dance(self, poses: Callable[[], Iterable[Posed | None]]) -> Iterator[Warped | None]:
        """Draw the frames of a dance; None where nobody is there.

        Args:
            poses: gives the frames from the beginning each time it is called: they are looked at twice, since what
                they are drawn from is chosen for the whole dance.
        Raises:
            DependencyError: warp-lang is not installed.
        """
        times, costs = [], []
        for shown in self._render_ahead(poses()):
            costs.append(None if shown is None else self._rate(*shown)[1])
            times += [] if shown is None else [shown[0].time_s]
        step_s = float(np.median(np.diff(times))) if len(times) > 1 else np.inf
        useful = find_useful(costs, self._count)
        changes = change_costs(self._looks.moments[useful], self._config)
        offered = [None if cost is None else cost[useful] for cost in costs]
        cast = iter(cast_dance(offered, changes, round(self._config.fade_s / step_s)))
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
            fading = {layer: (int(useful[other]), share) for layer, (other, share) in fading.items()}
            choice = add_spares(useful[first], cost, wanted, self._looks.quality, self._config)
            xy = project(surface.vertices, surface.focal_px, surface.size).cpu().numpy()
            moved = None
            if before is not None and posed.time_s > before[1]:
                step = xy - before[0]
                if np.median(np.abs(step)) < CUT * posed.size.height:
                    moved = step * (self._exposure_s / (posed.time_s - before[1]))
            before = xy, posed.time_s
            yield self.draw_from(surface, choice, posed.face, fading, moved)

    def draw_layers(
        self, posed: Posed, choose: Callable[[Floats], Mapping[int, Sequence[int]]]
    ) -> tuple[SurfaceMap, Iterator[tuple[int, int, Box, Picture]]]:
        """The body, and layers of it alone: layer, reference, and box and sample (h, w, 4) of what it shows.

        Args:
            choose: the references of some layers, given what they cost (2N, L), also mirrored.
        """
        surface = self._render(posed)
        _, costs = self._rate(posed, surface)
        scene = Scene.of(surface, self._atlas, posed.face, None)

        def draw() -> Iterator[tuple[int, int, Box, Picture]]:
            for layer, references in choose(costs).items():
                begun = self._begin(scene, layer)
                if begun is None:
                    continue
                points, _, away, fade = begun
                for reference in references:
                    yield layer, reference, points.box, self._move(scene, layer, reference, points, away, fade).sample

        return surface, draw()

    def _rate(self, posed: Posed, surface: SurfaceMap) -> tuple[Wanted, Floats]:
        """What a pose asks for, and what it costs (2N, L) to draw its layers from the references, also mirrored."""
        looks, config = self._looks, self._config
        wanted = find_wanted(surface, self._atlas, posed.turns)
        parts = rate_references(wanted, looks.quality, looks.turns, looks.sharpness, looks.clearness, config)
        parts[self._count :] += config.mirror_cost
        if posed.face is not None:
            parts[:, HEAD] += config.face_cost * compare_faces(looks.faces, posed.face)[:, None]
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
        begun = self._begin(scene, layer)
        if begun is None:
            return None
        points, on, away, fade = begun
        candidates: list[Candidate] = []
        for reference in dict.fromkeys(references.tolist()):
            candidates.append(self._rate_sheet(scene, self._move(scene, layer, reference, points, away, fade)))
            if LAYERS[layer].kind != "sheet":
                break
            unseen = on & (max_of([candidate.seen for candidate in candidates]) < self._config.spare_share)
            if np.count_nonzero(unseen) < LEAST_PX:
                break
        laid = settle(candidates, points, on, self._config.spare_share)
        if laid.unseen.any():
            laid = self._make_up(laid, candidates[0].sheet, scene)
        if fading is None:
            return laid
        other = self._move(scene, layer, fading[0], points, away, fade)
        sheet = replace(other.sheet, gate=np.asarray(other.sheet.gate * fading[1], dtype=np.uint8))
        return replace(laid, sheets=(*laid.sheets, sheet), samples=(*laid.samples, other.sample))

    def _make_up(self, laid: Laid, sheet: Sheet, scene: Scene) -> Laid:
        """A layer with what no reference sees of it drawn in its usual colours, over all its sheets.

        Their fine detail is that of its other side, of heads that of hair: never a face.
        """
        usual = scene.usual[laid.box.at].astype(np.uint8)
        made_up = replace(sheet, gate=laid.unseen, usual=usual)
        if sheet.layer == LAYER_OF[HEAD[0]]:
            reference, fold = self._hair
            made_up = replace(made_up, reference=reference, fold=fold, member=self._cut(reference, sheet.layer)[1])
        flat = Enlargement.none(Size(*scene.layer.shape[::-1]))
        sample = made_up.look_up(self._cut(made_up.reference, sheet.layer)[0], flat, laid.box.at)
        alpha = np.maximum(laid.alpha, laid.unseen / np.float32(255))
        return replace(laid, sheets=(*laid.sheets, made_up), samples=(*laid.samples, sample), alpha=alpha)

    @cached_property
    def _hair(self) -> tuple[int, tuple[float, float, float]]:
        """The reference that shows the largest square of what the unseen part of the head looks like, and that square:
        left, top and side, px.
        """
        head = LAYER_OF[HEAD[0]]
        of = self._of_layer[head]
        unseen = of[self._quality[:, of].max(axis=0) == 0]
        colour = np.median(self._atlas.colours.cpu().numpy()[unseen if len(unseen) else of], axis=0)
        best, found = 0.0, (0, (0.0, 0.0, 1.0))
        for n, picture in enumerate(self._pictures):
            inside = (self._shown[n] == head) & (picture[..., 3] > 250)
            alike = inside & (np.abs(cv2.blur(picture[..., :3], (3, 3)) - colour).max(axis=-1) < ALIKE_LEVELS)
            room = cv2.distanceTransform(np.pad(alike.astype(np.uint8), 1), cv2.DIST_C, 3)[1:-1, 1:-1]
            half = float(room.max()) - 0.5
            if half * self._sharpness[n, head] > best:
                row, column = np.unravel_index(int(room.argmax()), room.shape)
                best, side = half * self._sharpness[n, head], 2 * half
                found = n, (float(column) + 0.5 - half, float(row) + 0.5 - half, side)
        return found

    def _begin(self, scene: Scene, layer: int) -> tuple[Points, NDArray[np.bool_], Floats, Picture] | None:
        """What says where a layer goes; of its box (h, w) where its body is, how far off that, where it is drawn."""
        reach = (self._config.beyond_m if LAYERS[layer].dressed else self._config.limb_beyond_m) * scene.px_per_m
        points = Points.of(scene, layer, self._of_layer[layer], self._shares[layer], reach)
        if points is None:
            return None
        on = scene.layer[points.box.at] == layer
        away = cv2.distanceTransform((~(on | (points.near > 0.2))).astype(np.uint8), cv2.DIST_L2, 3)
        return points, on, away, _fade(away, reach)

    def _move(self, scene: Scene, layer: int, reference: int, points: Points, away: Floats, fade: Picture) -> _Moved:
        """A layer as one reference, maybe mirrored, shows it."""
        kind, of = LAYERS[layer].kind, self._of_layer[layer][points.chosen]
        n, mirrored = reference % self._count, reference >= self._count
        theirs, there = self._mirror[of] if mirrored else of, self._places(scene, layer, reference, of)
        quality = self._quality[n, theirs] if kind == "sheet" else np.ones(len(of), np.float32)
        nearness = self._atlas.focal_px[n] / self._vertices[n, theirs, 2].mean() / scene.focal_px
        scale = float(nearness * scene.vertices[of, 2].mean()) if kind == "stiff" else None
        affine, residual, seen = points.find_way(there, quality, scale)
        if layer == LAYER_OF[HEAD[0]] and scene.face is not None:
            affine, residual = fit_face(affine, residual, points, scene.face, self._looks.faces[reference])
        theirs_layer = int(MIRRORED_LAYERS[layer]) if mirrored else layer
        if mirrored:
            affine, residual = turn_over(affine, residual, self._pictures.shape[2])
        cutout, member = self._cut(n, theirs_layer)
        sheet = Sheet(n, theirs_layer, points.box, affine, residual, fade, member, points.drift)
        place = sheet.find_all()
        sample = look_up(cutout.picture, place - np.array(cutout.corner, np.float32))
        person, body = cv2.split(look_up(self._persons[n], place))
        turned = 0.0
        if kind == "sheet":  # what is beside a body that is turned far from the reference's is another of its sides
            rim = np.average(np.abs(self._facing[n, theirs]), weights=scene.rim[of] * self._leads[layer, of])
            turned = float(np.clip((rim - TURNED[0]) / np.ptp(TURNED), 0, 1))
            if turned:
                nearer = away / points.fine - (body.astype(np.float32) - 128) / 8
                room = 1 + TURNED_ROOM * (1 / turned - 1)  # it draws back, rather than to become a ghost
                fade = np.where(away > 0, fade * (1 - np.clip(nearer - room, 0, 1)), fade).astype(np.uint8)
        # smaller, where nothing is to be seen: less is drawn at full size
        sides = [2 * (SPARE_PX + int(np.ceil(abs(along) / 2))) + 1 for along in points.drift[::-1]]
        reached = cv2.dilate(sample[..., 3], np.ones(sides, np.uint8)) > 0
        return _Moved(replace(sheet, gate=fade * reached), sample, person, seen, turned)

    def _rate_sheet(self, scene: Scene, moved: _Moved) -> Candidate:
        """The same with how far it is to be believed."""
        at, sample = moved.sheet.box.at, moved.sample
        near = cv2.blur(np.asarray(cv2.cvtColor(sample, cv2.COLOR_RGBA2RGB)), (3, 3)).astype(np.float32)
        off = np.maximum.reduce(cv2.split(cv2.absdiff(near, scene.usual[at])))
        doubt = cv2.pow(off / scene.tolerance[at], AGREEMENT_POWER)
        shown = sample[..., 3] / np.float32(255)
        # where the reference shows that nobody is there, that is believed; where another layer is, this one is hidden
        hidden = np.maximum(moved.person / np.float32(255) - shown, 0)
        seen = moved.seen * (1 - hidden)
        agreed = np.asarray(seen * (1 - shown + shown / (1 + doubt)), dtype=np.float32)
        return Candidate(moved.sheet, sample, seen, agreed, hidden, moved.turned)

    def _places(self, scene: Scene, layer: int, reference: int, of: NDArray[np.intp]) -> Floats:
        """(M, 2) px where a reference, maybe mirrored, has a layer's vertices; round ones turned to the side wanted."""
        n, mirrored = reference % self._count, reference >= self._count
        size, theirs = np.array(self._pictures.shape[2:0:-1], np.float32), self._mirror[of] if mirrored else of
        vertices = self._vertices[n, theirs]
        if layer not in scene.angles:
            there = self._xy[n, theirs]
            if mirrored:
                there = np.array([size[0], 0], np.float32) + there * np.array([-1, 1], np.float32)
            if scene.sway is not None:
                there = there - scene.sway[of] * self._atlas.focal_px[n] / vertices[:, 2:]
            return np.asarray(there, dtype=np.float32)
        middle, axis, angle = self._stand(reference, layer)
        if mirrored:
            vertices = vertices * OVER
        turned = turn_about(vertices, middle, axis, scene.angles[layer] - angle)
        nearness = self._atlas.focal_px[n] / np.maximum(turned[:, 2:], 1e-3)
        return np.asarray(turned[:, :2] * nearness + size / 2, dtype=np.float32)

    def _stand(self, reference: int, layer: int) -> tuple[Floats, Floats, float]:
        """`Limb.stand` of a round layer in a reference, maybe mirrored."""
        found = self._stands.get((reference, layer))
        if found is None:
            vertices = self._vertices[reference % self._count]
            if reference >= self._count:
                vertices = vertices[self._mirror] * OVER
            found = self._stands[reference, layer] = self._atlas.limbs[layer].stand(vertices)
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
        unseen[layer.box.at] |= layer.below
    if unseen.any():
        usual = np.dstack([scene.usual, np.full(shape, 255, np.float32)]).astype(np.uint8)
        drawn.lay(usual, unseen, (slice(None), slice(None)))
    for layer in layers:
        at = layer.box.at
        for sheet, sample in zip(layer.sheets, layer.samples, strict=True):
            drawn.lay(sample, sheet.gate, at)
            shown = cv2.multiply(sheet.gate, sample[..., 3], scale=1 / 255) > 127
            np.copyto(provenance[at], sheet.reference if sheet.usual is None else NOWHERE, where=shown)
        confidence[at] += layer.alpha * (layer.confidence - confidence[at])
    sheets = tuple(sheet for layer in layers for sheet in layer.sheets)
    return Warped(drawn.colour, drawn.alpha, confidence, provenance, scene.usual, unseen, sheets, surface, choice)


def _measure_depth(body: NDArray[np.bool_]) -> Picture:
    """(h, w) how far each pixel is from a body's outline, 128 there and 8 more for each px of 256 rows beyond it."""
    inside, beyond = (cv2.distanceTransform(which.astype(np.uint8), cv2.DIST_L2, 3) for which in (body, ~body))
    return np.asarray(np.clip(128 + (beyond - inside) * (8 * 256 / len(body)), 0, 255), dtype=np.uint8)


def _fade(away: Floats, reach: float) -> Picture:
    """(h, w) 255 on a layer's body, 0 farther from it than so many px.

    Args:
        away: (h, w) px.
    """
    return np.asarray(np.clip((1 - away / reach) * (255 / FADE), 0, 255), dtype=np.uint8)
