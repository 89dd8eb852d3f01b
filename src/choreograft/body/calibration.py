"""The first part of a fit: one shape and the cameras of all clips, from a few dozen varied frames of them together.

The build, thick or thin, comes from the masks of some of these frames (outline.py).
Shapes: T frames, J joints, K points. The level frame of energy.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.energy import CHOSEN, ON_SOLES, POINTS, SEEN, Energy, Evidence, observe
from choreograft.body.keypoint_offsets import WORLD_LEAN_DEG, WORLD_LEAN_PER_PITCH
from choreograft.body.model import LENGTHS
from choreograft.body.outline import Outlines, load_thinned
from choreograft.body.placement import Placement, descend, read_landmarks, start_placement, to_world
from choreograft.body.rig import BODY_COUNT, Chain, Points
from choreograft.body.shape import MEAN_SHAPE, PHENOTYPES, BodyShape, ShapeSpace, load_shape_space
from choreograft.body.standing import measure_height_px
from choreograft.config import BodyFitConfig
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

_USUAL_HEIGHT_M: Final = 1.2
_HEIGHT_SPREAD_M: Final = 0.45
"""Of cameras above the floor."""
_SCALE_SPREAD: Final = 0.15
"""Of the logarithm of the body's size over that of the landmarks."""
_EXACT_LEAN_DEG: Final = 0.3
_BUILD: Final = ("gender", "muscle", "weight")
"""Phenotypes that masks decide: how thick a body is. Nothing else may follow them: poses would bend to fill masks."""


@dataclass
class _Lens:
    """The free parameters of one clip's camera."""

    log_focal: torch.nn.Parameter
    pitch: torch.nn.Parameter
    lift: torch.nn.Parameter
    """Of the usual lowest sole above the floor, m: so pitching turns the floor about the feet, not about the lens."""
    log_scale: torch.nn.Parameter
    """Of the estimator's metric landmarks."""
    lean: torch.nn.Parameter
    """By which they lean to the camera, rad."""

    def to_world(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Points (T, K, 3) of the level frame in world axes, and the lens's height above the floor, m."""
        above = to_world(points, self.pitch, torch.zeros(()))
        height = self.lift - above[:, ON_SOLES, 2].min(1).values.median()
        return above + torch.stack([torch.zeros(()), torch.zeros(()), height]), height


@dataclass(frozen=True)
class Lens:
    """One clip's camera and the scale of its landmarks, found."""

    focal_px: float
    pitch_rad: float
    height_m: float
    landmark_scale: float
    landmark_lean_rad: float


@dataclass(frozen=True)
class Calibration:
    """What holds for all frames."""

    shape: BodyShape
    lenses: tuple[Lens, ...]


def calibrate(tracks: Sequence[PoseTrack], config: BodyFitConfig, exact: bool = False) -> Calibration:
    """Shape and cameras from varied frames of all tracks together."""
    space, energy = load_shape_space(BODY_COUNT).select(CHOSEN), Energy(config, exact)
    share = max(4, config.calibration_frames // len(tracks))
    chosen = [choose_varied(track, share) for track in tracks]
    heights = [measure_height_px(track) for track in tracks]
    evidence = [
        Evidence.read(track.select(at), height) for track, at, height in zip(tracks, chosen, heights, strict=True)
    ]
    lean = float(usual_lean(torch.tensor(np.deg2rad(config.pitch_prior_deg)), exact))
    phenotypes = torch.nn.Parameter(torch.logit(torch.tensor(MEAN_SHAPE.phenotypes)))
    lengths = torch.nn.Parameter(torch.zeros(len(LENGTHS)))
    lenses, places, heights_m = [], [], list[float]()
    for track, at, height in zip(tracks, chosen, heights, strict=True):
        focal_px = config.focal_prior * max(track.size)
        places.append(start_placement(track.select(at), MEAN_SHAPE, focal_px, height, exact))
        lenses.append(
            _Lens(*(torch.nn.Parameter(torch.tensor(float(v))) for v in (np.log(focal_px), 0.0, 0.0, 0.0, lean)))
        )
    groups: list[dict[str, Any]] = [{"params": [phenotypes], "lr": 0.05}, {"params": [lengths], "lr": 0.004}]
    for place, lens in zip(places, lenses, strict=True):
        groups += [*place.groups(), {"params": [lens.log_focal, lens.log_scale], "lr": 0.01}]
        groups += [{"params": [lens.pitch, lens.lean], "lr": 0.01}, {"params": [lens.lift], "lr": 0.003}]

    of_build = torch.tensor([name in _BUILD for name in PHENOTYPES])
    # what the tracker's joints are beside the body's does not depend on the shape
    extra = observe(space, Points(torch.zeros(4 * len(space.rig.segments), len(POINTS))), exact).matrix

    def cost() -> Tensor:
        coefficients = space.coefficients(torch.sigmoid(phenotypes), lengths)
        chain, points = space.skeleton(coefficients)
        points = Points(points.matrix[:, _OBSERVED] + extra)
        total = shape_prior(torch.sigmoid(phenotypes), lengths, config)
        heights_m.clear()
        for seen, place, lens, track in zip(evidence, places, lenses, tracks, strict=True):
            terms, height = _frame_terms(energy, chain, points, place, seen, lens)
            total = (
                total + config.evidence_frames / len(tracks) * terms + _lens_prior(lens, height, track, config, exact)
            )
            heights_m.append(height.item())
        return total

    # the pitch follows from where feet and trunk are: a closed form starts it, the descent refines
    descend(groups, cost, config.calibration_steps // 3)
    for place, lens in zip(places, lenses, strict=True):
        _level(space, torch.sigmoid(phenotypes).detach(), lengths.detach(), place, lens)
    descend(groups, cost, config.calibration_steps)
    outlines = _read_outlines(tracks, chosen, heights, config)

    def outlined_cost() -> Tensor:
        total = cost()
        build = torch.sigmoid(torch.where(of_build, phenotypes, phenotypes.detach()))
        coefficients = space.coefficients(build, lengths.detach())
        chain, _ = space.skeleton(coefficients)
        vertices = load_thinned().points(coefficients, chain.heads)
        for outline, place, lens in zip(outlines, places, lenses, strict=True):
            if outline is not None:
                frames, masks = outline
                focal_px = lens.log_focal.exp().detach()
                pose = (part[frames].detach() for part in (place.root(), place.pelvis(focal_px), place.turns))
                at = vertices.locate(*chain.place(*pose))
                total = total + config.outline_weight / len(tracks) * masks.cost(at, focal_px)
        return total

    if any(outline is not None for outline in outlines):
        descend(groups, outlined_cost, config.outline_steps)
    shape = BodyShape(tuple(torch.sigmoid(phenotypes).tolist()), tuple(lengths.tolist()))
    found = tuple(
        Lens(lens.log_focal.exp().item(), lens.pitch.item(), height_m, lens.log_scale.exp().item(), lens.lean.item())
        for lens, height_m in zip(lenses, heights_m, strict=True)
    )
    return Calibration(shape, found)


def _read_outlines(
    tracks: Sequence[PoseTrack], chosen: Sequence[NDArray[np.intp]], heights: Sequence[float], config: BodyFitConfig
) -> list[tuple[NDArray[np.intp], Outlines] | None]:
    """Of each track, some of the chosen frames, by their number among the chosen, and their masks."""
    found: list[tuple[NDArray[np.intp], Outlines] | None] = []
    for track, at, height in zip(tracks, chosen, heights, strict=True):
        masked = np.flatnonzero(track.masked[at])
        count = min(len(masked), max(2, config.outline_frames // len(tracks)))
        frames = masked[np.linspace(0, len(masked) - 1, count).round().astype(np.intp)]
        outlines = Outlines.read(track.select(at[frames]), height) if count else None
        found.append(None if outlines is None else (frames, outlines))
    return found


_OBSERVED: Final = torch.cat([torch.arange(len(POINTS)), torch.arange(SEEN.stop)])
"""Columns of `POINTS` in the order of `energy.observe`."""


def _frame_terms(
    energy: Energy, chain: Chain, points: Points, place: Placement, seen: Evidence, lens: _Lens
) -> tuple[Tensor, Tensor]:
    """The terms that frames have each by themselves, and the lens's height above the floor."""
    focal_px = lens.log_focal.exp()
    at = points.locate(*chain.place(place.root(), place.pelvis(focal_px), place.turns))
    world, height = lens.to_world(at)
    terms = (
        energy.keypoints(at, focal_px, seen)
        + energy.landmarks(at, lens.log_scale.exp(), lens.lean, seen)
        + energy.limits(place.turns)
        + energy.floor(world[:, ON_SOLES, 2])
        + energy.balance(world, world[:, ON_SOLES])
    )
    return terms, height


def shape_prior(phenotypes: Tensor, lengths: Tensor, config: BodyFitConfig) -> Tensor:
    """How unusual a build is."""
    off = (phenotypes - torch.tensor(MEAN_SHAPE.phenotypes)) / config.phenotype_spread
    cost: Tensor = 0.5 * (off.square().sum() + (lengths / config.length_spread).square().sum())
    return cost


def _lens_prior(lens: _Lens, height: Tensor, track: PoseTrack, config: BodyFitConfig, exact: bool) -> Tensor:
    usual = float(np.log(config.focal_prior * max(track.size)))
    lean_spread = float(np.deg2rad(_EXACT_LEAN_DEG if exact else config.lean_spread_deg))
    cost: Tensor = 0.5 * (
        ((lens.log_focal - usual) / config.focal_spread).square()
        + ((lens.pitch.rad2deg() - config.pitch_prior_deg) / config.pitch_spread_deg).square()
        + ((height - _USUAL_HEIGHT_M) / _HEIGHT_SPREAD_M).square()
        + (lens.log_scale / _SCALE_SPREAD).square()
        + ((lens.lean - usual_lean(lens.pitch, exact)) / lean_spread).square()
    )
    return cost


def usual_lean(pitch: Tensor, exact: bool) -> Tensor:
    """How far the tracker's landmarks lean to a camera that looks down by `pitch`, rad."""
    if exact:
        return torch.zeros(())
    return float(np.deg2rad(WORLD_LEAN_DEG)) + WORLD_LEAN_PER_PITCH * pitch


@torch.no_grad()
def _level(space: ShapeSpace, phenotypes: Tensor, lengths: Tensor, place: Placement, lens: _Lens) -> None:
    """Set the pitch so that the trunk is above the feet, on the whole."""
    chain, points = space.skeleton(space.coefficients(phenotypes, lengths))
    at = points.locate(*chain.place(place.root(), place.pelvis(lens.log_focal.exp()), place.turns))
    trunk = at[:, [*skeleton.HIPS, *skeleton.SHOULDERS]].mean(1)
    up = (trunk - at[:, list(skeleton.ANKLES)].mean(1)).median(0).values
    lens.pitch.copy_(0.7 * torch.atan2(-up[1], up[2]))


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
