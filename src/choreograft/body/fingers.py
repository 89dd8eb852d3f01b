"""The fingers of a fitted body: how far each is bent, from the hands' points in the picture.

Only directions from the wrist count, so that a wrist that is a little off does not bend a finger. Where a hand is not
seen, its fingers stay relaxed.

Shapes: T frames, J joints of the rig; 42 hand points.
"""

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.body.descent import descend
from choreograft.body.energy import huber, robust
from choreograft.body.rig import BODY_COUNT, FINGER_JOINTS, limits_rad
from choreograft.body.shape import load_shape_space
from choreograft.body.track import BodyTrack
from choreograft.config import BodyFitConfig
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack

_POINTS: Final = tuple(range(skeleton.LEFT_HAND.start, skeleton.RIGHT_HAND.stop))
_ROOTS: Final = (0, 21)
"""Where the hands' roots are among the points."""
_SIGMA: Final = 0.008
"""Share of the person's height by which finger points are off."""
_RELAXED_RAD: Final = 0.35
_SPREAD_RAD: Final = (0.5, 0.05, 0.12)
"""How much bend, twist and aside differ from that."""
_LIMIT_RAD: Final = 0.1
_ACCELERATION: Final = 90.0
"""rad/s²"""


def fit_fingers(body: BodyTrack, track: PoseTrack, height_px: float, config: BodyFitConfig) -> BodyTrack:
    """The same body with bent fingers.

    Args:
        body: fitted to `track`. height_px: of the person in the picture.
    """
    turns = body.turns.copy()
    for begin in range(0, len(track), config.window_frames):
        window = slice(begin, min(len(track), begin + config.window_frames))
        turns[window, BODY_COUNT:] = _fit_window(body, track, window, height_px, config)
    return replace(body, turns=turns)


def _fit_window(
    body: BodyTrack, track: PoseTrack, window: slice, height_px: float, config: BodyFitConfig
) -> NDArray[np.float32]:
    """(T', F, 3) turns of the finger joints in some frames."""
    chain, points = load_shape_space().of(body.shape, torch.tensor(_POINTS))
    root, pelvis, fixed = (
        torch.from_numpy(part[window]) for part in (body.root, body.pelvis, body.turns[:, :BODY_COUNT])
    )
    seen = track.seen(0.05)[window][:, list(_POINTS)]
    weight = torch.from_numpy(np.where(seen, track.score[window][:, list(_POINTS)], 0).astype(np.float32))
    xy = np.nan_to_num(track.xy[window][:, list(_POINTS)])
    wanted = _from_roots(torch.from_numpy(xy)) / height_px
    axes, lens = (torch.from_numpy(part.astype(np.float32)) for part in (body.camera.axes, body.camera.position))
    low, high = (torch.from_numpy(limit[BODY_COUNT:].astype(np.float32)) for limit in limits_rad())
    relaxed = torch.zeros(len(FINGER_JOINTS), 3)
    relaxed[:, 0] = _RELAXED_RAD
    bends = torch.nn.Parameter(relaxed.repeat(len(root), 1, 1))
    step_s = torch.from_numpy(np.diff(track.time_s[window])).float().clamp_min(1e-3)

    def cost() -> Tensor:
        at = (points.locate(*chain.place(root, pelvis, torch.cat([fixed, bends], 1))) - lens) @ axes.T
        flat = body.camera.focal_px / height_px * at[..., :2] / at[..., 2:].clamp_min(0.1)
        off = (_from_roots(flat) - wanted).square().sum(-1) / _SIGMA**2
        beyond = (low - bends).clamp_min(0) + (bends - high).clamp_min(0)
        usual = ((bends - relaxed) / torch.tensor(_SPREAD_RAD)).square()
        total = (robust(off, 5.0) * weight).sum() + (beyond / _LIMIT_RAD).square().sum() + usual.sum()
        if len(bends) > 2:
            velocity = (bends[1:] - bends[:-1]) / step_s[:, None, None]
            faster = (velocity[1:] - velocity[:-1]) / step_s[1:, None, None]
            total = total + huber((faster / _ACCELERATION).square()).sum()
        return total / len(root)

    descend([{"params": [bends], "lr": 0.08}], cost, config.finger_steps)
    return bends.detach().numpy()


def _from_roots(points: Tensor) -> Tensor:
    """Hand points (T, 42, 2) seen from their own hand's root."""
    roots = points[:, list(_ROOTS)].repeat_interleave(21, dim=1)
    return points - roots
