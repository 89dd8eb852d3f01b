"""ST-LPIPS: the network's shape without weights, and with the published ones the order that an eye gives damage."""

from pathlib import Path

import numpy as np
import pytest
import torch

from choreograft import assets
from choreograft.errors import FileFormatError
from choreograft.evaluate.metrics.perceptual import (
    MAX_SIDE_PX,
    MIN_SIDE_PX,
    NetworkDistance,
    ShiftTolerantVgg,
    crop_at_full_size,
    load_stlpips,
)
from choreograft.evaluate.metrics.regions import Box
from choreograft.performer.device import choose_compute
from full_size_person import blur, draw_mask, draw_person, invent_detail, shift, take_through

CPU = choose_compute("cpu")


@pytest.fixture(scope="module")
def distance() -> NetworkDistance:
    if assets.cached(assets.ST_LPIPS) is None:
        pytest.skip("the model files are not in the cache")
    return load_stlpips(CPU)


def test_halvings_keep_every_second_place_of_a_blurred_maximum() -> None:
    network = ShiftTolerantVgg()
    stages = network.features(torch.zeros(1, 3, 40, 33))
    assert [tuple(stage.shape[1:]) for stage in stages] == [
        (64, 40, 33), (128, 21, 17), (256, 11, 9), (512, 6, 5), (512, 4, 3),
    ]  # fmt: skip
    peaks = network.stages[1][1](torch.full((1, 64, 6, 6), 7.0))
    torch.testing.assert_close(peaks, torch.full((1, 64, 4, 4), 7.0))


def test_other_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"net.slice1.0.weight": torch.zeros(64, 3, 3, 3)}, path)
    with pytest.raises(FileFormatError, match="not the expected weights"):
        ShiftTolerantVgg().load(path)


def test_crops_keep_their_size_within_bounds() -> None:
    picture = np.zeros((2000, 900, 3), np.uint8)
    whole, other = crop_at_full_size(Box(100, 10, 400, 700), "person", picture, picture)
    assert whole.shape == other.shape == (690, 300, 3)
    assert crop_at_full_size(Box(0, 0, 900, 1800), "person", picture, picture)[0].shape == (MAX_SIDE_PX, 360, 3)
    assert crop_at_full_size(Box(0, 0, 16, 20), "person", picture, picture)[0].shape == (40, MIN_SIDE_PX, 3)


@pytest.mark.models
def test_the_distance_is_what_the_published_network_says(distance: NetworkDistance) -> None:
    """A checkerboard against grey and a ramp; from the authors' own code, package stlpips-pytorch 0.0.2."""
    rows, columns = np.indices((72, 56))
    board = np.repeat((255 * ((rows // 8 + columns // 8) % 2))[..., None], 3, axis=-1).astype(np.uint8)
    ramp = np.stack([3 * rows, 4 * columns, 255 - 3 * rows], axis=-1).astype(np.uint8)
    grey = np.full_like(board, 128)
    assert distance([(board, board), (board, grey), (ramp, grey), (ramp, board)]) == pytest.approx(
        [0, 1.060658, 0.981756, 0.89759], abs=1e-5
    )


@pytest.mark.models
def test_blur_and_invented_detail_are_far_and_a_shift_is_near(distance: NetworkDistance) -> None:
    truth = draw_person(draw_mask())
    results = (truth, shift(truth), take_through(truth), blur(truth), invent_detail(truth))
    cut = (slice(60, 260), slice(80, 240))
    equal, shifted, coarse, blurred, invented = distance([(result[cut], truth[cut]) for result in results])
    assert equal == 0
    assert 0 < 4 * shifted < min(blurred, coarse, invented)
