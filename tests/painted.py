"""Pictures of a body whose skin has a known colour at every point: what drawing from references is held against."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from choreograft.body.surface import Mesh, SurfaceMap, render_surfaces
from choreograft.body.track import BodyTrack
from choreograft.performer.references import ReferenceBank
from choreograft.video.size import Size
from filmed import film

SIZE = Size(120, 160)
GREY = 90


@cache
def scene() -> tuple[BodyTrack, Mesh, NDArray[np.float32]]:
    """Two seconds of squats before a small camera, and the colour (V, 3) 0..255 of every vertex."""
    body = film("ada", "squats").body
    body = body.on_canvas(SIZE)
    shape = body.shape.build()
    rest = shape.vertices - shape.vertices.min(axis=0)
    colours = 127 + 100 * np.sin(rest * [14.0, 17.0, 11.0] + [0.0, 1.0, 2.0])
    return body, Mesh.of(shape), colours.astype(np.float32)


def draw_surfaces(body: BodyTrack, mesh: Mesh) -> list[SurfaceMap]:
    """Its surface in every frame."""
    posed = (body.camera.place(vertices).astype(np.float32) for vertices in body.skin())
    return list(render_surfaces(posed, mesh, body.camera.focal_px, body.camera.size))


def paint(surface: SurfaceMap, colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, 3) 0..255 before grey."""
    corners = surface.mesh.faces[surface.face.clamp_min(0).long()].long()
    skin = (torch.from_numpy(colours)[corners] * surface.barycentric[..., None]).sum(2)
    return np.where(surface.covered[..., None], skin, GREY).astype(np.float32)


@cache
def painted_bank() -> ReferenceBank:
    """Every third frame of the scene as a bank."""
    body, mesh, colours = scene()
    every = np.arange(0, len(body), 3)
    kept = body.select(every)
    surfaces = draw_surfaces(kept, mesh)
    frames = np.stack([paint(surface, colours).round() for surface in surfaces]).astype(np.uint8)
    masks = np.stack([surface.covered.numpy() * np.uint8(255) for surface in surfaces])
    return ReferenceBank(frames, masks, (kept,), np.ones(len(kept), np.float32))
