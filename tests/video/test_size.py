"""Laying pictures and points of one size onto a canvas of another; contact sheets."""

import cv2
import numpy as np
import pytest

from choreograft.video.size import GAP_PX, GROUND, Canvas, Size, fit_into, save_picture, scale_to_height, tile_pictures


def paint_spot(size: Size, x: float, y: float, radius: float) -> np.ndarray:
    """(H, W) uint8: a soft disc centred at (x, y) in pixels whose first centre is at 0.5."""
    columns, rows = np.arange(size.width) + 0.5, np.arange(size.height) + 0.5
    distance = np.hypot(columns[None] - x, rows[:, None] - y)
    return (255 * np.clip(radius + 0.5 - distance, 0, 1)).astype(np.uint8)


def find_spot(image: np.ndarray) -> tuple[float, float]:
    """Centre of brightness, (x, y)."""
    weight = image.astype(np.float64)
    columns, rows = np.arange(image.shape[1]) + 0.5, np.arange(image.shape[0]) + 0.5
    return float((weight.sum(0) * columns).sum() / weight.sum()), float((weight.sum(1) * rows).sum() / weight.sum())


def test_a_size_prints_as_width_by_height():
    assert str(Size(1920, 1080)) == "1920x1080"


def test_the_same_size_changes_nothing():
    canvas = Canvas(Size(31, 17), Size(31, 17))
    image = np.random.default_rng(0).integers(0, 255, (17, 31, 3), np.uint8)
    points = np.array([[0, 0], [31, 17], [4.25, 9.5]], np.float32)
    assert np.array_equal(canvas.place_image(image), image)
    assert np.array_equal(canvas.place_points(points), points)


def test_corners_meet_corners_when_the_shapes_agree():
    canvas = Canvas(Size(1920, 1080), Size(480, 270))
    assert canvas.place_points(np.array([[0, 0], [1920, 1080]], np.float32)).tolist() == [[0, 0], [480, 270]]


def test_nearly_equal_shapes_cover_the_canvas_and_lose_a_centred_margin():
    canvas = Canvas(Size(1000, 1000), Size(512, 500))  # 2.3 % would be lost
    assert canvas.scale == pytest.approx(0.512)
    assert canvas.offset == pytest.approx((0, -6))


def test_different_shapes_are_contained_and_the_border_repeats_the_edge():
    canvas = Canvas(Size(100, 100), Size(200, 100))
    image = np.zeros((100, 100, 3), np.uint8)
    image[:, :5], image[:, -5:] = (200, 0, 0), (0, 0, 200)
    placed = canvas.place_image(image)
    assert (canvas.scale, canvas.offset) == (1, (50, 0))
    assert placed.shape == (100, 200, 3)
    assert np.all(placed[:, :55] == (200, 0, 0))
    assert np.all(placed[:, -55:] == (0, 0, 200))


def test_the_limit_between_covering_and_containing_is_five_per_cent():
    assert Canvas(Size(1000, 1000), Size(1000, 951)).scale == 1
    assert Canvas(Size(1000, 1000), Size(1000, 949)).scale == pytest.approx(0.949)


@pytest.mark.parametrize("size", [Size(320, 180), Size(301, 171), Size(1000, 500), Size(200, 400), Size(77, 43)])
def test_a_point_stays_on_the_picture_it_was_on(size):
    source = Size(640, 360)
    canvas = Canvas(source, size)
    placed = canvas.place_image(paint_spot(source, 262.3, 141.9, 30))
    expected = canvas.place_points(np.array([262.3, 141.9], np.float32))
    assert placed.shape == (size.height, size.width)
    assert find_spot(placed) == pytest.approx(tuple(expected), abs=0.1)


def test_a_mask_of_lower_resolution_lands_where_the_picture_does():
    source = Size(640, 360)
    canvas = Canvas(source, Size(301, 171))
    mask = paint_spot(Size(160, 90), 262.3 / 4, 141.9 / 4, 7.5)
    expected = canvas.place_points(np.array([262.3, 141.9], np.float32))
    assert find_spot(canvas.place_image(mask)) == pytest.approx(tuple(expected), abs=0.15)


def test_shrinking_averages_instead_of_picking():
    stripes = np.zeros((128, 128), np.uint8)
    stripes[:, ::2] = 255
    placed = Canvas(Size(128, 128), Size(16, 16)).place_image(stripes)
    assert np.abs(placed.astype(int) - 127).max() <= 1


def test_unseen_points_stay_unseen():
    placed = Canvas(Size(10, 10), Size(20, 20)).place_points(np.array([[np.nan, np.nan], [1, 2]], np.float32))
    assert np.isnan(placed[0]).all()
    assert placed[1].tolist() == [2, 4]
    assert placed.dtype == np.float32


@pytest.mark.parametrize("size", [Size(40, 60), Size(80, 120), Size(160, 240), Size(80, 116), Size(80, 90)])
def test_a_canvas_is_laid_back_where_it_came_from(size: Size):
    canvas = Canvas(Size(80, 120), size)
    image = np.repeat(paint_spot(canvas.source, 50.3, 33.7, 12)[..., None], 3, axis=-1)
    restored = canvas.restore_image(canvas.place_image(image))
    assert restored.shape == image.shape
    assert find_spot(restored[..., 0]) == pytest.approx((50.3, 33.7), abs=0.05)
    assert np.abs(restored.astype(int) - image).mean() < 2


def test_laid_back_what_the_canvas_lost_repeats_its_edge():
    canvas = Canvas(Size(100, 100), Size(100, 96))
    image = np.full((96, 100, 3), 50, np.uint8)
    image[0], image[-1] = 200, 90
    restored = canvas.restore_image(image)
    assert np.all(restored[:3] == 200)
    assert np.all(restored[-3:] == 90)


@pytest.mark.parametrize("sides", [[], [1], [0, 4], [-3, 4], [3.5, 4], ["3", 4], [10**9, 4], [1, 2, 3]])
def test_what_is_no_size_is_refused(sides):
    assert Size.checked([640, 480]) == Size(640, 480)
    with pytest.raises(ValueError, match="size"):
        Size.checked(sides)


def flat(width: int, height: int, level: int) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def test_rows_lie_below_each_other_with_gaps_on_the_ground():
    sheet = tile_pictures([[flat(20, 10, 200), flat(20, 10, 100)], [flat(10, 10, 50)]])
    assert sheet.shape == (10 + GAP_PX + 10, 20 + GAP_PX + 20, 3)
    assert (sheet[:10, :20] == 200).all()
    assert (sheet[:10, 20 : 20 + GAP_PX] == GROUND).all()
    assert (sheet[:10, 20 + GAP_PX :] == 100).all()
    assert (sheet[10 + GAP_PX :, :10] == 50).all()
    assert (sheet[10 + GAP_PX :, 10:] == GROUND).all()


def test_a_wide_picture_fits_whole_into_an_upright_cell():
    cell = fit_into(flat(200, 100, 250), Size(60, 80))
    assert cell.shape == (80, 60, 3)
    assert (cell[25:55] == 250).all()
    assert (cell[:25] == GROUND).all()
    assert (cell[55:] == GROUND).all()


def test_scaling_keeps_the_shape():
    assert scale_to_height(flat(100, 50, 1), 25).shape == (25, 50, 3)


def test_a_saved_picture_keeps_its_colours(tmp_path):
    picture = flat(8, 8, 0)
    picture[..., 0] = 255
    save_picture(picture, tmp_path / "new" / "red.png")
    assert cv2.imread(str(tmp_path / "new" / "red.png"))[0, 0].tolist() == [0, 0, 255]
