"""The free parameters of a body's poses in the level frame of energy.py, and the way from there to the world.

Shapes: T frames, J joints, K points.
"""

from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from choreograft.body.camera import FloorCamera
from choreograft.body.energy import POINTS
from choreograft.body.initial import guess_pose
from choreograft.body.kinematics import rotation_matrices
from choreograft.body.shape import BodyShape
from choreograft.pose.track import PoseTrack

CHOSEN: Final = torch.tensor(POINTS)
"""The points of the body that are held against what was seen, as `ShapeSpace` numbers them."""


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


def start_placement(track: PoseTrack, shape: BodyShape, focal_px: float, height_px: float, exact: bool) -> Placement:
    """The poses of a track's frames as a first guess has them, for a body of that shape.

    Args:
        height_px: of the person in the picture. exact: see `guess_pose`.
    """
    level = FloorCamera(track.size, focal_px, 0.0)
    guess = guess_pose(track, shape.build(), level, exact)
    root, pelvis, turns = (torch.from_numpy(v.astype(np.float32)) for v in (guess.root, guess.pelvis, guess.turns))
    return Placement(root, pelvis, turns, focal_px, height_px)


def to_world(points: Tensor, pitch: Tensor, height: Tensor) -> Tensor:
    """Points (..., 3) of the level frame in world axes."""
    sine, cosine = torch.sin(pitch), torch.cos(pitch)
    x, y, z = points.unbind(-1)
    return torch.stack([x, cosine * y + sine * z, cosine * z - sine * y + height], dim=-1)
