"""Pictures and videos inside a page: PNG and MP4 as data addresses, read from the videos in one pass each.

Shapes: H, W pixels of a frame, h the height at which it is shown.
"""

import base64
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.config import VideoConfig
from choreograft.evaluate.scores import TRUTH, Entry
from choreograft.video.read import Frame, probe, read_frames
from choreograft.video.size import Size, fit_into, scale_to_height
from choreograft.video.write import VideoWriter

Image = NDArray[np.uint8]

PICTURE_HEIGHT_PX: Final = 256
VIDEO_HEIGHTS_PX: Final = (256, 144)
"""The second is tried where the first takes too much room."""
ENCODING: Final = VideoConfig(crf=24)
"""To look at beside each other, not to measure: half the size of a result's own file."""


@dataclass(frozen=True)
class Panel:
    """One of the videos that are shown beside each other."""

    title: str
    path: Path
    size: Size
    """At which it is shown, px."""


@dataclass(frozen=True)
class CaseVideo:
    """All videos of a case in one, beside each other."""

    panels: tuple[Panel, ...]
    address: str
    """The file as a data address."""
    poster: str
    """Its first frame as a data address: some browsers show nothing until a video plays."""

    @property
    def room(self) -> int:
        """What it takes of a page, bytes."""
        return len(self.address) + len(self.poster)


def embed(data: bytes, kind: str) -> str:
    """A file of the MIME type `kind` as an address that needs no file."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def embed_picture(picture: Image, kind: Literal["png", "jpeg"] = "png") -> str:
    """(H, W, 3) RGB, without loss unless asked: what an encoder adds must not be taken for a method's fault."""
    _, data = cv2.imencode(f".{kind}", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return embed(data.tobytes(), f"image/{kind}")


def pick_pictures(video: Path, times_s: Iterable[float]) -> dict[float, Image]:
    """The frames nearest to some times, (h, W, 3), decoded up to the last of them.

    Raises:
        VideoError: as `read_frames`.
    """
    reader = _Reader(video)
    return {time_s: scale_to_height(reader.at(time_s), PICTURE_HEIGHT_PX) for time_s in sorted(set(times_s))}


def shown_videos(entries: Sequence[Entry]) -> list[tuple[str, Path]]:
    """Titles and paths of a case's videos in the order they are shown: source, truth, then the methods' results."""
    first = entries[0]
    given = [("source", first.source), ("truth", first.truth)]
    results = [(entry.method, entry.result) for entry in entries if entry.method != TRUTH]
    return [(title, path) for title, path in given if path] + results


def film_case(entries: Sequence[Entry], room: int, advance: Callable[[int], None]) -> CaseVideo | None:
    """The videos of one case beside each other; None if they take more than `room` bytes of a page even when small.

    Args:
        entries: of one case, at least one of them not the truth's.
        room: for the address, bytes.
        advance: told how many frames are done.
    Raises:
        VideoError: as `read_frames`.
    """
    for height_px in VIDEO_HEIGHTS_PX:
        panels = tuple(
            Panel(title, path, _shown_size(probe(path).size, height_px)) for title, path in shown_videos(entries)
        )
        video = _encode(panels, _clock(entries), advance)
        if video.room <= room:
            return video
    return None


def _encode(panels: Sequence[Panel], clock: Path, advance: Callable[[int], None]) -> CaseVideo:
    """H.264 in MP4 with a frame for every frame of `clock`, in every panel the frame nearest in time."""
    size = Size(sum(panel.size.width for panel in panels), panels[0].size.height)
    info = probe(clock)
    readers = [_Reader(panel.path) for panel in panels]
    poster = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.mp4"
        with VideoWriter(path, size, info.rate, time_base=info.time_base, config=ENCODING) as writer:
            for frame in read_frames(clock):
                cells = [fit_into(r.at(frame.time_s), panel.size) for r, panel in zip(readers, panels, strict=True)]
                picture = np.concatenate(cells, axis=1)
                poster = poster or embed_picture(picture, "jpeg")
                writer.write(picture, frame.time, frame.duration)
                advance(frame.index + 1)
        return CaseVideo(tuple(panels), embed(path.read_bytes(), "video/mp4"), poster)


def _clock(entries: Sequence[Entry]) -> Path:
    """Of all videos of a case the one whose times are kept: a result has a frame wherever something was judged."""
    return next(entry.result for entry in entries if entry.method != TRUTH)


def _shown_size(size: Size, height_px: int) -> Size:
    width = round(size.width * height_px / size.height)
    return Size(max(2, width + width % 2), height_px)


class _Reader:
    """Goes through a video once, and gives the frame nearest to times that rise."""

    def __init__(self, video: Path) -> None:
        self._frames = read_frames(video)  # the file is closed with the generator, when the reader goes
        self._now: Frame = next(self._frames)
        self._next: Frame | None = next(self._frames, None)

    def at(self, time_s: float) -> Image:
        while self._next is not None and abs(self._next.time_s - time_s) <= abs(self._now.time_s - time_s):
            self._now, self._next = self._next, next(self._frames, None)
        return self._now.image
