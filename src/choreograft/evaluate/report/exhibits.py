"""What there is to look at in a page: the worst frames beside the truth, and the videos of every case.

The worst are those where each method fails most, no two of them from the same moment.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from choreograft.errors import VideoError
from choreograft.evaluate.report.media import CaseVideo, Image, embed_picture, film_case, pick_pictures, shown_videos
from choreograft.evaluate.report.summary import Pair
from choreograft.evaluate.scores import METRICS, TRUTH, Entry, Evaluation
from choreograft.progress import Progress

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
    series = [entry.scores.series for entry in evaluation.entries if entry.method != TRUTH]
    return next(
        (pair for pair in JUDGES if any(np.isfinite(each[pair]).any() for each in series if pair in each)), None
    )


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
class Picture:
    """One video's frame at a moment."""

    title: str
    address: str
    value: float | None
    """Of the judging metric; None where it was not judged, as the source."""
    is_worst: bool
    """Whether it is the one for which the moment was chosen."""


@dataclass(frozen=True)
class Exhibit:
    """A bad frame and what there was at the same time elsewhere."""

    moment: Moment
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Exhibition:
    """All that is shown."""

    judge: Pair | None
    """By which the frames were chosen; None where nothing could judge."""
    exhibits: tuple[Exhibit, ...]
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
    exhibits = tuple(_exhibit(evaluation, judge, moment, pictures) for moment in moments if judge)
    used = sum(len(picture.address) for exhibit in exhibits for picture in exhibit.pictures)
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
) -> Exhibit:
    """Source and truth, then the result that is worst, then the others."""
    entries = _entries(evaluation, moment.case)
    values = {entry.method: _value_at(entry, judge, moment.time_s) for entry in entries}
    shown = [
        Picture(title, embed_picture(pictures[path, moment.time_s]), values.get(title), title == moment.method)
        for title, path in shown_videos(sorted(entries, key=lambda entry: entry.method != moment.method))
        if (path, moment.time_s) in pictures
    ]
    return Exhibit(moment, tuple(shown))


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
            continue
        videos[case] = video
        room -= video.room
    return videos


def _entries(evaluation: Evaluation, case: str) -> list[Entry]:
    return [entry for entry in evaluation.entries if entry.case == case]


def _value_at(entry: Entry, judge: Pair, time_s: float) -> float | None:
    values = entry.scores.series.get(judge)
    return None if values is None else float(values[int(np.abs(entry.time_s - time_s).argmin())])
