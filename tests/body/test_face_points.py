import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from choreograft.body.model import FACE_POINTS, Body
from choreograft.pose import skeleton
from choreograft.studio.costume import Costume

JAW, RIGHT_BROW, LEFT_BROW, BRIDGE, NOSTRILS = slice(0, 17), slice(17, 22), slice(22, 27), slice(27, 31), slice(31, 36)
RIGHT_EYE, LEFT_EYE, MOUTH, OUTER_LIPS, INNER_LIPS = (
    slice(36, 42), slice(42, 48), slice(48, 68), slice(48, 60), slice(60, 68),
)  # fmt: skip
CHIN, NOSE_TIP = 8, 30
CORNERS, SHARES = np.split(np.loadtxt(FACE_POINTS, delimiter=","), 2, axis=1)
PARTNER = np.array(skeleton.MIRROR[skeleton.FACE]) - skeleton.FACE.start


@pytest.fixture(params=["ada", "bruno"])
def body(request: pytest.FixtureRequest) -> Body:
    costume: Costume = request.getfixturevalue(request.param)
    return costume.body


@pytest.fixture
def face(body: Body) -> NDArray[np.float64]:
    return body.joints(body.vertices, np.tile(np.eye(3), (len(body.bones), 1, 1)), body.heads)[skeleton.FACE]


def test_shares_are_of_a_triangle_of_the_skin(body: Body) -> None:
    skin = [set(corners) for corners in body.faces[~body.hidden_faces].tolist()]
    assert len(CORNERS) == skeleton.FACE.stop - skeleton.FACE.start
    for corners, shares in zip(CORNERS, SHARES, strict=True):
        assert any(triangle.issuperset(corners) for triangle in skin)
        assert sum(shares) == pytest.approx(1)
        assert min(shares) >= 0


def test_the_points_lie_on_the_head(body: Body) -> None:
    corners = CORNERS.astype(int)
    assert (body.weight_of("head")[corners] > 0.5).all()
    assert (body.weight_of("eye")[corners] < 0.5).all()


def test_the_points_are_symmetric(face: NDArray[np.float64]) -> None:
    assert_allclose(face, face[PARTNER] * [-1, 1, 1], atol=1e-9)


def test_left_is_at_positive_x(face: NDArray[np.float64]) -> None:
    assert (face[[*range(9, 17), *range(22, 27), 34, 35, *range(42, 48), 54], 0] > 0).all()
    assert_allclose(face[[CHIN, *range(27, 31), 33, 51, 57, 62, 66], 0], 0, atol=1e-9)
    for row in (slice(1, 16), slice(17, 27), NOSTRILS, slice(48, 55), slice(60, 65)):
        assert (np.diff(face[row, 0]) > 0).all()


def test_brows_eyes_nose_mouth_and_chin_follow_one_another_downwards(face: NDArray[np.float64]) -> None:
    z = face[:, 2]
    for brow, eye in ((RIGHT_BROW, RIGHT_EYE), (LEFT_BROW, LEFT_EYE)):
        assert z[brow].min() > z[eye].max()
    assert z[RIGHT_EYE].min() > z[NOSE_TIP] > z[NOSTRILS].max() > z[MOUTH].max()
    assert z[MOUTH].min() > z[CHIN] == z.min()
    assert (np.diff(z[BRIDGE]) < 0).all()
    assert (np.diff(z[JAW][:9]) < 0).all()


def test_lids_and_lips_close_rings(face: NDArray[np.float64]) -> None:
    z = face[:, 2]
    for ring, up, down in (
        (RIGHT_EYE, (37, 38), (40, 41)),
        (LEFT_EYE, (43, 44), (46, 47)),
        (OUTER_LIPS, range(49, 54), range(55, 60)),
    ):
        assert z[list(up)].min() > z[ring].mean() > z[list(down)].max()
    assert z[62] > z[66]
    assert z[INNER_LIPS].max() < z[[50, 51, 52]].min()
    assert z[INNER_LIPS].min() > z[[56, 57, 58]].max()


def test_the_nose_sticks_out_and_the_jaw_ends_before_the_ears(body: Body, face: NDArray[np.float64]) -> None:
    ear = (body.surface_joints @ body.vertices)[skeleton.LEFT_EAR]
    assert face[:, 1].argmin() == NOSE_TIP
    assert face[16, 1] == pytest.approx(ear[1], abs=0.03)
    assert face[16, 2] == pytest.approx(ear[2], abs=0.05)
