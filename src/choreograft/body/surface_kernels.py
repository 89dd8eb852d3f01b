"""The kernels that draw a body's surface; `surface.py` launches them. CPU and CUDA run the same code.

Nothing here depends on the order in which threads run: a pixel's winner is the least of 64-bit keys, and every sum is
made by one thread.
"""
# mypy: ignore-errors
# warp reads the source of a kernel as a language of its own, whose types are not Python's

import warp as wp

wp.set_module_options({"enable_backward": False})

HALF_WORD = wp.constant(wp.int64(32))
LOW_WORD = wp.constant(wp.int64(0xFFFFFFFF))
EMPTY = wp.constant(wp.int64(0x7FFFFFFFFFFFFFFF))
PADDING_PX = wp.constant(1.0e-3)


@wp.func
def ray_through(x: int, y: int, width: int, height: int, focal_px: float) -> wp.vec3:
    """The ray through a pixel's centre, with z = 1."""
    return wp.vec3(
        (float(x) + 0.5 - 0.5 * float(width)) / focal_px, (float(y) + 0.5 - 0.5 * float(height)) / focal_px, 1.0
    )


@wp.func
def edge_plane(p: wp.vec3, q: wp.vec3, p_index: int, q_index: int) -> wp.vec3:
    """The normal of the plane through the lens and an edge.

    Always computed from the lower vertex on, so that the two triangles of an edge agree to the last bit on which side
    a pixel lies: none falls between them.
    """
    if p_index < q_index:
        return wp.cross(p, q - p)
    return -wp.cross(q, p - q)


@wp.func
def corner_weights(ray: wp.vec3, a: wp.vec3, b: wp.vec3, c: wp.vec3, corners: wp.vec3i) -> wp.vec3:
    """Twice the signed volumes that the ray cuts off: barycentric coordinates up to a factor, perspective included.

    All three are at least 0 where the ray meets the triangle's front.
    """
    return -wp.vec3(
        wp.dot(ray, edge_plane(b, c, corners[1], corners[2])),
        wp.dot(ray, edge_plane(c, a, corners[2], corners[0])),
        wp.dot(ray, edge_plane(a, b, corners[0], corners[1])),
    )


@wp.kernel
def fill(
    vertices: wp.array[wp.vec3], faces: wp.array[wp.vec3i], focal_px: float, near_m: float, keys: wp.array2d[wp.int64]
):
    """Each triangle (F,) enters its depth and index where it is in front: `keys` (H, W) keeps the least."""
    face = wp.tid()
    corners = faces[face]
    a = vertices[corners[0]]
    b = vertices[corners[1]]
    c = vertices[corners[2]]
    if not (a[2] > near_m and b[2] > near_m and c[2] > near_m):  # so written, NaN is left out as well
        return
    if not (wp.dot(wp.cross(b - a, c - a), a) < 0.0):
        return
    height = keys.shape[0]
    width = keys.shape[1]
    xs = wp.vec3(a[0] / a[2], b[0] / b[2], c[0] / c[2]) * focal_px
    ys = wp.vec3(a[1] / a[2], b[1] / b[2], c[1] / c[2]) * focal_px
    middle_x = 0.5 * float(width) - 0.5
    middle_y = 0.5 * float(height) - 0.5
    left = wp.max(int(wp.ceil(wp.max(wp.min(xs) + middle_x - PADDING_PX, 0.0))), 0)
    right = int(wp.floor(wp.min(wp.max(xs) + middle_x + PADDING_PX, float(width) - 1.0)))
    top = wp.max(int(wp.ceil(wp.max(wp.min(ys) + middle_y - PADDING_PX, 0.0))), 0)
    low = int(wp.floor(wp.min(wp.max(ys) + middle_y + PADDING_PX, float(height) - 1.0)))
    for y in range(top, low + 1):
        for x in range(left, right + 1):
            weights = corner_weights(ray_through(x, y, width, height, focal_px), a, b, c, corners)
            total = weights[0] + weights[1] + weights[2]
            if wp.min(weights) >= 0.0 and total > 0.0:
                depth_m = wp.dot(weights, wp.vec3(a[2], b[2], c[2])) / total
                bits = wp.int64(wp.cast(depth_m, wp.uint32))  # of positive floats these sort as the floats do
                wp.atomic_min(keys, y, x, (bits << HALF_WORD) | wp.int64(face))


@wp.kernel
def face_vertices(
    vertices: wp.array[wp.vec3],
    faces: wp.array[wp.vec3i],
    corner_starts: wp.array[wp.int32],
    corner_faces: wp.array[wp.int32],
    normals: wp.array[wp.vec3],
):
    """Unit `normals` (V,): means of those of the triangles around a vertex, weighted by area."""
    vertex = wp.tid()
    total = wp.vec3(0.0, 0.0, 0.0)
    for at in range(corner_starts[vertex], corner_starts[vertex + 1]):
        corners = faces[corner_faces[at]]
        a = vertices[corners[0]]
        total += wp.cross(vertices[corners[1]] - a, vertices[corners[2]] - a)
    normals[vertex] = wp.normalize(total)


@wp.kernel
def resolve(
    keys: wp.array2d[wp.int64],
    vertices: wp.array[wp.vec3],
    normals: wp.array[wp.vec3],
    faces: wp.array[wp.vec3i],
    face_part: wp.array[wp.int32],
    focal_px: float,
    face: wp.array2d[wp.int32],
    barycentric: wp.array2d[wp.vec3],
    depth_m: wp.array2d[float],
    normal: wp.array2d[wp.vec3],
    part: wp.array2d[wp.int32],
):
    """Write down each pixel's (H, W) winner; pixels without one stay as they are."""
    y, x = wp.tid()
    key = keys[y, x]
    if key == EMPTY:
        return
    winner = wp.int32(key & LOW_WORD)
    corners = faces[winner]
    a = vertices[corners[0]]
    b = vertices[corners[1]]
    c = vertices[corners[2]]
    ray = ray_through(x, y, keys.shape[1], keys.shape[0], focal_px)
    weights = corner_weights(ray, a, b, c, corners)
    weights = weights / (weights[0] + weights[1] + weights[2])
    face[y, x] = winner
    barycentric[y, x] = weights
    depth_m[y, x] = wp.dot(weights, wp.vec3(a[2], b[2], c[2]))
    smooth = weights[0] * normals[corners[0]] + weights[1] * normals[corners[1]] + weights[2] * normals[corners[2]]
    normal[y, x] = wp.normalize(smooth)
    part[y, x] = face_part[winner]
