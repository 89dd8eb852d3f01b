"""The lights of the studio: what falls on the performer, what falls on the room, and where shadows go.

Every lamp is so far away that its light is parallel; only the direction from its place to where it points counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreograft.studio.outfit import Colour

Place = tuple[float, float, float]
WHITE: Colour = (255, 255, 255)


@dataclass(frozen=True)
class Lamp:
    """One source of parallel light."""

    place: Place
    """m, stage axes."""
    aim: Place
    """Where it points, m."""
    intensity: float
    colour: Colour = WHITE


@dataclass(frozen=True)
class Light:
    """How a scene is lit."""

    performer: tuple[Lamp, ...]
    room: tuple[Lamp, ...]
    shadow_slant: tuple[float, float]
    """How far the shadow of a point falls to the right and away, per metre of its height."""
    shadow_darkness: float
    """The share of its light that the floor loses under the performer."""
    ambient: float = 1.0
    """Light from everywhere, as a share of what each surface takes in soft light."""


CHEST: Place = (0, 0, 1)
FAR_FLOOR: Place = (0, 1, 0)
FAR_WALL: Place = (0, 1, 1)
CANDLE: Colour = (255, 190, 120)
DUSK: Colour = (150, 175, 255)

LIGHTS: Mapping[str, Light] = {
    "soft": Light(
        performer=(
            Lamp((-2.5, -3.0, 4.0), CHEST, 0.72),
            Lamp((2.5, -3.0, 1.5), CHEST, 0.3),
            Lamp((0.0, 3.0, 3.0), CHEST, 0.25),
        ),
        room=(Lamp((-2.5, -3.0, 4.0), FAR_FLOOR, 0.75), Lamp((2.5, -2.0, 2.0), FAR_WALL, 0.3)),
        shadow_slant=(0.28, 0.42),
        shadow_darkness=0.38,
    ),
    "warm side": Light(
        performer=(
            Lamp((4.0, -1.6, 2.4), CHEST, 1.05, CANDLE),
            Lamp((-3.0, -2.5, 1.5), CHEST, 0.2, DUSK),
            Lamp((0.0, 3.0, 3.0), CHEST, 0.15, DUSK),
        ),
        room=(Lamp((4.0, -2.4, 4.0), FAR_FLOOR, 0.95, CANDLE), Lamp((-3.0, -2.5, 2.0), FAR_WALL, 0.25, DUSK)),
        shadow_slant=(-0.85, 0.3),
        shadow_darkness=0.5,
        ambient=0.6,
    ),
    "dim": Light(
        performer=(Lamp((-1.0, -2.5, 4.5), CHEST, 0.36, (225, 232, 255)), Lamp((2.5, -3.0, 1.5), CHEST, 0.1)),
        room=(Lamp((-1.0, -2.5, 4.5), FAR_FLOOR, 0.34, (225, 232, 255)), Lamp((2.5, -2.0, 2.0), FAR_WALL, 0.1)),
        shadow_slant=(0.12, 0.26),
        shadow_darkness=0.3,
        ambient=0.5,
    ),
}


def switch_on(plotter: Any, pv: Any, lamps: Sequence[Lamp]) -> None:
    """Add lamps to a plotter's scene."""
    for lamp in lamps:
        colour = [value / 255 for value in lamp.colour]
        plotter.add_light(pv.Light(position=lamp.place, focal_point=lamp.aim, color=colour, intensity=lamp.intensity))
