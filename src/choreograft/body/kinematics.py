"""From joint rotations to bones and points, for all frames at once and differentiable: torch, no skinning.

Under linear blend skinning a weighted mean of vertices is itself a weighted mean of what the bones make of a few fixed
points, so every keypoint is one row of a small matrix: exact, and a thousand times cheaper than skinning the mesh.

Shapes: T frames, J joints, S segments, K points. World axes (see the package), metres, radians.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from choreograft.body.rig import Rig


@dataclass(frozen=True)
class Chain:
    """The rig as tensors, with the bone lengths of one shape."""

    rig: Rig
    axes: Tensor
    """(J, 3, 3) see `rig.joint_axes`."""
    heads: Tensor
    """(S, 3) where each segment begins at rest."""

    def place(self, root: Tensor, pelvis: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations (T, S, 3, 3) of the segments from their rest orientation, and where each begins (T, S, 3).

        Args:
            root: (T, 3, 3) the pelvis's rotation. pelvis: (T, 3) m, where it is.
            turns: (T, J, 3) bend, twist and aside of the rig's joints. The pelvis's own row is not read.
        """
        local = self.local_rotations(turns)
        rotations: list[Tensor] = [root[:, None]]
        origins: list[Tensor] = [pelvis[:, None]]
        at = {0: (0, 0)}
        for number, level in enumerate(self.rig.levels[1:], start=1):
            parents = [self.rig.parents[s] for s in level]
            above = [at[parent][1] for parent in parents]
            turned, begun = rotations[-1][:, above], origins[-1][:, above]
            offsets = self.heads[list(level)] - self.heads[parents]  # (n, 3)
            origins.append(begun + (turned @ offsets[None, :, :, None])[..., 0])
            rotations.append(turned @ local[:, list(level)])
            at |= {s: (number, place) for place, s in enumerate(level)}
        return torch.cat(rotations, 1)[:, self._back], torch.cat(origins, 1)[:, self._back]

    @cached_property
    def _back(self) -> list[int]:
        """From the order of levels to that of segments."""
        order = [s for level in self.rig.levels for s in level]
        return sorted(range(len(order)), key=order.__getitem__)

    def local_rotations(self, turns: Tensor) -> Tensor:
        """(T, S, 3, 3) of each segment against the one above it; the root's is not meant to be used."""
        vectors = torch.einsum("jab,tjb->tja", self.axes[: turns.shape[1]], turns)
        shares = turns.new_tensor(self.rig.shares)
        return rotation_matrices(vectors[:, list(self.rig.joints)] * shares[:, None])


@dataclass(frozen=True)
class Points:
    """K points on the body as weighted means of what the segments carry, for one shape."""

    matrix: Tensor
    """(4 S, K): of each segment first the three coordinates, then the weight."""

    def locate(self, rotations: Tensor, origins: Tensor) -> Tensor:
        """(T, K, 3) m of segments' rotations (T, S, 3, 3) and origins (T, S, 3)."""
        T, S = origins.shape[:2]
        carried = torch.cat([rotations, origins[..., None]], dim=-1)  # (T, S, 3, 4)
        return (carried.permute(0, 2, 1, 3).reshape(T, 3, 4 * S) @ self.matrix).transpose(1, 2)


def rotation_matrices(vectors: Tensor) -> Tensor:
    """(..., 3, 3) of rotation vectors (..., 3), radians; smooth at zero (Rodrigues' formula)."""
    squared = (vectors * vectors).sum(-1, keepdim=True)
    angle = torch.sqrt(squared + 1e-12)
    first, second = torch.sin(angle) / angle, (1 - torch.cos(angle)) / (angle * angle)
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*vectors.shape, 3)
    outer = vectors[..., :, None] * vectors[..., None, :]
    eye = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    matrices: Tensor = eye * (1 - second * squared)[..., None] + first[..., None] * cross + second[..., None] * outer
    return matrices
