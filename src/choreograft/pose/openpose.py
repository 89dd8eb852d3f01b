"""OpenPose interchange: keypoint files read as a track in place of an estimator's finds, and written from a track.

Cao et al. 2019, "OpenPose: Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields"; the files are those of
its doc/output.md. OpenPose has four points that COCO-WholeBody has not: neck, middle of the hips, and pupils. It counts
pixel centres at integers (`--keypoint_scale 3` divides by width - 1), the track at integers + 0.5.

Shapes: T frames, N people of a frame, J = 133 joints, E = 137: the joints and those four.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import PersonError
from choreograft.files import PARTIAL
from choreograft.pose import skeleton
from choreograft.pose.estimator import Person
from choreograft.pose.follow import FollowedIndex, Sighting, follow_person, sight
from choreograft.pose.openpose_files import (
    BODY_25,
    EXTENDED_JOINTS,
    JSON_ENDING,
    LAYOUTS,
    MID_HIP,
    NECK,
    Parts,
    check_keypoint_folder,
    read_keypoint_files,
)
from choreograft.pose.openpose_fit import HALF_PX, place_in_picture, place_in_time
from choreograft.pose.track import PoseTrack, empty_arrays
from choreograft.progress import Progress, silent
from choreograft.video.read import VideoInfo, count_frames, probe, read_frames

_JSON_VERSION: Final = 1.3
"""Of OpenPose 1.5 and later."""
_WRITTEN: Final = {part: layouts[max(layouts)] for part, layouts in LAYOUTS.items()}
"""The fullest layout of each part: BODY_25, face of 70, hands of 21."""
assert _WRITTEN["pose"] == BODY_25


def read_openpose(place: Path, video: Path, person: int = 1, progress: Progress = silent) -> PoseTrack:
    """Follow one person through the keypoints that OpenPose, or a program that writes its JSON, found in a video.

    People of a frame are in any order; they are followed as those of an estimator are, by place, size and clothes
    (`pose/follow.py`).

    Args:
        place: a folder with a JSON, YAML or XML file for every frame of `video`, or a JSON file with a list of them;
            numbers and canvas as `pose/openpose_fit.py` takes them.
        video: what the keypoints were found in; gives size, rate and times.
        person: counted from 1 by how much of the frame they fill over time.
    Returns:
        The raw track, without depth, world landmarks and masks; `pose/clean.py` smooths it.
    Raises:
        FileFormatError: as `read_keypoint_files`, `place_in_picture` and `place_in_time`.
        PersonError: nobody is there, or fewer than `person`.
        OptionError: `person` is below 1.
        VideoError: the video cannot be read.
    """
    info = probe(video)
    files = read_keypoint_files(place)
    found: Mapping[int, Sequence[Person]] = {n: [_to_person(one) for one in frame] for n, frame in files.people.items()}
    if not any(one.score.any() for frame in found.values() for one in frame):
        raise PersonError(
            f"{place}: the files hold nobody: found {len(found)} frames, none with a point that is seen; expected "
            "those of a person; name other keypoints, or leave out --openpose"
        )
    found = place_in_picture(place, found, files.canvas, info, progress)
    people = place_in_time(place, found, count_frames(video), video, progress)
    time_s, sightings = _sight_people(people, info, progress)
    if len(people) != len(time_s):  # some of the video's frames do not decode
        people = place_in_time(place, found, len(time_s), video, progress)
        time_s, sightings = _sight_people(people, info, progress)
    try:
        followed = follow_person(sightings, time_s, person)
    except PersonError as error:
        raise PersonError(f"{place}: {error}") from error
    return _as_track(info, np.array(time_s), people, followed)


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


def _to_person(parts: Parts) -> Person:
    extended = np.zeros((EXTENDED_JOINTS, 3), np.float32)
    for part, points in parts.items():
        extended[list(LAYOUTS[part][len(points)])] = points
    joints = extended[: skeleton.JOINTS]
    arrays = {name: array[0] for name, array in empty_arrays(1).items()}
    score = np.clip(joints[:, 2], 0, 1)  # peaks of heat maps reach a little beyond 1
    xy = np.where(score[:, None] > 0, joints[:, :2] + np.float32(HALF_PX), arrays["xy"])
    return Person(xy, score, arrays["depth"], arrays["world"])


def _sight_people(
    people: Sequence[Sequence[Person]], info: VideoInfo, progress: Progress
) -> tuple[list[float], list[list[Sighting | None]]]:
    """The times of all frames of the video, and what following needs of the people in them."""
    time_s, sightings = [], []
    with progress.task(f"following people in {info.path.name}", info.frames) as advance:
        for frame in read_frames(info.path):
            time_s.append(frame.time_s)
            found = people[frame.index] if frame.index < len(people) else ()
            sightings.append([sight(person, frame.image) for person in found])
            advance(frame.index + 1)
    return time_s, sightings


def _as_track(
    info: VideoInfo, time_s: NDArray[np.float64], people: Sequence[Sequence[Person]], followed: FollowedIndex
) -> PoseTrack:
    arrays = empty_arrays(len(followed))
    for t, index in enumerate(followed):
        if index is not None:
            arrays["xy"][t], arrays["score"][t] = people[t][index].xy, people[t][index].score
    present = np.array([index is not None for index in followed])
    return PoseTrack(
        info.size, info.rate, time_s, arrays["xy"], arrays["score"], arrays["depth"], arrays["world"], present
    )


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
