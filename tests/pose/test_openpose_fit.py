"""Keypoints of files in the frames and at the places of a video that another program saw otherwise."""

import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from choreograft.errors import FileFormatError
from choreograft.pose import skeleton
from standing import FRAMES, STANDING, Notes, body, read_alone, write_frames
from swaying import SIZE


@pytest.mark.parametrize(
    ("numbers", "present", "note"),
    [
        ([0, 1, 2, 3, 4], "xxxxx.", r"nothing for 1 of the 6 frames of clip.mp4 \(number 5\)"),
        ([0, 1, 2, 3, 4, 5, 6], "xxxxxx", "one frame more than the 6 of clip.mp4"),
        ([0, 1, 4, 5], "xx..xx", r"nothing for 2 of the 6 frames of clip.mp4 \(numbers 2 to 3\)"),
        ([8, 9, 11, 12, 13], "xx.xxx", r"nothing for 1 .*\(number 10\)"),
        ([2, 3, 4, 5], "..xxxx", r"nothing for 2 .*\(numbers 0 to 1\)"),
        ([3, 4, 5, 6], "..xxxx", r"nothing for 2 .*\(numbers 1 to 2\)"),
    ],
)
def test_a_frame_without_a_file_is_an_absence_and_one_file_more_is_left_out(
    tmp_path, video, numbers, present, note
) -> None:
    for number in numbers:
        write_frames(tmp_path / "k", [[{"pose_keypoints_2d": body(shift=number)}]], number)
    notes = Notes()
    track = read_alone(tmp_path / "k", video, progress=notes)
    assert track.present.tolist() == [letter == "x" for letter in present]
    seen = numbers[: present.count("x")]
    np.testing.assert_allclose(track.xy[track.present, skeleton.NOSE, 0], 30.5 + np.array(seen))
    [said] = notes.said
    assert re.search(note, said)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_count_that_does_not_fit_is_told_before_anybody_is_followed(
    make_clip, keypoints, monkeypatch, suffix
) -> None:
    video = make_clip(f"long{suffix}", [np.zeros((96, 64, 3), np.uint8)] * (FRAMES + 2))
    monkeypatch.setattr("choreograft.pose.tracking.read_frames", None)
    with pytest.raises(FileFormatError, match=r"of 6 frames, numbered 0 to 5; expected 8, as many as .*long"):
        read_alone(keypoints, video)


def write_canvas(folder: Path, canvas: tuple[int, int], places: np.ndarray) -> Path:
    """`places` (P, 2) of the body in every frame."""
    values = np.column_stack([places, np.full(len(places), 0.75)]).ravel().tolist()
    frame = {"people": [{"pose_keypoints_2d": values}], "canvas_width": canvas[0], "canvas_height": canvas[1]}
    folder.mkdir()
    (folder / "all.json").write_text(json.dumps([frame] * FRAMES))
    return folder


PLACES = np.array(list(STANDING.values()), np.float64)
"""(P, 2) of BODY_25 in OpenPose's px."""


@pytest.mark.parametrize("unit", ["pixels", "shares"])
@pytest.mark.parametrize(("canvas", "notes"), [((64, 96), 0), ((128, 192), 1), ((43, 64), 1)])
def test_pixels_and_shares_of_a_canvas_are_brought_to_the_video(tmp_path, video, unit, canvas, notes) -> None:
    """A pixel's corners keep their share of the picture, whatever its size."""
    in_canvas = (PLACES + 0.5) / SIZE * canvas - 0.5
    said = Notes()
    folder = write_canvas(tmp_path / "k", canvas, in_canvas / canvas if unit == "shares" else in_canvas)
    track = read_alone(folder, video, progress=said)
    np.testing.assert_allclose(track.xy[1, skeleton.LEFT_WRIST], [41.5, 47.5], atol=1e-4)
    np.testing.assert_allclose(track.xy[1, skeleton.RIGHT_BIG_TOE], [24.5, 90.5], atol=1e-4)
    assert len(said.said) == notes


def test_a_canvas_of_another_shape_is_refused(tmp_path, video) -> None:
    folder = write_canvas(tmp_path / "k", (96, 96), PLACES)
    with pytest.raises(FileFormatError, match=r"a canvas of 96x96; expected 64x96, the size of .*clip.mp4, or another"):
        read_alone(folder, video)


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("rotation", [90, 270])
@pytest.mark.parametrize("has_canvas", [False, True])
def test_keypoints_of_the_stored_picture_are_turned(tmp_path, make_clip, rotation, is_mirrored, has_canvas) -> None:
    """Against a picture of pixel numbers that numpy turns."""
    stored = np.zeros((SIZE.width, SIZE.height, 3), np.uint8)
    video = make_clip("turned.mp4", [stored] * FRAMES, look={"rotation": rotation, "mirrored": is_mirrored})
    turned = np.rot90(np.arange(SIZE.width * SIZE.height).reshape(SIZE.width, SIZE.height), rotation // 90)
    shown = turned[:, ::-1] if is_mirrored else turned
    numbers = shown[PLACES[:, 1].astype(int), PLACES[:, 0].astype(int)]
    as_stored = np.stack([numbers % SIZE.height, numbers // SIZE.height], axis=-1)
    notes = Notes()
    if has_canvas:
        folder = write_canvas(tmp_path / "k", (SIZE.height, SIZE.width), as_stored)
    else:
        values = np.column_stack([as_stored, np.full(len(as_stored), 0.75)]).ravel().tolist()
        folder = write_frames(tmp_path / "k", [[{"pose_keypoints_2d": values}]] * FRAMES)
    track = read_alone(folder, video, progress=notes)
    np.testing.assert_allclose(track.xy[0, skeleton.LEFT_WRIST], [41.5, 47.5], atol=1e-4)
    np.testing.assert_allclose(track.xy[0, skeleton.NOSE], [30.5, 16.5], atol=1e-4)
    [said] = notes.said
    assert said.endswith("found in 96x64, the picture as stored; brought to turned.mp4 as shown, 64x96")


def test_keypoints_of_the_stored_picture_are_stretched_where_its_pixels_are_not_square(tmp_path, make_clip) -> None:
    narrow = np.zeros((96, 48, 3), np.uint8)
    video = make_clip("narrow.mp4", [narrow] * FRAMES, look={"pixel_aspect": Fraction(4, 3)})
    folder = write_canvas(tmp_path / "k", (48, 96), (PLACES + 0.5) * (0.75, 1) - 0.5)
    track = read_alone(folder, video)
    assert track.size == SIZE
    np.testing.assert_allclose(track.xy[0, skeleton.LEFT_WRIST], [41.5, 47.5], atol=1e-4)
