"""Decoded pictures to RGB: the faster way gives the same colours as the plain one."""

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

from choreograft.video.picture import ALIKE_IN_PLANES, PRECISE, PictureConverter, _matrix, _range


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
