"""Surface maps without tricks, as the truth of the kernels' tests: rays against triangles, one triangle at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.video.size import Size

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PlainMap:
    """What `SurfaceMap` holds, as NumPy arrays of shape (H, W, ...)."""

    face: NDArray[np.int64]
    barycentric: Array
    depth_m: Array
    normal: Array


def pixel_rays(size: Size, focal_px: float) -> Array:
    """(H, W, 3) the rays through the pixels' centres, with z = 1."""
    x, y = np.meshgrid(np.arange(size.width) + 0.5, np.arange(size.height) + 0.5)
    return np.stack([(x - size.width / 2) / focal_px, (y - size.height / 2) / focal_px, np.ones_like(x)], axis=-1)


def trace_rays(vertices: Array, faces: NDArray[Any], focal_px: float, size: Size) -> PlainMap:
    """Intersect every ray with the front of every triangle (Möller and Trumbore 1997) and keep the nearest hit."""
    rays = pixel_rays(size, focal_px)
    found = PlainMap(
        np.full(rays.shape[:2], -1), np.zeros_like(rays), np.full(rays.shape[:2], np.inf), np.zeros_like(rays)
    )
    normals = vertex_normals(vertices, faces)
    for index, corners in enumerate(np.asarray(faces)):
        a, b, c = vertices[corners].astype(np.float64)
        if min(a[2], b[2], c[2]) <= 0.05 or np.cross(b - a, c - a) @ a >= 0:
            continue
        seen = np.stack([a, b, c])[:, :2] / np.array([[a[2]], [b[2]], [c[2]]]) * focal_px + np.array(size) / 2
        left, top = np.maximum(np.floor(seen.min(axis=0)).astype(int) - 1, 0)
        right, low = np.floor(seen.max(axis=0)).astype(int) + 2
        box = (slice(top, max(low, 0)), slice(left, max(right, 0)))
        across = np.cross(rays[box], c - a)
        size_of = across @ (b - a)
        u = across @ -a / size_of
        onward = np.cross(-a, b - a)
        v = rays[box] @ onward / size_of
        depth = (c - a) @ onward / size_of
        nearer = (u >= 0) & (v >= 0) & (u + v <= 1) & (depth < found.depth_m[box])
        found.face[box][nearer] = index
        found.depth_m[box][nearer] = depth[nearer]
        weights = np.stack([1 - u - v, u, v], axis=-1)
        found.barycentric[box][nearer] = weights[nearer]
        smooth = weights @ normals[corners]
        found.normal[box][nearer] = (smooth / np.linalg.norm(smooth, axis=-1, keepdims=True))[nearer]
    return found


def vertex_normals(vertices: Array, faces: NDArray[Any]) -> Array:
    """(V, 3) area-weighted means of the triangles' normals."""
    a, b, c = np.moveaxis(vertices[np.asarray(faces)].astype(np.float64), 1, 0)
    total = np.zeros((len(vertices), 3))
    for corner in range(3):
        np.add.at(total, np.asarray(faces)[:, corner], np.cross(b - a, c - a))
    return total / np.maximum(np.linalg.norm(total, axis=-1, keepdims=True), 1e-12)


def make_sphere(radius_m: float, rings: int = 40) -> tuple[Array, NDArray[np.int64]]:
    """Vertices about the origin and faces, seen counter-clockwise from outside."""
    polar, around = np.meshgrid(np.linspace(0, np.pi, rings + 1), np.arange(2 * rings) * np.pi / rings, indexing="ij")
    points = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=-1)
    index = np.arange(points[..., 0].size).reshape(polar.shape)
    here, beside = index, np.roll(index, -1, axis=1)
    upper = np.stack([here[:-1], here[1:], beside[1:]], axis=-1)
    lower = np.stack([here[:-1], beside[1:], beside[:-1]], axis=-1)
    return radius_m * points.reshape(-1, 3), np.concatenate([upper.reshape(-1, 3), lower.reshape(-1, 3)])


def make_wall(width_m: float, height_m: float, cells: int = 1) -> tuple[Array, NDArray[np.int64]]:
    """A rectangle in the plane z = 0 about the origin, its front towards -z, which is where a lens looks from."""
    x, y = np.meshgrid(np.linspace(-0.5, 0.5, cells + 1) * width_m, np.linspace(-0.5, 0.5, cells + 1) * height_m)
    index = np.arange(x.size).reshape(x.shape)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], axis=-1), np.stack([a, c, d], axis=-1)]).reshape(-1, 3)
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=-1), faces[:, ::-1]
