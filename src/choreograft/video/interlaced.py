"""Interlaced pictures, which show two moments in alternate rows, made whole."""

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import cast

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from choreograft.video.clock import ShownPicture
from choreograft.video.filters import build_filter


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
