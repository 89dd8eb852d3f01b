"""How a video's pictures lie in its file: what a program sees that knows nothing of display matrix and pixel shape."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from choreograft.video.decode import first_picture, open_video
from choreograft.video.picture import orientation
from choreograft.video.picture_folder import is_picture_folder
from choreograft.video.size import Size


@dataclass(frozen=True)
class StoredPicture:
    """The pictures of one video before they are turned upright and their pixels made square."""

    size: Size
    transpose: bool
    """Whether rows become columns; before `flips`."""
    flips: int | None
    """OpenCV's code: 0 upside down, 1 left to right, -1 both, None neither."""

    def show(self, shares: NDArray[Any]) -> NDArray[Any]:
        """Places (..., 2) x, y in the picture as it lies there, as places in the one shown; shares of the sides."""
        shown = shares[..., ::-1] if self.transpose else shares
        return np.where([self.flips in (1, -1), self.flips in (0, -1)], 1 - shown, shown)


def look_at_stored(path: Path) -> StoredPicture | None:
    """How the first picture of a video lies in its file; None for a folder of pictures.

    Raises:
        VideoError: as `probe`.
    """
    if is_picture_folder(path):
        return None
    with open_video(path) as (container, stream):
        frame = first_picture(path, container, stream).frame
        return StoredPicture(Size(frame.width, frame.height), *(orientation(frame) or (False, None)))
