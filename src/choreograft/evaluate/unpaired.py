"""Evaluation without a truth: does a finished result hold the pose that was asked for?

What can be said of any pair of videos: where the joints are found against where they should be, which are missing, how
much flickers that the motion does not explain, and, if the target is named, whether it is the target's face.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from choreograft.config import CleaningConfig, TrackingConfig
from choreograft.errors import VideoError
from choreograft.evaluate.metrics.faces import FaceGallery
from choreograft.evaluate.metrics.judge import Tools, judge_without_truth
from choreograft.evaluate.scores import RATE_TOLERANCE, Entry
from choreograft.files import content_hash
from choreograft.performer.header import is_performer
from choreograft.performer.store import load_performer
from choreograft.pipeline import read_bodies, read_clip
from choreograft.pose.clean import clean_track
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import load_or_track
from choreograft.progress import Progress
from choreograft.retarget.body import BodyStage
from choreograft.retarget.carry import Standing, carry_over
from choreograft.retarget.stance import Stance
from choreograft.training.recording import Clip

RESULT: Final = "result"
"""The method's name in the table."""


@dataclass(frozen=True)
class _Target:
    """What is known of who should be seen."""

    standing: Standing
    clip: Clip | None
    """A video of theirs, for the face."""


def judge_result(
    result: Path,
    source: Path,
    target: Path | None,
    person: int,
    runs: Path,
    tools: Tools,
    progress: Progress,
    keypoints: Path | None = None,
) -> Entry:
    """Hold a finished video against the motion of its source.

    Without a target the wanted place and size are the result's own, so only the pose is judged.

    Args:
        target: a video of the target or a performer file; place, size and identity are then judged too.
        keypoints: of the source, where another program found the joints.
    Raises:
        VideoError: the two differ in length or rate. PersonError: nobody is seen in one of them.
    """
    wanted, _ = read_clip(source, person, runs, progress, keypoints)
    found = load_or_track(result, runs / "tracks", TrackingConfig(), 1, progress)
    _check_alike(result, found, source, wanted.track)
    known = _know_target(result, found, target, runs, progress)
    body = None if known.standing.stage is None else read_bodies([wanted], person, runs, progress)[0]
    asked = carry_over(wanted.track, body, known.standing).track
    asked = asked.on_canvas(found.size)
    gallery = FaceGallery.from_clip(known.clip, tools.faces, tools.batch) if known.clip is not None else None
    scores = judge_without_truth(Clip(result, found), asked, tools, gallery, progress)
    return Entry(result.stem, RESULT, found.size, found.time_s, result, None, source, scores)


def _know_target(result: Path, found: PoseTrack, target: Path | None, runs: Path, progress: Progress) -> _Target:
    if target is None:
        own = Clip(result, clean_track(found, CleaningConfig())[0])
        return _Target(_stand(own, 1, runs, progress), None)
    if not is_performer(target):
        clip, _ = read_clip(target, 1, runs, progress)
        return _Target(_stand(clip, 1, runs, progress), clip)
    card = load_performer(target).card
    for name, sha in card.training.get("clips", {}).items():
        if Path(name).exists() and content_hash(Path(name)) == sha:
            clip, _ = read_clip(Path(name), int(card.training["person"]), runs, progress)
            return _Target(card.standing, clip)
    progress.say(f"{target}: its footage is not where it was, so the identity in {result.name} is not judged")
    return _Target(card.standing, None)


def _stand(clip: Clip, person: int, runs: Path, progress: Progress) -> Standing:
    return Standing(Stance.measure(clip.track), BodyStage.measure(read_bodies([clip], person, runs, progress)[0]))


def _check_alike(result: Path, found: PoseTrack, source: Path, wanted: PoseTrack) -> None:
    if len(found) != len(wanted) or abs(found.rate / wanted.rate - 1) > RATE_TOLERANCE:
        raise VideoError(
            f"{result} has {len(found)} frames at {float(found.rate):g} fps, {source} has {len(wanted)} at"
            f" {float(wanted.rate):g}; expected a result with its source's frames; give the source it was made from"
        )
