"""References at full size: what is kept of them, and where it lies."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.errors import FileFormatError
from choreograft.performer.cutouts import Cutouts, cut_out, remember
from choreograft.performer.header import MAX_SHORT_SIDE, full_size
from choreograft.performer.sheets import Cutout
from choreograft.video.size import Canvas, Size
from painted import woven_bank

VIDEO, CANVAS = Size(270, 480), Size(36, 64)
LAID = Canvas(VIDEO, CANVAS)
STEP = 12.2


def colours_at(x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
    """(..., 3) what lies where on the canvas, smooth."""
    return np.stack([40 + 5 * x, 30 + 3 * y, 127 + 60 * np.sin(x / 4 + y / 6)], axis=-1)


def film(step: float = 0.0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The picture and the matte at full size, after a step to the left of so many canvas px."""
    x, y = np.meshgrid((np.arange(VIDEO.width) + 0.5) / 7.5 + step, (np.arange(VIDEO.height) + 0.5) / 7.5)
    matte = np.clip(255 * (8 - np.hypot(x - 15, 0.6 * (y - 30))), 0, 255).astype(np.uint8)
    return colours_at(x, y).round().astype(np.uint8), matte


@pytest.fixture
def cutouts() -> Cutouts:
    """One person thrice: in the middle, at the left border, and nowhere."""
    picture, matte = film()
    plate = np.random.default_rng(0).integers(0, 256, (VIDEO.height, VIDEO.width, 3)).astype(np.uint8)
    people = (picture, matte), film(STEP), (picture, 0 * matte)
    coded, places = zip(*(cut_out(*person, LAID) for person in people), strict=True)
    return Cutouts(VIDEO, plate, coded, np.array(places))


@pytest.mark.parametrize(
    ("video", "expected"),
    [
        ((1080, 1920), (1080, 1920)), ((1920, 1080), (1920, 1080)), ((2160, 3840), (1080, 1920)),
        ((3840, 1600), (2592, 1080)), ((640, 360), (640, 360)), ((64, 4000), (64, 4000)), ((1, 1), (2, 2)),
    ],
)  # fmt: skip
def test_results_are_as_large_as_the_footage_up_to_a_limit(video: tuple[int, int], expected: tuple[int, int]) -> None:
    assert full_size(Size(*video)) == expected


@pytest.mark.parametrize("video", [(641, 361), (1081, 1921), (333, 777), (1999, 3001), (7, 5)])
def test_odd_sizes_become_even_ones_of_the_same_shape(video: tuple[int, int]) -> None:
    size = full_size(Size(*video))
    shrink = min(1, MAX_SHORT_SIDE / min(video))
    assert size.width % 2 == size.height % 2 == 0
    assert_allclose(size, np.array(video) * shrink, atol=1.01)


def test_cutouts_come_back_as_they_were(cutouts: Cutouts) -> None:
    tensors = cutouts.tensors()
    assert all(tensor.is_contiguous() for tensor in tensors.values())
    again = Cutouts.from_tensors(tensors)
    assert again.size == VIDEO
    assert_array_equal(again.plate, cutouts.plate)
    assert_array_equal(again.places, cutouts.places)
    assert len(again) == len(cutouts) == 3
    for n, step in ((0, 0.0), (1, STEP)):
        (true, cut), cutout = film(step), again.look(n, 7.5)
        assert cutout.scale == pytest.approx(7.5)
        left, top = (round(at * 7.5) for at in cutout.corner)
        height, width = cutout.picture.shape[:2]
        at = slice(top, top + height), slice(left, left + width)
        assert_array_equal(cutout.picture[..., 3], cut[at])
        assert cut.sum() == cut[at].sum()  # all of the person
        assert height * width < 0.6 * cut.size  # and hardly more
        assert np.abs(cutout.picture[..., :3].astype(int) - true[at]).mean() < 3
    assert not again.look(2, 7.5).picture[..., 3].any()


@pytest.mark.parametrize("scale", [1.0, 3.0, 7.5, 9.0])
def test_a_look_at_another_scale_shows_the_same_things_at_the_same_places(cutouts: Cutouts, scale: float) -> None:
    cutout = cutouts.look(0, scale)
    assert cutout.scale == pytest.approx(min(scale, 7.5), rel=0.03)
    rows, columns = np.nonzero(cutout.picture[..., 3] == 255)
    x, y = (columns + 0.5) / cutout.scale + cutout.corner[0], (rows + 0.5) / cutout.scale + cutout.corner[1]
    assert np.hypot(x - 15, 0.6 * (y - 30)).max() < 7.5
    off = np.abs(cutout.picture[rows, columns, :3] - colours_at(x, y))
    assert off.mean() < 3


def test_a_look_is_as_sharp_as_is_asked_for_whatever_was_looked_at_before(cutouts: Cutouts) -> None:
    for scale in (1.0, 7.5, 1.0, 3.0):
        assert cutouts.look(0, scale).scale == pytest.approx(scale, rel=0.05)


def test_a_reference_lies_on_the_canvas_where_the_person_was(cutouts: Cutouts) -> None:
    for n, step in ((0, 0.0), (1, STEP)):
        colours, laid = cutouts.lay(n, CANVAS)
        wanted = LAID.place_image(film(step)[1])
        assert np.abs(laid.astype(int) - wanted).max() < 32  # of an edge that is a pixel wide
        x, y = np.meshgrid(np.arange(CANVAS.width) + 0.5, np.arange(CANVAS.height) + 0.5)
        assert np.abs(colours - colours_at(x + step, y))[laid == 255].mean() < 3
        places = [(laid * axis).sum() / laid.sum() - (wanted * axis).sum() / wanted.sum() for axis in (x, y)]
        assert np.abs(places).max() < 0.05
    assert not cutouts.lay(2, CANVAS)[1].any()


@pytest.mark.parametrize(
    "damage",
    [
        lambda parts: parts | {"plate": parts["plate"] * 0},
        lambda parts: parts | {"plate": parts["plate"][:0]},
        lambda parts: parts | {"places": parts["places"][:2]},
        lambda parts: parts | {"starts": parts["starts"][:-1]},
        lambda parts: parts | {"packed": parts["packed"][:-2000]},
        lambda parts: parts | {"starts": parts["starts"].flip(0)},
        lambda parts: parts | {"places": torch.zeros(3, 1, dtype=torch.float64)},
    ],
    ids=["plate", "no plate", "places", "starts", "packed", "order", "what a place is"],
)
def test_what_is_damaged_is_refused(cutouts: Cutouts, damage) -> None:
    with pytest.raises(ValueError, match="picture"):
        Cutouts.from_tensors(damage(cutouts.tensors()))


def test_a_reference_that_is_damaged_within_a_sound_file_is_told_in_one_line() -> None:
    cutouts = woven_bank()[1]
    colours, matte = cutouts.coded[0]
    damaged = Cutouts(cutouts.size, cutouts.plate, [(colours, matte[:20])], cutouts.places[:1])
    with pytest.raises(FileFormatError, match=r"found .*damaged; train it again$"):
        damaged.look(0, 1.0)


def test_cutouts_are_remembered_up_to_so_many_bytes_the_last_ones_longest() -> None:
    kept, made = dict[int, Cutout](), list[int]()

    def ask(key: int, rows: int = 10) -> None:
        def make() -> Cutout:
            made.append(key)
            return Cutout(np.zeros((rows, 10, 4), np.uint8), 1.0, (0.0, 0.0))

        assert len(remember(kept, key, 1300, make).picture) == rows

    for key in (0, 1, 2, 1, 3):
        ask(key)
    assert made == [0, 1, 2, 3]
    assert list(kept) == [2, 1, 3]
    ask(4)
    assert list(kept) == [1, 3, 4]
    ask(5, 90)
    assert list(kept) == [5]
