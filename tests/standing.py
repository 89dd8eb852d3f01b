"""A person who stands still in OpenPose's files, written down by hand."""

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from choreograft.pose.openpose import read_openpose
from choreograft.pose.track import Person, PoseTrack
from choreograft.pose.tracking import Tracker, TrackingConfig
from choreograft.progress import Progress, SilentProgress

FRAMES = 6
STANDING = {
    "Nose": (30, 16), "Neck": (30, 24), "RShoulder": (23, 24), "RElbow": (20, 36), "RWrist": (19, 47),
    "LShoulder": (37, 24), "LElbow": (40, 36), "LWrist": (41, 47), "MidHip": (30, 50), "RHip": (25, 50),
    "RKnee": (26, 68), "RAnkle": (27, 86), "LHip": (35, 50), "LKnee": (34, 68), "LAnkle": (33, 86),
    "REye": (28, 14), "LEye": (32, 14), "REar": (26, 15), "LEar": (34, 15), "LBigToe": (36, 90),
    "LSmallToe": (38, 90), "LHeel": (32, 89), "RBigToe": (24, 90), "RSmallToe": (22, 90), "RHeel": (28, 89),
}  # fmt: skip
"""A standing person in OpenPose's px, by OpenPose's names, in the order of BODY_25 (doc/output.md)."""
COCO_NAMES = [
    "Nose", "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist",
    "RHip", "RKnee", "RAnkle", "LHip", "LKnee", "LAnkle", "REye", "LEye", "REar", "LEar",
]  # fmt: skip
EVERYBODY_DANCE_NOW_NAMES = [
    "Neck", "RShoulder", "RElbow", "RWrist", "LShoulder", "LElbow", "LWrist", "MidHip",
    "RHip", "RKnee", "RAnkle", "RBigToe", "RSmallToe", "LHip", "LKnee", "LAnkle", "LBigToe", "LSmallToe",
    "Nose", "REye", "REar", "LEye", "LEar",
]  # fmt: skip
LAYOUTS = {18: COCO_NAMES, 23: EVERYBODY_DANCE_NOW_NAMES, 25: list(STANDING)}

Values = list[float]


def body(points: int = 25, shift: float = 0, score: float = 0.75, size: float = 1) -> Values:
    """`pose_keypoints_2d` of the standing person."""
    places = [STANDING[name] for name in LAYOUTS[points]]
    return [value for x, y in places for value in (size * x + shift, size * y, score)]


def write_frames(folder: Path, frames: list[list[dict]], first: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    for t, people in enumerate(frames, first):
        text = json.dumps({"version": 1.3, "people": people})
        (folder / f"clip_{t:012d}_keypoints.json").write_text(text)
    return folder


class Notes(SilentProgress):
    """What is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


class Blind:
    """An estimator that finds nobody."""

    name = "blind-1"

    def __init__(self, max_people: int, progress: Progress) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def find_people(self, image: NDArray[np.uint8], time_s: float) -> list[Person]:
        return []

    def add_detail(self, image: NDArray[np.uint8], person: Person) -> Person:
        return person


def read_alone(place: Path, video: Path, **options: Any) -> PoseTrack:
    """What the files have, and nothing else."""
    return read_openpose(place, Tracker(video, TrackingConfig(), estimator=Blind, **options))
