"""The kernels that carry a flow on to where the reference shows no surface; `correspond.py` launches them.

CPU and CUDA run the same code. A kernel never reads of another pixel what it writes, so the order in which threads run
does not matter.
"""
# mypy: ignore-errors
# ruff: noqa: UP018, RUF046
# warp reads the source of a kernel as a language of its own: its types are not Python's, and a number that changes in a
# loop is declared as int(...) or float(...)

import warp as wp

wp.set_module_options({"enable_backward": False})

NOTHING = wp.constant(0)
SEEN = wp.constant(1)
FILLED = wp.constant(2)
BEYOND = wp.constant(3)

ON_PART = wp.constant(0.25)
"""Share of a bilinear sample that must be of a part to count as lying on it."""
FAR = wp.constant(1.0e9)


@wp.func
def carry(at: wp.vec2, dx: float, dy: float, turn: wp.vec2, scale: float) -> wp.vec2:
    """Where the neighbour at (dx, dy) of a pixel that maps to `at` comes to lie, if it moves with the pixel's part."""
    return at + scale * wp.vec2(turn[0] * dx - turn[1] * dy, turn[1] * dx + turn[0] * dy)


@wp.func
def part_at(part: wp.array2d[wp.int32], x: int, y: int) -> int:
    """The label of a pixel, -1 outside of the picture."""
    if x < 0 or y < 0 or x >= part.shape[1] or y >= part.shape[0]:
        return -1
    return part[y, x]


@wp.func
def share_of_part(part: wp.array2d[wp.int32], at: wp.vec2, label: int) -> float:
    """Which share of a bilinear sample is of a part."""
    left = int(wp.floor(at[0] - 0.5))
    top = int(wp.floor(at[1] - 0.5))
    share = float(0.0)
    for corner in range(4):
        x = left + corner % 2
        y = top + corner // 2
        if part_at(part, x, y) == label:
            share += (1.0 - wp.abs(at[0] - 0.5 - float(x))) * (1.0 - wp.abs(at[1] - 0.5 - float(y)))
    return share


@wp.kernel
def fill_holes(
    part: wp.array2d[wp.int32],
    reference_part: wp.array2d[wp.int32],
    depth_m: wp.array2d[float],
    turns: wp.array[wp.vec2],
    counts: wp.array[wp.int32],
    focal_px: float,
    bound_m: float,
    trust: float,
    xy: wp.array2d[wp.vec2],
    scale: wp.array2d[float],
    kind: wp.array2d[wp.int32],
    confidence: wp.array2d[float],
):
    """Let body pixels that the reference does not show move with the nearest seen pixel of their part.

    Where that leads off the part in the reference, the part's surface is mirrored at the seen pixel, or repeats it.
    """
    y, x = wp.tid()
    label = part[y, x]
    if label < 0 or kind[y, x] == SEEN:
        return
    if counts[label] == 0:
        return
    width = part.shape[1]
    bound_px = bound_m * focal_px / depth_m[y, x]
    nearest = float(bound_px * bound_px)  # squared
    found = int(-1)
    radius = int(1)
    while float(radius) * float(radius) <= nearest:  # ring by ring, row by row
        for row in range(wp.max(y - radius, 0), wp.min(y + radius, part.shape[0] - 1) + 1):
            step = 2 * radius
            if wp.abs(row - y) == radius:
                step = 1
            for across in range(x - radius, x + radius + 1, step):
                if across < 0 or across >= width:
                    continue
                if part[row, across] == label and kind[row, across] == SEEN:
                    distance = float((row - y) * (row - y) + (across - x) * (across - x))
                    index = row * width + across
                    if distance < nearest or (distance == nearest and (found < 0 or index < found)):
                        nearest = distance
                        found = index
        radius += 1
    if found < 0:
        return
    row = found // width
    across = found - row * width
    dx = float(x - across)
    dy = float(y - row)
    place = carry(xy[row, across], dx, dy, turns[label], scale[row, across])
    if share_of_part(reference_part, place, label) < ON_PART:
        place = carry(xy[row, across], -dx, -dy, turns[label], scale[row, across])
    if share_of_part(reference_part, place, label) < ON_PART:
        place = xy[row, across]
    xy[y, x] = place
    scale[y, x] = scale[row, across]
    kind[y, x] = FILLED
    confidence[y, x] = trust * confidence[row, across] * wp.max(0.0, 1.0 - wp.sqrt(nearest) / bound_px)


@wp.kernel
def find_in_row(part: wp.array2d[wp.int32], before: wp.array2d[wp.int32], after: wp.array2d[wp.int32]):
    """For every pixel of each row (H,) the column of the nearest body pixel to the left and to the right, or -1."""
    y = wp.tid()
    width = part.shape[1]
    last = int(-1)
    for x in range(width):
        if part[y, x] >= 0:
            last = x
        before[y, x] = last
    last = int(-1)
    for back in range(width):
        x = width - 1 - back
        if part[y, x] >= 0:
            last = x
        after[y, x] = last


@wp.func
def reach_of(bound_m: float, focal_px: float, nearest_m: float, height: int) -> int:
    """How many pixels a bound spans where the body is nearest to the lens."""
    return int(wp.ceil(wp.min(bound_m * focal_px / nearest_m, float(height))))


@wp.kernel
def find_in_column(
    before: wp.array2d[wp.int32],
    after: wp.array2d[wp.int32],
    nearest_m: wp.array[float],
    focal_px: float,
    bound_m: float,
    is_near: wp.array2d[wp.int32],
):
    """Mark the pixels of each column (W,) with body in the square around them that the bound spans."""
    x = wp.tid()
    height = before.shape[0]
    reach = reach_of(bound_m, focal_px, nearest_m[0], height)
    last = int(-1) - reach
    for ahead in range(height + reach):
        if ahead < height:
            left = before[ahead, x]
            right = after[ahead, x]
            if (left >= 0 and x - left <= reach) or (right >= 0 and right - x <= reach):
                last = ahead
        y = ahead - reach
        if y >= 0:
            is_near[y, x] = int(last >= y - reach)


@wp.kernel
def extend(
    part: wp.array2d[wp.int32],
    reference_part: wp.array2d[wp.int32],
    adjoining: wp.array2d[wp.int32],
    depth_m: wp.array2d[float],
    nearest_m: wp.array[float],
    before: wp.array2d[wp.int32],
    after: wp.array2d[wp.int32],
    is_near: wp.array2d[wp.int32],
    turns: wp.array[wp.vec2],
    focal_px: float,
    bound_m: float,
    front: float,
    inset_m: float,
    xy: wp.array2d[wp.vec2],
    scale: wp.array2d[float],
    kind: wp.array2d[wp.int32],
    confidence: wp.array2d[float],
):
    """Let pixels around the body move with the nearest pixel of it, up to a bound.

    Where the reference shows a part there that does not adjoin the nearest one, such as a hand beside a thigh, they
    get no confidence.
    """
    y, x = wp.tid()
    if part[y, x] >= 0 or is_near[y, x] == 0:
        return
    reach = reach_of(bound_m, focal_px, nearest_m[0], part.shape[0])
    least = float(FAR)
    away_m = float(0.0)
    row = int(-1)
    across = int(-1)
    for candidate_row in range(wp.max(y - reach, 0), wp.min(y + reach, part.shape[0] - 1) + 1):
        for side in range(2):
            column = before[candidate_row, x]
            if side == 1:
                column = after[candidate_row, x]
            if column >= 0:
                away = float((candidate_row - y) * (candidate_row - y) + (column - x) * (column - x))
                depth = depth_m[candidate_row, column]
                distance_m = wp.sqrt(away) * depth / focal_px
                cost = distance_m + front * depth
                if distance_m < bound_m and cost < least:
                    least = cost
                    away_m = distance_m
                    row = candidate_row
                    across = column
    if row < 0:
        return
    if kind[row, across] == NOTHING:
        return
    dx = float(x - across)
    dy = float(y - row)
    inset_px = inset_m * focal_px / depth_m[row, across] / wp.sqrt(dx * dx + dy * dy)
    trust = confidence[row, across]
    inner_x = wp.clamp(across - int(wp.round(inset_px * dx)), 0, part.shape[1] - 1)
    inner_y = wp.clamp(row - int(wp.round(inset_px * dy)), 0, part.shape[0] - 1)
    if part[inner_y, inner_x] == part[row, across]:
        trust = wp.max(trust, confidence[inner_y, inner_x])
    label = part[row, across]
    place = carry(xy[row, across], dx, dy, turns[label], scale[row, across])
    shown = part_at(reference_part, int(wp.floor(place[0])), int(wp.floor(place[1])))
    if shown >= 0:
        trust *= float(adjoining[label, shown])
    xy[y, x] = place
    kind[y, x] = BEYOND
    confidence[y, x] = trust * (1.0 - away_m / bound_m)
