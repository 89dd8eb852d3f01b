"""What a dance asks for and the target never showed: known poses at known times."""

from dataclasses import replace

import numpy as np
import pytest

from choreograft.check.coverage import Coverage, compare_poses, compare_tracks, compare_views, name_side
from choreograft.pose.track import PoseTrack
from filmed_dancer import APART, BACK, KEY_S, OVERHEAD, ROUTINE, SIDEWAYS, STAND, dance_track

BODY_PX = 150.0


def cover(target: PoseTrack, source: PoseTrack) -> Coverage:
    return compare_tracks(target, source, source, BODY_PX)


def flat(track: PoseTrack) -> PoseTrack:
    """Without world landmarks."""
    return replace(track, world=np.full_like(track.world, np.nan))


def test_a_dance_that_was_shown_is_covered():
    found = cover(dance_track(), dance_track())
    assert all(np.allclose(values, 0, atol=1e-5) for values in found.distance.values())
    assert (found.poses, found.sides, found.pose_share, found.side_share) == ((), (), 0, 0)


@pytest.mark.parametrize("see", [lambda track: track, flat], ids=["world", "picture"])
def test_arms_that_were_never_raised_are_told_with_their_time(see):
    target = see(dance_track((STAND, APART, STAND)))
    source = see(dance_track((STAND, STAND, OVERHEAD, OVERHEAD, STAND)))
    found = cover(target, source)
    assert [stretch.parts for stretch in found.poses] == [("left arm", "right arm")]
    stretch = found.poses[0]
    assert KEY_S < stretch.begin_s < 2 * KEY_S
    assert 3 * KEY_S < stretch.end_s < 4 * KEY_S
    assert found.pose_share == pytest.approx((stretch.end_s - stretch.begin_s) / (4 * KEY_S), abs=0.03)
    assert max(found.distance["left leg"].max(), found.distance["torso"].max()) < 1


def test_the_distance_is_in_percent_of_the_body_height():
    """An arm of 0.17 + 0.15 body heights, to the side instead of down: elbow and wrist move by about sqrt 2 of that."""
    distance = compare_poses(dance_track((STAND, STAND)), dance_track((SIDEWAYS, SIDEWAYS)), BODY_PX)["left arm"]
    turn = np.sqrt(2 - 2 * 0.15 / np.hypot(0.15, 1))
    assert distance[4] == pytest.approx(100 * turn * np.sqrt((0.17**2 + 0.32**2) / 2), rel=0.01)


def test_proportions_do_not_matter():
    """Longer forearms and shorter legs, all in the same directions."""
    target, source = dance_track(), dance_track()
    stretched = source.world.copy()
    stretched[:, 9] += 0.4 * (stretched[:, 9] - stretched[:, 7])
    stretched[:, 15] -= 0.3 * (stretched[:, 15] - stretched[:, 13])
    found = cover(target, replace(source, world=stretched))
    assert found.poses == ()


def test_the_back_is_a_side_that_was_never_seen():
    found = cover(dance_track((STAND, SIDEWAYS, STAND)), dance_track((STAND, STAND, BACK, BACK, STAND)))
    parts = {part for stretch in found.sides for part in stretch.parts}
    assert {"back of the head", "back of the torso", "back of the pelvis"} <= parts
    assert KEY_S < found.sides[0].begin_s < 2 * KEY_S
    assert found.view_deg["torso"].max() == pytest.approx(180, abs=1)
    assert cover(dance_track(), dance_track((STAND, BACK, STAND))).sides == ()


def test_a_part_that_the_target_never_shows_is_told():
    target = dance_track(ROUTINE)
    legs = [13, 14, 15, 16]
    score = target.score.copy()
    score[:, legs] = 0
    found = cover(replace(target, score=score), dance_track((STAND, STAND, STAND)))
    assert found.poses[0].parts == ("left leg", "right leg")
    assert found.pose_share == 1


def test_a_moment_is_not_worth_mentioning():
    time_s = np.arange(48) / 24
    source = dance_track((STAND,) * 5).select(np.arange(48))
    raised = dance_track((OVERHEAD,) * 5).select(np.arange(48))
    world = np.where(((time_s > 1) & (time_s < 1.12))[:, None, None], raised.world, source.world)
    assert cover(dance_track((STAND, STAND)), replace(source, world=world)).poses == ()


def test_what_is_unknown_in_the_source_is_not_asked_for():
    source = dance_track((STAND, OVERHEAD, OVERHEAD))
    hidden = replace(source, score=np.zeros_like(source.score))
    assert cover(dance_track((STAND, STAND)), hidden).poses == ()


def test_views_are_angles_to_the_nearest():
    target = np.array([[[0, 0, 1.0]], [[1.0, 0, 0]]])
    source = np.array([[[0, 0, -1.0]], [[np.sqrt(0.5), 0, np.sqrt(0.5)]], [[np.nan] * 3]])
    np.testing.assert_allclose(compare_views(target, source)[:, 0], [90, 45, np.nan])


def test_sides_have_names():
    names = [
        name_side(np.array(view)) for view in ((0, 0, 1), (0, 0.1, -1), (1, 0, 0), (-1, 0.2, 0), (0, 1, 0), (0, -1, 0))
    ]
    assert names == ["front", "back", "left side", "right side", "top", "underside"]
