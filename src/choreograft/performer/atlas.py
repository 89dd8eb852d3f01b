"""The atlas: what the references of a bank show of the body's surface, ready to be looked up.

Shapes: N references of h x w pixels, V vertices, P parts, L layers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.model import Body
from choreograft.body.surface import PARTS, Mesh, SurfaceMap, find_nearest, mirror_vertices, part_weights, vertex_parts
from choreograft.machine import return_memory
from choreograft.performer.colours import (
    claim_hands,
    draw_body,
    find_usual,
    mean_colours,
    project,
    rate_vertices,
    view_cosines,
)
from choreograft.performer.device import run_ahead
from choreograft.performer.layers import LAYER_OF, LAYERS, Cloth, Limb, adjoining_layers, find_limbs
from choreograft.performer.references import INNER_FACE, SMEAR_ROWS, ReferenceBank, part_turns

_PATCH_M: Final = 0.06
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
    """(N, V, 2) float32 px: each vertex in each reference, or rather the cloth around it (performer/layers.py)."""
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
        mesh, shares = Mesh.of(shape, device), vertex_shares(shape).to(device)
        pictures = torch.from_numpy(np.concatenate([bank.frames, bank.masks[..., None]], axis=-1)).to(device)
        drawn = run_ahead(chain.from_iterable(draw_body(body, mesh, bank.size) for body in bank.bodies), "bodies")
        views = [_look(surface, pictures[n, ..., 3], shares) for n, surface in enumerate(drawn)]
        *seen, clear, reach = zip(*views, strict=True)
        vertices, places, quality, facing, part, around = (torch.stack(some) for some in seen)
        focal = np.repeat([body.camera.focal_px for body in bank.bodies], [len(body) for body in bank.bodies])
        cloth = None if bank.sway is None else Cloth(bank.sway, shape.vertices, shares.cpu().numpy())
        if cloth is not None:
            for n in range(len(places)):
                off = torch.from_numpy(cloth.measured(n)).to(device)
                places[n] += off * float(focal[n]) / vertices[n, :, 2:].clamp_min(1e-3)
        agreed, tolerance = find_usual(pictures, places, quality, shares)
        quality = quality * agreed
        mirror = torch.from_numpy(mirror_vertices(shape)).to(device)
        colours = mean_colours(pictures, places, quality, shares, mirror, shape)
        given = (pictures, places, quality, part, around, shares, colours, tolerance)
        nearest, claimed = claim_hands(*(maps.cpu().numpy() for maps in given))
        moments = [np.column_stack([np.full(len(body), n), body.time_s]) for n, body in enumerate(bank.bodies)]
        return_memory()
        return Atlas(
            mesh, pictures, vertices, tuple(focal.tolist()), places, quality, facing, part,
            torch.from_numpy(nearest).to(device), np.concatenate([part_turns(body) for body in bank.bodies]),
            bank.sharpness, bank.faces, np.concatenate(moments), float(bank.bodies[0].rate), bank.shutter,
            usual_reach(np.stack(reach)), np.stack(clear) * (1 - claimed), shape.vertices,
            find_limbs(shape.vertices, vertex_parts(shape)), mirror,
            np.asarray(shape.face_joints[INNER_FACE:].sum(axis=0), np.float64).ravel(), shares,
            torch.from_numpy(_find_patches(shape)).to(device), colours, tolerance, cloth,
        )  # fmt: skip


def _look(surface: SurfaceMap, mask: Tensor, shares: Tensor) -> tuple[Any, ...]:
    """What a reference with that mask (h, w) shows: vertices, their places, quality and facing, the part of each pixel
    and the nearest one, clearness and reach, as an atlas has them."""
    xy, facing = project(surface.vertices, surface.focal_px, surface.size), view_cosines(surface)
    quality, part = rate_vertices(surface, xy, facing, mask), surface.part.to(torch.int8)
    nearest = torch.from_numpy(find_nearest(surface.covered.cpu().numpy())[1]).to(mask.device).long()
    around = part.flatten()[nearest]
    maps = around.cpu().numpy(), part.cpu().numpy(), mask.cpu().numpy() > 127
    clear = measure_clearness(*maps) * measure_wholeness(surface, quality > 0, shares)
    reach = measure_reach(*maps, surface.focal_px / float(surface.vertices[:, 2].median()))
    return surface.vertices, xy, quality, facing, part, around, clear, reach


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


def vertex_shares(body: Body) -> Tensor:
    """(V, P) each vertex's shares in the parts."""
    weights = part_weights(body)
    return torch.from_numpy((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def _find_patches(body: Body) -> NDArray[np.int64]:
    """(V,) vertices of one part within one cube of the rest pose."""
    keys = np.column_stack([np.floor(body.vertices / _PATCH_M).astype(int), vertex_parts(body)])
    _, patch = np.unique(keys, axis=0, return_inverse=True)
    return np.asarray(patch.reshape(-1), dtype=np.int64)
