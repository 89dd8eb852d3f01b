"""A person who is carried over to where the picture does not reach is told of."""

from dataclasses import replace

import numpy as np

from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.retarget.carry import describe_absence
from filmed import film


def shifted(track: PoseTrack, frames: slice, right: float) -> PoseTrack:
    """Some frames moved to the right by a share of the picture's width."""
    xy = track.xy.copy()
    xy[frames, :, 0] += right * track.size.width
    return replace(track, xy=xy)


def test_who_is_outside_of_the_picture_for_a_while_is_told_of() -> None:
    track = film("ada", "dance").track
    quarter = slice(0, len(track) // 4)
    assert describe_absence(track) is None
    assert describe_absence(shifted(track, slice(0, 2), 1.0)) is None
    note = describe_absence(shifted(track, quarter, 1.0))
    assert note is not None
    assert "most of the person is outside of the picture in 25% of the frames" in note
    assert "\n" not in note


def test_joints_that_nobody_saw_and_frames_without_anybody_do_not_count() -> None:
    track = film("ada", "dance").track
    away = shifted(track, slice(0, None, 2), 1.0)
    assert describe_absence(replace(away, present=np.arange(len(track)) % 2 == 1)) is None
    assert describe_absence(replace(track, present=np.zeros(len(track), np.bool_))) is None
    xy, score = track.xy.copy(), track.score.copy()
    xy[:, skeleton.LEFT_KNEE :], score[:, skeleton.LEFT_KNEE :] = np.nan, 0
    assert describe_absence(replace(track, xy=xy, score=score)) is None
