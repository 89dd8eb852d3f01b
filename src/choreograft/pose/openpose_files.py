"""OpenPose's keypoint files as arrays: which file is which frame's, and which of its points is which joint.

A frame has either one `*_keypoints.json` (`--write_json`), or a `*_pose.yml` or `*_pose.xml` of OpenCV's FileStorage
(`--write_keypoint`, in old releases) with `*_face`, `*_hand_left` and `*_hand_right` beside it. Left and right are the
person's own. A point is x, y and score; (0, 0, 0) is unseen.

Shapes: N people of a frame, P points of a part, J = 133 joints.
"""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from choreograft.errors import FileFormatError
from choreograft.pose import skeleton

Parts = dict[str, NDArray[np.float32]]
"""One person: part, as in `LAYOUTS`: (P, 3) x and y in OpenPose's px, score."""

NECK, MID_HIP, RIGHT_PUPIL, LEFT_PUPIL = range(skeleton.JOINTS, skeleton.JOINTS + 4)
"""Points that COCO-WholeBody has not, numbered on from its joints."""
EXTENDED_JOINTS: Final = skeleton.JOINTS + 4

_RIGHT_ARM: Final = (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST)
_LEFT_ARM: Final = (skeleton.LEFT_SHOULDER, skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST)
_RIGHT_LEG: Final = (skeleton.RIGHT_HIP, skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE)
_LEFT_LEG: Final = (skeleton.LEFT_HIP, skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE)
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
    "face": {70: (*range(skeleton.JOINTS)[skeleton.FACE], RIGHT_PUPIL, LEFT_PUPIL)},
    "hand_left": {21: tuple(range(skeleton.JOINTS)[skeleton.LEFT_HAND])},
    "hand_right": {21: tuple(range(skeleton.JOINTS)[skeleton.RIGHT_HAND])},
}
"""Part: number of its points: the joint that each point is. Face and hands have COCO-WholeBody's own order."""

JSON_ENDING: Final = "_keypoints.json"
_ENDINGS: Final = (JSON_ENDING, "_pose.yml", "_pose.yaml", "_pose.xml")


def read_keypoint_files(folder: Path) -> list[list[Parts]]:
    """Everybody in every frame of a folder of keypoint files, frames in the order of their numbers.

    Returns:
        A list for each frame, of N people; a body has 18, 23 or 25 points, the same number in all frames.
    Raises:
        FileFormatError: no such folder or no keypoints in it, files of two kinds or clips, a number left out or given
            twice, damage, points of an unknown number or that are no numbers, bodies of several models.
    """
    paths = _find_files(folder)
    frames = [_read_json(path) if path.suffix == ".json" else _read_matrices(path) for path in paths]
    first_with = {len(person["pose"]): path for path, people in zip(paths, frames, strict=True) for person in people}
    if len(first_with) > 1:
        (points, path), (others, other), *_ = first_with.items()
        raise FileFormatError(
            f"{folder}: found bodies of {points} points in {path.name} and of {others} in {other.name}; "
            "expected those of one model; write all frames with the same --model_pose"
        )
    return frames


def _find_files(folder: Path) -> list[Path]:
    """The file of each frame (of the body, where parts have files of their own), in order."""
    if not folder.is_dir():
        raise FileFormatError(f"{folder}: found no such folder; expected one of OpenPose's keypoint files")
    found = {ending: paths for ending in _ENDINGS if (paths := list(folder.glob(f"*{ending}")))}
    if not found:
        raise FileFormatError(
            f"{folder}: found no keypoints; expected a file for every frame, named *{' or *'.join(_ENDINGS)}; "
            "run OpenPose with --write_json"
        )
    if len(found) > 1:
        raise FileFormatError(
            f"{folder}: found files named *{' and *'.join(found)}; expected one kind; remove the rest"
        )
    [(ending, paths)] = found.items()
    return _in_order(folder, paths, ending)


def _in_order(folder: Path, paths: list[Path], ending: str) -> list[Path]:
    """Sorted by frame number, of which none may be missing."""
    numbered = sorted((*_split_name(path, ending), path) for path in paths)
    for (clip, number, path), (next_clip, next_number, next_path) in pairwise(numbered):
        if next_clip != clip:
            raise FileFormatError(
                f"{folder}: found {path.name} and {next_path.name}; expected files of one video; move the others away"
            )
        if next_number != number + 1:
            raise FileFormatError(
                f"{folder}: found {next_path.name} after {path.name}; expected frame {number + 1} next; "
                "run OpenPose on every frame, without --frame_step"
            )
    return [path for _, _, path in numbered]


def _split_name(path: Path, ending: str) -> tuple[str, int]:
    """The clip's name and the number of the frame."""
    parts = re.fullmatch(r"(.*?)(\d+)", path.name.removesuffix(ending))
    if parts is None:
        raise FileFormatError(
            f"{path}: found no frame number in the name; expected one such as clip_000000000012{ending}"
        )
    return parts[1], int(parts[2])


def _read_json(path: Path) -> list[Parts]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"{path}: found no JSON ({error}); expected that of OpenPose; write it again") from error
    people = content.get("people") if isinstance(content, dict) else None
    if not isinstance(people, list) or not all(isinstance(person, dict) for person in people):
        raise FileFormatError(f"{path}: found no list of people; expected OpenPose's JSON; write it again")
    return [_read_person(path, person) for person in people]


def _read_person(path: Path, person: dict[str, Any]) -> Parts:
    parts = {}
    for part in LAYOUTS:
        old_name = f"{part}_keypoints"
        values = person.get(f"{old_name}_2d", person.get(old_name))
        if part == "pose" and values is None:
            raise FileFormatError(f"{path}: found a person without {old_name}_2d; expected the body's points; "
                                  "write them again")  # fmt: skip
        if values or part == "pose":
            parts[part] = _check_points(path, part, values)
    return parts


def _read_matrices(path: Path) -> list[Parts]:
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
    return [
        {part: _check_points(files[part], part, matrix[n]) for part, matrix in found.items()}
        for n in range(len(matrices["pose"]))
    ]


def _read_matrix(path: Path, part: str) -> NDArray[np.float32]:
    """(N, P, 3); a file without any matrix is that of a frame without people."""
    name = f"{part}_0"
    try:
        storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
        is_blank, node = storage.root().empty(), storage.getNode(name)
        matrix = None if node.empty() else node.mat()
    except (cv2.error, SystemError) as error:  # a parser's exception comes through the binding as SystemError
        raise FileFormatError(f"{path}: found no OpenCV matrix {name} that can be read; write it again") from error
    if is_blank or (matrix is not None and matrix.size == 0):
        return np.zeros((0, 0, 3), np.float32)
    if matrix is None or matrix.ndim != 3:
        shape = "none" if matrix is None else f"one of {' x '.join(map(str, matrix.shape))}"
        raise FileFormatError(
            f"{path}: expected a matrix {name} of people x points x 3, found {shape}; write it again with OpenPose"
        )
    return np.asarray(matrix, dtype=np.float32)


def _check_points(path: Path, part: str, values: Any) -> NDArray[np.float32]:
    """(P, 3) of a number of points that `LAYOUTS` knows."""
    try:
        points = np.array(values, dtype=np.float32).reshape(-1, 3)
    except (TypeError, ValueError) as error:
        raise FileFormatError(
            f"{path}: found {part} keypoints that are not x, y and score of each point; write them again"
        ) from error
    if len(points) not in LAYOUTS[part]:
        known = " or ".join(map(str, LAYOUTS[part]))
        raise FileFormatError(
            f"{path}: found {len(points)} {part} points; expected {known}; write them with OpenPose's own models, "
            "the body with --model_pose BODY_25 or COCO"
        )
    if not np.isfinite(points).all():
        raise FileFormatError(
            f"{path}: found {part} keypoints that are no finite numbers; expected (0, 0, 0) where a point is unseen; "
            "write them again"
        )
    return points
