"""Keypoints of files completed by an estimator that reads a swaying bar off the pictures, and knows it by heart."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.errors import FileFormatError
from choreograft.pose import skeleton, tracking
from choreograft.pose.openpose import find_double, load_or_read_openpose, read_openpose, write_openpose
from choreograft.pose.track import Person, PoseTrack
from choreograft.pose.tracking import Tracker, TrackingConfig
from standing import Blind, Notes, body, write_frames
from swaying import FIGURE, draw_target, swaying_track

FRAMES = 6
JOINTS = np.arange(skeleton.JOINTS, dtype=np.float32)
LACKING = [*range(skeleton.FEET.start, skeleton.JOINTS)]
"""What the files below never have."""


def bar_person(x: float) -> Person:
    """Who stands at `x`: each joint's depth is its number, its landmark its number in mm."""
    xy, score = np.full((skeleton.JOINTS, 2), np.nan, np.float32), np.zeros(skeleton.JOINTS, np.float32)
    for name, offset in FIGURE.items():
        xy[getattr(skeleton, name)], score[getattr(skeleton, name)] = (x + offset[0], 50 + offset[1]), 0.9
    xy[skeleton.FEET], score[skeleton.FEET] = (x, 90), 0.6
    world = np.stack([JOINTS, JOINTS, JOINTS], axis=-1) / 1000
    mask = draw_target(xy, True)[1] if 9 <= x <= 55 else None
    return Person(xy, score, JOINTS, world, mask)


def exchanged(person: Person) -> Person:
    at = list(skeleton.MIRROR)
    return replace(person, xy=person.xy[at], score=person.score[at])


class BarEstimator(Blind):
    """Finds the red bar, after somebody who stands 20 px beside it; hands and face lie at (1, 1) when asked for."""

    name = "bar-1"
    looked = detailed = 0
    change: Callable[[Person], Person] = staticmethod(lambda person: person)

    def find_people(self, image: NDArray[np.uint8], time_s: float) -> list[Person]:
        BarEstimator.looked += 1
        columns = np.flatnonzero(image[30, :, 0].astype(int) - image[30, :, 2] > 100)
        x = float(columns.mean() + 0.5)
        return [bar_person(x + 20), BarEstimator.change(bar_person(x))]

    def add_detail(self, image: NDArray[np.uint8], person: Person) -> Person:
        BarEstimator.detailed += 1
        xy, score = person.xy.copy(), person.score.copy()
        xy[skeleton.FACE.start :], score[skeleton.FACE.start :] = 1, 0.5
        return replace(person, xy=xy, score=score)


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("looked", "detailed"):
        monkeypatch.setattr(BarEstimator, name, 0)


def read(place: Path, video: Path, max_people: int = 1) -> PoseTrack:
    return read_openpose(place, Tracker(video, TrackingConfig(max_people), estimator=BarEstimator))


def write_moved(folder: Path, by: tuple[float, float] = (0, 0), **changes: object) -> tuple[Path, PoseTrack]:
    """The swaying person's keypoints, moved by some px."""
    track = replace(swaying_track(FRAMES), **changes)
    track = replace(track, xy=(track.xy + np.asarray(by)).astype(np.float32))
    write_openpose(track, folder, "clip")
    return folder, track


def test_joints_are_the_files_and_all_else_is_the_doubles(tmp_path, video) -> None:
    folder, given = write_moved(tmp_path / "k", (2, 1))
    track = read(folder, video)
    own = skeleton.BODY
    np.testing.assert_allclose(track.xy[:, own], given.xy[:, own], atol=1e-4)
    np.testing.assert_array_equal(track.score[:, own], 1)
    np.testing.assert_array_equal(track.depth[:, own], np.tile(JOINTS[own], (FRAMES, 1)))
    np.testing.assert_allclose(track.world[:, own, 2], track.depth[:, own] / 1000)
    true = swaying_track(FRAMES)
    for t in range(FRAMES):
        assert (track.masks[t] != true.masks[t]).sum() <= 2 * 78  # a column a side: colours are stored at half size
    hips = true.xy[:, list(skeleton.HIPS)].mean(1)
    np.testing.assert_allclose(track.xy[:, skeleton.FEET, 0], np.tile(hips[:, :1], 6), atol=1)
    assert (track.score[:, skeleton.FEET] == np.float32(0.6)).all()
    assert (track.xy[:, skeleton.FACE.start :] == 1).all()
    assert BarEstimator.detailed == FRAMES


def test_where_nobody_stands_there_the_files_are_all_there_is(tmp_path, video) -> None:
    folder, given = write_moved(tmp_path / "k", (-20, 0))
    track = read(folder, video)
    assert track.present.all()
    np.testing.assert_allclose(track.xy[:, skeleton.BODY], given.xy[:, skeleton.BODY], atol=1e-4)
    assert not track.masked.any()
    assert not track.score[:, LACKING].any()
    assert np.isnan(track.depth).all()
    assert np.isnan(track.world).all()


def test_keypoints_of_a_larger_picture_are_refused_and_those_of_a_smaller_one_told_of(tmp_path, video) -> None:
    def load(size: float) -> list[str]:
        values = body(size=size)
        folder = write_frames(tmp_path / str(size), [[{"pose_keypoints_2d": values}]] * FRAMES)
        notes = Notes()
        tracker = Tracker(video, TrackingConfig(max_people=1), progress=notes, estimator=Blind)
        load_or_read_openpose(folder, tracker, tmp_path / "tracks")
        return notes.said

    with pytest.raises(FileFormatError, match=r"1.5: found 43% of the points outside of .*clip.mp4, 64x96, and nobody"):
        load(1.5)
    [said] = load(0.5)
    assert "in 0 of the 6 frames" in said


def test_a_frame_without_keypoints_is_an_absence_whoever_is_seen_in_it(tmp_path, video) -> None:
    folder, _ = write_moved(tmp_path / "k")
    (folder / "clip_000000000002_keypoints.json").unlink()
    track = read(folder, video)
    shown = np.arange(FRAMES) != 2
    np.testing.assert_array_equal(track.present, shown)
    np.testing.assert_array_equal(track.masked, shown)
    assert np.isfinite(track.depth[3:, skeleton.NOSE]).all()


def test_a_joint_that_the_double_has_elsewhere_gets_no_depth_and_carries_nothing(tmp_path, video) -> None:
    off = swaying_track(FRAMES).xy
    off[:, [skeleton.LEFT_WRIST, skeleton.RIGHT_ANKLE]] += 15
    folder, _ = write_moved(tmp_path / "k", xy=off)
    track = read(folder, video)
    lost = [skeleton.LEFT_WRIST, skeleton.RIGHT_ANKLE]
    assert np.isnan(track.depth[:, lost]).all()
    assert np.isfinite(track.depth[:, skeleton.RIGHT_WRIST]).all()
    assert not track.score[:, [skeleton.RIGHT_HEEL, skeleton.LEFT_HAND.start]].any()
    assert (track.score[:, [skeleton.LEFT_HEEL, skeleton.RIGHT_HAND.start]] > 0).all()


def test_an_unseen_joint_stays_unseen_where_other_frames_have_it(tmp_path, video) -> None:
    score = swaying_track(FRAMES).score
    score[1, skeleton.LEFT_ELBOW] = 0
    folder, _ = write_moved(tmp_path / "k", score=score)
    track = read(folder, video)
    assert np.isnan(track.xy[1, skeleton.LEFT_ELBOW]).all()
    assert np.isnan(track.depth[1, skeleton.LEFT_ELBOW])
    assert np.isfinite(track.depth[2, skeleton.LEFT_ELBOW])


def test_who_took_left_for_right_is_put_right(tmp_path, video, monkeypatch) -> None:
    folder, _ = write_moved(tmp_path / "k")
    monkeypatch.setattr(BarEstimator, "change", staticmethod(exchanged))
    track = read(folder, video)
    for joint in (skeleton.LEFT_WRIST, skeleton.RIGHT_ANKLE):
        np.testing.assert_array_equal(track.depth[:, joint], skeleton.MIRROR[joint])


def test_the_nearest_is_the_double_and_nobody_too_far_away() -> None:
    people = [bar_person(30), bar_person(33), bar_person(52)]
    assert find_double(bar_person(32), people) is people[1]
    assert find_double(bar_person(42.5), people) is None
    assert find_double(bar_person(30), []) is None
    alone = replace(bar_person(33), score=np.where(JOINTS < 3, 0.9, 0).astype(np.float32))
    assert find_double(alone, people) is None  # three joints tell nothing


def test_whole_keypoints_need_no_closer_look_and_no_second_reading(tmp_path, video, monkeypatch) -> None:
    whole = swaying_track(FRAMES)
    unseen = ~np.isfinite(whole.xy).all(-1)
    xy, score = np.where(unseen[..., None], np.float32(40), whole.xy), np.where(unseen, np.float32(0.5), whole.score)
    folder, _ = write_moved(tmp_path / "k", xy=xy, score=score)
    reads = []
    readings = tracking.read_frames
    monkeypatch.setattr(tracking, "read_frames", lambda path: reads.append(path) or readings(path))
    track = read(folder, video, TrackingConfig().max_people)
    assert (BarEstimator.detailed, len(reads)) == (0, 1)
    np.testing.assert_allclose(track.xy[:, LACKING], 40, atol=1e-4)


@pytest.mark.parametrize(("numbers", "first", "looks"), [(range(6), 0, 1), (range(2, 7), 1, 2)])
def test_frames_that_do_not_decode_are_followed_anew_where_others_go_with_them(
    tmp_path, video, monkeypatch, numbers, first, looks
) -> None:
    """One more is counted than can be read; numbers 2 to 6 end with the last of 7 frames, or of 6 counted from 1."""
    for number in numbers:
        write_frames(tmp_path / "k", [[{"pose_keypoints_2d": body(shift=number)}]], number)
    monkeypatch.setattr("choreograft.pose.openpose.count_frames", lambda _: FRAMES + 1)
    track = read(tmp_path / "k", video)
    assert BarEstimator.looked == looks * FRAMES
    assert track.present.tolist() == [first + t in numbers for t in range(FRAMES)]
    np.testing.assert_allclose(track.xy[2, skeleton.NOSE, 0], 30.5 + first + 2)


def test_no_keypoints_are_read_twice_and_others_are_read_anew(tmp_path, video) -> None:
    folder, _ = write_moved(tmp_path / "k")
    notes = Notes()
    tracker = Tracker(video, TrackingConfig(max_people=1), progress=notes, estimator=BarEstimator)
    first = load_or_read_openpose(folder, tracker, tmp_path / "tracks")
    again = load_or_read_openpose(folder, tracker, tmp_path / "tracks")
    assert BarEstimator.looked == FRAMES
    np.testing.assert_array_equal(first.xy, again.xy)
    assert notes.said[0] == notes.said[1]
    assert "made anew in 6 of the 6 frames with the person" in notes.said[0]
    path = folder / "clip_000000000003_keypoints.json"
    path.write_text(json.dumps({"people": []}))
    assert not load_or_read_openpose(folder, tracker, tmp_path / "tracks").present[3]
    assert BarEstimator.looked == 2 * FRAMES
    write_moved(folder, (-20, 0))
    load_or_read_openpose(folder, tracker, tmp_path / "tracks")
    assert "in 0 of the 6 frames with the person; in the others nobody was found who stands where" in notes.said[-1]
