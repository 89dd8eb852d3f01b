"""Decoded pictures to RGB as a viewer sees them: whole, right colours, upright, square pixels.

Colour follows the stream's own tags. Where it has none, the usual convention holds: BT.709 for high definition, BT.601
below, limited range. What is transparent lies over black.

Interlaced pictures are made whole by FFmpeg's filters, wide colours brought to an ordinary screen's: BT.709 with white
at 203 nits (BT.2408); what is brighter than white is white. Light is brought to linear by the curve of the stream (HLG:
ARIB STD-B67 with the gamma of a screen of 1000 nits, in each channel, as players and phones do, where BT.2100 has it of
the luminance; PQ: SMPTE ST 2084; else BT.1886), its colours from BT.2020 to BT.709, and back by BT.1886. All of that is
one table of colours, looked up between its entries.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import av
import cv2
import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideDataContainer
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from choreograft.video.clock import ShownPicture
from choreograft.video.size import Size, fit_into


def build_filter(size: tuple[int, int], format_name: str, name: str, **options: str) -> Graph:
    """A graph to push pictures into and pull them from.

    Args:
        size: of the pictures, width and height, px. format_name: theirs. name, options: of the filter.
    Raises:
        ValueError: FFmpeg has no such format or filter. av.FFmpegError: it does not take these.
    """
    graph = Graph()
    width, height = size
    start = graph.add_buffer(width=width, height=height, format=VideoFormat(format_name), time_base=Fraction(1))
    between, end = graph.add(name, **options), graph.add("buffersink")
    start.link_to(between)
    between.link_to(end)
    graph.configure()
    return graph


class Deinterlacer:
    """Makes whole pictures of interlaced ones (FFmpeg's bwdif), one of each; others pass."""

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._kind: tuple[int, int, str] | None = None
        self._waiting: deque[ShownPicture] = deque()

    def weave(self, picture: ShownPicture) -> Iterator[ShownPicture]:
        """The pictures that are whole with this one; it may have to wait for the next."""
        frame = picture.frame
        kind = (frame.width, frame.height, frame.format.name) if frame.interlaced_frame else None
        if kind != self._kind:
            yield from self.finish()
            self._kind = kind
            if kind is not None:
                self._graph = build_filter(kind[:2], kind[2], "bwdif", mode="send_frame")
        if self._graph is None:
            yield picture
            return
        self._waiting.append(picture)
        frame.pts = len(self._waiting)  # FFmpeg wants one; the times are known
        self._graph.push(frame)
        yield from self._pull(self._graph)

    def finish(self) -> Iterator[ShownPicture]:
        """Those that still wait."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pull(self._graph)
        self._graph = self._kind = None

    def _pull(self, graph: Graph) -> Iterator[ShownPicture]:
        with suppress(av.BlockingIOError, av.EOFError):
            while self._waiting:
                frame = cast(VideoFrame, graph.pull())
                yield replace(self._waiting.popleft(), frame=frame)


Floats = NDArray[np.float64]
PQ, HLG = 16, 18
"""Codes of curves in ITU-T H.273, that streams carry."""
UNTAGGED, BT2020 = 2, 9
"""Codes of primaries."""
WHITE_NITS: Final = 203.0
HLG_PEAK_NITS, HLG_GAMMA = 1000.0, 1.2
SCREEN_GAMMA: Final = 2.4
TO_BT709: Final = np.array(
    [[1.660491, -0.587641, -0.072850], [-0.124550, 1.132900, -0.008349], [-0.018151, -0.100579, 1.118730]]
)
PLANES: Final = "gbrp10le"
"""What pictures are mapped as: fine enough for dark tones."""
STEPS: Final = 65
"""Of the table, in each channel."""


class ToneMap:
    """Maps the pictures of one stream."""

    def __init__(self) -> None:
        self._graphs: dict[tuple[int, int, int, int], Graph] = {}

    def concerns(self, frame: VideoFrame) -> bool:
        """Whether a picture is of another kind than BT.709 or BT.601."""
        return int(frame.color_trc) in (PQ, HLG) or int(frame.color_primaries) == BT2020

    def map(self, frame: VideoFrame, tagged: VideoFrame) -> VideoFrame:
        """A picture (H, W) in `PLANES`, full range, whose curve and primaries another one tells; the same in BT.709."""
        key = (int(tagged.color_trc), int(tagged.color_primaries), frame.width, frame.height)
        graph = self._graphs.get(key)
        if graph is None:
            graph = self._graphs[key] = _build(*key)
        frame.pts = 0  # FFmpeg wants one
        graph.push(frame)
        return cast(VideoFrame, graph.pull())


def _build(curve: int, primaries: int, width: int, height: int) -> Graph:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "table.cube"
        path.write_text(write_cube(map_colours(grid(STEPS), curve, primaries)))
        return build_filter((width, height), PLANES, "lut3d", file=str(path), interp="tetrahedral")


def grid(steps: int) -> Floats:
    """(steps ** 3, 3) all colours 0..1 of a cube, red the fastest."""
    blue, green, red = np.meshgrid(*[np.linspace(0, 1, steps)] * 3, indexing="ij")
    return np.stack([red, green, blue], axis=-1).reshape(-1, 3)


def map_colours(rgb: Floats, curve: int, primaries: int) -> Floats:
    """(..., 3) 0..1 in BT.709 of colours (..., 3) 0..1 with a curve and primaries, by their codes.

    Untagged primaries are those of BT.2020, which go with the curves of high dynamic range.
    """
    if curve == HLG:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(rgb <= 0.5, rgb**2 / 3, (np.exp((rgb - c) / a) + b) / 12)
        light = HLG_PEAK_NITS / WHITE_NITS * scene**HLG_GAMMA
    elif curve == PQ:
        m1, m2 = 2610 / 16384, 128 * 2523 / 4096
        c1, c2, c3 = 3424 / 4096, 32 * 2413 / 4096, 32 * 2392 / 4096
        root = rgb ** (1 / m2)
        light = 10_000 / WHITE_NITS * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    else:
        light = rgb**SCREEN_GAMMA
    if primaries in (BT2020, UNTAGGED):
        light = light @ TO_BT709.T
    return np.asarray(np.clip(light, 0, 1) ** (1 / SCREEN_GAMMA))


def write_cube(colours: Floats) -> str:
    """A table (n ** 3, 3), red the fastest, as a .cube file."""
    steps = round(len(colours) ** (1 / 3))
    rows = (f"{red:.5f} {green:.5f} {blue:.5f}\n" for red, green, blue in colours.tolist())
    return f"LUT_3D_SIZE {steps}\n{''.join(rows)}"


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
