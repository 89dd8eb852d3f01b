"""The people of the studio and what they wear: a few with names, and any number made up; regions of their surface.

Those with names are each made to differ from `ada` in one way, those made up are plausible adults, each with a build, a
face's colours and clothes of their own.

Which part of a body wears what, and what is woven into or printed on it, is found from where a point lies at rest.
Everything is measured from the body's own joints, so that one rule fits
every build. Patterns are laid out in metres of cloth: around the trunk and up it, and along and around the sleeves. So
they bend with the body, and how they stretch tells how a limb is turned.

Shapes: N points on the surface, anywhere: vertices or texture pixels.
"""

import colorsys
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from choreograft.body.model import Body
from choreograft.errors import OptionError
from choreograft.pose import skeleton
from choreograft.studio import read_table

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

Colour = tuple[int, int, int]
"""RGB, 0..255."""


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """A share 0..1 of the second colour, the rest of the first."""
    red, green, blue = (round((1 - share) * a + share * b) for a, b in zip(first, second, strict=True))
    return red, green, blue


BLACK: Colour = (0, 0, 0)
Hairstyle = Literal["short", "bun", "ponytail"]
Legwear = Literal["trousers", "skirt"]


@dataclass(frozen=True)
class Outfit:
    """Colours and cut of one performer."""

    skin: Colour
    lips: Colour
    hair: Colour
    iris: Colour
    shirt: Colour
    stripe: Colour
    """Of the shirt's pattern, or of the band around the waist of a plain one."""
    trousers: Colour
    """Or of the skirt."""
    shoes: Colour
    soles: Colour
    sleeve: float
    """How far the sleeves reach: 0 shoulder, 1 elbow, 2 wrist."""
    hairstyle: Hairstyle
    pattern: str = "plain"
    """One of `PATTERNS`."""
    legwear: Legwear = "trousers"


TRUNK_ROUND, SLEEVE_ROUND = 20, 6
"""Repeats around the trunk and a sleeve: even numbers, so that no pattern has a seam."""
REPEAT_M = 0.045
"""Of every pattern, up the trunk and along the sleeves."""
PRINT_M = 0.24
"""Height of the print on the chest."""
PRINT = ("######", "######", "##....", "##....", "#####.", "#####.", "##....", "##..##", "##..##")
"""An F with a dot: no turn or reflection takes it to itself. As it is read by somebody who faces the wearer."""


def lies_on_pattern(name: str, body: Body, at: Array, on_sleeve: Mask) -> Mask:
    """(N,) which points show a pattern's second colour.

    Args:
        name: one of `PATTERNS`, but not "plain".
        body: that wears it.
        at: (N, 3) where the cloth lies at rest, m.
        on_sleeve: (N,) the points on the arms.
    """
    if name == "print":
        return _read_print(body, at) & ~on_sleeve
    return WEAVES[name](*_lay_out(body, at, on_sleeve))


def _lay_out(body: Body, at: Array, on_sleeve: Mask) -> tuple[Array, Array]:
    """Repeats around (N,) and up (N,), each counted from 0; whole numbers are where one ends and the next begins."""
    middle_y, half_width, half_depth = _measure_trunk(body)
    ellipse = np.arctan2(at[:, 0] / half_width, (middle_y - at[:, 1]) / half_depth)  # even steps along the cloth
    around = ellipse / (2 * np.pi) * TRUNK_ROUND
    up = at[:, 2] / REPEAT_M
    shoulder, elbow = body.head("upperarm01.L"), body.head("lowerarm01.L")
    sleeve = (elbow - shoulder) / np.linalg.norm(elbow - shoulder)
    offset = np.abs(at) * [1, 0, 0] + at * [0, 1, 1] - shoulder
    along = offset @ sleeve
    upwards = np.array([-sleeve[2], 0.0, sleeve[0]])  # square to a sleeve that hangs in the plane y = 0
    turned = np.arctan2(offset @ upwards, offset[:, 1]) / (2 * np.pi) * SLEEVE_ROUND
    return np.where(on_sleeve, turned, around), np.where(on_sleeve, along / REPEAT_M, up)


def _measure_trunk(body: Body) -> tuple[float, float, float]:
    """Where the middle of the waist is (y), and half its width and depth, m."""
    waist = np.abs(body.vertices[:, 2] - body.head("spine02")[2]) < 0.03
    ring = body.vertices[waist & (body.weight_of("spine") > 0.5)]
    front, back = ring[:, 1].min(), ring[:, 1].max()
    return float(front + back) / 2, float(np.abs(ring[:, 0]).max()), float(back - front) / 2


def _read_print(body: Body, at: Array) -> Mask:
    rows, columns = len(PRINT), len(PRINT[0])
    cell = PRINT_M / rows
    inked = np.array([[mark == "#" for mark in line] for line in PRINT])
    top = body.head("spine01")[2] + PRINT_M / 3
    row = np.floor((top - at[:, 2]) / cell).astype(int)
    column = np.floor(at[:, 0] / cell + columns / 2).astype(int)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns) & (at[:, 1] < body.head("spine01")[1])
    return np.asarray(inside & inked[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)])


def _dots(around: Array, up: Array) -> Mask:
    shifted = around + 0.5 * (np.floor(up) % 2)  # every other row lies between the dots of its neighbours
    return np.asarray(np.hypot(shifted % 1 - 0.5, up % 1 - 0.5) < 0.3)


WEAVES: Mapping[str, Callable[[Array, Array], Mask]] = {
    "stripes": lambda _, up: np.asarray(up % 1 < 0.5),
    "pinstripes": lambda around, _: np.asarray(around % 1 < 0.4),
    "checks": lambda around, up: np.asarray((np.floor(around) + np.floor(up)) % 2 == 0),
    "dots": _dots,
}
PATTERNS = ("plain", *WEAVES, "print")
"""All that a shirt can show; plain ones have a band around the waist instead."""


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


COLLAR_RADIUS_M = 0.088
HEM_ABOVE_HIPS_M = 0.055
"""Where shirt and trousers meet: above the hip joints, so that lifted thighs do not drag the shirt along."""
SHORTS = 0.45
"""How far down the thigh shorts reach, 0 hip, 1 knee."""
IRIS_M, PUPIL_M = 0.0064, 0.0032
"""Radii."""


def measure_belonging(body: Body) -> Array:
    """(V, 4) 0..1, how far each vertex belongs to arms and hands, to head and neck, to the eyes, to the feet."""
    arms = body.weight_of("upperarm", "lowerarm", "wrist", "metacarpal", "finger")
    return np.column_stack([arms, body.weight_of("neck", "head"), body.weight_of("eye"), body.weight_of("foot", "toe")])


Regions = Mapping[str, Mask]
"""(N,) the points that wear each garment: shirt, band, trousers, hair, brows, lips, lashes; and eyes and feet. What no
mask claims is bare skin."""


def find_regions(body: Body, at: Array, belonging: Array, outfit: Outfit) -> Regions:
    """Where on the body each garment of an outfit lies; under a skirt there are shorts.

    Args:
        body: that wears it.
        at: (N, 3) points on its surface at rest, m.
        belonging: (N, 4) theirs, as `measure_belonging` gives it of vertices.
        outfit: what it wears.
    """
    arms, head, eyes, foot = (belonging > 0.5).T
    z = at[:, 2]
    hips = body.head("upperleg01.L")[2]
    neck, ankle = body.head("neck01"), body.head("foot.L")[2]
    collar = np.linalg.norm((at - neck - [0, 0.01, 0.03]) * [1, 1, 0.9], axis=1) < COLLAR_RADIUS_M
    torso = ~arms & ~head & ~collar & (z > hips + HEM_ABOVE_HIPS_M)
    shirt = torso | (arms & (_along_arm(body, at) < outfit.sleeve))
    band = np.abs(z - body.head("spine02")[2]) < 0.028
    leg_end = ankle if outfit.legwear == "trousers" else (1 - SHORTS) * hips + SHORTS * body.head("lowerleg01.L")[2]
    legs = ~arms & (z <= hips + HEM_ABOVE_HIPS_M) & (z > leg_end)
    face = _find_face(body, at, head & ~eyes)
    worn = {"shirt": shirt, "band": torso & band, "trousers": legs}
    return {**worn, "eyes": eyes, "foot": foot & (z < ankle), **face}


def _along_arm(body: Body, at: Array) -> Array:
    """(N,) 0 at the shoulder, 1 at the elbow, 2 at the wrist, for points on either arm."""
    mirrored = np.abs(at) * [1, 0, 0] + at * [0, 1, 1]
    shoulder, elbow, wrist = (body.head(f"{name}.L") for name in ("upperarm01", "lowerarm01", "wrist"))
    upper = (mirrored - shoulder) @ (elbow - shoulder) / np.sum((elbow - shoulder) ** 2)
    lower = (mirrored - elbow) @ (wrist - elbow) / np.sum((wrist - elbow) ** 2)
    return np.asarray(np.where(upper < 1, upper, 1 + np.maximum(lower, 0)))


def _find_face(body: Body, at: Array, head: Mask) -> dict[str, Mask]:
    """Hair, brows, lips and lashes among the points of the head."""
    x, y, z = np.abs(at[:, 0]), at[:, 1], at[:, 2]
    rest = body.surface_joints @ body.vertices
    ear_x, ear_y, ear_z = rest[skeleton.LEFT_EAR]
    eye_x, eye_z = body.head("eye.L")[[0, 2]]
    front = head & (y < ear_y - 0.045)
    hairline = np.interp(
        y - ear_y,
        [-0.10, -0.04, -0.015, 0.012, 0.022, 0.06],
        [eye_z + 0.072, eye_z + 0.045, ear_z + 0.03, ear_z + 0.03, ear_z - 0.03, ear_z - 0.075],
    )
    arch = eye_z + 0.021 + 0.005 * np.cos((x - eye_x - 0.004) / 0.02 * 1.3)
    brows = front & (np.abs(z - arch) < 0.0035) & (np.abs(x - eye_x - 0.003) < 0.021)
    mouth_z, mouth_x = _find_mouth(body)
    width = np.sqrt(np.clip(1 - (x / mouth_x) ** 2, 0, 1))
    lips = front & (x < mouth_x) & (np.abs(z - mouth_z) < 0.0095 * width + 0.001)
    lashes = front & (((x - eye_x) / 0.0195) ** 2 + ((z - eye_z) / 0.0095) ** 2 < 1)
    ears = (x > 0.93 * ear_x) & (np.abs(y - ear_y - 0.01) < 0.035) & (np.abs(z - ear_z) < 0.045)
    return {"hair": head & (z > hairline) & ~ears, "brows": brows, "lips": lips, "lashes": lashes}


def _find_mouth(body: Body) -> tuple[float, float]:
    """Height and half width of the mouth, m: the front of the cavity behind it is the slit between the lips."""
    inside = body.vertices[np.unique(body.faces[body.hidden_faces])]
    slit = inside[inside[:, 1] < inside[:, 1].min() + 0.02]
    return float(np.median(slit[:, 2])), float(np.abs(slit[:, 0]).max()) * 1.02
