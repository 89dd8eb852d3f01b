"""One video with everything that was measured of it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from choreograft.check.footage import Footage, watch_footage
from choreograft.check.person import PersonFacts, describe_person
from choreograft.config import CheckConfig
from choreograft.errors import PersonError, VideoError
from choreograft.footage.clip import load_track
from choreograft.pose.clean import CleaningReport, clean_track
from choreograft.pose.head import check_upright
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import PeopleCount, TrackingConfig, count_people, track_nobody
from choreograft.progress import Progress, silent
from choreograft.video.read import probe

LENIENT: Final = TrackingConfig(min_score=0.4, min_height_px=1.0, min_present=0.0)
"""For describing whom nothing can be made of."""


@dataclass(frozen=True)
class Filmed:
    """A clip, its person, and what its pictures are like."""

    video: Path
    track: PoseTrack
    """Cleaned."""
    report: CleaningReport
    person: PersonFacts
    footage: Footage
    people: PeopleCount
    refusal: str = ""
    """Why nobody in it can be danced after or learned; empty where somebody can."""

    @property
    def rate(self) -> float:
        """Nominal frames a second."""
        return float(self.track.rate)

    @property
    def crowded_share(self) -> float:
        """Share of the frames looked at with a second person."""
        return float((self.people.people > 1).mean()) if len(self.people.people) else 0.0

    @property
    def most_people(self) -> int:
        """In one frame of those looked at."""
        return int(self.people.people.max(initial=0))


def film_facts(
    video: Path,
    person: int,
    runs: Path,
    config: CheckConfig,
    progress: Progress = silent,
    keypoints: Path | None = None,
) -> Filmed:
    """Track one person of a video, or take the track kept from before, and measure everything.

    Where nobody can be followed well enough, somebody is followed as far as they can be seen, or else nobody.

    Raises:
        VideoError: the video cannot be read, or is a single picture.
    """
    info = probe(video)
    if info.frames == 1:
        raise VideoError(f"{video}: found a single frame; expected a video of some seconds")
    raw, refusal = _follow(video, person, runs, progress, keypoints)
    clip = measure_clip(video, raw, count_people(video, TrackingConfig(), progress), config, progress)
    return replace(clip, refusal=refusal)


def _follow(video: Path, person: int, runs: Path, progress: Progress, keypoints: Path | None) -> tuple[PoseTrack, str]:
    """The track of a video, and why nobody can be danced after or learned by it; empty where somebody can."""
    refusals = []
    for tracking in (TrackingConfig(), LENIENT):
        try:
            raw = load_track(video, keypoints, runs, tracking, person, progress)
            break
        except PersonError as error:
            refusals.append(error)
    else:
        raw = track_nobody(video)
    try:
        check_upright(str(video), raw)
    except PersonError as error:
        refusals.append(error)
    return raw, str(refusals[0]).removeprefix(f"{video}: ") if refusals else ""


def measure_clip(
    video: Path, raw: PoseTrack, people: PeopleCount, config: CheckConfig, progress: Progress = silent
) -> Filmed:
    """Measure a video whose person was tracked.

    Args:
        raw: the track as the estimator left it, or a true one.
    """
    track, report = clean_track(raw)
    facts = describe_person(raw, track, report, config)
    body_px = facts.height_px if np.isfinite(facts.height_px) else track.size.height
    return Filmed(video, track, report, facts, watch_footage(video, track, body_px, config, progress), people)
