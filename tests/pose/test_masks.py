"""Masks survive packing and stay with their frames."""

import numpy as np
import pytest

from choreograft.errors import FileFormatError
from choreograft.pose.track import MaskSequence
from choreograft.video.size import Size

SIZE = Size(6, 4)


def _mask(value: int) -> np.ndarray:
    mask = np.zeros((4, 6), np.uint8)
    mask[1:3, 2:5] = value
    return mask


def test_every_mask_comes_back_exactly_and_a_missing_one_is_empty() -> None:
    masks = MaskSequence.from_blobs(
        SIZE, [MaskSequence.pack(_mask(200), SIZE), np.zeros(0, np.uint8), MaskSequence.pack(_mask(17), SIZE)]
    )
    assert len(masks) == 3
    np.testing.assert_array_equal(masks[0], _mask(200))
    np.testing.assert_array_equal(masks[1], np.zeros((4, 6)))
    np.testing.assert_array_equal(masks[2], _mask(17))


def test_selection_reorders_and_repeats() -> None:
    masks = MaskSequence.from_blobs(SIZE, [MaskSequence.pack(_mask(value), SIZE) for value in (10, 20, 30)])
    chosen = masks.select([2, 0, 2])
    assert [int(chosen[t].max()) for t in range(3)] == [30, 10, 30]


def test_a_sequence_without_masks_is_empty() -> None:
    assert len(MaskSequence.from_blobs(SIZE, [])) == 0


def test_packing_averages_larger_masks() -> None:
    large = np.zeros((8, 12), np.uint8)
    large[:, ::2] = 255
    masks = MaskSequence.from_blobs(SIZE, [MaskSequence.pack(large, SIZE)])
    assert masks[0].shape == (4, 6)
    assert set(np.unique(masks[0])) <= {127, 128}


@pytest.mark.parametrize(
    ("frame", "kept"),
    [((1920, 1080), (512, 288)), ((360, 640), (288, 512)), ((200, 100), (200, 100)), ((4000, 2), (512, 1))],
)
def test_masks_keep_the_shape_of_the_frame(frame: tuple[int, int], kept: tuple[int, int]) -> None:
    assert MaskSequence.size_for(Size(*frame)) == Size(*kept)


def test_a_damaged_mask_is_refused_in_one_line() -> None:
    whole = MaskSequence.pack(_mask(200), SIZE)
    for spoilt in (whole[::-1].copy(), MaskSequence.pack(np.zeros((3, 3), np.uint8), Size(3, 3))):
        masks = MaskSequence.from_blobs(SIZE, [whole, spoilt])
        np.testing.assert_array_equal(masks[0], _mask(200))
        with pytest.raises(FileFormatError, match="damaged mask, of frame 1"):
            masks[1]


@pytest.mark.parametrize("starts", [[], [0], [0, 9], [1, 8], [0, 5, 3, 8]])
def test_masks_that_do_not_lie_one_after_another_are_no_masks(starts: list[int]) -> None:
    packed = np.zeros(8, np.uint8)
    assert len(MaskSequence.checked(SIZE, packed, np.array([0, 5, 5, 8]))) == 3
    with pytest.raises(ValueError, match="masks"):
        MaskSequence.checked(SIZE, packed, np.array(starts, dtype=np.int64))
