"""Curves and primaries against the numbers of the standards, and a clip in HLG against the same in BT.709."""

import numpy as np
import pytest
from av.video.frame import VideoFrame

from choreograft.video.picture import BT2020, HLG, PQ, TO_BT709, PictureConverter, grid, map_colours

BT709 = 1


def grey(value: float, curve: int) -> float:
    """Where a grey of 0..1 comes to lie, 0..1."""
    red, green, blue = map_colours(np.full(3, value), curve, BT709)
    assert red == green == blue
    return float(red)


def test_white_of_203_nits_is_white_and_what_is_brighter_too() -> None:
    assert grey(0.5807, PQ) == pytest.approx(1, abs=1e-3)  # BT.2408, table 1: 58 % PQ, 75 % HLG
    assert grey(0.75, HLG) == pytest.approx(1, abs=2e-3)
    assert grey(1, PQ) == grey(1, HLG) == 1
    assert grey(0, PQ) == grey(0, HLG) == 0


def test_other_levels_are_those_of_the_standards() -> None:
    assert grey(0.5081, PQ) == pytest.approx((100 / 203) ** (1 / 2.4), abs=1e-3)  # ST 2084: 100 nits
    assert grey(0.5, HLG) == pytest.approx((1000 / 203 * (1 / 12) ** 1.2) ** (1 / 2.4), abs=1e-6)  # STD-B67: 1/12


def test_colours_of_bt709_written_as_bt2020_come_back() -> None:
    true = np.random.default_rng(0).uniform(0.05, 0.95, (100, 3))
    wide = (true**2.4 @ np.linalg.inv(TO_BT709).T) ** (1 / 2.4)
    np.testing.assert_allclose(map_colours(wide, BT709, BT2020), true, atol=1e-6)
    np.testing.assert_allclose(TO_BT709.sum(axis=1), 1, atol=1e-5)  # white stays white


def test_the_table_lists_red_first() -> None:
    colours = grid(3)
    np.testing.assert_array_equal(colours[:4], [[0, 0, 0], [0.5, 0, 0], [1, 0, 0], [0, 0.5, 0]])


@pytest.mark.parametrize("curve", [HLG, PQ])
def test_pictures_are_mapped_as_their_tags_say(curve: int) -> None:
    random = np.random.default_rng(1)
    colours = random.uniform(0.15, 0.45, (6, 8, 1)) + random.uniform(-0.05, 0.05, (6, 8, 3))
    picture = np.kron(colours, np.ones((8, 8, 1)))
    frame = VideoFrame.from_ndarray(np.round(picture * 65535).astype(np.uint16), format="rgb48le")
    frame.color_trc, frame.color_primaries = curve, BT2020
    converter = PictureConverter(None)
    seen = converter.convert(frame, converter.see(frame))[4::8, 4::8]
    off = np.abs(seen - 255 * map_colours(colours, curve, BT2020))
    assert off.mean() < 0.6
    assert off.max() < 6  # dark and far from grey, between entries of the table
    frame.color_trc, frame.color_primaries = BT709, BT709
    np.testing.assert_allclose(converter.convert(frame, converter.see(frame))[4::8, 4::8], 255 * colours, atol=1)
