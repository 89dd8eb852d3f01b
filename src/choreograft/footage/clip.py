"""A video and its cleaned track, from the runs folder or made and kept there; no torch here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import PersonError, count_of
from choreograft.footage.split import MAX_FRAMES, MIN_PAIRS, choose_frames, find_pairs, hide_held_out
from choreograft.pose.clean import CleaningReport, clean_track
from choreograft.pose.openpose import load_or_read_openpose
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import Tracker, TrackingConfig, load_or_track
from choreograft.progress import Progress, silent


@dataclass(frozen=True)
class Clip:
    """One video of the target and its cleaned track, in the video's own pixels."""

    path: Path
    track: PoseTrack
    keypoints: Path | None = None
    """The files that the track's joints are from, where another program found them."""

    def shown(self, hold_out: float) -> "Clip":
        """The clip with nobody present in the share that is held out, nor just before it."""
        return replace(self, track=hide_held_out(self.track, hold_out))


def read_clip(
    video: Path, person: int, runs: Path, progress: Progress = silent, keypoints: Path | None = None
) -> tuple[Clip, CleaningReport]:
    """A video with its cleaned track; the raw track is cached in the runs folder, so no video is tracked twice.

    Args:
        keypoints: where another program found the joints.
    """
    raw = load_track(video, keypoints, runs, TrackingConfig(), person, progress)
    cleaned, report = clean_track(raw)
    progress.say(f"{video.name}: {report.sentence()}")
    return Clip(video, cleaned, keypoints), report


def read_clips(
    videos: Sequence[Path], keypoints: Sequence[Path | None], person: int, runs: Path, progress: Progress = silent
) -> list[Clip]:
    """Videos of one person, each as `read_clip` reads it.

    Args:
        keypoints: of each video; empty where none has any.
    """
    places = keypoints or [None] * len(videos)
    return [read_clip(video, person, runs, progress, place)[0] for video, place in zip(videos, places, strict=True)]


def load_track(
    video: Path, keypoints: Path | None, runs: Path, config: TrackingConfig, person: int, progress: Progress
) -> PoseTrack:
    """The raw track of a video, by keypoints where there are some, from the runs folder or made and kept there."""
    if keypoints is None:
        return load_or_track(video, runs / "tracks", config, person, progress)
    return load_or_read_openpose(keypoints, Tracker(video, config, person, progress), runs / "tracks")


def choose_all_frames(clips: Sequence[Clip]) -> list[NDArray[np.intp]]:
    """Of each clip the frames to learn from.

    Raises:
        PersonError: too few consecutive frames show the person, or a clip shows nobody.
    """
    kept = [choose_frames(clip.track, MAX_FRAMES // len(clips)) for clip in clips]
    for clip, at in zip(clips, kept, strict=True):
        shown = int(clip.track.present.sum())
        if not shown:
            raise PersonError(f"{clip.path}: found nobody once false sightings were dropped; leave this clip out")
        if not len(at):
            raise PersonError(
                f"{clip.path}: found no mask of the person in any of {count_of(shown, 'frame')}, as nobody is seen"
                " where the keypoints are; expected those of this video; name them, or leave them out"
            )
    pairs = find_pairs([replace(clip.track, masks=None).select(at) for clip, at in zip(clips, kept, strict=True)])
    if len(pairs) < MIN_PAIRS:
        names = ", ".join(str(clip.path) for clip in clips)
        masked = sum(len(at) for at in kept) == sum(int(clip.track.present.sum()) for clip in clips)
        raise PersonError(
            f"{names}: found {count_of(len(pairs), 'pair')} of consecutive frames with the person"
            f"{'' if masked else ' and a mask'} in them; expected at least {MIN_PAIRS}; film a longer clip in which the"
            " whole person is seen"
        )
    return kept
