"""Some frames of a video by their numbers: what lies between them is decoded but never converted, which saves most."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from choreograft.video.clock import ReadReport
from choreograft.video.reel import open_reel


def sample_frames(
    path: Path, indices: Sequence[int] | NDArray[np.intp], report: ReadReport | None = None
) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) RGB uint8 at increasing indices, as `read_frames` numbers and shows them.

    The video is not read beyond the last of them; indices beyond its end yield nothing.

    Args:
        report: filled while the frames are read, as `read_frames` does.
    Raises:
        VideoError: as `probe`.
    """
    wanted = {int(index) for index in indices}
    with open_reel(path) as reel:
        for index, picture in enumerate(reel.pictures(report or ReadReport())):
            if index in wanted:
                yield picture.to_rgb()
                wanted.discard(index)
            if not wanted:
                return
