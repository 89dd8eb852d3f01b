"""Fitting a body to tracks: one shape for a person, one camera for a clip, rotations and place for every frame.

In three steps, so that memory does not grow with the clip and equal input gives equal output:

1. *Calibration* (calibration.py): from a few dozen varied frames of all clips together, shape and cameras (and these
   frames' poses).
2. *Outline* (outline.py): the build, thick or thin, from the masks of some of these frames.
3. *Pose*, here: shot after shot and window after window, every frame, with shape and camera fixed and with smoothness,
   floor and standing feet; then the fingers.

How it moves from one frame to the next, the pictures then tell better (follow.py).

Shapes: T frames, J joints, K points. The level frame of energy.py until `_to_world`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.calibration import Lens, calibrate
from choreograft.body.camera import FloorCamera
from choreograft.body.descent import descend
from choreograft.body.energy import ON_SOLES, Energy, Evidence, observe
from choreograft.body.fingers import fit_fingers
from choreograft.body.kinematics import Chain, Points
from choreograft.body.placement import CHOSEN, Placement, start_placement, to_world
from choreograft.body.rig import BODY_COUNT, JOINTS
from choreograft.body.shape import SOLES, BodyShape, load_shape_space
from choreograft.body.stance import find_standing, measure_foot_speeds, measure_height_px
from choreograft.body.track import BodyTrack, join_bodies
from choreograft.config import BodyFitConfig
from choreograft.errors import PersonError
from choreograft.pose.shots import frames_by_shot
from choreograft.pose.track import PoseTrack
from choreograft.progress import Advance, Progress, silent

FIT_RECIPE: Final = 6
"""Counts changes of this package that change bodies: part of the key under which they are cached."""


def fit_bodies(
    tracks: Sequence[PoseTrack],
    config: BodyFitConfig | None = None,
    progress: Progress = silent,
    exact: bool = False,
    names: Sequence[str] | None = None,
) -> list[BodyTrack]:
    """Fit one person's body to several clips of them: one shape, a camera and a pose for every frame of each.

    Args:
        tracks: cleaned; metric landmarks and masks help where they are there.
        exact: whether joints are the body model's own, as in the studio's true tracks, instead of the tracker's.
        names: of the clips, to tell of progress.
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
    names = names or [f"clip {n + 1}" for n in range(len(tracks))]
    for name, track, lens in zip(names, tracks, calibration.lenses, strict=True):
        with progress.task(f"fitting the body in {name}", len(track)) as advance:
            bodies.append(_fit_clip(track, calibration.shape, lens, config, advance, exact))
    return bodies


def _fit_clip(
    track: PoseTrack, shape: BodyShape, lens: Lens, config: BodyFitConfig, advance: Advance, exact: bool
) -> BodyTrack:
    """Every frame, each shot by itself, on one floor."""
    height_px, track = measure_height_px(track), replace(track, masks=None)
    shots = [(int(at[0]), track.select(at)) for at in frames_by_shot(track.shot)]

    def fit(first: int, shot: PoseTrack) -> BodyTrack:
        return _fit_poses(shot, shape, lens, height_px, config, lambda done: advance(first + done), exact)

    body = _to_floor(join_bodies([fit(*shot) for shot in shots]))
    return join_bodies([
        fit_fingers(body.select(first + np.arange(len(shot))), shot, height_px, config) for first, shot in shots
    ])  # fmt: skip


def _fit_poses(
    track: PoseTrack, shape: BodyShape, lens: Lens, height_px: float, config: BodyFitConfig, advance: Advance,
    exact: bool,
) -> BodyTrack:  # fmt: skip
    """Every frame of a shot, window after window."""
    config = replace(config, keypoint_sigma=config.posed_keypoint_sigma)
    space, energy = load_shape_space(BODY_COUNT), Energy(config, exact)
    chain, points = space.of(shape, CHOSEN)
    points = observe(space, points, exact)
    whole = start_placement(track, shape, lens.focal_px, height_px, exact)
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
    return replace(body, stands=find_standing(body.points[:, SOLES], track.time_s, foot_speeds) > 0.5)


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
        shot=track.shot,
    )


def _to_floor(body: BodyTrack) -> BodyTrack:
    """Move the floor to where the feet stand on it, as a rule; in the picture nothing changes."""
    lowest = body.points[:, SOLES, 2].reshape(len(body), 2, -1).min(2)[body.stands]
    if not len(lowest):
        return body
    above = float(np.median(lowest))
    camera = replace(body.camera, height_m=body.camera.height_m - above)
    return replace(body, camera=camera, pelvis=body.pelvis - np.array([0, 0, above], np.float32))
