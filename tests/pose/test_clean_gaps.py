"""Gaps are filled along the limb: it keeps its length and turns from where it pointed to where it will point."""

import numpy as np
import pytest

from choreograft.pose import skeleton
from choreograft.pose.clean import fill_gaps, interpolate_limb
from choreograft.pose.skeleton import NO_PARENT, OUTWARDS, PARENT, offset_matrix
from choreograft.pose.track import FILL_GAP_S, SEEN, PoseTrack
from dancing import dance

ELBOW, WRIST = skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST


def _fill(track: PoseTrack, frames: slice, joints: list[int]) -> PoseTrack:
    """The track with joints hidden and filled again."""
    seen = track.seen(SEEN)
    gaps = np.zeros_like(seen)
    gaps[frames, joints] = True
    for array in (track.xy, track.depth, track.world):
        array[gaps] = np.nan
    track.score[gaps] = 0
    return fill_gaps(track, seen & ~gaps, gaps, np.zeros(len(track), np.intp))


def _swinging(speed: float) -> PoseTrack:
    """A forearm of 50 px that swings around a resting elbow by `speed` rad/s, in the picture's plane."""
    track = dance(30, 25)
    for array in (track.xy, track.world, track.depth):
        array[:] = array[:1]
    angle = speed * track.time_s
    track.xy[:, WRIST] = track.xy[:, ELBOW] + 50 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    track.depth[:, WRIST] = track.depth[:, ELBOW]
    return track


@pytest.mark.parametrize("has_depth", [True, False])
def test_a_swinging_forearm_turns_through_its_gap(has_depth: bool) -> None:
    track = _swinging(6.0)
    if not has_depth:
        track.depth[:] = np.nan
    truth = track.xy.copy()
    filled = _fill(track, slice(12, 18), [WRIST])
    lengths = np.linalg.norm(filled.xy[:, WRIST] - filled.xy[:, ELBOW], axis=-1)
    np.testing.assert_allclose(lengths, 50, rtol=1e-4)
    straight = np.linalg.norm((truth[11, WRIST] + truth[18, WRIST]) / 2 - truth[14, WRIST])
    assert np.linalg.norm(filled.xy[12:18, WRIST] - truth[12:18, WRIST], axis=-1).max() < 0.3 * straight


def test_a_limb_that_points_at_the_lens_turns_in_depth() -> None:
    """From the left to the right through the line of sight: in the picture it shrinks, in space it does not."""
    track = _swinging(0)
    angle = np.linspace(0, np.pi, 30)
    track.xy[:, WRIST] = track.xy[:, ELBOW] + np.stack([50 * np.cos(angle), np.zeros(30)], axis=-1)
    track.depth[:, WRIST] = track.depth[:, ELBOW] - 50 * np.sin(angle)
    truth = track.xy[:, WRIST].copy()
    filled = _fill(track, slice(12, 18), [WRIST])
    np.testing.assert_allclose(filled.xy[:, WRIST], truth, atol=0.5)
    assert filled.depth[14, WRIST] < filled.depth[14, ELBOW] - 45


def test_a_whole_arm_that_is_hidden_follows_its_shoulder() -> None:
    track = dance(30, 25)
    for array in (track.xy, track.world, track.depth):
        array[:] = array[:1]
    track.xy[:] += (20 * np.sin(np.arange(30) / 3))[:, None, None].astype(np.float32)
    truth = track.xy.copy()
    filled = _fill(track, slice(10, 16), [ELBOW, WRIST])
    np.testing.assert_allclose(filled.xy[:, :23], truth[:, :23], atol=1e-2)


def test_scores_fall_towards_the_middle_of_a_gap_and_stay_drawable() -> None:
    track = dance(30, 25)
    filled = _fill(track, slice(11, 18), [WRIST])
    score = filled.score[10:19, WRIST]
    assert score.argmin() == 4
    np.testing.assert_allclose(score, score[::-1], rtol=1e-5)
    assert score[4] == pytest.approx(0.95 * (1 - 4 / 25 / (2 * FILL_GAP_S)), rel=1e-4)
    track.score[:, WRIST] = 0.31
    assert _fill(track, slice(11, 18), [WRIST]).score[14, WRIST] == pytest.approx(SEEN)


def test_direction_and_length_are_interpolated_apart() -> None:
    offsets = np.array([[10.0, 0, 0], [0, 20.0, 0]])
    middle = interpolate_limb(np.array([0.0, 1.0]), offsets, np.array([0.5]))[0]
    assert np.linalg.norm(middle) == pytest.approx(15)
    assert middle[2] == 0
    opposite = interpolate_limb(np.array([0.0, 1.0]), np.array([[10.0, 0], [-10.0, 0]]), np.array([0.5]))[0]
    np.testing.assert_allclose(opposite, 0, atol=1e-9)


def test_every_joint_hangs_from_the_hip_and_comes_after_its_parent() -> None:
    assert sorted(OUTWARDS) == list(range(skeleton.JOINTS))
    assert [joint for joint in OUTWARDS if PARENT[joint] == NO_PARENT] == [skeleton.LEFT_HIP]
    for joint in OUTWARDS[1:]:
        assert OUTWARDS.index(PARENT[joint]) < OUTWARDS.index(joint)


def test_offsets_are_taken_from_the_nearest_ancestor_there_is() -> None:
    matrix = offset_matrix([skeleton.LEFT_SHOULDER, WRIST, skeleton.LEFT_HIP])
    np.testing.assert_array_equal(matrix, [[1, 0, -1], [-1, 1, 0], [0, 0, 1]])
