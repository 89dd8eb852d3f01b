"""From a video to the track of one person: find everybody, follow one, then look closely at that one.

Any estimator will do that works in two steps, because only one of the people in a frame deserves the costly second one:
`find_people` is run on every frame in order, `add_detail` on the frames and the person that were chosen.

Two streaming passes, so that the costly models for hands and face see one person only and no frame is kept; one, where
nobody else is there. Of a frame stay the people's joints and their masks, packed as PNG: a 5-minute 1080p clip takes
some 100 MB.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import FileFormatError, PersonError, count_of
from choreograft.files import check_place, content_hash, fit_name, text_hash
from choreograft.pose.follow import Sighting, find_strands, follow_person, mark_people, sight
from choreograft.pose.mediapipe import MediaPipeEstimator
from choreograft.pose.track import Floats, MaskSequence, Person, PoseTrack, empty_arrays
from choreograft.progress import Progress, run_ahead, silent
from choreograft.video.read import Frame, VideoInfo, probe, read_frames, read_pictures
from choreograft.video.sharpness import ROWS, measure_blur
from choreograft.video.size import Size
from choreograft.video.watch import CutWatch, Shots

TRACK_RECIPE: Final = 2
"""Counts changes of what is kept of a video beside the estimator's finds: part of the key of cached tracks."""
CROWDED: Final = 2
"""Frames of the first look in which several people are seen together before they are taken for real."""
HALF_SEEN: Final = 0.3
"""Share of the frames with somebody from which on they are really there."""
FEWEST_FRAMES: Final = 3
"""Fewer are no video, be nobody in them."""
BLUR_LOOKS: Final = 5
"""Frames that are measured to find out whether blur is why nobody is found."""
BLURRED_PX: Final = 3.0
"""Blur from which on it may be."""


class PoseEstimator(AbstractContextManager["PoseEstimator"], Protocol):
    """Finds people and their joints. Use as a context manager: models hold native resources."""

    @property
    def name(self) -> str:
        """Names the estimator and its models' versions: part of the key under which tracks are cached."""
        ...

    def find_people(self, image: NDArray[np.uint8], time_s: float) -> list[Person]:
        """Everybody in an RGB frame (H, W, 3), body and feet; frames come in order of `time_s`."""
        ...

    def add_detail(self, image: NDArray[np.uint8], person: Person) -> Person:
        """The same person with hands and face; joints that cannot be found stay as they are."""
        ...


@dataclass(frozen=True)
class TrackingConfig:
    """How people are found and one of them is followed."""

    max_people: int = 4
    """How many people a frame is searched for once more than one was seen; 1 where nobody else can be there."""
    scan_frames: int = 24
    """Frames, spread over the clip, in which a first look counts the people."""
    min_score: float = 0.72
    """Median score of the shoulders, arms, hips and legs in view, below which a find is a tree or a car."""
    min_height_px: float = 80.0
    """A person whose median height is below this is refused: there is too little of them to learn or follow."""
    min_present: float = 0.05
    """Share of the frames in which the person must be seen."""


EstimatorFactory = Callable[[int, Progress], PoseEstimator]
"""Makes an estimator that finds up to so many people a frame; 1 may be faster and steadier."""


@dataclass(frozen=True)
class _Find:
    """One person in one frame, the mask packed."""

    person: Person
    sighting: Sighting | None
    mask: NDArray[np.uint8]
    closer: Person | None = None
    """With hands and face; None where they have not been looked for."""

    @staticmethod
    def of(person: Person, image: NDArray[np.uint8], size: Size) -> "_Find":
        """The person in an RGB frame, the mask packed in that size."""
        mask = np.zeros(0, np.uint8) if person.mask is None else MaskSequence.pack(person.mask, size)
        return _Find(replace(person, mask=None), sight(person, image), mask)

    def closely(self, image: NDArray[np.uint8], models: PoseEstimator) -> "_Find":
        """The same with hands and face, unless nobody could follow it."""
        return replace(self, closer=models.add_detail(image, self.person)) if self.sighting else self


@dataclass(frozen=True)
class PeopleCount:
    """What a look at a few frames of a clip found; N frames."""

    time_s: Floats
    """(N,)"""
    people: NDArray[np.int64]
    """(N,) seen well enough to be followed, `TrackingConfig.max_people` at most."""


def load_or_track(
    path: Path,
    folder: Path,
    config: TrackingConfig,
    person: int = 1,
    progress: Progress = silent,
    estimator: EstimatorFactory = MediaPipeEstimator,
) -> PoseTrack:
    """The track of a video from `folder`, or made and kept there: no video is tracked twice with the same options.

    Raises:
        As `Tracker.track` and `Tracker.keep`.
    """
    tracker = Tracker(path, config, person, progress, estimator)
    return tracker.keep(folder, tracker.track)


def count_people(
    path: Path, config: TrackingConfig, progress: Progress = silent, estimator: EstimatorFactory = MediaPipeEstimator
) -> PeopleCount:
    """How many people are in a few frames spread over a clip, without following any of them.

    Raises:
        VideoError: the video cannot be read.
        AssetError, DependencyError: the estimator cannot be made.
    """
    looks = list(Tracker(path, config, progress=progress, estimator=estimator).look_about())
    return PeopleCount(np.array([time_s for time_s, _ in looks]), np.array([count for _, count in looks], np.int64))


def track_nobody(path: Path) -> PoseTrack:
    """The track of a video in which nobody is followed: T frames, their times, s, and nothing in them.

    Raises:
        VideoError: the video cannot be read.
    """
    times = [float(picture.time) for picture in read_pictures(path)]
    return _as_track(probe(path), np.array(times), [None] * len(times), Shots.one(len(times)))


@dataclass(frozen=True)
class Tracker:
    """Follows one person through a video."""

    path: Path
    config: TrackingConfig
    person: int = 1
    """Counted from 1 by how much of the frame they fill over time."""
    progress: Progress = silent
    estimator: EstimatorFactory = MediaPipeEstimator

    @cached_property
    def info(self) -> VideoInfo:
        """The video's facts.

        Raises:
            VideoError: the video cannot be read.
        """
        return probe(self.path)

    def keep(self, folder: Path, make: Callable[[], PoseTrack], **facts: Any) -> PoseTrack:
        """The track that is kept in `folder` under a key of all that shapes it, or made and kept there.

        Args:
            facts: what shapes it beside the video, the options and the estimator.
        Raises:
            VideoError: the video cannot be read. OutputError: the folder cannot be written. What `make` raises.
        """
        facts |= {"video": content_hash(self.info.path), "person": self.person, "config": asdict(self.config)}
        key = text_hash({**facts, "name": self.estimator(1, silent).name, "recipe": TRACK_RECIPE})
        kept = folder / fit_name(self.path.stem, f"-{key}.npz")
        if kept.exists():
            try:
                return PoseTrack.load(kept)
            except FileFormatError as error:
                self.progress.say(f"tracking {self.path.name} again: {error}")
        check_place(kept)
        track = make()
        track.save(kept)
        return track

    def track(self) -> PoseTrack:
        """Body, feet, hands, face and mask of the person in every frame.

        Returns:
            The raw track, one entry for every frame of the video; `pose/clean.py` smooths it.
        Raises:
            VideoError: the video cannot be read.
            PersonError: nobody is there, or fewer than `person`, or too small or too briefly to be of use.
            AssetError, DependencyError: the estimator cannot be made.
        """
        return self.follow(self.is_alone())

    def is_alone(self) -> bool:
        """Whether nobody but the person to be followed is to be looked for, as a first look tells."""
        if self.config.max_people == 1 or self.person != 1:
            return self.config.max_people == 1
        with closing(self.look_about()) as looks:
            crowded = islice((count for _, count in looks if count > 1), CROWDED)
            return len(list(crowded)) < CROWDED

    def look_about(self) -> Generator[tuple[float, int], None, None]:
        """Time, s, and number of people in each of a few frames spread over the clip."""
        step_s = self.info.duration_s / self.config.scan_frames
        next_s = step_s / 2
        task = self.progress.task(f"looking for people in {self.path.name}", self.info.frames)
        with self.estimator(self.config.max_people, self.progress) as models, task as advance:
            for done, picture in enumerate(read_pictures(self.path), start=1):
                advance(done)
                time_s = float(picture.time)
                if time_s < next_s:
                    continue
                next_s = time_s + max(step_s, 0.2)
                image = picture.to_rgb()
                sightings = [sight(person, image) for person in models.find_people(image, time_s)]
                yield time_s, sum(seen is not None and seen.score >= self.config.min_score for seen in sightings)

    def follow(self, alone: bool, detail: bool = True) -> PoseTrack:
        """Follow a person of whom it is known whether they are alone; as `track`.

        Args:
            detail: whether the estimator has anything to add on a closer look.
        """
        closely = alone or not detail
        with self.estimator(1 if alone else self.config.max_people, self.progress) as models:
            times_s, finds, shots = self._find_everybody(models, closely)
            sightings = [[find.sighting for find in frame] for frame in finds]
            try:
                indices = follow_person(sightings, times_s, self.person, self.config.min_score)
            except PersonError as error:
                nobody = not find_strands(sightings, times_s, self.config.min_score)
                raise PersonError(f"{self.path}: {(nobody and self._explain(finds)) or error}") from error
            followed = [None if i is None else frame[i] for i, frame in zip(indices, finds, strict=True)]
            self._refuse_unusable(followed)
            if not closely:
                followed = self._look_closely(models, followed)
        looks = sum(find.closer is not None for frame in finds for find in frame)
        if closely and detail and looks > sum(find is not None for find in followed):
            # models that look at somebody who is not followed go on from there, and miss what comes next
            with self.estimator(1, self.progress) as models:
                followed = self._look_closely(models, followed)
        return _as_track(self.info, np.array(times_s), followed, shots)

    def _read(self) -> Iterator[Frame]:
        """The frames, each read while the one before it is looked at."""
        return run_ahead(read_frames(self.path), "reading")

    def _find_everybody(self, models: PoseEstimator, closely: bool) -> tuple[list[float], list[list[_Find]], Shots]:
        """Pass 1: T times, everybody in each frame, and the shots; `closely`, with hands and face."""
        times_s: list[float] = []
        finds: list[list[_Find]] = []
        size, watch = MaskSequence.size_for(self.info.size), CutWatch()
        with self.progress.task(f"following people in {self.path.name}", self.info.frames) as advance:
            for frame in self._read():
                times_s.append(frame.time_s)
                found = models.find_people(frame.image, frame.time_s)
                watch.add(frame.image, frame.time_s, mark_people(found, self.info.size, size))
                people = [_Find.of(person, frame.image, size) for person in found]
                finds.append([find.closely(frame.image, models) for find in people] if closely else people)
                advance(frame.index + 1)
        return times_s, finds, watch.conclude()

    def _look_closely(self, models: PoseEstimator, followed: Sequence[_Find | None]) -> list[_Find | None]:
        """Pass 2: hands and face of the person followed."""
        closer: list[_Find | None] = []
        with self.progress.task(f"hands and face in {self.path.name}", len(followed)) as advance:
            for frame, find in zip(self._read(), followed, strict=True):
                closer.append(find and find.closely(frame.image, models))
                advance(frame.index + 1)
        return closer

    def _explain(self, finds: Sequence[Sequence[_Find]]) -> str:
        """Why nobody can be followed, as far as it can be seen; empty where nothing but that is known."""
        scores = [max((find.sighting.score for find in frame if find.sighting), default=np.nan) for frame in finds]
        known = np.isfinite(scores)
        if known.mean() >= HALF_SEEN and float(np.nanmedian(scores)) < self.config.min_score:
            return (
                f"found somebody in {known.sum()} of {len(finds)} frames, but not wholly or not clearly: joints are"
                f" {np.nanmedian(scores):.0%} certain; expected {self.config.min_score:.0%}; film the whole person,"
                " head to feet"
            )
        if known.any():
            return ""
        if len(finds) < FEWEST_FRAMES:
            return f"found nobody in {count_of(len(finds), 'frame')}; expected a video of some seconds"
        looked_at = set(np.linspace(0, len(finds) - 1, BLUR_LOOKS).round().astype(int).tolist())
        blur_px = measure_blur(frame.image for frame in read_frames(self.path) if frame.index in looked_at)
        if blur_px > BLURRED_PX:
            return (
                f"found nobody, and the pictures are blurred by {blur_px:.0f} px of {ROWS} rows; expected a person in"
                " focus; clean the lens, focus on the person and film again"
            )
        return ""

    def _refuse_unusable(self, followed: Sequence[_Find | None]) -> None:
        config = self.config
        sizes = [find.sighting.size_px for find in followed if find is not None and find.sighting is not None]
        if len(sizes) / len(followed) < config.min_present:
            raise PersonError(
                f"{self.path}: found what may be a person in only {len(sizes)} of {len(followed)} frames; "
                f"expected one in {config.min_present:.0%} of them at least; choose a video of a person in full view"
            )
        height_px = float(np.median(sizes))
        if height_px < config.min_height_px:
            raise PersonError(
                f"{self.path}: the person is {height_px:.0f} px tall; expected at least {config.min_height_px:.0f} px; "
                "crop the video around the person and enlarge it, or film from nearer"
            )


def _as_track(info: VideoInfo, time_s: Floats, followed: Sequence[_Find | None], shots: Shots) -> PoseTrack:
    arrays = empty_arrays(len(followed))
    for t, find in enumerate(followed):
        if find is not None:
            for name, array in arrays.items():
                array[t] = getattr(find.closer, name)
    blobs = [np.zeros(0, np.uint8) if find is None else find.mask for find in followed]
    masks = MaskSequence.from_blobs(MaskSequence.size_for(info.size), blobs)
    present = np.array([find is not None for find in followed])
    return PoseTrack(
        info.size, info.rate, time_s, **arrays, present=present, masks=masks, shot=shots.shot, view=shots.view
    )
