"""What a stage draws by now beside what it should draw, as one picture."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from choreograft.performer.staging import to_image
from choreograft.training.frames import TrainingFrame
from choreograft.video.size import tile_pictures

Show = Callable[[int], tuple[TrainingFrame, Tensor]]
"""From n to frame n + 1 of the recording and how it is drawn after frame n: (1, 3, H, W) in [-1, 1]."""


def draw_pairs(show: Show, pairs: NDArray[np.intp], count: int) -> NDArray[np.uint8]:
    """A contact sheet (H, W, 3) with a column each for `count` frames spread over the pairs: real, given, drawn.

    Given is the stick figure, and below it the guide where there is one.
    """
    columns = []
    for n in pairs[np.linspace(0, len(pairs) - 1, count).round().astype(int)].tolist():
        frame, drawn = show(n)
        given = frame.conditioning
        column = [to_image(frame.real[0]), to_image(given.stick[0])]
        if given.guide is not None:
            column.append(to_image(given.guide[0, :3]))
        columns.append([*column, to_image(drawn[0])])
    return tile_pictures([list(row) for row in zip(*columns, strict=True)])
