"""Decoded pictures to RGB as a viewer sees them: right colours, upright, square pixels.

Colour follows the stream's own tags. Where it has none, the usual convention holds: BT.709 for high definition, BT.601
below, limited range. High dynamic range becomes BT.709 (filters.py), what is transparent lies over black.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

import cv2
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideDataContainer
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from choreograft.video.filters import PLANES, ToneMap, build_filter
from choreograft.video.sheet import fit_into
from choreograft.video.size import Size

HD = Size(1280, 576)
"""From this long side, or above this short side, untagged pictures are BT.709."""
MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.SMPTE170M,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
"""By the code of ITU-T H.273 that streams carry; any other one means untagged."""
PRECISE = Interpolation.BILINEAR | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND
"""swscale's shortcuts darken the picture by a level or two; without them 1080p still converts in about 10 ms."""
ALIKE_IN_PLANES = {"yuv420p", "yuvj420p", "nv12", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p",
                   "yuv420p10le", "p010le", "yuv422p10le", "yuv444p10le"}  # fmt: skip
"""Formats that swscale converts to planes in half the time and to the very same colours, unless rows are blended."""
SANE_ASPECT = (Fraction(1, 4), Fraction(4))
"""Pixel shapes beyond these are damage, not intent."""
ASPECT_PARTS = 1000
"""The shapes of single pictures' pixels are measured in parts of one."""


@dataclass(frozen=True)
class TimedPicture:
    """A picture that is yet to be converted, and when it is shown, s since its reel's own zero."""

    time: Fraction
    duration: Fraction | None
    """None where nothing says how long it stays."""
    to_rgb: Callable[[], NDArray[np.uint8]]
    """Makes it an upright (H, W, 3) RGB array, contiguous and not shared."""


@dataclass(frozen=True)
class StoredPicture:
    """A picture before it is turned upright, and how it will be."""

    size: Size
    """As it lies there, px."""
    transpose: bool
    """Whether rows become columns; before `flips`."""
    flips: int | None
    """OpenCV's code: 0 upside down, 1 left to right, -1 both, None neither."""

    @property
    def shown_size(self) -> Size:
        """As seen, px."""
        return Size(self.size.height, self.size.width) if self.transpose else self.size

    def show(self, shares: NDArray[Any]) -> NDArray[Any]:
        """Places (..., 2) x, y in the picture as it lies there, as places in the one shown; shares of the sides."""
        shown = shares[..., ::-1] if self.transpose else shares
        return np.where([self.flips in (1, -1), self.flips in (0, -1)], 1 - shown, shown)

    def turn(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture as stored (h, w, 3), upright."""
        turned = cv2.transpose(image) if self.transpose else image
        if self.flips is not None:
            turned = cv2.flip(turned, self.flips)
        return np.asarray(turned, dtype=np.uint8)


class PixelAspects:
    """The shape of a stream's pixels, picture by picture: in joined broadcasts it changes on the way."""

    def __init__(self, declared: Fraction | None) -> None:
        self._declared = declared
        self._first: int | None = None
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None

    def of(self, frame: VideoFrame) -> Fraction | None:
        """The declared one while pictures are as the first, else by as much more as theirs is than the first's."""
        parts = self._measure(frame)
        self._first = self._first or parts
        if parts == self._first:
            return self._declared
        return (self._declared or 1) * Fraction(parts, self._first).limit_denominator(ASPECT_PARTS // 10)

    def _measure(self, frame: VideoFrame) -> int:
        """Of one picture, in parts; PyAV does not tell, but FFmpeg scales by it where it is asked to."""
        kind = frame.width, frame.height, frame.format.name
        if self._graph is None or kind != self._kind:
            width = f"round({ASPECT_PARTS}*clip(sar,0.1,10))"
            self._graph = build_filter(kind[:2], kind[2], "scale", w=width, h="2", eval="frame", flags="neighbor")
            self._kind = kind
        self._graph.push(frame)
        return cast(VideoFrame, self._graph.pull()).width


class PictureConverter:
    """Turns the pictures of one stream into upright RGB arrays that all have the first one's size."""

    def __init__(self, pixel_aspect: Fraction | None) -> None:
        """Begin a stream.

        Args:
            pixel_aspect: a pixel's width in its heights, as the file says of the first picture; None where it does not.
        """
        self._pixel_aspects = PixelAspects(pixel_aspect)
        self._turned: tuple[bool, int | None] = False, None
        self._size: Size | None = None
        self._reformatter = VideoReformatter()
        self._tone = ToneMap()

    def see(self, frame: VideoFrame) -> StoredPicture:
        """How the stream's next picture lies, with square pixels; the first one decides the size of all."""
        self._turned = orientation(frame) or self._turned
        square = _square_size(Size(frame.width, frame.height), self._pixel_aspects.of(frame))
        stored = StoredPicture(square, *self._turned)
        self._size = self._size or stored.shown_size
        return stored

    def convert(self, frame: VideoFrame, stored: StoredPicture) -> NDArray[np.uint8]:
        """The picture as (H, W, 3) uint8 RGB, contiguous and not shared with the decoder; bars where another shape."""
        image, size = stored.turn(self._to_rgb(frame, stored.size)), self._size or stored.shown_size
        return image if size == stored.shown_size else fit_into(image, size, ground=0)

    def _to_rgb(self, frame: VideoFrame, size: Size) -> NDArray[np.uint8]:
        if any(component.is_alpha for component in frame.format.components):
            shown = self._reformat(frame, "rgba", size).to_ndarray()
            return np.asarray(cv2.multiply(shown[..., :3], cv2.merge([shown[..., 3]] * 3), scale=1 / 255), np.uint8)
        if self._tone.concerns(frame):
            mapped = self._tone.map(self._reformat(frame, PLANES, size), frame)
            return np.array(self._reformatter.reformat(mapped, format="rgb24").to_ndarray(), dtype=np.uint8, order="C")
        if frame.format.name in ALIKE_IN_PLANES and (frame.width, frame.height) == size and frame.height % 2 == 0:
            green, blue, red = (_view(plane) for plane in self._reformat(frame, "gbrp", size).planes)
            return np.asarray(cv2.merge([red, green, blue]), dtype=np.uint8)
        return np.array(self._reformat(frame, "rgb24", size).to_ndarray(), dtype=np.uint8, order="C")

    def _reformat(self, frame: VideoFrame, format_name: str, size: Size) -> VideoFrame:
        matrix = _matrix(frame)
        return self._reformatter.reformat(
            frame,
            *size,
            format=format_name,
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=_range(frame),
            dst_color_range=ColorRange.JPEG,
            interpolation=PRECISE,
        )


def _view(plane: VideoPlane) -> NDArray[np.uint8]:
    """(H, W) the plane's own memory without the padding of its rows."""
    memory = cast(memoryview, plane)  # as PyAV's types do not say
    return np.frombuffer(memory, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]


def _square_size(stored: Size, pixel_aspect: Fraction | None) -> Size:
    """The size with square pixels: the side that is too short grows, so that no detail is lost."""
    if not pixel_aspect or pixel_aspect == 1 or not SANE_ASPECT[0] <= pixel_aspect <= SANE_ASPECT[1]:
        return stored
    if pixel_aspect > 1:
        return Size(round(stored.width * pixel_aspect), stored.height)
    return Size(stored.width, round(stored.height / pixel_aspect))


def orientation(frame: VideoFrame) -> tuple[bool, int | None] | None:
    """Whether to transpose the picture, then OpenCV's code for flipping it; None where it has no display matrix.

    The matrix maps stored to shown pixels: x' = a x + c y, y' = b x + d y. Only its eight axis-aligned cases exist in
    practice; any other angle is taken for the nearest of them.
    """
    side_data = cast(SideDataContainer, frame.side_data)  # PyAV types it as one entry
    if "DISPLAYMATRIX" not in side_data:
        return None
    a, b, _, c, d = np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), dtype=np.int32)[:5].tolist()
    transpose = abs(b) + abs(c) > abs(a) + abs(d)
    mirror_x, mirror_y = (c < 0, b < 0) if transpose else (a < 0, d < 0)
    if mirror_x and mirror_y:
        return transpose, -1
    return transpose, 1 if mirror_x else 0 if mirror_y else None


def _matrix(frame: VideoFrame) -> Colorspace:
    tagged = MATRICES.get(int(frame.colorspace))
    if tagged is not None:
        return tagged
    long_px, short_px = max(frame.width, frame.height), min(frame.width, frame.height)
    return Colorspace.ITU709 if long_px >= HD.width or short_px > HD.height else Colorspace.ITU601


def _range(frame: VideoFrame) -> ColorRange:
    full = int(frame.color_range) == int(ColorRange.JPEG) or frame.format.name.startswith("yuvj") or frame.format.is_rgb
    return ColorRange.JPEG if full else ColorRange.MPEG
