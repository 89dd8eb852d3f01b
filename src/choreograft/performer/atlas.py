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
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu
from torch import Tensor
from torch.nn import functional as F

from choreograft.body.model import Body
from choreograft.body.parts import PARTS, mirror_vertices, part_weights, vertex_parts
from choreograft.body.surface import Mesh, SurfaceMap, find_nearest, render_surfaces
from choreograft.machine import return_memory
from choreograft.performer.device import run_ahead
from choreograft.performer.hands import claim_hands
from choreograft.performer.layers import LAYER_OF, LAYERS, Limb, adjoining_layers, find_limbs
from choreograft.performer.references import INNER_FACE, SMEAR_ROWS, ReferenceBank, part_turns
from choreograft.performer.sway import Cloth
from choreograft.video.size import Size

_PATCH_M: Final = 0.06
CLOTHES_FLOW: Final = (1.0, 1.0, 8.0)
"""How much farther apart vertices at rest count along each axis, where the colour of one is carried on to another."""
HAIR_FLOWS: Final = (3.0, 1.0, 1.0)
"""The same of heads."""
CROWN, NAPE = 0.85, 0.3
"""Heights of a head, from 0 to 1, above which there is hair, if any, and above which what no reference shows is as
there: the back of a head filmed from the front."""
HAIR_TRUST: Final = 0.05
"""How far that is believed."""
NEAR_M: Final = 0.02
"""Between neighbours."""
SURE: Final = 10.0
"""Times as much as from such a neighbour a vertex takes from what is known of it."""
KNOWN_WELL: Final = 0.5
"""Sum of qualities from which on a vertex's own colour is all that counts."""
LEAST_SEEN_PX: Final = 20
"""Of a part, in a picture, to say anything of what is around it."""
STRAY: Final = 0.01
"""Share of a part's pixels that what is around it may reach farther."""
MOST: Final = 0.9
"""Share of the references that it does not reach farther in."""
ROOM, ROOM_M = 1.5, 0.01
"""Times that, and m more, clothes and hair are looked for."""
CLEAR_PX: Final = 5
"""Of such a picture, around a layer, where no other layer should be."""
TOLERANCE_M: Final = 0.03
"""By how much a vertex may lie behind what its pixel shows and still be seen."""
FULL_FACING: Final = 0.5
"""Cosine between normal and view from which on the angle costs no quality."""
AGREEMENT_BLUR: Final = 1
"""Radius of the square, px, whose mean colour is compared between references."""
AGREEMENT_SEEN: Final = 0.2
"""Quality from which a reference has a say in what colour a vertex usually is."""
AGREEMENT_COUNT: Final = 5
"""How many must have one for the others to be doubted."""
AGREEMENT_LEVELS: Final = 24.0
"""Of 255, by which a colour may differ from the usual one, on top of the usual difference."""
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
    """(N, V, 2) float32 px: each vertex in each reference, or rather the cloth around it (performer/sway.py)."""
    quality: Tensor
    """(N, V) float32 0..1: how well it is seen there; 0 where it is hidden."""
    facing: Tensor
    """(N, V) float32 cosine between its normal and the line to the lens there."""
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
    shutter: float
    """Share of the time between two of its frames for which its camera looked: what moves is smeared as much."""
    reach: NDArray[np.float32]
    """(P,) m how far clothes and hair reach beyond each part; see `measure_reach`."""
    clearness: NDArray[np.float32]
    """(N, L) 0..1 how cleanly each layer can be cut out there; see `measure_clearness`."""
    rest: NDArray[np.floating]
    """(V, 3) m the rest pose."""
    limbs: Mapping[int, Limb]
    """Of each round layer."""
    mirror: Tensor
    """(V,) int64 which vertex each becomes in a mirror."""
    face_shares: NDArray[np.float64]
    """(V,) how much each vertex makes up the points of the inner face."""
    vertex_parts: Tensor
    """(V, P) float32: shares in the parts, 1 in all."""
    patch_of: Tensor
    """(V,) int64 the patch of the surface, some centimetres wide, that each vertex belongs to."""
    colours: Tensor
    """(V, 3) float32 0..255: the mean colour of each vertex, of those near it where no reference sees it."""
    tolerance: Tensor
    """(V,) float32 of 255: how far from that a colour is hardly believed to be the vertex's own."""
    cloth: Cloth | None
    """How it sways; None where nobody measured it."""

    @staticmethod
    def of(bank: ReferenceBank, device: torch.device | str = "cpu") -> "Atlas":
        """Draw every reference's body once.

        Raises:
            DependencyError: anny or warp-lang is not installed.
        """
        shape = bank.bodies[0].shape.build()
        mesh = Mesh.of(shape, device)
        shown = np.concatenate([bank.frames, bank.masks[..., None]], axis=-1)
        pictures = torch.from_numpy(shown).to(device)
        masks = pictures[..., 3]
        shares = vertex_shares(shape).to(device)
        posed_vertices, focal, xy, quality, facing, part, around, clear, reach = [], [], [], [], [], [], [], [], []
        n = 0
        for body in bank.bodies:
            camera = body.camera
            posed = (torch.from_numpy(camera.place(vertices).astype(np.float32)) for vertices in body.skin())
            for surface in run_ahead(render_surfaces(posed, mesh, camera.focal_px, bank.size), "bodies"):
                here = project(surface.vertices, surface.focal_px, bank.size)
                posed_vertices.append(surface.vertices)
                focal.append(surface.focal_px)
                xy.append(here)
                facing.append(view_cosines(surface))
                quality.append(rate_vertices(surface, here, facing[-1], masks[n]))
                part.append(surface.part.to(torch.int8))
                covered = surface.covered.cpu().numpy()
                nearest = torch.from_numpy(find_nearest(covered)[1]).to(device).long()
                around.append(part[-1].flatten()[nearest])
                whole = measure_wholeness(surface, quality[-1] > 0, shares)
                clear.append(
                    measure_clearness(around[-1].cpu().numpy(), part[-1].cpu().numpy(), shown[n, ..., 3] > 127) * whole
                )
                metre = surface.focal_px / float(surface.vertices[:, 2].median())
                person = shown[n, ..., 3] > 127
                reach.append(measure_reach(around[-1].cpu().numpy(), part[-1].cpu().numpy(), person, metre))
                n += 1
        cloth = None if bank.sway is None else Cloth(bank.sway, shape.vertices, shares.cpu().numpy())
        if cloth is not None:
            for n, vertices in enumerate(posed_vertices):
                off = torch.from_numpy(cloth.measured(n)).to(device)
                xy[n] = xy[n] + off * focal[n] / vertices[:, 2:].clamp_min(1e-3)
        places, rated = torch.stack(xy), torch.stack(quality)
        agreed, tolerance = find_usual(pictures, places, rated, shares)
        rated = rated * agreed
        atlas = Atlas(
            mesh, pictures, torch.stack(posed_vertices), tuple(focal), places, rated, torch.stack(facing),
            torch.stack(part), torch.stack(around), np.concatenate([part_turns(body) for body in bank.bodies]),
            bank.sharpness, bank.faces, _find_moments(bank), float(bank.bodies[0].rate), bank.shutter,
            usual_reach(np.stack(reach)), np.stack(clear), shape.vertices,
            find_limbs(shape.vertices, vertex_parts(shape)),
            torch.from_numpy(mirror_vertices(shape)).to(device),
            np.asarray(shape.face_joints[INNER_FACE:].sum(axis=0), np.float64).ravel(), shares,
            torch.from_numpy(_find_patches(shape)).to(device), torch.zeros(len(mesh), 3, device=device), tolerance,
            cloth,
        )  # fmt: skip
        atlas = replace(atlas, colours=_mean_colours(atlas))
        nearest, claimed = claim_hands(atlas)
        atlas = replace(atlas, nearest_part=nearest, clearness=atlas.clearness * (1 - claimed))
        return_memory()
        return atlas

    def patches(self, quality: Tensor | None = None) -> NDArray[np.float32]:
        """(N, C) the mean quality of each patch in each reference, from that of vertices (N, V); its own if None."""
        quality = self.quality if quality is None else quality
        count = torch.bincount(self.patch_of)
        total = torch.zeros(len(quality), len(count), device=quality.device)
        total.index_add_(1, self.patch_of, quality)
        return np.asarray((total / count).cpu().numpy())


def _find_moments(bank: ReferenceBank) -> NDArray[np.float64]:
    """(N, 2) the clip of each reference, and its time there, s."""
    return np.concatenate([np.column_stack([np.full(len(body), n), body.time_s]) for n, body in enumerate(bank.bodies)])


def measure_clearness(
    nearest: NDArray[np.int8], part: NDArray[np.int8], person: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(L,) 0..1 how cleanly each layer can be cut out of a picture.

    Of what surrounds a layer, the share that is no other layer of the person (cloth joins some, but a trunk beside an
    arm is one that comes along); times the share of its body that lies on the person: else the body was fitted beside
    it.

    Args:
        nearest: (h, w) the nearest part of each pixel. part: (h, w) the part it shows, `NO_PART` beside the body.
        person: (h, w) the mask.
    """
    small = LAYER_OF.astype(np.uint8)
    layers, body = small[nearest], np.where(part >= 0, small[part], len(LAYERS))
    side = 2 * max(1, round(CLEAR_PX * len(nearest) / SMEAR_ROWS)) + 1
    result = np.zeros(len(LAYERS), np.float32)
    trunk = LAYER_OF[PARTS.index("torso")]
    for layer, joined in enumerate(adjoining_layers()):
        joined[trunk] &= LAYERS[layer].kind != "round"
        own = (layers == layer) & person
        around = (cv2.dilate(own.astype(np.uint8), np.ones((side, side), np.uint8)) > 0) & ~own
        foreign = around & person & ~joined[layers]
        on = body == layer
        if on.any() and around.any():
            result[layer] = (1 - np.count_nonzero(foreign) / np.count_nonzero(around)) * person[on].mean()
    return result


def measure_reach(
    nearest: NDArray[np.int8], part: NDArray[np.int8], person: NDArray[np.bool_], px_per_m: float
) -> NDArray[np.float32]:
    """(P,) m how far a picture's person reaches beyond each part; NaN where hardly anything of it is seen.

    Args:
        nearest, part, person: as `measure_clearness` has them.
    """
    away = cv2.distanceTransform((part < 0).astype(np.uint8), cv2.DIST_L2, 3) / px_per_m
    beyond = person & (part < 0)
    result = np.full(len(PARTS), np.nan, np.float32)
    for n in np.flatnonzero(np.bincount(part[part >= 0], minlength=len(PARTS)) >= LEAST_SEEN_PX):
        some = np.sort(away[beyond & (nearest == n)])
        stray = round(STRAY * np.count_nonzero(part == n))
        result[n] = some[-1 - stray] if len(some) > stray else 0
    return result


def usual_reach(measured: NDArray[np.float32]) -> NDArray[np.float32]:
    """(P,) of `measured` (N, P): as far as most references have it and room for what swings; infinite where unknown."""
    known = np.isfinite(measured).any(axis=0)
    result = np.full(len(PARTS), np.inf, np.float32)
    result[known] = np.nanquantile(measured[:, known], MOST, axis=0) * ROOM + ROOM_M
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


def view_cosines(surface: SurfaceMap) -> Tensor:
    """(V,) between each vertex's normal and the line to the lens."""
    return -(surface.vertex_normals * F.normalize(surface.vertices, dim=1)).sum(1)


def vertex_shares(body: Body) -> Tensor:
    """(V, P) each vertex's shares in the parts."""
    weights = part_weights(body)
    return torch.from_numpy((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _find_patches(body: Body) -> NDArray[np.int64]:
    """(V,) vertices of one part within one cube of the rest pose."""
    keys = np.column_stack([np.floor(body.vertices / _PATCH_M).astype(int), vertex_parts(body)])
    _, patch = np.unique(keys, axis=0, return_inverse=True)
    return np.asarray(patch.reshape(-1), dtype=np.int64)


def rate_vertices(surface: SurfaceMap, xy: Tensor, facing: Tensor, mask: Tensor) -> Tensor:
    """(V,) how well a frame shows each vertex: faced, not hidden, inside of picture and mask."""
    width, height = surface.size
    column, row = xy[:, 0].floor().long(), xy[:, 1].floor().long()
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    column, row = column.clamp(0, width - 1), row.clamp(0, height - 1)
    seen = surface.vertices[:, 2] <= surface.depth_m[row, column] + TOLERANCE_M  # the background is infinite
    quality = (facing / FULL_FACING).clamp(0, 1) * mask[row, column].float() / 255
    return quality * (inside & seen)


def find_usual(pictures: Tensor, xy: Tensor, quality: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """(N, V) 0..1 whether each reference shows each vertex in its usual colour; (V,) by how much colours may differ.

    Where a reference does not, something else is seen there: a hand before the chest that the fitted body has beside
    it, or what lies behind a leg that is a little elsewhere. Of heads all is believed: eyes are small and differ from
    what is around them.

    Args:
        pictures: (N, h, w, 4) uint8. xy: (N, V, 2) px. quality: (N, V) 0..1. shares: (V, P) in the parts.
    """
    colours = torch.stack([sample_blurred(*one) for one in zip(pictures, xy, strict=True)])
    seen = quality > AGREEMENT_SEEN
    known = torch.where(seen, 1.0, torch.nan)[..., None]
    away = (colours - (colours * known).nanmedian(dim=0).values).abs().amax(-1)  # (N, V)
    spread = (away * known[..., 0]).nanmedian(dim=0).values
    doubted = (seen.sum(0) >= AGREEMENT_COUNT) & (shares[:, PARTS.index("head")] < 0.5)
    tolerance = torch.where(doubted, AGREEMENT_LEVELS + spread, BELIEVED)
    return 1 / (1 + (torch.where(doubted, away, 0.0) / tolerance) ** AGREEMENT_POWER), tolerance


def sample_blurred(picture: Tensor, xy: Tensor) -> Tensor:
    """(V, 3) float32 colours of a picture (h, w, 4) around places (V, 2) px."""
    side, colours = (2 * AGREEMENT_BLUR + 1,) * 2, picture[..., :3].cpu().numpy().astype(np.float32)
    total, count = (
        cv2.boxFilter(maps, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)
        for maps in (colours, np.ones(colours.shape[:2], np.float32))
    )
    smooth = torch.from_numpy(total / count[..., None]).to(picture.device)
    column, row = (xy[:, k].floor().long().clamp(0, smooth.shape[1 - k] - 1) for k in (0, 1))
    return smooth[row, column]


def _mean_colours(atlas: Atlas) -> Tensor:
    """(V, 3) the mean of what the references show, by quality; where they show nothing that of the other side, or else
    of what is near.
    """
    N, V = atlas.quality.shape
    which = torch.arange(N, device=atlas.xy.device)[:, None].expand(N, V)
    h, w = atlas.pictures.shape[1:3]
    column, row = (atlas.xy[..., k].floor().long().clamp(0, limit - 1) for k, limit in ((0, w), (1, h)))
    weight = atlas.quality[..., None]
    total = torch.zeros(V, 3, device=atlas.xy.device)
    for n in range(N):
        total += weight[n] * atlas.pictures[which[n], row[n], column[n], :3]
    weights = weight.sum(0)  # (V, 1)
    own = weights > 1e-2
    total, weights = (torch.where(own, sums, sums[atlas.mirror]) for sums in (total, weights))
    head = atlas.vertex_parts[:, PARTS.index("head")].cpu().numpy() > 0.5
    known = (weights[:, 0] / KNOWN_WELL).clamp(0, 1) * (weights[:, 0] > 1e-2)
    return carry_on(total / weights.clamp_min(1e-6), known, atlas.rest, atlas.mesh.faces.cpu().numpy(), head)


def carry_on(
    colours: Tensor, known: Tensor, rest: NDArray[np.floating], faces: NDArray[np.integer], head: NDArray[np.bool_]
) -> Tensor:
    """(V, 3) colours, spread over the surface from where they are known to where they are not.

    Clothes are alike around the body: a stripe goes on at its height. Hair goes on over the crown and down the back of
    the head; faces do not go on around it.

    Args:
        known: (V,) 0..1 how far to be believed. rest: (V, 3) m. faces: (F, 3) triangles. head: (V,) its vertices.
    """
    if not (known > 0).any():
        return colours
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    one, other = edges.T
    far = np.where((head[one] & head[other])[:, None], HAIR_FLOWS, CLOTHES_FLOW) * (rest[one] - rest[other])
    near = 1 / np.maximum((far**2).sum(axis=1), 1e-8) * NEAR_M**2
    between = csr_array((near, (one, other)), shape=(len(rest),) * 2)
    between = between + between.T
    trust, theirs = known.double().cpu().numpy(), colours.double().cpu().numpy()
    height = np.zeros(len(rest))
    height[head] = (rest[head, 2] - rest[head, 2].min()) / np.ptp(rest[head, 2])
    crown = (height > CROWN) & (trust > 0)
    if crown.any():
        hair = (trust == 0) & (height > NAPE)
        theirs[hair], trust[hair] = np.median(theirs[crown], axis=0), HAIR_TRUST
    mean = (trust[:, None] * theirs).sum(axis=0) / trust.sum()
    solve = splu(csc_array(diags_array(between.sum(axis=1) + trust * SURE + 1e-6) - between)).solve
    spread = solve((trust * SURE)[:, None] * (theirs - mean)) + mean  # what hangs together with nothing gets the mean
    share = known[:, None].float()
    return share * colours + (1 - share) * torch.from_numpy(spread).to(colours)
