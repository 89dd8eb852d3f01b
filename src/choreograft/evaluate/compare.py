"""Every method on every case: draw, write the video a user would get, find the person in it, judge it.

What is written beside each result says what it was made from, so an interrupted evaluation goes on where it stopped.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from choreograft.config import NormalisationConfig, TrackingConfig
from choreograft.errors import PersonError, VideoError
from choreograft.evaluate.methods import Footage, Method, MethodPlan
from choreograft.evaluate.metrics.judge import Tools, judge_against_truth
from choreograft.evaluate.metrics.signature import trace_sources
from choreograft.evaluate.scores import TRUTH, Entry, Scores
from choreograft.files import content_hash, text_hash, write_json
from choreograft.pose.track import PoseTrack, empty_arrays
from choreograft.pose.tracking import load_or_track
from choreograft.progress import Progress
from choreograft.retarget.normalise import map_to_target
from choreograft.retarget.stance import Stance
from choreograft.training.recording import Clip
from choreograft.video.read import probe, read_frames
from choreograft.video.size import Canvas, Size
from choreograft.video.write import VideoWriter

JUDGE_VERSION: Final = 1
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
    own: bool
    """Whether the motion is the target's own and already in place, so that nothing is normalised."""
    source: Path | None
    """The video of the motion; None where it is the truth itself."""
    truth: Path
    true_track: PoseTrack | None
    """What a perfect tracker would find in the truth; None where nobody knows."""


@dataclass(frozen=True)
class Judged:
    """An entry with the track that was found in its result."""

    entry: Entry
    track: PoseTrack


@dataclass(frozen=True)
class TruthMethod:
    """The truth itself, written and found again as if a method had drawn it: what the instruments give at best."""

    case: Case
    size: Size
    name: str = TRUTH

    @property
    def identity(self) -> str:
        """See MethodPlan."""
        return f"{self.name}-{self.size}"

    def build(self, progress: Progress) -> Method:  # noqa: ARG002
        """See MethodPlan."""
        track = self.case.motion.on_canvas(self.size)
        return Method(self.size, Stance.measure(track), self._draw, {})

    def _draw(self, track: PoseTrack) -> Iterator[NDArray[np.uint8]]:  # noqa: ARG002
        canvas = Canvas(probe(self.case.truth).size, self.size)
        return (canvas.place_image(frame.image) for frame in read_frames(self.case.truth))


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
        judged = [self._judge(case, plan) for plan in plans]
        size = judged[0].entry.size
        return [*judged, self._judge(case, TruthMethod(case, size))]

    def _judge(self, case: Case, plan: MethodPlan) -> Judged:
        result = self.folder / "results" / case.name / f"{plan.name}.mp4"
        receipt = result.with_suffix(".json")
        recipe = self._recipe(case, plan)
        kept = _read_receipt(receipt, recipe, result)
        if kept is None:
            receipt.unlink(missing_ok=True)
            facts = self._draw(case, plan, result)
        else:
            facts = kept["facts"]
        track = self.find_person(result)
        scores = Scores.load(result.with_suffix(".npz")) if kept is not None else None
        if scores is None:
            truth = Clip(case.truth, self.find_person(case.truth))
            self.progress.say(f"Judging {plan.name} on {case.name}")
            scores = judge_against_truth(Clip(result, track), truth, self.tools, case.true_track, self.progress)
            scores.save(result.with_suffix(".npz"))
            write_json(receipt, {"recipe": recipe, "video": content_hash(result), "facts": facts})
        entry = Entry(
            case.name, plan.name, probe(result).size, case.motion.time_s - case.motion.time_s[0], result, case.truth,
            case.source, scores, facts,
        )  # fmt: skip
        return Judged(entry, track)

    def _recipe(self, case: Case, plan: MethodPlan) -> str:
        motion = content_hash(case.source or case.truth)
        return text_hash([JUDGE_VERSION, plan.identity, motion, content_hash(case.truth), self.tools.notes], digits=16)

    def _draw(self, case: Case, plan: MethodPlan, result: Path) -> dict[str, Any]:
        method = self._build(plan)
        track = case.motion.on_canvas(method.size) if case.own else _normalise(case.motion, method)
        info = probe(case.truth)
        began = time.monotonic()
        with (
            VideoWriter(result, method.size, info.rate, time_base=info.time_base) as video,
            self.progress.task(f"{plan.name} draws {case.name}", len(track)) as advance,
        ):
            for image, (moment, duration) in zip(method.draw(track), _moments(case.truth), strict=True):
                video.write(image, moment, duration)
                advance(1 + round(float(moment * info.rate)))
        seconds = time.monotonic() - began
        return {**method.facts, "frames a second": round(len(track) / seconds, 1)}

    def _build(self, plan: MethodPlan) -> Method:
        if plan.name == TRUTH:
            return plan.build(self.progress)
        if plan.identity not in self._built:
            self._built[plan.identity] = plan.build(self.progress)
        return self._built[plan.identity]

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
    names = dict.fromkeys(item.entry.method for case in judged for item in case)
    found = {}
    for name in names:
        results = [
            (index, item.track) for index, case in enumerate(judged) for item in case if item.entry.method == name
        ]
        found[name] = trace_sources(sources, results)
    return found


def _normalise(motion: PoseTrack, method: Method) -> PoseTrack:
    config = NormalisationConfig()
    return map_to_target(motion, Stance.measure(motion, config), method.stance, config)


def _moments(video: Path) -> Iterator[tuple[Fraction, Fraction | None]]:
    return ((frame.time, frame.duration) for frame in read_frames(video))


def _check_lengths(case: Case) -> None:
    frames, rate = sum(1 for _ in read_frames(case.truth)), probe(case.truth).rate
    if (len(case.motion), case.motion.rate) != (frames, rate):
        raise VideoError(
            f"{case.source or case.name}: found {len(case.motion)} frames at {float(case.motion.rate):g} fps, but the"
            f" truth {case.truth} has {frames} at {float(rate):g}; expected equal lengths and rates; render them again"
        )


def _nobody(video: Path) -> PoseTrack:
    info = probe(video)
    times = np.array([frame.time_s for frame in read_frames(video)])
    present = np.zeros(len(times), np.bool_)
    return PoseTrack(info.size, info.rate, times, present=present, masks=None, **empty_arrays(len(times)))


def _read_receipt(path: Path, recipe: str, result: Path) -> Any:
    """What was written beside a result that is whole and made from the same things; else None."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if (content["recipe"], content["video"]) == (recipe, content_hash(result)) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
