"""Drawing a posed body from references: the person cut into layers, each moved as one sheet from the reference that
shows it best.

No training; the colours are the target's own. One reference wins a pixel: means of references blur. What no reference
shows has the surface's usual colours.

Shapes: H x W pixels of the canvas; N references; V vertices; P parts; L layers; K references of a layer; h x w pixels
of a layer's box.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.body_track import BodyTrack
from choreograft.body.surface import SurfaceMap, render_surface
from choreograft.performer.atlas import Atlas
from choreograft.performer.colours import project
from choreograft.performer.device import AHEAD, run_ahead
from choreograft.performer.layers import LAYERS
from choreograft.performer.mover import SPARE_SHARE, Candidate, Laid, Mover, max_of, order_layers, settle
from choreograft.performer.references import part_turns
from choreograft.performer.region import Region
from choreograft.performer.retrieve import UNUSABLE, Choice, Fading, Looks, Wanted, add_spares, cast_dance, rate_looks
from choreograft.performer.sheets import Drawing, Floats, Picture, Sheet
from choreograft.performer.way import Scene
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.video.size import Size

NOWHERE: Final = -1
"""Provenance of a pixel that no reference shows."""
LEAST_PX: Final = 10
"""Canvas pixels that the first reference must leave unseen for the others to be asked."""
SLOWEST: Final = 24.0
"""Frames per second that a camera is taken to film at where the footage has fewer: those were thinned out later."""
FADE_S: Final = 0.09
"""Before and after a change for which the two are shown together: longer, two hands are seen instead of one."""
CUT: Final = 0.2
"""Share of the height: a body that moves farther from one frame to the next was cut to, and is not smeared."""


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
    shot: int = 0
    """Of its dance: nothing goes on from one to the next."""


def pose_frames(body: BodyTrack, track: PoseTrack) -> Iterator[Posed | None]:
    """The frames of a body, one by one, with the faces of its track, both on the canvas; None where nobody is there."""
    turns, camera = part_turns(body), body.camera
    for t, vertices in enumerate(body.skin()):
        face = track.xy[t, skeleton.FACE]
        when = float(track.time_s[t]), int(track.shot[t])
        posed = Posed(camera.place(vertices), turns[t], camera.focal_px, camera.size, face, *when)
        yield posed if track.present[t] else None


class Warper:
    """Draws bodies from references."""

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self._count, self._looks = len(atlas.pictures), Looks.of(atlas)
        self._mover = Mover(atlas, self._looks)
        self._exposure_s = atlas.shutter / max(atlas.rate, SLOWEST)

    def draw(self, posed: Posed, allowed: NDArray[np.bool_] | None = None) -> Warped:
        """Draw one body by itself.

        Args:
            allowed: (N,) the references that may be used; all where None.
        Raises:
            DependencyError: warp-lang is not installed.
        """
        surface = self._render(posed)
        wanted = find_wanted(surface, self._atlas, posed.turns)
        costs = rate_looks(self._looks, wanted, posed.face)
        if allowed is not None:
            costs[~np.tile(allowed, 2)] = UNUSABLE
        choice = add_spares(costs.argmin(axis=0), costs, wanted, self._looks.quality)
        return self.draw_from(surface, choice, posed.face)

    def draw_dance(self, poses: Callable[[], Iterable[Posed | None]]) -> Iterator[Warped | None]:
        """Draw the frames of a dance; None where nobody is there.

        Args:
            poses: gives the frames from the beginning each time it is called: they are looked at twice, since what
                they are drawn from is chosen for the whole dance.
        Raises:
            DependencyError: warp-lang is not installed.
        """
        times, costs, shot = [], list[Floats | None](), 0
        for shown in self._render_ahead(poses()):
            if shown is not None and shown[0].shot != shot:
                costs.append(None)  # choices begin anew
                shot = shown[0].shot
            costs.append(None if shown is None else self._rate(*shown))
            times += [] if shown is None else [shown[0].time_s]
        step_s = float(np.median(np.diff(times))) if len(times) > 1 else np.inf
        cast = cast_dance(costs, self._looks, round(FADE_S / step_s))
        before: tuple[Floats, Posed] | None = None
        for shown in self._render_ahead(poses()):
            if shown is None:
                before = None
                yield None
                continue
            posed, surface = shown
            cost, first, fading = next(cast)
            wanted = find_wanted(surface, self._atlas, posed.turns)
            choice = add_spares(first, cost, wanted, self._looks.quality)
            xy = project(surface.vertices, surface.focal_px, surface.size).cpu().numpy()
            moved = None
            if before is not None and posed.time_s > before[1].time_s and posed.shot == before[1].shot:
                step = xy - before[0]
                if np.median(np.abs(step)) < CUT * posed.size.height:
                    moved = step * (self._exposure_s / (posed.time_s - before[1].time_s))
            before = xy, posed
            yield self.draw_from(surface, choice, posed.face, fading, moved)

    def draw_layers(
        self, posed: Posed, choose: Callable[[Floats], Mapping[int, Sequence[int]]]
    ) -> tuple[SurfaceMap, list[tuple[int, Region, Picture]]]:
        """The body, and layers of it alone: reference, and box and sample (h, w, 4) of what it shows.

        Args:
            choose: the references of some layers, given what they cost (2N, L), also mirrored.
        Raises:
            DependencyError: warp-lang is not installed.
        """
        surface = self._render(posed)
        costs = self._rate(posed, surface)
        scene = Scene.of(surface, self._atlas, posed.face, None)
        drawn = []
        for layer, references in choose(costs).items():
            spot = self._mover.find_spot(scene, layer)
            if spot is not None:
                samples = ((n, self._mover.move(scene, spot, n).sample) for n in references)
                drawn += [(n, spot.box, sample) for n, sample in samples]
        return surface, drawn

    def _rate(self, posed: Posed, surface: SurfaceMap) -> Floats:
        """What it costs (2N, L) to draw a pose's layers from the references, also mirrored."""
        return rate_looks(self._looks, find_wanted(surface, self._atlas, posed.turns), posed.face)

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
        spot = self._mover.find_spot(scene, layer)
        if spot is None:
            return None
        candidates: list[Candidate] = []
        for reference in dict.fromkeys(references.tolist()):
            candidates.append(self._mover.move(scene, spot, reference))
            if LAYERS[layer].kind != "sheet":
                break
            unseen = spot.on & (max_of([candidate.seen for candidate in candidates]) < SPARE_SHARE)
            if np.count_nonzero(unseen) < LEAST_PX:
                break
        laid = settle(candidates, spot)
        if laid.unseen.any():
            laid = self._mover.make_up(laid, candidates[0].sheet, scene)
        if fading is None:
            return laid
        other = self._mover.move(scene, spot, fading[0])
        sheet = replace(other.sheet, gate=np.asarray(other.sheet.gate * fading[1], dtype=np.uint8))
        return replace(laid, sheets=(*laid.sheets, (sheet, other.sample)))


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
        for sheet, sample in layer.sheets:
            drawn.lay(sample, sheet.gate, at)
            shown = cv2.multiply(sheet.gate, sample[..., 3], scale=1 / 255) > 127
            np.copyto(provenance[at], sheet.reference if sheet.usual is None else NOWHERE, where=shown)
        confidence[at] += layer.alpha * (layer.confidence - confidence[at])
    sheets = tuple(sheet for layer in layers for sheet, _ in layer.sheets)
    return Warped(drawn.colour, drawn.alpha, confidence, provenance, scene.usual, unseen, sheets, surface, choice)
