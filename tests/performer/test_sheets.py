"""Sheets on their way into a new pose: where pixels lie at each size, and what is laid over what."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.performer.region import Region
from choreograft.performer.sheets import LEAST_SMEAR_PX, Cutout, Drawing, Enlargement, Sheet
from choreograft.video.size import Canvas, Size

LAID = {
    "as large": Canvas(Size(144, 256), Size(144, 256)),
    "2.8125": Canvas(Size(405, 720), Size(144, 256)),
    "7.5": Canvas(Size(1080, 1920), Size(144, 256)),
    "cut off": Canvas(Size(1280, 720), Size(456, 256)),
    "smaller": Canvas(Size(108, 192), Size(144, 256)),
}
"""Results on canvases. That of 1280x720 loses a quarter of a canvas pixel above and below."""
BOX = Region(60, 40, 90, 70)

laid = pytest.mark.parametrize("placed", LAID.values(), ids=LAID)


def wave(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float32]:
    """A smooth picture (..., 3), known at every place of the canvas, 0..255."""
    values = [127 + 60 * np.sin(x / a + k) + 60 * np.cos(y / b) for k, (a, b) in enumerate([(7, 9), (11, 6), (8, 8)])]
    return np.stack(values, axis=-1).astype(np.float32)


def grid(box: Region) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y (h, w) of the centres of a box's pixels."""
    x, y = np.meshgrid(np.arange(box.width) + box.left + 0.5, np.arange(box.height) + box.top + 0.5)
    return x, y


def cut(scale: float, corner: tuple[float, float], width: int, height: int) -> Cutout:
    """The wave as a cutout shows it, all of it the person."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / scale + corner[0], (np.arange(height) + 0.5) / scale + corner[1])
    matte = np.full((height, width, 1), 255, np.uint8)
    return Cutout(np.concatenate([wave(x, y).round().astype(np.uint8), matte], axis=-1), scale, corner)


def test_a_box_is_the_smallest_around_what_is_covered_and_its_room_stays_in_the_picture() -> None:
    covers = np.zeros((20, 30), np.bool_)
    assert Region.covering(covers) is None
    covers[3, 7] = covers[9, 28] = True
    box = Region.covering(covers)
    assert box == Region(3, 7, 7, 22)
    assert covers[box.at].sum() == covers.sum()
    assert Region.covering(covers, 4) == Region(0, 3, 14, 27)


def places(enlargement: Enlargement, window: tuple[slice, slice]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(W,) and (H,) where the columns and rows of a window lie on the canvas, px."""
    counted = (np.arange(part.start, part.stop) + 0.5 for part in window[::-1])
    x, y = (
        (at * enlargement.placed.scale + off).astype(np.float32)
        for at, off in zip(counted, enlargement.placed.offset, strict=True)
    )
    return x, y


@laid
def test_a_window_has_the_pixels_whose_centres_lie_in_the_box(placed: Canvas) -> None:
    enlargement, rng = Enlargement(placed), np.random.default_rng(0)
    x = placed.place_points(np.stack([np.arange(placed.source.width) + 0.5, np.zeros(placed.source.width)], -1))[:, 0]
    y = placed.place_points(np.stack([np.zeros(placed.source.height), np.arange(placed.source.height) + 0.5], -1))[:, 1]
    for _ in range(50):
        top, left = rng.integers(0, placed.size.height - 9), rng.integers(0, placed.size.width - 9)
        box = Region(int(top), int(left), int(rng.integers(4, 9)), int(rng.integers(4, 9)))
        rows, columns = enlargement.window(box)
        eps = 1e-3  # a centre on the border counts either way
        inside_x = (x > box.left + eps) & (x < box.left + box.width - eps)
        inside_y = (y > box.top + eps) & (y < box.top + box.height - eps)
        assert inside_x[columns].sum() == inside_x.sum()
        assert inside_y[rows].sum() == inside_y.sum()
        assert columns.stop - columns.start - inside_x.sum() in (0, 1, 2)
        assert_allclose(places(enlargement, (rows, columns))[0], x[columns], atol=1e-3)
        assert_allclose(places(enlargement, (rows, columns))[1], y[rows], atol=1e-3)
    rows, columns = enlargement.window(Region(0, 0, placed.size.height, placed.size.width))
    assert rows.stop - rows.start == ((y > 0) & (y < placed.size.height)).sum()
    assert columns.stop - columns.start == ((x > 0) & (x < placed.size.width)).sum()


@laid
def test_what_is_enlarged_lies_where_the_canvas_has_it(placed: Canvas) -> None:
    enlargement = Enlargement(placed)
    window = enlargement.window(BOX)
    ramp = np.stack(grid(BOX), axis=-1).astype(np.float32)
    enlarged = enlargement.enlarge(ramp, BOX, window)
    x, y = places(enlargement, window)
    edge = int(np.ceil(enlargement.scale))  # beyond the outermost centres edges repeat
    inner = (slice(edge, -edge), slice(edge, -edge))
    assert_allclose(
        enlarged[..., 0][inner], np.broadcast_to(x, enlarged.shape[:2])[inner], atol=0.02 + 0.5 / enlargement.scale
    )
    assert_allclose(
        enlarged[..., 1][inner],
        np.broadcast_to(y[:, None], enlarged.shape[:2])[inner],
        atol=0.02 + 0.5 / enlargement.scale,
    )


@pytest.mark.parametrize("name", ["2.8125", "7.5", "cut off"])
def test_a_part_of_a_window_is_enlarged_as_all_of_it_is(name: str) -> None:
    enlargement = Enlargement(LAID[name])
    rows, columns = enlargement.window(BOX)
    maps = np.random.default_rng(3).random((BOX.height, BOX.width)).astype(np.float32)
    part = slice(rows.start + 13, rows.stop - 21), slice(columns.start + 5, columns.stop - 2)
    whole, inner = enlargement.enlarge(maps, BOX, (rows, columns)), enlargement.enlarge(maps, BOX, part)
    assert np.abs(inner - whole[13:-21, 5:-2]).mean() < 0.03


@laid
@pytest.mark.parametrize("finer", [1.0, 0.6])
def test_a_sheet_on_a_known_way_shows_the_known_picture(placed: Canvas, finer: float) -> None:
    enlargement = Enlargement(placed)
    affine = np.float32([[0.9, 0.2], [-0.15, 1.1], [20.3, -14.6]])
    x, y = grid(BOX)
    residual = np.stack([0.7 + 0.5 * np.sin(y / 15), -0.4 + 0.5 * np.cos(x / 12)], axis=-1).astype(np.float32)
    scale = max(1.0, enlargement.scale * finer)
    cutout = cut(scale, (18.2, 33.7), round(125 * scale), round(165 * scale))
    sheet = Sheet(0, 0, BOX, affine, residual, np.full((90, 70), 255, np.uint8), np.zeros((256, 144), np.uint8))
    window = enlargement.window(BOX)
    shown = sheet.look_up(cutout, enlargement, window)
    at_x, at_y = np.meshgrid(*places(enlargement, window))
    there = np.stack([at_x, at_y, np.ones_like(at_x)], axis=-1) @ affine
    there += np.stack([0.7 + 0.5 * np.sin(at_y / 15), -0.4 + 0.5 * np.cos(at_x / 12)], axis=-1)
    off = np.abs(shown[..., :3] - wave(there[..., 0], there[..., 1]))
    edge = int(np.ceil(enlargement.scale))
    assert (shown[..., 3] == 255).all()
    assert off.mean() < 1
    assert off[edge:-edge, edge:-edge].max() < 4


@pytest.mark.parametrize("name", ["2.8125", "7.5", "cut off"])
def test_what_moves_is_smeared_along_its_way_as_while_a_shutter_is_open(name: str) -> None:
    enlargement, smear = Enlargement(LAID[name]), (14.0, -8.0)
    affine = np.float32([[0.9, 0.2], [-0.15, 1.1], [20.3, -14.6]])
    cutout = cut(3.0, (3.2, 13.7), 480, 660)
    gate, member = np.full((90, 70), 255, np.uint8), np.zeros((256, 144), np.uint8)
    sheet = Sheet(0, 0, BOX, affine, np.zeros((90, 70, 2), np.float32), gate, member, smear)
    window = enlargement.window(BOX)
    shown = sheet.expose(cutout, enlargement, window)
    at_x, at_y = np.meshgrid(*places(enlargement, window))
    true = np.zeros((*at_x.shape, 3))
    for share in np.linspace(-0.5, 0.5, 41):  # while the shutter is open it lies so far from its place
        here = np.stack([at_x - share * smear[0], at_y - share * smear[1], np.ones_like(at_x)], axis=-1) @ affine
        true += wave(here[..., 0], here[..., 1]) / 41
    assert np.abs(shown[..., 3].astype(int) - 255).max() <= 2
    assert np.abs(shown[..., :3] - true).mean() < 3
    sharp = replace(sheet, smear=(0.0, 0.0)).expose(cutout, enlargement, window)
    assert np.abs(sharp[..., :3] - true).mean() > 2 * np.abs(shown[..., :3] - true).mean()
    assert_array_equal(sharp, sheet.look_up(cutout, enlargement, window))


def test_a_hardly_noticeable_motion_is_not_smeared() -> None:
    placed = Enlargement(LAID["2.8125"])
    gate, member = np.full((90, 70), 255, np.uint8), np.zeros((256, 144), np.uint8)
    still = np.float32([[1, 0], [0, 1], [0, 0]])
    sheet = Sheet(0, 0, BOX, still, np.zeros((90, 70, 2), np.float32), gate, member, (0.9, 0.4))
    cutout, window = cut(3.0, (20.0, 40.0), 375, 495), placed.window(BOX)
    assert np.hypot(*sheet.smear) * placed.scale < LEAST_SMEAR_PX
    assert_array_equal(sheet.expose(cutout, placed, window), sheet.look_up(cutout, placed, window))


@pytest.mark.parametrize("scale", [1.0, 2.8125, 7.5])
def test_a_layer_cut_out_is_the_layer_alone_in_its_own_colours(scale: float) -> None:
    whole = cut(scale, (10.4, 6.8), round(60 * scale), round(70 * scale))
    whole.picture[: round(30 * scale), :, 3] = 100  # half of it is hardly the person
    member = np.zeros((100, 90), np.uint8)
    member[20:60, 25:50] = 255
    layer = whole.cut(member)
    height, width = layer.picture.shape[:2]
    x, y = np.meshgrid(
        (np.arange(width) + 0.5) / scale + layer.corner[0], (np.arange(height) + 0.5) / scale + layer.corner[1]
    )
    assert layer.scale == scale
    assert np.abs(layer.picture[..., :3] - wave(x, y)).max() <= 0.51
    inside = (x > 27) & (x < 48) & (y > 22) & (y < 58)  # two pixels are the seam
    near = (x > 23) & (x < 52) & (y > 18) & (y < 62)
    upper = y < 6.8 + 29
    assert inside.sum() == pytest.approx(21 * 36 * scale**2, rel=0.1)
    assert (layer.picture[inside & upper, 3] == 100).all()
    assert (layer.picture[inside & (y > 6.8 + 31), 3] == 255).all()
    assert not layer.picture[~near, 3].any()


def test_a_layer_that_is_nowhere_is_cut_out_as_nothing() -> None:
    layer = cut(2.0, (0.0, 0.0), 40, 40).cut(np.zeros((30, 30), np.uint8))
    assert not layer.picture[..., 3].any()


def test_pictures_are_laid_over_each_other_as_the_textbook_does() -> None:
    rng = np.random.default_rng(2)
    drawing, at = Drawing.empty(30, 40), (slice(5, 25), slice(8, 38))
    colour, alpha = np.zeros((30, 40, 3)), np.zeros((30, 40))
    for _ in range(3):
        sample = rng.integers(0, 256, (20, 30, 4)).astype(np.uint8)
        share = cv2.GaussianBlur(rng.integers(0, 256, (20, 30)).astype(np.uint8), (3, 3), 0)
        share[:3], share[3:5] = 0, 255
        drawing.lay(sample, share, at)
        shown = sample[..., 3] / 255 * share / 255  # Porter & Duff 1984: over
        total = shown + alpha[at] * (1 - shown)
        front, back = shown[..., None] * sample[..., :3], (alpha[at] * (1 - shown))[..., None] * colour[at]
        colour[at], alpha[at] = (front + back) / np.maximum(total, 1e-9)[..., None], total
    assert_allclose(drawing.alpha, alpha, atol=1e-5)
    dense = alpha > 0.05
    assert np.abs(drawing.colour - colour)[dense].max() < 2
    assert_array_equal(drawing.alpha[:5], 0)
