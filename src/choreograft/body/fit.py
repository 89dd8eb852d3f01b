"""Fitting a body to tracks: one shape for a person, one camera for a clip, rotations and place for every frame.

In three steps, so that memory does not grow with the clip and equal input gives equal output:

1. *Calibration*: from a few dozen varied frames of all clips together, shape and cameras (and these frames' poses).
2. *Outline* (outline.py): the build, thick or thin, from the masks of some of these frames.
3. *Pose*: window after window, every frame, with shape and camera fixed and with smoothness, floor and standing feet;
   then the fingers.

Shapes: T frames, J joints, K points. The level frame of energy.py until `_to_world`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.camera import FloorCamera
from choreograft.body.descent import descend
from choreograft.body.energy import ON_SOLES, POINTS, SEEN, Energy, Evidence, observe
from choreograft.body.fingers import fit_fingers
from choreograft.body.initial import guess_pose, read_landmarks
from choreograft.body.keypoint_offsets import WORLD_LEAN_DEG, WORLD_LEAN_PER_PITCH
from choreograft.body.kinematics import Chain, Points, rotation_matrices
from choreograft.body.lengths import LENGTHS
from choreograft.body.outline import Outlines, load_thinned
from choreograft.body.rig import BODY_COUNT, JOINTS
from choreograft.body.shape import MEAN_SHAPE, SOLES, BodyShape, ShapeSpace, load_shape_space
from choreograft.body.stance import find_standing, measure_foot_speeds, measure_height_px
from choreograft.body.track import BodyTrack
from choreograft.config import BodyFitConfig
from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.progress import Advance, Progress, silent

FIT_RECIPE: Final = 2
"""Counts changes of this package that change bodies: part of the key under which they are cached."""
_USUAL_HEIGHT_M: Final = 1.2
_HEIGHT_SPREAD_M: Final = 0.45
"""Of cameras above the floor."""
_SCALE_SPREAD: Final = 0.15
"""Of the logarithm of the body's size over that of the landmarks."""
_EXACT_LEAN_DEG: Final = 0.3


class Placement(torch.nn.Module):
    """The free parameters of some frames' poses, in the level frame."""

    def __init__(self, root: Tensor, pelvis: Tensor, turns: Tensor, focal_px: float, height_px: float) -> None:
        super().__init__()
        self.height_px = height_px
        self.root0 = root
        self.turn = torch.nn.Parameter(torch.zeros(len(root), 3))
        self.turns = torch.nn.Parameter(turns.clone())
        px_m = pelvis[:, 1] / focal_px
        self.where = torch.nn.Parameter(pelvis[:, [0, 2]] / px_m[:, None] / height_px)  # in body heights
        self.size = torch.nn.Parameter(torch.log(px_m * height_px))

    def root(self) -> Tensor:
        """(T, 3, 3)."""
        return rotation_matrices(self.turn) @ self.root0

    def pelvis(self, focal_px: Tensor | float) -> Tensor:
        """(T, 3) m."""
        metres = torch.exp(self.size)  # that one body height in the picture spans there
        across = self.where * metres[:, None]
        return torch.stack([across[:, 0], metres * focal_px / self.height_px, across[:, 1]], dim=1)

    def groups(self) -> list[dict[str, Any]]:
        """For the optimiser, with step sizes."""
        return [
            {"params": [self.turn, self.turns], "lr": 0.05},
            {"params": [self.where], "lr": 0.006},
            {"params": [self.size], "lr": 0.02},
        ]


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


def fit_body(
    track: PoseTrack, config: BodyFitConfig | None = None, progress: Progress = silent, exact: bool = False
) -> BodyTrack:
    """Fit a body to one cleaned track; see `fit_bodies`."""
    return fit_bodies([track], config, progress, exact)[0]


def fit_bodies(
    tracks: Sequence[PoseTrack], config: BodyFitConfig | None = None, progress: Progress = silent, exact: bool = False
) -> list[BodyTrack]:
    """Fit one person's body to several clips of them: one shape, a camera and a pose for every frame of each.

    Args:
        tracks: cleaned; metric landmarks and masks help where they are there.
        exact: whether joints are the body model's own, as in the studio's true tracks, instead of the tracker's.
    Returns:
        A body for every frame of each track; frames without the person are interpolated and not `present`.
    Raises:
        PersonError: nobody is present in one of the tracks.
        DependencyError: anny is not installed.
    """
    config = BodyFitConfig() if config is None else config
    for track in tracks:
        if not track.present.any():
            raise PersonError("found nobody to fit a body to; expected a person in the track; choose another video")
    calibration = calibrate(tracks, config, exact)
    bodies = []
    for number, (track, lens) in enumerate(zip(tracks, calibration.lenses, strict=True), start=1):
        with progress.task(f"fitting the body ({number} of {len(tracks)})", len(track)) as advance:
            placed = _fit_poses(track, calibration.shape, lens, config, advance, exact)
        bodies.append(placed)
    return bodies


def calibrate(tracks: Sequence[PoseTrack], config: BodyFitConfig, exact: bool = False) -> Calibration:
    """Shape and cameras from varied frames of all tracks together."""
    space, energy = load_shape_space(BODY_COUNT), Energy(config, exact)
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
        places.append(_start(track.select(at), MEAN_SHAPE, focal_px, height))
        lenses.append(
            _Lens(*(torch.nn.Parameter(torch.tensor(float(v))) for v in (np.log(focal_px), 0.0, 0.0, 0.0, lean)))
        )
    groups: list[dict[str, Any]] = [{"params": [phenotypes], "lr": 0.05}, {"params": [lengths], "lr": 0.004}]
    for place, lens in zip(places, lenses, strict=True):
        groups += [*place.groups(), {"params": [lens.log_focal, lens.log_scale], "lr": 0.01}]
        groups += [{"params": [lens.pitch, lens.lean], "lr": 0.01}, {"params": [lens.lift], "lr": 0.003}]

    # what the tracker's joints are beside the body's does not depend on the shape
    extra = observe(space, Points(torch.zeros(4 * len(space.rig.segments), len(POINTS))), exact).matrix

    def cost() -> Tensor:
        coefficients = space.coefficients(torch.sigmoid(phenotypes), lengths)
        chain, points = space.skeleton(coefficients, _CHOSEN)
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
        coefficients = space.coefficients(torch.sigmoid(phenotypes), lengths)
        chain, _ = space.skeleton(coefficients, _CHOSEN)
        vertices = load_thinned().points(coefficients, chain.heads)
        total = cost()
        for outline, place, lens in zip(outlines, places, lenses, strict=True):
            if outline is not None:
                frames, masks = outline
                focal_px = lens.log_focal.exp()
                root, pelvis = place.root()[frames], place.pelvis(focal_px)[frames]
                at = vertices.locate(*chain.place(root, pelvis, place.turns[frames]))
                total = total + config.outline_weight / len(tracks) * masks.cost(at, focal_px)
        return total

    if any(outline is not None for outline in outlines):
        descend(groups, outlined_cost, config.outline_steps)
    shape = _shape_of(phenotypes, lengths)
    found = tuple(
        Lens(lens.log_focal.exp().item(), lens.pitch.item(), height_m, lens.log_scale.exp().item(), lens.lean.item())
        for lens, height_m in zip(lenses, heights_m, strict=True)
    )
    return Calibration(shape, found)


def _read_outlines(
    tracks: Sequence[PoseTrack], chosen: Sequence[NDArray[np.intp]], heights: Sequence[float], config: BodyFitConfig
) -> "list[tuple[NDArray[np.intp], Outlines] | None]":
    """Of each track, some of the chosen frames, by their number among the chosen, and their masks."""
    found = []
    for track, at, height in zip(tracks, chosen, heights, strict=True):
        count = min(len(at), max(2, config.outline_frames // len(tracks)))
        frames = np.linspace(0, len(at) - 1, count).round().astype(np.intp)
        outlines = Outlines.read(track.select(at[frames]), height)
        found.append(None if outlines is None else (frames, outlines))
    return found


_CHOSEN: Final = torch.tensor(POINTS)
_OBSERVED: Final = torch.cat([torch.arange(len(POINTS)), torch.arange(SEEN.stop)])
"""Columns of `POINTS` in the order of `energy.observe`."""


def _start(track: PoseTrack, shape: BodyShape, focal_px: float, height_px: float) -> Placement:
    level = FloorCamera(track.size, focal_px, 0.0)
    guess = guess_pose(track, shape.build(), level)
    root, pelvis, turns = (torch.from_numpy(v.astype(np.float32)) for v in (guess.root, guess.pelvis, guess.turns))
    return Placement(root, pelvis, turns, focal_px, height_px)


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
    chain, points = space.skeleton(space.coefficients(phenotypes, lengths), _CHOSEN)
    at = points.locate(*chain.place(place.root(), place.pelvis(lens.log_focal.exp()), place.turns))
    trunk = at[:, [*skeleton.HIPS, *skeleton.SHOULDERS]].mean(1)
    up = (trunk - at[:, list(skeleton.ANKLES)].mean(1)).median(0).values
    lens.pitch.copy_(0.7 * torch.atan2(-up[1], up[2]))


def to_world(points: Tensor, pitch: Tensor, height: Tensor) -> Tensor:
    """Points (..., 3) of the level frame in world axes."""
    sine, cosine = torch.sin(pitch), torch.cos(pitch)
    x, y, z = points.unbind(-1)
    return torch.stack([x, cosine * y + sine * z, cosine * z - sine * y + height], dim=-1)


def _shape_of(phenotypes: Tensor, lengths: Tensor) -> BodyShape:
    return BodyShape(tuple(torch.sigmoid(phenotypes).tolist()), tuple(lengths.tolist()))


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


def _fit_poses(
    track: PoseTrack, shape: BodyShape, lens: Lens, config: BodyFitConfig, advance: Advance, exact: bool
) -> BodyTrack:
    """Every frame, window after window."""
    config = replace(config, keypoint_sigma=config.posed_keypoint_sigma)
    space, energy = load_shape_space(BODY_COUNT), Energy(config, exact)
    chain, points = space.of(shape, _CHOSEN)
    points = observe(space, points, exact)
    height_px = measure_height_px(track)
    whole = _start(track, shape, lens.focal_px, height_px)
    evidence = Evidence.read(track, height_px)
    foot_speeds = measure_foot_speeds(track, height_px)
    T = len(track)
    root, pelvis = whole.root().detach(), whole.pelvis(lens.focal_px).detach()
    turns = whole.turns.detach().clone()
    fixed = 0  # frames before this are done
    while fixed < T:
        end = min(T, fixed + config.window_frames)
        until = T if T - end < config.window_overlap else min(T, end + config.window_overlap)
        end = T if until == T else end
        begin = max(0, fixed - 2)
        window = slice(begin, until)
        place = Placement(root[window], pelvis[window], turns[window], lens.focal_px, height_px)
        speeds = foot_speeds[begin : until - 1]
        _settle(place, chain, points, evidence.select(window), speeds, lens, fixed - begin, energy, config)
        with torch.no_grad():
            keep = slice(fixed - begin, end - begin)
            root[fixed:end], turns[fixed:end] = place.root()[keep], place.turns[keep]
            pelvis[fixed:end] = place.pelvis(lens.focal_px)[keep]
        fixed = end
        advance(fixed)
    body = _to_world(track, shape, lens, root, pelvis, turns)
    body = replace(body, stands=find_standing(body.points[:, SOLES], track.time_s, foot_speeds) > 0.5)
    return fit_fingers(_to_floor(body), track, height_px, config)


def _settle(
    place: Placement, chain: Chain, points: Points, seen: Evidence, foot_speeds: NDArray[np.float64], lens: Lens,
    fixed: int, energy: Energy, config: BodyFitConfig,
) -> None:  # fmt: skip
    """Fit the poses of one window; its first `fixed` frames are done and stay."""
    pitch, height = torch.tensor(lens.pitch_rad), torch.tensor(lens.height_m)
    focal_px = torch.tensor(lens.focal_px)
    scale, lean = torch.tensor(lens.landmark_scale), torch.tensor(lens.landmark_lean_rad)
    step_s = (seen.time_s[1:] - seen.time_s[:-1]).clamp_min(1e-3)
    free = torch.ones(len(seen.time_s))
    free[:fixed] = 0
    for parameter in place.parameters():
        parameter.register_hook(  # type: ignore[no-untyped-call]
            lambda gradient: gradient * free.view(-1, *[1] * (gradient.ndim - 1))
        )
    stands = torch.zeros(len(free), 2)

    def cost() -> Tensor:
        at = points.locate(*chain.place(place.root(), place.pelvis(focal_px), place.turns))
        world = to_world(at, pitch, height)
        soles = world[:, ON_SOLES]
        return (
            energy.keypoints(at, focal_px, seen)
            + energy.landmarks(at, scale, lean, seen)
            + energy.limits(place.turns)
            + energy.floor(soles[..., 2])
            + energy.smoothness(world, place.turns, step_s)
            + energy.standing(soles, stands, step_s)
        )

    descend(place.groups(), cost, config.pose_steps // 2)
    with torch.no_grad():
        at = points.locate(*chain.place(place.root(), place.pelvis(focal_px), place.turns))
        soles = to_world(at, pitch, height)[:, ON_SOLES].numpy()
    stands.copy_(torch.from_numpy(find_standing(soles, seen.time_s.numpy(), foot_speeds)))
    descend(place.groups(), cost, config.pose_steps - config.pose_steps // 2)


def _to_world(track: PoseTrack, shape: BodyShape, lens: Lens, root: Tensor, pelvis: Tensor, turns: Tensor) -> BodyTrack:
    pitch, height = torch.tensor(lens.pitch_rad), torch.tensor(lens.height_m)
    axes = to_world(torch.eye(3), pitch, torch.zeros(())).T  # level frame to world
    all_turns = np.zeros((len(track), len(JOINTS), 3), np.float32)
    all_turns[:, :BODY_COUNT] = turns.numpy()
    return BodyTrack(
        shape=shape,
        camera=FloorCamera(track.size, lens.focal_px, lens.height_m, float(np.rad2deg(lens.pitch_rad))),
        rate=track.rate,
        time_s=track.time_s,
        present=track.present,
        root=(axes @ root).numpy(),
        pelvis=to_world(pelvis, pitch, height).numpy(),
        turns=all_turns,
        stands=np.zeros((len(track), 2), np.bool_),
    )


def _to_floor(body: BodyTrack) -> BodyTrack:
    """Move the floor to where the feet stand on it, as a rule; in the picture nothing changes."""
    lowest = body.points[:, SOLES, 2].reshape(len(body), 2, -1).min(2)[body.stands]
    if not len(lowest):
        return body
    above = float(np.median(lowest))
    camera = replace(body.camera, height_m=body.camera.height_m - above)
    return replace(body, camera=camera, pelvis=body.pelvis - np.array([0, 0, above], np.float32))
