"""The room around the performer: floor, walls, ceiling and a few things in it, drawn once per camera and light.

The furniture stands along the wall, so the performer is always in front of it and the room never has to be redrawn.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import OptionError
from choreograft.studio.camera import Camera
from choreograft.studio.furniture import FURNITURE, WALL_Y_M
from choreograft.studio.libraries import import_pyvista
from choreograft.studio.light import LIGHTS, Light, switch_on
from choreograft.studio.outfit import Colour
from choreograft.studio.surfaces import TEXTURE_SIDE_M, Texture, bricks, carpet, planks, screed, tiles

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
    middle = WALL_Y_M - DEPTH_M / 2
    floor = pv.Plane(center=(0, middle, 0), i_size=2 * HALF_WIDTH_M, j_size=DEPTH_M)
    floor.active_texture_coordinates = floor.points[:, :2] / TEXTURE_SIDE_M
    plotter.add_mesh(floor, texture=_texture(pv, room.floor), ambient=0.35 * ambient, diffuse=0.8)
    if room.rug is not None:
        rug = pv.Plane(center=(0, 0, RUG_LIFT_M), i_size=RUG_M[0], j_size=RUG_M[1])
        plotter.add_mesh(rug, texture=_texture(pv, room.rug), ambient=0.35 * ambient, diffuse=0.8)
    for wall in _walls(pv):
        if room.wallpaper is None:
            plotter.add_mesh(wall, color=_share(room.wall), ambient=0.35 * ambient, diffuse=0.7)
        else:
            along = np.where(np.ptp(wall.points[:, 0]) > 0, wall.points[:, 0], wall.points[:, 1])
            wall.active_texture_coordinates = np.column_stack([along, wall.points[:, 2]]) / TEXTURE_SIDE_M
            plotter.add_mesh(wall, texture=_texture(pv, room.wallpaper), ambient=0.35 * ambient, diffuse=0.7)
    x, front, back = HALF_WIDTH_M, WALL_Y_M - DEPTH_M, WALL_Y_M
    ceiling = _quad(pv, [[-x, front, CEILING_M], [-x, back, CEILING_M], [x, back, CEILING_M], [x, front, CEILING_M]])
    plotter.add_mesh(ceiling, color=_share(CEILING), ambient=0.6 * ambient, diffuse=0.4)
    board = pv.Box((-HALF_WIDTH_M, HALF_WIDTH_M, WALL_Y_M - 0.03, WALL_Y_M, 0, SKIRTING_M))
    plotter.add_mesh(board, color=_share(room.skirting), ambient=0.35 * ambient, diffuse=0.7)
    for mesh, colour in FURNITURE[room.furniture](pv):
        shading = {"ambient": 0.3 * ambient, "diffuse": 0.8, "smooth_shading": mesh.n_cells > 200}
        plotter.add_mesh(mesh, color=_share(colour), **shading)


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
