"""Resampling: the same motion at other times, and nothing that was not there."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator

from choreograft.pose import skeleton
from choreograft.pose.track import MaskSequence, PoseTrack, TimeGrid, empty_arrays, resample_track
from choreograft.video.size import Size

SIZE = Size(200, 300)
WRIST = skeleton.LEFT_WRIST


def resampled(track: PoseTrack, time_s: np.ndarray, rate: Fraction) -> PoseTrack:
    return resample_track(track, TimeGrid.of(track, time_s), rate)


def moving_track(time_s: np.ndarray, rate: Fraction = Fraction(24)) -> PoseTrack:
    """A person 200 px tall who sways smoothly; the left wrist waves faster. Masks carry the frame's number."""
    arrays = empty_arrays(len(time_s))
    rest = np.random.default_rng(0).uniform((70, 50), (130, 250), (skeleton.JOINTS, 2))
    arrays["xy"][:] = rest + 20 * np.sin(3 * time_s)[:, None, None]
    arrays["xy"][:, WRIST, 0] += 30 * np.sin(9 * time_s)
    arrays["score"][:] = 0.6 + 0.3 * np.cos(time_s)[:, None]
    arrays["depth"][:] = 10 * np.cos(2 * time_s)[:, None]
    arrays["world"][:] = np.sin(2 * time_s)[:, None, None]
    blobs = [MaskSequence.pack(np.full((6, 4), t % 256, np.uint8), Size(4, 6)) for t in range(len(time_s))]
    masks = MaskSequence.from_blobs(Size(4, 6), blobs)
    return PoseTrack(SIZE, rate, time_s, **arrays, present=np.ones(len(time_s), bool), masks=masks)


def hide(track: PoseTrack, frames: list[int]) -> PoseTrack:
    """The track without the person in some frames."""
    arrays = {name: getattr(track, name).copy() for name in ("xy", "score", "depth", "world", "present")}
    arrays["present"][frames] = False
    arrays["score"][frames] = 0
    for name in ("xy", "depth", "world"):
        arrays[name][frames] = np.nan
    return replace(track, **arrays)


@pytest.fixture
def uneven() -> PoseTrack:
    steps = np.random.default_rng(1).choice([1 / 60, 1 / 30], 59)
    return moving_track(np.concatenate([[0], np.cumsum(steps)]), Fraction(45))


def test_on_its_own_times_a_track_stays_what_it_is(uneven):
    full_of_holes = hide(uneven, [0, 7, 8, 20, 59])
    full_of_holes.xy[30:33, WRIST] = np.nan
    full_of_holes.score[30:33, WRIST] = 0
    same = resampled(full_of_holes, full_of_holes.time_s, full_of_holes.rate)
    for name in ("time_s", "xy", "score", "depth", "world", "present"):
        np.testing.assert_allclose(getattr(same, name), getattr(full_of_holes, name), rtol=1e-6, err_msg=name)
    assert [int(same.masks[t][0, 0]) for t in range(60)] == list(range(60))


def test_between_frames_joints_follow_scipys_monotone_cubic(uneven):
    time_s = np.linspace(uneven.time_s[2], uneven.time_s[-3], 400)
    found = resampled(uneven, time_s, Fraction(240))
    assert (len(found), found.rate) == (400, Fraction(240))
    for name in ("xy", "depth", "world"):
        expected = PchipInterpolator(uneven.time_s, getattr(uneven, name).astype(float))(time_s)
        np.testing.assert_allclose(getattr(found, name), expected, atol=1e-4, err_msg=name)
    expected = np.interp(time_s, uneven.time_s, uneven.score[:, 0])
    np.testing.assert_allclose(found.score, np.repeat(expected[:, None], skeleton.JOINTS, 1), atol=1e-6)


@pytest.mark.parametrize("rate", [12, 60, 120])
def test_a_smooth_motion_at_another_rate_is_that_motion(rate):
    track = moving_track(np.arange(72) / 24)
    time_s = np.arange(round(2.9 * rate)) / rate
    found = resampled(track, time_s, Fraction(rate))
    np.testing.assert_allclose(found.xy, moving_track(time_s).xy, atol=1.0)
    assert np.abs(found.xy - moving_track(time_s).xy).mean() < 0.05


def test_a_hit_is_never_overshot():
    track = moving_track(np.arange(9) / 24)
    track.xy[:] = track.xy[:1]
    track.xy[:, WRIST, 0] = [100, 100, 100, 60, 20, 20, 20, 20, 50]
    found = resampled(track, np.linspace(0, 8 / 24, 500), Fraction(1500)).xy[:, WRIST, 0]
    assert found.min() == 20
    assert found.max() == 100
    held = found[(np.linspace(0, 8, 500) >= 4) & (np.linspace(0, 8, 500) <= 7)]
    np.testing.assert_array_equal(held, 20)


def test_absences_stay_as_long_as_they_are_and_nothing_leans_into_them():
    track = hide(moving_track(np.arange(48) / 24), list(range(10, 15)))
    time_s = np.arange(120) / 60
    found = resampled(track, time_s, Fraction(60))
    nearest = np.abs(time_s[:, None] - track.time_s).argmin(1)
    np.testing.assert_array_equal(found.present, ~np.isin(nearest, range(10, 15)))
    assert np.isnan(found.xy[~found.present]).all()
    assert (found.score[~found.present] == 0).all()
    assert np.isfinite(found.xy[found.present]).all()
    edge = (time_s > 9 / 24) & found.present & (time_s < 10 / 24)
    assert edge.any()
    np.testing.assert_array_equal(found.xy[edge], np.repeat(track.xy[9:10], edge.sum(), 0))


def test_a_joint_that_is_lost_for_a_while_is_lost_alone():
    track = moving_track(np.arange(48) / 24)
    track.xy[20:24, WRIST], track.score[20:24, WRIST] = np.nan, 0
    time_s = np.arange(120) / 60
    found = resampled(track, time_s, Fraction(60))
    lost = np.isnan(found.xy[:, WRIST, 0])
    np.testing.assert_array_equal(lost, np.isin(np.abs(time_s[:, None] - track.time_s).argmin(1), range(20, 24)))
    np.testing.assert_array_equal(found.score[:, WRIST] == 0, lost)
    assert found.present.all()
    assert np.isfinite(np.delete(found.xy, WRIST, axis=1)).all()


def test_no_pose_lies_between_both_sides_of_a_cut_or_a_gap():
    time_s = np.concatenate([np.arange(24) / 24, 1 + np.arange(24) / 24])
    cut = replace(moving_track(time_s), shot=np.repeat([0, 1], 24).astype(np.int32))
    gap = moving_track(np.where(time_s < 1, time_s, time_s + 1))
    for track, held in ((cut, 11), (gap, 20)):  # of a cut the nearer side is shown, through a gap what was shown last
        between = np.linspace(track.time_s[23], track.time_s[24], 21)
        resample = resampled(track, between, Fraction(480))
        np.testing.assert_array_equal(resample.shot, np.repeat([0, 1], [held, 21 - held]))  # nothing goes on
        found = resample.xy
        np.testing.assert_array_equal(found[:held], np.repeat(track.xy[23:24], held, 0))
        np.testing.assert_array_equal(found[held:], np.repeat(track.xy[24:25], 21 - held, 0))


def test_a_slow_clip_has_no_gaps_though_its_frames_lie_far_apart():
    track = moving_track(np.arange(6) / 2, Fraction(2))
    found = resampled(track, np.array([0.25]), Fraction(4)).xy[0]
    assert (np.abs(found - track.xy[0]) > 5).all()


def test_masks_are_those_of_the_nearest_frame_and_the_ends_stay():
    track = moving_track(np.arange(5) / 24)
    found = resampled(track, np.array([-1, 0.4 / 24, 0.6 / 24, 3.5 / 24, 9]), Fraction(24))
    assert [int(found.masks[n][0, 0]) for n in range(5)] == [0, 0, 1, 3, 4]
    np.testing.assert_array_equal(found.xy[[0, -1]], track.xy[[0, -1]])


def test_one_frame_is_shown_for_ever_and_none_cannot_be():
    track = moving_track(np.zeros(1))
    found = resampled(track, np.arange(3) / 24, Fraction(24))
    np.testing.assert_array_equal(found.xy, np.repeat(track.xy, 3, 0))
    with pytest.raises(ValueError, match="without frames"):
        resampled(track.select([]), np.zeros(1), Fraction(24))
