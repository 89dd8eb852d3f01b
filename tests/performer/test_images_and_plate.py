"""Pictures to tensors and back, and the background behind a moving person."""

import numpy as np
import torch

from choreograft.performer.images import to_image, to_tensor
from choreograft.performer.plate import estimate_plate


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
    np.testing.assert_array_equal(estimate_plate(pictures, masks), background)


def test_what_the_person_always_covers_is_painted_in_from_around():
    pictures, masks, background = walker(10, steps=False)
    plate = estimate_plate(pictures, masks)
    covered = masks[0] > 0
    np.testing.assert_array_equal(plate[:, :20], background[:, :20])
    assert np.abs(plate[covered].astype(int) - background[covered]).max() < 40
