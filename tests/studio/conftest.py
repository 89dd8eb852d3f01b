"""One performer, motion and stage for all studio tests: building a body takes seconds."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.studio.costume import Costume
from choreograft.studio.filming import Camera, find_joints
from choreograft.studio.posing import Poses, pose_body
from choreograft.studio.render import Stage
from choreograft.studio.room import ROOMS
from choreograft.studio.routines import calibration
from choreograft.studio.score import Motion
from choreograft.video.size import Size


@pytest.fixture(scope="session")
def motion() -> Motion:
    """The calibration routine at 6 frames a second: 120 frames."""
    return calibration(20.0, Fraction(6))


@pytest.fixture(scope="session")
def poses(ada: Costume, motion: Motion) -> Poses:
    return pose_body(ada.body, motion)


@pytest.fixture(scope="session")
def joints(ada: Costume, poses: Poses) -> NDArray[np.float64]:
    return find_joints(ada.body, poses)


@pytest.fixture(scope="session")
def camera() -> Camera:
    return Camera(Size(120, 160), height_m=1.08, distance_m=4.2, view_m=2.6)


@pytest.fixture(scope="session")
def stage(ada: Costume, camera: Camera) -> Iterator[Stage]:
    pytest.importorskip("pyvista", reason="needs the extra 'studio'")
    with Stage(ada, ROOMS["living room"], camera) as stage:
        yield stage
