"""What no body can do becomes a gap; what dancers do stays."""

import numpy as np
import pytest

from choreograft.pose import skeleton
from choreograft.pose.clean import clean_track
from choreograft.pose.repair import find_impossible_limbs, find_jumps, mend_spikes
from choreograft.pose.track import SEEN
from dancing import HEIGHT_PX, LIMBED, dance, shaken

WRIST = skeleton.LEFT_WRIST
CALM = np.zeros(skeleton.JOINTS)


def _jumps(track, noise=CALM) -> np.ndarray:
    return find_jumps(track, track.seen(SEEN), HEIGHT_PX, noise)


@pytest.mark.parametrize("fps", [5, 12, 24, 60, 120])
def test_a_joint_that_leaves_and_comes_back_at_once_is_dropped(fps: float) -> None:
    track = dance(int(3 * fps), fps)
    frame = len(track) // 2
    track.xy[frame, WRIST] += (450, -300)
    assert np.argwhere(_jumps(track)).tolist() == [[frame, WRIST]]


@pytest.mark.parametrize("frames", [2, 4, 7])
def test_so_is_one_that_stays_away_for_some_frames(frames: int) -> None:
    track = dance()
    track.xy[40 : 40 + frames, skeleton.RIGHT_ANKLE] += (0, -300)
    assert np.argwhere(_jumps(track)).tolist() == [[t, skeleton.RIGHT_ANKLE] for t in range(40, 40 + frames)]


def test_of_two_places_the_one_seen_for_long_is_believed() -> None:
    """A joint that was somewhere else for the first moments, then goes to where it stays."""
    track = dance()
    track.xy[:3, WRIST] += (0, 300)
    assert np.argwhere(_jumps(track)).tolist() == [[t, WRIST] for t in range(3)]
    track = dance()
    track.xy[48:, WRIST] += (0, 300)
    assert all(44 <= frame < 52 and joint == WRIST for frame, joint in np.argwhere(_jumps(track)))


@pytest.mark.parametrize("fps", [5, 12, 24, 60, 120])
def test_the_fastest_hit_of_a_dancer_is_kept(fps: float) -> None:
    """A fist that covers half a body height within a tenth of a second, and rests there."""
    track = dance(int(3 * fps), fps)
    reached = np.clip((track.time_s - 1.5) / 0.1, 0, 1)
    track.xy[:, WRIST, 0] += (HEIGHT_PX / 2 * (3 * reached**2 - 2 * reached**3)).astype(np.float32)
    assert not _jumps(track).any()


def test_noise_is_no_jump() -> None:
    track = shaken(dance(), 8.0, dropped=0.1)
    assert _jumps(track, np.full(skeleton.JOINTS, 8.0)).sum() <= 2


def test_a_limb_of_impossible_length_loses_its_outer_end() -> None:
    track = dance()
    track.xy[30:60, WRIST] += (400, 0)
    track.world[30:60, WRIST] += (2.0, 0, 0)
    seen = track.seen(SEEN)
    bad = find_impossible_limbs(track, seen, HEIGHT_PX, CALM)
    assert bad[30:60, WRIST].all()
    assert not bad[:30].any()
    assert not bad[60:].any()
    assert not bad[:, skeleton.LEFT_SHOULDER].any()


def test_a_joint_between_two_impossible_limbs_is_blamed_itself() -> None:
    track = dance()
    track.world[:] = np.nan
    track.xy[40:50, skeleton.LEFT_KNEE] += (0, 500)
    bad = find_impossible_limbs(track, track.seen(SEEN), HEIGHT_PX, CALM)
    assert np.argwhere(bad).tolist() == [[t, skeleton.LEFT_KNEE] for t in range(40, 50)]


def test_the_end_that_was_seen_badly_is_blamed() -> None:
    track = dance()
    track.xy[40, skeleton.RIGHT_ELBOW] += (0, 400)
    track.score[40, skeleton.RIGHT_WRIST] = 0
    track.score[40, skeleton.RIGHT_SHOULDER] = 0.35
    bad = find_impossible_limbs(track, track.seen(0.3), HEIGHT_PX, CALM)
    assert bad[40, skeleton.RIGHT_SHOULDER]
    assert not bad[40, skeleton.RIGHT_ELBOW]


def test_a_person_who_comes_nearer_does_not_grow_impossible_limbs() -> None:
    track = dance(240)
    scale = np.linspace(0.5, 2.0, 240)[:, None, None].astype(np.float32)
    track.xy[:] = (track.xy - (320, 260)) * scale + (320, 260)
    track.world[:] = np.nan
    assert not find_impossible_limbs(track, track.seen(0.3), HEIGHT_PX, CALM).any()


def test_a_wild_depth_leaves_the_picture_alone() -> None:
    values = np.cumsum(np.random.default_rng(0).normal(0, 1, (60, 2, 3)), axis=0).astype(np.float32)
    wild = values.copy()
    wild[30, 1] += 500
    mended = mend_spikes(wild, np.ones((60, 2), bool), np.arange(60) / 24)
    np.testing.assert_array_equal(np.delete(mended, 30, axis=0), np.delete(values, 30, axis=0))
    np.testing.assert_allclose(mended[30, 1], (values[29, 1] + values[31, 1]) / 2, rtol=1e-5)


def test_what_was_dropped_is_filled_and_counted() -> None:
    truth = dance()
    track = dance()
    track.xy[40:43, WRIST] += (300, 0)
    cleaned, report = clean_track(track)
    assert report.joints_jumped == 3
    assert report.joints_misplaced == 0
    assert "3 jumping joints dropped, 3 joints filled" in report.sentence()
    np.testing.assert_allclose(cleaned.xy[:, LIMBED], truth.xy[:, LIMBED], atol=6)
    assert (cleaned.score[40:43, WRIST] < 0.95).all()
