"""A person at full size from decisions at the canvas's, held against their true full-size picture."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from choreograft.body.surface import PARTS
from choreograft.performer import full_size
from choreograft.performer.atlas import Atlas
from choreograft.performer.full_size import NEAR_LEVELS, NEAR_PX, Decisions, FullSize, _keep_near
from choreograft.performer.warp import Warped, Warper
from choreograft.video.size import Size
from painted import EVERY, FULL, GREY, SIZE, draw_frame, draw_surfaces, full_surfaces, scene, weave, woven_bank

T = 7
"""Not in the bank, whose frames are every third."""
SCALE = FULL.height / SIZE.height
EDGE = np.ones((9, 9), np.uint8)


@pytest.fixture(scope="module")
def full() -> FullSize:
    return FullSize(woven_bank()[1], SIZE, FULL)


@pytest.fixture(scope="module")
def warped() -> Warped:
    bank, cutouts = woven_bank()
    return draw_frame(Warper(Atlas.of(bank.refined(cutouts))), T)


@pytest.fixture(scope="module")
def inside(warped: Warped) -> NDArray[np.bool_]:
    """(H, W) where the person surely is and is well seen."""
    sure = cv2.resize(((warped.confidence > 0.8) & (warped.alpha > 0.9)).astype(np.uint8), FULL)
    return cv2.erode(full_surfaces()[T].covered.numpy() * sure, EDGE) > 0


@pytest.fixture(scope="module")
def drawn(full: FullSize, warped: Warped) -> NDArray[np.float32]:
    """By the references alone."""
    return full.draw(warped).astype(np.float32)


def decide(warped: Warped, **changes: NDArray[np.float32]) -> Decisions:
    """A generator that agrees with the references in everything else."""
    agreed = Decisions(
        warped.colour.astype(np.float32), warped.alpha.copy(), np.zeros((*warped.alpha.shape, 2), np.float32)
    )  # fmt: skip
    return replace(agreed, **changes)


def split(picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a canvas can show of a picture, and the detail that it cannot."""
    low = cv2.GaussianBlur(picture, (0, 0), SCALE)
    return low, picture - low


def test_the_person_is_close_to_the_truth_and_as_sharp(
    drawn: NDArray[np.float32], warped: Warped, inside: NDArray[np.bool_]
) -> None:
    assert inside.sum() > 3000
    true = weave(full_surfaces()[T])
    small = warped.over(np.full((SIZE.height, SIZE.width, 3), GREY, np.float32)).astype(np.float32)
    enlarged = cv2.resize(small, FULL, interpolation=cv2.INTER_CUBIC)
    off, off_enlarged = (np.abs(picture - true)[inside].mean() for picture in (drawn, enlarged))
    fine, fine_enlarged, fine_true = (split(picture)[1][inside].std() for picture in (drawn, enlarged, true))
    assert off < 0.3 * off_enlarged
    assert 0.85 * fine_true < fine < 1.1 * fine_true
    assert fine_enlarged < 0.5 * fine_true
    assert np.corrcoef(split(drawn)[1][inside].ravel(), split(true)[1][inside].ravel())[0, 1] > 0.95


def test_there_is_nothing_of_the_person_where_they_are_not(drawn: NDArray[np.float32], full: FullSize) -> None:
    covered = full_surfaces()[T].covered.numpy().astype(np.uint8)
    far = cv2.dilate(covered, np.ones((25, 25), np.uint8)) == 0
    assert_array_equal(drawn[far], full.plate[far])
    true = weave(full_surfaces()[T])
    assert np.abs(drawn - true).mean() < 4


def test_a_generator_that_agrees_changes_little(
    full: FullSize, warped: Warped, drawn: NDArray[np.float32], inside: NDArray[np.bool_]
) -> None:
    agreed = full.draw(warped, decide(warped)).astype(np.float32)
    assert np.abs(agreed - drawn)[inside].mean() < 2
    assert np.corrcoef(split(agreed)[1][inside].ravel(), split(drawn)[1][inside].ravel())[0, 1] > 0.97
    assert split(agreed)[1][inside].std() > 0.9 * split(drawn)[1][inside].std()
    assert np.abs(agreed - drawn).mean() < 1


def test_a_generators_colours_move_what_is_coarse_and_leave_the_detail(
    full: FullSize, warped: Warped, inside: NDArray[np.bool_]
) -> None:
    before, after = (
        split(full.draw(warped, decide(warped, colour=warped.colour + np.float32(by))).astype(np.float32))
        for by in (0, 12)
    )
    assert np.abs(after[0] - before[0] - 12)[inside].mean() < 2
    likeness = np.corrcoef(after[1][inside].ravel(), before[1][inside].ravel())[0, 1]
    assert likeness > 0.97
    assert after[1][inside].std() > 0.8 * before[1][inside].std()


def test_references_that_the_generator_does_not_believe_are_left_out(
    full: FullSize, warped: Warped, inside: NDArray[np.bool_]
) -> None:
    other = np.tile(np.float32([0, 255, 0]), (*warped.alpha.shape, 1))
    painted = full.draw(warped, decide(warped, colour=other)).astype(np.float32)
    assert np.abs(painted - other[0, 0])[inside].mean() < 2
    believed = split(full.draw(warped, decide(warped)).astype(np.float32))[1]
    assert split(painted)[1][inside].std() < 0.1 * believed[inside].std()


def test_where_the_generator_has_less_of_the_person_its_outline_wins(full: FullSize, warped: Warped) -> None:
    matte = warped.alpha.copy()
    rows = np.flatnonzero((matte > 0.5).any(axis=1))
    waist = int(rows.mean())
    matte[waist:] = 0
    cut = full.draw(warped, decide(warped, matte=matte))
    below = round((waist + 8) * SCALE)  # hands reach a little beyond it
    assert_array_equal(cut[below:], full.plate[below:])
    above = slice(0, round((waist - 3) * SCALE))
    assert np.abs(cut[above].astype(int) - full.draw(warped, decide(warped))[above]).mean() < 0.5


def test_where_the_generator_has_more_of_the_person_its_colours_are_drawn(full: FullSize, warped: Warped) -> None:
    matte, colour = warped.alpha.copy(), warped.colour.astype(np.float32)
    beside = np.s_[20:40, 4:18]  # where nobody is
    assert not matte[beside].any()
    matte[beside], colour[beside] = 1, (200, 40, 40)
    grown = full.draw(warped, decide(warped, matte=matte, colour=colour))
    patch = grown[round(23 * SCALE) : round(37 * SCALE), round(7 * SCALE) : round(15 * SCALE)]
    assert np.abs(patch - np.array([200.0, 40, 40])).max() < 3


def test_a_hand_stays_the_references_hand_whatever_the_generator_makes_of_it(
    full: FullSize, warped: Warped, drawn: NDArray[np.float32]
) -> None:
    part = warped.surface.part.numpy()
    hand = (part == PARTS.index("left_hand")).astype(np.uint8)
    mitten = (cv2.dilate(hand, np.ones((7, 7), np.uint8)) > 0) & ((part < 0) | (hand > 0))
    orange = np.where(mitten[..., None], np.float32([250, 120, 0]), warped.colour)
    found = full.draw(warped, decide(warped, colour=orange, matte=np.where(mitten, 1, warped.alpha)))
    there = cv2.erode(cv2.resize(mitten.astype(np.uint8), FULL), EDGE) > 0
    assert there.sum() > 200
    assert np.abs(found.astype(np.float32) - drawn)[there].mean() < 6
    assert np.abs(drawn - np.float32([250, 120, 0]))[there].mean() > 40


def test_a_shift_moves_the_references_by_so_many_canvas_pixels(
    full: FullSize, warped: Warped, inside: NDArray[np.bool_]
) -> None:
    by = np.tile(np.float32([2, -1]), (*warped.alpha.shape, 1))  # right and up
    moved = np.roll(warped.alpha, (-1, 2), axis=(0, 1)), np.roll(warped.colour, (-1, 2), axis=(0, 1))
    shifted = full.draw(warped, decide(warped, shift=by, matte=moved[0], colour=moved[1].astype(np.float32)))
    still = full.draw(warped, decide(warped)).astype(np.float32)
    expected = np.roll(still, (-round(SCALE), round(2 * SCALE)), axis=(0, 1))
    assert np.abs(shifted - expected).mean() < 0.6
    detail = [split(picture.astype(np.float32))[1][inside].ravel() for picture in (shifted, expected)]
    assert np.corrcoef(*detail)[0, 1] > 0.9


def test_bands_leave_no_trace(full: FullSize, warped: Warped, monkeypatch: pytest.MonkeyPatch) -> None:
    moving = replace(warped, sheets=tuple(replace(sheet, smear=(2.0, -3.0)) for sheet in warped.sheets))
    pictures = []
    for rows in (10_000, 40):
        monkeypatch.setattr(full_size, "BAND_PX", rows)
        pictures.append(full.draw(moving, decide(moving)).astype(int))
    assert np.abs(pictures[0] - pictures[1]).max() <= 3


def test_nobody_leaves_the_plate(full: FullSize, warped: Warped) -> None:
    nobody = replace(warped, alpha=np.zeros_like(warped.alpha), sheets=(), unseen=np.zeros_like(warped.unseen))
    assert_array_equal(full.draw(nobody), full.plate)


@pytest.mark.parametrize("size", [FULL, Size(240, 320), Size(90, 120)], ids=str)
def test_a_reference_is_shown_as_it_was_filmed(size: Size) -> None:
    n, full = 2, FullSize(woven_bank()[1], SIZE, size)
    true = cv2.resize(weave(full_surfaces()[n * EVERY]), size, interpolation=cv2.INTER_AREA)
    shown = full.show(n)
    assert shown.shape == (size.height, size.width, 3)
    assert np.abs(shown - true).mean() < 1.5


@pytest.mark.parametrize("size", [Size(240, 320), Size(90, 120)], ids=str)
def test_other_sizes_show_the_same_person_at_the_same_place(
    warped: Warped, drawn: NDArray[np.float32], size: Size
) -> None:
    other = FullSize(woven_bank()[1], SIZE, size).draw(warped, decide(warped))
    expected = cv2.resize(drawn, size, interpolation=cv2.INTER_AREA)
    assert np.abs(other - expected).mean() < 2.5


def test_what_no_reference_shows_is_no_hole_at_full_size(full: FullSize, warped: Warped) -> None:
    covered = draw_surfaces(*scene()[:2])[T].covered.numpy()
    usual = np.where(covered[..., None], np.float32([30, 160, 60]), 0).astype(np.float32)
    blind = replace(warped, sheets=(), usual=usual, unseen=covered * np.uint8(255), alpha=covered.astype(np.float32))
    picture = full.draw(blind)
    inner = cv2.erode(full_surfaces()[T].covered.numpy().astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert np.abs(picture[inner] - np.array([30.0, 160, 60])).max() < 2


def test_what_a_generator_paints_beside_the_references_has_colours_that_they_have_nearby() -> None:
    red, orange = np.array([200, 20, 40], np.float32), np.array([250, 140, 0], np.float32)
    seen = np.zeros((40, 60), np.bool_)
    seen[:, :30] = True
    shown = np.where(seen[..., None], red, 0).astype(np.float32)
    kept = _keep_near(np.full((40, 60, 3), orange, np.float32), shown, seen, fine=1.0)
    assert_array_equal(kept[:, :30], np.broadcast_to(orange, (40, 30, 3)))  # where they show it, others decide
    beside = np.clip(orange, red - NEAR_LEVELS, red + NEAR_LEVELS)
    assert_array_equal(kept[:, 30 : 30 + NEAR_PX], np.broadcast_to(beside, (40, NEAR_PX, 3)))
    assert_array_equal(kept[:, 30 + NEAR_PX :], np.broadcast_to(orange, (40, 30 - NEAR_PX, 3)))  # nobody knows better
