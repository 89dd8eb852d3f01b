"""The build from silhouettes: how thick a body is, keypoints do not say; the person's mask does.

The body's vertices must lie inside of the mask, and the mask's outline must be near to vertices. Clothes and hair make
the mask larger than the body, never smaller, so what lies outside of the mask costs fully, and what the body does not
fill costs little once it is far: a skirt does not make broad hips.

Shapes: T frames, V vertices of a thinned mesh, N outline points a frame, S segments, C coefficients.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample

from choreograft.body.energy import robust
from choreograft.body.model import load_blend
from choreograft.body.rig import BODY_COUNT, Points, Rig
from choreograft.body.shape import MEAN_SHAPE
from choreograft.pose.track import PoseTrack

_SPACING_M: Final = 0.028
"""Of the thinned mesh."""
_MASK_PX: Final = 160
"""Masks are looked at this tall."""
_OUTLINE_POINTS: Final = 140
_SIGMA: Final = 0.012
"""Share of the person's height by which mask and body differ as a rule."""
_FAR: Final = 0.06
"""Share of the height from which an unfilled place is cloth or hair."""


@dataclass(frozen=True)
class Thinned:
    """Some of the body's vertices, skinned to the body's segments."""

    vertices: Tensor
    """(1 + C, V, 3) m: the mean, then what each coefficient adds."""
    weights: Tensor
    """(S, V)."""

    def points(self, coefficients: Tensor, heads: Tensor) -> Points:
        """The vertices of one shape as points on the segments, which begin at `heads` (S, 3)."""
        rest = self.vertices[0] + torch.tensordot(coefficients, self.vertices[1:], 1)  # (V, 3)
        local = (rest[None] - heads[:, None]) * self.weights[..., None]  # (S, V, 3)
        return Points(torch.cat([local, self.weights[..., None]], -1).transpose(1, 2).flatten(0, 1))


@cache
def load_thinned() -> Thinned:
    """One vertex in every cube of some centimetres of the mean body."""
    blend, body = load_blend(), MEAN_SHAPE.build()
    cells = np.floor(body.vertices / _SPACING_M).astype(int)
    shown = np.zeros(len(body.vertices), np.bool_)
    shown[body.faces[~body.hidden_faces]] = True
    _, chosen = np.unique(cells[shown], axis=0, return_index=True)
    chosen = np.sort(np.flatnonzero(shown)[chosen])
    rig = Rig.of(blend.bones, blend.parents, BODY_COUNT)
    weights = np.zeros((len(rig.segments), len(chosen)), np.float32)
    for bone, segment in enumerate(rig.segment_of):
        weights[segment] += blend.weights[chosen][:, [bone]].toarray()[:, 0]
    return Thinned(torch.tensor(blend.vertices[:, chosen], dtype=torch.float32), torch.from_numpy(weights))


@dataclass(frozen=True)
class Outlines:
    """The masks of some frames."""

    outside: Tensor
    """(T, 1, h, w) distance to the mask, in mask px; 0 within."""
    outline: Tensor
    """(T, N, 2) points on the mask's edge, px of the picture from its middle, x right, y up."""
    known: Tensor
    """(T, N) 0 where the edge is the picture's."""
    half: Tensor
    """(2,) half of the picture's width and height, px."""
    px: float
    """Picture px per mask px."""
    height_px: float
    """Of the person."""

    @staticmethod
    def read(track: PoseTrack, height_px: float) -> "Outlines | None":
        """The masks of a track's frames; None where it has none, or an empty one."""
        if track.masks is None:
            return None
        scale = min(1.0, _MASK_PX / track.masks.size.height)
        size = (round(track.masks.size.width * scale), round(track.masks.size.height * scale))
        px = track.size.height / size[1]
        outside, outlines, known = [], [], []
        for t in range(len(track)):
            mask = np.asarray(cv2.resize(track.masks[t], size, interpolation=cv2.INTER_AREA) > 127)
            edge = find_outline(mask)
            if edge is None:
                return None
            outside.append(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5))
            at_border = ((edge < 1.5) | (edge > np.array(size) - 1.5)).any(1)
            outlines.append((edge - np.array(size) / 2) * [px, -px])
            known.append(~at_border)
        return Outlines(
            outside=torch.from_numpy(np.stack(outside)[:, None].astype(np.float32)),
            outline=torch.from_numpy(np.stack(outlines).astype(np.float32)),
            known=torch.from_numpy(np.stack(known).astype(np.float32)),
            half=torch.tensor([track.size.width / 2, track.size.height / 2]),
            px=px,
            height_px=height_px,
        )

    def cost(self, points: Tensor, focal_px: Tensor) -> Tensor:
        """Vertices (T, V, 3), level frame, against the masks: a mean over points in units of sigma squared."""
        at = focal_px * points[..., [0, 2]] / points[..., 1:2].clamp_min(0.1)  # (T, V, 2) px, y up
        grid = at * torch.tensor([1.0, -1.0]) / self.half
        unit = self.px / (self.height_px * _SIGMA)
        away = grid_sample(self.outside, grid[:, None], padding_mode="border", align_corners=False)[:, 0, 0] * unit
        inside = (grid.abs() < 1).all(-1)
        spill = (robust(away.square(), 4.0) * inside).sum() / inside.sum().clamp_min(1)
        gap = torch.cdist(self.outline, at).min(dim=2).values / (self.height_px * _SIGMA)  # (T, N)
        slack = (gap - 0.2).clamp_min(0)  # outline points lie between vertices
        unfilled = (robust(slack.square(), _FAR / _SIGMA) * self.known).sum() / self.known.sum().clamp_min(1)
        return 1.5 * spill + unfilled


def find_outline(mask: NDArray[np.bool_]) -> NDArray[np.float64] | None:
    """(N, 2) points spread evenly along the edges of a mask (h, w), mask px; None for an empty mask."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    points = np.concatenate([contour[:, 0] for contour in contours]) + 0.5
    return np.asarray(points[np.linspace(0, len(points) - 1, _OUTLINE_POINTS).round().astype(int)])
