"""What hangs loose, a skirt and a ponytail; and the triangle meshes that all clothes and hair are made of.

Nothing here is simulated step by step: where a loose part is in a frame follows from the poses of that frame and of the
few before it, so frames can be drawn in any order. A skirt goes with pelvis and thighs; a ponytail hangs from the head;
both trail behind the motion, most at their free end, and are pushed out of the body wherever it would poke through.

Shapes: R rings of K points around, N vertices drawn, F triangles, V vertices of the body.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.spatial import KDTree

from choreograft.body.model import Body
from choreograft.studio.performers import Colour
from choreograft.studio.posing import Poses

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


def incidence(faces: Faces, vertices: int) -> scipy.sparse.csr_array:
    """(N, F) ones where a vertex is a corner of a triangle; turns face normals into vertex normals quickly."""
    columns = np.repeat(np.arange(len(faces)), 3)
    return scipy.sparse.csr_array((np.ones(faces.size), (faces.ravel(), columns)), shape=(vertices, len(faces)))


def vertex_normals(vertices: Array, faces: Faces, corners: scipy.sparse.csr_array) -> Array:
    """(N, 3) unit normals, each the mean of the triangles around weighted by their area."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals = np.asarray(corners @ np.cross(b - a, c - a))
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def smooth(vertices: Array, faces: Faces, amount: Array, rounds: int) -> Array:
    """Pull vertices towards the mean of their neighbours, `amount` (N,) of the way, `rounds` times."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    count = len(vertices)
    links = scipy.sparse.csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    neighbours = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)[:, None]
    for _ in range(rounds):
        vertices = vertices + amount[:, None] * ((links @ vertices) / neighbours - vertices)
    return vertices


def ellipsoid(centre: Array, radii: Array) -> tuple[Array, Faces]:
    """Vertices and triangles of an ellipsoid."""
    polar = np.linspace(0, np.pi, 16)[1:-1, None]
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)[None]
    rings = np.stack(
        [np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), np.cos(polar) * np.ones_like(angle)], axis=-1
    )
    return loft(centre + rings * radii)


def loft(rings: Array) -> tuple[Array, Faces]:
    """Join closed rings (R, K, 3) of equally many points by triangles, and close both ends.

    The surface faces outwards where the rings run counter-clockwise seen from the end at which they begin.
    """
    R, K, _ = rings.shape
    index = np.arange(R * K).reshape(R, K)
    here, there = index[:-1], index[1:]
    quads = np.stack([here, there, np.roll(there, -1, axis=1), np.roll(here, -1, axis=1)], axis=-1).reshape(-1, 4)
    sides = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    first, last = R * K, R * K + 1
    caps = [np.column_stack([np.full(K, first), index[0], np.roll(index[0], -1)])]
    caps.append(np.column_stack([np.full(K, last), np.roll(index[-1], -1), index[-1]]))
    ends = rings[[0, -1]].mean(axis=1)
    return np.concatenate([rings.reshape(-1, 3), ends]), np.concatenate([sides, *caps])


TRAIL_FRAMES = 5
"""How many frames back a loose part remembers; a fifth of a second at the studio's rates."""
TRAIL_DECAY = 0.75
"""How much less each frame further back counts."""
SKIRT_TRAIL, HAIR_TRAIL = 0.5, 0.7
"""How much of the remembered place the free end takes on."""
THICKNESS_M = 0.004
CLEARANCE_M = 0.014
"""How far a skirt's points keep off the body: more than a leg can bulge between two of them."""
PUSHES = 4
"""How often they are pushed out of it, and spread over the skirt in between."""
HEM_BELOW_KNEE_M = 0.03
SKIRT_RINGS, SKIRT_ROUND = 16, 60
FLARE = 0.32
"""How much wider a skirt is at the hem than at the hips."""
FOLDS, FOLD_DEPTH = 9, 0.05
"""How many folds run down a skirt, and how deep they are at the hem, as a share of its radius."""
TAIL_RINGS, TAIL_ROUND = 12, 10
TAIL_LENGTH_M, TAIL_RADIUS_M = 0.3, 0.03


@dataclass(frozen=True)
class Loose:
    """A part that hangs from the body."""

    faces: Faces
    """(M, 3) into its vertices."""
    colours: NDArray[np.uint8]
    """(N, 3)."""
    hang: Callable[[Poses, int, Array, Array], Array]
    """`hang(poses, frame, vertices, normals)`: its vertices (N, 3) in a frame, m. It stays outside of the
    posed body, whose dressed vertices (V, 3), m, and normals (V, 3) these are."""


def sew_skirt(body: Body, dressed: Array, colour: Colour, hem: Colour) -> Loose:
    """A skirt for a body that wears the `dressed` surface (V, 3) at rest: a cone of cloth from the waist to the knees.

    In two layers, the outside from the waist to the hem, the inside back up and in shade; above the hem a band.
    """
    hips, knee = body.head("upperleg01.L")[2], body.head("lowerleg01.L")[2]
    trunk = body.weight_of("upperarm", "lowerarm", "wrist", "metacarpal", "finger", "clavicle", "shoulder") < 0.1
    near = np.flatnonzero(trunk & (dressed[:, 2] < hips + 0.3) & (body.weight_of("foot", "toe") < 0.5))
    angle = np.linspace(0, 2 * np.pi, SKIRT_ROUND, endpoint=False)
    outward = np.column_stack([np.cos(angle), np.sin(angle)])
    middle = np.array([0.0, body.heads[0, 1]])
    heights = np.linspace(hips + 0.09, knee - HEM_BELOW_KNEE_M, SKIRT_RINGS)
    radii = np.stack([_outline(dressed[near], z, outward, middle) for z in heights])
    radii = np.maximum.accumulate(radii, axis=0) + 0.008
    fall = np.clip((hips + 0.03 - heights) / (hips - knee), 0, 1)[:, None]
    radii *= (1 + FLARE * fall) * (1 + FOLD_DEPTH * fall * np.sin(FOLDS * angle))
    flat = middle + radii[..., None] * outward
    rings = np.concatenate([flat, np.broadcast_to(heights[:, None, None], (*radii.shape, 1))], axis=2)
    outside = np.tile(colour, (SKIRT_RINGS, 1)).astype(float)
    outside[-3:-1] = hem
    rows = np.repeat(np.concatenate([outside, 0.6 * outside[::-1]]), SKIRT_ROUND, axis=0)
    colours = np.concatenate([rows, rows[[0, -1]]]).astype(np.uint8)
    faces = loft(np.concatenate([rings, rings[::-1]]))[1]
    return Loose(faces, colours, partial(_hang_skirt, body, rings, _skirt_weights(body, rings), near))


def _hang_skirt(
    body: Body,
    rings: Array,
    weights: scipy.sparse.csr_array,
    near: NDArray[np.intp],
    poses: Poses,
    frame: int,
    vertices: Array,
    normals: Array,
) -> Array:
    """It goes with pelvis and thighs, trails, keeps off the legs: off the vertices `near`, which alone it can touch."""
    free = np.linspace(0, 1, len(rings))[:, None, None] ** 1.5
    past = [
        body.skin(rings.reshape(-1, 3), weights, poses.rotations[at], poses.origins[at]).reshape(rings.shape)
        for at in _recent(frame)
    ]
    now = past[0] + SKIRT_TRAIL * free * (_remember(past) - past[0])
    sheet = _keep_off(now, vertices[near], normals[near])
    return np.asarray(loft(np.concatenate([sheet, (sheet - THICKNESS_M * _sheet_normals(sheet))[::-1]]))[0])


def tie_ponytail(body: Body, dressed: Array, colour: Colour) -> Loose:
    """A tapering tail of hair from the back of the head, for a body that wears the `dressed` surface (V, 3) at rest."""
    height = body.head("eye.L")[2] + 0.045
    head = body.weight_of("head") > 0.5
    back = dressed[head & (np.abs(dressed[:, 2] - height) < 0.02) & (np.abs(dressed[:, 0]) < 0.03)]
    anchor = np.array([0.0, back[:, 1].max() - 0.012, height])
    arms = body.weight_of("upperarm", "lowerarm", "wrist", "metacarpal", "finger") > 0.5
    near = np.flatnonzero(~arms & (dressed[:, 1] > body.head("head")[1]) & (dressed[:, 2] > body.head("spine02")[2]))
    shade = np.concatenate([np.tile([1.0, 0.86], TAIL_RINGS * TAIL_ROUND // 2), [1.0, 1.0]])  # strands
    faces = loft(np.zeros((TAIL_RINGS, TAIL_ROUND, 3)))[1]
    return Loose(faces, (shade[:, None] * colour).astype(np.uint8), partial(_hang_ponytail, body, anchor, near))


def _hang_ponytail(
    body: Body, anchor: Array, near: NDArray[np.intp], poses: Poses, frame: int, vertices: Array, normals: Array
) -> Array:
    """It leaves the head backwards, bends down, trails, keeps off the back: off the vertices `near`."""
    s = np.linspace(0, 1, TAIL_RINGS)[:, None]
    past = [follow_head(body, anchor, poses, at) for at in _recent(frame)]
    line = past[0] + HAIR_TRAIL * s**1.5 * (_remember(past) - past[0])
    radius = TAIL_RADIUS_M * np.interp(s, [0, 0.12, 0.35, 0.8, 1], [0.45, 0.8, 1, 0.65, 0.12])
    line = line + (s > 0.2) * _push_out(line, vertices[near], normals[near], radius[:, 0] + 0.004)
    return _tube(line, radius, aside=poses.rotations[frame, body.bone("head"), :, 0])


def follow_head(body: Body, anchor: Array, poses: Poses, frame: int) -> Array:
    """(R, 3) a ponytail's middle line as the head carries it, bending from backwards to straight down.

    Args:
        anchor: (3,) where it begins at rest, m.
    """
    head = body.bone("head")
    rotation = poses.rotations[frame, head]
    start = poses.origins[frame, head] + rotation @ (anchor - body.heads[head])
    bend = np.linspace(0, 1, TAIL_RINGS - 1)[:, None] ** 0.35
    direction = (1 - bend) * (rotation @ [0.0, 1.0, 0.25]) + bend * [0.0, 0.0, -1.0]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    steps = np.concatenate([np.zeros((1, 3)), direction * TAIL_LENGTH_M / (TAIL_RINGS - 1)])
    return np.asarray(start + np.cumsum(steps, axis=0))


def _outline(vertices: Array, z: float, outward: Array, middle: Array) -> Array:
    """(K,) how far the convex outline of a body reaches at a height, in directions (K, 2) from a middle (2,)."""
    level = vertices[np.abs(vertices[:, 2] - z) < 0.025, :2] - middle
    support = (level @ outward.T).max(axis=0)  # (K,)
    cosine = outward @ outward.T
    reach = np.where(cosine > 0.05, support / np.maximum(cosine, 0.05), np.inf)  # where each ray leaves each half plane
    return np.asarray(reach.min(axis=1))


def _skirt_weights(body: Body, rings: Array) -> scipy.sparse.csr_array:
    """(R K, B): the waist goes with the pelvis, the hem with the thighs, the front more so than the back."""
    points = rings.reshape(-1, 3)
    x, y, z = points.T
    hips, knee = body.head("upperleg01.L")[2], body.head("lowerleg01.L")[2]
    down = np.clip((hips + 0.05 - z) / (0.45 * (hips - knee)), 0, 1)
    down = down * down * (3 - 2 * down)
    front = np.clip(0.5 - (y - body.heads[0, 1]) / 0.2, 0, 1)
    thighs = down * (0.55 + 0.42 * front)
    left = np.clip(0.5 + x / (1.6 * body.head("upperleg01.L")[0]), 0, 1)
    left = left * left * (3 - 2 * left)
    values = np.column_stack([1 - thighs, thighs * left, thighs * (1 - left)])
    bones = np.array([body.bone(name) for name in ("root", "upperleg01.L", "upperleg01.R")])
    rows = np.repeat(np.arange(len(points)), 3)
    shape = (len(points), len(body.bones))
    return scipy.sparse.csr_array((values.ravel(), (rows, np.tile(bones, len(points)))), shape=shape)


def _recent(frame: int) -> Sequence[int]:
    """A frame and the few before it, latest first; the first frame lasts from ever."""
    return [max(0, frame - back) for back in range(TRAIL_FRAMES + 1)]


def _remember(past: Sequence[Array]) -> Array:
    """The mean of places, latest first, the older the less."""
    weights = TRAIL_DECAY ** np.arange(len(past))
    return np.tensordot(weights / weights.sum(), np.stack(past), axes=1)


def _keep_off(sheet: Array, vertices: Array, normals: Array) -> Array:
    """Push a sheet (R, K, 3) out of a body, and its neighbourhood along, so that cloth drapes rather than dents."""
    rest = sheet
    tree = KDTree(vertices)
    for turn in range(PUSHES):
        push = _push_out(sheet.reshape(-1, 3), vertices, normals, CLEARANCE_M, tree).reshape(sheet.shape)
        sheet = sheet + push
        if turn < PUSHES - 1:
            sheet = rest + _spread(sheet - rest)
    return sheet


def _push_out(
    points: Array, vertices: Array, normals: Array, clearance: float | Array, tree: KDTree | None = None
) -> Array:
    """(N, 3) how far points must move to lie `clearance` outside of the nearest part of a body."""
    nearest = (tree or KDTree(vertices)).query(points)[1]
    outside = ((points - vertices[nearest]) * normals[nearest]).sum(axis=1)
    return np.asarray(np.maximum(clearance - outside, 0)[:, None] * normals[nearest])


def _spread(moved: Array) -> Array:
    """Smooth displacements (R, K, 3) over the sheet; the waist stays where it is."""
    around = (np.roll(moved, 1, axis=1) + np.roll(moved, -1, axis=1)) / 2
    padded = np.concatenate([moved[:1], moved, moved[-1:]])
    along = (padded[:-2] + padded[2:]) / 2
    return np.asarray(0.4 * moved + 0.3 * around + 0.3 * along)


def _sheet_normals(sheet: Array) -> Array:
    """(R, K, 3) unit normals of a sheet, outwards."""
    around = np.roll(sheet, -1, axis=1) - np.roll(sheet, 1, axis=1)
    normals = np.cross(np.gradient(sheet, axis=0), around)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-9))


def _tube(line: Array, radius: Array, aside: Array) -> Array:
    """(N, 3) vertices of a tube of radii (R, 1) around a line (R, 3), rings counter-clockwise seen from its start.

    The rings' first axis starts as `aside` (3,) and is carried along without twist, so it is defined for any bend.
    """
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    angle = np.linspace(0, 2 * np.pi, TAIL_ROUND, endpoint=False)[:, None]
    rings = []
    for centre, ahead, reach in zip(line, along, radius, strict=True):
        aside = aside - (aside @ ahead) * ahead
        aside = aside / np.linalg.norm(aside)
        rings.append(centre + reach * (np.cos(angle) * aside + np.sin(angle) * np.cross(aside, ahead)))
    return np.asarray(loft(np.stack(rings))[0])
