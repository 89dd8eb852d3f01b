"""OpenPose's keypoint files as arrays: which file is which frame's, and which of its points is which joint.

A frame has either one `*_keypoints.json` (`--write_json`), or a `*_pose.yml` or `*_pose.xml` of OpenCV's FileStorage
(`--write_keypoint`, in old releases) with `*_face`, `*_hand_left` and `*_hand_right` beside it. Left and right are the
person's own. A point is x, y and score; (0, 0, 0) is unseen.

Other programs write dialects of that JSON. DWPose's and ControlNet's nodes: one file with a list of all frames; beside
the people a canvas of `canvas_width` x `canvas_height` px, in older ones with shares of it in place of px; null for a
face or hand that was not found; faces without pupils. tf-pose-estimation: x and y without a score; (0, 0) is unseen.

Shapes: N people of a frame, P points of a part, J = 133 joints.
"""

import json
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.errors import FileFormatError, OptionError, OutputError
from choreograft.files import check_place, content_hash, hash_files
from choreograft.pose import skeleton
from choreograft.video.size import Size

Parts = dict[str, NDArray[np.float32]]
"""One person: part, as in `LAYOUTS`: (P, 3) x and y in OpenPose's px, score."""

NECK, MID_HIP, RIGHT_PUPIL, LEFT_PUPIL = range(skeleton.JOINTS, skeleton.JOINTS + 4)
"""Points that COCO-WholeBody has not, numbered on from its joints."""
EXTENDED_JOINTS: Final = skeleton.JOINTS + 4

_LEFT_ARM, _RIGHT_ARM = skeleton.ARMS
_LEFT_LEG, _RIGHT_LEG = (leg[:3] for leg in skeleton.LEGS)
_EYES_AND_EARS: Final = (skeleton.RIGHT_EYE, skeleton.LEFT_EYE, skeleton.RIGHT_EAR, skeleton.LEFT_EAR)

COCO_18: Final = (skeleton.NOSE, NECK, *_RIGHT_ARM, *_LEFT_ARM, *_RIGHT_LEG, *_LEFT_LEG, *_EYES_AND_EARS)
"""POSE_COCO_BODY_PARTS of OpenPose's poseParameters.cpp."""
BODY_25: Final = (
    skeleton.NOSE, NECK, *_RIGHT_ARM, *_LEFT_ARM, MID_HIP, *_RIGHT_LEG, *_LEFT_LEG, *_EYES_AND_EARS,
    skeleton.LEFT_BIG_TOE, skeleton.LEFT_SMALL_TOE, skeleton.LEFT_HEEL,
    skeleton.RIGHT_BIG_TOE, skeleton.RIGHT_SMALL_TOE, skeleton.RIGHT_HEEL,
)  # fmt: skip
"""POSE_BODY_25_BODY_PARTS of OpenPose's doc/output.md."""
BODY_23: Final = (
    NECK, *_RIGHT_ARM, *_LEFT_ARM, MID_HIP,
    *_RIGHT_LEG, skeleton.RIGHT_BIG_TOE, skeleton.RIGHT_SMALL_TOE,
    *_LEFT_LEG, skeleton.LEFT_BIG_TOE, skeleton.LEFT_SMALL_TOE,
    skeleton.NOSE, skeleton.RIGHT_EYE, skeleton.RIGHT_EAR, skeleton.LEFT_EYE, skeleton.LEFT_EAR,
)  # fmt: skip
"""POSE_BODY_23_BODY_PARTS of OpenPose's early sources, the order of the keypoints that came with Everybody Dance Now:
its data_prep/renderopenpose.py brings BODY_25 to it, and its sample_data shows it. Later sources of OpenPose give the
name to the 25 points without neck and middle of the hips, for which no model was released."""

LAYOUTS: Final[dict[str, dict[int, tuple[int, ...]]]] = {
    "pose": {len(layout): layout for layout in (COCO_18, BODY_23, BODY_25)},
    "face": {
        68: tuple(range(skeleton.JOINTS)[skeleton.FACE]),
        70: (*range(skeleton.JOINTS)[skeleton.FACE], RIGHT_PUPIL, LEFT_PUPIL),
    },
    "hand_left": {21: tuple(range(skeleton.JOINTS)[skeleton.LEFT_HAND])},
    "hand_right": {21: tuple(range(skeleton.JOINTS)[skeleton.RIGHT_HAND])},
}
"""Part: number of its points: the joint that each point is. Face and hands have COCO-WholeBody's own order."""

_FARTHEST: Final = 1e6
"""No picture has a pixel as far out, px."""
_OTHER_FORMATS: Final[dict[str, set[str]]] = {
    "COCO results, which AlphaPose writes too": {"image_id", "keypoints"},
    "COCO annotations": {"annotations", "images"},
    "MMPose's JSON": {"instance_info", "meta_info"},
    "MMPose's JSON of one picture": {"keypoint_scores", "keypoints"},
}
"""Fields that only they have together, in the whole or in each of its list."""

_Frame = tuple[list[Parts], Size | None]
"""People and canvas."""
JSON_ENDING: Final = "_keypoints.json"
_ANY_JSON: Final = ".json"
_ENDINGS: Final = (JSON_ENDING, "_pose.yml", "_pose.yaml", "_pose.xml")
"""Of OpenPose's names; where a folder has none of them, any JSON is read."""


KeypointFrames = tuple[dict[int, list[Parts]], Size | None]
"""Everybody in a frame, by its number: that in the file's name, or counted from 0 in a list; ascending, maybe with
numbers left out. And the canvas, the size of the picture that they were found in; None where the files do not say."""


def read_keypoint_files(place: Path) -> KeypointFrames:
    """Everybody in every frame of a folder of keypoint files, or of one file with a list of frames.

    A body has 18, 23 or 25 points, the same number in all frames, or none.

    Raises:
        FileFormatError: no such place or no keypoints in it, files of two kinds or clips, a number given twice, damage,
            points of an unknown number or that are no numbers, bodies of several models, several canvases.
    """
    return _read_files(place, hash_keypoints(place))


@lru_cache(maxsize=2)
def _read_files(place: Path, content: str) -> KeypointFrames:  # noqa: ARG001
    """The same; files that are as they were are not read again: a request looks at them, and then its work."""
    ending, paths = _find_files(place)
    if len(paths) == 1:
        frames = dict(enumerate(_read_frames(paths[0])))
    else:
        frames = {number: _read_single(path) for number, path in _in_order(place, paths, ending)}
    _refuse_mixture(place, frames)
    canvas = next((canvas for _, canvas in frames.values()), None)
    return {number: people for number, (people, _) in frames.items()}, canvas


def hash_keypoints(place: Path) -> str:
    """SHA-256 that changes with any of the keypoint files of a folder, or with the one file.

    Raises:
        FileFormatError: no such place or no keypoints in it.
    """
    ending, paths = _find_files(place)
    if place.is_file():
        return content_hash(place)
    suffix = Path(f"_{ending}").suffix  # of face and hands too, where these have files of their own
    return hash_files(sorted(path for path in paths[0].parent.iterdir() if path.suffix == suffix))


def _refuse_mixture(place: Path, frames: dict[int, _Frame]) -> None:
    """Files of one run have one kind of body and one canvas."""
    bodies = {len(person["pose"]): n for n, (people, _) in frames.items() for person in people if "pose" in person}
    if len(bodies) > 1:
        (points, number), (others, other), *_ = bodies.items()
        raise FileFormatError(
            f"{place}: found bodies of {points} points in frame {number} and of {others} in frame {other}; "
            "expected those of one model; write all frames with the same"
        )
    canvases = {canvas: number for number, (_, canvas) in frames.items()}
    if len(canvases) > 1:
        (size, number), (another, other), *_ = canvases.items()
        raise FileFormatError(
            f"{place}: found a canvas of {size or 'no size'} in frame {number} and of {another or 'no size'} in frame "
            f"{other}; expected the same in all; write them again, for one video"
        )


def _find_files(place: Path) -> tuple[str, list[Path]]:
    """How the files' names end, and the file of each frame (of the body, where parts have files of their own)."""
    if place.is_file() and place.suffix == _ANY_JSON:
        return _ANY_JSON, [place]
    if not place.is_dir():
        found = f"a file named *{place.suffix}" if place.is_file() else "no such folder"
        raise FileFormatError(
            f"{place}: found {found}; expected a folder of keypoint files, or a JSON file with a list of frames; check "
            "the name"
        )
    found_kinds = {ending: paths for ending in _ENDINGS if (paths := list(place.glob(f"*{ending}")))}
    if not found_kinds and (others := list(place.glob(f"*{_ANY_JSON}"))):
        return _ANY_JSON, others
    if not found_kinds:
        raise FileFormatError(
            f"{place}: found no keypoints; expected a file for every frame, named *{' or *'.join(_ENDINGS)}, or one "
            "JSON file with a list of frames; check the folder's name"
        )
    if len(found_kinds) > 1:
        raise FileFormatError(
            f"{place}: found files named *{' and *'.join(found_kinds)}; expected one kind; remove the rest"
        )
    [kind] = found_kinds.items()
    return kind


def _in_order(folder: Path, paths: list[Path], ending: str) -> list[tuple[int, Path]]:
    """Sorted by the number of the frame, with it."""
    numbered = sorted((*_split_name(path, ending), path) for path in paths)
    for (clip, number, path), (next_clip, next_number, next_path) in pairwise(numbered):
        if next_clip != clip:
            raise FileFormatError(
                f"{folder}: found {path.name} and {next_path.name}; expected files of one video; move the others away"
            )
        if next_number == number:
            raise FileFormatError(
                f"{folder}: found {path.name} and {next_path.name}; expected one file for frame {number}; remove the "
                "wrong one"
            )
    return [(number, path) for _, number, path in numbered]


def _split_name(path: Path, ending: str) -> tuple[str, int]:
    """The clip's name and the number of the frame."""
    parts = re.fullmatch(r"(.*?)(\d+)", path.name.removesuffix(ending))
    if parts is None:
        raise FileFormatError(
            f"{path}: found no frame number in the name; expected one such as clip_000000000012{ending}; rename it"
        )
    return parts[1], int(parts[2])


def _read_single(path: Path) -> _Frame:
    frames = _read_frames(path)
    if len(frames) != 1:
        raise FileFormatError(
            f"{path}: found a list of {len(frames)} frames, and other files beside it; expected one frame in each, or "
            "all frames in one file; name the file itself"
        )
    return frames[0]


def _read_frames(path: Path) -> list[_Frame]:
    """The one frame of a file, or all of a list."""
    if path.suffix != _ANY_JSON:
        return [_read_matrices(path)]
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FileFormatError(f"{path}: found no JSON ({error}); expected OpenPose's; write it again") from error
    frames = content if isinstance(content, list) else [content]
    for name, fields in _OTHER_FORMATS.items():
        if frames and isinstance(frames[0], dict) and fields <= frames[0].keys():
            raise FileFormatError(f"{path}: found {name}; expected OpenPose's JSON; convert it")
    return [_read_frame(path, frame) for frame in frames]


def _read_frame(path: Path, frame: Any) -> _Frame:
    people = frame.get("people") if isinstance(frame, dict) else None
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise FileFormatError(f"{path}: found no list of people; expected OpenPose's JSON; write it again")
    sides = [frame.get(f"canvas_{side}") for side in ("width", "height")]
    if sides != [None, None] and not all(isinstance(side, int) and side > 0 for side in sides):
        raise FileFormatError(f"{path}: found a canvas of {sides[0]} x {sides[1]}; expected whole px; write it again")
    canvas = None if None in sides else Size(*sides)
    return [_read_person(path, person) for person in people], canvas


def _read_person(path: Path, person: dict[str, Any]) -> Parts:
    """The parts that were found, with all their points."""
    parts = {}
    for part in LAYOUTS:
        old_name = f"{part}_keypoints"
        values = person.get(f"{old_name}_2d", person.get(old_name))
        if part == "pose" and not {f"{old_name}_2d", old_name} & person.keys():
            raise FileFormatError(f"{path}: found a person without {old_name}_2d; expected the body's points; "
                                  "write them again")  # fmt: skip
        if values:
            parts[part] = _check_points(path, part, values)
    return parts


def _read_matrices(path: Path) -> _Frame:
    clip_frame = path.name.removesuffix(f"_pose{path.suffix}")
    files = {part: path.with_name(f"{clip_frame}_{part}{path.suffix}") for part in LAYOUTS}
    matrices = {part: _read_matrix(file, part) for part, file in files.items() if file.exists()}
    found = {part: matrix for part, matrix in matrices.items() if len(matrix)}
    for part, matrix in found.items():
        if len(matrix) != len(matrices["pose"]):
            raise FileFormatError(
                f"{files[part]}: found {len(matrix)} people; expected {len(matrices['pose'])}, as in {path.name}; "
                "write both again"
            )
    people = [
        {part: _check_points(files[part], part, matrix[n]) for part, matrix in found.items()}
        for n in range(len(matrices["pose"]))
    ]
    return people, None


def _read_matrix(path: Path, part: str) -> NDArray[np.float64]:
    """(N, P, 3); a file without any matrix is that of a frame without people."""
    name = f"{part}_0"
    try:
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        is_blank, node = storage.root().empty(), storage.getNode(name)
        matrix = None if node.empty() else node.mat()
    except (cv2.error, SystemError) as error:  # a parser's exception comes through the binding as SystemError
        raise FileFormatError(f"{path}: found no OpenCV matrix {name} that can be read; write it again") from error
    if is_blank or (matrix is not None and matrix.size == 0):
        return np.zeros((0, 0, 3))
    if matrix is None or matrix.ndim != 3:
        shape = "none" if matrix is None else f"one of {' x '.join(map(str, matrix.shape))}"
        raise FileFormatError(
            f"{path}: expected a matrix {name} of people x points x 3, found {shape}; write it again with OpenPose"
        )
    return np.asarray(matrix, dtype=np.float64)


def _check_points(path: Path, part: str, values: Any) -> NDArray[np.float32]:
    """(P, 3) of a number of points that `LAYOUTS` knows; without a score, one is seen unless it lies at (0, 0)."""
    try:
        numbers = np.array(values)
    except ValueError:  # lists of several lengths
        numbers = np.array(None)
    if numbers.dtype.kind not in "iuf":
        raise FileFormatError(
            f"{path}: found {part} keypoints that are not numbers alone; expected x, y and score of each point; write "
            "them again"
        )
    # a flat list can be of one kind only: no known number of points, three times, is another one twice
    widths = (3, 2) if numbers.ndim == 1 else numbers.shape[-1:]
    width = next((n for n in widths if n in (2, 3) and numbers.size in [n * points for points in LAYOUTS[part]]), None)
    if width is None:
        known = " or ".join(map(str, LAYOUTS[part]))
        raise FileFormatError(
            f"{path}: found {numbers.size} numbers as {part} keypoints; expected x, y and score, or x and y alone, of "
            f"{known} points; write them in OpenPose's order of points"
        )
    if not (np.abs(numbers) < _FARTHEST).all():  # nor is NaN
        raise FileFormatError(
            f"{path}: found {part} keypoints that are no finite numbers, or beyond any picture; expected pixels, and "
            "(0, 0, 0) where a point is unseen; write them again"
        )
    points = numbers.reshape(-1, width).astype(np.float32)
    return points if width == 3 else np.column_stack([points, points.any(axis=-1)]).astype(np.float32)


def check_keypoint_folder(folder: Path, inputs: Sequence[Path], overwrite: bool) -> None:
    """Refuse, before any work is done, a folder that `write_openpose` could not or should not write in the end.

    Raises:
        OptionError: the folder is one of `inputs`, or holds one.
        OutputError: it exists and `overwrite` is false, holds other files than OpenPose's JSON, is no folder, or its
            own folder cannot be written.
    """
    place = Path(os.path.realpath(folder))
    check_place((place.parent if os.path.lexists(place) else place) / JSON_ENDING)
    if not folder.exists():
        return
    if any(given.exists() and folder.resolve() in (given.resolve(), given.resolve().parent) for given in inputs):
        raise OptionError(f"the output {folder} is the input; choose another name for the output")
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file; expected the name of a folder to write")
    present = sorted(folder.iterdir())
    foreign = [path.name for path in present if not path.name.endswith(JSON_ENDING)]
    if foreign:
        raise OutputError(f"{folder} holds {foreign[0]}; expected OpenPose's JSON alone; choose another name")
    if present and not overwrite:
        raise OutputError(f"{folder} exists already; choose another name, or add --overwrite to replace it")
