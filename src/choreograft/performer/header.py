"""What a performer file says of itself, and how it is told from a video; readable without loading torch."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from safetensors import SafetensorError, safe_open

from choreograft.archive import DAMAGE
from choreograft.errors import FileFormatError, give_reason

FORMAT: Final = "choreograft-performer"
VERSION: Final = 2
SKELETON: Final = "coco-wholebody-133"
SUFFIX: Final = ".performer"


def is_performer(path: Path) -> bool:
    """Whether a path names a performer file rather than a video."""
    return path.suffix == SUFFIX


def read_header(path: Path) -> dict[str, Any]:
    """All of a performer file that is not a tensor, as `save_performer` wrote it.

    Raises:
        FileFormatError: missing, not a performer file, or of another version.
    """
    with expect_performer(path), safe_open(path, framework="numpy") as file:
        header: dict[str, Any] = json.loads((file.metadata() or {})["choreograft"])
        if (header["format"], header["version"], header["skeleton"]) != (FORMAT, VERSION, SKELETON):
            raise ValueError(f"{header['format']} version {header['version']} with skeleton {header['skeleton']}")
        return header


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
