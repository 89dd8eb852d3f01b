import numpy as np
import pytest
import torch

from choreograft.performer.region import Region
from choreograft.video.size import Size

SIZE = Size(96, 64)


def test_it_holds_the_points_and_its_margin_in_whole_steps() -> None:
    region = Region.around(np.array([[40.0, 10.0], [50.0, 50.0], [np.nan, 3.0]]), SIZE, 0.1, 8)
    assert (region.width, region.height) == (24, 48)  # 10 and 40 px, and a tenth of 40 px on each side
    assert region.left <= 36
    assert region.left + region.width >= 54
    assert region.top <= 6
    assert region.top + region.height >= 54


@pytest.mark.parametrize("points", [[[-50.0, -50.0], [500.0, 500.0]], [[np.nan, 1.0]]])
def test_it_never_leaves_the_canvas(points: list[list[float]]) -> None:
    assert Region.around(np.array(points), SIZE, 0.1, 8) == Region.whole(SIZE)


def test_a_person_at_the_edge_keeps_a_whole_region() -> None:
    region = Region.around(np.array([[90.0, 20.0], [95.0, 60.0]]), SIZE, 0.1, 16)
    assert (region.left, region.width) == (80, 16)
    assert (region.top, region.height) == (16, 48)


def test_what_is_cropped_can_be_pasted_back() -> None:
    canvas = torch.arange(1, 64 * 96.0 + 1).reshape(1, 64, 96)
    region = Region(8, 16, 24, 32)
    part = region.crop(canvas)
    assert part.shape == (1, 24, 32)
    assert torch.equal(region.paste(part, canvas), canvas)
    changed = region.paste(torch.zeros_like(part), canvas)
    assert (changed == 0).sum() == 24 * 32
    assert canvas[0, 8, 16] != 0
