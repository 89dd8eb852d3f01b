"""What a fit begins with: how tall a person stands in the picture, when feet stand, and a first guess of the poses.

With it go the free parameters of these poses, in the level frame of energy.py, and how they descend.

The guess comes straight from the landmarks; a good start is what makes a hundred steps enough. Directions come from the
track's metric landmarks, limb by limb from the pelvis outwards; elbows and knees are hinges. Size and place come from
the picture. Frames or joints without landmarks are interpolated.

Shapes: T frames, J joints of the rig, K points.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_opening, binary_propagation, gaussian_filter1d
from torch import Tensor

from choreograft.body.body_track import FloorCamera
from choreograft.body.keypoint_offsets import LIMB_DEPTHS, WORLD_LEAN_DEG
from choreograft.body.model import Body
from choreograft.body.rig import BODY_COUNT, SIDES, Chain, Points, joint_axes, joint_index, rotation_matrices
from choreograft.body.rotations import align, as_turns, rotate, shortest_turn, transpose, unit
from choreograft.body.shape import BodyShape
from choreograft.pose import skeleton
from choreograft.pose.track import SEEN, PoseTrack, fill_joints

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_UPRIGHT_PERCENTILE: Final = 95
_TORSOS_TALL: Final = 3.1
"""Head to ankles, in lengths of the torso, for people whose feet are never seen."""
_FEET: Final = (
    (skeleton.LEFT_ANKLE, skeleton.LEFT_HEEL, skeleton.LEFT_BIG_TOE),
    (skeleton.RIGHT_ANKLE, skeleton.RIGHT_HEEL, skeleton.RIGHT_BIG_TOE),
)
_STILL: Final = 0.1
"""Body heights a second: a foot that is slower in the picture rests, and goes on resting up to `_RESTLESS`."""
_RESTLESS: Final = 0.2
_SPEED_M_S: Final = 0.4
"""In the world, where the picture does not show the foot."""
_RISE_M: Final = 0.09
_SHORTEST_S: Final = 0.1
_SMOOTHING_S: Final = 0.06


def measure_height_px(track: PoseTrack) -> float:
    """Upright height from ankles to head in the picture, px; from the torso where feet or head are never seen."""
    seen = track.seen(SEEN)

    def middle(joints: tuple[int, ...]) -> Array:
        known = seen[:, joints].all(1, keepdims=True)
        return np.where(known, track.xy[:, joints].astype(np.float64).mean(1), np.nan)

    for top, bottom, factor in (
        ((skeleton.NOSE,), skeleton.ANKLES, 1.0),
        (skeleton.SHOULDERS, skeleton.HIPS, _TORSOS_TALL),
    ):
        lengths = factor * np.linalg.norm(middle(top) - middle(bottom), axis=1)
        if np.isfinite(lengths).sum() >= max(1, 0.1 * track.present.sum()):
            return float(np.nanpercentile(lengths, _UPRIGHT_PERCENTILE))
    return float(track.size.height)


def measure_foot_speeds(track: PoseTrack, height_px: float) -> Array:
    """(T - 1, 2) how fast left and right foot move in the picture, body heights a second; NaN where they are not seen.

    The depth of a fitted foot trembles, its place in a picture of a camera at rest does not: what stands is
    still there.
    """
    seen = track.seen(SEEN)[:, _FEET][..., None]
    feet = np.where(seen, track.xy[:, _FEET].astype(np.float64), np.nan)
    step_s = np.maximum(np.diff(track.time_s), 1e-3)[:, None]
    speeds = np.linalg.norm(np.diff(feet, axis=0), axis=-1)  # (T - 1, 2, 3) px: ankle, heel, toe
    return np.asarray(np.median(speeds, axis=-1) / step_s / height_px)


def find_standing(
    soles: NDArray[np.float32], time_s: NDArray[np.floating], foot_speeds: Array | None = None
) -> NDArray[np.float32]:
    """(T, 2) 1 where the left, the right foot stands: low, and slow for a while.

    Args:
        soles: (T, 8, 3) in the world, m. foot_speeds: of `measure_foot_speeds`; where they are missing, the soles' own
            speed decides.
    """
    T = len(soles)
    if T < 2:
        return np.asarray(soles.reshape(T, 2, 4, 3)[..., 2].min(-1) < _RISE_M, dtype=np.float32)
    step_s = max(float(np.median(np.diff(time_s))), 1e-3)
    feet = gaussian_filter1d(soles.reshape(T, 2, 4, 3), _SMOOTHING_S / step_s, axis=0, mode="nearest")
    low = feet[..., 2].min(-1) < _RISE_M  # (T, 2)
    slow = _rest_in_world(feet, time_s, step_s, low)
    if foot_speeds is None:
        return slow.astype(np.float32)
    seen = np.isfinite(foot_speeds)
    both = low[1:] & low[:-1]
    rest = binary_propagation(
        both & seen & (np.nan_to_num(foot_speeds) < _STILL),
        structure=np.array([[0, 1, 0]] * 3, np.bool_),
        mask=both & seen & (np.nan_to_num(foot_speeds) < _RESTLESS),
    )
    rest = np.where(seen, rest, slow[1:] & slow[:-1])
    stands = np.zeros((T, 2), np.float32)
    stands[1:] = rest
    stands[:-1] = np.maximum(stands[:-1], rest)
    return stands


def _rest_in_world(feet: NDArray[np.float32], time_s: NDArray[np.floating], step_s: float, low: Flags) -> Flags:
    """(T, 2) whether feet (T, 2, 4, 3) m that are low are slow in the world, too, for long enough."""
    speed = np.linalg.norm(np.gradient(feet, time_s, axis=0), axis=-1).min(-1)  # of the point that moves least
    frames = max(1, round(_SHORTEST_S / step_s))
    shape = np.ones((frames, 1), np.bool_)
    beyond = ((frames, frames), (0, 0))  # the clip's ends are no reason to stand or not
    padded = np.pad(low & (speed < _SPEED_M_S), beyond, mode="edge")
    return np.asarray(binary_closing(binary_opening(padded, shape), shape)[frames:-frames])


_FINEST: Final = 0.05
"""Step size at the end, as a share of that at the beginning."""


def descend(groups: list[dict[str, Any]], cost: Callable[[], Tensor], steps: int) -> None:
    """Take `steps` steps down `cost` (a scalar) over the parameters of `groups`, each with its step size `lr`."""
    optimiser = torch.optim.Adam(groups, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _FINEST + (1 - _FINEST) * 0.5 * (1 + np.cos(np.pi * step / steps))
    )
    for _ in range(steps):
        optimiser.zero_grad(set_to_none=True)
        cost().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()


_STRAIGHT: Final = 0.2
"""Sine of the angle below which a limb's resting hinge counts for more than the seen one."""
_LEAST: Final = 0.1
"""Score from which a landmark is used."""
USUAL_HEIGHT_M: Final = 1.72
"""In which the tracker's offsets, shares of a body height, become metres: a tenth more or less is a millimetre."""
_USUAL_DEPTH: Final = 0.09
"""Standard deviation of a limb's way in depth, body heights."""


def read_landmarks(track: PoseTrack) -> Array:
    """(T, 133, 3) the metric landmarks, gaps interpolated in time; joints never seen stay NaN."""
    usable = track.seen(_LEAST)[..., None] & np.isfinite(track.world)
    known = np.where(usable, track.world, np.nan).astype(np.float64)
    return fill_joints(known, track.time_s, track.time_s)


def deepen(seen: Array) -> Array:
    """Landmarks (T, 133, 3), camera axes, with arms and legs as deep as they are likely to be."""
    deeper, lean = seen.copy(), np.deg2rad(WORLD_LEAN_DEG)
    for joints, names in ((skeleton.ARMS, ("upper arm", "forearm")), (skeleton.LEGS, ("thigh", "shin"))):
        for limb in joints:
            by = np.zeros((len(seen), 3))
            for name, start, end in zip(names, limb, limb[1:], strict=False):
                depth = LIMB_DEPTHS[name]
                _, up, away = ((seen[:, end] - seen[:, start]) * [1, -1, 1]).T
                found = np.cos(lean) * away + np.sin(lean) * up
                gain = depth.slope / (depth.slope**2 + (depth.scatter / _USUAL_DEPTH) ** 2)
                by[:, 2] += gain * (found - depth.offset * USUAL_HEIGHT_M) - away
                deeper[:, end] += by
            for end in limb[3:]:
                deeper[:, end] += by
    return deeper


def _turn_limbs(seen: Array, rest: Array, body: Body) -> tuple[Array, Array]:
    """The pelvis's rotation (T, 3, 3) and all turns (T, J, 3) of landmarks (T, 133, 3) in world axes."""
    T, axes = len(seen), joint_axes(body)
    turns = np.zeros((T, BODY_COUNT, 3))
    root = np.tile(np.eye(3), (T, 1, 1))
    if not np.isfinite(seen[:, list(skeleton.TRUNK)]).all():
        return root, turns

    def turn(name: str, local: Array) -> None:
        index = joint_index(name)
        turns[:, index] = as_turns(local, axes[index])

    def turn_limb(limb: tuple[int, ...], above: Array, upper: str, lower: str) -> Array | None:
        """Turn a limb that hangs on `above` (T, 3, 3); the lower bone's rotation, None where it is not seen."""
        if not np.isfinite(seen[:, list(limb)]).all():
            return None
        upper_turn, lower_turn = _fold(seen[:, limb], rest[list(limb)], above, axes[joint_index(lower)][:, 0])
        turn(upper, transpose(above) @ upper_turn)
        turn(lower, transpose(upper_turn) @ lower_turn)
        return lower_turn

    hips, shoulders = list(skeleton.HIPS), list(skeleton.SHOULDERS)
    upright = seen[:, shoulders].mean(1) - seen[:, hips].mean(1)
    rest_upright = rest[shoulders].mean(0) - rest[hips].mean(0)
    root = align(rest_upright, rest[hips[0]] - rest[hips[1]], upright, seen[:, hips[0]] - seen[:, hips[1]])
    chest = align(
        rest_upright, rest[shoulders[0]] - rest[shoulders[1]], upright, seen[:, shoulders[0]] - seen[:, shoulders[1]]
    )
    turn("spine", transpose(root) @ chest)
    if np.isfinite(seen[:, list(skeleton.HEAD)]).all():
        turn("neck", transpose(chest) @ _turn_head(seen, rest))
    for side, arm, leg in zip(SIDES, skeleton.ARMS, skeleton.LEGS, strict=True):
        turn_limb(arm, chest, f"shoulder.{side}", f"elbow.{side}")
        shin = turn_limb(leg[:3], root, f"hip.{side}", f"knee.{side}")
        heel, toe = leg[3:]
        if shin is not None and np.isfinite(seen[:, [heel, toe]]).all():
            sole = shortest_turn(rotate(shin, unit(rest[toe] - rest[heel])), unit(seen[:, toe] - seen[:, heel]))
            turn(f"ankle.{side}", transpose(shin) @ sole @ shin)
    return root, turns


def _turn_head(seen: Array, rest: Array) -> Array:
    ears, nose = list(skeleton.EARS), skeleton.NOSE
    rest_face, face = rest[nose] - rest[ears].mean(0), seen[:, nose] - seen[:, ears].mean(1)
    return align(rest[ears[0]] - rest[ears[1]], rest_face, seen[:, ears[0]] - seen[:, ears[1]], face)


def _fold(seen: Array, rest: Array, above: Array, rest_hinge: Array) -> tuple[Array, Array]:
    """Rotations (T, 3, 3) of the two bones of a limb whose joints are at (T, 3, 3) m, and at (3, 3) m at rest."""
    rest_upper, rest_lower = np.diff(rest, axis=0)
    upper, lower = seen[:, 1] - seen[:, 0], seen[:, 2] - seen[:, 1]
    swing = shortest_turn(rotate(above, unit(rest_upper)), unit(upper)) @ above
    folded = np.cross(unit(upper), unit(lower))
    certain = np.linalg.norm(folded, axis=1, keepdims=True)
    hinge = unit(folded + np.exp(-((certain / _STRAIGHT) ** 2)) * rotate(swing, rest_hinge))
    return align(rest_upper, rest_hinge, upper, hinge), align(rest_lower, rest_hinge, lower, hinge)


def _place(track: PoseTrack, world: Array, rest: Array, camera: FloorCamera) -> Array:
    """(T, 3) where the pelvis is: as far away as its joints' spread in the picture says; at rest without landmarks."""
    joints = list(range(skeleton.LEFT_SHOULDER, skeleton.BODY.stop))
    if not np.isfinite(world[:, joints]).any():
        world = np.broadcast_to(rest - rest[list(skeleton.HIPS)].mean(0), world.shape)
    weight = track.score[:, joints] * (np.isfinite(world[:, joints]).all(-1) & track.seen(_LEAST)[:, joints])
    weight = np.where(weight.sum(1, keepdims=True) > 0, weight, np.nan)
    local = np.nan_to_num(world @ camera.axes.T)[:, joints]  # camera axes, origin between the hips
    pixels = np.nan_to_num(track.xy[:, joints].astype(np.float64)) - np.asarray(camera.size) / 2
    share = weight / weight.sum(1, keepdims=True)
    mean_m, mean_px = (share[..., None] * local).sum(1), (share[..., None] * pixels).sum(1)
    flat, spread = local[..., :2] - mean_m[:, None, :2], pixels - mean_px[:, None]
    scale = (share[..., None] * flat * spread).sum((1, 2)) / np.maximum(
        (share[..., None] * flat * flat).sum((1, 2)), 1e-9
    )
    scale = _fill(np.where(scale > 0, scale, np.nan), track.time_s)  # px per m
    distance = camera.focal_px / scale
    middle = np.stack([_fill(mean_px[:, axis], track.time_s) for axis in (0, 1)], axis=1)
    mean_m = np.stack([_fill(mean_m[:, axis], track.time_s) for axis in (0, 1, 2)], axis=1)
    at = np.column_stack([middle / scale[:, None] - mean_m[:, :2], distance - mean_m[:, 2]])
    return np.asarray(at @ camera.axes + camera.position)


def _fill(values: Array, time_s: Array) -> Array:
    known = np.isfinite(values)
    return np.interp(time_s, time_s[known], values[known]) if known.any() else np.ones_like(values)


class Placement(torch.nn.Module):
    """The free parameters of some frames' poses, in the level frame."""

    def __init__(self, root: Tensor, pelvis: Tensor, turns: Tensor, focal_px: Tensor | float, height_px: float) -> None:
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

    def locate(self, chain: Chain, points: Points, focal_px: Tensor) -> Tensor:
        """(T, K, 3) m where points of the body are."""
        return points.locate(*chain.place(self.root(), self.pelvis(focal_px), self.turns))

    def groups(self) -> list[dict[str, Any]]:
        """For the optimiser, with step sizes."""
        return [
            {"params": [self.turn, self.turns], "lr": 0.05},
            {"params": [self.where], "lr": 0.006},
            {"params": [self.size], "lr": 0.02},
        ]


def start_placement(track: PoseTrack, shape: BodyShape, focal_px: float, height_px: float, exact: bool) -> Placement:
    """The poses of a track's frames as a first guess has them, for a body of that shape.

    Frames that show too little are filled from their neighbours; where the whole track has no metric landmarks, the
    body stands at rest and faces the camera.

    Args:
        height_px: of the person in the picture. exact: whether landmarks are the body model's own joints: others are
            too flat.
    """
    body, level = shape.build(), FloorCamera(track.size, focal_px, 0.0)
    still = np.tile(np.eye(3), (len(body.bones), 1, 1))
    rest = body.joints(body.vertices, still, body.heads)
    seen = read_landmarks(track)
    world = (seen if exact else deepen(seen)) @ level.axes  # camera axes to those of the level frame
    root, turns = _turn_limbs(world, rest, body)
    pelvis = _place(track, world, rest, level)
    guess = [torch.from_numpy(part.astype(np.float32)) for part in (root, pelvis, turns)]
    return Placement(guess[0], guess[1], guess[2], focal_px, height_px)


def to_world(points: Tensor, pitch: Tensor, height: Tensor) -> Tensor:
    """Points (..., 3) of the level frame in world axes."""
    sine, cosine = torch.sin(pitch), torch.cos(pitch)
    x, y, z = points.unbind(-1)
    return torch.stack([x, cosine * y + sine * z, cosine * z - sine * y + height], dim=-1)
