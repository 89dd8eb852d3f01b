from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from choreograft.body.body_track import ARRAYS, FORMAT, BodyTrack
from choreograft.errors import FileFormatError
from choreograft.pose import skeleton
from choreograft.video.size import Canvas, Size
from filmed import film


@pytest.fixture(scope="module")
def body() -> BodyTrack:
    body = film("ada", "squats").body
    present = body.present.copy()
    present[3:5] = False
    return replace(body, rate=Fraction(30000, 1001), present=present)


@pytest.fixture
def saved(body: BodyTrack, tmp_path: Path) -> Path:
    path = tmp_path / "clip.body.npz"
    body.save(path)
    return path


def test_it_comes_back_as_it_was(body: BodyTrack, saved: Path) -> None:
    loaded = BodyTrack.load(saved)
    assert (loaded.shape, loaded.camera, loaded.rate) == (body.shape, body.camera, body.rate)
    for name in ARRAYS:
        assert_array_equal(getattr(loaded, name), getattr(body, name))
        assert getattr(loaded, name).dtype == getattr(body, name).dtype
    assert_array_equal(loaded.points, body.points)


def test_nothing_is_left_beside_the_file(saved: Path) -> None:
    assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("damage", ["empty", "text", "cut", "flipped", "absent", "missing array", "other format"])
def test_a_damaged_file_is_refused_in_one_line(damage: str, saved: Path) -> None:
    content = saved.read_bytes()
    if damage == "empty":
        saved.write_bytes(b"")
    elif damage == "text":
        saved.write_text("not a body")
    elif damage == "cut":
        saved.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        middle = len(content) // 2
        saved.write_bytes(
            content[:middle] + bytes(255 - byte for byte in content[middle : middle + 64]) + content[middle + 64 :]
        )
    elif damage == "absent":
        saved.unlink()
    else:
        with np.load(saved) as arrays:
            kept = dict(arrays)
        if damage == "missing array":
            del kept["turns"]
        else:
            kept["header"] = np.frombuffer(
                bytes(kept["header"]).replace(FORMAT.encode(), b"choreograft-track"), np.uint8
            )
        np.savez(saved, **kept)
    with pytest.raises(FileFormatError) as error:
        BodyTrack.load(saved)
    message = str(error.value)
    assert message.startswith(f"{saved}: expected a {FORMAT} file")
    assert "remove it to fit the body again" in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["root", "pelvis", "turns", "stands", "present"])
def test_arrays_of_another_length_are_refused(name: str, body: BodyTrack) -> None:
    with pytest.raises(ValueError, match=rf"BodyTrack\.{name} has shape"):
        replace(body, **{name: getattr(body, name)[:-1]})


def test_the_skin_is_around_the_points(body: BodyTrack) -> None:
    frames = np.array([0, 7, 12])
    regressor = body.shape.build().surface_joints
    for t, vertices in zip(frames, body.skin(frames), strict=True):
        assert vertices.dtype == np.float32
        assert_allclose(regressor @ vertices, body.points[t, : skeleton.FEET.stop], atol=1e-5)


def test_all_frames_are_skinned_unless_some_are_chosen(body: BodyTrack) -> None:
    assert sum(1 for _ in replace(body).skin(np.array([], np.intp))) == 0
    short = body.select([0, 1, 2])
    assert sum(1 for _ in short.skin()) == len(short) == 3


def test_the_studios_joints_are_where_its_body_has_them() -> None:
    clip = film("ada", "squats")
    joints = clip.body.camera.place(clip.body.points[:, : skeleton.BODY.stop])
    away = np.linalg.norm(joints - clip.joints[:, : skeleton.BODY.stop], axis=-1)
    assert away.mean() < 0.01  # the rig has fewer joints than the studio turns


def test_chosen_frames_keep_their_times() -> None:
    body = film("ada", "squats").body
    some = body.select([2, 5])
    assert some.time_s.tolist() == body.time_s[[2, 5]].tolist()
    np.testing.assert_allclose(some.points, body.points[[2, 5]], atol=1e-6)


def test_on_a_canvas_joints_lie_where_the_pictures_are_laid() -> None:
    body = film("ada", "squats").body
    size = Size(200, 160)  # another shape: the picture is contained, with borders on both sides
    moved = body.on_canvas(size)
    expected = Canvas(body.camera.size, size).place_points(body.camera.project(body.points).astype(np.float32))
    np.testing.assert_allclose(moved.camera.project(moved.points), expected, atol=1e-2)
