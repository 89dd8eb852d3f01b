"""The kernels that look a body up in its references; `warp.py` launches them. CPU and CUDA run the same code.

tests/plain_warp.py says the same in NumPy.
"""
# mypy: ignore-errors
# ruff: noqa: UP018, RUF046
# warp reads the source of a kernel as a language of its own: its types are not Python's, and a number that changes in a
# loop is declared as int(...) or float(...)

import warp as wp

wp.set_module_options({"enable_backward": False})

NOWHERE = wp.constant(-1)
KNOWN = wp.constant(1.0e-3)
MINOR = wp.constant(0.01)
INSET = wp.constant(0.35)
FADE = wp.constant(0.25)


@wp.func
def look_up(pictures: wp.array4d[wp.uint8], n: int, xy: wp.vec2) -> wp.vec4:
    """Bilinear; the border repeats its edge."""
    height, width = pictures.shape[1], pictures.shape[2]
    x = wp.clamp(xy[0] - 0.5, 0.0, float(width - 1))
    y = wp.clamp(xy[1] - 0.5, 0.0, float(height - 1))
    left = wp.min(int(x), width - 2)
    top = wp.min(int(y), height - 2)
    across = x - float(left)
    down = y - float(top)
    result = wp.vec4()
    for k in range(4):
        upper = float(pictures[n, top, left, k]) * (1.0 - across) + float(pictures[n, top, left + 1, k]) * across
        lower = (
            float(pictures[n, top + 1, left, k]) * (1.0 - across) + float(pictures[n, top + 1, left + 1, k]) * across
        )
        result[k] = upper * (1.0 - down) + lower * down
    return result


@wp.kernel
def draw_body(
    face: wp.array2d[int],
    place: wp.array2d[wp.vec3],
    faces: wp.array[wp.vec3i],
    shares: wp.array2d[float],
    choice: wp.array2d[int],
    vertex_xy: wp.array2d[wp.vec2],
    quality: wp.array2d[float],
    pictures: wp.array4d[wp.uint8],
    colours: wp.array[wp.vec3],
    tolerance: wp.array[float],
    power: int,
    spare_share: float,
    colour: wp.array2d[wp.vec3],
    alpha: wp.array2d[float],
    confidence: wp.array2d[float],
    provenance: wp.array2d[int],
    origin_xy: wp.array2d[wp.vec2],
    usual: wp.array2d[wp.vec3],
):
    """Each pixel (H, W) of the body: a mean over the references of the two parts it belongs to most.

    `tolerance`, `power`: how far, and how sharply from there on, a colour may differ from the vertices' mean ones.
    """
    row, column = wp.tid()
    if face[row, column] < 0:
        return
    corners = faces[face[row, column]]
    at = place[row, column]
    # the two parts
    first = int(0)
    second = int(0)
    most = float(-1.0)
    next = float(-1.0)
    for p in range(shares.shape[1]):
        share = at[0] * shares[corners[0], p] + at[1] * shares[corners[1], p] + at[2] * shares[corners[2], p]
        if share > most:
            second = first
            next = most
            first = p
            most = share
        elif share > next:
            second = p
            next = share
    mean = at[0] * colours[corners[0]] + at[1] * colours[corners[1]] + at[2] * colours[corners[2]]
    allowed = at[0] * tolerance[corners[0]] + at[1] * tolerance[corners[1]] + at[2] * tolerance[corners[2]]
    total = float(0.0)
    shown = float(0.0)
    sum = wp.vec3()
    trust = float(0.0)
    best = float(KNOWN)
    origin = int(NOWHERE)
    for slot in range(2):
        part = first
        share = most
        if slot == 1:
            part = second
            share = next
            if share < MINOR:  # most pixels lie within one part
                break
        rank = float(1.0)
        finest = float(0.0)
        for k in range(choice.shape[1]):
            n = choice[part, k]
            q = at[0] * quality[n, corners[0]] + at[1] * quality[n, corners[1]] + at[2] * quality[n, corners[2]]
            weight = q * share * rank
            rank = rank * spare_share
            finest = wp.max(finest, q)
            if weight > 0.0:
                xy = (
                    at[0] * vertex_xy[n, corners[0]]
                    + at[1] * vertex_xy[n, corners[1]]
                    + at[2] * vertex_xy[n, corners[2]]
                )
                sample = look_up(pictures, n, xy)
                away = wp.max(
                    wp.max(wp.abs(sample[0] - mean[0]), wp.abs(sample[1] - mean[1])), wp.abs(sample[2] - mean[2])
                )
                doubt = float(1.0)
                for _ in range(power):
                    doubt = doubt * (away / allowed)
                weight = weight / (1.0 + doubt)
                person = weight * sample[3] / 255.0
                total += weight
                shown += person
                sum += person * wp.vec3(sample[0], sample[1], sample[2])
                if weight > best:
                    best = weight
                    origin = n
                    origin_xy[row, column] = xy
        trust += share * finest
    usual[row, column] = mean
    colour[row, column] = (sum + KNOWN * mean) / (shown + KNOWN)
    alpha[row, column] = (shown + KNOWN) / (total + KNOWN)
    confidence[row, column] = trust / wp.max(most + wp.max(next, 0.0), 1.0e-6)
    provenance[row, column] = origin


@wp.kernel
def draw_beyond(
    face: wp.array2d[int],
    part: wp.array2d[int],
    place: wp.array2d[wp.vec3],
    faces: wp.array[wp.vec3i],
    away: wp.array2d[float],
    base: wp.array2d[int],
    smooth: wp.array2d[wp.vec4],
    choice: wp.array2d[int],
    vertex_xy: wp.array2d[wp.vec2],
    turns: wp.array[wp.vec2],
    adjoining: wp.array2d[int],
    reference_part: wp.array3d[wp.int8],
    reference_nearest: wp.array3d[wp.int8],
    pictures: wp.array4d[wp.uint8],
    reaches: wp.array[float],
    colour: wp.array2d[wp.vec3],
    alpha: wp.array2d[float],
    confidence: wp.array2d[float],
    provenance: wp.array2d[int],
    origin_xy: wp.array2d[wp.vec2],
):
    """Each pixel (H, W) up to `reaches` (P,) px around the body: moved along with the body's nearest pixel, `base`.

    `smooth`: flow around it, and how much of that comes from the reference that `base` is drawn from.
    """
    row, column = wp.tid()
    distance = away[row, column]
    if distance <= 0.0:
        return
    height, width = pictures.shape[1], pictures.shape[2]
    here = base[row, column]
    base_row = here // face.shape[1]
    base_column = here - base_row * face.shape[1]
    p = part[base_row, base_column]
    reach = reaches[p]
    if distance > reach:
        return
    n = choice[p, 0]
    corners = faces[face[base_row, base_column]]
    at = place[base_row, base_column]
    start = at[0] * vertex_xy[n, corners[0]] + at[1] * vertex_xy[n, corners[1]] + at[2] * vertex_xy[n, corners[2]]
    step = wp.vec2(float(column - base_column), float(row - base_row))
    turn = turns[p]
    xy = start + wp.vec2(turn[0] * step[0] - turn[1] * step[1], turn[1] * step[0] + turn[0] * step[1])
    around = smooth[row, column]
    if around[2] > 0.0:  # clothes between two legs follow both
        share = wp.clamp(distance / (INSET * reach), 0.0, 1.0)
        own = wp.vec2(float(column) + 0.5, float(row) + 0.5)
        xy = (1.0 - share) * xy + share * (own + wp.vec2(around[0], around[1]) / around[2])
    if xy[0] < 0.0 or xy[1] < 0.0 or xy[0] >= float(width) or xy[1] >= float(height):
        return
    # what lies there must hang on the same part, or on one that clothes join to it
    if adjoining[p, int(reference_nearest[n, int(xy[1]), int(xy[0])])] == 0:
        return
    if reference_part[n, int(xy[1]), int(xy[0])] >= wp.int8(0) and distance > INSET * reach:
        return
    sample = look_up(pictures, n, xy)
    fade = wp.clamp((1.0 - distance / reach) / FADE, 0.0, 1.0)
    shown = sample[3] / 255.0 * fade
    if shown <= 0.0:
        return
    colour[row, column] = wp.vec3(sample[0], sample[1], sample[2])
    alpha[row, column] = shown
    confidence[row, column] = 0.5 * shown * fade
    provenance[row, column] = n
    origin_xy[row, column] = xy
