"""The atlas: what the references of a bank show of the body's surface, ready to be looked up.

Shapes: N references of h x w pixels, V vertices, P parts, L layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn import functional as F

from choreograft.body.model import Body
from choreograft.body.parts import PARTS, part_weights, vertex_parts
from choreograft.body.surface import Mesh, SurfaceMap, render_surfaces
from choreograft.config import ReferenceConfig
from choreograft.performer.device import run_ahead
from choreograft.performer.layers import LAYER_OF, LAYERS, Limb, adjoining_layers, find_limbs
from choreograft.performer.references import SMEAR_ROWS, ReferenceBank, part_turns
from choreograft.video.size import Size

_PATCH_M: Final = 0.06
CARRIED_FROM: Final = 12
"""Vertices from whose colours that of one that was never seen is taken."""
CLEAR_PX: Final = 5
"""Of such a picture, around a layer, where no other layer should be."""
AGREEMENT_POWER: Final = 6
"""How sharply a colour is told to be the usual one or not."""
BELIEVED: Final = 1e6
"""Tolerance of a vertex whose references all are believed."""


@dataclass(frozen=True)
class Atlas:
    """What the references show of the surface, ready to be looked up; tensors on one device."""

    mesh: Mesh
    pictures: Tensor
    """(N, h, w, 4) uint8: colour, and how much of the pixel is the person."""
    vertices: Tensor
    """(N, V, 3) float32 m, camera axes: each vertex in each reference."""
    focal_px: tuple[float, ...]
    """(N,) of each reference's camera."""
    xy: Tensor
    """(N, V, 2) float32 px: each vertex in each reference."""
    quality: Tensor
    """(N, V) float32 0..1: how well it is seen there; 0 where it is hidden."""
    part: Tensor
    """(N, h, w) int8 part labels, `NO_PART` where there is no body."""
    nearest_part: Tensor
    """(N, h, w) int8 labels: the part itself, around the body the nearest one."""
    turns: NDArray[np.float32]
    """(N, P, 3, 3) of `part_turns`."""
    sharpness: NDArray[np.float32]
    """(N, L) 0..1."""
    faces: NDArray[np.float32]
    """(N, 68, 2) px; NaN where unseen."""
    moments: NDArray[np.float64]
    """(N, 2) the clip of each reference, and its time there, s."""
    rate: float
    """Frames per second of the first clip."""
    clearness: NDArray[np.float32]
    """(N, L) 0..1 how cleanly each layer can be cut out there; see `measure_clearness`."""
    rest: NDArray[np.floating]
    """(V, 3) m the rest pose."""
    limbs: Mapping[int, Limb]
    """Of each round layer."""
    vertex_parts: Tensor
    """(V, P) float32: shares in the parts, 1 in all."""
    patch_of: Tensor
    """(V,) int64 the patch of the surface, some centimetres wide, that each vertex belongs to."""
    colours: Tensor
    """(V, 3) float32 0..255: the mean colour of each vertex, of those near it where no reference sees it."""
    tolerance: Tensor
    """(V,) float32 of 255: how far from that a colour is hardly believed to be the vertex's own."""

    @staticmethod
    def of(bank: ReferenceBank, device: torch.device | str = "cpu", config: ReferenceConfig | None = None) -> "Atlas":
        """Draw every reference's body once.

        Raises:
            DependencyError: anny or warp-lang is not installed.
        """
        config = ReferenceConfig() if config is None else config
        shape = bank.bodies[0].shape.build()
        mesh = Mesh.of(shape, device)
        shown = np.concatenate([bank.frames, bank.masks[..., None]], axis=-1)
        pictures = torch.from_numpy(shown).to(device)
        masks = pictures[..., 3]
        shares = vertex_shares(shape).to(device)
        posed_vertices, focal, xy, quality, part, around, clear = [], [], [], [], [], [], []
        n = 0
        for body in bank.bodies:
            camera = body.camera
            posed = (torch.from_numpy(camera.place(vertices).astype(np.float32)) for vertices in body.skin())
            for surface in run_ahead(render_surfaces(posed, mesh, camera.focal_px, bank.size), "bodies"):
                here = project(surface.vertices, surface.focal_px, bank.size)
                posed_vertices.append(surface.vertices)
                focal.append(surface.focal_px)
                xy.append(here)
                quality.append(_rate_vertices(surface, here, masks[n], config))
                part.append(surface.part.to(torch.int8))
                covered = surface.covered.cpu().numpy()
                nearest = torch.from_numpy(find_nearest(covered)[1]).to(device).long()
                around.append(part[-1].flatten()[nearest])
                whole = measure_wholeness(surface, quality[-1] > 0, shares)
                clear.append(
                    measure_clearness(around[-1].cpu().numpy(), part[-1].cpu().numpy(), shown[n, ..., 3] > 127) * whole
                )
                n += 1
        places, rated = torch.stack(xy), torch.stack(quality)
        agreed, tolerance = find_usual(pictures, places, rated, shares, config)
        rated = rated * agreed
        atlas = Atlas(
            mesh, pictures, torch.stack(posed_vertices), tuple(focal), places, rated, torch.stack(part),
            torch.stack(around), np.concatenate([part_turns(body) for body in bank.bodies]), bank.sharpness,
            bank.faces, _find_moments(bank), float(bank.bodies[0].rate), np.stack(clear), shape.vertices,
            find_limbs(shape.vertices, vertex_parts(shape)), shares,
            torch.from_numpy(_find_patches(shape)).to(device), torch.zeros(len(mesh), 3, device=device), tolerance,
        )  # fmt: skip
        return replace(atlas, colours=_mean_colours(atlas))

    def patches(self) -> NDArray[np.float32]:
        """(N, C) the mean quality of each patch in each reference."""
        count = torch.bincount(self.patch_of)
        total = torch.zeros(len(self.quality), len(count), device=self.quality.device)
        total.index_add_(1, self.patch_of, self.quality)
        return np.asarray((total / count).cpu().numpy())


def _find_moments(bank: ReferenceBank) -> NDArray[np.float64]:
    """(N, 2) the clip of each reference, and its time there, s."""
    return np.concatenate([np.column_stack([np.full(len(body), n), body.time_s]) for n, body in enumerate(bank.bodies)])


def measure_clearness(
    nearest: NDArray[np.int8], part: NDArray[np.int8], person: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(L,) 0..1 how cleanly each layer can be cut out of a picture.

    Of what surrounds a layer, the share that is no other layer of the person (cloth joins some); times the share of its
    body that lies on the person: else the body was fitted beside it.

    Args:
        nearest: (h, w) the nearest part of each pixel. part: (h, w) the part it shows, `NO_PART` beside the body.
        person: (h, w) the mask.
    """
    small = LAYER_OF.astype(np.uint8)
    layers, body = small[nearest], np.where(part >= 0, small[part], len(LAYERS))
    side = 2 * max(1, round(CLEAR_PX * len(nearest) / SMEAR_ROWS)) + 1
    result = np.zeros(len(LAYERS), np.float32)
    for layer, joined in enumerate(adjoining_layers()):
        own = (layers == layer) & person
        around = (cv2.dilate(own.astype(np.uint8), np.ones((side, side), np.uint8)) > 0) & ~own
        foreign = around & person & ~joined[layers]
        on = body == layer
        if on.any() and around.any():
            result[layer] = (1 - np.count_nonzero(foreign) / np.count_nonzero(around)) * person[on].mean()
    return result


def measure_wholeness(surface: SurfaceMap, seen: Tensor, shares: Tensor) -> NDArray[np.float32]:
    """(L,) the share of each layer's vertices before the camera that is not hidden, nor beyond the picture.

    Args:
        seen: (V,) bool. shares: (V, P) in the parts.
    """
    facing = (surface.vertex_normals * surface.vertices).sum(1) < 0
    joins = torch.from_numpy(np.eye(len(LAYERS), dtype=np.float32)[LAYER_OF]).to(shares.device)
    faced, shown = (which.float() @ shares @ joins for which in (facing, facing & seen))
    return np.asarray((shown / faced.clamp_min(1e-6)).cpu().numpy())


def project(vertices: Tensor, focal_px: float, size: Size) -> Tensor:
    """(V, 2) px of vertices (V, 3) in camera axes."""
    middle = vertices.new_tensor([size.width / 2, size.height / 2])
    return focal_px * vertices[:, :2] / vertices[:, 2:].clamp_min(1e-3) + middle


def find_nearest(covered: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """(H, W) the distance of each pixel to the body, px, and the number, row by row, of the body's pixel nearest to it.

    Where there is no body, every pixel is nearest to itself.
    """
    if not covered.any():
        own = np.arange(covered.size, dtype=np.int32).reshape(covered.shape)
        return np.full(covered.shape, np.inf, np.float32), own
    away, label = cv2.distanceTransformWithLabels(
        (~covered).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    pixel_of = np.zeros(int(label.max()) + 1, np.int32)  # OpenCV numbers the body's pixels in an order of its own
    pixel_of[label[covered]] = np.flatnonzero(covered)
    return np.asarray(away, dtype=np.float32), pixel_of[label]


def vertex_shares(body: Body) -> Tensor:
    """(V, P) each vertex's shares in the parts."""
    weights = part_weights(body)
    return torch.from_numpy((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _find_patches(body: Body) -> NDArray[np.int64]:
    """(V,) vertices of one part within one cube of the rest pose."""
    keys = np.column_stack([np.floor(body.vertices / _PATCH_M).astype(int), vertex_parts(body)])
    _, patch = np.unique(keys, axis=0, return_inverse=True)
    return np.asarray(patch.reshape(-1), dtype=np.int64)


def _rate_vertices(surface: SurfaceMap, xy: Tensor, mask: Tensor, config: ReferenceConfig) -> Tensor:
    """(V,) how well a frame shows each vertex: faced, not hidden, inside of picture and mask."""
    width, height = surface.size
    column, row = xy[:, 0].floor().long(), xy[:, 1].floor().long()
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    column, row = column.clamp(0, width - 1), row.clamp(0, height - 1)
    facing = -(surface.vertex_normals * F.normalize(surface.vertices, dim=1)).sum(1)
    seen = surface.vertices[:, 2] <= surface.depth_m[row, column] + config.tolerance_m  # the background is infinite
    quality = (facing / config.full_facing).clamp(0, 1) * mask[row, column].float() / 255
    return quality * (inside & seen)


def find_usual(
    pictures: Tensor, xy: Tensor, quality: Tensor, shares: Tensor, config: ReferenceConfig
) -> tuple[Tensor, Tensor]:
    """(N, V) 0..1 whether each reference shows each vertex in its usual colour; (V,) by how much colours may differ.

    Where a reference does not, something else is seen there: a hand before the chest that the fitted body has beside
    it, or what lies behind a leg that is a little elsewhere. Of heads all is believed: eyes are small and differ from
    what is around them.

    Args:
        pictures: (N, h, w, 4) uint8. xy: (N, V, 2) px. quality: (N, V) 0..1. shares: (V, P) in the parts.
    """
    colours = torch.stack([_sample_blurred(*one, config.agreement_blur) for one in zip(pictures, xy, strict=True)])
    seen = quality > config.agreement_seen
    known = torch.where(seen, 1.0, torch.nan)[..., None]
    away = (colours - (colours * known).nanmedian(dim=0).values).abs().amax(-1)  # (N, V)
    spread = (away * known[..., 0]).nanmedian(dim=0).values
    doubted = (seen.sum(0) >= config.agreement_count) & (shares[:, PARTS.index("head")] < 0.5)
    tolerance = torch.where(doubted, config.agreement_levels + spread, BELIEVED)
    return 1 / (1 + (torch.where(doubted, away, 0.0) / tolerance) ** AGREEMENT_POWER), tolerance


def _sample_blurred(picture: Tensor, xy: Tensor, radius: int) -> Tensor:
    """(V, 3) float32 colours of a picture (h, w, 4) around places (V, 2) px."""
    side, colours = (2 * radius + 1,) * 2, picture[..., :3].cpu().numpy().astype(np.float32)
    total, count = (
        cv2.boxFilter(maps, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)
        for maps in (colours, np.ones(colours.shape[:2], np.float32))
    )
    smooth = torch.from_numpy(total / count[..., None]).to(picture.device)
    column, row = (xy[:, k].floor().long().clamp(0, smooth.shape[1 - k] - 1) for k in (0, 1))
    return smooth[row, column]


def _mean_colours(atlas: Atlas) -> Tensor:
    """(V, 3) the mean of what the references show, by quality; that of what is near where they show nothing."""
    N, V = atlas.quality.shape
    which = torch.arange(N, device=atlas.xy.device)[:, None].expand(N, V)
    h, w = atlas.pictures.shape[1:3]
    column, row = (atlas.xy[..., k].floor().long().clamp(0, limit - 1) for k, limit in ((0, w), (1, h)))
    weight = atlas.quality[..., None]
    total = torch.zeros(V, 3, device=atlas.xy.device)
    for n in range(N):
        total += weight[n] * atlas.pictures[which[n], row[n], column[n], :3]
    weights = weight.sum(0)  # (V, 1)
    return _carry_on(total / weights.clamp_min(1e-6), weights[:, 0] > 1e-2, atlas.rest)


def _carry_on(colours: Tensor, known: Tensor, rest: NDArray[np.floating]) -> Tensor:
    """(V, 3) colours, where they are not known (V,) those of the known vertices nearest in the rest pose (V, 3).

    The back of a head that was filmed from the front alone has the colour of the hair beside it, not of the face.
    """
    seen, unseen = (which.nonzero()[:, 0].cpu().numpy() for which in (known, ~known))
    if not len(seen) or not len(unseen):
        return colours
    near = cKDTree(rest[seen]).query(rest[unseen], k=min(CARRIED_FROM, len(seen)))[1].reshape(len(unseen), -1)
    carried = colours.clone()
    carried[unseen] = colours[seen][torch.from_numpy(near).to(colours.device)].median(dim=1).values
    return carried
