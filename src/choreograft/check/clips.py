"""One video with everything that was measured of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from choreograft.check.footage import Footage, watch_footage
from choreograft.check.person import PersonFacts, describe_person
from choreograft.config import CheckConfig, CleaningConfig, TrackingConfig
from choreograft.errors import VideoError
from choreograft.pose.clean import CleaningReport, clean_track
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import PeopleCount, count_people, load_or_track
from choreograft.progress import Progress, silent
from choreograft.video.read import probe


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


def film_facts(video: Path, person: int, runs: Path, config: CheckConfig, progress: Progress = silent) -> Filmed:
    """Track one person of a video, or take the track kept from before, and measure everything.

    Raises:
        VideoError: the video cannot be read, or is a single picture.
        PersonError: nobody to follow, or too small or too briefly there.
    """
    info = probe(video)
    if info.frames == 1:
        raise VideoError(f"{video}: found a single frame; expected a video of some seconds")
    tracking = TrackingConfig()
    raw = load_or_track(video, runs / "tracks", tracking, person, progress)
    return measure_clip(video, raw, count_people(video, tracking, progress), config, progress)


def measure_clip(
    video: Path, raw: PoseTrack, people: PeopleCount, config: CheckConfig, progress: Progress = silent
) -> Filmed:
    """Measure a video whose person was tracked.

    Args:
        raw: the track as the estimator left it, or a true one.
    """
    track, report = clean_track(raw, CleaningConfig())
    facts = describe_person(raw, track, report, config)
    body_px = facts.height_px if np.isfinite(facts.height_px) else track.size.height
    return Filmed(video, track, report, facts, watch_footage(video, track, body_px, config, progress), people)
