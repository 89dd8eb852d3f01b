"""What FFmpeg's filters do to pictures: interlaced ones are made whole, wide colours brought to an ordinary screen's.

That is BT.709 with white at 203 nits (BT.2408); what is brighter than white is white. Light is brought to linear by the
curve of the stream (HLG: ARIB STD-B67 with the gamma of a screen of 1000 nits, in each channel, as players and phones
do, where BT.2100 has it of the luminance; PQ: SMPTE ST 2084; else BT.1886), its colours from BT.2020 to BT.709, and
back by BT.1886. All of that is one table of colours, looked up between its entries.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, cast

import av
import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from choreograft.video.clock import ShownPicture


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
