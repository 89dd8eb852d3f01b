"""The people of the studio: a few with names, each made to differ from `ada` in one way, and any number made up.

Those are plausible adults, each with a build, a face's colours and clothes of their own.
"""

import colorsys
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from choreograft.body.model import make_body
from choreograft.errors import OptionError
from choreograft.studio.costume import Costume, dress
from choreograft.studio.outfit import PATTERNS, Colour, Hairstyle, Legwear, Outfit

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
    hairstyles: tuple[Hairstyle, ...] = ("short", "bun", "ponytail") if woman else ("short",)
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
ADAS_SHAPE = (1.0, 0.6, 0.5, 0.38, 0.62, 0.75)


@dataclass(frozen=True)
class StudioPerformer:
    """A synthetic person, as a recipe."""

    name: str
    shape: Mapping[str, float]
    """Anny's phenotypes; see `make_body`."""
    outfit: Outfit


TRAITS = ("gender", "age", "muscle", "weight", "height", "proportions")
SHAPES: Mapping[str, Sequence[float]] = {
    "ada": ADAS_SHAPE,  # tall and slim
    "bruno": (0.0, 0.67, 0.68, 0.74, 0.16, 0.35),  # short and broad
    "dina": ADAS_SHAPE,  # ada's body in other clothes
    "emil": (0.0, 0.67, 0.78, 0.86, 0.4105, 0.4),  # as tall as ada, to a tenth of a millimetre, and two fifths heavier
    "fay": (1.0, 0.62, 0.5, 0.52, 0.28, 0.5),  # four fifths of ada's height
    "gus": (0.0, 0.62, 0.42, 0.3, 0.58, 0.7),  # the tallest, and slim
}
"""By `TRAITS`."""
COLOURED = ("skin", "lips", "hair", "iris", "shirt", "stripe", "trousers", "shoes", "soles")


def _dress_in(
    colours: str, sleeve: float, hairstyle: Hairstyle, pattern: str = "plain", legwear: Legwear = "trousers"
) -> Outfit:
    """An outfit of hexadecimal colours, in the order of `COLOURED`."""
    worn: dict[str, Colour] = {}
    for part, colour in zip(COLOURED, colours.split(), strict=True):
        red, green, blue = bytes.fromhex(colour)
        worn[part] = red, green, blue
    return Outfit(**worn, sleeve=sleeve, hairstyle=hairstyle, pattern=pattern, legwear=legwear)


OUTFITS: Mapping[str, Outfit] = {
    "ada": _dress_in("966246 8e423e 1e1614 342014 ecbe30 faf4e2 1a807e f0eee8 ce603c", 0.62, "bun"),
    "bruno": _dress_in("e8baa0 be7068 704626 486880 c0262c 921822 24325c 3a2c26 e0dcd2", 1.75, "short"),
    "dina": _dress_in(
        "ecc4aa c46060 b07034 466e54 f4f2ec 203478 ac2242 282830 ecece8", 1.1, "ponytail", "stripes", "skirt"
    ),
    "emil": _dress_in("c4906c a05a50 221e1e 3c281a 222830 f0ece0 968462 c83c28 f4f4f0", 0.7, "short", "print"),
    "fay": _dress_in("6a4432 783838 161212 281a12 ee7094 fcf6f0 464278 f6f4f0 78bec8", 0.5, "bun", "dots", "skirt"),
    "gus": _dress_in("e2b294 b46860 be965c 58809c 3c8454 e2d6aa 3e3c42 704a2e 28221e", 1.8, "short", "checks"),
}
PERFORMERS: Mapping[str, StudioPerformer] = {
    name: StudioPerformer(name, dict(zip(TRAITS, shape, strict=True)), OUTFITS[name]) for name, shape in SHAPES.items()
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
