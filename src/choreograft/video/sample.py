"""Some frames of a video by their numbers: what lies between them is decoded but never converted, which saves most."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from choreograft.video.reel import open_reel


def sample_frames(path: Path, indices: Sequence[int] | NDArray[np.intp]) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) RGB uint8 at increasing indices, as `read_frames` numbers and shows them.

    The video is not read beyond the last of them; indices beyond its end yield nothing.

    Raises:
        VideoError: as `probe`.
    """
    wanted = {int(index) for index in indices}
    with open_reel(path) as reel:
        for index, picture in enumerate(reel.pictures()):
            if index in wanted:
                yield picture.to_rgb()
                wanted.discard(index)
            if not wanted:
                return
