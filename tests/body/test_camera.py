import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from choreograft.body.body_track import FloorCamera
from choreograft.studio.filming import Camera
from choreograft.video.size import Size

CAMERA = FloorCamera(Size(640, 360), focal_px=700.0, height_m=1.4, pitch_deg=12.0)


def test_it_sees_what_the_studios_camera_sees_from_the_front() -> None:
    studio = Camera(Size(480, 640), height_m=1.35, distance_m=4.8, view_m=2.3, pitch_deg=6.0)
    camera = FloorCamera(studio.size, studio.focal_px, studio.height_m, studio.pitch_deg)
    points = np.random.default_rng(0).uniform((-1, -1, 0), (1, 1, 2), (50, 3))
    world = points + np.array([0, studio.distance_m, 0])  # the studio's origin lies before the lens
    assert_allclose(camera.place(world), studio.place(points), atol=1e-12)
    assert_allclose(camera.project(world), studio.project(points), atol=1e-9)


def test_what_lies_on_the_optical_axis_is_in_the_middle() -> None:
    assert_allclose(CAMERA.project(CAMERA.position + 3.0 * CAMERA.axes[2]), [320, 180])


def test_it_looks_down_by_its_pitch() -> None:
    on_floor = 1.4 / np.tan(np.deg2rad(12.0))  # where the optical axis meets the floor
    assert_allclose(CAMERA.project(np.array([0, on_floor, 0.0])), [320, 180])
    nearer, farther = CAMERA.project(np.array([[0, on_floor - 1, 0], [0, on_floor + 1, 0.0]]))
    assert nearer[1] > 180 > farther[1]


def test_axes_are_those_of_a_picture_without_roll() -> None:
    assert_allclose(CAMERA.axes @ CAMERA.axes.T, np.eye(3), atol=1e-12)
    assert_allclose(np.cross(CAMERA.axes[0], CAMERA.axes[1]), CAMERA.axes[2])
    assert_allclose(CAMERA.axes[0], [1, 0, 0])


def test_pixels_and_depth_lead_back_to_the_point() -> None:
    points = np.random.default_rng(1).uniform((-1, 3, 0), (1, 5, 2), (30, 3))
    depth = CAMERA.place(points)[..., 2:]
    rays = np.column_stack([(CAMERA.project(points) - [320, 180]) / 700.0, np.ones(30)])
    assert_allclose((rays * depth) @ CAMERA.axes + CAMERA.position, points, atol=1e-9)


def test_unknown_points_stay_unknown() -> None:
    pixels = CAMERA.project(np.array([[0, 4, 1], [np.nan, 4, 1]]))
    assert np.isfinite(pixels[0]).all()
    assert np.isnan(pixels[1, 0])


def test_a_resized_camera_scales_pictures_about_their_middle() -> None:
    points = np.random.default_rng(2).uniform((-1, 3, 0), (1, 5, 2), (10, 3))
    resized = CAMERA.resized(Size(300, 500), 0.5)
    assert_allclose(resized.project(points) - [150, 250], 0.5 * (CAMERA.project(points) - [320, 180]))


def test_it_survives_json() -> None:
    assert FloorCamera.from_dict(json.loads(json.dumps(CAMERA.as_dict()))) == CAMERA


def test_unknown_and_missing_fields_are_refused() -> None:
    content = CAMERA.as_dict()
    with pytest.raises(TypeError):
        FloorCamera.from_dict(content | {"roll_deg": 1.0})
    with pytest.raises(KeyError):
        FloorCamera.from_dict({"focal_px": 1.0, "height_m": 1.0})
