import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.studio.filming import Camera
from choreograft.studio.posing import Poses
from choreograft.studio.render import Stage
from choreograft.video.size import Size

Array = NDArray[np.float64]


def test_a_level_camera_projects_by_the_pinhole_formula() -> None:
    camera = Camera(Size(400, 600), height_m=1.0, distance_m=4.0, view_m=2.0)
    # at the performer's spot 600 px see 2 m; the axis meets it 1 m above the floor
    assert_allclose(camera.project(np.array([0.5, 0.0, 1.25])), [200 + 150, 300 - 75])
    assert_allclose(camera.project(np.array([0.5, 4.0, 1.25])), [200 + 75, 300 - 37.5])


def test_a_camera_that_looks_down_sees_things_higher_in_the_picture() -> None:
    level = Camera(Size(400, 600), height_m=1.0, distance_m=4.0, view_m=2.0)
    down = Camera(Size(400, 600), height_m=1.0, distance_m=4.0, view_m=2.0, pitch_deg=10.0)
    point = np.array([0.2, 0.0, 1.0])
    assert down.project(point)[1] < level.project(point)[1]
    assert_allclose(down.axes @ down.axes.T, np.eye(3), atol=1e-12)


def test_true_joints_lie_on_the_persons_mask(stage: Stage, poses: Poses, joints: Array, camera: Camera) -> None:
    inner = [*range(skeleton.LEFT_SHOULDER, skeleton.RIGHT_ANKLE + 1), skeleton.NOSE, skeleton.LEFT_BIG_TOE]
    for frame in range(0, len(poses), 12):
        _, mask = stage.draw(poses, frame)
        column, row = camera.project(joints[frame, inner]).astype(int).T
        assert (mask[row, column] > 127).all(), frame


def test_the_mask_is_about_as_large_as_a_person(stage: Stage, poses: Poses, joints: Array, camera: Camera) -> None:
    _, mask = stage.draw(poses, 0)
    rows = np.flatnonzero((mask > 127).any(axis=1))
    top, bottom = camera.project(np.array([[0, 0, stage.costume.vertices[:, 2].max()], [0, -0.1, 0.0]]))[:, 1]
    assert abs(rows[0] - top) < 6  # a bun of some centimetres
    assert abs(rows[-1] - bottom) < 4


def test_outside_of_person_and_shadow_the_room_is_untouched(stage: Stage, poses: Poses) -> None:
    picture, mask = stage.draw(poses, 30)
    wall = slice(0, 60)
    away = mask[wall] == 0
    assert_array_equal(picture[wall][away], stage.room[wall][away])
    floor = slice(135, 160)
    shade = stage.room[floor].astype(int) - picture[floor]
    assert shade[mask[floor] == 0].max() > 15


def test_the_same_frame_is_drawn_the_same_twice(stage: Stage, poses: Poses) -> None:
    first, first_mask = stage.draw(poses, 17)
    stage.draw(poses, 40)
    second, second_mask = stage.draw(poses, 17)
    assert_array_equal(first, second)
    assert_array_equal(first_mask, second_mask)


def test_the_shirt_is_yellow_and_the_trousers_are_teal(
    stage: Stage, poses: Poses, joints: Array, camera: Camera
) -> None:
    picture, _ = stage.draw(poses, 0)
    shoulders, hips = joints[0, list(skeleton.SHOULDERS)].mean(0), joints[0, list(skeleton.HIPS)].mean(0)
    thigh = joints[0, [skeleton.LEFT_HIP, skeleton.LEFT_KNEE]].mean(0)
    column, row = camera.project(np.stack([0.75 * shoulders + 0.25 * hips, thigh])).astype(int).T
    chest, leg = picture[row, column].astype(int)
    assert chest[0] > chest[1] > chest[2] + 60
    assert leg[0] + 50 < min(leg[1], leg[2])
