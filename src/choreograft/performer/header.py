"""What a performer file says of itself, and how it is told from a video; readable without loading torch."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from choreograft.errors import FileFormatError, give_reason
from choreograft.files import DAMAGE
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


def is_performer(path: Path) -> bool:
    """Whether a path names a performer file rather than a video."""
    return path.suffix == SUFFIX


def read_header(path: Path) -> dict[str, Any]:
    """All of a performer file that is not a tensor, as `save_performer` wrote it.

    Raises:
        FileFormatError: missing, not a performer file, or of another version.
    """
    with expect_performer(path), safe_open(_as_file(path), framework="numpy") as file:
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


def _as_file(path: Path) -> Path:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError("a folder, a pipe or a device")
    return path


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
