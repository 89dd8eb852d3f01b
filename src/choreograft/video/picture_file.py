"""One picture file to RGB as a viewer sees it; OpenCV decodes. Shapes: H, W pixels of the picture, upright."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from choreograft.errors import VideoError

PNG, WEBP = b"\x89PNG", b"WEBP"
PNG_WITH_ALPHA = (4, 6)
"""Colour types of a PNG header (ISO/IEC 15948, 11.2.2): grey and RGB with alpha."""
WEBP_OPAQUE = b"VP8 "
"""First chunk of a lossy WebP file without extensions (RFC 9649, 2.5), which has no place for alpha."""


def read_picture(path: Path) -> NDArray[np.uint8]:
    """The picture as (H, W, 3) uint8 RGB, contiguous.

    Turned as its EXIF data say, like videos by their display matrix. Grey becomes RGB, 16 bits become 8, and what is
    transparent is laid over black. Colour profiles are not applied. Of several pictures in one file the
    first is shown.

    Raises:
        VideoError: missing, not readable, not a picture, damaged, or transparent and turned by its EXIF data at once.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise VideoError(f"{path}: not readable: {reason}; make the file readable, or write it again") from error
    upright = _decode(data, cv2.IMREAD_COLOR)
    if upright is None:
        raise VideoError(
            f"{path}: not a picture, or damaged; expected one that a picture viewer can open; write it again"
        )
    if _may_be_transparent(data):
        upright = _lay_over_black(path, data, upright)
    return np.asarray(cv2.cvtColor(upright, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def read_sides(path: Path) -> tuple[int, int] | None:
    """Shorter and longer side, px, by the picture's header alone, which is fast; None where it cannot be read."""
    try:
        with Image.open(path) as picture:
            return min(picture.size), max(picture.size)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _decode(data: bytes, flags: int) -> NDArray[np.uint8] | None:
    """What OpenCV makes of a file's bytes, channels in the order BGR(A); None where it cannot decode them."""
    try:
        with _silent_opencv():
            decoded = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:  # of an empty file, or of a picture larger than OpenCV allows
        return None
    return None if decoded is None else np.asarray(decoded)


@contextmanager
def _silent_opencv() -> Iterator[None]:
    """Keep OpenCV's complaints off standard error, where one line of ours is to stand."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _may_be_transparent(data: bytes) -> bool:
    """Whether a second look is worth its time; TIFF is left out, as its decoder lays pictures over black itself."""
    if data.startswith(PNG):
        return data[25] in PNG_WITH_ALPHA or b"tRNS" in data
    return data[8:12] == WEBP and data[12:16] != WEBP_OPAQUE


def _lay_over_black(path: Path, data: bytes, upright: NDArray[np.uint8]) -> NDArray[np.uint8]:
    stored = _decode(data, cv2.IMREAD_UNCHANGED)  # the only way to see alpha; it does not turn the picture
    if stored is None or stored.shape[2:] != (4,):
        return upright
    as_stored = _decode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if as_stored is None or not np.array_equal(upright, as_stored):
        raise VideoError(
            f"{path}: transparent and turned by its EXIF data; expected one or the other; save it upright, or opaque"
        )
    steps = np.iinfo(stored.dtype).max // 255
    alpha = (stored[..., 3] // steps).astype(np.uint8)
    return np.asarray(cv2.multiply(upright, cv2.merge([alpha] * 3), scale=1 / 255), dtype=np.uint8)
