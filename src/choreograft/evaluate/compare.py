"""Every method on every case: draw, write the video a user would get, find the person in it, judge it.

What is written beside each result says what it was made from, so an interrupted evaluation goes on where it stopped.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from choreograft.body.body_track import BodyTrack
from choreograft.errors import PersonError, VideoError
from choreograft.evaluate.methods import Footage, Method, MethodPlan
from choreograft.evaluate.metrics.judge import Tools, judge_against_truth, size_to_compare
from choreograft.evaluate.metrics.signature import trace_sources
from choreograft.evaluate.scores import RATE_TOLERANCE, TRUTH, Entry, Scores
from choreograft.files import content_hash, text_hash, write_json
from choreograft.footage.clip import Clip
from choreograft.pose.track import PoseTrack, empty_arrays
from choreograft.pose.tracking import TrackingConfig, load_or_track
from choreograft.progress import Progress
from choreograft.retarget.body import Motion, carry_over
from choreograft.video.read import probe, read_frames
from choreograft.video.size import Canvas, Size
from choreograft.video.write import VideoWriter

JUDGE_VERSION: Final = 4
"""Raise when a metric changes, so that results are judged anew."""


ALONE: Final = TrackingConfig(max_people=1)
"""Results and truths show one person: a second one is a ghost, and not to be looked for."""


@dataclass(frozen=True)
class Case:
    """One motion that methods are to draw, and what it should have looked like."""

    name: str
    footage: Footage
    """Of the target."""
    motion: PoseTrack
    """The cleaned track to dance, in its own video's pixels."""
    source: Path | None
    """The video of the motion; None where that is the target's own, in the truth, so that nothing is normalised."""
    truth: Path
    true_track: PoseTrack | None
    """What a perfect tracker would find in the truth; None where nobody knows."""
    body: BodyTrack | None = None
    """Fitted to the motion; None for the global normalisation."""


Judged = tuple[Entry, PoseTrack]
"""An entry with the track that was found in its result."""


def _pose(case: Case, method: Method) -> Motion:
    """The case's motion on the method's canvas: as it is where it is the target's own, or where nobody draws it."""
    if case.source is None or method.standing is None:
        body = None if case.body is None else case.body.on_canvas(method.size)
        return Motion(case.motion.on_canvas(method.size), body)
    return carry_over(case.motion, case.body, method.standing)


class Comparison:
    """Runs methods on cases; results, their receipts and their scores lie in `folder`, tracks in `runs`."""

    def __init__(self, folder: Path, runs: Path, tools: Tools, progress: Progress) -> None:
        self.folder, self.runs, self.tools, self.progress = folder, runs, tools, progress
        self._built: dict[str, Method] = {}

    def run(self, case: Case, plans: Sequence[MethodPlan]) -> list[Judged]:
        """All methods on one case, and the truth after them.

        Raises:
            VideoError: the case's videos do not belong together. ChoreograftError: a method could not be made.
        """
        _check_lengths(case)
        judged = [self._judge(case, plan.name, plan.identity, partial(self._build, plan)) for plan in plans]
        size = size_to_compare(probe(case.truth).size)
        return [*judged, self._judge(case, TRUTH, f"{TRUTH}-{size}", partial(_lay_truth, case, size))]

    def _judge(self, case: Case, name: str, identity: str, build: Callable[[], Method]) -> Judged:
        """A method's entry; drawn and judged unless both were done from the same things before."""
        result = self.folder / "results" / case.name / f"{name}.mp4"
        receipt, values = result.with_suffix(".json"), result.with_suffix(".npz")
        hashes = [content_hash(case.source or case.truth), content_hash(case.truth)]
        recipe = text_hash([JUDGE_VERSION, identity, *hashes, self.tools.notes], digits=16)
        facts = _read_receipt(receipt, recipe, result)
        scores = None if facts is None else Scores.load(values)
        if facts is None:
            receipt.unlink(missing_ok=True)
            facts = self._draw(case, name, build(), result)
        track = self.find_person(result)
        if scores is None:
            self.progress.say(f"Judging {name} on {case.name}")
            truth = Clip(case.truth, self.find_person(case.truth))
            scores = judge_against_truth(Clip(result, track), truth, self.tools, case.true_track, self.progress)
            scores.save(values)
            write_json(receipt, {"recipe": recipe, "video": content_hash(result), "facts": facts})
        times = case.motion.time_s - case.motion.time_s[0]
        size = size_to_compare(probe(case.truth).size)
        entry = Entry(case.name, name, size, times, result, case.truth, case.source, scores, facts)
        return entry, track

    def _build(self, plan: MethodPlan) -> Method:
        """Make the method, unless it was made for an earlier case."""
        if plan.identity not in self._built:
            self._built[plan.identity] = plan.build(self.progress)
        return self._built[plan.identity]

    def _draw(self, case: Case, name: str, method: Method, result: Path) -> dict[str, Any]:
        """Write the result with the truth's own times; returns its facts."""
        info, frames, size = probe(case.truth), len(case.motion), method.shown or method.size
        images = method.draw(_pose(case, method))
        began = time.monotonic()
        with (
            VideoWriter(result, size, info.rate, time_base=info.time_base) as video,
            self.progress.task(f"{name} draws {case.name}", frames) as advance,
        ):
            moments = ((frame.time, frame.duration) for frame in read_frames(case.truth))
            for done, (image, moment) in enumerate(zip(images, moments, strict=True), start=1):
                video.write(image, *moment)
                advance(done)
        rate = round(frames / (time.monotonic() - began), 1)
        return {**method.facts, "size": str(size), "frames a second": rate}

    def find_person(self, video: Path) -> PoseTrack:
        """The raw track of a video; nobody anywhere where nobody can be followed, which is looked for once too."""
        tracks = self.runs / "tracks"
        empty = tracks / f"nobody-{content_hash(video, 16)}.npz"
        if empty.exists():
            return PoseTrack.load(empty)
        try:
            return load_or_track(video, tracks, ALONE, 1, self.progress)
        except PersonError as error:
            self.progress.say(f"Nobody is followed in this result: {error}")
            track = _nobody(video)
            track.save(empty)
            return track


def trace_motion(judged: Sequence[Sequence[Judged]], sources: Sequence[PoseTrack]) -> Mapping[str, tuple[float, float]]:
    """The motion signature of every method: can its results be traced to the sources they show? Empty for one source.

    Args:
        judged: for every case the judged results. sources: for every case the raw track of the source.
    """
    if len(sources) < 2:
        return {}
    tracks: dict[str, list[tuple[int, PoseTrack]]] = defaultdict(list)
    for index, case in enumerate(judged):
        for entry, track in case:
            tracks[entry.method].append((index, track))
    return {method: trace_sources(sources, found) for method, found in tracks.items()}


def _lay_truth(case: Case, size: Size) -> Method:
    """The truth itself as if a method drew it: what the instruments give at best."""
    canvas = Canvas(probe(case.truth).size, size)
    return Method(size, None, lambda _: (canvas.place_image(frame.image) for frame in read_frames(case.truth)), {})


def _check_lengths(case: Case) -> None:
    """Refuse a motion that is not, frame by frame, the truth's; the rate of a part that was cut out is its own."""
    frames, rate = sum(1 for _ in read_frames(case.truth)), probe(case.truth).rate
    unlike = case.source is not None and abs(case.motion.rate / rate - 1) > RATE_TOLERANCE
    if len(case.motion) != frames or unlike:
        raise VideoError(
            f"{case.source or case.name}: found {len(case.motion)} frames at {float(case.motion.rate):g} fps, but the"
            f" truth {case.truth} has {frames} at {float(rate):g}; expected equal lengths and rates; render them again"
        )


def _nobody(video: Path) -> PoseTrack:
    info = probe(video)
    times = np.array([frame.time_s for frame in read_frames(video)])
    arrays: dict[str, Any] = empty_arrays(len(times)) | {"present": np.zeros(len(times), np.bool_)}
    return PoseTrack(info.size, info.rate, times, **arrays)


def _read_receipt(path: Path, recipe: str, result: Path) -> dict[str, Any] | None:
    """The facts written beside a result that is whole and made from the same things; else None."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        facts: dict[str, Any] = content["facts"]
        return facts if (content["recipe"], content["video"]) == (recipe, content_hash(result)) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
