"""The room around the performer: floor, walls, ceiling and a few things in it, drawn once per camera and light.

The furniture stands along the wall, so the performer is always in front of it and the room never has to be redrawn.
Floors, walls and rugs are textures, (H, W, 3) uint8, drawn rather than filmed; those of floors and walls cover a square
of `TEXTURE_SIDE_M` and can be laid side by side. The library that draws is optional, and imported late.
"""

import ctypes
import importlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import DependencyError, OptionError
from choreograft.studio import read_table
from choreograft.studio.filming import LIGHTS, Camera, Light, Place, switch_on
from choreograft.studio.performers import Colour
from choreograft.system import SYSTEM_LIBRARIES, install_command

EXTRA_HINT = "the studio needs the optional extra: pip install 'choreograft[studio]'"


def import_pyvista() -> ModuleType:
    """The renderer's library, set up to draw off screen.

    Raises:
        DependencyError: it is not installed, or the system lacks the libraries it draws with.
    """
    if sys.platform == "linux":  # elsewhere VTK's own windows draw off screen
        find_offscreen_library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pyvista = importlib.import_module("pyvista")
    except ImportError as error:
        if error.name and error.name.split(".")[0] in ("pyvista", "vtk", "vtkmodules"):
            raise DependencyError(f"cannot import {error.name}; {EXTRA_HINT}") from error
        raise DependencyError(f"cannot load the renderer: {error}; {_apt_hint()}") from error
    return pyvista


def find_offscreen_library() -> str:
    """Name the system library that can draw without a screen, and have VTK use it without asking for a display first.

    Raises:
        DependencyError: the system has none.
    """
    windows = {"libEGL.so.1": "vtkEGLRenderWindow", "libOSMesa.so.8": "vtkOSOpenGLRenderWindow"}
    for library, window in windows.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", window)
        return library
    raise DependencyError(f"found neither libEGL.so.1 nor libOSMesa.so.8 to draw without a screen; {_apt_hint()}")


def _apt_hint() -> str:
    drawing = [library.package for library in SYSTEM_LIBRARIES if library.name == "libEGL.so.1"]
    return f"on Debian or Ubuntu: {install_command(drawing)}"


Texture = Callable[[], NDArray[np.uint8]]
TEXTURE_SIDE_M = 4


def planks() -> NDArray[np.uint8]:
    """A wooden floor, 4 m x 4 m: boards of 25 cm with a grain of their own."""
    random = np.random.default_rng(5)
    side, boards = 1024, 16
    board = np.arange(side) * boards // side
    row, column = np.mgrid[:side, :side]
    tone = random.uniform(0.86, 1.08, boards)[board]
    joint = (row + random.integers(0, side, boards)[board]) % (side // 2) < 3
    edge = column % (side // boards) < 2
    grain = 1 + 0.05 * np.sin(0.9 * column + 3 * np.sin(0.02 * row))
    light = tone * grain * np.where(joint | edge, 0.72, 1.0)
    return np.asarray(np.clip(light[..., None] * [176, 134, 92], 0, 255), dtype=np.uint8)


def tiles() -> NDArray[np.uint8]:
    """A tiled floor, 4 m x 4 m: 50 cm squares of two tones with light joints."""
    side, count = 1024, 8
    row, column = np.mgrid[:side, :side] * count // side
    tone = np.where((row + column) % 2 == 0, 1.0, 0.84)
    joint = (np.mgrid[:side, :side] % (side // count) < 4).any(axis=0)
    light = np.where(joint, 1.16, tone)
    return np.asarray(np.clip(light[..., None] * [164, 166, 170], 0, 255), dtype=np.uint8)


def screed() -> NDArray[np.uint8]:
    """A dark, plain floor, 4 m x 4 m, with the faintest clouds."""
    y, x = np.mgrid[:256, :256] * 2 * np.pi / 256
    clouds = 1 + 0.02 * np.sin(2 * x + np.sin(3 * y)) * np.cos(3 * y + np.sin(x))
    return np.asarray(np.clip(clouds[..., None] * [70, 68, 72], 0, 255), dtype=np.uint8)


def bricks() -> NDArray[np.uint8]:
    """A brick wall, 4 m x 4 m: bricks of 25 cm x 8 cm, each of its own tone, every other course set off by half."""
    random = np.random.default_rng(7)
    side, courses, across = 2048, 50, 16
    row, column = np.mgrid[:side, :side]
    course = row * courses // side
    place = column * across / side + 0.5 * (course % 2)
    brick = place.astype(int) % across
    tone = random.uniform(0.62, 1.25, (courses, across))[course, brick]
    rust = random.uniform(-14, 14, (courses, across))[course, brick]
    joint = (place % 1 < 0.045) | (row * courses / side % 1 < 0.14)
    grain = random.normal(1, 0.06, (side, side))
    colour = (tone * grain)[..., None] * [158, 88, 70] + rust[..., None] * [1.0, 0.4, 0.2]
    colour = np.where(joint[..., None], grain[..., None] * [196, 188, 176], colour)
    return np.asarray(np.clip(colour, 0, 255), dtype=np.uint8)


def carpet() -> NDArray[np.uint8]:
    """A patterned rug with a border: rows of lozenges in four colours."""
    height, width, rows, across = 680, 960, 8, 12
    row, column = np.mgrid[:height, :width]
    u, v = column * across / width, row * rows / height
    lozenge = np.abs(u % 1 - 0.5) + np.abs(v % 1 - 0.5)
    kind = (u.astype(int) + 2 * v.astype(int)) % 4
    colours = np.array([[182, 44, 52], [30, 66, 118], [226, 176, 62], [40, 110, 92]])
    picture = np.where((lozenge < 0.42)[..., None], colours[kind], [236, 222, 196])
    picture = np.where((lozenge < 0.16)[..., None], [44, 30, 34], picture)
    edge = np.minimum(np.minimum(row, height - 1 - row), np.minimum(column, width - 1 - column))
    picture = np.where((edge < 40)[..., None], [120, 26, 40], picture)
    picture = np.where(((edge > 12) & (edge < 22))[..., None], [226, 176, 62], picture)
    return np.asarray(picture, dtype=np.uint8)


WALL_Y_M = 2.0
"""Where the wall behind the performer is, m from the performer's spot."""
Things = Iterable[tuple[Any, Colour]]
"""Meshes and their colours."""


FURNITURE: Mapping[str, Sequence[tuple[str, Sequence[float], Colour]]] = read_table("rooms.toml")["furniture"]
"""What each thing is, its measures and its colour; rooms.toml tells which measures."""


def _furnish(pv: Any, name: str) -> Things:
    """The things of one of `FURNITURE`."""
    for kind, measures, colour in FURNITURE[name]:
        yield from KINDS[kind](pv, colour, *measures)


def _box(pv: Any, colour: Colour, left: float, right: float, front: float, back: float, *heights: float) -> Things:
    yield pv.Box((left, right, WALL_Y_M + front, WALL_Y_M + back, *heights)), colour


def _ball(pv: Any, colour: Colour, x: float, y: float, z: float, radius: float) -> Things:
    yield pv.Sphere(center=(x, WALL_Y_M + y, z), radius=radius), colour


def _disc(pv: Any, colour: Colour, x: float, y: float, z: float, radius: float, corners: int) -> Things:
    yield pv.Disc(center=(x, WALL_Y_M + y, z), inner=0, outer=radius, normal=(0, -1, 0), c_res=corners), colour


def _rod(pv: Any, colour: Colour, x: float, y: float, z: float, radius: float, height: float) -> Things:
    yield pv.Cylinder(center=(x, WALL_Y_M + y, z), direction=(0, 0, 1), radius=radius, height=height), colour


def _cone(
    pv: Any, colour: Colour, at: Place, radius: float, height: float, way: Place = (0, 0, 1), corners: int = 32
) -> Things:
    x, y, z = at
    yield pv.Cone(center=(x, WALL_Y_M + y, z), direction=way, height=height, radius=radius, resolution=corners), colour


def _plant(pv: Any, colour: Colour, x: float, y: float, z: float) -> Things:
    """Nine leaves that lean every way."""
    red, green, blue = colour
    for leaf in range(9):
        right, away = 0.55 * np.cos(2.4 * leaf), 0.35 * np.sin(2.4 * leaf)
        at = (x + 0.16 * right, y + 0.12 * away, z + 0.03 * (leaf % 3))
        yield from _cone(
            pv, (red + 6 * (leaf % 4), green + 9 * (leaf % 3), blue), at, 0.06, 0.55, (right, away, 1.0), 12
        )


def _books(pv: Any, _: Colour, *shelves: float) -> Things:
    """Rows of them, of any size and colour."""
    random = np.random.default_rng(3)
    for shelf in shelves:
        x = 0.84
        while x < 1.88:
            width, height = random.uniform(0.025, 0.06), random.uniform(0.2, 0.34)
            red, green, blue = random.integers(30, 240, 3).tolist()
            yield from _box(pv, (red, green, blue), x, x + width, -0.24, -0.02, shelf, shelf + height)
            x += width + 0.003


def _curtain(pv: Any, colour: Colour, left: float) -> Things:
    """A curtain in folds, 1.4 m wide, under its rail."""
    yield from _box(pv, (70, 70, 74), left - 0.1, left + 1.5, -0.1, -0.06, 2.35, 2.39)
    for fold in range(14):
        yield from _rod(pv, colour, left + 0.1 * fold + 0.05, -0.07, 1.2, 0.055, 2.3)


KINDS: Mapping[str, Callable[..., Things]] = {
    kind.__name__.removeprefix("_"): kind for kind in (_box, _ball, _disc, _rod, _cone, _plant, _books, _curtain)
}


SUPERSAMPLING = 3
SKIRTING_M = 0.09
HALF_WIDTH_M, DEPTH_M, CEILING_M = 8.0, 12.0, 6.0
"""The room reaches so far to either side of the performer's spot, from the wall to the back, and up."""
CEILING: Colour = (226, 226, 222)
RUG_M = (2.4, 1.7)
"""Width and depth of a rug, which lies around the performer's spot."""
RUG_LIFT_M = 0.004
"""Above the floor, so that depth tells the two apart; too little to be seen."""


@dataclass(frozen=True)
class Room:
    """How a room looks."""

    wall: Colour
    """Of the walls; under a `wallpaper`, what it is multiplied with."""
    skirting: Colour
    floor: Texture
    furniture: str
    """One of `FURNITURE`."""
    wallpaper: Texture | None = None
    rug: Texture | None = None


def draw_room(room: Room, camera: Camera, light: Light = LIGHTS["soft"]) -> NDArray[np.uint8]:
    """The empty room as the camera sees it, (H, W, 3) uint8.

    Raises:
        OptionError: the camera stands outside of the room.
        DependencyError: pyvista or a system library is missing.
    """
    _check_inside(camera)
    pv = import_pyvista()
    width, height = camera.size
    plotter = pv.Plotter(off_screen=True, window_size=(SUPERSAMPLING * width, SUPERSAMPLING * height), lighting="none")
    try:
        plotter.set_background(_share(room.wall))
        _build(plotter, pv, room, light.ambient)
        aim(plotter, camera)
        switch_on(plotter, pv, light.room)
        large = np.asarray(plotter.screenshot(return_img=True))[..., :3]
    finally:
        plotter.close()
    blocks = large.reshape(height, SUPERSAMPLING, width, SUPERSAMPLING, 3)
    return np.asarray(np.round(blocks.mean(axis=(1, 3))), dtype=np.uint8)


def aim(plotter: Any, camera: Camera) -> None:
    """Set a plotter's camera to one of ours."""
    plotter.camera.position = camera.position
    plotter.camera.focal_point = camera.position + camera.axes[2]
    plotter.camera.up = -camera.axes[1]
    plotter.camera.view_angle = np.rad2deg(2 * np.arctan(camera.size.height / (2 * camera.focal_px)))
    plotter.camera.clipping_range = (0.1, 30.0)


def _check_inside(camera: Camera) -> None:
    x, y, z = camera.position
    if not (abs(x) < HALF_WIDTH_M and WALL_Y_M - DEPTH_M < y < WALL_Y_M and 0 < z < CEILING_M):
        raise OptionError(
            f"the camera stands at ({x:.1f}, {y:.1f}, {z:.1f}) m, outside of the room: x must lie within "
            f"{HALF_WIDTH_M:g} m of the middle, y between {WALL_Y_M - DEPTH_M:g} and {WALL_Y_M:g} m, the height "
            f"between 0 and {CEILING_M:g} m; choose a smaller distance or azimuth"
        )


def _build(plotter: Any, pv: Any, room: Room, ambient: float) -> None:
    """Put the room's surfaces and things into a plotter; `ambient` scales the light they take from everywhere."""
    x, front, back = HALF_WIDTH_M, WALL_Y_M - DEPTH_M, WALL_Y_M

    def put(mesh: Any, look: Colour | Texture, share: float, diffuse: float, **more: Any) -> None:
        dressed = {"texture": _texture(pv, look)} if callable(look) else {"color": _share(look)}
        plotter.add_mesh(mesh, ambient=share * ambient, diffuse=diffuse, **dressed, **more)

    floor = pv.Plane(center=(0, (front + back) / 2, 0), i_size=2 * x, j_size=DEPTH_M)
    floor.active_texture_coordinates = floor.points[:, :2] / TEXTURE_SIDE_M
    put(floor, room.floor, 0.35, 0.8)
    if room.rug is not None:
        put(pv.Plane(center=(0, 0, RUG_LIFT_M), i_size=RUG_M[0], j_size=RUG_M[1]), room.rug, 0.35, 0.8)
    for wall in _walls(pv):
        along = np.where(np.ptp(wall.points[:, 0]) > 0, wall.points[:, 0], wall.points[:, 1])
        wall.active_texture_coordinates = np.column_stack([along, wall.points[:, 2]]) / TEXTURE_SIDE_M
        put(wall, room.wallpaper or room.wall, 0.35, 0.7)
    ceiling = [[-x, front, CEILING_M], [-x, back, CEILING_M], [x, back, CEILING_M], [x, front, CEILING_M]]
    put(_quad(pv, ceiling), CEILING, 0.6, 0.4)
    put(pv.Box((-x, x, back - 0.03, back, 0, SKIRTING_M)), room.skirting, 0.35, 0.7)
    for mesh, colour in _furnish(pv, room.furniture):
        put(mesh, colour, 0.3, 0.8, smooth_shading=mesh.n_cells > 200)


def _walls(pv: Any) -> list[Any]:
    """The wall behind the performer, those at the sides and the one behind the camera; all face the room."""
    x, front, back = HALF_WIDTH_M, WALL_Y_M - DEPTH_M, WALL_Y_M
    corners = [(-x, front), (-x, back), (x, back), (x, front)]
    walls = []
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        walls.append(_quad(pv, [[x1, y1, 0], [x2, y2, 0], [x2, y2, CEILING_M], [x1, y1, CEILING_M]]))
    return walls


def _quad(pv: Any, corners: list[list[float]]) -> Any:
    """A flat surface that faces whoever sees its corners run counter-clockwise."""
    return pv.PolyData.from_regular_faces(np.array(corners, float), np.array([[0, 1, 2, 3]]))


ROOMS: Mapping[str, Room] = {
    "living room": Room((198, 206, 200), (240, 240, 236), planks, "living room"),
    "studio": Room((150, 160, 186), (110, 118, 140), tiles, "studio"),
    "hall": Room((255, 253, 246), (120, 118, 116), screed, "none"),
    "brick": Room((150, 92, 76), (58, 52, 50), planks, "loft", wallpaper=bricks, rug=carpet),
}


def _texture(pv: Any, draw: Texture) -> Any:
    texture = pv.Texture(draw())
    texture.repeat = texture.mipmap = texture.interpolate = True
    return texture


def _share(colour: Colour) -> list[float]:
    return [value / 255 for value in colour]
