"""Some frames of a video by their numbers: what lies between them is decoded but never converted, which saves most."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from choreograft.video.decode import ReadReport, open_video, shown_pictures
from choreograft.video.picture import PictureConverter


def sample_frames(
    path: Path, indices: Sequence[int] | NDArray[np.intp], report: ReadReport | None = None
) -> Iterator[NDArray[np.uint8]]:
    """The frames (H, W, 3) RGB uint8 at increasing indices, as `read_frames` numbers and shows them.

    The file is not read beyond the last of them; indices beyond its end yield nothing.

    Args:
        report: filled while the frames are read, as `read_frames` does.
    Raises:
        VideoError: as `probe`.
    """
    wanted = {int(index) for index in indices}
    with open_video(path) as (container, stream):
        converter: PictureConverter | None = None
        for index, picture in enumerate(shown_pictures(path, container, stream, report or ReadReport())):
            converter = converter or PictureConverter(picture.frame, stream.sample_aspect_ratio)
            if index in wanted:
                yield converter.convert(picture.frame)
                wanted.discard(index)
            if not wanted:
                return
