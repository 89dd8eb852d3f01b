"""What is woven into or printed on a shirt: masks over the points of its surface.

Patterns are laid out at rest, in metres of cloth: around the trunk and up it, and along and around the sleeves. So they
bend with the body, and how they stretch tells how a limb is turned.

Shapes: N points on the surface.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from choreograft.body.model import Body

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

TRUNK_ROUND, SLEEVE_ROUND = 20, 6
"""Repeats around the trunk and a sleeve: even numbers, so that no pattern has a seam."""
REPEAT_M = 0.045
"""Of every pattern, up the trunk and along the sleeves."""
PRINT_M = 0.24
"""Height of the print on the chest."""
PRINT = ("######", "######", "##....", "##....", "#####.", "#####.", "##....", "##..##", "##..##")
"""An F with a dot: no turn or reflection takes it to itself. As it is read by somebody who faces the wearer."""


def lies_on_pattern(name: str, body: Body, at: Array, on_sleeve: Mask) -> Mask:
    """(N,) which points show a pattern's second colour.

    Args:
        name: one of `PATTERNS`, but not "plain".
        body: that wears it.
        at: (N, 3) where the cloth lies at rest, m.
        on_sleeve: (N,) the points on the arms.
    """
    if name == "print":
        return _read_print(body, at) & ~on_sleeve
    return WEAVES[name](*_lay_out(body, at, on_sleeve))


def _lay_out(body: Body, at: Array, on_sleeve: Mask) -> tuple[Array, Array]:
    """Repeats around (N,) and up (N,), each counted from 0; whole numbers are where one ends and the next begins."""
    middle_y, half_width, half_depth = _measure_trunk(body)
    ellipse = np.arctan2(at[:, 0] / half_width, (middle_y - at[:, 1]) / half_depth)  # even steps along the cloth
    around = ellipse / (2 * np.pi) * TRUNK_ROUND
    up = at[:, 2] / REPEAT_M
    shoulder, elbow = body.head("upperarm01.L"), body.head("lowerarm01.L")
    sleeve = (elbow - shoulder) / np.linalg.norm(elbow - shoulder)
    offset = np.abs(at) * [1, 0, 0] + at * [0, 1, 1] - shoulder
    along = offset @ sleeve
    upwards = np.array([-sleeve[2], 0.0, sleeve[0]])  # square to a sleeve that hangs in the plane y = 0
    turned = np.arctan2(offset @ upwards, offset[:, 1]) / (2 * np.pi) * SLEEVE_ROUND
    return np.where(on_sleeve, turned, around), np.where(on_sleeve, along / REPEAT_M, up)


def _measure_trunk(body: Body) -> tuple[float, float, float]:
    """Where the middle of the waist is (y), and half its width and depth, m."""
    waist = np.abs(body.vertices[:, 2] - body.head("spine02")[2]) < 0.03
    ring = body.vertices[waist & (body.weight_of("spine") > 0.5)]
    front, back = ring[:, 1].min(), ring[:, 1].max()
    return float(front + back) / 2, float(np.abs(ring[:, 0]).max()), float(back - front) / 2


def _read_print(body: Body, at: Array) -> Mask:
    rows, columns = len(PRINT), len(PRINT[0])
    cell = PRINT_M / rows
    inked = np.array([[mark == "#" for mark in line] for line in PRINT])
    top = body.head("spine01")[2] + PRINT_M / 3
    row = np.floor((top - at[:, 2]) / cell).astype(int)
    column = np.floor(at[:, 0] / cell + columns / 2).astype(int)
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns) & (at[:, 1] < body.head("spine01")[1])
    return np.asarray(inside & inked[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)])


def _stripes(_: Array, up: Array) -> Mask:
    return np.asarray(up % 1 < 0.5)


def _pinstripes(around: Array, _: Array) -> Mask:
    return np.asarray(around % 1 < 0.4)


def _checks(around: Array, up: Array) -> Mask:
    return np.asarray((np.floor(around) + np.floor(up)) % 2 == 0)


def _dots(around: Array, up: Array) -> Mask:
    shifted = around + 0.5 * (np.floor(up) % 2)  # every other row lies between the dots of its neighbours
    return np.asarray(np.hypot(shifted % 1 - 0.5, up % 1 - 0.5) < 0.3)


WEAVES: Mapping[str, Callable[[Array, Array], Mask]] = {
    "stripes": _stripes,
    "pinstripes": _pinstripes,
    "checks": _checks,
    "dots": _dots,
}
PATTERNS = ("plain", *WEAVES, "print")
"""All that a shirt can show; plain ones have a band around the waist instead."""
