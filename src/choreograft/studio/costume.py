"""A dressed performer: the body with cloth, hair and shoes over it, and the colours of all of it.

Cloth and hair are the body's own surface, smoothed and pushed outwards; shoes and a bun are solids of their own,
carried by the same bones. Colours of the body are painted into a texture, so that the edges of garments are crisp.

Shapes: V vertices and F triangles of the body, N and M of the solids, S texture side.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from choreograft.body.model import SOLE_M, Body, make_body
from choreograft.studio.cloth import (
    Faces,
    Loose,
    ellipsoid,
    incidence,
    loft,
    sew_skirt,
    smooth,
    tie_ponytail,
    vertex_normals,
)
from choreograft.studio.performers import (
    BLACK,
    IRIS_M,
    PUPIL_M,
    Colour,
    Outfit,
    Regions,
    find_performer,
    find_regions,
    lies_on_pattern,
    measure_belonging,
    mix,
)

Array = NDArray[np.float64]
TEXTURE_PX = 1024
SHIRT_EASE_M, TROUSER_EASE_M, HAIR_M = 0.013, 0.008, 0.011
"""How far cloth and hair stand off the skin."""
CHEST_M = 0.13
"""How far above and below the middle of the chest the shirt hangs loose."""
SHOE_RINGS, SHOE_ARCH = 22, 15
"""From heel to toe, and points over the foot in each of them."""
EYE_WHITE: Colour = (236, 232, 226)
PUPIL: Colour = (14, 12, 12)


@dataclass(frozen=True)
class Solids:
    """Shoes, eyes and hair that are not the body's surface."""

    vertices: Array
    """(N, 3) at rest, m."""
    faces: Faces
    """(M, 3)."""
    colours: NDArray[np.uint8]
    """(N, 3)."""
    weights: scipy.sparse.csr_array
    """(N, B)."""


@dataclass(frozen=True)
class Costume:
    """All that is drawn of a performer."""

    body: Body
    vertices: Array
    """(V, 3) of the dressed surface at rest, m."""
    shown: NDArray[np.bool_]
    """(F,) triangles of the body worth drawing: not in the mouth, not in the shoes, not the eyes, which are solids."""
    texture: NDArray[np.uint8]
    """(S, S, 3), first row at the top."""
    solids: Solids
    loose: tuple[Loose, ...] = ()
    """Parts that hang."""


def dress(body: Body, outfit: Outfit) -> Costume:
    """Put an outfit on a body."""
    regions = find_regions(body, body.vertices, measure_belonging(body), outfit)
    in_shoe = regions["foot"][body.faces].all(axis=1)
    draped = _drape(body, regions)
    return Costume(
        body=body,
        vertices=draped,
        shown=~body.hidden_faces & ~in_shoe & ~regions["eyes"][body.faces].any(axis=1),
        texture=_paint(body, draped, outfit),
        solids=_make_solids(body, outfit),
        loose=_hang_on(body, draped, outfit),
    )


def _drape(body: Body, regions: Regions) -> Array:
    """(V, 3) the body's surface with cloth and hair over it."""
    cloth = (regions["shirt"] | regions["trousers"]).astype(float)
    draped = smooth(body.vertices, body.faces, 0.6 * cloth, rounds=10)
    chest = regions["shirt"] & (np.abs(body.vertices[:, 2] - body.head("spine01")[2]) < CHEST_M)
    chest &= np.abs(body.vertices[:, 0]) < body.head("upperarm01.L")[0]
    draped = smooth(draped, body.faces, 0.6 * chest, rounds=300)  # a shirt hangs, it does not cling
    normals = vertex_normals(draped, body.faces, incidence(body.faces, len(draped)))
    x, y, z = body.vertices.T
    folds = 0.003 * np.sin(38 * z + 9 * x) * np.sin(21 * x + 17 * y)
    ease = regions["shirt"] * (SHIRT_EASE_M + folds) + regions["trousers"] * (TROUSER_EASE_M + folds)
    hem = np.clip(1 - (z - body.head("foot.L")[2]) / 0.25, 0, 1)  # trousers widen towards the shoes
    ease += regions["trousers"] * 0.012 * hem
    crown = np.clip((z - body.head("eye.L")[2]) / 0.1, 0, 1)
    ease += regions["hair"] * HAIR_M * (0.6 + 0.6 * crown)
    ease = smooth(ease[:, None], body.faces, np.full(len(ease), 0.5), rounds=2)  # no jagged edges
    return np.asarray(draped + ease * normals)


def _hang_on(body: Body, draped: Array, outfit: Outfit) -> tuple[Loose, ...]:
    parts: list[Loose] = []
    if outfit.legwear == "skirt":
        parts.append(sew_skirt(body, draped, outfit.trousers, mix(BLACK, outfit.trousers, 0.7)))
    if outfit.hairstyle == "ponytail":
        parts.append(tie_ponytail(body, draped, outfit.hair))
    return tuple(parts)


def _make_solids(body: Body, outfit: Outfit) -> Solids:
    parts: list[tuple[Array, Faces, NDArray[np.uint8], str]] = []
    for letter in ("L", "R"):
        vertices, faces, is_sole = _cobble(body, letter)
        parts.append((vertices, faces, np.where(is_sole[:, None], outfit.soles, outfit.shoes), f"foot.{letter}"))
        parts.append((*_eyeball(body, letter, outfit), f"eye.{letter}"))
    if outfit.hairstyle == "bun":
        behind, crown = body.head("head")[1] + 0.055, body.vertices[:, 2].max()
        vertices, faces = ellipsoid(np.array([0, behind, crown + 0.012]), np.array([0.052, 0.05, 0.04]))
        parts.append((vertices, faces, np.tile(outfit.hair, (len(vertices), 1)), "head"))
    offsets = np.cumsum([0, *(len(vertices) for vertices, *_ in parts)])
    bones = np.concatenate([np.full(len(vertices), body.bone(bone)) for vertices, _, _, bone in parts])
    count = len(bones)
    return Solids(
        vertices=np.concatenate([vertices for vertices, *_ in parts]),
        faces=np.concatenate([faces + offset for (_, faces, *_), offset in zip(parts, offsets, strict=False)]),
        colours=np.concatenate([colours for _, _, colours, _ in parts]).astype(np.uint8),
        weights=scipy.sparse.csr_array((np.ones(count), (np.arange(count), bones)), shape=(count, len(body.bones))),
    )


def _eyeball(body: Body, letter: str, outfit: Outfit) -> tuple[Array, Faces, NDArray[np.uint8]]:
    """An eye with iris and pupil, looking ahead."""
    centre = body.head(f"eye.{letter}")
    eye = body.vertices[body.weight_of(f"eye.{letter}") > 0.5]
    radius = np.ptp(eye[:, 0]) / 2
    ball, faces = ellipsoid(np.zeros(3), np.full(3, radius))
    ball = ball[:, [0, 2, 1]] * [1, -1, 1]  # the pole, where the rings are closest, to the front
    aside = np.hypot(ball[:, 0], ball[:, 2])
    colours = np.tile(EYE_WHITE, (len(ball), 1))
    ahead = ball[:, 1] < 0
    colours[ahead & (aside < IRIS_M)] = outfit.iris
    colours[ahead & (aside < PUPIL_M)] = PUPIL
    return centre + ball, faces, colours.astype(np.uint8)


def _cobble(body: Body, letter: str) -> tuple[Array, Faces, NDArray[np.bool_]]:
    """A shoe around a foot: rings from heel to toe, as wide and high as the foot there; and which vertices are sole."""
    ankle, ball = body.head(f"foot.{letter}"), body.head(f"toe3-1.{letter}")
    ahead = (ball - ankle) * [1, 1, 0]
    ahead /= np.linalg.norm(ahead)
    aside = np.array([-ahead[1], ahead[0], 0.0])
    foot = body.vertices[body.weight_of("foot", "toe") > 0.5]
    foot = foot[(foot[:, 0] * ankle[0] > 0) & (foot[:, 2] < ankle[2] + 0.01)]
    along, across = foot @ ahead, foot @ aside
    heel, toe = along.min() - 0.01, along.max() + 0.012
    angle = np.linspace(0, np.pi, SHOE_ARCH)
    shoe = []
    for s in heel + (toe - heel) * (1 - np.cos(np.linspace(0.12, np.pi - 0.12, SHOE_RINGS))) / 2:
        near = np.abs(along - np.clip(s, heel + 0.03, toe - 0.03)) < 0.022
        rounding = np.sqrt(max(0.0, 1 - max(0.0, (heel + 0.035 - s) / 0.035, (s - toe + 0.05) / 0.05) ** 2))
        middle = (across[near].min() + across[near].max()) / 2
        half = (np.ptp(across[near]) / 2 + 0.008) * rounding
        top = SOLE_M + (foot[near, 2].max() + 0.008 - SOLE_M) * (0.45 + 0.55 * rounding)
        offsets = np.concatenate([[half * 1.04, half * 1.04], half * np.cos(angle), [-half * 1.04, -half * 1.04]])
        heights = np.concatenate([[0, SOLE_M], SOLE_M + (top - SOLE_M) * np.sin(angle) ** 0.8, [SOLE_M, 0]])
        shoe.append(s * ahead + (middle + offsets)[:, None] * aside + heights[:, None] * [0, 0, 1.0])
    vertices, faces = loft(np.stack(shoe))
    is_sole = np.tile([True, True, *[False] * SHOE_ARCH, True, True], SHOE_RINGS)
    return vertices, faces, np.concatenate([is_sole, [False, False]])


def _paint(body: Body, draped: Array, outfit: Outfit) -> NDArray[np.uint8]:
    """The texture (S, S, 3) of a body that wears the `draped` surface (V, 3)."""
    at, belonging, worn_at, covered = _texture_points(body, draped)
    regions = find_regions(body, at, belonging, outfit)
    second = regions["band"]
    if outfit.pattern != "plain":
        second = regions["shirt"] & lies_on_pattern(outfit.pattern, body, worn_at, on_sleeve=belonging[:, 0] > 0.5)
    x, y, z = at.T
    colours = np.tile(np.asarray(outfit.skin, dtype=float), (len(x), 1))
    for mask, colour in (
        (regions["trousers"], outfit.trousers),
        (regions["shirt"], outfit.shirt),
        (second, outfit.stripe),
        (regions["lashes"], mix(BLACK, outfit.skin, 0.55)),
        (regions["hair"] | regions["brows"], outfit.hair),
        (regions["lips"], outfit.lips),
    ):
        colours[mask] = colour
    cloth = regions["shirt"] | regions["trousers"]
    weave = 1 + 0.05 * np.sin(38 * z + 9 * x) * np.sin(21 * x + 17 * y) + 0.03 * np.sin(140 * x + 60 * z)
    strands = 1 + 0.12 * np.sin(260 * x + 90 * np.sin(20 * z)) * np.sin(35 * y)
    colours *= np.where(cloth, weave, np.where(regions["hair"], strands, 1.0))[:, None]
    texture = np.zeros((TEXTURE_PX, TEXTURE_PX, 3), np.uint8)
    texture[covered] = np.clip(colours, 0, 255).astype(np.uint8)
    return texture


def _texture_points(body: Body, draped: Array) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
    """The points (N, 3) of the bare surface under every used texture pixel, what they belong to (N, 4), where they lie
    on the draped surface (N, 3), and which pixels (S, S) are used."""
    triangle = _texture_triangles(body.texture_xy.tobytes(), body.texture_faces.tobytes())
    covered = triangle >= 0
    row, column = np.nonzero(covered)
    pixel = np.column_stack([column + 0.5, row + 0.5]) / TEXTURE_PX
    index = triangle[covered]
    corners = body.texture_xy[body.texture_faces[index]] * [1, -1] + [0, 1]
    shares = _barycentric(pixel, corners)
    vertices = body.faces[index]
    at, belonging, worn_at = (
        np.einsum("nc,ncd->nd", shares, values[vertices]) for values in (body.vertices, measure_belonging(body), draped)
    )
    return at, belonging, worn_at, covered


@lru_cache(maxsize=2)
def _texture_triangles(texture_xy: bytes, texture_faces: bytes) -> NDArray[np.int32]:
    """(S, S) which triangle each texture pixel belongs to, -1 for none; a border of 2 px around every island is filled.

    Takes bytes because every body shares one layout, which is worth remembering.
    """
    corners = np.frombuffer(texture_xy).reshape(-1, 2)[np.frombuffer(texture_faces, np.int64).reshape(-1, 3)]
    corners = np.round((corners * [1, -1] + [0, 1]) * TEXTURE_PX * 16 - 8).astype(np.int32)
    triangle = np.full((TEXTURE_PX, TEXTURE_PX), -1, np.int32)
    for index, corner in enumerate(corners):
        cv2.polylines(triangle, [corner], True, index, thickness=4, shift=4)
    for index, corner in enumerate(corners):
        cv2.fillConvexPoly(triangle, corner, index, shift=4)
    return triangle


def _barycentric(points: Array, corners: Array) -> Array:
    """(N, 3) weights of the corners (N, 3, 2) that give the points (N, 2), clipped to the triangle's surroundings."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    p = points - corners[:, 0]
    area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    second = (p[:, 0] * b[:, 1] - p[:, 1] * b[:, 0]) / area
    third = (a[:, 0] * p[:, 1] - a[:, 1] * p[:, 0]) / area
    shares = np.clip(np.column_stack([1 - second - third, second, third]), -0.5, 1.5)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


DRESSED = 16
"""How many costumes are kept; each takes some 10 MB."""


@lru_cache(maxsize=DRESSED)
def costume_of(name: str) -> Costume:
    """Build and dress a performer, named as in `find_performer`; about three seconds, once.

    Raises:
        OptionError: there is no such performer.
        DependencyError: anny is not installed.
    """
    performer = find_performer(name)
    return dress(make_body(performer.shape), performer.outfit)
