"""Boxes of person and face from made-up tracks whose answer can be counted."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from choreograft.evaluate.metrics.regions import FACE_SIDE, Box, find_boxes, shows_face, upright_height
from choreograft.pose import skeleton
from choreograft.pose.track import MaskSequence, PoseTrack, empty_arrays
from choreograft.video.size import Size

SIZE = Size(200, 300)
PLACES = {
    skeleton.NOSE: (100, 52), skeleton.LEFT_EYE: (104, 48), skeleton.RIGHT_EYE: (96, 48),
    skeleton.LEFT_EAR: (110, 51), skeleton.RIGHT_EAR: (90, 51),
    skeleton.LEFT_SHOULDER: (120, 90), skeleton.RIGHT_SHOULDER: (80, 90),
    skeleton.LEFT_HIP: (112, 160), skeleton.RIGHT_HIP: (88, 160),
    skeleton.LEFT_ANKLE: (110, 250), skeleton.RIGHT_ANKLE: (90, 250),
}  # fmt: skip
HEIGHT = 200.0


def standing(frames: int = 1) -> PoseTrack:
    """Somebody upright who faces the camera: head's middle at (100, 50), ankles' at (100, 250)."""
    arrays = empty_arrays(frames)
    for joint, place in PLACES.items():
        arrays["xy"][:, joint], arrays["score"][:, joint] = place, 1
        arrays["depth"][:, joint] = -10 if joint == skeleton.NOSE else 0
    return PoseTrack(SIZE, Fraction(24), np.arange(frames) / 24, **arrays, present=np.ones(frames, np.bool_))


def test_the_height_goes_from_the_heads_middle_to_the_ankles() -> None:
    assert upright_height(standing(3)) == pytest.approx(HEIGHT)


def test_without_feet_the_torso_tells_the_height() -> None:
    track = standing()
    track.score[:, list(skeleton.ANKLES)] = 0
    assert upright_height(track) == pytest.approx(2.9 * 70)
    track.score[:] = 0
    assert np.isnan(upright_height(track))


def test_the_face_square_lies_about_the_heads_middle() -> None:
    half = FACE_SIDE * HEIGHT / 2
    expected = Box(int(100 - half), int(50 - half), int(100 + half), int(50 + half))
    assert find_boxes(standing(), SIZE)["face"] == (expected,)
    doubled = find_boxes(standing(), Size(400, 600))["face"][0]
    assert doubled is not None
    assert doubled.area == pytest.approx(4 * expected.area, rel=0.05)


@pytest.mark.parametrize("upside_down", [False, True])
def test_a_head_seen_from_behind_shows_no_face(upside_down: bool) -> None:
    track = standing()
    if upside_down:
        track = replace(track, xy=np.asarray(SIZE, np.float32) - track.xy)
    assert shows_face(track).all()
    turned = replace(track, depth=-track.depth)
    assert not shows_face(turned).any()
    # where nothing is known of depth the order of the ears tells
    flat = replace(track, depth=np.full_like(track.depth, np.nan))
    assert shows_face(flat).all()
    mirrored = replace(flat, xy=flat.xy * [-1, 1] + [SIZE.width, 0])
    assert not shows_face(mirrored.select([0])).any()
    assert find_boxes(turned, SIZE)["face"] == (None,)


def test_a_head_beyond_the_border_shows_no_face() -> None:
    track = standing(2)
    track.xy[1, :, 1] -= 55  # the head's middle at -5: most of it is outside
    assert [box is None for box in find_boxes(track, SIZE)["face"]] == [False, True]


def test_the_person_is_mask_and_joints_and_a_margin() -> None:
    mask = np.zeros((300, 200), np.uint8)
    mask[30:240, 70:150] = 255
    masks = MaskSequence.from_blobs(SIZE, [MaskSequence.pack(mask, SIZE)])
    box = find_boxes(replace(standing(), masks=masks), SIZE)["person"]
    assert box == (Box(70 - 8, 30 - 8, 150 + 8, 250 + 8),)  # the margin is 0.04 of 200 px, the feet stick out


def test_masks_of_another_resolution_cover_the_same_place() -> None:
    small = Size(100, 150)
    mask = np.zeros((150, 100), np.uint8)
    mask[15:120, 35:75] = 255
    masks = MaskSequence.from_blobs(small, [MaskSequence.pack(mask, small)])
    box = find_boxes(replace(standing(), masks=masks), SIZE)["person"]
    assert box == (Box(70 - 8, 30 - 8, 150 + 8, 250 + 8),)


def test_nobody_has_no_box_but_the_frame() -> None:
    track = replace(standing(), present=np.zeros(1, np.bool_))
    boxes = find_boxes(track, SIZE)
    assert boxes["person"] == boxes["face"] == (None,)
    assert boxes["frame"] == (Box(0, 0, 200, 300),)


def test_a_box_is_clipped_to_the_picture() -> None:
    track = standing()
    track.xy[:, skeleton.LEFT_WRIST], track.score[:, skeleton.LEFT_WRIST] = (260, 90), 1
    box = find_boxes(track, SIZE)["person"][0]
    assert box is not None
    assert box.right == SIZE.width
    assert box.cut(np.zeros((300, 200, 3), np.uint8)).shape == (box.bottom - box.top, box.right - box.left, 3)
