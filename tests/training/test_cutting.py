"""Cutting the references out of clips that are larger than the canvas, or smaller."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.footage.clip import Clip
from choreograft.performer.cutouts import Cutouts
from choreograft.pose.track import MaskSequence, PoseTrack
from choreograft.training.recording import Recording, cut_references, prepare_recording
from choreograft.video.size import Size
from choreograft.video.write import VideoWriter
from swaying import RATE, draw_target, swaying_track

CANVAS = Size(32, 48)
VIDEO = Size(192, 288)
"""Of `swaying`'s pictures, thrice as large."""
CHOSEN = np.array([1, 5, 14, 20])
"""Two of the first clip, two of the second."""
FRAMES = 12


def draw_large(xy: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Picture and mask of a pose of the small track; the room is brighter towards the right, in steps of one level."""
    frame, mask = (part.repeat(3, axis=0).repeat(3, axis=1) for part in draw_target(xy, True))
    room = np.repeat(np.linspace(40, 200, VIDEO.width).astype(np.uint8)[None, :, None], VIDEO.height, 0).repeat(3, 2)
    return np.where(mask[..., None] > 0, frame, room), mask


def write_large(path: Path, small: PoseTrack, size: Size = VIDEO) -> Clip:
    """The clip that belongs to a small track, at a size of the same shape."""
    shown = [draw_large(xy) for xy in small.xy]
    frames, masks = ([cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in part]
                     for part in zip(*shown, strict=True))  # fmt: skip
    with VideoWriter(path, size, RATE) as video:
        for t, frame in enumerate(frames):
            video.write(frame, t / RATE)
    kept = MaskSequence.size_for(size)
    blobs = [MaskSequence.pack(mask, kept) for mask in masks]
    scale = size.width / small.size.width
    track = replace(small, size=size, xy=scale * small.xy, masks=MaskSequence.from_blobs(kept, blobs))
    return Clip(path, track)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Recording, list[Clip]]:
    """Two clips; nobody is in two frames of the first."""
    folder = tmp_path_factory.mktemp("cutting")
    first = swaying_track(FRAMES)
    present = first.present.copy()
    present[[2, 3]] = False
    clips = [
        write_large(folder / "a.mp4", replace(first, present=present)),
        write_large(folder / "b.mp4", swaying_track(FRAMES)),
    ]
    return prepare_recording(folder / "recording", clips, CANVAS), clips


@pytest.fixture(scope="module")
def cutouts(filmed: tuple[Recording, list[Clip]]) -> Cutouts:
    return cut_references(*filmed, CHOSEN)


def test_the_chosen_frames_people_are_cut_out_as_they_are(
    filmed: tuple[Recording, list[Clip]], cutouts: Cutouts
) -> None:
    recording, _ = filmed
    assert len(cutouts) == len(CHOSEN)
    for n, frame in enumerate(CHOSEN):
        clip = int(recording.clip_of[frame])
        original = int(recording.kept[clip][frame - np.searchsorted(recording.clip_of, clip)])
        picture, mask = draw_large(swaying_track(FRAMES).xy[original])
        cutout = cutouts.look(n, 6.0)
        assert cutout.scale == pytest.approx(6)
        left, top = (round(at * 6) for at in cutout.corner)
        height, width = cutout.picture.shape[:2]
        at = slice(top, top + height), slice(left, left + width)
        assert mask[at].sum() == mask.sum()
        matte = cutout.picture[..., 3]
        assert ((matte > 127) ^ (mask[at] > 127)).mean() < 0.01
        inner = cv2.erode(mask, np.ones((7, 7), np.uint8))[at] > 0
        assert matte[inner].min() > 250
        assert np.abs(cutout.picture[..., :3].astype(int) - picture[at])[inner].mean() < 8  # H.264 and JPEG
        edge = (mask[at] == 0) & (cv2.dilate(mask, np.ones((5, 5), np.uint8))[at] > 0)
        around = cutout.picture[..., :3][edge].astype(int)
        assert np.abs(around - picture[at][inner].mean(axis=0)).mean() > 10  # of two colours
        assert (np.ptp(around, axis=1) > 80).mean() > 0.9  # those of the person go on, the room is grey


def test_the_background_is_that_of_the_first_clip_at_full_size(cutouts: Cutouts) -> None:
    assert cutouts.size == VIDEO
    room = np.linspace(40, 200, VIDEO.width)[None, :, None]
    assert cutouts.plate.shape == (VIDEO.height, VIDEO.width, 3)
    assert np.abs(cutouts.plate - room).mean() < 4
    assert np.abs(cutouts.plate - room).max() < 40


def test_they_lie_on_the_canvas_where_the_recording_has_them(
    filmed: tuple[Recording, list[Clip]], cutouts: Cutouts
) -> None:
    recording, _ = filmed
    for n, frame in enumerate(CHOSEN):
        colours, matte = cutouts.lay(n, CANVAS)
        assert ((matte > 127) ^ (recording.masks[frame] > 127)).mean() < 0.012
        inner = cv2.erode(recording.masks[frame], np.ones((5, 5), np.uint8)) == 255
        assert np.abs(colours.astype(int) - recording.frames[frame])[inner].mean() < 8


@pytest.mark.parametrize("size", [Size(32, 48), Size(24, 36), Size(65, 97)], ids=str)
def test_a_clip_of_any_size_is_cut_at_its_own(tmp_path: Path, size: Size) -> None:
    even = Size(size.width // 2 * 2, size.height // 2 * 2)
    clip = write_large(tmp_path / "clip.mp4", swaying_track(FRAMES), even)
    clip = Clip(clip.path, replace(clip.track, size=even))
    recording = prepare_recording(tmp_path / "recording", [clip], CANVAS)
    cut = cut_references(recording, [clip], np.array([0, 7]))
    assert cut.size == even
    for n, frame in enumerate((0, 7)):
        x = np.arange(CANVAS.width) + 0.5
        masks = cut.lay(n, CANVAS)[1].astype(float), recording.masks[frame].astype(float)
        middles = [(mask * x).sum() / mask.sum() for mask in masks]
        assert abs(middles[0] - middles[1]) < 0.5


def test_of_a_camera_that_moved_the_person_is_told_from_what_it_saw_behind_them(
    filmed: tuple[Recording, list[Clip]], tmp_path: Path
) -> None:
    size, step = Size(192, 144), 0.75
    rng = np.random.default_rng(3)
    room = cv2.resize(rng.integers(40, 160, (30, 50, 3)).astype(np.uint8), (300, 180), interpolation=cv2.INTER_CUBIC)
    small, frames, masks = swaying_track(24), [], []
    for t in range(24):
        frame = room[18:162, round(30 + step * t) : round(30 + step * t) + size.width].copy()
        mask = np.zeros(frame.shape[:2], np.uint8)
        mask[40:130, 60 + 2 * t : 84 + 2 * t] = 255
        frame[mask > 0] = (210, 30, 40)
        frames.append(frame)
        masks.append(MaskSequence.pack(mask, size))
    with VideoWriter(tmp_path / "pan.mp4", size, RATE) as video:
        for t, frame in enumerate(frames):
            video.write(frame, t / RATE)
    clip = Clip(tmp_path / "pan.mp4", replace(small, size=size, masks=MaskSequence.from_blobs(size, masks)))
    recording = prepare_recording(tmp_path / "recording", [clip], Size(64, 48))
    assert recording.has_background
    cut = cut_references(recording, [clip], np.array([3, 20]))
    assert cut.size == size
    for n, t in enumerate((3, 20)):
        cutout = cut.look(n, 3.0)
        left, top = (round(at * 3) for at in cutout.corner)
        mask = np.zeros((144, 192), np.uint8)
        mask[40:130, 60 + 2 * t : 84 + 2 * t] = 255
        wanted = mask[top : top + cutout.picture.shape[0], left : left + cutout.picture.shape[1]]
        assert np.abs(cutout.picture[..., 3].astype(int) - wanted).mean() < 10
    seen = room[18:162, 30 : 30 + size.width + 18].astype(int)  # all that the camera saw
    offs = [np.abs(cut.plate[10:-10, 20:-20] - seen[10:-10, 20 + k : 20 + k + 152]).mean() for k in range(19)]
    assert min(offs) < 6
