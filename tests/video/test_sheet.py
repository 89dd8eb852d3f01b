"""Contact sheets."""

import cv2
import numpy as np

from choreograft.video.size import GAP_PX, GROUND, Size, fit_into, save_picture, scale_to_height, tile_pictures


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
