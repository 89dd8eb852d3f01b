"""The people of the studio: a few with names, each made to differ from `ada` in one way, and any number made up.

Those are plausible adults, each with a build, a face's colours and clothes of their own.
"""

import colorsys
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from choreograft.body.model import make_body
from choreograft.errors import OptionError
from choreograft.studio.costume import Costume, dress
from choreograft.studio.outfit import PATTERNS, Colour, Outfit

SKINS: tuple[Colour, ...] = (
    (242, 206, 182),
    (232, 186, 160),
    (214, 164, 130),
    (190, 140, 104),
    (150, 98, 70),
    (112, 72, 52),
    (84, 54, 42),
)
HAIRS: tuple[Colour, ...] = ((24, 20, 20), (58, 38, 28), (112, 70, 38), (156, 86, 44), (196, 156, 96), (150, 148, 146))
IRISES: tuple[Colour, ...] = ((52, 32, 20), (72, 104, 128), (70, 110, 84), (96, 76, 44))
HEIGHTS = ((0.28, 0.48), (0.34, 0.56))
"""Anny's height, men and women; with the other traits 1.58 m to 1.90 m, and 1.49 m to 1.85 m."""
SKIRT_SHARE = 0.45
"""Of the women."""


def draw_person(seed: int) -> tuple[dict[str, float], Outfit]:
    """A person's shape, as `make_body` takes it, and outfit; the same for the same seed."""
    random = np.random.default_rng(seed)
    woman = bool(random.random() < 0.5)
    shape = {
        "gender": float(woman),
        "age": random.uniform(0.55, 0.8),
        "muscle": random.uniform(0.35, 0.75),
        "weight": random.uniform(0.3, 0.75),
        "height": random.uniform(*HEIGHTS[woman]),
        "proportions": random.uniform(0.35, 0.75),
    }
    skin = SKINS[random.integers(len(SKINS))]
    shirt_hue, shirt_light = random.random(), random.uniform(0.25, 0.95)
    shirt = _colour(shirt_hue, random.uniform(0.2, 0.85), shirt_light)
    # half the wheel away and clearly lighter or darker, so that the pattern shows
    second = _colour(shirt_hue + 0.5, random.uniform(0.1, 0.8), shirt_light + (0.35 if shirt_light < 0.6 else -0.45))
    pattern = PATTERNS[random.integers(len(PATTERNS))]
    hairstyles: tuple[Literal["short", "bun", "ponytail"], ...] = ("short", "bun", "ponytail") if woman else ("short",)
    outfit = Outfit(
        skin=skin,
        lips=_mix(skin, (190, 50, 60), 0.35),
        hair=HAIRS[random.integers(len(HAIRS))],
        iris=IRISES[random.integers(len(IRISES))],
        shirt=shirt,
        stripe=shirt if pattern == "plain" else second,
        trousers=_colour(random.random(), random.uniform(0.1, 0.7), random.uniform(0.2, 0.75)),
        shoes=_colour(random.random(), random.uniform(0.0, 0.6), random.uniform(0.15, 0.95)),
        soles=_colour(random.random(), random.uniform(0.0, 0.3), random.uniform(0.3, 0.95)),
        sleeve=random.uniform(0.45, 1.85),
        hairstyle=hairstyles[random.integers(len(hairstyles))],
        pattern=pattern,
        legwear="skirt" if woman and random.random() < SKIRT_SHARE else "trousers",
    )
    return shape, outfit


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = (round(255 * share) for share in colorsys.hsv_to_rgb(hue % 1, saturation, value))
    return red, green, blue


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round((1 - share) * a + share * b) for a, b in zip(first, second, strict=True))
    return red, green, blue


SEEDED = re.compile(r"seed-(\d+)", re.ASCII)
DRESSED = 16
"""How many costumes are kept; each takes some 10 MB."""
ADAS_SHAPE = {"gender": 1.0, "age": 0.6, "muscle": 0.5, "weight": 0.38, "height": 0.62, "proportions": 0.75}


@dataclass(frozen=True)
class StudioPerformer:
    """A synthetic person, as a recipe."""

    name: str
    shape: Mapping[str, float]
    """Anny's phenotypes; see `make_body`."""
    outfit: Outfit


PERFORMERS: Mapping[str, StudioPerformer] = {
    performer.name: performer
    for performer in (
        StudioPerformer(
            name="ada",  # tall and slim
            shape=ADAS_SHAPE,
            outfit=Outfit(
                skin=(150, 98, 70),
                lips=(142, 66, 62),
                hair=(30, 22, 20),
                iris=(52, 32, 20),
                shirt=(236, 190, 48),
                stripe=(250, 244, 226),
                trousers=(26, 128, 126),
                shoes=(240, 238, 232),
                soles=(206, 96, 60),
                sleeve=0.62,
                hairstyle="bun",
            ),
        ),
        StudioPerformer(
            name="bruno",  # short and broad
            shape={"gender": 0.0, "age": 0.67, "muscle": 0.68, "weight": 0.74, "height": 0.16, "proportions": 0.35},
            outfit=Outfit(
                skin=(232, 186, 160),
                lips=(190, 112, 104),
                hair=(112, 70, 38),
                iris=(72, 104, 128),
                shirt=(192, 38, 44),
                stripe=(146, 24, 34),
                trousers=(36, 50, 92),
                shoes=(58, 44, 38),
                soles=(224, 220, 210),
                sleeve=1.75,
                hairstyle="short",
            ),
        ),
        StudioPerformer(
            name="dina",  # ada's body in other clothes
            shape=ADAS_SHAPE,
            outfit=Outfit(
                skin=(236, 196, 170),
                lips=(196, 96, 96),
                hair=(176, 112, 52),
                iris=(70, 110, 84),
                shirt=(244, 242, 236),
                stripe=(32, 52, 120),
                trousers=(172, 34, 66),
                shoes=(40, 40, 48),
                soles=(236, 236, 232),
                sleeve=1.1,
                hairstyle="ponytail",
                pattern="stripes",
                legwear="skirt",
            ),
        ),
        StudioPerformer(
            name="emil",  # as tall as ada, to a tenth of a millimetre, and two fifths heavier
            shape={"gender": 0.0, "age": 0.67, "muscle": 0.78, "weight": 0.86, "height": 0.4105, "proportions": 0.4},
            outfit=Outfit(
                skin=(196, 144, 108),
                lips=(160, 90, 80),
                hair=(34, 30, 30),
                iris=(60, 40, 26),
                shirt=(34, 40, 48),
                stripe=(240, 236, 224),
                trousers=(150, 132, 98),
                shoes=(200, 60, 40),
                soles=(244, 244, 240),
                sleeve=0.7,
                hairstyle="short",
                pattern="print",
            ),
        ),
        StudioPerformer(
            name="fay",  # four fifths of ada's height
            shape={"gender": 1.0, "age": 0.62, "muscle": 0.5, "weight": 0.52, "height": 0.28, "proportions": 0.5},
            outfit=Outfit(
                skin=(106, 68, 50),
                lips=(120, 56, 56),
                hair=(22, 18, 18),
                iris=(40, 26, 18),
                shirt=(238, 112, 148),
                stripe=(252, 246, 240),
                trousers=(70, 66, 120),
                shoes=(246, 244, 240),
                soles=(120, 190, 200),
                sleeve=0.5,
                hairstyle="bun",
                pattern="dots",
                legwear="skirt",
            ),
        ),
        StudioPerformer(
            name="gus",  # the tallest, and slim
            shape={"gender": 0.0, "age": 0.62, "muscle": 0.42, "weight": 0.3, "height": 0.58, "proportions": 0.7},
            outfit=Outfit(
                skin=(226, 178, 148),
                lips=(180, 104, 96),
                hair=(190, 150, 92),
                iris=(88, 128, 156),
                shirt=(60, 132, 84),
                stripe=(226, 214, 170),
                trousers=(62, 60, 66),
                shoes=(112, 74, 46),
                soles=(40, 34, 30),
                sleeve=1.8,
                hairstyle="short",
                pattern="checks",
            ),
        ),
    )
}


def find_performer(name: str) -> StudioPerformer:
    """Look up one of `PERFORMERS`, or make up the one of a seed.

    Args:
        name: of a performer, or "seed-N" with a whole number N from 0 up: the same N is always the same person.
    Raises:
        OptionError: there is no such performer.
    """
    if name in PERFORMERS:
        return PERFORMERS[name]
    seed = SEEDED.fullmatch(name)
    if seed is None:
        raise OptionError(
            f"no performer is called {name!r}; there are {', '.join(PERFORMERS)}, and seed-N for any whole number N"
        )
    return StudioPerformer(name, *draw_person(int(seed[1])))


@lru_cache(maxsize=DRESSED)
def costume_of(name: str) -> Costume:
    """Build and dress a performer, named as in `find_performer`; about three seconds, once.

    Raises:
        OptionError: there is no such performer.
        DependencyError: anny is not installed.
    """
    performer = find_performer(name)
    return dress(make_body(performer.shape), performer.outfit)
