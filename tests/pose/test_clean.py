"""Gaps are filled in time, and nothing crosses a cut or a long gap."""

from dataclasses import replace

import numpy as np
import pytest

from choreograft.pose import skeleton
from choreograft.pose.clean import clean_track
from choreograft.pose.track import FILL_GAP_S, SEEN, MaskSequence, PoseTrack
from choreograft.video.size import Size

ARM = skeleton.LEFT_WRIST


def _hide(track: PoseTrack, frames: slice | int, joints: slice | int = slice(None)) -> None:
    for array in (track.xy, track.depth, track.world):
        array[frames, joints] = np.nan
    track.score[frames, joints] = 0
    if joints == slice(None):
        track.present[frames] = False


def test_one_wild_frame_is_replaced_and_makes_no_cut(make_track) -> None:
    track = make_track()
    calm = track.xy[15].copy()
    track.xy[15] += 3000
    cleaned, report = clean_track(track)
    assert report.cuts_s == ()
    assert np.abs(cleaned.xy[15] - calm).max() < 20


def test_steady_motion_is_not_held_back_at_either_end(make_track) -> None:
    track = make_track()
    track.score[:] = 0.8
    track.xy[:] = track.xy[:1] + 3 * np.arange(30, dtype=np.float32)[:, None, None]
    cleaned, _ = clean_track(track)
    np.testing.assert_allclose(cleaned.xy, track.xy, atol=5e-3)


def test_depth_and_world_are_smoothed_like_positions(make_track) -> None:
    track = make_track()
    track.depth[15] = 1e4
    track.world[15] = 1e4
    cleaned, _ = clean_track(track)
    assert np.abs(cleaned.depth[15]).max() < 200
    assert np.abs(cleaned.world[15]).max() < 5


def test_depth_unknown_for_hands_stays_unknown(make_track) -> None:
    track = make_track()
    track.depth[:, skeleton.LEFT_HAND] = np.nan
    cleaned, _ = clean_track(track)
    assert np.isnan(cleaned.depth[:, skeleton.LEFT_HAND]).all()
    assert np.isfinite(cleaned.xy).all()


def test_a_short_gap_is_filled_along_uneven_times(make_track) -> None:
    steps = np.full(29, 1 / 25)
    steps[12] = 2 / 25
    track = make_track(time_s=np.concatenate([[0], np.cumsum(steps)]), seed=3)
    way = np.array([90, -40]) * track.time_s[:, None]
    track.xy[:] = track.xy[:1] + way[:, None]
    track.depth[:], track.world[:] = track.depth[:1], track.world[:1] + 0.2 * track.time_s[:, None, None]
    truth = replace(track, xy=track.xy.copy(), depth=track.depth.copy(), world=track.world.copy())
    _hide(track, slice(11, 15), ARM)
    cleaned, report = clean_track(track)
    for field in ("xy", "depth", "world"):
        found, expected = getattr(cleaned, field)[11:15, ARM], getattr(truth, field)[11:15, ARM]
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-3)
    assert report.joints_filled == 4 * (1 + 21)  # the wrist, and the hand that it carries


def test_a_fast_arm_takes_its_hand_along_through_a_gap(make_track) -> None:
    track = make_track()
    wrist, hand = skeleton.LEFT_WRIST, skeleton.LEFT_HAND
    track.xy[:, wrist] = np.stack([300 + 60 * np.sin(np.arange(30) / 4), np.full(30, 200)], axis=-1)
    track.xy[:, hand] = track.xy[:, wrist, None] + np.arange(21, dtype=np.float32)[:, None]
    track.score[:, [wrist, *range(hand.start, hand.stop)]] = 0.9
    track.depth[:, hand] = np.nan
    _hide(track, slice(11, 15), hand)
    cleaned, _ = clean_track(track)
    offsets = cleaned.xy[:, hand] - cleaned.xy[:, wrist, None]
    np.testing.assert_allclose(offsets, np.broadcast_to(np.arange(21)[:, None], offsets.shape), atol=1e-2)


def test_a_filled_joint_is_trusted_less_but_is_still_drawn(make_track) -> None:
    track = make_track()
    finger = skeleton.LEFT_HAND.start + 3
    for joint in (ARM, finger):
        track.score[:, joint] = 0.35 if joint == ARM else 0.9
        _hide(track, slice(11, 18), joint)
    cleaned, _ = clean_track(track)
    assert (cleaned.score[11:18, ARM] >= SEEN).all()
    assert (cleaned.score[11:18, ARM] < 0.35).all()
    hand = cleaned.score[10:19, finger]
    assert hand.argmin() == 4
    assert hand[4] == pytest.approx(0.9 * (1 - 4 / 25 / (2 * FILL_GAP_S)), rel=1e-4)


def test_a_long_gap_of_a_joint_stays_absent(make_track) -> None:
    track = make_track(frames=60)
    _hide(track, slice(20, 32), ARM)
    cleaned, report = clean_track(track)
    assert np.isnan(cleaned.xy[20:32, ARM]).all()
    assert not cleaned.score[20:32, ARM].any()
    assert cleaned.present.all()
    assert report.joints_filled == 0


def test_smoothing_stops_at_a_long_gap(make_track) -> None:
    track = make_track(frames=60)
    _hide(track, slice(20, 35))
    track.xy[35:] += 100
    cleaned, _ = clean_track(track)
    alone, _ = clean_track(track.select(range(20)))
    np.testing.assert_array_equal(cleaned.xy[:20], alone.xy)
    alone, _ = clean_track(track.select(range(35, 60)))
    np.testing.assert_array_equal(cleaned.xy[35:], alone.xy)


def test_a_missing_person_is_filled_for_moments_only(make_track) -> None:
    track = make_track(frames=80)
    _hide(track, slice(20, 25))
    _hide(track, slice(40, 60))
    cleaned, report = clean_track(track)
    assert cleaned.present[20:25].all()
    assert np.isfinite(cleaned.xy[20:25]).all()
    assert not cleaned.present[40:60].any()
    assert np.isnan(cleaned.xy[40:60]).all()
    assert (report.frames_filled, report.frames_absent, report.frames_present) == (5, 20, 60)
    assert report.joints_filled == 5 * skeleton.JOINTS


def test_a_person_who_leaves_at_the_end_is_not_invented(make_track) -> None:
    track = make_track()
    _hide(track, slice(0, 3))
    _hide(track, slice(27, 30))
    cleaned, _ = clean_track(track)
    assert cleaned.present.tolist() == [False] * 3 + [True] * 24 + [False] * 3


def test_a_flash_between_long_absences_is_dropped(make_track) -> None:
    track = make_track(frames=100)
    _hide(track, slice(20, 50))
    _hide(track, slice(52, 80))
    cleaned, report = clean_track(track)
    assert not cleaned.present[20:80].any()
    assert report.frames_dropped == 2


@pytest.mark.parametrize("seen", [slice(0, 2), slice(58, 60), slice(28, 40)], ids=["begin", "end", "longer"])
def test_a_sighting_that_may_be_true_is_kept(make_track, seen: slice) -> None:
    track = make_track(frames=60)
    present = np.zeros(60, bool)
    present[seen] = True
    _hide(track, np.flatnonzero(~present))
    track.present[:] = present
    cleaned, _ = clean_track(track)
    np.testing.assert_array_equal(cleaned.present, present)


def test_nothing_is_smoothed_or_filled_across_a_cut_that_joints_do_not_show(make_track) -> None:
    """Each shot becomes what it becomes alone."""
    shot, view = (np.repeat(numbers, 15).astype(np.int32) for numbers in ((0, 1), (0, 1)))
    track = replace(make_track(), shot=shot, view=view)
    track.score[14:16, skeleton.LEFT_WRIST] = 0
    cleaned, report = clean_track(track)
    assert (report.cuts_s, report.views_s) == ((0.6,), (0.6,))
    assert "1 cut found, at 0.6 s, another view at 0.6 s" in report.sentence()
    for part in (np.arange(15), np.arange(15, 30)):
        np.testing.assert_array_equal(cleaned.xy[part], clean_track(track.select(part))[0].xy)


def test_nothing_is_smoothed_or_filled_across_a_cut(make_track) -> None:
    track = make_track(frames=40, size=Size(2000, 1000))
    track.xy[20:] += 1500
    _hide(track, slice(18, 22), ARM)
    cleaned, report = clean_track(track)
    assert len(report.cuts_s) == 1
    assert np.isnan(cleaned.xy[18:22, ARM]).all()
    before, _ = clean_track(track.select(range(20)))
    np.testing.assert_array_equal(cleaned.xy[:20], before.xy)


def test_frames_missing_from_the_file_end_a_run(make_track) -> None:
    time_s = np.arange(40) / 25 + 2.0 * (np.arange(40) >= 20)
    track = make_track(frames=40, time_s=time_s)
    _hide(track, slice(19, 21), ARM)
    cleaned, _ = clean_track(track)
    assert np.isnan(cleaned.xy[19:21, ARM]).all()
    before, _ = clean_track(track.select(range(20)))
    np.testing.assert_array_equal(cleaned.xy[:20], before.xy)


def test_unlikely_body_joints_are_unseen_and_faint_hands_are_not(make_track) -> None:
    track = make_track(frames=40)
    hand = skeleton.RIGHT_HAND
    track.score[:, ARM] = 0.2
    track.score[:, hand] = 0.1
    cleaned, _ = clean_track(track)
    assert np.isnan(cleaned.xy[:, ARM]).all()
    np.testing.assert_array_equal(cleaned.score[:, hand], track.score[:, hand])


def test_a_filled_frame_borrows_the_nearest_mask(make_track) -> None:
    track = make_track(frames=20)
    _hide(track, slice(8, 12))
    size = Size(4, 4)
    blobs = [MaskSequence.pack(np.full((4, 4), t + 1, np.uint8), size) for t in range(20)]
    for t in range(8, 12):
        blobs[t] = np.zeros(0, np.uint8)
    cleaned, _ = clean_track(replace(track, masks=MaskSequence.from_blobs(size, blobs)))
    assert [int(cleaned.masks[t].max()) for t in range(7, 13)] == [8, 8, 8, 13, 13, 13]


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_tiny_and_empty_tracks_pass_through(make_track, frames: int) -> None:
    track = make_track(frames=frames)
    cleaned, report = clean_track(track)
    np.testing.assert_array_equal(cleaned.xy, track.xy)
    assert report.frames == frames


def test_a_track_without_a_person_stays_empty(make_track) -> None:
    track = make_track(frames=10)
    _hide(track, slice(None))
    cleaned, report = clean_track(track)
    assert not cleaned.present.any()
    assert report.frames_absent == 10


def test_the_raw_track_is_left_alone(make_track) -> None:
    track = make_track()
    _hide(track, slice(5, 8))
    before = {name: getattr(track, name).copy() for name in ("xy", "score", "depth", "world", "present")}
    clean_track(track)
    for name, values in before.items():
        np.testing.assert_array_equal(getattr(track, name), values)


def test_the_report_reads_as_one_line(make_track) -> None:
    track = make_track(frames=80)
    _hide(track, slice(20, 25))
    _, report = clean_track(track)
    assert report.sentence() == "cleaned track: person in 80 of 80 frames, 5 of them filled, 665 joints filled"
