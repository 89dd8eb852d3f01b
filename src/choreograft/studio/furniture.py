"""What stands along the wall of each room."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from choreograft.studio.outfit import Colour

WALL_Y_M = 2.0
"""Where the wall behind the performer is, m from the performer's spot."""
Things = list[tuple[Any, Colour]]
"""Meshes and their colours."""


def _living_room(pv: Any) -> Things:
    """A picture, a plant in a pot, a stool with a book; farther out a door and a curtain."""
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
    things += _door(pv, -4.6, (150, 112, 78)) + _curtain(pv, 3.4, (176, 150, 96))
    return things


def _studio(pv: Any) -> Things:
    """A window, a shelf with balls, a loudspeaker on each side; farther out a curtain and a door."""
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
    things += _curtain(pv, -4.6, (96, 84, 120)) + _door(pv, 3.6, (206, 206, 208))
    return things


def _loft(pv: Any) -> Things:
    """A steel shelf with rows of books, a poster in bright stripes, a red lamp on a stand."""
    y = WALL_Y_M
    things: Things = [(pv.Box((0.8, 2.0, y - 0.3, y, z, z + 0.03)), (60, 62, 66)) for z in (0.3, 0.75, 1.2, 1.65)]
    things += [(pv.Box((x, x + 0.03, y - 0.3, y, 0, 1.68)), (60, 62, 66)) for x in (0.8, 1.97)]
    random = np.random.default_rng(3)
    for shelf in (0.33, 0.78, 1.23):
        x = 0.84
        while x < 1.88:
            width, height = random.uniform(0.025, 0.06), random.uniform(0.2, 0.34)
            red, green, blue = random.integers(30, 240, 3).tolist()
            things.append((pv.Box((x, x + width, y - 0.24, y - 0.02, shelf, shelf + height)), (red, green, blue)))
            x += width + 0.003
    stripes: tuple[Colour, ...] = ((232, 70, 60), (246, 200, 70), (70, 150, 170), (40, 50, 80))
    for index, colour in enumerate(stripes):
        low = 2.1 - 0.2 * (index + 1)
        things.append((pv.Box((-1.55, -0.85, y - 0.03, y, low, low + 0.2)), colour))
    things.append(
        (pv.Cylinder(center=(-0.6, y - 0.3, 0.7), direction=(0, 0, 1), radius=0.015, height=1.4), (40, 40, 42))
    )
    things.append(
        (
            pv.Cone(center=(-0.6, y - 0.3, 1.5), direction=(0, 0, 1), height=0.3, radius=0.2, resolution=32),
            (196, 40, 44),
        )
    )
    return things


def _door(pv: Any, left: float, colour: Colour) -> Things:
    """A door in its frame, 0.9 m wide, from x = `left` on."""
    y = WALL_Y_M
    return [
        (pv.Box((left - 0.08, left + 0.98, y - 0.035, y, 0, 2.13)), (236, 236, 232)),
        (pv.Box((left, left + 0.9, y - 0.05, y - 0.035, 0, 2.05)), colour),
        (pv.Sphere(center=(left + 0.82, y - 0.09, 1.02), radius=0.035), (190, 186, 176)),
    ]


def _curtain(pv: Any, left: float, colour: Colour) -> Things:
    """A curtain in folds, 1.4 m wide, from x = `left` on, under its rail."""
    things: Things = [(pv.Box((left - 0.1, left + 1.5, WALL_Y_M - 0.1, WALL_Y_M - 0.06, 2.35, 2.39)), (70, 70, 74))]
    for fold in range(14):
        centre = (left + 0.1 * fold + 0.05, WALL_Y_M - 0.07, 1.2)
        things.append((pv.Cylinder(center=centre, direction=(0, 0, 1), radius=0.055, height=2.3), colour))
    return things


def _nothing(_: Any) -> Things:
    return []


FURNITURE: Mapping[str, Callable[[Any], Things]] = {
    "living room": _living_room,
    "studio": _studio,
    "loft": _loft,
    "none": _nothing,
}
