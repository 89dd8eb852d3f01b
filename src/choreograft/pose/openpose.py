"""OpenPose interchange: joints of keypoint files in place of an estimator's own, and files written from a track.

Cao et al. 2019, "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields"; the files are those of
its doc/output.md. OpenPose has four points that COCO-WholeBody has not: neck, middle of the hips, and pupils. It counts
pixel centres at integers (`--keypoint_scale 3` divides by width - 1), the track at integers + 0.5.

The files bring places in the picture. Masks, depth and landmarks, and joints that the files never have (hands, face,
feet), are those of an estimator's person who stands where theirs does: their *double*.

Shapes: T frames, N people of a frame, K = 17 body joints, J = 133 joints, E = 137: the joints and those four.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import FileFormatError, PersonError
from choreograft.files import PARTIAL
from choreograft.pose import skeleton
from choreograft.pose.openpose_files import (
    BODY_25,
    EXTENDED_JOINTS,
    JSON_ENDING,
    LAYOUTS,
    MID_HIP,
    NECK,
    check_keypoint_folder,
    hash_keypoints,
)
from choreograft.pose.openpose_fit import HALF_PX, place_in_time, read_people, share_outside
from choreograft.pose.skeleton import PARENT
from choreograft.pose.track import JOINT_ARRAYS, SEEN, Person, PoseTrack
from choreograft.pose.tracking import PoseEstimator, Tracker
from choreograft.progress import Progress
from choreograft.video.read import count_frames


def _find_carrier(joint: int) -> int:
    return joint if joint < skeleton.BODY.stop else _find_carrier(PARENT[joint])


DOUBLES_RECIPE: Final = 1
"""Counts changes of this module that change tracks: part of the key under which they are cached."""
_NEAR: Final = 0.1
"""Of the longer side of the person's box: joints no farther apart are one, and people whose usual joint is not."""
_FEWEST_JOINTS: Final = 4
"""In common, of people who are held against each other."""
_EXCHANGE: Final = 0.05
"""By how much, in the same unit, exchanging sides must bring the usual joint nearer to be right."""
_JSON_VERSION: Final = 1.3
"""Of OpenPose 1.5 and later."""
_WRITTEN: Final = {part: layouts[max(layouts)] for part, layouts in LAYOUTS.items()}
"""The fullest layout of each part: BODY_25, face of 70, hands of 21."""
assert _WRITTEN["pose"] == BODY_25
_OUTSIDE: Final = 0.1
"""Share of the points outside the picture where nobody stands at the others: they are of a picture of another size."""
_CARRIER: Final = np.array([_find_carrier(joint) for joint in range(skeleton.JOINTS)])
"""(J,) each body joint itself, wrist, nose or ankle of all others."""
DETAIL: Final = slice(skeleton.FACE.start, skeleton.JOINTS)
"""What a closer look finds."""


def find_lacking(frames: Iterable[Sequence[Person]]) -> NDArray[np.bool_]:
    """(J,) joints of hands, face and feet that nobody has in any frame: the other program's model has none."""
    lacking = ~np.any([one.score > 0 for frame in frames for one in frame], axis=0)
    lacking[skeleton.BODY] = False
    return np.asarray(lacking)


@dataclass(frozen=True)
class _Doubled(Person):
    """A person of the files with all that an estimator knows of them."""

    double: Person | None = None
    """As the estimator has them, without the mask."""


class Doubles(ExitStack):
    """An estimator that finds the people of keypoint files, each completed by what another one knows of their double.

    `find_people` has to be shown all frames, once.
    """

    def __init__(self, people: Sequence[Sequence[Person]], lacking: NDArray[np.bool_], models: PoseEstimator) -> None:
        """T frames of people, (J,) joints that none of them has, and who looks for doubles."""
        super().__init__()
        self._coming, self._lacking, self._models = iter(people), lacking, self.enter_context(models)
        self.name = models.name

    def find_people(self, image: NDArray[np.uint8], time_s: float) -> list[Person]:
        """The people whom the files have in the next frame."""
        found = self._models.find_people(image, time_s)
        return [self._complete(one, find_double(one, found)) for one in next(self._coming, ())]

    def add_detail(self, image: NDArray[np.uint8], person: Person) -> Person:
        """The same person with the double's hands and face, where the files have none."""
        if not isinstance(person, _Doubled) or person.double is None or not self._lacking[DETAIL].any():
            return person
        return self._complete(person, self._models.add_detail(image, person.double))

    def _complete(self, one: Person, double: Person | None) -> Person:
        if double is None:
            return one
        near = (_measure_off(one, double) <= _NEAR)[_CARRIER]
        added = near & self._lacking & (double.score > 0)
        known = near & ((one.score > 0) | added)
        return _Doubled(
            xy=np.where(added[:, None], double.xy, one.xy),
            score=np.where(added, double.score, one.score),
            depth=np.where(known, double.depth, np.float32(np.nan)),
            world=np.where(known[:, None], double.world, np.float32(np.nan)),
            mask=double.mask,
            double=replace(double, mask=None),
        )


def find_double(one: Person, found: Sequence[Person]) -> Person | None:
    """Who of an estimator's people is one of another's: whose joints, as a rule, lie where theirs do.

    Returns:
        That person, left and right exchanged where only then the joints lie there; None where nobody's do.
    """
    offs = [(_usual_off(one, person), person) for person in found]
    offs += [(_usual_off(one, person) + _EXCHANGE, person) for person in map(_exchange_sides, found)]
    usual, nearest = min(offs, key=itemgetter(0), default=(np.inf, None))
    return nearest if usual <= _NEAR else None


def _usual_off(one: Person, other: Person) -> float:
    """The median of `_measure_off`; infinite where too few joints tell."""
    off = _measure_off(one, other)
    return float(np.nanmedian(off)) if np.isfinite(off).sum() >= _FEWEST_JOINTS else np.inf


def _measure_off(one: Person, other: Person) -> NDArray[np.float32]:
    """(K,) how far apart body joints are, in longer sides of the box of `one`'s; NaN where one of the two is unseen."""
    seen = (one.score >= SEEN) & (other.score >= SEEN)
    joints = one.xy[skeleton.BODY][one.score[skeleton.BODY] >= SEEN]
    size_px = np.ptp(joints, axis=0).max() if len(joints) else 0.0
    off = np.linalg.norm(one.xy - other.xy, axis=-1) / max(size_px, 1.0)
    return np.where(seen, off, np.float32(np.nan))[skeleton.BODY]


def _exchange_sides(person: Person) -> Person:
    exchanged: dict[str, Any] = {name: getattr(person, name)[list(skeleton.MIRROR)] for name in JOINT_ARRAYS}
    return replace(person, **exchanged)


def load_or_read_openpose(place: Path, tracker: Tracker, folder: Path) -> PoseTrack:
    """The track of a video by keypoint files, from `folder`, or made and kept there; says what is from where.

    Raises:
        As `read_openpose`; FileFormatError too if nobody is ever seen where the keypoints are and a tenth of them
            lies outside the picture. OutputError if the folder cannot be written.
    """
    facts = {"keypoints": hash_keypoints(place), "doubles": DOUBLES_RECIPE}
    track = tracker.keep(folder, lambda: read_openpose(place, tracker), **facts)
    shown, masked = int(track.present.sum()), int((track.present & track.masked).sum())
    if not masked:
        _refuse_another_size(place, tracker.path, track)
    doubt = "" if 2 * masked > shown else "; in the others nobody was found who stands where the keypoints are"
    tracker.progress.say(
        f"{tracker.path.name}: joints from {place}; masks, depth and joints that it lacks made anew in {masked} of"
        f" the {shown} frames with the person{doubt}"
    )
    return track


def read_openpose(place: Path, tracker: Tracker) -> PoseTrack:
    """Follow one person through the keypoints that OpenPose, or a program that writes its JSON, found in a video.

    People of a frame are in any order; they are followed as those of an estimator are, by place, size and clothes
    (`pose/follow.py`), however small or briefly seen.

    Args:
        place: a folder with a JSON, YAML or XML file for every frame of the video, or a JSON file with a list of them;
            numbers and canvas as `pose/openpose_fit.py` takes them.
        tracker: of the video that the keypoints were found in, which gives size, rate and times; its estimator finds
            the doubles.
    Returns:
        The raw track; where the person has no double, without mask, depth and landmarks. `pose/clean.py` smooths it.
    Raises:
        FileFormatError: as `read_people` and `place_in_time`.
        PersonError: nobody is in the files, or fewer than `person`.
        OptionError: `person` is below 1.
        VideoError: the video cannot be read.
        AssetError, DependencyError: the estimator cannot be made.
    """
    video, progress = tracker.path, tracker.progress
    numbered = read_people(place, tracker.info, progress)
    people = place_in_time(place, numbered, count_frames(video), video, progress)
    alone, lacking = tracker.is_alone(), find_lacking(numbered.values())

    def lend(most: int, told: Progress) -> PoseEstimator:
        return Doubles(people, lacking, tracker.estimator(most, told))

    any_person = replace(tracker.config, min_score=0.0, min_height_px=1.0, min_present=0.0)
    reader = replace(tracker, config=any_person, estimator=lend)
    try:
        track = reader.follow(alone, bool(lacking[DETAIL].any()))
        if len(people) != len(track):  # some of the video's frames do not decode
            assumed, people = people[: len(track)], place_in_time(place, numbered, len(track), video, progress)
            if list(map(id, people)) != list(map(id, assumed)):
                track = reader.follow(alone, bool(lacking[DETAIL].any()))
    except PersonError as error:
        raise PersonError(f"{place}: {str(error).removeprefix(f'{video}: ')}") from error
    return track


def _refuse_another_size(place: Path, video: Path, track: PoseTrack) -> None:
    outside = share_outside(track.xy[track.score > 0], track.size)
    if outside > _OUTSIDE:
        raise FileFormatError(
            f"{place}: found {outside:.0%} of the points outside of {video}, {track.size}, and nobody who stands where"
            " the others are; expected pixels of this video; find its keypoints in pictures of its own size"
        )


def write_openpose(track: PoseTrack, folder: Path, clip: str) -> None:
    """Write a track as OpenPose's JSON: BODY_25, face of 70 points, hands of 21; one person, or nobody where absent.

    Neck and middle of the hips are those of shoulders and hips, with the lower of their scores. Pupils, depth, world
    landmarks and masks are left out. A folder that is there is replaced, and only by a whole one.

    Args:
        clip: how the files' names begin; `clip_000000000012_keypoints.json` is frame 12, counted from 0.
    Raises:
        OutputError: the folder holds other files than OpenPose's JSON, is no folder, or cannot be written.
    """
    place = folder.resolve()
    check_keypoint_folder(place, (), overwrite=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    extended = _extend(track)
    with TemporaryDirectory(prefix=PARTIAL, dir=place.parent) as room:
        whole = Path(room) / place.name
        whole.mkdir()
        for t, values in enumerate(extended):
            people = [_as_json(values)] if track.present[t] else []
            text = json.dumps({"version": _JSON_VERSION, "people": people})
            (whole / f"{clip}_{t:012d}{JSON_ENDING}").write_text(text, encoding="utf-8")
        if place.exists():
            rmtree(place)
        whole.rename(place)


def _extend(track: PoseTrack) -> NDArray[np.float32]:
    """(T, E, 3) x, y in OpenPose's px and score of the joints and the points that only OpenPose has."""
    extended = np.zeros((len(track), EXTENDED_JOINTS, 3), np.float32)
    seen = (track.score > 0) & np.isfinite(track.xy).all(axis=-1)
    values = np.concatenate([track.xy - np.float32(HALF_PX), track.score[..., None]], axis=-1)
    extended[:, : skeleton.JOINTS] = np.where(seen[..., None], values, 0)
    for middle, pair in ((NECK, skeleton.SHOULDERS), (MID_HIP, skeleton.HIPS)):
        sides = extended[:, list(pair)]
        extended[:, middle, :2], extended[:, middle, 2] = sides[..., :2].mean(axis=1), sides[..., 2].min(axis=1)
        extended[extended[:, middle, 2] == 0, middle] = 0
    return extended


def _as_json(extended: NDArray[np.float32]) -> dict[str, list[float]]:
    """One person (E, 3), each number in the fewest digits that name the same float32."""
    shortest = extended.astype(str).astype(np.float64)
    person = {f"{part}_keypoints_2d": shortest[list(layout)].ravel().tolist() for part, layout in _WRITTEN.items()}
    return {"person_id": [-1], **person}
