"""Measuring where the cloth lies in every reference: drawn from one another, they tell.

If the cloth of reference n lies s(n) beside the body, n drawn in the pose of m is off by s(m) - s(n): what optical flow
(DIS, Kroeger et al. 2016) sees between that drawing and reference m. A few such pairs for each reference give all s, by
least squares. The terms of performer/layers.py are fitted to them, held back for checking in stretches of time: what
cannot be foretold is zero.

Shapes: N references; E pairs; C points; K terms; h x w pixels of a layer's box.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from choreograft.body.surface import find_nearest
from choreograft.performer.atlas import Atlas
from choreograft.performer.colours import project
from choreograft.performer.device import AHEAD, one_thread, run_ahead
from choreograft.performer.layers import LAYER_OF, SWAYING, Floats, Sway, SwayTerms
from choreograft.performer.references import ReferenceBank
from choreograft.performer.region import Region
from choreograft.performer.retrieve import UNUSABLE
from choreograft.performer.sheets import Picture
from choreograft.performer.warp import Posed, Warper
from choreograft.progress import Progress, silent

POINTS: Final = 24
PAIRS: Final = 4
"""References that each is drawn from, at least `GAP_S` apart from it and `APART_S` from each other."""
GAP_S: Final = 0.5
APART_S: Final = 0.3
NEAR_M: Final = 0.07
"""Standard deviation of the flow's weight around a point."""
RETURN_PX: Final = 1.0
"""By how much flow there and back may miss."""
MOST: Final = 0.06
"""Share of the height that cloth sways at most; longer flow went astray."""
PULL: Final = 0.5
"""To zero, in pairs."""
STRETCHES: Final = 8
"""Of time, each of which is foretold from those at least `GAP_S` away."""
KIN_M: Final = 0.15
"""Standard deviation at rest within which points have nearly the same weights."""
STRENGTHS: Final = np.geomspace(1e-3, 10, 9)
"""Of the pull of the weights to zero, to choose from."""
LEAST_GAIN: Final = 0.05
"""Share of the sway's square that must be foretold."""
GREY: Final = 127
LEAST_PX: Final = 24
"""Side of a picture that DIS takes."""


def measure_sway(bank: ReferenceBank, progress: Progress = silent) -> ReferenceBank:
    """The bank with its sway."""
    atlas = Atlas.of(replace(bank, sway=None))
    points = choose_points(atlas.rest, atlas.vertex_parts.cpu().numpy())
    warper, flow = Warper(atlas), cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    vertices, quality = atlas.vertices.cpu().numpy(), atlas.quality.cpu().numpy()[:, points]
    poses = [Posed(vertices[n], atlas.turns[n], atlas.focal_px[n], bank.size, atlas.faces[n]) for n in range(len(bank))]
    layers = (warper.draw_layers(posed, partial(_choose, atlas.moments, n)) for n, posed in enumerate(poses))
    pairs, ways, weights = [], [], []
    with progress.task("Measuring how the clothes lie", len(bank)) as advance, one_thread():
        for n, (surface, drawn) in enumerate(run_ahead(layers, "layers", AHEAD)):
            part = surface.part.cpu().numpy()
            shown = LAYER_OF[part.ravel()[find_nearest(part >= 0)[1]]] == SWAYING
            xy = project(surface.vertices[points], surface.focal_px, bank.size).cpu().numpy()
            px_per_m = atlas.focal_px[n] / vertices[n, points, 2:]
            for reference, box, sample in drawn:
                way, sure = see_flow(bank, n, shown, box, sample, flow)
                off, weight = _gather(
                    way, sure, xy - np.array([box.left, box.top], np.float32), NEAR_M * float(px_per_m.mean())
                )
                pairs.append((n, reference))
                ways.append(off / px_per_m)
                weights.append(weight * quality[n])
            advance(n + 1)
    if not pairs:  # footage of a moment
        return bank
    off = solve_pairs(np.array(pairs), np.array(ways), np.array(weights), len(bank))
    known = np.zeros((len(bank), len(points)))
    for one in np.array(pairs).T:
        np.add.at(known, one, weights)
    find = SwayTerms(atlas.rest, atlas.vertex_parts.cpu().numpy(), points)
    terms = np.stack([find.of(body) for body in vertices])
    learned = fit_weights(terms, off, np.minimum(known, 1), atlas.moments, atlas.rest[points])
    most = np.quantile(np.linalg.norm(off, axis=2), 0.98, axis=0).astype(np.float32)
    return replace(bank, sway=Sway(points, off, learned, most))


def choose_points(rest: NDArray[np.floating], shares: Floats) -> NDArray[np.int64]:
    """(C,) vertices of the layer that sways, far from each other at rest (farthest-point sampling)."""
    of = np.flatnonzero(LAYER_OF[shares.argmax(axis=1)] == SWAYING)
    chosen = [int(np.linalg.norm(rest[of] - rest[of].mean(axis=0), axis=1).argmax())]
    away = np.full(len(of), np.inf)
    while len(chosen) < POINTS:
        away = np.minimum(away, np.linalg.norm(rest[of] - rest[of[chosen[-1]]], axis=1))
        chosen.append(int(away.argmax()))
    return of[chosen].astype(np.int64)


def _choose(moments: NDArray[np.float64], n: int, costs: Floats) -> Mapping[int, list[int]]:
    """The cheapest references (costs (2N, L)), not mirrored, filmed at other times than n and than each other."""
    apart = np.abs(moments[:, None, 1] - moments[:, 1]) + 1e6 * (moments[:, None, 0] != moments[:, 0])
    cost = np.where(apart[n] < GAP_S, UNUSABLE, costs[: len(moments), SWAYING])
    chosen: list[int] = []
    while len(chosen) < PAIRS and cost.min() < UNUSABLE:
        chosen.append(int(cost.argmin()))
        cost[apart[chosen[-1]] < APART_S] = UNUSABLE
    return {SWAYING: chosen}


def see_flow(
    bank: ReferenceBank, n: int, shown: NDArray[np.bool_], box: Region, sample: Picture, flow: cv2.DISOpticalFlow
) -> tuple[Floats, NDArray[np.bool_]]:
    """(h, w, 2) px from a layer as drawn to where reference n has it, both before grey; (h, w) where that is sure.

    Args:
        shown: (H, W) where the reference shows that layer or what is around it. sample: (h, w, 4) the drawing.
    """
    person, own = bank.masks[n][box.at], shown[box.at]
    if min(own.shape) < LEAST_PX:
        return np.zeros((*own.shape, 2), np.float32), np.zeros_like(own)
    real = _blend(bank.frames[n][box.at], person, np.full((*own.shape, 3), GREY, np.uint8))
    drawn = _blend(sample[..., :3], sample[..., 3], np.where(own[..., None], np.uint8(GREY), real))
    pair = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)) for picture in (drawn, real)]
    way, back = (flow.calc(*both, None) for both in (pair, pair[::-1]))  # type: ignore[call-overload]
    y, x = np.indices(own.shape, np.float32)
    missed = way + cv2.remap(back, x + way[..., 0], y + way[..., 1], cv2.INTER_LINEAR)
    near = (np.linalg.norm(way, axis=2) < MOST * len(shown)) & (np.linalg.norm(missed, axis=2) < RETURN_PX)
    return way, own & (sample[..., 3] > 127) & (person > 127) & near


def _blend(colours: Picture, matte: Picture, over: Picture) -> Picture:
    share = matte[..., None] / np.float32(255)
    return np.asarray(over + share * (colours - over.astype(np.float32)), dtype=np.uint8)


def _gather(way: Floats, sure: NDArray[np.bool_], at: Floats, sigma: float) -> tuple[Floats, Floats]:
    """(C, 2) the flow around points (C, 2) px, and (C,) 0..1 how much of it is sure."""
    row, column = np.nonzero(sure)
    away = (at[:, :1] - column - 0.5) ** 2 + (at[:, 1:] - row - 0.5) ** 2
    near = np.exp(-away / (2 * sigma**2))
    total = near.sum(axis=1)
    mean = near @ way[sure] / np.maximum(total, 1e-6)[:, None]
    return np.asarray(mean), np.minimum(total / (2 * np.pi * sigma**2), 1)


def solve_pairs(pairs: NDArray[np.int64], flow: Floats, weight: Floats, count: int) -> Floats:
    """(N, C, 2) the s of each reference that explain flow = s(first) - s(second) best.

    Args:
        pairs: (E, 2). flow: (E, C, 2). weight: (E, C).
    """
    (first, second), result = pairs.T, np.zeros((count, *flow.shape[1:]), np.float32)
    for c in range(flow.shape[1]):
        left, right, w = PULL * np.eye(count), np.zeros((count, 2)), weight[:, c]
        for one, other, sign in ((first, second, 1), (second, first, -1)):
            np.add.at(left, (one, one), w)
            np.add.at(left, (one, other), -w)
            np.add.at(right, one, sign * w[:, None] * flow[:, c])
        result[:, c] = cho_solve(cho_factor(left), right)
    return result


def fit_weights(
    terms: Floats, off: Floats, known: Floats, moments: NDArray[np.float64], rest: NDArray[np.floating]
) -> Floats:
    """(C, K) the weights of the terms (N, C, K, 2) that give off (N, C, 2); zero if stretches cannot be foretold.

    Args:
        known: (N, C) 0..1. moments: (N, 2) clip and time, s. rest: (C, 3) m.
    """
    kin = np.exp(-((rest[:, None] - rest) ** 2).sum(axis=2) / (2 * KIN_M**2))
    weighed = terms * known[..., None, None]
    squares, products = np.einsum("nckd,ncld->nckl", weighed, terms), np.einsum("nckd,ncd->nck", weighed, off)

    def solve(of: NDArray[np.bool_], strength: float) -> Floats:
        left = np.einsum("cb,bkl->ckl", kin, squares[of].sum(axis=0)) + strength * np.eye(terms.shape[2])
        return np.asarray(np.linalg.solve(left, (kin @ products[of].sum(axis=0))[..., None])[..., 0], dtype=np.float32)

    line = np.argsort(np.lexsort(moments.T[::-1])) * STRETCHES // len(off)
    apart = np.abs(moments[:, None, 1] - moments[:, 1]) + 1e6 * (moments[:, None, 0] != moments[:, 0])
    splits = [(line == held, apart[:, line == held].min(axis=1) > GAP_S) for held in np.unique(line)]
    whole = max(float((known[..., None] * off**2).sum()), 1e-12)
    gains = []
    for strength in STRENGTHS:
        left = off.copy()
        for held, others in splits:
            left[held] -= np.einsum("nckd,ck->ncd", terms[held], solve(others, strength))
        gains.append(1 - float((known[..., None] * left**2).sum()) / whole)
    if max(gains) < LEAST_GAIN:
        return np.zeros(terms.shape[1:3], np.float32)
    return solve(np.ones(len(off), np.bool_), STRENGTHS[int(np.argmax(gains))])
