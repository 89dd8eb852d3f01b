"""Draws a posed performer into a room: picture and exact mask, frame by frame.

The performer is drawn alone on a transparent ground at twice the size, so the picture's alpha is the true mask; the
room lies behind it, darkened by a soft shadow on the floor.

Shapes: H, W pixels of the picture.
"""

import re
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.studio.cloth import Loose, Surface
from choreograft.studio.costume import Costume, Solids
from choreograft.studio.filming import LIGHTS, Camera, Light, switch_on
from choreograft.studio.mesh import Faces, incidence, vertex_normals
from choreograft.studio.posing import Poses
from choreograft.studio.room import Room, aim, draw_room, import_pyvista

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

SUPERSAMPLING = 2
SHADOW_BLUR = 1 / 110
"""Standard deviation, as a share of the picture's height."""
LIMB = re.compile(r"^(upperarm|lowerarm|wrist|finger|metacarpal|upperleg|lowerleg|foot|toe).*\.([LR])$")


class Stage:
    """One performer in one room before one camera; a context manager, since drawing holds native resources."""

    def __init__(self, costume: Costume, room: Room, camera: Camera, light: Light = LIGHTS["soft"]) -> None:
        """Draw the empty room and set up the lights.

        Raises:
            OptionError: the camera stands outside of the room.
            DependencyError: pyvista or a system library is missing.
        """
        self.costume, self.camera, self.light = costume, camera, light
        self.room: Image = draw_room(room, camera, light)
        body = costume.body
        self._corners = incidence(body.faces, len(body.vertices))
        self._solid_faces, self._solid_colours = _join_solids(costume)
        self._solid_corners = incidence(self._solid_faces, len(self._solid_colours))
        self._texture_vertex = np.zeros(len(body.texture_xy), np.int64)
        self._texture_vertex[body.texture_faces] = body.faces
        self._limbs = _limbs(costume)
        self._open()

    def _open(self) -> None:
        pv = import_pyvista()
        from vtkmodules.vtkCommonCore import vtkUnsignedCharArray

        self._pixels: Any = vtkUnsignedCharArray()
        costume, body = self.costume, self.costume.body
        window = (SUPERSAMPLING * self.camera.size.width, SUPERSAMPLING * self.camera.size.height)
        self._plotter: Any = pv.Plotter(off_screen=True, window_size=window, lighting="none")
        self._plotter.ren_win.SetMultiSamples(0)
        self._plotter.ren_win.SetAlphaBitPlanes(1)
        self._plotter.renderer.SetBackground(0, 0, 0)
        self._plotter.renderer.SetBackgroundAlpha(0.0)
        self._skin = _poly_data(pv, costume.vertices[self._texture_vertex], body.texture_faces[costume.shown])
        self._skin.active_texture_coordinates = body.texture_xy.astype(np.float32)
        texture = pv.Texture(costume.texture)
        texture.mipmap = texture.interpolate = True
        shading = {
            "smooth_shading": True,
            "ambient": 0.38 * self.light.ambient,
            "diffuse": 0.75,
            "specular": 0.06,
            "specular_power": 12,
        }
        self._plotter.add_mesh(self._skin, texture=texture, **shading)
        self._solids = _poly_data(pv, np.zeros((len(self._solid_colours), 3)), self._solid_faces)
        self._solids.point_data["colour"] = self._solid_colours
        self._plotter.add_mesh(self._solids, scalars="colour", rgb=True, **shading)
        aim(self._plotter, self.camera)
        switch_on(self._plotter, pv, self.light.performer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._plotter.close()

    def draw(self, poses: Poses, frame: int) -> tuple[Image, Image]:
        """One frame: the picture (H, W, 3), and the person's mask (H, W) with 255 = person."""
        vertices, solids = self._move(poses, frame)
        person = self._render()
        alpha = person[..., 3:]
        ground = self.room * self._keep_light(np.concatenate([vertices, solids]))[..., None]
        picture = person[..., :3] + ground * (1 - alpha / 255)  # transparent pixels are black: colour comes times alpha
        return np.clip(np.round(picture), 0, 255).astype(np.uint8), np.round(alpha[..., 0]).astype(np.uint8)

    def _move(self, poses: Poses, frame: int) -> tuple[Array, Array]:
        """Carry the meshes into a pose; the dressed vertices (V, 3) and those of all solids (N, 3)."""
        body, solids = self.costume.body, self.costume.solids
        rotations, origins = poses.rotations[frame], poses.origins[frame]
        vertices = body.skin(self.costume.vertices, body.weights, rotations, origins)
        normals = vertex_normals(vertices, body.faces, self._corners)
        _update(self._skin, vertices[self._texture_vertex], normals[self._texture_vertex])
        surface = Surface(vertices, normals)
        stiff = body.skin(solids.vertices, solids.weights, rotations, origins)
        hanging = [part.hang(body, poses, frame, surface) for part in self.costume.loose]
        joined = np.concatenate([stiff, *hanging])
        _update(self._solids, joined, vertex_normals(joined, self._solid_faces, self._solid_corners))
        return vertices, joined

    def _render(self) -> NDArray[np.float32]:
        """(H, W, 4) the performer alone: colour times alpha, and alpha, 0..255."""
        window = self._plotter.ren_win
        window.Render()
        width, height = window.GetSize()
        window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 0, self._pixels)
        rows = np.frombuffer(self._pixels, np.uint8).reshape(height, width, 4)[::-1]
        return np.asarray(cv2.resize(rows, self.camera.size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    def _keep_light(self, vertices: Array) -> NDArray[np.float32]:
        """(H, W) how much light the floor keeps: each limb casts the convex hull of its points."""
        fallen = np.column_stack([vertices[:, :2] + vertices[:, 2:] * self.light.shadow_slant, np.zeros(len(vertices))])
        pixels = np.round(16 * (self.camera.project(fallen) - 0.5)).astype(np.int32)
        shade = np.zeros(self.room.shape[:2], np.uint8)
        for limb in self._limbs:
            cv2.fillConvexPoly(shade, cv2.convexHull(pixels[limb]), 255, shift=4)
        soft = cv2.GaussianBlur(shade, (0, 0), SHADOW_BLUR * self.camera.size.height)
        return np.asarray(1 - self.light.shadow_darkness / 255 * soft, dtype=np.float32)


def _join_solids(costume: Costume) -> tuple[Faces, Image]:
    """Triangles (M, 3) and colours (N, 3) of the solids and of what hangs, as one mesh."""
    parts: list[Solids | Loose] = [costume.solids, *costume.loose]
    offsets = np.cumsum([0, *(len(part.colours) for part in parts)])
    faces = [part.faces + offset for part, offset in zip(parts, offsets, strict=False)]
    return np.concatenate(faces), np.concatenate([part.colours for part in parts])


def _limbs(costume: Costume) -> list[NDArray[np.intp]]:
    """Indices of the vertices of each limb, body and solids counted through; trunk, head and a skirt are limbs too."""
    names = []
    for weights in (costume.body.weights, costume.solids.weights):
        names += [_limb_of(costume.body.bones[bone]) for bone in np.asarray(weights.argmax(axis=1)).ravel()]
    for index, part in enumerate(costume.loose):
        names += [f"loose {index}"] * len(part.colours)
    of = np.array(names)
    return [np.flatnonzero(of == name) for name in sorted(set(names))]


def _limb_of(bone: str) -> str:
    limb = LIMB.match(bone)
    if limb:
        part = {"finger": "wrist", "metacarpal": "wrist", "toe": "foot"}.get(limb[1], limb[1])
        return f"{part}.{limb[2]}"
    return "head" if bone.startswith(("head", "neck", "eye")) else "trunk"


def _poly_data(pv: Any, points: Array, faces: NDArray[np.int64]) -> Any:
    mesh = pv.PolyData.from_regular_faces(points.astype(np.float32), faces)
    mesh.point_data.active_normals = np.zeros((len(points), 3), np.float32)
    return mesh


def _update(mesh: Any, points: Array, normals: Array) -> None:
    mesh.points = points.astype(np.float32)
    mesh.point_data.active_normals = normals.astype(np.float32)
