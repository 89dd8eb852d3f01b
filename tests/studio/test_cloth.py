from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.studio.cloth import SKIRT_RINGS, SKIRT_ROUND, TRAIL_FRAMES, follow_head, incidence, vertex_normals
from choreograft.studio.costume import Costume, costume_of
from choreograft.studio.filming import Camera
from choreograft.studio.posing import Poses, pose_body
from choreograft.studio.render import Stage
from choreograft.studio.room import ROOMS
from choreograft.studio.routines import calibration
from choreograft.video.size import Size

Array = NDArray[np.float64]
RATE = 24
KNEE_UP_S, LEG_ASIDE_S, WALK_S, SQUAT_S = 12.73, 14.03, 18.55, 9.5
"""When the calibration routine does what."""


@pytest.fixture(scope="module")
def dina() -> Costume:
    pytest.importorskip("anny", reason="needs the extra 'studio'")
    return costume_of("dina")


@pytest.fixture(scope="module")
def moving(dina: Costume) -> Poses:
    return pose_body(dina.body, calibration(20.0, Fraction(RATE)))


def hang(costume: Costume, poses: Poses, frame: int) -> tuple[Array, Array, Array]:
    """Vertices of skirt and ponytail, and of the dressed body."""
    body = costume.body
    vertices = body.skin(costume.vertices, body.weights, poses.rotations[frame], poses.origins[frame])
    normals = vertex_normals(vertices, body.faces, incidence(body.faces, len(vertices)))
    skirt, tail = (part.hang(poses, frame, vertices, normals) for part in costume.loose)
    return skirt, tail, vertices


def standing(costume: Costume, frames: int) -> Poses:
    B = len(costume.body.bones)
    return Poses(np.tile(np.eye(3), (frames, B, 1, 1)), np.tile(costume.body.heads, (frames, 1, 1)))


def outside(costume: Costume, skirt: Array) -> Array:
    """(K R, 3) the outer layer of a skirt."""
    assert len(costume.loose[0].colours) == len(skirt) == 2 * SKIRT_RINGS * SKIRT_ROUND + 2
    return skirt[: SKIRT_RINGS * SKIRT_ROUND]


def test_dina_wears_a_skirt_and_a_ponytail_and_ada_nothing_loose(dina: Costume, ada: Costume) -> None:
    skirt, tail, _ = hang(dina, standing(dina, 1), 0)
    assert np.ptp(tail[:, 0]) < 0.1 < np.ptp(skirt[:, 0])
    assert ada.loose == ()


def test_a_skirt_reaches_from_the_waist_to_the_knees(dina: Costume) -> None:
    skirt, tail, _ = hang(dina, standing(dina, 1), 0)
    knee, hips = dina.body.head("lowerleg01.L")[2], dina.body.head("upperleg01.L")[2]
    assert skirt[:, 2].min() == pytest.approx(knee, abs=0.06)
    assert hips < skirt[:, 2].max() < hips + 0.15
    assert tail[:, 1].min() > dina.body.head("head")[1]
    assert dina.body.head("spine01")[2] < tail[:, 2].min()


@pytest.mark.parametrize("time_s", [KNEE_UP_S, LEG_ASIDE_S, WALK_S, SQUAT_S])
def test_no_part_of_a_skirt_is_inside_of_the_body(dina: Costume, moving: Poses, time_s: float) -> None:
    pyvista = pytest.importorskip("pyvista", reason="needs the extra 'studio'")
    skirt, _, vertices = hang(dina, moving, round(time_s * RATE))
    body = pyvista.PolyData.from_regular_faces(vertices, dina.body.faces)
    depth_m = -pyvista.PolyData(outside(dina, skirt)).compute_implicit_distance(body)["implicit_distance"]
    assert (depth_m > 0).mean() < 0.005  # in the crease of a raised thigh the body overlaps itself
    assert depth_m.max() < 0.02


def test_what_hangs_turns_and_moves_with_the_whole_person(dina: Costume, moving: Poses) -> None:
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    elsewhere = Poses(quarter @ moving.rotations, moving.origins @ quarter.T + [1, 2, 0])
    frame = round(WALK_S * RATE)
    for here, there in zip(hang(dina, moving, frame), hang(dina, elsewhere, frame), strict=True):
        assert_allclose(there, here @ quarter.T + [1, 2, 0], atol=1e-9)


def test_loose_parts_trail_behind_and_come_to_rest(dina: Costume) -> None:
    """The whole person glides to the left at 1 m/s, then stands."""
    poses = standing(dina, 40)
    x = np.minimum(np.arange(40), 20) / RATE
    gliding = Poses(poses.rotations, poses.origins + x[:, None, None] * [1.0, 0, 0])
    rest, swinging, late = (hang(dina, gliding, frame)[:2] for frame in (0, 20, 20 + TRAIL_FRAMES))
    for part in range(2):
        behind = swinging[part][:, 0] - rest[part][:, 0] - x[20]
        assert behind.min() < -0.02  # the free end
        assert np.median(np.abs(late[part] - rest[part] - [x[20], 0, 0])) < 1e-9


def test_a_ponytail_hangs_down_from_a_bowed_head(dina: Costume) -> None:
    bowed = standing(dina, 1)
    angle = np.deg2rad(60.0)  # forward: the back of the head turns up
    turn = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    head = dina.body.bone("head")
    bowed.rotations[0, head] = turn
    line = follow_head(dina.body, dina.body.heads[head], bowed, 0)
    end = (line[-1] - line[-2]) / np.linalg.norm(line[-1] - line[-2])
    assert_allclose(end, [0, 0, -1], atol=1e-9)
    first = (line[1] - line[0]) / np.linalg.norm(line[1] - line[0])
    assert_allclose(first, turn @ [0, 1, 0.25] / np.linalg.norm([0, 1, 0.25]), atol=1e-9)


def test_fresh_stages_draw_the_same_pixels_in_any_order(dina: Costume, moving: Poses) -> None:
    pytest.importorskip("pyvista", reason="needs the extra 'studio'")
    camera = Camera(Size(120, 160), height_m=1.0, distance_m=4.2, view_m=2.3, azimuth_deg=20.0)
    frame = round(WALK_S * RATE)
    with Stage(dina, ROOMS["brick"], camera) as stage:
        stage.draw(moving, frame + 30)
        late = stage.draw(moving, frame)
    with Stage(dina, ROOMS["brick"], camera) as stage:
        first = stage.draw(moving, frame)
    assert_array_equal(late[0], first[0])
    assert_array_equal(late[1], first[1])
