"""Triangle meshes as arrays: normals, smoothing, and the simple solids that clothes and hair are made of.

Shapes: N vertices, F triangles.
"""

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

Array = NDArray[np.float64]
Faces = NDArray[np.int64]


def incidence(faces: Faces, vertices: int) -> scipy.sparse.csr_array:
    """(N, F) ones where a vertex is a corner of a triangle; turns face normals into vertex normals quickly."""
    columns = np.repeat(np.arange(len(faces)), 3)
    return scipy.sparse.csr_array((np.ones(faces.size), (faces.ravel(), columns)), shape=(vertices, len(faces)))


def vertex_normals(vertices: Array, faces: Faces, corners: scipy.sparse.csr_array) -> Array:
    """(N, 3) unit normals, each the mean of the triangles around weighted by their area."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    normals = np.asarray(corners @ np.cross(b - a, c - a))
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def smooth(vertices: Array, faces: Faces, amount: Array, rounds: int) -> Array:
    """Pull vertices towards the mean of their neighbours, `amount` (N,) of the way, `rounds` times."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    count = len(vertices)
    links = scipy.sparse.csr_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    neighbours = np.maximum(np.asarray(links.sum(axis=1)).ravel(), 1)[:, None]
    for _ in range(rounds):
        vertices = vertices + amount[:, None] * ((links @ vertices) / neighbours - vertices)
    return vertices


def ellipsoid(centre: Array, radii: Array) -> tuple[Array, Faces]:
    """Vertices and triangles of an ellipsoid."""
    polar = np.linspace(0, np.pi, 16)[1:-1, None]
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)[None]
    rings = np.stack(
        [np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), np.cos(polar) * np.ones_like(angle)], axis=-1
    )
    return loft(centre + rings * radii)


def loft(rings: Array) -> tuple[Array, Faces]:
    """Join closed rings (R, K, 3) of equally many points by triangles, and close both ends.

    The surface faces outwards where the rings run counter-clockwise seen from the end at which they begin.
    """
    R, K, _ = rings.shape
    index = np.arange(R * K).reshape(R, K)
    here, there = index[:-1], index[1:]
    quads = np.stack([here, there, np.roll(there, -1, axis=1), np.roll(here, -1, axis=1)], axis=-1).reshape(-1, 4)
    sides = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    first, last = R * K, R * K + 1
    caps = [np.column_stack([np.full(K, first), index[0], np.roll(index[0], -1)])]
    caps.append(np.column_stack([np.full(K, last), np.roll(index[-1], -1), index[-1]]))
    ends = rings[[0, -1]].mean(axis=1)
    return np.concatenate([rings.reshape(-1, 3), ends]), np.concatenate([sides, *caps])
