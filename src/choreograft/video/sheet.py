"""Contact sheets: many frames in one picture, for people who would rather look than read."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.files import atomic_path
from choreograft.video.size import Size

GAP_PX = 4
GROUND = 24
"""Grey level between the pictures."""


def tile_pictures(rows: Sequence[Sequence[NDArray[np.uint8]]]) -> NDArray[np.uint8]:
    """Lay pictures (h, w, 3) RGB uint8 out in rows, each as tall as its first picture, with a gap between them."""
    strips = [_join_row(row) for row in rows if row]
    width = max(strip.shape[1] for strip in strips)
    sheet = np.full((sum(strip.shape[0] + GAP_PX for strip in strips) - GAP_PX, width, 3), GROUND, np.uint8)
    top = 0
    for strip in strips:
        sheet[top : top + strip.shape[0], : strip.shape[1]] = strip
        top += strip.shape[0] + GAP_PX
    return sheet


def width_at(size: Size, height_px: int) -> int:
    """The width of a picture of that size at another height, its shape kept."""
    return size.width if size.height == height_px else max(1, round(size.width * height_px / size.height))


def scale_to_height(picture: NDArray[np.uint8], height_px: int) -> NDArray[np.uint8]:
    """The same picture (h, w, 3) at another height, its shape kept."""
    given = Size.of(picture)
    if given.height == height_px:
        return picture
    size = (width_at(given, height_px), height_px)
    interpolation = cv2.INTER_AREA if given.height > height_px else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), dtype=np.uint8)


def fit_into(picture: NDArray[np.uint8], size: Size, ground: int = GROUND) -> NDArray[np.uint8]:
    """The whole of a picture (h, w, 3) as large as it fits into `size`, centred on a grey level."""
    given = Size.of(picture)
    scale = min(size.width / given.width, size.height / given.height)
    inner = given.scaled(scale)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    left, top = (size.width - inner.width) // 2, (size.height - inner.height) // 2
    cell = np.full((size.height, size.width, 3), ground, np.uint8)
    cell[top : top + inner.height, left : left + inner.width] = cv2.resize(picture, inner, interpolation=interpolation)
    return cell


def save_picture(picture: NDArray[np.uint8], path: Path) -> None:
    """Write (H, W, 3) RGB uint8 as the format of the suffix, atomically."""
    _, data = cv2.imencode(path.suffix, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def _join_row(row: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    height_px = row[0].shape[0]
    parts = [scale_to_height(picture, height_px) for picture in row]
    gap = np.full((height_px, GAP_PX, 3), GROUND, np.uint8)
    joined = [part for picture in parts for part in (picture, gap)][:-1]
    return np.concatenate(joined, axis=1)
