"""The people of keypoint files as those of a video: which of its frames they are in, and where in it.

Other programs may see one frame less or more, leave out those without people, or know nothing of a display matrix. What
could only be guessed is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import gcd
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from choreograft.errors import FileFormatError, PersonError, count_of
from choreograft.pose import skeleton
from choreograft.pose.openpose_files import EXTENDED_JOINTS, LAYOUTS, Parts, read_keypoint_files
from choreograft.pose.track import Person
from choreograft.progress import Progress, silent
from choreograft.video.picture import StoredPicture
from choreograft.video.read import VideoInfo, count_frames, look_at_stored, probe
from choreograft.video.size import Size

HALF_PX: Final = 0.5
"""From the place of a pixel's centre in the files, an integer, to that in a track."""
_SHARES_REACH: Final = 2.0
"""No coordinate beyond this: shares of the picture, not pixels; a body may reach out of the picture."""
_STRAY: Final = 0.05
"""Share of the points that may lie outside the picture that they were found in: legs below its edge."""
_LOST: Final = 0.5
"""Share outside the picture from which they were found in another one, though no video says in which."""
_DAMAGED: Final = 10.0
"""Longer sides of the picture from its corner to a point that no program has found there."""

People = Sequence[Person]
"""Of one frame."""


def check_keypoints(place: Path, video: Path) -> None:
    """Refuse keypoints that are not a video's, as far as the files and the count of its frames tell.

    Raises:
        As `read_people` and `place_in_time`; VideoError if the video cannot be read.
    """
    people = read_people(place, probe(video), silent)
    place_in_time(place, people, count_frames(video), video, silent)


def read_people(place: Path, info: VideoInfo, progress: Progress) -> Mapping[int, People]:
    """Everybody in keypoint files, by the number of their frame, in px of a video as it is shown.

    Args:
        place: a folder with a JSON, YAML or XML file for every frame, or a JSON file with a list of them.
    Raises:
        FileFormatError: as `read_keypoint_files` and `place_in_picture`. PersonError: nobody is in the files.
    """
    frames, canvas = read_keypoint_files(place)
    found: Mapping[int, People] = {n: [_to_person(one) for one in frame] for n, frame in frames.items()}
    if not any(one.score.any() for frame in found.values() for one in frame):
        raise PersonError(
            f"{place}: the files hold nobody: found {count_of(len(found), 'frame')}, none with a point that is seen; "
            "expected those of a person; name other keypoints, or leave them out"
        )
    return place_in_picture(place, found, canvas, info, progress)


def _to_person(parts: Parts) -> Person:
    extended = np.zeros((EXTENDED_JOINTS, 3), np.float32)
    for part, points in parts.items():
        extended[list(LAYOUTS[part][len(points)])] = points
    joints = extended[: skeleton.JOINTS]
    person = Person.unseen()
    score = np.clip(joints[:, 2], 0, 1)  # peaks of heat maps reach a little beyond 1
    xy = np.where(score[:, None] > 0, joints[:, :2] + np.float32(HALF_PX), person.xy)
    return replace(person, xy=xy, score=score)


def place_in_time(
    place: Path, people: Mapping[int, People], frames: int, video: Path, progress: Progress
) -> list[People]:
    """Everybody in each frame of a video; nobody in a frame that no file is of.

    Numbers begin with the first file's, unless frames are left out at the beginning: then they fit when counted from 0,
    or from 1. At the end there may be one file less or one more than frames; what differs is told.

    Args:
        place: where the people are from.
        people: by the number of their frame, ascending; not empty.
        frames: of the video.
    Returns:
        As many as `frames`.
    Raises:
        FileFormatError: the numbers fit no beginning, or two.
    """
    start = _find_start(place, list(people), frames, video)
    unknown = [number for number in range(start, start + frames) if number not in people]
    if unknown:
        first, last = unknown[0], unknown[-1]
        numbers = f"number {first}" if first == last else f"numbers {first} to {last}"
        progress.say(
            f"{place}: nothing for {len(unknown)} of the {frames} frames of {video.name} ({numbers}): an absence"
        )
    if start + frames in people:
        progress.say(f"{place}: one frame more than the {frames} of {video.name}, so the last is left out")
    return [people.get(number, ()) for number in range(start, start + frames)]


def place_in_picture(
    place: Path, people: Mapping[int, People], canvas: Size | None, info: VideoInfo, progress: Progress
) -> Mapping[int, People]:
    """The same people in px of the video as it is shown.

    Args:
        place, people: as in `place_in_time`, with at least one point that is seen; px of the picture that they were
            found in, or `HALF_PX` added to shares of its canvas.
        canvas: the size of that picture; None where the files do not say.
    Raises:
        FileFormatError: shares of an unknown canvas, a canvas of another shape than the video's pictures as shown and
            as stored, most points outside of it, or one absurdly far.
        VideoError: as `probe`.
    """
    xy = np.concatenate([one.xy[one.score > 0] for frame in people.values() for one in frame]).astype(np.float64)
    (left, top), (right, bottom) = xy.min(axis=0) - HALF_PX, xy.max(axis=0) - HALF_PX
    found = f"{place}: found keypoints from ({left:.5g}, {top:.5g}) to ({right:.5g}, {bottom:.5g})"
    shares = np.abs(xy - HALF_PX).max() <= _SHARES_REACH
    if shares and canvas is None:
        raise FileFormatError(
            f"{found}, shares of a picture without canvas_width and canvas_height; expected pixels of {info.path}, "
            f"{info.size}; write pixels, in OpenPose with --keypoint_scale 0"
        )
    unit = canvas if canvas is not None and shares else Size(1, 1)
    in_px = (xy - HALF_PX) * unit + HALF_PX
    picture, stored = _find_picture(place, in_px, canvas, info)
    if share_outside(in_px, picture) > _LOST:
        raise FileFormatError(
            f"{found}; expected pixels of {info.path}, {picture}; name the keypoints of this video, in its pixels"
        )
    far = np.abs(in_px).max() / max(picture)
    if far > _DAMAGED:
        raise FileFormatError(
            f"{found}, up to {far:.0f} times the size of the picture they are in; expected pixels of {info.path}, "
            f"{picture}; a file is damaged: write them again"
        )
    if picture == info.size and not shares:
        return people
    if picture != info.size:
        how = "of another size" if stored is None else "as stored"
        progress.say(
            f"{place}: found in {picture}, the picture {how}; brought to {info.path.name} as shown, {info.size}"
        )

    def show(person: Person) -> Person:
        places = ((person.xy - HALF_PX) * unit + HALF_PX) / picture
        shown = places if stored is None else stored.show(places)
        return replace(person, xy=(shown * info.size).astype(np.float32))

    return {number: [show(person) for person in frame] for number, frame in people.items()}


def _find_start(place: Path, numbers: Sequence[int], frames: int, video: Path) -> int:
    """The number of the video's first frame."""
    first, last = numbers[0], numbers[-1]
    span = last - first + 1
    step = gcd(*(number - first for number in numbers))
    if len(numbers) > 2 and step > 1:
        raise FileFormatError(
            f"{place}: found frames {numbers[0]}, {numbers[1]}, {numbers[2]} and so on, in steps of {step}; expected "
            f"every frame of {video}; find keypoints in all of them (in OpenPose, without --frame_step)"
        )
    if span == frames:
        return first
    if first == 1 and last == frames - 1:
        raise FileFormatError(
            f"{place}: found frames {first} to {last}; expected {frames}, as many as {video} has, and cannot tell "
            f"whether the first is left out or the last; add a file without people, of frame 0 or of frame {frames}"
        )
    if first > 0 and last in (frames - 1, frames):
        return last - frames + 1
    if abs(span - frames) == 1:
        return first
    numbered = f"number {first}" if first == last else f"numbered {first} to {last}"
    raise FileFormatError(
        f"{place}: found keypoints of {count_of(len(numbers), 'frame')}, {numbered}; expected {frames}, as many as "
        f"{video} has; name the keypoints of this video, with a file without people where nobody is"
    )


def _find_picture(
    place: Path, xy: NDArray[np.float64], canvas: Size | None, info: VideoInfo
) -> tuple[Size, StoredPicture | None]:
    """The picture that points (.., 2) px were found in: its size, and how it lies in the file unless it is as shown."""
    if canvas is None:
        if share_outside(xy, info.size) > _STRAY:
            stored = look_at_stored(info.path)
            if stored is not None and stored.transpose and share_outside(xy, stored.size) <= _STRAY:
                return stored.size, stored
        return info.size, None
    if _is_shape(canvas, info.size):
        return canvas, None
    stored = look_at_stored(info.path)
    if stored is not None and _is_shape(canvas, stored.size):
        return canvas, stored
    raise FileFormatError(
        f"{place}: found keypoints of a canvas of {canvas}; expected {info.size}, the size of {info.path}, or "
        "another of that shape; name the keypoints of this video, found in its whole pictures without borders"
    )


def _is_shape(canvas: Size, size: Size) -> bool:
    """Whether a canvas is a picture of that size, made larger or smaller and rounded to px."""
    return abs(canvas.width * size.height - canvas.height * size.width) <= max(size)


def share_outside(xy: NDArray[np.floating], size: Size) -> float:
    """Share of points (.., 2) px that lie outside a picture."""
    return float(((xy < 0) | (xy > size)).any(axis=-1).mean())
