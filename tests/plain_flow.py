"""Flow between bodies without tricks, as the truth of the kernels' tests: every pixel against every other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.config import CorrespondenceConfig
from plain_surface import Array, PlainMap, vertex_normals


@dataclass(frozen=True)
class PlainView:
    """A posed body and what a camera sees of it."""

    vertices: Array
    faces: NDArray[Any]
    face_part: NDArray[Any]
    focal_px: float
    map: PlainMap

    @property
    def part(self) -> NDArray[Any]:
        """(H, W) labels, -1 where there is no body."""
        return np.where(self.map.face >= 0, self.face_part[self.map.face], -1)


def trace_points(new: PlainView, reference: PlainView, config: CorrespondenceConfig) -> tuple[Array, NDArray[np.bool_]]:
    """(H, W, 2) where each body pixel's point lies in the reference, and (H, W) whether it is visible there."""
    shape = new.map.face.shape
    xy, visible = np.full((*shape, 2), np.nan), np.zeros(shape, bool)
    normals = vertex_normals(reference.vertices, reference.faces)
    height, width = reference.map.depth_m.shape
    for y, x in np.argwhere(new.map.face >= 0):
        corners = new.faces[new.map.face[y, x]]
        point = new.map.barycentric[y, x] @ reference.vertices[corners]
        normal = new.map.barycentric[y, x] @ normals[corners]
        cosine = -normal @ point / np.linalg.norm(normal) / np.linalg.norm(point)
        u, v = point[:2] / point[2] * reference.focal_px + np.array([width, height]) / 2
        xy[y, x] = u, v
        if cosine < config.least_facing or not (0 <= u <= width and 0 <= v <= height):
            continue
        tangent = np.tan(np.arccos(max(cosine, 0.2)))
        tolerance = config.tolerance_m + config.slope * tangent * point[2] / reference.focal_px
        share = 0.0
        for column in (int(np.floor(u - 0.5)), int(np.floor(u - 0.5)) + 1):
            for row in (int(np.floor(v - 0.5)), int(np.floor(v - 0.5)) + 1):
                weight = (1 - abs(u - 0.5 - column)) * (1 - abs(v - 0.5 - row))
                inside = 0 <= column < width and 0 <= row < height
                if inside and abs(reference.map.depth_m[row, column] - point[2]) <= tolerance:
                    share += weight
        visible[y, x] = share >= 0.5
    return xy, visible


def nearest_pixel(y: int, x: int, candidates: NDArray[np.bool_]) -> tuple[float, tuple[int, int] | None]:
    """How far the nearest of the marked pixels is, px, and which it is: of equally near ones the first, row by row."""
    rows, columns = np.nonzero(candidates)
    if not len(rows):
        return np.inf, None
    away = (rows - y) ** 2 + (columns - x) ** 2
    return float(np.sqrt(away.min())), (int(rows[away.argmin()]), int(columns[away.argmin()]))
