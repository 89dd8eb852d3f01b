"""What a body fit has to satisfy, term by term: keypoints, landmarks, joint limits, floor, balance, smoothness.

Every term is a mean over frames of squared deviations in units of their sigma, robust where evidence may be wrong, so
that they can be added as negative log probabilities. The body is placed in the *level frame* of the camera: lens at the
origin, x right, y along the optical axis, z up in the picture. Pitch and height, which only floor and balance see, turn
it into the world.

Shapes: T frames, K points, J joints.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.keypoint_offsets import LIMB_DEPTHS, OFFSETS, LimbDepth
from choreograft.body.placement import USUAL_HEIGHT_M, read_landmarks
from choreograft.body.rig import BODY_JOINTS, Points, limits_rad
from choreograft.body.shape import SOLES, ShapeSpace
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

_KNUCKLES: Final = (5, 9, 17)
_HAND_POINTS: Final = tuple(part.start + k for part in (skeleton.LEFT_HAND, skeleton.RIGHT_HAND) for k in _KNUCKLES)
"""The knuckles of index, middle and little finger: they tell how the hand is turned."""
_BODY_POINTS: Final = tuple(range(skeleton.FEET.stop))
_FACE_POINTS: Final = tuple(skeleton.FACE.start + k for k in (27, 28, 29, 30, 31, 33, 35, 36, 39, 42, 45))
"""The bridge and the base of the nose and the corners of the eyes: no expression moves them against the skull."""
POINTS: Final = (*_BODY_POINTS, *_HAND_POINTS, *_FACE_POINTS, *range(SOLES.start, SOLES.stop))
"""The points that the body's fit looks at: joints, knuckles, the rigid part of the face, soles."""
CHOSEN: Final = torch.tensor(POINTS)
"""The same, as `ShapeSpace` numbers them."""
SEEN: Final = slice(0, len(_BODY_POINTS) + len(_HAND_POINTS) + len(_FACE_POINTS))
ON_SOLES: Final = slice(SEEN.stop, len(POINTS))
TRUE: Final = slice(0, len(POINTS))
AS_SEEN: Final = slice(TRUE.stop, TRUE.stop + SEEN.stop)
"""The points of `SEEN` once more, where the tracker has them in pictures."""

_HIP_AND_FOOT_TRUST: Final = 0.6
_DETAIL_TRUST: Final = 0.3
"""Of each point of hands and face: there are several, and their errors agree."""
_USUAL_RAD: Final = {
    "collar": 0.15, "toes": 0.1, "wrist": 0.35, "forearm": 0.6, "neck": 0.4, "spine": 0.35, "ankle": 0.4,
}  # fmt: skip
"""How much a joint usually moves from rest; 1 where not named."""
_BOTH_FEET_M: Final = 0.04
"""A foot that is higher than the other by more carries nothing."""
_KEYPOINT_OUTLIER: Final = 0.06
"""Beyond this share of the height a keypoint is taken for wrong, and more of it costs no more."""
_LANDMARK_SIGMA_M: Final = 0.06
"""Of limbs between the estimator's metric landmarks, across the line of sight."""
_LANDMARK_OUTLIER: Final = 4.0
"""In sigmas."""
_LIMIT_SIGMA: Final = 0.08
"""Of a joint beyond its limits, rad."""
_POSE_WEIGHT: Final = 0.3
"""Of the pull towards the rest pose."""
_ACCELERATION_SIGMA: Final = 30.0
"""Of points of the body, m/s²; beyond it the cost grows linearly only, so that hits stay hits."""
_TURN_ACCELERATION_SIGMA: Final = 200.0
"""Of joint angles, rad/s²."""
_FLOOR_SIGMA_M: Final = 0.02
"""Of soles below the floor, or above it while they stand."""
_SLIDE_SIGMA_M_S: Final = 0.05
"""Of soles that stand, m/s."""
_BALANCE_SIGMA_M: Final = 0.08
"""Of the trunk's middle before or behind the two feet it stands on."""
_LANDMARK_JOINTS: Final = slice(0, skeleton.FEET.stop)
_EXACT: Final = LimbDepth(1.0, 0.0, 0.01)
"""Of landmarks that are the body model's own joints."""


LIMBS: Final[tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]] = (
    ("shoulders", skeleton.SHOULDERS[1:], skeleton.SHOULDERS[:1]),
    ("hips", skeleton.HIPS[1:], skeleton.HIPS[:1]),
    ("trunk", skeleton.HIPS, skeleton.SHOULDERS),
    ("ears", skeleton.EARS[1:], skeleton.EARS[:1]),
    ("face", skeleton.EARS, (skeleton.NOSE,)),
    ("neck", skeleton.SHOULDERS, skeleton.EARS),
    *(("foot", leg[3:4], leg[4:]) for leg in skeleton.LEGS),
    *(
        (name, limb[start : start + 1], limb[start + 1 : start + 2])
        for arm, leg in zip(skeleton.ARMS, skeleton.LEGS, strict=True)
        for name, limb, start in (("upper arm", arm, 0), ("forearm", arm, 1), ("thigh", leg, 0), ("shin", leg, 1))
    ),
)
"""Name, joints at the start and at the end of all limbs whose direction the landmarks tell."""


@dataclass(frozen=True)
class Evidence:
    """What a track says about some of its frames, as tensors."""

    xy: Tensor
    """(T, K', 2) px from the picture's middle, x right, y up; 0 where unseen. K' are the points of `SEEN`."""
    weight: Tensor
    """(T, K') 0..1."""
    landmarks: Tensor
    """(T, 23, 3) m from between the hips, level frame."""
    landmark_weight: Tensor
    """(T, 23)."""
    time_s: Tensor
    """(T,)"""
    height_px: float
    """Of the person in the picture, upright: the unit of deviations."""

    @staticmethod
    def read(track: PoseTrack, height_px: float) -> "Evidence":
        """Collect the evidence of every frame of a track."""
        points = list(POINTS[SEEN])
        usable = track.seen(0.05)[:, points]
        trust = np.ones(len(points))
        trust[[*skeleton.HIPS, *(joint for leg in skeleton.LEGS for joint in leg[3:])]] = _HIP_AND_FOOT_TRUST
        trust[len(_BODY_POINTS) :] = _DETAIL_TRUST
        centred = (track.xy[:, points] - np.asarray(track.size) / 2) * [1, -1]
        world = read_landmarks(track)[:, _LANDMARK_JOINTS]
        level = np.stack([world[..., 0], world[..., 2], -world[..., 1]], axis=-1)
        known = np.isfinite(level).all(-1) & track.seen(0.05)[:, _LANDMARK_JOINTS]
        return Evidence(
            xy=_tensor(np.where(usable[..., None], centred, 0)),
            weight=_tensor(np.where(usable, track.score[:, points] * trust, 0)),
            landmarks=_tensor(np.nan_to_num(level)),
            landmark_weight=_tensor(np.where(known, track.score[:, _LANDMARK_JOINTS], 0)),
            time_s=torch.from_numpy(track.time_s.copy()).float(),
            height_px=height_px,
        )

    def select(self, frames: Tensor | slice) -> "Evidence":
        """The evidence of some frames."""
        parts: dict[str, Any] = {name: part[frames] for name, part in vars(self).items() if isinstance(part, Tensor)}
        return replace(self, **parts)


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float32))


def observe(space: ShapeSpace, points: Points, exact: bool) -> Points:
    """Points of the body (columns `POINTS`), and then where the tracker has them in the picture: `AS_SEEN`.

    Args:
        exact: whether the track's joints are the body model's own (the studio's true tracks) and nothing is added.
    """
    seen = points.matrix[:, SEEN]
    if not exact:
        seen = seen + _offset_matrix(space)
    return Points(torch.cat([points.matrix, seen], dim=1))


def _offset_matrix(space: ShapeSpace) -> Tensor:
    """(4 S, K') what takes the points of `SEEN` on segments from the body model's joints to the tracker's."""
    rig = space.rig
    steps = torch.zeros(len(rig.segments), 4, SEEN.stop)
    for column, joint in enumerate(POINTS[SEEN]):
        full = skeleton.NAMES[joint]
        offset = OFFSETS.get(full.removeprefix("left_").removeprefix("right_"))
        if offset is None:
            continue
        outwards, side = (-1.0, ".R") if full.startswith("right_") else (1.0, ".L")
        segment = rig.segment_of[rig.bones.index(offset.bone.replace(".L", side))]
        steps[segment, :3, column] = torch.tensor(offset.step) * USUAL_HEIGHT_M * torch.tensor([outwards, 1, 1])
    return steps.flatten(0, 1)


def robust(squared: Tensor, outlier: float) -> Tensor:
    """Squared deviations in sigmas with a ceiling: Geman and McClure's, `outlier` in sigmas."""
    return squared / (1 + squared / outlier**2)


def huber(squared: Tensor) -> Tensor:
    """Squares up to one sigma, then linear."""
    return torch.where(squared < 1, squared, 2 * torch.sqrt(squared.clamp_min(1e-9)) - 1)


class Energy:
    """The terms and their constants."""

    def __init__(self, keypoint_sigma: float, exact: bool = False) -> None:
        """Set up the constants.

        Args:
            keypoint_sigma: of keypoints in the picture, as a share of the person's height there. exact: see `observe`.
        """
        self._keypoint_sigma = keypoint_sigma
        self._landmark_sigma_m = USUAL_HEIGHT_M * _EXACT.scatter if exact else _LANDMARK_SIGMA_M
        self._limb_matrix = torch.zeros(skeleton.FEET.stop, len(LIMBS))
        for column, (_, starts, ends) in enumerate(LIMBS):
            self._limb_matrix[list(starts), column] -= 1 / len(starts)
            self._limb_matrix[list(ends), column] += 1 / len(ends)
        self._limb_joints = [[*starts, *ends, starts[0], ends[0]][:4] for _, starts, ends in LIMBS]
        depths = torch.tensor([_EXACT if exact else LIMB_DEPTHS[name] for name, _, _ in LIMBS])
        self._slope, self._offset, self._scatter = depths.T * torch.tensor([[1.0], [USUAL_HEIGHT_M], [USUAL_HEIGHT_M]])
        count = len(BODY_JOINTS)
        self._low, self._high = (_tensor(limit[:count]) for limit in limits_rad())
        usual = [_USUAL_RAD.get(joint.name.split(".")[0], 1.0) for joint in BODY_JOINTS]
        self._usual = torch.tensor(usual)[:, None]
        self._moving = list(range(1, count))  # all but the pelvis

    def keypoints(self, points: Tensor, focal_px: Tensor, evidence: Evidence) -> Tensor:
        """Points (T, K, 3), level frame, against the keypoints in the picture."""
        seen = points[:, AS_SEEN]
        depth = seen[..., 1:2].clamp_min(0.1)
        off = (focal_px * seen[..., [0, 2]] / depth - evidence.xy) / evidence.height_px
        squared = off.square().sum(-1) / self._keypoint_sigma**2
        cost = robust(squared, _KEYPOINT_OUTLIER / self._keypoint_sigma)
        return (cost * evidence.weight).sum() / len(points)

    def landmarks(self, points: Tensor, scale: Tensor, lean: Tensor, evidence: Evidence) -> Tensor:
        """Limbs against those of the metric landmarks: their direction and length, in depth as the tracker sees it.

        Args:
            scale: the body's size over that of the landmarks. lean: rad, by how much they lean to the camera.
        """
        own = points[:, _LANDMARK_JOINTS].transpose(1, 2) @ self._limb_matrix  # (T, 3, limbs) m
        own = own / scale  # or else a small body would have small errors
        found = evidence.landmarks.transpose(1, 2) @ self._limb_matrix
        known = evidence.landmark_weight[:, self._limb_joints].min(-1).values  # (T, limbs)
        x, y, z = found.unbind(1)
        sine, cosine = torch.sin(lean), torch.cos(lean)
        ahead, up = cosine * y + sine * z, cosine * z - sine * y
        sigma = self._landmark_sigma_m
        across = ((own[:, 0] - x).square() + (own[:, 2] - up).square()) / sigma**2
        inwards = ((self._slope * own[:, 1] + self._offset - ahead) / self._scatter).square()
        return (robust(across + inwards, _LANDMARK_OUTLIER) * known).sum() / len(points)

    def limits(self, turns: Tensor) -> Tensor:
        """Joints (T, J, 3) beyond their limits, and the pull towards rest."""
        beyond = (self._low - turns).clamp_min(0) + (turns - self._high).clamp_min(0)
        rest = (turns / self._usual).square()
        parts = beyond.square() / _LIMIT_SIGMA**2 + _POSE_WEIGHT * rest
        return parts[:, self._moving].sum() / len(turns)

    def floor(self, soles_z: Tensor) -> Tensor:
        """Sole points (T, 8) m above the floor: none below, the lowest of a frame on it unless the body flies."""
        below = soles_z.clamp_max(0).square() / _FLOOR_SIGMA_M**2
        lowest = soles_z.min(dim=1).values.square() / (2 * _FLOOR_SIGMA_M) ** 2
        return (below.sum() + robust(lowest, 2.0).sum()) / len(soles_z)

    def standing(self, soles: Tensor, stands: Tensor, step_s: Tensor) -> Tensor:
        """Feet that stand (T, 2) neither slide nor hover; soles (T, 8, 3) in the world, m."""
        feet = soles.reshape(len(soles), 2, -1, 3)
        both = (stands[1:] * stands[:-1])[..., None]  # (T - 1, 2, 1)
        speed = (feet[1:] - feet[:-1]).square().sum(-1) / step_s[:, None, None] ** 2
        slide = (both * huber(speed / _SLIDE_SIGMA_M_S**2)).sum() / feet.shape[2]
        lowest = feet[..., 2].min(dim=2).values  # (T, 2)
        hover = (stands * lowest.square()).sum() / _FLOOR_SIGMA_M**2
        return (slide + hover) / len(soles)

    def balance(self, points: Tensor, soles: Tensor) -> Tensor:
        """A trunk that stands on both feet is above their ankles; points and soles (T, 8, 3) in the world, m."""
        trunk = points[:, [*skeleton.HIPS, *skeleton.SHOULDERS]].mean(1)
        lowest = soles[..., 2].reshape(len(soles), 2, -1).min(2).values  # (T, 2)
        both = torch.exp(-((lowest[:, 0] - lowest[:, 1]) / _BOTH_FEET_M).square()).detach()
        ahead = (trunk - points[:, list(skeleton.ANKLES)].mean(1))[:, 1]
        return (both * robust((ahead / _BALANCE_SIGMA_M).square(), 2.0)).mean()

    def smoothness(self, points: Tensor, turns: Tensor, step_s: Tensor) -> Tensor:
        """Accelerations of points (T, K, 3) and joints (T, J, 3); steps (T - 1,) in s."""
        if len(points) < 3:
            return points.new_zeros(())
        moved = _accelerate(points[:, TRUE], step_s).square().sum(-1) / _ACCELERATION_SIGMA**2
        turned = _accelerate(turns, step_s).square().sum(-1) / _TURN_ACCELERATION_SIGMA**2
        return (huber(moved).sum() + huber(turned).sum()) / len(points)


def _accelerate(values: Tensor, step_s: Tensor) -> Tensor:
    """Second derivatives (T - 2, ...) of values at uneven times."""
    velocity = (values[1:] - values[:-1]) / step_s[:, None, None]
    return (velocity[1:] - velocity[:-1]) / (0.5 * (step_s[1:] + step_s[:-1]))[:, None, None]
