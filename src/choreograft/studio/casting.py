"""People made up from a seed: plausible adults, each with a build, a face's colours and clothes of their own."""

import colorsys
from typing import Literal

import numpy as np

from choreograft.studio.outfit import Colour, Outfit
from choreograft.studio.pattern import PATTERNS

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
