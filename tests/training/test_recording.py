"""Recordings and the pairs drawn from them."""

from dataclasses import replace

import numpy as np
import pytest

from choreograft.errors import PersonError
from choreograft.performer.plate import Plate
from choreograft.performer.staging import OverPlate
from choreograft.progress import SilentProgress
from choreograft.training.lessons import Lessons, pair_at
from choreograft.training.recording import _report_camera, prepare_recording
from swaying import SIZE, draw_target, swaying_track, without_masks, write_target


def test_frames_masks_and_poses_of_two_clips_stay_together(tmp_path):
    clips = [
        write_target(tmp_path / "a.mp4", swaying_track(6, missing=(2,))),
        write_target(tmp_path / "b.mp4", swaying_track(6)),
    ]
    recording = prepare_recording(tmp_path / "recording", clips, SIZE)
    assert recording.frames.shape == (11, 96, 64, 3)
    assert recording.clip_of.tolist() == [0] * 5 + [1] * 6
    for n, original in enumerate([0, 1, 3, 4, 5, 0, 1, 2, 3, 4, 5]):
        track, t = recording.pose_at(n)
        whole = clips[recording.clip_of[n]].track
        np.testing.assert_allclose(track.xy[t, :17], whole.xy[original, :17], atol=1e-4)
        wanted, mask = draw_target(whole.xy[original], True)
        assert np.abs(recording.frames[n].astype(int) - wanted).mean() < 8  # H.264 is not exact
        np.testing.assert_array_equal(recording.masks[n], mask)


def test_frames_whose_mask_is_unknown_are_not_learned_from(tmp_path):
    clip = write_target(tmp_path / "a.mp4", without_masks(swaying_track(16), [3, 4, 9]))
    recording = prepare_recording(tmp_path / "recording", [clip], SIZE)
    assert recording.kept[0].tolist() == [0, 1, 2, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]
    assert recording.masks.any((1, 2)).all()
    few = replace(clip, track=without_masks(clip.track, range(4, 16)))
    with pytest.raises(PersonError, match=r"found 2 pairs of consecutive frames with the person and a mask in them"):
        prepare_recording(tmp_path / "other", [few], SIZE)
    with pytest.raises(PersonError, match=r"a.mp4: found no mask of the person in any of 16 frames"):
        prepare_recording(tmp_path / "other", [replace(clip, track=without_masks(clip.track, range(16)))], SIZE)


def test_a_prepared_recording_is_not_prepared_again(tmp_path, target):
    prepare_recording(tmp_path / "recording", [target], SIZE)
    target.path.unlink()
    assert len(prepare_recording(tmp_path / "recording", [target], SIZE).frames) == 24


def test_only_a_camera_that_matters_is_spoken_of(tmp_path, target):
    said = []

    class Heard(SilentProgress):
        def say(self, sentence):
            said.append(sentence)

    prepare_recording(tmp_path / "recording", [target], SIZE, Heard())
    assert said == []
    still = Plate(np.zeros((4, 4, 3), np.uint8), np.zeros((1, 2, 3), np.float32), 0.0, followed=True, restless=0.0)
    for plate in (still, replace(still, followed=False), replace(still, motion=0.02)):
        _report_camera(target.path, plate, Heard())
    _report_camera(target.path, replace(still, followed=False, restless=0.9), Heard())
    assert len(said) == 2
    assert "moves by 2.0 % of the height; it is followed" in said[0]
    assert "could not be followed" in said[1]


def test_too_little_of_the_person_is_refused(tmp_path):
    clip = write_target(tmp_path / "short.mp4", swaying_track(5))
    with pytest.raises(PersonError, match="found 4 pairs"):
        prepare_recording(tmp_path / "recording", [clip], SIZE)


def test_a_clip_that_shows_nobody_is_named(tmp_path, target):
    empty = write_target(tmp_path / "empty.mp4", swaying_track(12, missing=tuple(range(12))))
    with pytest.raises(PersonError, match=r"empty\.mp4: found nobody"):
        prepare_recording(tmp_path / "recording", [target, empty], SIZE)


def test_an_epoch_shows_every_pair_once_and_the_next_in_another_order():
    epochs = [[pair_at(step, 50, seed=3) for step in range(50 * e, 50 * e + 50)] for e in range(2)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(50))
    assert epochs[0] != epochs[1]
    assert epochs[0] != [pair_at(step, 50, seed=4) for step in range(50)]


def test_the_pair_of_a_step_is_always_the_same(tmp_path, target, preset):
    recording = prepare_recording(tmp_path / "recording", [target], SIZE)
    lessons = Lessons(recording, OverPlate(preset.stick_figure, preset.temporal))
    n, again_n = (int(recording.pairs[pair_at(5, len(recording.pairs), 0)]) for _ in range(2))
    (first, second), again = lessons.load_pair(n, 5), lessons.load_pair(again_n, 5)
    assert first.real.equal(again[0].real)
    assert second.conditioning.stick.equal(again[1].conditioning.stick)
    assert not first.real.equal(second.real)
