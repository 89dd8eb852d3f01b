"""Decoded pictures to RGB: the faster way gives the same colours as the plain one; high dynamic range is mapped.

Curves and primaries are held against the numbers of the standards, and a clip in HLG against the same in BT.709.
"""

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

from choreograft.video.picture import (
    ALIKE_IN_PLANES,
    BT2020,
    HLG,
    PQ,
    PRECISE,
    TO_BT709,
    PictureConverter,
    _matrix,
    _range,
    grid,
    map_colours,
)


def decoded(format_name: str, width: int, height: int) -> VideoFrame:
    """A frame as a decoder gives it, of soft noise."""
    noise = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    soft = np.ascontiguousarray(cv2.GaussianBlur(noise, (0, 0), 1.5))
    return VideoReformatter().reformat(VideoFrame.from_ndarray(soft, format="rgb24"), format=format_name)


def plain(frame: VideoFrame) -> NDArray[np.uint8]:
    rgb = VideoReformatter().reformat(
        frame,
        format="rgb24",
        src_colorspace=_matrix(frame),
        dst_colorspace=_matrix(frame),
        src_color_range=_range(frame),
        dst_color_range=ColorRange.JPEG,
        interpolation=PRECISE,
    )
    return np.asarray(rgb.to_ndarray(), dtype=np.uint8)


@pytest.mark.parametrize("size", [(642, 482), (641, 480), (640, 481), (1288, 722)])
@pytest.mark.parametrize("format_name", [*sorted(ALIKE_IN_PLANES), "rgb24", "rgb565le"])
def test_colours_are_those_of_the_plain_conversion(format_name: str, size: tuple[int, int]) -> None:
    frame = decoded(format_name, *size)
    converter = PictureConverter(None)
    found = converter.convert(frame, converter.see(frame))
    off = np.abs(found.astype(int) - plain(frame))
    assert off.max() <= 1  # none with the instructions of x86; others may round otherwise
    assert off.mean() < 0.01
    assert found.flags.c_contiguous


def test_a_picture_is_not_shared_with_the_decoder() -> None:
    for format_name in ("rgb24", "yuv420p"):
        frame = decoded(format_name, 64, 48)
        converter = PictureConverter(None)
        shape = converter.see(frame)
        first = converter.convert(frame, shape)
        first[:] = 0
        assert converter.convert(frame, shape).any()


def test_what_is_transparent_lies_over_black() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 4), np.uint8)
    frame, converter = VideoFrame.from_ndarray(picture, format="rgba"), PictureConverter(None)
    seen = converter.convert(frame, converter.see(frame))
    np.testing.assert_allclose(seen, picture[..., :3] * (picture[..., 3:] / 255), atol=0.51)


def test_a_picture_of_another_shape_gets_bars_and_nobody_is_squeezed() -> None:
    converter, wide = PictureConverter(None), np.full((40, 80, 3), 200, np.uint8)
    tall = np.zeros((80, 40, 3), np.uint8)
    tall[:, 10:30] = 255  # half of its width, in its middle
    frames = [VideoFrame.from_ndarray(each, format="rgb24") for each in (wide, tall, wide)]
    shapes = [converter.see(frame) for frame in frames]
    seen = [converter.convert(*each) for each in zip(frames, shapes, strict=True)]
    np.testing.assert_array_equal(seen[0], wide)
    np.testing.assert_array_equal(seen[2], wide)
    assert seen[1].shape == wide.shape
    assert (seen[1][:, :30] == 0).all()
    assert (seen[1][:, 50:] == 0).all()
    assert (seen[1][2:-2, 36:44] == 255).all()  # 20 px across, now 10


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
