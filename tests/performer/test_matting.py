"""The cut-out of a person whose true matte and colours are known."""

import cv2
import numpy as np
import pytest

from choreograft.performer.matting import find_matte
from choreograft.video.size import Size
from filmed_dancer import texture

HEIGHT, WIDTH = 960, 720
FINE = 4
"""Shapes are drawn with as many pixels to a pixel, for true shares at their edges."""


def person() -> np.ndarray:
    """(H, W) 0..1 the true matte: head, body, an arm with two fingers, legs with a gap."""
    drawn = np.zeros((HEIGHT * FINE, WIDTH * FINE), np.uint8)

    def polygon(*points: tuple[float, float]) -> None:
        cv2.fillPoly(drawn, [np.round(np.array(points) * FINE).astype(np.int32)], 255)

    cv2.circle(drawn, (360 * FINE, 180 * FINE), 70 * FINE, 255, -1)
    polygon((270, 240), (450, 240), (470, 600), (250, 600))
    polygon((440, 260), (620, 330), (610, 380), (430, 330))
    polygon((610, 335), (660, 345), (660, 353), (610, 348))
    polygon((610, 365), (655, 380), (652, 388), (607, 378))
    polygon((255, 590), (345, 590), (335, 880), (275, 880))
    polygon((375, 590), (465, 590), (445, 880), (385, 880))
    small = cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), 0.8).astype(np.float32) / 255


def colours(low: int, high: int, seed: int, tint: tuple[int, int, int]) -> np.ndarray:
    """(H, W, 3) a textured surface."""
    return np.clip(texture(Size(WIDTH, HEIGHT), seed=seed, low=low, high=high).astype(float) + tint, 0, 255)


def film(true: np.ndarray, front: np.ndarray, behind: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 2, behind.shape)
    mixed = true[..., None] * front + (1 - true[..., None]) * behind
    return np.clip(mixed + noise + 0.5, 0, 255).astype(np.uint8)


def track(true: np.ndarray, shift: tuple[float, float] = (3, -3)) -> np.ndarray:
    """(H, W) the mask of a tracker that sees 240 rows, and these a little beside the person."""
    rough = cv2.resize(np.where(true > 0.5, 255, 0).astype(np.uint8), (180, 240), interpolation=cv2.INTER_AREA)
    rough = cv2.resize(cv2.GaussianBlur(rough, (0, 0), 1), (WIDTH, HEIGHT))
    return cv2.warpAffine(rough, np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]), (WIDTH, HEIGHT))


def near_edge(true: np.ndarray, reach: int = 12) -> np.ndarray:
    """(H, W) whether a pixel lies within some px of the outline."""
    inside, around = (true > 0.5).astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)
    return cv2.dilate(inside, around) > cv2.erode(inside, around)


TRUE = person()
RED, WALL = colours(0, 40, 1, (170, 20, 30)), colours(60, 160, 2, (-20, 20, 40))


@pytest.mark.parametrize("exposure", [1.0, 1.06])
def test_the_matte_follows_the_outline_where_the_colours_differ(exposure):
    picture, mask = film(TRUE, RED, WALL * exposure), track(TRUE)
    matte, _ = find_matte(picture, mask, WALL.astype(np.uint8))
    assert matte.shape == mask.shape
    assert matte.dtype == np.uint8
    band = near_edge(TRUE)
    error, masked = (np.abs(found[band] / 255 - TRUE[band]).mean() for found in (matte, mask))
    assert error < 0.03
    assert error < masked / 4


def test_nothing_but_the_band_is_touched():
    matte, _ = find_matte(film(TRUE, RED, WALL), track(TRUE), WALL.astype(np.uint8))
    far = ~near_edge(TRUE, 30)
    np.testing.assert_array_equal(matte[far], np.where(TRUE[far] > 0.5, 255, 0))


def test_the_colours_at_the_edge_are_the_persons_and_go_on_beyond_it():
    picture = film(TRUE, RED, WALL)
    matte, foreground = find_matte(picture, track(TRUE), WALL.astype(np.uint8))
    edge, beyond = (TRUE > 0.02) & (TRUE < 0.98), near_edge(TRUE, 5) & (TRUE <= 0.02)
    for where in (edge, beyond):
        error = np.abs(foreground[where].astype(float) - RED[where]).mean()
        assert error < 12
        assert error < np.abs(picture[where].astype(float) - RED[where]).mean() / 3
    green = np.array([0, 255, 0])
    laid, wanted = ((share[..., None] * front + (1 - share[..., None]) * green) for share, front in (
        (matte / 255, foreground), (TRUE, RED)))  # fmt: skip
    assert np.abs(laid - wanted)[near_edge(TRUE)].mean() < 6


def test_no_holes_where_the_persons_colour_is_the_backgrounds():
    front = RED.copy()
    front[400:480] = WALL[400:480]  # a belt in the colour of the wall, from edge to edge
    front[250:330, 300:340] = WALL[250:330, 300:340]
    picture, mask = film(TRUE, front, WALL), track(TRUE)
    matte, _ = find_matte(picture, mask, WALL.astype(np.uint8))
    within = cv2.erode((TRUE > 0.99).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    assert matte[within].min() == 255
    belt = near_edge(TRUE)
    belt[:400] = belt[480:] = False
    # nobody can see that edge; the mask's own is not made worse
    assert np.abs(matte[belt] / 255.0 - TRUE[belt]).mean() < np.abs(mask[belt] / 255.0 - TRUE[belt]).mean() * 1.3


def test_a_missed_hand_is_found_and_a_passer_by_is_not():
    picture, mask = film(TRUE, RED, WALL), track(TRUE, (0, 0))
    mask[:, 600:] = 0  # fingers, and the hand's root
    picture[100:800, 20:90] = (20, 250, 20)
    picture[700:720, 120:140] = (20, 250, 20)
    matte, _ = find_matte(picture, mask, WALL.astype(np.uint8))
    hand = np.s_[330:395, 600:655]
    assert np.abs(matte[hand] / 255 - TRUE[hand]).mean() < 0.06
    assert not matte[:, :200].any()


def test_a_shadow_on_the_floor_stays_there():
    behind = WALL.copy()
    disc = cv2.ellipse(np.zeros((HEIGHT, WIDTH), np.float32), (400, 885), (220, 30), 0, 0, 360, 1, -1)
    shadow = cv2.GaussianBlur(disc, (0, 0), 6)
    behind *= 1 - 0.3 * shadow[..., None]
    matte, _ = find_matte(film(TRUE, RED, behind), track(TRUE), WALL.astype(np.uint8))
    floor = (shadow > 0.5) & (cv2.dilate(TRUE, np.ones((15, 15))) < 0.02)
    assert (matte[floor] > 25).mean() < 0.01


def test_where_nobody_is_nothing_is_cut_out():
    picture = film(TRUE, RED, WALL)
    matte, foreground = find_matte(picture, np.zeros((HEIGHT, WIDTH), np.uint8), WALL.astype(np.uint8))
    assert not matte.any()
    np.testing.assert_array_equal(foreground, picture)
