"""Which reference each layer of a body is drawn from, as it is or in a mirror.

The one that serves the whole body best, unless a layer has one that is clearly better for it: neighbours from one frame
have no seam between them. Chosen for the whole dance at once, since a choice that flips is seen as flicker.
What was filmed of one side alone serves for the other one too: of N references, number N + n is the n-th in a mirror.
No picture is stored twice: a mirrored layer is looked up in the picture as it is, by a way that turns it over.

Shapes: N references, P parts, L layers, C patches of the surface, K choices.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from choreograft.body.surface import MIRRORED_PARTS, PARTS, adjoining_parts
from choreograft.performer.atlas import Atlas
from choreograft.performer.layers import HEAD, LAYER_OF, LAYERS, MIRRORED_LAYERS, SIDED, Floats
from choreograft.performer.references import INNER_FACE
from choreograft.pose import skeleton

ANGLE_COST: Final = 0.6
"""Of a part that is turned otherwise in the reference, for each rad; what is unseen there costs up to 1."""
JOINT_COST: Final = 0.3
"""Of the part next to it that is turned otherwise, for each rad: folds of cloth follow the joint between them."""
BLUR_COST, LIMB_BLUR_COST = 0.5, 1.5
"""Of a reference in which the part is smeared against one in which it is sharp, and of arms and hands."""
CLEAR_COST, LIMB_CLEAR_COST = 0.6, 2.0
"""Of a reference in which the part cannot be told from others beside it against one in which it stands alone; arms and
hands are often beside something, or beyond the picture's edge."""
PART_GAIN, LIMB_GAIN = 0.2, 0.05
"""Trunk and legs leave the reference that serves the whole body best only for one that is better by this much; the same
of head and arms, whose seams are short."""
FACE_COST: Final = 3.0
"""Of a head whose face has another shape: turned, or with another expression (`compare_faces`)."""
MIRROR_COST, LIMB_MIRROR_COST = 1.0, 0.2
"""Of a mirror image: faces, texts and what is worn on one side look wrong in it; arms and hands are alike."""
CHANGE_COST: Final = 0.8
"""Of going from one reference to another in a dance."""
CHANGE_S: Final = 0.25
"""References filmed so near to each other, or nearer, cost less: it is how the person moved."""
SPARES: Final = 2
"""References of each part that fill in what its first one does not see."""
IN_PLANE: Final = 0.3
"""Share in which a turn about the line of sight counts."""
UNUSABLE: Final = 1e6
"""Cost of a reference that may not be used."""
Choice = NDArray[np.intp]
"""(L, K) references of each layer, the best first."""
Fading = Mapping[int, tuple[int, float]]
"""For some layers another reference than the first, and how much of it (0..1/2) is shown over that."""
_JOINS: Final = np.eye(len(LAYERS), dtype=np.float32)[LAYER_OF]
"""(P, L) 1 where a part belongs to a layer."""
MIRRORED_FACE: Final = np.array(skeleton.MIRROR[skeleton.FACE]) - skeleton.FACE.start
"""(68,) which point of the face each becomes in a mirror."""
OVER: Final = np.array([-1, 1, 1], np.float32)


@dataclass(frozen=True)
class Wanted:
    """What a new picture shows of the body."""

    weights: Floats
    """(C, P) how much of the picture each patch fills as part of each part, px."""
    turns: Floats
    """(P, 3, 3) of `references.part_turns`."""


@dataclass(frozen=True)
class Looks:
    """What there is to choose from: the references as they are, then in a mirror."""

    quality: Floats
    """(2N, C) how well each shows each patch."""
    turns: Floats
    """(2N, P, 3, 3) of `part_turns`."""
    sharpness: Floats
    """(2N, L) 0..1."""
    clearness: Floats
    """(2N, L) 0..1."""
    faces: Floats
    """(2N, 68, 2) px."""
    moments: NDArray[np.float64]
    """(2N, 2) clip and time, s; the clips of the mirrored ones are others."""

    @staticmethod
    def of(atlas: Atlas) -> "Looks":
        """Those of all references of an atlas."""
        turns = atlas.turns[:, list(MIRRORED_PARTS)] * OVER[:, None] * OVER
        faces = reflect_places(atlas.faces[:, MIRRORED_FACE], atlas.pictures.shape[2])
        clips = atlas.moments * [1, 1] - [len(atlas.moments), 0]
        count = torch.bincount(atlas.patch_of)
        quality = torch.zeros(2 * len(atlas.quality), len(count), device=count.device)
        quality.index_add_(1, atlas.patch_of, torch.cat([atlas.quality, atlas.quality[:, atlas.mirror]]))
        sharpness, clearness = ((maps, maps[:, MIRRORED_LAYERS]) for maps in (atlas.sharpness, atlas.clearness))
        pairs = (atlas.turns, turns), sharpness, clearness, (atlas.faces, faces), (atlas.moments, clips)
        return Looks((quality / count).cpu().numpy(), *(np.concatenate(pair) for pair in pairs))


def rate_references(wanted: Wanted, quality: Floats, turns: Floats, sharpness: Floats, clearness: Floats) -> Floats:
    """(N, P) cost of drawing each part from each reference.

    Args:
        quality: (N, C) how well each shows each patch. turns: (N, P, 3, 3). sharpness, clearness: (N, L) 0..1.
    """
    area = wanted.weights.sum(axis=0)  # (P,)
    seen = quality @ wanted.weights / np.maximum(area, 1e-6)
    seen[:, ~SIDED] = 1  # how much of those is seen is part of their clearness
    angles = turn_angles(turns, wanted.turns)
    beside = adjoining_parts() - np.eye(len(PARTS))
    around = angles @ (beside / np.maximum(beside.sum(axis=0), 1))
    costs = 1 - seen + ANGLE_COST * angles + JOINT_COST * around
    sheet, limb = (BLUR_COST, CLEAR_COST), (LIMB_BLUR_COST, LIMB_CLEAR_COST)
    blur_cost, clear_cost = np.array([sheet if layer.kind == "sheet" else limb for layer in LAYERS]).T
    layers = blur_cost * (1 - sharpness) + clear_cost * (1 - clearness)
    return np.asarray(costs + layers[:, LAYER_OF], dtype=np.float32)


def turn_angles(turns: Floats, wanted: Floats) -> Floats:
    """(N, P) rad between rotations (N, P, 3, 3) and (P, 3, 3) from the world's axes.

    A turn about the line of sight, which is the world's y, counts for `IN_PLANE` alone: it moves a picture and changes
    little in it but light and folds.
    """
    trace = np.einsum("npij,pij->np", turns, wanted)
    whole = np.arccos(np.clip((trace - 1) / 2, -1, 1))
    side = np.arccos(np.clip(np.einsum("npj,pj->np", turns[:, :, 1], wanted[:, 1]), -1, 1))
    return np.asarray(IN_PLANE * whole + (1 - IN_PLANE) * side, dtype=np.float32)


def rate_layers(costs: Floats, wanted: Wanted) -> Floats:
    """(N, L) cost of drawing each layer from each reference, from those of the parts (N, P) in it.

    What serves the whole body best is cheaper: neighbours from one frame have no seam between them.
    """
    fills = wanted.weights.sum(axis=0)
    area = fills @ _JOINS
    usable = (costs * fills) @ _JOINS / np.maximum(area, 1e-6)
    usable[:, area == 0] = 0
    apart = np.array([PART_GAIN if layer.worn_across else LIMB_GAIN for layer in LAYERS], np.float32)
    usable += apart
    usable[int(np.argmin(usable @ area))] -= apart
    return np.asarray(usable, dtype=np.float32)


def rate_looks(looks: Looks, wanted: Wanted, face: Floats | None) -> Floats:
    """(2N, L) cost of drawing each layer from each reference, also mirrored.

    Args:
        face: (68, 2) px its points; None where it has none.
    """
    parts = rate_references(wanted, looks.quality, looks.turns, looks.sharpness, looks.clearness)
    parts[len(parts) // 2 :] += np.where(SIDED, MIRROR_COST, LIMB_MIRROR_COST)
    if face is not None:
        parts[:, LAYER_OF == HEAD] += FACE_COST * compare_faces(looks.faces, face)[:, None]
    return rate_layers(parts, wanted)


def compare_faces(faces: Floats, wanted: Floats) -> Floats:
    """(N,) how far the shape of a face (68, 2) is from others (N, 68, 2), whatever their place, size and tilt.

    Returns:
        The root mean square distance of points over that from their middle, after the best similarity; the mean over
        all where a face is not seen, 0 where none is or this one is not.
    """
    inner = slice(INNER_FACE, None)
    these, this = faces[:, inner, 0] + 1j * faces[:, inner, 1], wanted[inner, 0] + 1j * wanted[inner, 1]
    if not np.isfinite(this).all():
        return np.zeros(len(faces), np.float32)
    these, this = these - these.mean(axis=1, keepdims=True), this - this.mean()
    size = np.sqrt((np.abs(these) ** 2).mean(axis=1))
    fit = (these @ this.conj() / max(float((np.abs(this) ** 2).sum()), 1e-6))[:, None]
    away = np.sqrt((np.abs(these - fit * this) ** 2).mean(axis=1)) / size
    known = np.isfinite(away)
    return np.where(known, away, away[known].mean() if known.any() else 0).astype(np.float32)


def change_costs(moments: NDArray[np.float64]) -> Floats:
    """(N, N) of going from one reference to another: less to what was filmed right before or after it.

    Args:
        moments: (N, 2) the clip and the time, s, of each.
    """
    apart = np.abs(moments[:, None, 1] - moments[:, 1]) / CHANGE_S
    apart[moments[:, None, 0] != moments[:, 0]] = 1
    return (CHANGE_COST * np.minimum(apart, 1)).astype(np.float32)


def find_useful(costs: Sequence[Floats | None], count: int) -> NDArray[np.intp]:
    """(M,) the first `count` of all, and of the others those that serve a layer best in some frame.

    Args:
        costs: T times (N, L) of `rate_layers`.
    """
    known = [cost for cost in costs if cost is not None]
    best = np.unique([cost.argmin(axis=0) for cost in known]) if known else np.zeros(0, np.intp)
    return np.concatenate([np.arange(count), best[best >= count]])


def choose_track(costs: Sequence[Floats], changes: Floats) -> NDArray[np.intp]:
    """(T, L) the reference of each layer in each frame: the cheapest way through the whole dance (Viterbi).

    Args:
        costs: T times (N, L) of `rate_layers`. changes: (N, N) of `change_costs`.
    """
    total, came_from = costs[0].copy(), []
    for cost in costs[1:]:
        ways = total[:, None] + changes[..., None]  # (N before, N after, L)
        best = ways.argmin(axis=0)
        came_from.append(best.astype(np.int16))
        total = np.take_along_axis(ways, best[None], axis=0)[0] + cost
    at = total.argmin(axis=0)
    path = [at]
    for best in reversed(came_from):
        at = np.take_along_axis(best, at[None], axis=0)[0].astype(np.intp)
        path.append(at)
    return np.stack(path[::-1])


def cast_dance(
    costs: Sequence[Floats | None], looks: Looks, fade: int
) -> Iterator[tuple[Floats, NDArray[np.intp], Fading]]:
    """Of every frame that has costs, those, the first reference of each layer (L,), and what fades; runs by themselves.

    Args:
        costs: T times (2N, L) of `rate_looks`. fade: frames before and after a change in which both are shown.
    """
    useful = find_useful(costs, len(looks.moments) // 2)
    changes = change_costs(looks.moments[useful])
    for _, run in groupby(costs, lambda cost: cost is not None):
        known = [cost for cost in run if cost is not None]
        if not known:
            continue
        chosen = useful[choose_track([cost[useful] for cost in known], changes)]
        for t, (cost, first) in enumerate(zip(known, chosen, strict=True)):
            around = chosen[max(0, t - fade) : t + fade + 1]
            fading = {}
            for layer in np.flatnonzero((around != first).any(axis=0)).tolist():
                others, counts = np.unique(around[around[:, layer] != first[layer], layer], return_counts=True)
                fading[layer] = int(others[counts.argmax()]), float(counts.max() / (2 * fade + 1))
            yield cost, first, fading


def add_spares(first: NDArray[np.intp], costs: Floats, wanted: Wanted, quality: Floats) -> Choice:
    """(L, 1 + spares + 1) the first of each layer (L,), those that see what it does not, and a mirrored one.

    Args:
        costs: (2N, L) of `rate_layers`. quality: (2N, C) how well each shows each patch. Both of N references as they
            are, then in a mirror.
    """
    N = len(costs) // 2
    weights = wanted.weights @ _JOINS
    area = np.maximum(weights.sum(axis=0), 1e-6)
    chosen = [first]
    left = (weights * (1 - quality[first].T)).astype(np.float32)  # (C, L) what the choices so far do not see
    for some in (*[slice(0, N)] * SPARES, slice(N, None)):
        spare = (quality[some] @ left / area - 0.1 * np.minimum(costs[some], UNUSABLE)).argmax(axis=0) + some.start
        chosen.append(spare)
        left = left * (1 - quality[spare].T)
    return np.stack(chosen, axis=1)


def reflect(vertices: Floats) -> Floats:
    """(M, 3) m, camera axes, in a mirror that stands in the middle of the picture."""
    return vertices * OVER


def reflect_places(places: Floats, width: float) -> Floats:
    """(..., 2) px of a picture of so many px in a mirror."""
    return places * OVER[:2] + np.array([width, 0], np.float32)


def turn_over(affine: Floats, residual: Floats, width: int) -> tuple[Floats, Floats]:
    """A way (see `Sheet`) to places in a mirrored picture of so many px as one to the picture itself, and back."""
    over = np.array([-1, 1], np.float32)
    return affine * over + np.array([[0, 0], [0, 0], [width, 0]], np.float32), residual * over
