"""Fitting a body to tracks: one shape for a person, one camera for a clip, rotations and place for every frame.

In three steps, so that memory does not grow with the clip and equal input gives equal output:

1. *Calibration* (calibration.py): from a few dozen varied frames of all clips together, shape and cameras (and these
   frames' poses).
2. *Outline* (calibration.py, too): the build, thick or thin, from the masks of some of these frames.
3. *Pose*, here: shot after shot and window after window, every frame, with shape and camera fixed and with smoothness,
   floor and standing feet; then the fingers. Only directions from the wrist count for these, so that a wrist that is a
   little off does not bend a finger; where a hand is not seen, its fingers stay relaxed.

How it moves from one frame to the next, the pictures then tell better (flow.py). What lies well beyond all that good
footage gives is told of (`find_doubts`).

Shapes: T frames, J joints, K points. The level frame of energy.py until `_to_world`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.body_track import BodyTrack, FloorCamera, join_bodies
from choreograft.body.calibration import Effort, Lens, calibrate
from choreograft.body.energy import CHOSEN, ON_SOLES, Energy, Evidence, huber, observe, robust
from choreograft.body.model import LENGTHS
from choreograft.body.placement import (
    Placement,
    descend,
    find_standing,
    measure_foot_speeds,
    measure_height_px,
    start_placement,
    to_world,
)
from choreograft.body.rig import BODY_COUNT, FINGER_JOINTS, Chain, Points, limits_rad
from choreograft.body.shape import SOLES, BodyShape, load_shape_space
from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.shots import frames_by_shot
from choreograft.pose.track import SEEN, PoseTrack
from choreograft.progress import Advance, Progress, silent

_KEYPOINT_SIGMA: Final = 0.0045
"""Of keypoints: smaller than in the calibration, as the errors that all frames share are in shape and camera."""
_HANDS: Final = slice(skeleton.LEFT_HAND.start, skeleton.RIGHT_HAND.stop)
_HAND_ROOTS: Final = [0, 21]
"""Where the hands' roots are among the points."""
_FINGER_SIGMA: Final = 0.008
"""Share of the person's height by which finger points are off."""
_FINGER_REST_RAD: Final = 0.35
_FINGER_SPREAD_RAD: Final = (0.5, 0.05, 0.12)
"""How much bend, twist and aside differ from that."""
_FINGER_LIMIT_RAD: Final = 0.1
_FINGER_ACCELERATION: Final = 90.0
"""rad/s²"""
FIT_RECIPE: Final = 7
"""Counts changes of this package that change bodies, or their names: part of the key under which they are cached."""
USUAL_EFFORT: Final = Effort()


def fit_bodies(
    tracks: Sequence[PoseTrack],
    effort: Effort = USUAL_EFFORT,
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
    for track in tracks:
        if not track.present.any():
            raise PersonError("found nobody to fit a body to; expected a person in the track; choose another video")
    shape, lenses = calibrate(tracks, effort, exact)
    bodies = []
    names = names or [f"clip {n + 1}" for n in range(len(tracks))]
    for name, track, lens in zip(names, tracks, lenses, strict=True):
        with progress.task(f"fitting the body in {name}", len(track)) as advance:
            bodies.append(_fit_clip(track, shape, lens, effort, advance, exact))
    return bodies


def _fit_clip(
    track: PoseTrack, shape: BodyShape, lens: Lens, effort: Effort, advance: Advance, exact: bool
) -> BodyTrack:
    """Every frame, each shot by itself, on one floor."""
    height_px, track = measure_height_px(track), replace(track, masks=None)
    shots = [(at, track.select(at)) for at in frames_by_shot(track.shot)]

    def fit(first: int, shot: PoseTrack) -> BodyTrack:
        return _fit_poses(shot, shape, lens, height_px, effort, lambda done: advance(first + done), exact)

    body = _to_floor(join_bodies([fit(int(at[0]), shot) for at, shot in shots]))
    return join_bodies([_fit_fingers(body.select(at), shot, height_px, effort) for at, shot in shots])


def _fit_poses(
    track: PoseTrack, shape: BodyShape, lens: Lens, height_px: float, effort: Effort, advance: Advance, exact: bool
) -> BodyTrack:
    """Every frame of a shot, window after window."""
    space, energy = load_shape_space(BODY_COUNT), Energy(_KEYPOINT_SIGMA, exact)
    chain, points = space.of(shape, CHOSEN)
    points = observe(space, points, exact)
    whole = start_placement(track, shape, lens.focal_px.item(), height_px, exact)
    evidence = Evidence.read(track, height_px)
    foot_speeds = measure_foot_speeds(track, height_px)
    T = len(track)
    with torch.no_grad():
        root, pelvis, turns = whole.root(), whole.pelvis(lens.focal_px), whole.turns.clone()
    fixed = 0  # frames before this are done
    while fixed < T:
        end = min(T, fixed + effort.window_frames)
        until = T if T - end < effort.window_overlap else min(T, end + effort.window_overlap)
        end = T if until == T else end
        begin = max(0, fixed - 2)
        window = slice(begin, until)
        place = Placement(root[window], pelvis[window], turns[window], lens.focal_px, height_px)
        speeds = foot_speeds[begin : until - 1]
        _settle(place, chain, points, evidence.select(window), speeds, lens, fixed - begin, energy, effort.pose_steps)
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
    fixed: int, energy: Energy, steps: int,
) -> None:  # fmt: skip
    """Fit the poses of one window; its first `fixed` frames are done and stay."""
    step_s = (seen.time_s[1:] - seen.time_s[:-1]).clamp_min(1e-3)
    free = torch.ones(len(seen.time_s))
    free[:fixed] = 0
    for parameter in place.parameters():
        parameter.register_hook(  # type: ignore[no-untyped-call]
            lambda gradient: gradient * free.view(-1, *[1] * (gradient.ndim - 1))
        )
    stands = torch.zeros(len(free), 2)

    def look() -> tuple[Tensor, Tensor]:
        """Points (T, K, 3) in the level frame, and in the world."""
        at = place.locate(chain, points, lens.focal_px)
        return at, to_world(at, lens.pitch, lens.height_m)

    def cost() -> Tensor:
        at, world = look()
        soles = world[:, ON_SOLES]
        return (
            energy.keypoints(at, lens.focal_px, seen)
            + energy.landmarks(at, lens.scale, lens.lean, seen)
            + energy.limits(place.turns)
            + energy.floor(soles[..., 2])
            + energy.smoothness(world, place.turns, step_s)
            + energy.standing(soles, stands, step_s)
        )

    descend(place.groups(), cost, steps // 2)
    with torch.no_grad():
        soles = look()[1][:, ON_SOLES].numpy()
    stands.copy_(torch.from_numpy(find_standing(soles, seen.time_s.numpy(), foot_speeds)))
    descend(place.groups(), cost, steps - steps // 2)


def _to_world(track: PoseTrack, shape: BodyShape, lens: Lens, root: Tensor, pelvis: Tensor, turns: Tensor) -> BodyTrack:
    axes = to_world(torch.eye(3), lens.pitch, torch.zeros(())).T  # level frame to world
    pitch_deg = float(np.rad2deg(lens.pitch.item()))
    return BodyTrack(
        shape=shape,
        camera=FloorCamera(track.size, lens.focal_px.item(), lens.height_m.item(), pitch_deg),
        rate=track.rate,
        time_s=track.time_s,
        present=track.present,
        root=(axes @ root).numpy(),
        pelvis=to_world(pelvis, lens.pitch, lens.height_m).numpy(),
        turns=np.pad(turns.numpy(), ((0, 0), (0, len(FINGER_JOINTS)), (0, 0))),
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


def _fit_fingers(body: BodyTrack, track: PoseTrack, height_px: float, effort: Effort) -> BodyTrack:
    """The body fitted to `track` with bent fingers, window after window."""
    turns = body.turns.copy()
    for begin in range(0, len(track), effort.window_frames):
        window = slice(begin, begin + effort.window_frames)
        turns[window, BODY_COUNT:] = _fit_finger_window(body, track, window, height_px, effort.finger_steps)
    return replace(body, turns=turns)


def _fit_finger_window(
    body: BodyTrack, track: PoseTrack, window: slice, height_px: float, steps: int
) -> NDArray[np.float32]:
    """(T', F, 3) turns of the finger joints in some frames."""
    chain, points = load_shape_space().of(body.shape, torch.arange(_HANDS.start, _HANDS.stop))
    root, pelvis, fixed = (
        torch.from_numpy(part[window]) for part in (body.root, body.pelvis, body.turns[:, :BODY_COUNT])
    )
    score = np.where(track.seen(0.05), track.score, 0)[window, _HANDS]
    weight = torch.from_numpy(score.astype(np.float32))
    wanted = _from_roots(torch.from_numpy(np.nan_to_num(track.xy[window, _HANDS]))) / height_px
    axes, lens = (torch.from_numpy(part.astype(np.float32)) for part in (body.camera.axes, body.camera.position))
    low, high = (torch.from_numpy(limit[BODY_COUNT:].astype(np.float32)) for limit in limits_rad())
    relaxed = torch.zeros(len(FINGER_JOINTS), 3)
    relaxed[:, 0] = _FINGER_REST_RAD
    bends = torch.nn.Parameter(relaxed.repeat(len(root), 1, 1))
    step_s = torch.from_numpy(np.diff(track.time_s[window])).float().clamp_min(1e-3)

    def cost() -> Tensor:
        at = (points.locate(*chain.place(root, pelvis, torch.cat([fixed, bends], 1))) - lens) @ axes.T
        flat = body.camera.focal_px / height_px * at[..., :2] / at[..., 2:].clamp_min(0.1)
        off = (_from_roots(flat) - wanted).square().sum(-1) / _FINGER_SIGMA**2
        beyond = (low - bends).clamp_min(0) + (bends - high).clamp_min(0)
        usual = ((bends - relaxed) / torch.tensor(_FINGER_SPREAD_RAD)).square()
        total = (robust(off, 5.0) * weight).sum() + (beyond / _FINGER_LIMIT_RAD).square().sum() + usual.sum()
        if len(bends) > 2:
            velocity = (bends[1:] - bends[:-1]) / step_s[:, None, None]
            faster = (velocity[1:] - velocity[:-1]) / step_s[1:, None, None]
            total = total + huber((faster / _FINGER_ACCELERATION).square()).sum()
        return total / len(root)

    descend([{"params": [bends], "lr": 0.08}], cost, steps)
    return bends.detach().numpy()


def _from_roots(points: Tensor) -> Tensor:
    """Hand points (T, 42, 2) seen from their own hand's root."""
    return points - points[:, _HAND_ROOTS].repeat_interleave(21, dim=1)


_FARTHEST: Final = 90
"""Percentile of the distances that is looked at: one in ten joints is farther off."""
_DOUBTFUL_MISS: Final = 0.08
"""That percentile, as a share of the person's height: good clips have 0.014 to 0.024, a drawn statue 0.040."""
_HOPELESS_MISS: Final = 0.1
"""The median, which good clips have at 0.006 to 0.010: from here on the body has nothing to do with what is seen."""
_LOWEST_M, _HIGHEST_M = -0.5, 5.0
"""Of the lens above the floor; a stage may be filmed from its foot. Good clips have 0.6 to 2.1."""
_STRANGE_LENGTH: Final = 0.22
"""By how much of itself a part may be longer or shorter than usual; in good clips none is by more than 0.14."""


def measure_misses(track: PoseTrack, body: BodyTrack) -> NDArray[np.float64]:
    """(T, J) how far the body's joints are from where they were tracked, in heights of the person; NaN where unseen."""
    joints = slice(0, skeleton.FEET.stop)
    seen = track.seen(SEEN)[:, joints] & track.present[:, None]
    shown = body.camera.project(body.points[:, joints].astype(np.float64))
    misses = np.linalg.norm(shown - track.xy[:, joints], axis=-1) / measure_height_px(track)
    return np.asarray(np.where(seen, misses, np.nan))


def find_doubts(name: str, track: PoseTrack, body: BodyTrack) -> str | None:
    """A sentence about a body that is hard to believe; None about all others.

    Args:
        name: of the video, for the sentence. track: cleaned. body: fitted to it.
    Raises:
        PersonError: it has nothing to do with what is seen.
    """
    misses = measure_misses(track, body)
    median, far = np.nanpercentile(misses, (50, _FARTHEST)) if np.isfinite(misses).any() else (0.0, 0.0)
    if median > _HOPELESS_MISS:
        raise PersonError(
            f"{name}: no body fits the person: half of the joints are {median:.0%} of the height or more beside where"
            " they are seen; film a real person, whole and clear"
        )
    doubts = []
    if far > _DOUBTFUL_MISS:
        doubts.append(f"a tenth of the joints is {far:.0%} of the height or more beside where they are seen")
    height_m = body.camera.height_m
    if not _LOWEST_M <= height_m <= _HIGHEST_M:
        doubts.append(f"the camera is {abs(height_m):.1f} m {'below' if height_m < 0 else 'above'} the floor")
    part, longer = max(zip(LENGTHS, body.shape.lengths, strict=True), key=lambda item: abs(item[1]))
    if abs(longer) > _STRANGE_LENGTH:
        way = "longer" if longer > 0 else "shorter"
        doubts.append(f"{part} {abs(longer):.0%} {way} than usual, as in a picture that was squeezed")
    if not doubts:
        return None
    found = "; ".join(doubts)
    return f"{name}: the body found in it is hard to believe: {found}; look at it with dance --preview-retarget"
