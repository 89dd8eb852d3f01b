"""Drawing a posed body from references: every pixel of it looked up where a reference shows the same surface point.

One pass for all references: a pixel knows its triangle, the triangle's part knows its references, and each of these
knows where the triangle's corners are. Around the body, clothes and hair come along with the nearest part of it. No
training; the colours are the target's own.

Shapes: H x W pixels of the new picture; M of them on the body; N references; V vertices; P parts; S samples a pixel.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.kernels import launch
from choreograft.body.parts import PARTS, adjoining_parts
from choreograft.body.surface import SurfaceMap, render_surface
from choreograft.body.track import BodyTrack
from choreograft.config import WarpConfig
from choreograft.performer.references import AGREEMENT_POWER, Atlas, find_nearest, part_turns, project
from choreograft.performer.retrieve import SKIRT, Choice, Wanted, choose, rate_references
from choreograft.video.size import Size

NOWHERE = -1
"""Provenance of a pixel that no reference shows."""
DRESSED = tuple(PARTS.index(name) for name in ("head", "neck", "torso", "pelvis", "left_thigh", "right_thigh"))
"""Parts around which hair and clothes reach far."""
_EVERY = 8
"""Of the vertices one in so many tells how a part is turned."""


@dataclass(frozen=True)
class Warped:
    """A body drawn from references; all on one device."""

    colour: Tensor
    """(3, H, W) float32 0..255; 0 where nothing is drawn."""
    alpha: Tensor
    """(H, W) float32 0..1: how much of the pixel is the person."""
    confidence: Tensor
    """(H, W) float32 0..1: how well the references show it."""
    provenance: Tensor
    """(H, W) int32: the reference that counts most, `NOWHERE` where none shows it."""
    origin_xy: Tensor
    """(H, W, 2) float32 px: where that reference shows it."""
    part: Tensor
    """(H, W) int32 labels: the part of the body that each pixel is moved with, around the body the nearest one."""
    usual: Tensor
    """(3, H, W) float32 0..255: the mean colour, over all references, of what lies there of the body; 0 beside it."""
    surface: SurfaceMap
    """Of the body that was drawn."""
    choice: Choice
    """The references of each part."""

    def over(self, plate: Tensor) -> Tensor:
        """(3, H, W) float32 0..255: laid over a plate (3, H, W)."""
        return self.alpha * self.colour + (1 - self.alpha) * plate

    def as_guide(self) -> Tensor:
        """(GUIDE_CHANNELS, H, W): colour in [-1, 1], matte, confidence in [0, 1], normals, usual colours in [-1, 1]."""
        colour, usual = (picture.permute(1, 2, 0) / 127.5 - 1 for picture in (self.colour, self.usual))
        parts = colour, self.alpha[..., None], self.confidence[..., None], self.surface.normal, usual
        return torch.cat(parts, dim=-1).permute(2, 0, 1)  # channels last in memory, as networks take it


@dataclass
class Warper:
    """Draws the frames of a body one after another, remembering what it drew the last one from."""

    atlas: Atlas
    config: WarpConfig = field(default_factory=WarpConfig)
    _before: Choice | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._patches = self.atlas.patches()

    def draw(
        self, vertices: Tensor | NDArray[np.floating], turns: NDArray[np.float32], focal_px: float, size: Size,
        allowed: NDArray[np.bool_] | None = None,
    ) -> Warped:  # fmt: skip
        """Draw one body.

        Args:
            vertices: (V, 3) m, camera axes. turns: (P, 3, 3) of `part_turns`. focal_px: of a camera of that size.
            size: of the picture. allowed: (N,) the references that may be used; all where None.
        Raises:
            DependencyError: warp-lang is not installed.
        """
        atlas = self.atlas
        surface = render_surface(vertices, atlas.mesh, focal_px, size)
        wanted = find_wanted(surface, atlas, turns)
        costs = rate_references(wanted, self._patches, atlas.turns, atlas.sharpness, self.config)
        choice = choose(costs, wanted, self._patches, self._before, self.config, allowed)
        self._before = choice
        return draw_from(surface, atlas, choice, self.config)

    def draw_track(self, body: BodyTrack, frames: NDArray[np.intp] | None = None) -> Iterator[Warped]:
        """Draw the chosen frames of a track, or all, in its camera's pictures."""
        at = np.arange(len(body)) if frames is None else frames
        turns = part_turns(body)
        for t, vertices in zip(at, body.skin(at), strict=True):
            yield self.draw(body.camera.place(vertices), turns[t], body.camera.focal_px, body.camera.size)

    def forget(self) -> None:
        """Begin anew: the next frame does not follow the last one."""
        self._before = None


def find_wanted(surface: SurfaceMap, atlas: Atlas, turns: NDArray[np.float32]) -> Wanted:
    """What a picture of the body asks for."""
    face = surface.face[surface.covered].long()
    corners = atlas.mesh.faces[face].long()  # (M, 3)
    fills = torch.bincount(corners.flatten(), surface.barycentric[surface.covered].flatten(), len(atlas.mesh))
    filled = fills.nonzero()[:, 0]
    weights = torch.zeros(int(atlas.patch_of.max()) + 1, len(PARTS), device=face.device)
    weights.index_add_(0, atlas.patch_of[filled], fills[filled, None] * atlas.vertex_parts[filled])
    return Wanted(weights.cpu().numpy(), turns)


def draw_from(surface: SurfaceMap, atlas: Atlas, choice: Choice, config: WarpConfig) -> Warped:
    """Draw a body from given references (P, K)."""
    shape, device = surface.face.shape, surface.face.device
    colour, usual = (torch.zeros(*shape, 3, device=device) for _ in range(2))
    alpha, confidence = (torch.zeros(shape, device=device) for _ in range(2))
    provenance = torch.full(shape, NOWHERE, dtype=torch.int32, device=device)
    origin_xy, part = torch.zeros(*shape, 2, device=device), surface.part.clone()
    px_per_m = surface.focal_px / _usual_depth(surface)
    rows, columns = _find_box(surface, config.beyond_m * px_per_m)
    if rows.stop > rows.start:
        here = _Window(
            *(getattr(surface, name)[rows, columns].contiguous() for name in ("face", "barycentric", "part"))
        )
        chosen = torch.from_numpy(choice.astype(np.int32)).to(device)
        whole = colour, alpha, confidence, provenance, origin_xy, usual
        maps = [part[rows, columns].contiguous() for part in whole]
        launch(
            "performer.warp_kernels.draw_body",
            tuple(here.face.shape),
            [here.face, here.place, atlas.mesh.faces, atlas.vertex_parts, chosen, atlas.xy, atlas.quality,
             atlas.pictures, atlas.colours, atlas.tolerance, AGREEMENT_POWER, config.spare_share, *maps],
        )  # fmt: skip
        turns = _turn_parts(surface, atlas, choice[:, 0])
        part[rows, columns] = _draw_beyond(here, atlas, choice, chosen, turns, px_per_m, config, maps[:-1])
        for canvas, window in zip(whole, maps, strict=True):
            canvas[rows, columns] = window
    return Warped(
        colour.permute(2, 0, 1), alpha, confidence, provenance, origin_xy, part, usual.permute(2, 0, 1), surface, choice
    )


@dataclass(frozen=True)
class _Window:
    """The part of a surface map that is worked on."""

    face: Tensor
    place: Tensor
    part: Tensor


def _usual_depth(surface: SurfaceMap) -> float:
    depth = surface.depth_m[surface.covered]
    return float(depth.median()) if len(depth) else 1.0


def _find_box(surface: SurfaceMap, reach: float) -> tuple[slice, slice]:
    """Rows and columns that the body, and what is around it, can cover; empty where there is no body."""
    covered = surface.covered
    spans = []
    for axis, limit in ((1, covered.shape[0]), (0, covered.shape[1])):
        at = covered.any(dim=axis).nonzero()[:, 0]
        margin = int(reach) + 1
        spans.append(
            slice(max(0, int(at[0]) - margin), min(limit, int(at[-1]) + margin + 1)) if len(at) else slice(0, 0)
        )
    return spans[0], spans[1]


def _draw_beyond(
    here: _Window, atlas: Atlas, choice: Choice, chosen: Tensor, turns: Tensor, px_per_m: float, config: WarpConfig,
    maps: list[Tensor],
) -> Tensor:  # fmt: skip
    """Clothes and hair around the body, moved with the nearest part of it; returns the labels of that part, (H, W)."""
    device = here.face.device
    covered = here.face.cpu().numpy() >= 0
    away, base = find_nearest(covered)
    part = here.part.cpu().numpy()
    smooth = _smooth_flow(here, atlas, int(choice[SKIRT[0], 0]), config.beyond_m * px_per_m)
    nearest = part.flat[base]
    smooth[~np.isin(nearest, SKIRT)] = 0
    reaches = np.where(np.isin(np.arange(len(PARTS)), DRESSED), config.beyond_m, config.limb_beyond_m) * px_per_m
    inputs = (away, base, smooth, adjoining_parts(), reaches.astype(np.float32))
    away_there, base_there, smooth_there, adjoining, reach_of = (torch.from_numpy(array).to(device) for array in inputs)
    launch(
        "performer.warp_kernels.draw_beyond",
        tuple(here.face.shape),
        [here.face, here.part, here.place, atlas.mesh.faces, away_there, base_there, smooth_there, chosen, atlas.xy,
         turns, adjoining, atlas.part, atlas.nearest_part, atlas.pictures, reach_of, *maps],
    )  # fmt: skip
    return torch.from_numpy(nearest).to(device)


def _smooth_flow(here: _Window, atlas: Atlas, n: int, reach: float) -> NDArray[np.float32]:
    """(H, W, 4) flow to reference n, blurred over what hips and thighs cover, times its weight; weight; 0."""
    on = torch.isin(here.part, torch.tensor(SKIRT, device=here.part.device))
    flow = np.zeros((*here.face.shape, 4), np.float32)
    if not on.any():
        return flow
    corners = atlas.mesh.faces[here.face[on].long()].long()
    xy = (atlas.xy[n, corners] * here.place[on][..., None]).sum(1).cpu().numpy()
    row, column = (at.cpu().numpy() for at in on.nonzero(as_tuple=True))
    flow[row, column, :2] = xy - np.stack([column, row], axis=1) - 0.5
    flow[row, column, 2] = 1
    half = max(1, round(reach / 2))
    top, left = max(0, row.min() - 3 * half), max(0, column.min() - 3 * half)
    near = flow[top : row.max() + 3 * half + 1, left : column.max() + 3 * half + 1]  # farther it does not spread
    for _ in range(3):  # three boxes are nearly a Gaussian
        cv2.blur(near, (2 * half + 1, 2 * half + 1), dst=near, borderType=cv2.BORDER_CONSTANT)
    near[near[..., 2] < 1e-4] = 0
    return flow


def _turn_parts(surface: SurfaceMap, atlas: Atlas, chosen: NDArray[np.intp]) -> Tensor:
    """(P, 2) the similarity that takes each part from the new picture to its reference, as real and imaginary part."""
    some = slice(None, None, _EVERY)
    here = project(surface.vertices[some], surface.focal_px, surface.size)
    facing = (surface.vertex_normals[some, 2] < 0).float()
    weights = (atlas.vertex_parts[some] * facing[:, None]).T  # (P, V)
    total = weights.sum(1, keepdim=True).clamp_min(1e-6)
    there = atlas.xy[torch.from_numpy(chosen).to(here.device), some]  # (P, V, 2)
    mean_here = weights @ here / total
    mean_there = (weights[..., None] * there).sum(1) / total
    x, y = (here[None] - mean_here[:, None]).unbind(-1)  # (P, V)
    u, v = (there - mean_there[:, None]).unbind(-1)
    spread = (weights * (x * x + y * y)).sum(1).clamp_min(1e-6)
    turned = [weights * (x * u + y * v), weights * (x * v - y * u)]
    return torch.stack([moment.sum(1) / spread for moment in turned], dim=1)
