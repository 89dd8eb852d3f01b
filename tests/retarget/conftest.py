"""People of known height standing at known places, and a dance carried over in 3D, for the tests of retarget/."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import ArrayLike

from choreograft.body.body_track import BodyTrack
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.retarget.body import BodyStage, retarget_body
from choreograft.video.size import Size
from filmed import Filmed, film

Stand = Callable[..., PoseTrack]
SIZE = Size(1000, 1000)

FIGURE = {  # shares of the body height, from the point between the ankles, x right, y down
    skeleton.NOSE: (0, -1), skeleton.LEFT_EYE: (0.02, -1), skeleton.RIGHT_EYE: (-0.02, -1),
    skeleton.LEFT_EAR: (0.04, -1), skeleton.RIGHT_EAR: (-0.04, -1),
    skeleton.LEFT_SHOULDER: (0.12, -0.85), skeleton.RIGHT_SHOULDER: (-0.12, -0.85),
    skeleton.LEFT_ELBOW: (0.18, -0.68), skeleton.RIGHT_ELBOW: (-0.18, -0.68),
    skeleton.LEFT_WRIST: (0.2, -0.5), skeleton.RIGHT_WRIST: (-0.2, -0.5),
    skeleton.LEFT_HIP: (0.08, -0.55), skeleton.RIGHT_HIP: (-0.08, -0.55),
    skeleton.LEFT_KNEE: (0.08, -0.28), skeleton.RIGHT_KNEE: (-0.08, -0.28),
    skeleton.LEFT_ANKLE: (0.08, 0), skeleton.RIGHT_ANKLE: (-0.08, 0),
}  # fmt: skip


@pytest.fixture
def stand() -> Stand:
    """A function that makes a track of somebody upright: ankle line y, body height and x of the feet, per frame, px.

    Hands and face are single points at the wrists and the nose.
    """

    def make(line: ArrayLike, height: ArrayLike, x: ArrayLike = 500.0, size: Size = SIZE, fps: int = 25) -> PoseTrack:
        line, height, x = np.broadcast_arrays(*(np.asarray(v, float) for v in (line, height, x)))
        T = len(line)
        shares = np.zeros((skeleton.JOINTS, 2))
        for joint, share in FIGURE.items():
            shares[joint] = share
        shares[skeleton.FEET] = shares[[15, 15, 15, 16, 16, 16]] + (0, 0.03)
        shares[skeleton.FACE] = shares[skeleton.NOSE]
        shares[skeleton.LEFT_HAND] = shares[skeleton.LEFT_WRIST]
        shares[skeleton.RIGHT_HAND] = shares[skeleton.RIGHT_WRIST]
        xy = np.stack([x, line], axis=-1)[:, None] + height[:, None, None] * shares
        return PoseTrack(
            size=size,
            rate=Fraction(fps),
            time_s=np.arange(T) / fps,
            xy=xy.astype(np.float32),
            score=np.full((T, skeleton.JOINTS), 0.9, np.float32),
            depth=np.full((T, skeleton.JOINTS), -10, np.float32),
            world=np.ones((T, skeleton.JOINTS, 3), np.float32),
            present=np.ones(T, np.bool_),
        )

    return make


@pytest.fixture(scope="package")
def squats() -> Filmed:
    return film("ada", "squats", 3.0)


@pytest.fixture(scope="package")
def stage() -> BodyStage:
    """Short and broad Bruno before another camera."""
    return BodyStage.measure(film("bruno", "gestures", pitch_deg=9.0).body)


@pytest.fixture(scope="package")
def carried(squats: Filmed, stage: BodyStage) -> BodyTrack:
    return retarget_body(squats.body, stage)
