import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.studio.costume import Costume
from choreograft.studio.filming import LIGHTS, Camera
from choreograft.studio.posing import Poses
from choreograft.studio.render import Stage
from choreograft.studio.room import ROOMS

Array = NDArray[np.float64]
Picture = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
STANDING = 0


@pytest.fixture(scope="module")
def lit(ada: Costume, poses: Poses, camera: Camera) -> dict[str, Picture]:
    """Picture, mask and empty room under every light."""
    pytest.importorskip("pyvista", reason="needs the extra 'studio'")
    pictures = {}
    for name, light in LIGHTS.items():
        with Stage(ada, ROOMS["hall"], camera, light) as stage:
            pictures[name] = (*stage.draw(poses, STANDING), stage.room)
    return pictures


def test_soft_light_is_the_default(ada: Costume, poses: Poses, camera: Camera, lit: dict[str, Picture]) -> None:
    with Stage(ada, ROOMS["hall"], camera) as stage:
        picture, mask = stage.draw(poses, STANDING)
    assert_array_equal(picture, lit["soft"][0])
    assert_array_equal(mask, lit["soft"][1])


def test_light_does_not_change_the_mask(lit: dict[str, Picture]) -> None:
    for _, mask, _ in lit.values():
        assert_array_equal(mask, lit["soft"][1])


def test_warm_light_falls_on_the_performers_left(lit: dict[str, Picture]) -> None:
    def left_to_right(name: str) -> float:
        picture, mask, _ = lit[name]
        middle = mask.shape[1] // 2
        halves = [(picture[:, half][mask[:, half] == 255]).mean() for half in (slice(middle, None), slice(middle))]
        return float(halves[0] / halves[1])

    assert left_to_right("soft") < 1.0
    assert left_to_right("warm side") > 1.25
    assert lit["dim"][0].mean() < 0.6 * lit["soft"][0].mean()


def test_the_shadow_falls_away_from_the_light(lit: dict[str, Picture], joints: Array, camera: Camera) -> None:
    feet = camera.project(joints[STANDING, list(skeleton.ANKLES)])[:, 0].mean()
    aside = {}
    for name, (picture, mask, room) in lit.items():
        shade = np.where(mask == 0, room.sum(axis=2).astype(float) - picture.sum(axis=2), 0)
        aside[name] = float((shade.sum(axis=0) @ np.arange(shade.shape[1])) / shade.sum() - feet)
    assert aside["soft"] > 3
    assert aside["warm side"] < -3
    assert 0 < aside["dim"] < aside["soft"]
