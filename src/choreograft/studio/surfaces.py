"""Floors, walls and rugs as textures, drawn rather than filmed.

All are (H, W, 3) uint8. Those of floors and walls cover a square of `TEXTURE_SIDE_M` and can be laid side by side.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Texture = Callable[[], NDArray[np.uint8]]
TEXTURE_SIDE_M = 4


def planks() -> NDArray[np.uint8]:
    """A wooden floor, 4 m x 4 m: boards of 25 cm with a grain of their own."""
    random = np.random.default_rng(5)
    side, boards = 1024, 16
    board = np.arange(side) * boards // side
    row, column = np.mgrid[:side, :side]
    tone = random.uniform(0.86, 1.08, boards)[board]
    joint = (row + random.integers(0, side, boards)[board]) % (side // 2) < 3
    edge = column % (side // boards) < 2
    grain = 1 + 0.05 * np.sin(0.9 * column + 3 * np.sin(0.02 * row))
    light = tone * grain * np.where(joint | edge, 0.72, 1.0)
    return np.asarray(np.clip(light[..., None] * [176, 134, 92], 0, 255), dtype=np.uint8)


def tiles() -> NDArray[np.uint8]:
    """A tiled floor, 4 m x 4 m: 50 cm squares of two tones with light joints."""
    side, count = 1024, 8
    row, column = np.mgrid[:side, :side] * count // side
    tone = np.where((row + column) % 2 == 0, 1.0, 0.84)
    joint = (np.mgrid[:side, :side] % (side // count) < 4).any(axis=0)
    light = np.where(joint, 1.16, tone)
    return np.asarray(np.clip(light[..., None] * [164, 166, 170], 0, 255), dtype=np.uint8)


def screed() -> NDArray[np.uint8]:
    """A dark, plain floor, 4 m x 4 m, with the faintest clouds."""
    y, x = np.mgrid[:256, :256] * 2 * np.pi / 256
    clouds = 1 + 0.02 * np.sin(2 * x + np.sin(3 * y)) * np.cos(3 * y + np.sin(x))
    return np.asarray(np.clip(clouds[..., None] * [70, 68, 72], 0, 255), dtype=np.uint8)


def bricks() -> NDArray[np.uint8]:
    """A brick wall, 4 m x 4 m: bricks of 25 cm x 8 cm, each of its own tone, every other course set off by half."""
    random = np.random.default_rng(7)
    side, courses, across = 2048, 50, 16
    row, column = np.mgrid[:side, :side]
    course = row * courses // side
    place = column * across / side + 0.5 * (course % 2)
    brick = place.astype(int) % across
    tone = random.uniform(0.62, 1.25, (courses, across))[course, brick]
    rust = random.uniform(-14, 14, (courses, across))[course, brick]
    joint = (place % 1 < 0.045) | (row * courses / side % 1 < 0.14)
    grain = random.normal(1, 0.06, (side, side))
    colour = (tone * grain)[..., None] * [158, 88, 70] + rust[..., None] * [1.0, 0.4, 0.2]
    colour = np.where(joint[..., None], grain[..., None] * [196, 188, 176], colour)
    return np.asarray(np.clip(colour, 0, 255), dtype=np.uint8)


def carpet() -> NDArray[np.uint8]:
    """A patterned rug with a border: rows of lozenges in four colours."""
    height, width, rows, across = 680, 960, 8, 12
    row, column = np.mgrid[:height, :width]
    u, v = column * across / width, row * rows / height
    lozenge = np.abs(u % 1 - 0.5) + np.abs(v % 1 - 0.5)
    kind = (u.astype(int) + 2 * v.astype(int)) % 4
    colours = np.array([[182, 44, 52], [30, 66, 118], [226, 176, 62], [40, 110, 92]])
    picture = np.where((lozenge < 0.42)[..., None], colours[kind], [236, 222, 196])
    picture = np.where((lozenge < 0.16)[..., None], [44, 30, 34], picture)
    edge = np.minimum(np.minimum(row, height - 1 - row), np.minimum(column, width - 1 - column))
    picture = np.where((edge < 40)[..., None], [120, 26, 40], picture)
    picture = np.where(((edge > 12) & (edge < 22))[..., None], [226, 176, 62], picture)
    return np.asarray(picture, dtype=np.uint8)
