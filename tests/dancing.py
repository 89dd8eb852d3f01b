"""A dancer made of numbers: a body of rigid limbs whose true joints are known, for the tests of cleaning."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack, empty_arrays
from choreograft.video.size import Size

PX_PER_M = 200.0
HEIGHT_PX = 1.7 * PX_PER_M
LIMBED = slice(0, 23)
"""Body and feet: the joints that the dancer has."""


def dance(
    frames: int = 96, fps: float = 24, turning: float = 0.0, time_s: NDArray[np.float64] | None = None
) -> PoseTrack:
    """A person who sways, swings their arms and steps; every body and foot joint is seen.

    `turning`: turns around the vertical a second.
    """
    t = np.arange(frames) / fps if time_s is None else time_s
    joints = _pose(t)
    angle = 2 * np.pi * turning * t
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    x, z = joints[..., 0].copy(), joints[..., 2].copy()
    joints[..., 0], joints[..., 2] = cos * x + sin * z, -sin * x + cos * z
    place = np.stack([320 + 40 * np.sin(1.1 * t), np.full(len(t), 260)], axis=-1)
    arrays = empty_arrays(frames)
    arrays["world"][:, LIMBED] = joints
    arrays["xy"][:, LIMBED] = place[:, None] + PX_PER_M * joints[..., :2]
    arrays["depth"][:, LIMBED] = PX_PER_M * joints[..., 2]
    arrays["score"][:, LIMBED] = 0.95
    return PoseTrack(
        Size(640, 480), Fraction(fps).limit_denominator(1001), t, **arrays, present=np.ones(frames, np.bool_)
    )


def _pose(t: NDArray[np.float64]) -> NDArray[np.float64]:
    """(T, 23, 3) m around the hips: x right in the picture, y down, z away; the dancer faces the camera."""
    joints = np.zeros((len(t), 23, 3))
    for side, (shoulder, hip, ear, toe) in {
        +1: (skeleton.LEFT_SHOULDER, skeleton.LEFT_HIP, skeleton.LEFT_EAR, skeleton.LEFT_BIG_TOE),
        -1: (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_HIP, skeleton.RIGHT_EAR, skeleton.RIGHT_BIG_TOE),
    }.items():
        phase = 0.0 if side > 0 else 2.0
        joints[:, shoulder] = (0.19 * side, -0.5, 0)
        joints[:, ear] = (0.08 * side, -0.72, 0)
        joints[:, ear - 2] = (0.03 * side, -0.75, -0.09)  # the eye
        raised = 0.9 + 0.8 * np.sin(3.1 * t + phase)
        bent = raised + 0.5 + 0.5 * np.sin(4.3 * t + phase)
        joints[:, shoulder + 2] = joints[:, shoulder] + 0.29 * _swing(side, raised, 0.3)
        joints[:, shoulder + 4] = joints[:, shoulder + 2] + 0.26 * _swing(side, bent, 0.5)
        joints[:, hip] = (0.1 * side, 0, 0)
        step = 0.25 + 0.2 * np.sin(2.3 * t + phase)
        joints[:, hip + 2] = joints[:, hip] + 0.42 * _swing(side, 0.2 * step, 0.6 * step)
        joints[:, hip + 4] = joints[:, hip + 2] + 0.42 * _swing(side, 0.1 * step, -0.4 * step)
        for point, offset in enumerate(((0.02 * side, 0.07, -0.18), (0.05 * side, 0.07, -0.15), (0, 0.06, 0.06))):
            joints[:, toe + point] = joints[:, hip + 4] + np.array(offset)
    joints[:, skeleton.NOSE] = (0, -0.72, -0.12)
    return joints


def _swing(side: int, out: NDArray[np.float64], forwards: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """(T, 3) direction of a limb that hangs down, raised sideways by `out` and then to the front by `forwards`, rad."""
    forwards = np.broadcast_to(forwards, out.shape)
    flat = np.stack([side * np.sin(out), np.cos(out)], axis=-1) * np.cos(forwards)[:, None]
    return np.concatenate([flat, -np.sin(forwards)[:, None]], axis=-1)


def shaken(track: PoseTrack, noise_px: float, dropped: float = 0.0, seed: int = 0) -> PoseTrack:
    """The track as a shaky estimator sees it: noise in picture and space, and joints that are missing."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, noise_px, (*track.xy.shape[:2], 3)).astype(np.float32)
    lost = random.random(track.score.shape) < dropped
    return replace(
        track,
        xy=np.where(lost[..., None], np.nan, track.xy + noise[..., :2]),
        depth=np.where(lost, np.nan, track.depth + noise[..., 2]),
        world=np.where(lost[..., None], np.nan, track.world + noise / np.float32(PX_PER_M)),
        score=np.where(lost, 0, track.score),
    )
