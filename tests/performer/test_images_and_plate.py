"""Pictures to tensors and back, and the background behind a moving person."""

import cv2
import numpy as np
import pytest
import torch

from choreograft.performer.plate import estimate_plate, estimate_still_plate, view_plate
from choreograft.performer.staging import to_image, to_tensor
from choreograft.video.size import Size
from filmed_dancer import texture


def test_every_level_survives_the_way_into_a_tensor_and_back():
    image = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    tensor = to_tensor(image)
    assert tensor.shape == (3, 16, 16)
    assert (tensor.min(), tensor.max()) == (-1, 1)
    np.testing.assert_array_equal(to_image(tensor), image)


def test_a_mask_becomes_one_channel_from_zero_to_one():
    mask = np.array([[0, 255], [51, 102]], np.uint8)
    torch.testing.assert_close(to_tensor(mask), torch.tensor([[[0.0, 1.0], [0.2, 0.4]]]))


def test_levels_outside_of_the_range_are_clipped():
    assert to_image(torch.tensor([[[-3.0]], [[0.0]], [[3.0]]])).ravel().tolist() == [0, 128, 255]


def walker(frames: int, steps: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red bar before a colour ramp; it walks across, or stands still. Frames, masks and the true background."""
    ramp = np.linspace(20, 220, 96).astype(np.uint8)
    background = np.stack([np.tile(ramp, (64, 1)), np.tile(ramp[::-1], (64, 1)), np.full((64, 96), 90, np.uint8)], -1)
    pictures, masks = np.stack([background] * frames), np.zeros((frames, 64, 96), np.uint8)
    for n in range(frames):
        left = 5 + (n * 70 // frames if steps else 30)
        pictures[n, 10:60, left : left + 12] = (255, 0, 0)
        masks[n, 10:60, left : left + 12] = 255
    return pictures, masks, background


def test_the_plate_is_the_background_where_the_person_ever_steps_aside():
    pictures, masks, background = walker(40, steps=True)
    np.testing.assert_array_equal(estimate_still_plate(pictures, masks), background)


def test_what_the_person_always_covers_is_painted_in_from_around():
    pictures, masks, background = walker(10, steps=False)
    plate = estimate_still_plate(pictures, masks)
    covered = masks[0] > 0
    np.testing.assert_array_equal(plate[:, :20], background[:, :20])
    assert np.abs(plate[covered].astype(int) - background[covered]).max() < 40


def test_a_shadow_beside_the_person_is_no_background():
    pictures, masks, background = walker(40, steps=True)
    for picture, mask in zip(pictures, masks, strict=True):
        beside = np.roll(mask, 4, axis=1) > 0  # always on the same side of them, as near as that
        picture[beside & (mask == 0)] //= 2
    plate = estimate_still_plate(pictures, masks)
    assert np.abs(plate[:, 20:70].astype(int) - background[:, 20:70]).max() <= 1


def test_what_scrolls_is_taken_from_one_frame():
    pictures, masks, _ = walker(40, steps=True)
    text = np.random.default_rng(0).choice([0, 255], (8, 48)).astype(np.uint8).repeat(2, axis=1)
    for n, picture in enumerate(pictures):
        picture[:8] = np.roll(text, 3 * n, axis=1)[..., None]
    plate = estimate_still_plate(pictures, masks)
    assert any((plate[:8] == picture[:8]).mean() > 0.97 for picture in pictures)


def panned(frames: int, step_px: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A textured wall, seen by a camera that pans, a person before it; frames, masks, every true background."""
    wall = texture(Size(200, 96), seed=3, low=30, high=220)
    views = [np.float32([[1, 0, -step_px * n], [0, 1, 0]]) for n in range(frames)]
    backgrounds = np.stack([cv2.warpAffine(wall, view, (128, 96)) for view in views])
    pictures, masks = backgrounds.copy(), np.zeros((frames, 96, 128), np.uint8)
    for n in range(frames):
        left = 10 + 2 * n
        pictures[n, 20:90, left : left + 16] = (255, 0, 0)
        masks[n, 20:90, left : left + 16] = 255
    return pictures, masks, backgrounds


def test_a_camera_that_pans_is_followed_and_every_frame_has_its_own_background():
    pictures, masks, backgrounds = panned(40, step_px=0.3)
    plate = estimate_plate(pictures, masks)
    assert plate.moving
    assert plate.followed
    assert plate.motion == pytest.approx(0.3 * 19.5 / 96, rel=0.1)
    shifts = plate.views[:, 0, 2]
    np.testing.assert_allclose(np.diff(shifts), -0.3, atol=0.15)
    for n in (5, 20, 35):
        seen = view_plate(plate.picture, plate.views[n])[10:-10, 20:-20].astype(int)
        assert np.abs(seen - backgrounds[n, 10:-10, 20:-20]).mean() < 6


def test_a_camera_is_followed_on_small_copies_of_large_pictures(monkeypatch):
    pictures, masks, backgrounds = panned(40, step_px=0.6)
    wanted = estimate_plate(pictures, masks)
    monkeypatch.setattr("choreograft.performer.plate.COARSE_ROWS", 48)
    plate = estimate_plate(pictures, masks)
    assert plate.motion == pytest.approx(wanted.motion, rel=0.1)
    assert np.diff(plate.views[:, 0, 2]).mean() == pytest.approx(-0.6, abs=0.05)
    for n in (5, 20, 35):
        seen = view_plate(plate.picture, plate.views[n])[10:-10, 20:-20].astype(int)
        assert np.abs(seen - backgrounds[n, 10:-10, 20:-20]).mean() < 6


def test_distances_on_a_small_copy_leave_no_person_in_the_plate():
    small = walker(12, steps=True)
    pictures, masks = (a.repeat(15, axis=1).repeat(15, axis=2) for a in small[:2])
    background = small[2].repeat(15, axis=0).repeat(15, axis=1)
    np.testing.assert_array_equal(estimate_still_plate(pictures, masks), background)


def test_a_camera_before_nothing_to_follow_that_sees_everything_change_leaves_no_background():
    noise = np.random.default_rng(0).integers(0, 255, (20, 64, 96, 3)).astype(np.uint8)
    assert not estimate_plate(noise, np.zeros((20, 64, 96), np.uint8)).usable


def test_a_camera_that_stands_before_a_plain_wall_has_a_background():
    pictures, masks, background = walker(40, steps=True)
    plate = estimate_plate(pictures, masks)
    assert plate.usable
    assert not plate.moving
    np.testing.assert_array_equal(plate.picture, background)
