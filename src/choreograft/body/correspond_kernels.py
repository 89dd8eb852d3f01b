"""The kernels that find a body's surface in another picture; `correspond.py` launches them. CPU and CUDA run the same.

New: the picture that is made, pixels (H, W). Reference: the picture that is sampled. A kernel never reads of another
pixel what it writes, so the order in which threads run does not matter.
"""
# mypy: ignore-errors
# ruff: noqa: UP018
# warp reads the source of a kernel as a language of its own: its types are not Python's, and a number that changes in a
# loop is declared as int(...) or float(...)

import warp as wp

wp.set_module_options({"enable_backward": False})

SEEN = wp.constant(1)

LEAST_COSINE = wp.constant(0.2)
"""Slopes steeper than that of this angle to the view count as if they had it."""
RING = wp.constant(8)
"""Places looked at on each of two circles around a point, for an edge of what is visible."""


@wp.func
def facing(cosine: float, full: float) -> float:
    """How well a surface is seen at an angle to the view: 0 at a right angle, rising smoothly to 1 at `full`."""
    share = wp.clamp(cosine / full, 0.0, 1.0)
    return share * share * (3.0 - 2.0 * share)


@wp.func
def is_same_surface(depth_m: wp.array2d[float], x: int, y: int, expected_m: float, tolerance_m: float) -> float:
    """1 where the pixel shows a surface at the expected depth, else 0."""
    if x < 0 or y < 0 or x >= depth_m.shape[1] or y >= depth_m.shape[0]:
        return 0.0
    if wp.abs(depth_m[y, x] - expected_m) <= tolerance_m:
        return 1.0
    return 0.0


@wp.func
def share_around(depth_m: wp.array2d[float], at: wp.vec2, expected_m: float, tolerance_m: float) -> float:
    """Which share of a bilinear sample shows the surface that is expected there."""
    left = int(wp.floor(at[0] - 0.5))
    top = int(wp.floor(at[1] - 0.5))
    right_share = at[0] - 0.5 - float(left)
    low_share = at[1] - 0.5 - float(top)
    upper = (1.0 - right_share) * is_same_surface(depth_m, left, top, expected_m, tolerance_m)
    upper += right_share * is_same_surface(depth_m, left + 1, top, expected_m, tolerance_m)
    lower = (1.0 - right_share) * is_same_surface(depth_m, left, top + 1, expected_m, tolerance_m)
    lower += right_share * is_same_surface(depth_m, left + 1, top + 1, expected_m, tolerance_m)
    return (1.0 - low_share) * upper + low_share * lower


@wp.func
def share_on_rings(
    depth_m: wp.array2d[float], at: wp.vec2, radius_px: float, expected_m: float, tolerance_m: float
) -> float:
    """Which share of two circles around a point shows the surface that is expected there."""
    same = float(0.0)
    for step in range(RING):
        angle = 2.0 * wp.pi * (float(step) + 0.5) / float(RING)
        offset = radius_px * wp.vec2(wp.cos(angle), wp.sin(angle))
        for circle in range(1, 3):
            place = at + 0.5 * float(circle) * offset
            x = int(wp.floor(place[0]))
            y = int(wp.floor(place[1]))
            same += is_same_surface(depth_m, x, y, expected_m, tolerance_m)
    return same / float(2 * RING)


@wp.kernel
def trace(
    face: wp.array2d[wp.int32],
    barycentric: wp.array2d[wp.vec3],
    depth_m: wp.array2d[float],
    normal: wp.array2d[wp.vec3],
    faces: wp.array[wp.vec3i],
    vertices: wp.array[wp.vec3],
    vertex_normals: wp.array[wp.vec3],
    reference_depth_m: wp.array2d[float],
    focal_px: float,
    reference_focal_px: float,
    near_m: float,
    tolerance_m: float,
    slope: float,
    least_facing: float,
    full_facing: float,
    edge_m: float,
    xy: wp.array2d[wp.vec2],
    scale: wp.array2d[float],
    kind: wp.array2d[wp.int32],
    confidence: wp.array2d[float],
):
    """Find each body pixel's surface point in the reference: its place, whether it is visible there, and how well."""
    y, x = wp.tid()
    if face[y, x] < 0:
        return
    corners = faces[face[y, x]]
    weights = barycentric[y, x]
    point = weights[0] * vertices[corners[0]] + weights[1] * vertices[corners[1]] + weights[2] * vertices[corners[2]]
    if not point[2] > near_m:  # so written, NaN is left out as well
        return
    smooth = weights[0] * vertex_normals[corners[0]] + weights[1] * vertex_normals[corners[1]]
    smooth += weights[2] * vertex_normals[corners[2]]
    cosine = -wp.dot(wp.normalize(smooth), wp.normalize(point))
    middle = 0.5 * wp.vec2(float(reference_depth_m.shape[1]), float(reference_depth_m.shape[0]))
    at = middle + reference_focal_px / point[2] * wp.vec2(point[0], point[1])
    if not (wp.abs(at[0] - middle[0]) <= middle[0] and wp.abs(at[1] - middle[1]) <= middle[1]):
        return
    pixel_m = point[2] / reference_focal_px
    slant = wp.max(cosine, LEAST_COSINE)
    rise = slope * wp.sqrt(1.0 - wp.min(slant * slant, 1.0)) / slant
    share = share_around(reference_depth_m, at, point[2], tolerance_m + rise * pixel_m)
    if cosine < least_facing or share < 0.5:
        return
    ring_tolerance_m = tolerance_m + rise * (edge_m + pixel_m)
    rings = share_on_rings(reference_depth_m, at, edge_m / pixel_m, point[2], ring_tolerance_m)
    ray = wp.vec3(float(x) + 0.5 - 0.5 * float(face.shape[1]), float(y) + 0.5 - 0.5 * float(face.shape[0]), focal_px)
    new_cosine = wp.max(-wp.dot(normal[y, x], wp.normalize(ray)), 1.0e-3)
    enlarged = reference_focal_px * depth_m[y, x] / (focal_px * point[2])
    sharp = wp.min(1.0, enlarged * wp.sqrt(cosine / new_cosine))
    seen_well = facing(cosine, full_facing) * (0.5 + 0.5 * facing(new_cosine, full_facing))
    xy[y, x] = at
    scale[y, x] = enlarged
    kind[y, x] = SEEN
    confidence[y, x] = seen_well * sharp * rings


@wp.kernel
def sum_moments(
    part: wp.array2d[wp.int32], kind: wp.array2d[wp.int32], xy: wp.array2d[wp.vec2], sums: wp.array3d[wp.float64]
):
    """Per row (H,) and part: how many pixels are seen, and the sums that tell how the part turns in the picture.

    `sums` (H, P, 7): count; x, y here; x, y in the reference; their dot product; their cross product.
    """
    y = wp.tid()
    for x in range(part.shape[1]):
        if kind[y, x] == SEEN:
            label = part[y, x]
            at = xy[y, x]
            here_x = wp.float64(x) + wp.float64(0.5)
            here_y = wp.float64(y) + wp.float64(0.5)
            there_x = wp.float64(at[0])
            there_y = wp.float64(at[1])
            sums[y, label, 0] = sums[y, label, 0] + wp.float64(1.0)
            sums[y, label, 1] = sums[y, label, 1] + here_x
            sums[y, label, 2] = sums[y, label, 2] + here_y
            sums[y, label, 3] = sums[y, label, 3] + there_x
            sums[y, label, 4] = sums[y, label, 4] + there_y
            sums[y, label, 5] = sums[y, label, 5] + here_x * there_x + here_y * there_y
            sums[y, label, 6] = sums[y, label, 6] + here_x * there_y - here_y * there_x
