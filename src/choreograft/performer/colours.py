"""What pictures show of a body's surface: where each vertex lies, how well it is seen, and in which colour.

By its usual colours hands are found in the references, which are not always where they were fitted, and what else lies
on arms; and one light for all clips of a person: cameras set exposure and white balance anew for each, and a picture
that is put together from several shows every seam. The same place of the surface tells how the light of one clip
becomes that of another.

Shapes: N references or M frames of h x w pixels, V vertices, P parts, L layers.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu
from torch import Tensor
from torch.nn import functional as F

from choreograft.body.body_track import BodyTrack
from choreograft.body.model import Body
from choreograft.body.surface import PARTS, Mesh, SurfaceMap, find_nearest, render_surfaces
from choreograft.performer.layers import LAYER_OF, LAYERS, Floats
from choreograft.performer.references import SMEAR_ROWS, Pictures
from choreograft.performer.shutter import clip_ends
from choreograft.video.size import Size

TOLERANCE_M: Final = 0.03
"""By how much a vertex may lie behind what its pixel shows and still be seen."""
FULL_FACING: Final = 0.5
"""Cosine between normal and view from which on the angle costs no quality."""
AGREEMENT_BLUR: Final = 1
"""Radius of the square, px, whose mean colour is compared between references."""
AGREEMENT_SEEN: Final = 0.2
"""Quality from which a reference has a say in what colour a vertex usually is."""
AGREEMENT_COUNT: Final = 5
"""How many must have one for the others to be doubted."""
AGREEMENT_LEVELS: Final = 24.0
"""Of 255, by which a colour may differ from the usual one, on top of the usual difference."""
AGREEMENT_POWER: Final = 6
"""How sharply a colour is told to be the usual one or not."""
BELIEVED: Final = 1e6
"""Tolerance of a vertex whose references all are believed."""
CLOTHES_FLOW: Final = (1.0, 1.0, 8.0)
"""How much farther apart vertices at rest count along each axis, where the colour of one is carried on to another."""
HAIR_FLOWS: Final = (3.0, 1.0, 1.0)
"""The same of heads."""
CROWN, NAPE = 0.85, 0.3
"""Heights of a head, from 0 to 1, above which there is hair, if any, and above which what no reference shows is as
there: the back of a head filmed from the front."""
HAIR_TRUST: Final = 0.05
"""How far that is believed."""
NEAR_M: Final = 0.02
"""Between neighbours."""
SURE: Final = 10.0
"""Times as much as from such a neighbour a vertex takes from what is known of it."""
KNOWN_WELL: Final = 0.5
"""Sum of qualities from which on a vertex's own colour is all that counts."""
HAND_REACH_PX: Final = 24.0
"""Of 256 rows, from a fitted hand, within which the real one is looked for."""
HAND_LEVELS: Final = 60.0
"""Of 255, at most, by which what is not a hand may differ from its usual colour."""
SLIDES_PX: Final = 4
"""Canvas pixels by which cloth may lie elsewhere than usual."""
LIKE_SKIN: Final = 0.6
"""Times that difference: what differs less from a hand's colour is one."""
SKIN_LEVELS: Final = 45.0
"""Of 255, by which a hand's colour may differ from its median."""
AS_FILMED: Final = np.eye(3, 4, dtype=np.float32)
"""The light that changes nothing."""
LOOKS: Final = 24
"""Frames of a clip that are looked at."""
LEAST_LOOKS: Final = 3
"""In which a vertex must be seen."""
LEAST_VERTICES: Final = 500
"""That must be seen in both clips."""
ROUNDS: Final = 20
"""Of weighing vertices anew by how far off they are."""
LEVELS_OFF: Final = 15.0
"""Of 255, at which a vertex counts for half: clothes that lie otherwise, or other ones."""
HELD: Final = (4.0, 4.0, 4.0, 0.02)
"""How much the colours say against a light that changes nothing: where they hardly vary, they say little."""
GAINS: Final = (0.5, 2.0)
"""Of each channel; more is not light."""
BETTER: Final = 0.9
"""Of the median difference, that a light at most leaves; what is left is folds and shadows."""


def draw_body(body: BodyTrack, mesh: Mesh, size: Size, frames: NDArray[np.intp] | None = None) -> Iterator[SurfaceMap]:
    """The surface of a body in all frames, or some, as its camera sees it."""
    camera = body.camera
    posed = (camera.place(vertices).astype(np.float32) for vertices in body.skin(frames))
    return render_surfaces(posed, mesh, camera.focal_px, size)


def project(vertices: Tensor, focal_px: float, size: Size) -> Tensor:
    """(V, 2) px of vertices (V, 3) in camera axes."""
    middle = vertices.new_tensor([size.width / 2, size.height / 2])
    return focal_px * vertices[:, :2] / vertices[:, 2:].clamp_min(1e-3) + middle


def view_cosines(surface: SurfaceMap) -> Tensor:
    """(V,) between each vertex's normal and the line to the lens."""
    return -(surface.vertex_normals * F.normalize(surface.vertices, dim=1)).sum(1)


def rate_vertices(surface: SurfaceMap, xy: Tensor, facing: Tensor, mask: Tensor) -> Tensor:
    """(V,) how well a frame shows each vertex: faced, not hidden, inside of picture and mask."""
    row, column = find_pixels(xy, mask)
    inside = ((xy >= 0) & (xy < xy.new_tensor(surface.size))).all(dim=1)
    seen = surface.vertices[:, 2] <= surface.depth_m[row, column] + TOLERANCE_M  # the background is infinite
    quality = (facing / FULL_FACING).clamp(0, 1) * mask[row, column].float() / 255
    return quality * (inside & seen)


def find_usual(pictures: Tensor, xy: Tensor, quality: Tensor, shares: Tensor) -> tuple[Tensor, Tensor]:
    """(N, V) 0..1 whether each reference shows each vertex in its usual colour; (V,) by how much colours may differ.

    Where a reference does not, something else is seen there: a hand before the chest that the fitted body has beside
    it, or what lies behind a leg that is a little elsewhere. Of heads all is believed: eyes are small and differ from
    what is around them.

    Args:
        pictures: (N, h, w, 4) uint8. xy: (N, V, 2) px. quality: (N, V) 0..1. shares: (V, P) in the parts.
    """
    colours = torch.stack([sample_blurred(*one) for one in zip(pictures, xy, strict=True)])
    seen = quality > AGREEMENT_SEEN
    known = torch.where(seen, 1.0, torch.nan)[..., None]
    away = (colours - (colours * known).nanmedian(dim=0).values).abs().amax(-1)  # (N, V)
    spread = (away * known[..., 0]).nanmedian(dim=0).values
    doubted = (seen.sum(0) >= AGREEMENT_COUNT) & (shares[:, PARTS.index("head")] < 0.5)
    tolerance = torch.where(doubted, AGREEMENT_LEVELS + spread, BELIEVED)
    return 1 / (1 + (torch.where(doubted, away, 0.0) / tolerance) ** AGREEMENT_POWER), tolerance


def sample_blurred(picture: Tensor, xy: Tensor) -> Tensor:
    """(V, 3) float32 colours of a picture (h, w, 4) around places (V, 2) px."""
    side, colours = (2 * AGREEMENT_BLUR + 1,) * 2, picture[..., :3].cpu().numpy().astype(np.float32)
    total, count = (
        cv2.boxFilter(maps, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)
        for maps in (colours, np.ones(colours.shape[:2], np.float32))
    )
    smooth = torch.from_numpy(total / count[..., None]).to(picture.device)
    return smooth[find_pixels(xy, smooth)]


def find_pixels(xy: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of a picture (h, w, ...) in which places (..., 2) px lie, or to which they are nearest."""
    column, row = (xy[..., k].floor().long().clamp(0, picture.shape[1 - k] - 1) for k in (0, 1))
    return row, column


def mean_colours(pictures: Tensor, xy: Tensor, quality: Tensor, shares: Tensor, mirror: Tensor, body: Body) -> Tensor:
    """(V, 3) the mean of what the references show, by quality; where they show nothing that of the other side, or else
    of what is near.

    Args:
        mirror: (V,) which vertex each becomes in a mirror. pictures, xy, quality, shares: as `find_usual` has them.
    """
    total = torch.zeros(len(mirror), 3, device=xy.device)
    for picture, places, weight in zip(pictures, xy, quality, strict=True):
        total += weight[:, None] * picture[find_pixels(places, picture)][:, :3]
    weights = quality.sum(0)[:, None]
    own = weights > 1e-2
    total, weights = (torch.where(own, sums, sums[mirror]) for sums in (total, weights))
    head = shares[:, PARTS.index("head")].cpu().numpy() > 0.5
    known = (weights[:, 0] / KNOWN_WELL).clamp(0, 1) * (weights[:, 0] > 1e-2)
    return carry_on(total / weights.clamp_min(1e-6), known, body.vertices, body.faces, head)


def carry_on(
    colours: Tensor, known: Tensor, rest: NDArray[np.floating], faces: NDArray[np.integer], head: NDArray[np.bool_]
) -> Tensor:
    """(V, 3) colours, spread over the surface from where they are known to where they are not.

    Clothes are alike around the body: a stripe goes on at its height. Hair goes on over the crown and down the back of
    the head; faces do not go on around it.

    Args:
        known: (V,) 0..1 how far to be believed. rest: (V, 3) m. faces: (F, 3) triangles. head: (V,) its vertices.
    """
    if not (known > 0).any():
        return colours
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1), axis=0)
    one, other = edges.T
    far = np.where((head[one] & head[other])[:, None], HAIR_FLOWS, CLOTHES_FLOW) * (rest[one] - rest[other])
    near = 1 / np.maximum((far**2).sum(axis=1), 1e-8) * NEAR_M**2
    between = csr_array((near, (one, other)), shape=(len(rest),) * 2)
    between = between + between.T
    trust, theirs = known.double().cpu().numpy(), colours.double().cpu().numpy()
    height = np.zeros(len(rest))
    height[head] = (rest[head, 2] - rest[head, 2].min()) / np.ptp(rest[head, 2])
    crown = (height > CROWN) & (trust > 0)
    if crown.any():
        hair = (trust == 0) & (height > NAPE)
        theirs[hair], trust[hair] = np.median(theirs[crown], axis=0), HAIR_TRUST
    mean = (trust[:, None] * theirs).sum(axis=0) / trust.sum()
    solve = splu(csc_array(diags_array(between.sum(axis=1) + trust * SURE + 1e-6) - between)).solve
    spread = solve((trust * SURE)[:, None] * (theirs - mean)) + mean  # what hangs together with nothing gets the mean
    share = known[:, None].float()
    return share * colours + (1 - share) * torch.from_numpy(spread).to(colours)


def claim_hands(
    pictures: NDArray[np.uint8], xy: Floats, quality: Floats, shown: NDArray[np.int8], parts: NDArray[np.int8],
    shares: Floats, colours: Floats, tolerance: Floats,
) -> tuple[NDArray[np.int8], Floats]:  # fmt: skip
    """(N, h, w) `Atlas.nearest_part` with hands where they are seen: a fitted hand may lie beside the real one.

    Hand is what is seen near it, in its colour, on trunk, legs and upper arms that have another: else a hand on a hip
    is moved with the hip, and drawn twice.

    Args:
        shown: `Atlas.part`. parts: without them. All others are as an atlas has them.
    Returns:
        Also (N, L) 0..1 how much of each layer's picture is of something else: hands that were seen on it, since cuff
        and sleeve, which look like other clothes, are still there; on arms whatever has other colours than usual, more
        than in most references: hair, a strap, what they lie before.
    """
    parts = parts.copy()
    h, w = parts.shape[1:]
    hands = [PARTS.index("left_hand"), PARTS.index("right_hand")]
    kept = [PARTS.index(name) for name in ("head", "neck", "left_forearm", "right_forearm", "left_hand", "right_hand")]
    bare = shares[:, hands].max(axis=1) > 0.1
    skins = [np.median(colours[shares[:, hand] > 0.5], axis=0) for hand in hands]
    reach = HAND_REACH_PX * h / SMEAR_ROWS
    claimed, foreign = (np.zeros((len(parts), len(LAYERS)), np.float32) for _ in range(2))
    sizes = np.median([np.bincount(one[one >= 0], minlength=len(PARTS)) for one in shown], axis=0)
    half = max(1.0, float(sizes[hands].mean()) / 2)
    for n, part in enumerate(parts):
        nearest = _find_vertices(xy[n], (quality[n] > 0) & ~bare, (h, w))
        picture = pictures[n, ..., :3].astype(np.float32)
        off = find_difference(picture, colours[nearest], SLIDES_PX)
        strange = (2 * off > np.minimum(tolerance[nearest], HAND_LEVELS)) & (pictures[n, ..., 3] > 127) & (nearest >= 0)
        foreign[n] = np.bincount(LAYER_OF[part[strange]], minlength=len(LAYERS))
        strange &= ~np.isin(part, kept)
        for hand, skin in zip(hands, skins, strict=True):
            near = find_nearest(shown[n] == hand)[0] < reach
            like = np.abs(picture - skin).max(axis=-1) < np.minimum(LIKE_SKIN * off, SKIN_LEVELS)
            seen = (strange & near & like).astype(np.uint8)
            of_hand = strange & (cv2.dilate(seen, np.ones((5, 5), np.uint8)) > 0)
            claimed[n] += np.bincount(LAYER_OF[part[of_hand]], minlength=len(LAYERS)) / half
            part[of_hand] = hand
    arms = [n for n, layer in enumerate(LAYERS) if layer.kind == "round"]
    more = np.maximum(foreign - np.median(foreign, axis=0), 0)
    claimed[:, arms] += more[:, arms] / np.maximum(sizes[[PARTS.index(LAYERS[n].parts[0]) for n in arms]] / 2, 1)
    return parts, np.minimum(claimed, 1)


def _find_vertices(xy: Floats, seen: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.int64]:
    """(h, w) the vertex nearest to each pixel, of those (V, 2) px that are seen; -1 where none is."""
    h, w = shape
    vertex = np.full(shape, -1, np.int64)
    of = np.flatnonzero(seen & (xy >= 0).all(axis=1) & (xy < (w, h)).all(axis=1))
    column, row = xy[of].astype(np.int64).T
    vertex[row, column] = of
    return vertex.reshape(-1)[find_nearest(vertex >= 0)[1]]


def find_difference(picture: Floats, other: Floats, radius: int) -> Floats:
    """(h, w) levels by which a picture (h, w, 3) is beyond the range of the colours around that another has."""
    around = np.ones((2 * radius + 1,) * 2, np.uint8)
    beyond = np.maximum(picture - cv2.dilate(other, around), cv2.erode(other, around) - picture)
    return np.asarray(beyond.max(axis=-1), dtype=np.float32)


def match_lights(frames: Pictures, masks: Pictures, bodies: Sequence[BodyTrack]) -> Floats:
    """What brings the colours of each clip into the light of the first.

    Args:
        frames: (M, h, w, 3) RGB of all clips, one after the other. masks: (M, h, w) 255 = person. bodies: of these
            frames, one track a clip, in their pixels.
    Returns:
        (clips, 3, 4) for `relight`; `AS_FILMED` where too little of the surface is seen in both or the clips differ by
        more than light.
    Raises:
        DependencyError: warp-lang is not installed.
    """
    clips = (np.split(maps, clip_ends(bodies)) for maps in (frames, masks))
    first, *others = [_usual_colours(*clip) for clip in zip(*clips, bodies, strict=True)]
    return np.stack([AS_FILMED, *(fit_light(colours, first) for colours in others)])


def relight(picture: Pictures, light: Floats) -> Pictures:
    """A picture (h, w, 3) in another light (3, 4): what each channel becomes of all three, and an offset."""
    return picture if np.array_equal(light, AS_FILMED) else np.asarray(cv2.transform(picture, light), dtype=np.uint8)


def fit_light(theirs: Floats, ours: Floats) -> Floats:
    """(3, 4) how colours (V, 3) become others of the same things (V, 3), NaN where unknown.

    Least squares, weighed anew by what is left (Holland & Welsch 1977, with Cauchy's weights): exposure, white balance
    and saturation in one. `AS_FILMED` where that explains little.
    """
    known = np.isfinite(theirs).all(axis=1) & np.isfinite(ours).all(axis=1)
    if np.count_nonzero(known) < LEAST_VERTICES:
        return AS_FILMED
    given = np.column_stack([theirs[known], np.ones(np.count_nonzero(known))]).astype(np.float64)
    change, weight = ours[known] - theirs[known], np.ones((len(given), 1))
    held = np.diag(np.square(HELD)) * len(given)
    for _ in range(ROUNDS):
        by = np.linalg.solve(given.T @ (given * weight) + held * weight.mean(), given.T @ (change * weight))
        off = np.linalg.norm(change - given @ by, axis=1)
        weight = 1 / (1 + np.square(off / LEVELS_OFF)[:, None])
    light = AS_FILMED + by.T.astype(np.float32)
    gains = np.diag(light)
    fits = np.median(off) <= BETTER * np.median(np.linalg.norm(change, axis=1))
    return light if fits and GAINS[0] <= gains.min() and gains.max() <= GAINS[1] else AS_FILMED


def _usual_colours(frames: Pictures, masks: Pictures, body: BodyTrack) -> Floats:
    """(V, 3) the median colour of each vertex over some frames, NaN where hardly any shows it."""
    shape = body.shape.build()
    size = Size(frames.shape[2], frames.shape[1])
    shown = np.flatnonzero(body.present & masks.any(axis=(1, 2)))
    looked = shown[np.unique(np.linspace(0, len(shown) - 1, LOOKS).astype(int))] if len(shown) else shown
    seen = []
    for n, surface in zip(looked, draw_body(body, Mesh.of(shape), size, looked), strict=True):
        xy = project(surface.vertices, surface.focal_px, size)
        frame, mask = (torch.from_numpy(np.array(maps[n])) for maps in (frames, masks))
        quality = rate_vertices(surface, xy, view_cosines(surface), mask)
        colours = sample_blurred(frame, xy)
        colours[quality < AGREEMENT_SEEN] = torch.nan
        seen.append(colours)
    if len(seen) < LEAST_LOOKS:
        return np.full((len(shape.vertices), 3), np.nan, np.float32)
    known = torch.stack(seen)
    usual = known.nanmedian(dim=0).values
    usual[(~known[..., 0].isnan()).sum(0) < LEAST_LOOKS] = torch.nan
    return usual.numpy()
