"""Tracks made of numbers, for the tests of pose/."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.video.size import Size
from standing import FRAMES, body, write_frames
from swaying import swaying_track, write_target

SIZE = Size(640, 480)
MakeTrack = Callable[..., PoseTrack]


@pytest.fixture
def make_track() -> MakeTrack:
    """A function that makes a track of T frames in which every joint is seen, spread over the picture."""

    def make(
        frames: int = 30, fps: float = 25, size: Size = SIZE, time_s: NDArray[np.float64] | None = None, seed: int = 0
    ) -> PoseTrack:
        random = np.random.default_rng(seed)
        place = random.uniform(0.3, 0.7, (1, skeleton.JOINTS, 2)) * size
        xy = place + random.normal(0, 2, (frames, skeleton.JOINTS, 2))
        return PoseTrack(
            size=size,
            rate=Fraction(fps).limit_denominator(1001),
            time_s=np.arange(frames) / fps if time_s is None else time_s,
            xy=xy.astype(np.float32),
            score=random.uniform(0.5, 1, (frames, skeleton.JOINTS)).astype(np.float32),
            depth=random.normal(0, 20, (frames, skeleton.JOINTS)).astype(np.float32),
            world=random.normal(0, 0.5, (frames, skeleton.JOINTS, 3)).astype(np.float32),
            present=np.ones(frames, np.bool_),
        )

    return make


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return write_target(tmp_path / "clip.mp4", swaying_track(FRAMES)).path


@pytest.fixture
def keypoints(tmp_path: Path) -> Path:
    return write_frames(tmp_path / "keypoints", [[{"pose_keypoints_2d": body()}]] * FRAMES)
