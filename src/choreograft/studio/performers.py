"""The people of the studio: a few with names, each made to differ from `ada` in one way, and any number made up.

Those are plausible adults, each with a build, a face's colours and clothes of their own.
"""

import colorsys
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from choreograft.body.model import make_body
from choreograft.errors import OptionError
from choreograft.studio import read_table
from choreograft.studio.costume import Costume, dress
from choreograft.studio.outfit import PATTERNS, Colour, Hairstyle, Outfit, mix


def _read_colours(written: str) -> list[Colour]:
    """Hexadecimal ones, with a space between them."""
    return [(red, green, blue) for red, green, blue in map(bytes.fromhex, written.split())]


SKINS = _read_colours("f2ceb6 e8baa0 d6a482 be8c68 966246 704834 54362a")
HAIRS = _read_colours("181414 3a261c 704626 9c562c c49c60 969492")
IRISES = _read_colours("342014 486880 466e54 604c2c")
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
        lips=mix(skin, (190, 50, 60), 0.35),
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


SEEDED = re.compile(r"seed-(\d+)", re.ASCII)
DRESSED = 16
"""How many costumes are kept; each takes some 10 MB."""


@dataclass(frozen=True)
class StudioPerformer:
    """A synthetic person, as a recipe."""

    name: str
    shape: Mapping[str, float]
    """Anny's phenotypes; see `make_body`."""
    outfit: Outfit


TRAITS = ("gender", "age", "muscle", "weight", "height", "proportions")
COLOURED = ("skin", "lips", "hair", "iris", "shirt", "stripe", "trousers", "shoes", "soles")


def _read_performer(name: str, shape: Sequence[float], colours: str, **cut: Any) -> StudioPerformer:
    worn: dict[str, Any] = dict(zip(COLOURED, _read_colours(colours), strict=True))
    return StudioPerformer(name, dict(zip(TRAITS, shape, strict=True)), Outfit(**worn, **cut))


PERFORMERS: Mapping[str, StudioPerformer] = {
    name: _read_performer(name, **person) for name, person in read_table("people.toml").items()
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
