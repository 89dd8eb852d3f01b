"""The first part of a fit: one shape and the cameras of all clips, from a few dozen varied frames of them together.

The build, thick or thin, comes from the masks of some of these frames, as keypoints do not tell it: the body's vertices
must lie inside of the mask, and the mask's outline must be near to vertices. Clothes and hair make the mask larger than
the body, never smaller, so what lies outside of the mask costs fully, and what the body does not fill costs little once
it is far: a skirt does not make broad hips.

Shapes: T frames, J joints, K points; V vertices of a thinned mesh, N outline points a frame, S segments, C
coefficients. The level frame of energy.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import grid_sample

from choreograft.body.energy import CHOSEN, ON_SOLES, POINTS, SEEN, Energy, Evidence, observe, robust
from choreograft.body.keypoint_offsets import WORLD_LEAN_DEG, WORLD_LEAN_PER_PITCH
from choreograft.body.model import LENGTHS, load_blend
from choreograft.body.placement import descend, measure_height_px, read_landmarks, start_placement, to_world
from choreograft.body.rig import BODY_COUNT, Chain, Points, Rig
from choreograft.body.shape import MEAN_SHAPE, PHENOTYPES, BodyShape, load_shape_space
from choreograft.pose import skeleton
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


_KEYPOINT_SIGMA: Final = 0.008
"""Of keypoints in the picture, as a share of the person's height there."""
_FOCAL_PRIOR: Final = 1.15
"""Usual focal length in units of the picture's longer side."""
_FOCAL_SPREAD: Final = 0.25
"""Standard deviation of its logarithm."""
_PITCH_PRIOR_DEG: Final = 3.0
_PITCH_SPREAD_DEG: Final = 8.0
_LENS_HEIGHT_M: Final = 1.2
_LENS_HEIGHT_SPREAD_M: Final = 0.45
"""Of cameras above the floor."""
_SCALE_SPREAD: Final = 0.15
"""Of the logarithm of the body's size over that of the landmarks."""
_LEAN_SPREAD_DEG: Final = 3.0
"""By how much the landmarks' lean to the camera differs from the tracker's usual one."""
_EXACT_LEAN_DEG: Final = 0.3
_PHENOTYPE_SPREAD: Final = 0.3
"""Of every phenotype about the mean body."""
_LENGTH_SPREAD: Final = 0.05
"""Of each part's length."""
_EVIDENCE_FRAMES: Final = 12.0
"""How many independent frames the frames of the calibration are worth against the priors: their errors agree."""
_OUTLINE_FRAMES: Final = 10
"""Of them in which the silhouette is held against the mask."""
_OUTLINE_WEIGHT: Final = 300.0
"""Of the mean deviation of mask and body, against the keypoints of `_EVIDENCE_FRAMES` frames."""
_BUILD: Final = ("gender", "muscle", "weight")
"""Phenotypes that masks decide: how thick a body is. Nothing else may follow them: poses would bend to fill masks."""
_OBSERVED: Final = torch.cat([torch.arange(len(POINTS)), torch.arange(SEEN.stop)])
"""Columns of `POINTS` in the order of `energy.observe`."""


@dataclass(frozen=True)
class Effort:
    """How much a fit looks at, and for how long."""

    calibration_frames: int = 40
    """Of all clips together, from which shape and camera are found."""
    calibration_steps: int = 240
    outline_steps: int = 50
    window_frames: int = 240
    """Frames fitted at once; memory does not grow with the clip."""
    window_overlap: int = 24
    pose_steps: int = 90
    finger_steps: int = 30


@dataclass(frozen=True)
class Lens:
    """One clip's camera and its metric landmarks, all () as tensors."""

    focal_px: Tensor
    pitch: Tensor
    """rad."""
    height_m: Tensor
    """Above the floor."""
    scale: Tensor
    """Of the body over the landmarks."""
    lean: Tensor
    """By which the landmarks lean to the camera, rad."""


class _Clip:
    """One clip's free parameters, of the camera and of the poses in some of its frames."""

    def __init__(self, track: PoseTrack, count: int, exact: bool) -> None:
        self.track, self._exact = track, exact
        self.chosen, self.height_px = choose_varied(track, count), measure_height_px(track)
        some, focal_px = track.select(self.chosen), _FOCAL_PRIOR * max(track.size)
        self.evidence = Evidence.read(some, self.height_px)
        self.place = start_placement(some, MEAN_SHAPE, focal_px, self.height_px, exact)
        self._usual_focal = float(np.log(focal_px))
        lean = _usual_lean(torch.tensor(np.deg2rad(_PITCH_PRIOR_DEG)), exact)
        self._log_focal, self._pitch, self._lift, self._log_scale, self._lean = (
            torch.nn.Parameter(torch.tensor(float(value))) for value in (self._usual_focal, 0, 0, 0, lean)
        )  # the lift is of the usual lowest sole: so pitching turns the floor about the feet, not about the lens

    def groups(self) -> list[dict[str, Any]]:
        """For the optimiser, with step sizes."""
        camera = [self._log_focal, self._log_scale, self._pitch, self._lean]
        return [*self.place.groups(), {"params": camera, "lr": 0.01}, {"params": [self._lift], "lr": 0.003}]

    def cost(self, energy: Energy, chain: Chain, points: Points, weight: float) -> Tensor:
        """The terms that frames have each by themselves, and how unusual the camera is."""
        focal_px = self._log_focal.exp()
        at = self.place.locate(chain, points, focal_px)
        above = to_world(at, self._pitch, torch.zeros(()))
        self._height = self._lift - above[:, ON_SOLES, 2].min(1).values.median()
        world = above + torch.stack([torch.zeros(()), torch.zeros(()), self._height])
        terms = (
            energy.keypoints(at, focal_px, self.evidence)
            + energy.landmarks(at, self._log_scale.exp(), self._lean, self.evidence)
            + energy.limits(self.place.turns)
            + energy.floor(world[:, ON_SOLES, 2])
            + energy.balance(world, world[:, ON_SOLES])
        )
        lean_spread = float(np.deg2rad(_EXACT_LEAN_DEG if self._exact else _LEAN_SPREAD_DEG))
        unusual = (
            ((self._log_focal - self._usual_focal) / _FOCAL_SPREAD).square()
            + ((self._pitch.rad2deg() - _PITCH_PRIOR_DEG) / _PITCH_SPREAD_DEG).square()
            + ((self._height - _LENS_HEIGHT_M) / _LENS_HEIGHT_SPREAD_M).square()
            + (self._log_scale / _SCALE_SPREAD).square()
            + ((self._lean - _usual_lean(self._pitch, self._exact)) / lean_spread).square()
        )
        return weight * terms + 0.5 * unusual

    def level(self, chain: Chain, points: Points) -> None:
        """Set the pitch so that the trunk is above the feet, on the whole."""
        at = self.place.locate(chain, points, self._log_focal.exp())
        trunk = at[:, [*skeleton.HIPS, *skeleton.SHOULDERS]].mean(1)
        up = (trunk - at[:, list(skeleton.ANKLES)].mean(1)).median(0).values
        self._pitch.copy_(0.7 * torch.atan2(-up[1], up[2]))

    def fill(self, chain: Chain, vertices: Points, frames: NDArray[np.intp], masks: Outlines) -> Tensor:
        """How far the body's vertices are from filling the masks of some of the frames; poses and camera stay."""
        focal_px = self._log_focal.exp().detach()
        pose = (part[frames].detach() for part in (self.place.root(), self.place.pelvis(focal_px), self.place.turns))
        return masks.cost(vertices.locate(*chain.place(*pose)), focal_px)

    def found(self) -> Lens:
        """The camera as it is now; its height is that of the last `cost`."""
        found = (self._log_focal.exp(), self._pitch, self._height, self._log_scale.exp(), self._lean)
        return Lens(*(value.detach() for value in found))


def calibrate(tracks: Sequence[PoseTrack], effort: Effort, exact: bool = False) -> tuple[BodyShape, list[Lens]]:
    """Shape and cameras from varied frames of all tracks together."""
    space, energy = load_shape_space(BODY_COUNT).select(CHOSEN), Energy(_KEYPOINT_SIGMA, exact)
    clips = [_Clip(track, max(4, effort.calibration_frames // len(tracks)), exact) for track in tracks]
    phenotypes = torch.nn.Parameter(torch.logit(torch.tensor(MEAN_SHAPE.phenotypes)))
    lengths = torch.nn.Parameter(torch.zeros(len(LENGTHS)))
    groups: list[dict[str, Any]] = [{"params": [phenotypes], "lr": 0.05}, {"params": [lengths], "lr": 0.004}]
    for clip in clips:
        groups += clip.groups()

    of_build = torch.tensor([name in _BUILD for name in PHENOTYPES])
    # what the tracker's joints are beside the body's does not depend on the shape
    extra = observe(space, Points(torch.zeros(4 * len(space.rig.segments), len(POINTS))), exact).matrix

    def cost() -> Tensor:
        chain, points = space.skeleton(space.coefficients(torch.sigmoid(phenotypes), lengths))
        points = Points(points.matrix[:, _OBSERVED] + extra)
        total = _shape_prior(torch.sigmoid(phenotypes), lengths)
        for clip in clips:
            total = total + clip.cost(energy, chain, points, _EVIDENCE_FRAMES / len(tracks))
        return total

    # the pitch follows from where feet and trunk are: a closed form starts it, the descent refines
    descend(groups, cost, effort.calibration_steps // 3)
    with torch.no_grad():
        skeletons = space.skeleton(space.coefficients(torch.sigmoid(phenotypes), lengths))
        for clip in clips:
            clip.level(*skeletons)
    descend(groups, cost, effort.calibration_steps)
    count = max(2, _OUTLINE_FRAMES // len(tracks))
    outlines = [_read_outlines(clip.track, clip.chosen, clip.height_px, count) for clip in clips]

    def outlined_cost() -> Tensor:
        total = cost()
        build = torch.sigmoid(torch.where(of_build, phenotypes, phenotypes.detach()))
        coefficients = space.coefficients(build, lengths.detach())
        chain, _ = space.skeleton(coefficients)
        vertices = load_thinned().points(coefficients, chain.heads)
        for outline, clip in zip(outlines, clips, strict=True):
            if outline is not None:
                total = total + _OUTLINE_WEIGHT / len(tracks) * clip.fill(chain, vertices, *outline)
        return total

    if any(outline is not None for outline in outlines):
        descend(groups, outlined_cost, effort.outline_steps)
    shape = BodyShape(tuple(torch.sigmoid(phenotypes).tolist()), tuple(lengths.tolist()))
    return shape, [clip.found() for clip in clips]


def _read_outlines(
    track: PoseTrack, chosen: NDArray[np.intp], height_px: float, count: int
) -> tuple[NDArray[np.intp], Outlines] | None:
    """Up to `count` of the chosen frames that have masks, by their number among the chosen, and these masks."""
    masked = np.flatnonzero(track.masked[chosen])
    count = min(len(masked), count)
    frames = masked[np.linspace(0, len(masked) - 1, count).round().astype(np.intp)]
    outlines = Outlines.read(track.select(chosen[frames]), height_px) if count else None
    return None if outlines is None else (frames, outlines)


def _shape_prior(phenotypes: Tensor, lengths: Tensor) -> Tensor:
    """How unusual a build is."""
    off = (phenotypes - torch.tensor(MEAN_SHAPE.phenotypes)) / _PHENOTYPE_SPREAD
    cost: Tensor = 0.5 * (off.square().sum() + (lengths / _LENGTH_SPREAD).square().sum())
    return cost


def _usual_lean(pitch: Tensor, exact: bool) -> Tensor:
    """How far the tracker's landmarks lean to a camera that looks down by `pitch`, rad."""
    if exact:
        return torch.zeros(())
    return float(np.deg2rad(WORLD_LEAN_DEG)) + WORLD_LEAN_PER_PITCH * pitch


def choose_varied(track: PoseTrack, count: int) -> NDArray[np.intp]:
    """Up to `count` frames that show the person well and differ most in pose, increasing (farthest-point sampling)."""
    shown: NDArray[np.intp] = np.flatnonzero(track.present)
    joints = list(range(skeleton.LEFT_SHOULDER, skeleton.BODY.stop))
    score = track.score[shown][:, joints].mean(1)
    shown = shown[score >= np.quantile(score, 0.2)]
    if len(shown) <= count:
        return shown
    seen = np.nan_to_num(read_landmarks(track)[shown][:, joints]).reshape(len(shown), -1)
    if not seen.any():
        return np.asarray(shown[np.linspace(0, len(shown) - 1, count).round().astype(int)])
    chosen = [int(np.argmin(np.linalg.norm(seen - np.median(seen, 0), axis=1)))]
    distance = np.linalg.norm(seen - seen[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(seen - seen[chosen[-1]], axis=1))
    return np.asarray(np.sort(shown[chosen]))
