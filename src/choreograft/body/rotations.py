"""Rotations of bones as matrices, and how directions and hinges are brought to lie on others.

Shapes: T frames; vectors are columns of three.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

Array = NDArray[np.float64]


def turn_about(axis: Array, angle_deg: Array) -> Array:
    """Rotations (T, 3, 3) by `angle_deg` (T,) about one axis (3,) or an axis each (T, 3), of length one."""
    return np.asarray(Rotation.from_rotvec(np.deg2rad(angle_deg)[:, None] * axis).as_matrix())


def rotate(rotations: Array, vectors: Array) -> Array:
    """(T, 3) of rotations (T, 3, 3) and vectors (T, 3) or (3,)."""
    return np.asarray((rotations @ vectors[..., None])[..., 0])


def unit(vectors: Array) -> Array:
    """Vectors (..., 3) at length one."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def square_to(vectors: Array, directions: Array) -> Array:
    """What is left of `vectors` after removing their share along `directions` (unit)."""
    return np.asarray(vectors - (vectors * directions).sum(-1, keepdims=True) * directions)


def align(rest_along: Array, rest_axis: Array, along: Array, axis: Array) -> Array:
    """(T, 3, 3) the rotation that takes a bone's rest direction and hinge (3,) to those of each frame (T, 3)."""
    return _axes(along, axis) @ _axes(rest_along[None], rest_axis[None]).transpose(0, 2, 1)


def _axes(along: Array, axis: Array) -> Array:
    """(T, 3, 3) orthonormal axes as columns: the direction, the hinge made square to it, and their product."""
    first = unit(along)
    second = unit(square_to(axis, first))
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def shortest_turn(before: Array, after: Array) -> Array:
    """(T, 3, 3) the smallest rotation taking unit vectors (T, 3) to others."""
    axis = np.cross(before, after)
    sine = np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.arctan2(sine[:, 0], (before * after).sum(1))
    return turn_about(axis / np.maximum(sine, 1e-9), np.rad2deg(angle))


def transpose(rotations: Array) -> Array:
    """The inverse rotations."""
    return np.swapaxes(rotations, -1, -2)


def as_turns(rotations: Array, axes: Array) -> Array:
    """(T, 3) rad about a joint's own axes (3, 3) of its rotations (T, 3, 3), without jumps by whole turns."""
    return np.asarray(_unwrap(Rotation.from_matrix(rotations).as_rotvec()) @ axes)


def _unwrap(vectors: Array) -> Array:
    """Rotation vectors (T, 3) of the same rotations without jumps by whole turns from frame to frame."""
    result = vectors.copy()
    for t in range(1, len(result)):
        angle = np.linalg.norm(result[t])
        if angle < 1e-6:
            continue
        others = result[t] * (1 + np.array([-2, -1, 0, 1, 2])[:, None] * 2 * np.pi / angle)
        result[t] = others[np.argmin(np.linalg.norm(others - result[t - 1], axis=1))]
    return result
