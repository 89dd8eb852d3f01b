"""The room behind the performer: floor, wall and a few things in it, drawn once per camera.

The furniture stands along the wall, so the performer is always in front of it and the room never has to be redrawn.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.studio.camera import Camera
from choreograft.studio.libraries import import_pyvista
from choreograft.studio.outfit import Colour

WALL_Y_M = 2.0
SUPERSAMPLING = 3
SKIRTING_M = 0.09


@dataclass(frozen=True)
class Room:
    """How a room looks."""

    wall: Colour
    skirting: Colour
    floor: Callable[[], NDArray[np.uint8]]
    """Draws the floor's texture for 4 m x 4 m, (H, W, 3)."""
    furniture: str
    """One of `FURNITURE`."""


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


def draw_room(room: Room, camera: Camera) -> NDArray[np.uint8]:
    """The empty room as the camera sees it, (H, W, 3) uint8.

    Raises:
        DependencyError: pyvista or a system library is missing.
    """
    pv = import_pyvista()
    width, height = camera.size
    plotter = pv.Plotter(off_screen=True, window_size=(SUPERSAMPLING * width, SUPERSAMPLING * height), lighting="none")
    try:
        _furnish(plotter, pv, room)
        aim(plotter, camera)
        plotter.add_light(pv.Light(position=(-2.5, -3.0, 4.0), focal_point=(0, 1, 0), intensity=0.75))
        plotter.add_light(pv.Light(position=(2.5, -2.0, 2.0), focal_point=(0, 1, 1), intensity=0.3))
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


def _furnish(plotter: Any, pv: Any, room: Room) -> None:
    plotter.set_background(_share(room.wall))
    floor = pv.Plane(center=(0, WALL_Y_M - 6, 0), i_size=16, j_size=12)
    floor.active_texture_coordinates = floor.points[:, :2] / 4  # one copy of the texture every 4 m
    texture = pv.Texture(room.floor())
    texture.repeat = texture.mipmap = texture.interpolate = True
    plotter.add_mesh(floor, texture=texture, ambient=0.35, diffuse=0.8)
    wall = pv.Plane(
        center=(0, WALL_Y_M, 3), direction=(0, -1, 0), i_size=16, j_size=6, i_resolution=40, j_resolution=20
    )
    plotter.add_mesh(wall, color=_share(room.wall), ambient=0.35, diffuse=0.7)
    board = pv.Box((-8, 8, WALL_Y_M - 0.03, WALL_Y_M, 0, SKIRTING_M))
    plotter.add_mesh(board, color=_share(room.skirting), ambient=0.35, diffuse=0.7)
    for mesh, colour in FURNITURE[room.furniture](pv):
        plotter.add_mesh(mesh, color=_share(colour), ambient=0.3, diffuse=0.8, smooth_shading=mesh.n_cells > 200)


def _living_room(pv: Any) -> list[tuple[Any, Colour]]:
    """A picture, a plant in a pot, a stool with a book."""
    y = WALL_Y_M
    things = [
        (pv.Box((-0.98, -0.42, y - 0.04, y, 1.35, 2.05)), (70, 52, 40)),
        (pv.Box((-0.94, -0.46, y - 0.05, y - 0.04, 1.39, 2.01)), (228, 222, 208)),
        (pv.Disc(center=(-0.76, y - 0.055, 1.76), inner=0, outer=0.13, normal=(0, -1, 0), c_res=48), (206, 92, 64)),
        (pv.Box((-0.94, -0.46, y - 0.055, y - 0.05, 1.39, 1.58)), (64, 96, 118)),
        (pv.Cylinder(center=(0.98, y - 0.3, 0.16), direction=(0, 0, 1), radius=0.15, height=0.32), (182, 96, 66)),
        (pv.Box((-1.28, -0.88, y - 0.45, y - 0.08, 0.4, 0.45)), (150, 104, 66)),
        (pv.Box((-1.2, -0.98, y - 0.36, y - 0.16, 0.45, 0.49)), (62, 110, 96)),
    ]
    for left in (-1.26, -0.94):
        things.append((pv.Box((left, left + 0.04, y - 0.42, y - 0.38, 0, 0.4)), (128, 88, 56)))
        things.append((pv.Box((left, left + 0.04, y - 0.14, y - 0.1, 0, 0.4)), (128, 88, 56)))
    for leaf in range(9):
        angle = 2.4 * leaf
        direction = (0.55 * np.cos(angle), 0.35 * np.sin(angle), 1.0)
        centre = (0.98 + 0.16 * direction[0], y - 0.3 + 0.12 * direction[1], 0.55 + 0.03 * (leaf % 3))
        green = (58 + 6 * (leaf % 4), 118 + 9 * (leaf % 3), 62)
        things.append((pv.Cone(center=centre, direction=direction, height=0.55, radius=0.06, resolution=12), green))
    return things


def _studio(pv: Any) -> list[tuple[Any, Colour]]:
    """A window, a shelf with balls, a loudspeaker on each side."""
    y = WALL_Y_M
    things = [
        (pv.Box((-2.3, -1.1, y - 0.03, y, 0.95, 2.2)), (236, 236, 232)),
        (pv.Box((-2.22, -1.73, y - 0.04, y - 0.03, 1.03, 2.12)), (160, 198, 222)),
        (pv.Box((-1.67, -1.18, y - 0.04, y - 0.03, 1.03, 2.12)), (160, 198, 222)),
        (pv.Box((1.1, 2.3, y - 0.25, y, 1.2, 1.24)), (112, 84, 60)),
    ]
    for place, radius, colour in ((1.3, 0.1, (206, 84, 70)), (1.62, 0.13, (232, 178, 70)), (2.0, 0.09, (84, 120, 180))):
        things.append((pv.Sphere(center=(place, y - 0.13, 1.24 + radius), radius=radius), colour))
    for left in (-1.75, 1.45):
        things.append((pv.Box((left, left + 0.34, y - 0.45, y - 0.12, 0, 0.8)), (44, 44, 48)))
        for z, radius in ((0.27, 0.12), (0.6, 0.07)):
            cone = pv.Disc(center=(left + 0.17, y - 0.455, z), inner=0, outer=radius, normal=(0, -1, 0), c_res=40)
            things.append((cone, (96, 96, 102)))
    return things


FURNITURE: Mapping[str, Callable[[Any], list[tuple[Any, Colour]]]] = {"living room": _living_room, "studio": _studio}

ROOMS: Mapping[str, Room] = {
    "living room": Room((198, 206, 200), (240, 240, 236), planks, "living room"),
    "studio": Room((150, 160, 186), (110, 118, 140), tiles, "studio"),
}


def _share(colour: Colour) -> list[float]:
    return [value / 255 for value in colour]
