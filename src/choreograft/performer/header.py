"""What a performer file says of itself, how it is told from a video, and at which sizes its performer draws.

Known without loading torch.
"""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from choreograft.errors import FileFormatError, OptionError, give_reason
from choreograft.files import DAMAGE
from choreograft.presets import Preset
from choreograft.video.size import Size

FORMAT: Final = "choreograft-performer"
VERSION: Final = 2
SKELETON: Final = "coco-wholebody-133"
SUFFIX: Final = ".performer"
CUTOUTS: Final = "cutouts/"
"""What the names of the cutouts' tensors begin with."""
PLATE: Final = f"{CUTOUTS}plate"
"""A PNG file of the size of the largest results."""
PNG_HEAD: Final = 24
"""Bytes of a PNG file up to its height (ISO/IEC 15948, 11.2.2)."""
MAX_SHORT_SIDE: Final = 1080
"""Of a result, px: what people film. Larger footage is kept at this size."""


def is_performer(path: Path) -> bool:
    """Whether a path names a performer file rather than a video."""
    return path.suffix == SUFFIX


def read_header(path: Path) -> dict[str, Any]:
    """All of a performer file that is not a tensor, as `save_performer` wrote it.

    Raises:
        FileFormatError: missing, not a performer file, or of another version.
    """
    with expect_performer(path):
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ValueError("a folder, a pipe or a device")
        with safe_open(path, framework="numpy") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})["choreograft"])
        if (header["format"], header["version"], header["skeleton"]) != (FORMAT, VERSION, SKELETON):
            raise ValueError(f"{header['format']} version {header['version']} with skeleton {header['skeleton']}")
        return header


def read_training(path: Path) -> dict[str, Any]:
    """What a performer file says of how it was trained.

    Raises:
        FileFormatError: as `read_header`.
    """
    with expect_performer(path):
        training: dict[str, Any] = read_header(path)["training"]
        return training


def read_sizes(path: Path) -> tuple[Size, Size | None]:
    """The canvas of a performer file, and the size at which its references are kept; None where they are not.

    Raises:
        FileFormatError: as `read_header`.
    """
    with expect_performer(path), safe_open(path, framework="numpy") as file:
        canvas = Size.checked(read_header(path)["size"])
        if PLATE not in file.keys():  # noqa: SIM118 - not a dict
            return canvas, None
        head = file.get_slice(PLATE)[:PNG_HEAD].tobytes()
        return canvas, Size.checked(struct.unpack(">II", head[16:]))


@contextmanager
def expect_performer(path: Path) -> Iterator[None]:
    """Say in one line of whatever goes wrong that `path` is no performer file.

    Raises:
        FileFormatError: something went wrong.
    """
    try:
        yield
    except (FileFormatError, SafetensorError, *DAMAGE) as error:
        raise FileFormatError(
            f"{path}: expected a {FORMAT} file of version {VERSION}, found {give_reason(error)}; make one with"
            " choreograft train"
        ) from error


def canvas_size(preset: Preset, video: Size) -> Size:
    """The frame a performer of this preset draws for a target video of this size.

    As tall as the preset says; the width follows the video's shape, to the nearest multiple that the generator needs.
    """
    step = preset.canvas_step
    width = max(step, round(preset.height_px * video.width / video.height / step) * step)
    return Size(width, preset.height_px)


def full_size(video: Size) -> Size:
    """The size of results for footage of a size: its own, even, up to `MAX_SHORT_SIDE` on the shorter side."""
    shrink = min(1.0, MAX_SHORT_SIDE / min(video))
    return Size(*(max(2, round(side * shrink / 2) * 2) for side in video))


def pick_size(name: str, canvas: Size, full: Size | None, height: int | None) -> Size:
    """The size of results of somebody who is drawn on a canvas and, where the references are kept so, at full size.

    Args:
        name: theirs.
        height: px; None for the full size, or the canvas's where there is none.
    Raises:
        OptionError: a height that they cannot be drawn at.
    """
    largest = full or canvas
    if height is None or height == largest.height:
        return largest
    if height == canvas.height:
        return canvas
    if not canvas.height < height < largest.height:
        expected = f"{canvas.height} to {largest.height}"
        if largest.height <= canvas.height:
            expected = " or ".join(map(str, sorted({largest.height, canvas.height})))
        raise OptionError(f"--height is {height}; expected {expected}, which {name} can be drawn at")
    return Size(2 * round(largest.width * height / largest.height / 2), 2 * round(height / 2))
