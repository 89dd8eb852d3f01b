"""Pictures of a body whose skin has a known colour at every point: what drawing from references is held against."""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack
from choreograft.body.surface import Mesh, SurfaceMap, find_nearest, render_surfaces
from choreograft.performer.cutouts import Cutouts, cut_out
from choreograft.performer.layers import LAYERS
from choreograft.performer.references import ReferenceBank, part_turns
from choreograft.performer.warp import Posed, Warped, Warper
from choreograft.video.size import Canvas, Size
from filmed import film

SIZE = Size(120, 160)
FULL = Size(360, 480)
"""As it was filmed."""
GREY = 90
EVERY = 3
"""Of the scene's frames one in so many is a reference."""


@cache
def scene() -> tuple[BodyTrack, Mesh, NDArray[np.float32]]:
    """Two seconds of squats before a small camera, and the colour (V, 3) 0..255 of every vertex."""
    body = film("ada", "squats").body.on_canvas(SIZE)
    shape = body.shape.build()
    rest = shape.vertices - shape.vertices.min(axis=0)
    colours = 127 + 100 * np.sin(rest * [14.0, 17.0, 11.0] + [0.0, 1.0, 2.0])
    return body, Mesh.of(shape), colours.astype(np.float32)


def draw_surfaces(body: BodyTrack, mesh: Mesh) -> list[SurfaceMap]:
    """Its surface in every frame."""
    posed = (body.camera.place(vertices).astype(np.float32) for vertices in body.skin())
    return list(render_surfaces(posed, mesh, body.camera.focal_px, body.camera.size))


def draw_frame(warper: Warper, t: int, allowed: NDArray[np.bool_] | None = None) -> Warped:
    """Frame t of the scene from references."""
    return warper.draw(pose(t), allowed)


def pose(t: int) -> Posed:
    """Frame t of the scene, its face unknown."""
    body, _, _ = scene()
    vertices = body.camera.place(next(body.skin(np.array([t]))))
    return Posed(vertices, part_turns(body)[t], body.camera.focal_px, body.camera.size, time_s=float(body.time_s[t]))


def paint(surface: SurfaceMap, colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, 3) 0..255 before grey."""
    corners = surface.mesh.faces[surface.face.clamp_min(0).long()].long()
    skin = (torch.from_numpy(colours)[corners] * surface.barycentric[..., None]).sum(2)
    return np.where(surface.covered[..., None], skin, GREY).astype(np.float32)


@cache
def painted_bank() -> ReferenceBank:
    """Every third frame of the scene as a bank."""
    body, mesh, colours = scene()
    every = np.arange(0, len(body), EVERY)
    kept = body.select(every)
    surfaces = draw_surfaces(kept, mesh)
    frames = np.stack([paint(surface, colours).round() for surface in surfaces]).astype(np.uint8)
    masks = np.stack([surface.covered.numpy() * np.uint8(255) for surface in surfaces])
    sharpness, faces = np.ones((len(kept), len(LAYERS)), np.float32), np.full((len(kept), 68, 2), np.nan, np.float32)
    return ReferenceBank(frames, masks, (kept,), sharpness, faces)


def weave(surface: SurfaceMap) -> NDArray[np.float32]:
    """(H, W, 3) 0..255 before grey: the skin's colours with a weave that only the full size shows, 4 cm from thread to
    thread."""
    _, mesh, colours = scene()
    shape = scene()[0].shape.build()
    corners = mesh.faces[surface.face.clamp_min(0).long()].long()
    at = (torch.from_numpy(shape.vertices.astype(np.float32))[corners] * surface.barycentric[..., None]).sum(2).numpy()
    threads = 25 * np.sin(2 * np.pi / 0.04 * at[..., 0]) + 25 * np.sin(2 * np.pi / 0.04 * at[..., 2])
    skin = 127 + 0.5 * (paint(surface, colours) - 127)
    return np.where(surface.covered[..., None], skin + threads[..., None], GREY).astype(np.float32)


@cache
def full_surfaces() -> tuple[SurfaceMap, ...]:
    """The scene's at the size that it was filmed."""
    return tuple(draw_surfaces(film("ada", "squats").body, scene()[1]))


@cache
def woven_bank() -> tuple[ReferenceBank, Cutouts]:
    """Every third frame of the scene in woven cloth, on the canvas and cut out at full size."""
    canvas, plain = Canvas(FULL, SIZE), painted_bank()
    frames, masks, coded, places = [], [], [], []
    for surface in full_surfaces()[::EVERY]:
        picture, matte = weave(surface).round().clip(0, 255).astype(np.uint8), surface.covered.numpy() * np.uint8(255)
        frames.append(canvas.place_image(picture))
        masks.append(canvas.place_image(matte))
        beyond = picture.reshape(-1, 3)[find_nearest(matte > 0)[1]]  # as a matte's colours go on
        entry, place = cut_out(beyond, matte, canvas)
        coded.append(entry)
        places.append(place)
    bank = ReferenceBank(np.stack(frames), np.stack(masks), plain.bodies, plain.sharpness, plain.faces)
    return bank, Cutouts(FULL, np.full((FULL.height, FULL.width, 3), GREY, np.uint8), coded, np.array(places))
