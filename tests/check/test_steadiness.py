"""A camera whose path is known, before a background of which a known part changes."""

import cv2
import numpy as np
import pytest

from choreograft.check.pictures import BackgroundWatch, CameraPath
from choreograft.video.size import Size
from choreograft.video.watch import CameraWatch
from filmed_dancer import texture

SIZE = Size(160, 120)
WALL = cv2.cvtColor(texture(Size(240, 160), 7, 40, 200), cv2.COLOR_RGB2GRAY)
FREE = np.full((SIZE.height, SIZE.width), 255, np.uint8)


def look(x: float, y: float) -> np.ndarray:
    """The wall, seen from (x, y) px beside its corner."""
    return cv2.warpAffine(WALL, np.float32([[1, 0, -x], [0, 1, -y]]), SIZE)


def watch(frames: list[np.ndarray]) -> tuple[CameraPath, BackgroundWatch]:
    camera, background = CameraWatch(), BackgroundWatch(len(frames))
    for t, frame in enumerate(frames):
        camera.add(frame, FREE)
        background.add(t, frame, FREE, camera.pose)
    return CameraPath.of(camera, np.arange(len(frames)) / 24, SIZE.height), background


def test_a_pan_is_drift_and_no_shake_and_leaves_the_background_as_it_is():
    path, background = watch([look(0.5 * t, 0) for t in range(60)])
    assert path.known.all()
    assert path.drift.max() == pytest.approx(
        100 * 0.5 * (59 - 11.5) / 120, rel=0.1
    )  # less the half second at both ends
    assert np.median(path.shake) < 0.1
    assert background.conclude().changing < 0.01


def test_shaking_is_no_drift():
    off = np.random.default_rng(1).normal(0, 1.5, (60, 2))
    path, _ = watch([look(20 + x, 10 + y) for x, y in off])
    expected = 100 * np.median(np.linalg.norm(off, axis=1)) / 120
    assert np.median(path.shake) == pytest.approx(expected, rel=0.25)
    assert path.drift.max() < expected


def test_brighter_and_darker_is_neither():
    frames = [np.clip(look(0, 0) * (0.8 + 0.2 * np.cos(t)), 0, 255).astype(np.uint8) for t in range(40)]
    path, background = watch(frames)
    assert path.drift.max() < 0.3
    assert background.conclude().changing == 0


def test_what_changes_is_counted_and_placed():
    frames = [look(0, 0) for _ in range(40)]
    for t, frame in enumerate(frames):
        frame[-24:, 100:] = np.roll(frame[-24:, 100:], 5 * t, axis=1)
    _, background = watch(frames)
    found = background.conclude()
    assert found.changing == pytest.approx(24 * 60 / (120 * 160), rel=0.35)  # some of it passes its own like
    assert found.describe_place() == "at the bottom on the right"


def test_before_a_bare_wall_nothing_can_be_told():
    path, background = watch([np.full((SIZE.height, SIZE.width), 200, np.uint8)] * 10)
    assert not path.known.any()
    assert background.conclude().changing == 0


def test_a_picture_without_background_has_none_to_judge():
    background = BackgroundWatch(5)
    for t in range(5):
        background.add(t, look(0, 0), 0 * FREE, np.eye(3))
    assert np.isnan(background.conclude().changing)
