import numpy as np
from numpy.typing import NDArray

from choreograft.body.model import Body
from choreograft.studio.costume import Costume
from choreograft.studio.performers import PRINT, PRINT_M, REPEAT_M, TRUNK_ROUND, WEAVES, lies_on_pattern


def chest_points(body: Body, x: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points in front of the chest, with x and z (N,) from the middle of the print's upper edge."""
    _, y, height = body.head("spine01")
    return np.column_stack([x, np.full(len(x), y - 0.12), height + PRINT_M / 3 + z])


def on_trunk(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.zeros(len(points), np.bool_)


def test_whoever_faces_the_wearer_reads_the_print(ada: Costume) -> None:
    cell = PRINT_M / len(PRINT)
    row, column = np.indices((len(PRINT), len(PRINT[0])))
    x, z = (column - len(PRINT[0]) / 2 + 0.5) * cell, -(row + 0.5) * cell
    points = chest_points(ada.body, x.ravel(), z.ravel())
    read = lies_on_pattern("print", ada.body, points, on_trunk(points)).reshape(row.shape)
    assert ["".join("#" if ink else "." for ink in line) for line in read] == list(PRINT)
    assert not lies_on_pattern("print", ada.body, points, ~on_trunk(points)).any()


def test_no_turn_and_no_mirror_takes_the_print_to_itself() -> None:
    ink = np.array([[mark == "#" for mark in line] for line in PRINT])
    for other in (ink[:, ::-1], ink[::-1], ink[::-1, ::-1]):
        assert (ink != other).mean() > 0.2


def test_the_print_is_on_the_front_only(ada: Costume) -> None:
    behind = chest_points(ada.body, np.zeros(1), np.full(1, -0.01)) * [1, -1, 1]
    assert not lies_on_pattern("print", ada.body, behind, on_trunk(behind)).any()


def test_stripes_alternate_by_half_a_repeat_up_the_trunk(ada: Costume) -> None:
    z = np.linspace(-0.3, 0, 61)
    at = chest_points(ada.body, np.zeros(61), z)
    stripes = lies_on_pattern("stripes", ada.body, at, on_trunk(at))
    higher = chest_points(ada.body, np.zeros(61), z + REPEAT_M / 2)
    further = lies_on_pattern("stripes", ada.body, higher, on_trunk(at))
    assert (stripes != further).all()


def test_pinstripes_close_around_the_trunk(ada: Costume) -> None:
    angle = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    at = np.column_stack([0.15 * np.cos(angle), 0.1 * np.sin(angle), np.full(5000, 1.2)])
    stripes = lies_on_pattern("pinstripes", ada.body, at, on_trunk(at))
    assert np.count_nonzero(stripes != np.roll(stripes, 1)) == 2 * TRUNK_ROUND


def test_weaves_show_both_of_their_colours(ada: Costume) -> None:
    random = np.random.default_rng(0)
    angle = random.uniform(0, 2 * np.pi, 2000)
    at = np.column_stack([0.15 * np.cos(angle), 0.1 * np.sin(angle), random.uniform(1.0, 1.4, 2000)])
    for name in WEAVES:
        for sleeve in (on_trunk(at), ~on_trunk(at)):
            assert 0.2 < lies_on_pattern(name, ada.body, at, sleeve).mean() < 0.6, name
