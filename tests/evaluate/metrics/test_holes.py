"""The share of a person that shows the background, by pictures in which it is known."""

from fractions import Fraction

import numpy as np
import pytest

from choreograft.evaluate.metrics.measures import Holes
from choreograft.pose.track import MaskSequence
from choreograft.video.size import Canvas, Size

SIZE = Size(64, 48)


def test_holes_are_counted_where_the_truth_differs_from_the_background() -> None:
    masks, truths = np.zeros((2, 48, 64), np.uint8), np.full((2, 48, 64, 3), 90, np.uint8)
    for t, left in enumerate((4, 40)):
        masks[t, 10:30, left : left + 20] = 255
        truths[t, 10:30, left : left + 20] = (200, 60, 60)
    truths[0, 10:20, 4:24] = 100  # clothes of the background's colour
    packed = [MaskSequence.pack(mask, SIZE) for mask in masks]
    holes = Holes(MaskSequence.from_blobs(SIZE, packed), Canvas(SIZE, SIZE), truths)
    result = truths.copy()
    result[0, 10:30, 4:14] = 90  # the left half is missing, and half of that cannot be told
    for t in range(2):
        holes.look(t, result[t], truths[t])
    values = holes.finish()["person", "holes"]
    assert values[0] == pytest.approx(100 * Fraction(9 * 9, 18 * 18), abs=0.5)
    assert values[1] == 0
