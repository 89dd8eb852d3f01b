"""What there is to look at in a page: the worst frames beside the truth, and the videos of every case.

The worst are those where each method fails most, no two of them from the same moment. Pictures and videos stand inside
the page, PNG and MP4 as data addresses, read from the videos in one pass each.

Shapes: H, W pixels of a frame, h the height at which it is shown.
"""

import base64
import math
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.config import VideoConfig
from choreograft.errors import VideoError
from choreograft.evaluate.report.summary import Pair
from choreograft.evaluate.scores import METRICS, TRUTH, Entry, Evaluation
from choreograft.progress import Progress
from choreograft.video.read import Frame, probe, read_frames
from choreograft.video.size import Size, fit_into, scale_to_height, width_at
from choreograft.video.write import VideoWriter

Image = NDArray[np.uint8]
Panel = tuple[str, Path, Size]
"""One of the videos that are shown beside each other: its title, where it is, and the size at which it is shown, px."""

PICTURE_HEIGHT_PX: Final = 256
VIDEO_HEIGHTS_PX: Final = (256, 144)
"""The second is tried where the first takes too much room."""
ENCODING: Final = VideoConfig(crf=24)
"""To look at beside each other, not to measure: half the size of a result's own file."""
ROOM_BYTES: Final = 40_000_000
"""For all media of a page, as they stand in it: what mail and browsers still take well."""
WORST_FRAMES: Final = 10
"""Of all methods together, at most."""
SPACING_S: Final = 0.5
"""Frames of one result that are closer show the same failure."""
JUDGES: Final[tuple[Pair, ...]] = (
    ("person", "perceptual"),
    ("person", "ssim"),
    ("frame", "ssim"),
    ("person", "pose_distance"),
    ("frame", "pose_distance"),
)
"""By which frames are called bad: the first that was measured."""


@dataclass(frozen=True)
class Moment:
    """One frame of one result."""

    case: str
    method: str
    time_s: float
    value: float
    """Of the judging metric."""


def find_judge(evaluation: Evaluation) -> Pair | None:
    """The metric by which frames are ordered; None where none of `JUDGES` has a value."""
    judged = [entry.scores.series for entry in evaluation.entries if entry.method != TRUTH]
    return next((pair for pair in JUDGES if any(np.isfinite(each.get(pair, np.nan)).any() for each in judged)), None)


def find_worst(evaluation: Evaluation, judge: Pair, count: int = WORST_FRAMES) -> list[Moment]:
    """The worst frames of all results, worst first; the truth judged against itself is not among them.

    No method has more than an equal share of the places, or a weak baseline would take them all. A frame is shown
    with what the other methods made of it, so it is chosen for one of them only.

    Args:
        judge: region and name of the metric; frames without a value are passed over.
        count: how many there are at most.
    """
    metric = METRICS[judge[1]]
    places = math.ceil(count / max(1, sum(method != TRUTH for method in evaluation.methods)))
    chosen: list[Moment] = []
    for moment in sorted(_moments(evaluation, judge), key=lambda each: -metric.fault(each.value)):
        taken = sum(other.method == moment.method for other in chosen)
        if taken < places and not any(_resemble(moment, other) for other in chosen):
            chosen.append(moment)
    return chosen[:count]


def _moments(evaluation: Evaluation, judge: Pair) -> Iterator[Moment]:
    for entry in evaluation.entries:
        values = entry.scores.series.get(judge)
        if values is None or entry.method == TRUTH:
            continue
        for time_s, value in zip(entry.time_s, values, strict=True):
            if np.isfinite(value):
                yield Moment(entry.case, entry.method, float(time_s), float(value))


def _resemble(one: Moment, other: Moment) -> bool:
    apart_s = abs(one.time_s - other.time_s)
    return one.case == other.case and (apart_s < SPACING_S if one.method == other.method else apart_s == 0)


@dataclass(frozen=True)
class CaseVideo:
    """All videos of a case in one, beside each other."""

    panels: tuple[Panel, ...]
    """From left to right."""
    address: str
    """The file as a data address."""
    poster: str
    """Its first frame as a data address: some browsers show nothing until a video plays."""

    @property
    def room(self) -> int:
        """What it takes of a page, bytes."""
        return len(self.address) + len(self.poster)


@dataclass(frozen=True)
class Picture:
    """One video's frame at a moment."""

    title: str
    address: str
    value: float | None
    """Of the judging metric; None where it was not judged, as the source."""
    is_worst: bool
    """Whether it is the one for which the moment was chosen."""


@dataclass(frozen=True)
class Exhibition:
    """All that is shown."""

    judge: Pair | None
    """By which the frames were chosen; None where nothing could judge."""
    exhibits: Mapping[Moment, tuple[Picture, ...]]
    """Bad frames, and what there was at the same time elsewhere."""
    videos: Mapping[str, CaseVideo]
    """By case."""
    notes: tuple[str, ...]
    """What is left out, and why."""


def collect_exhibits(evaluation: Evaluation, progress: Progress, room: int = ROOM_BYTES) -> Exhibition:
    """Read everything that is shown from the videos. A video that cannot be read is left out with a note.

    Args:
        room: for all pictures and videos as they stand in the page, bytes.
    """
    judge = find_judge(evaluation)
    moments = find_worst(evaluation, judge) if judge else []
    notes: list[str] = []
    pictures = _pick_all(evaluation, moments, notes, progress)
    exhibits = {moment: _exhibit(evaluation, judge, moment, pictures) for moment in moments if judge}
    used = sum(len(picture.address) for shown in exhibits.values() for picture in shown)
    videos = _film(evaluation, room - used, notes, progress)
    return Exhibition(judge, exhibits, videos, tuple(notes))


def _pick_all(
    evaluation: Evaluation, moments: Sequence[Moment], notes: list[str], progress: Progress
) -> dict[tuple[Path, float], Image]:
    """The frames that are needed, in one pass through each video."""
    wanted: dict[Path, set[float]] = defaultdict(set)
    for moment in moments:
        for _, path in shown_videos(_entries(evaluation, moment.case)):
            wanted[path].add(moment.time_s)
    found: dict[tuple[Path, float], Image] = {}
    with progress.task("Looking up the worst frames", len(wanted), "videos") as advance:
        for done, (path, times_s) in enumerate(wanted.items(), 1):
            try:
                found |= {(path, time_s): image for time_s, image in pick_pictures(path, times_s).items()}
            except VideoError as error:
                notes.append(f"Frames are missing: {error}")
            advance(done)
    return found


def _exhibit(
    evaluation: Evaluation, judge: Pair, moment: Moment, pictures: Mapping[tuple[Path, float], Image]
) -> tuple[Picture, ...]:
    """Source and truth, then the result that is worst, then the others."""
    entries = _entries(evaluation, moment.case)
    values = {entry.method: _value_at(entry, judge, moment.time_s) for entry in entries}
    return tuple(
        Picture(title, embed_picture(pictures[path, moment.time_s]), values.get(title), title == moment.method)
        for title, path in shown_videos(sorted(entries, key=lambda entry: entry.method != moment.method))
        if (path, moment.time_s) in pictures
    )


def _film(evaluation: Evaluation, room: int, notes: list[str], progress: Progress) -> dict[str, CaseVideo]:
    """The videos of all cases, each in an equal share of the room that is left."""
    videos: dict[str, CaseVideo] = {}
    cases = [case for case in evaluation.cases if any(e.method != TRUTH for e in _entries(evaluation, case))]
    for rank, case in enumerate(cases):
        entries = _entries(evaluation, case)
        share = room // (len(cases) - rank)
        try:
            with progress.task(f"Putting the videos of {case} side by side", entries[0].scores.frames) as advance:
                video = film_case(entries, share, advance)
        except VideoError as error:
            notes.append(f"The video of {case} is missing: {error}")
            continue
        if video is None:
            notes.append(f"The video of {case} is left out: it takes more than its share of {share / 1e6:.1f} MB.")
        else:
            videos[case] = video
            room -= video.room
    return videos


def _entries(evaluation: Evaluation, case: str) -> list[Entry]:
    return [entry for entry in evaluation.entries if entry.case == case]


def _value_at(entry: Entry, judge: Pair, time_s: float) -> float | None:
    values = entry.scores.series.get(judge)
    return None if values is None else float(values[int(np.abs(entry.time_s - time_s).argmin())])


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
    shown = shown_videos(entries)
    # a result has a frame wherever something was judged
    clock = next(entry.result for entry in entries if entry.method != TRUTH)
    for height_px in VIDEO_HEIGHTS_PX:
        widths = [width_at(probe(path).size, height_px) for _, path in shown]
        panels = [(*video, Size(width + width % 2, height_px)) for video, width in zip(shown, widths, strict=True)]
        video = _encode(panels, clock, advance)
        if video.room <= room:
            return video
    return None


def _encode(panels: Sequence[Panel], clock: Path, advance: Callable[[int], None]) -> CaseVideo:
    """H.264 in MP4 with a frame for every frame of `clock`, in every panel the frame nearest in time."""
    sizes = [size for *_, size in panels]
    whole = Size(sum(size.width for size in sizes), sizes[0].height)
    info = probe(clock)
    readers = [_Reader(video) for _, video, _ in panels]
    poster = ""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.mp4"
        with VideoWriter(path, whole, info.rate, time_base=info.time_base, config=ENCODING) as writer:
            for frame in read_frames(clock):
                cells = [fit_into(reader.at(frame.time_s), size) for reader, size in zip(readers, sizes, strict=True)]
                picture = np.concatenate(cells, axis=1)
                poster = poster or embed_picture(picture, "jpeg")
                writer.write(picture, frame.time, frame.duration)
                advance(frame.index + 1)
        return CaseVideo(tuple(panels), embed(path.read_bytes(), "video/mp4"), poster)


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
