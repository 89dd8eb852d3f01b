import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.spatial.transform import Rotation

from choreograft.studio.filming import Camera
from choreograft.video.size import Size

POINTS = np.random.default_rng(0).uniform([-1, -1, 0], [1, 1, 2], (50, 3))


def test_a_camera_at_the_performers_left_sees_along_minus_x() -> None:
    camera = Camera(Size(400, 600), height_m=1.0, distance_m=4.0, view_m=2.0, azimuth_deg=90.0)
    assert_allclose(camera.position, [4, 0, 1], atol=1e-12)
    # seen from +x, +y is on the right; at 4 m 600 px see 2 m, at 3 m (x = 1) a third more
    assert_allclose(camera.project(np.array([0.0, 0.5, 1.25])), [200 + 150, 300 - 75])
    assert_allclose(camera.project(np.array([1.0, 0.5, 1.25])), [200 + 200, 300 - 100])


@pytest.mark.parametrize("azimuth_deg", [-40.0, 25.0, 130.0])
def test_walking_around_is_turning_everything_else_the_other_way(azimuth_deg: float) -> None:
    still = Camera(Size(400, 600), 1.2, 4.0, 2.0, pitch_deg=7.0)
    walked = Camera(Size(400, 600), 1.2, 4.0, 2.0, pitch_deg=7.0, azimuth_deg=azimuth_deg)
    turned = Rotation.from_euler("z", -azimuth_deg, degrees=True).apply(POINTS)
    assert_allclose(walked.project(POINTS), still.project(turned), rtol=1e-9)
    assert_allclose(walked.place(POINTS), still.place(turned), atol=1e-12)


@pytest.mark.parametrize("azimuth_deg", [-40.0, 0.0, 40.0])
@pytest.mark.parametrize("pitch_deg", [-10.0, 6.0])
def test_the_line_over_the_performers_spot_stands_upright_in_the_middle(azimuth_deg: float, pitch_deg: float) -> None:
    camera = Camera(Size(400, 600), 0.25, 4.0, 2.0, pitch_deg, azimuth_deg)
    x, y = camera.project(np.column_stack([np.zeros(5), np.zeros(5), np.linspace(0, 2, 5)])).T
    assert_allclose(x, 200)
    assert (np.diff(y) < 0).all()
    assert_allclose(camera.axes @ camera.axes.T, np.eye(3), atol=1e-12)
    assert_allclose(np.linalg.det(camera.axes), 1)


def test_without_an_azimuth_the_camera_stands_in_front() -> None:
    camera = Camera(Size(400, 600), height_m=1.0, distance_m=4.0, view_m=2.0, pitch_deg=5.0)
    assert camera.position.tolist() == [0, -4, 1]
    assert camera.axes[0].tolist() == [1, 0, 0]
