"""Where the face is, and when none is seen."""

from dataclasses import replace

import numpy as np
from numpy.testing import assert_allclose

from choreograft.pose import skeleton
from choreograft.pose.head import face_centre, head_middle, is_turned_to_camera
from choreograft.pose.track import PoseTrack
from swaying import swaying_track

EARS = [skeleton.LEFT_EAR, skeleton.RIGHT_EAR]


def unseen(track: PoseTrack, *joints: int) -> PoseTrack:
    score = track.score.copy()
    score[:, list(joints)] = 0.1
    return replace(track, score=score)


def test_the_centre_is_the_nose_or_else_the_middle_of_the_ears():
    track = swaying_track(6)
    assert_allclose(face_centre(track, 0.3), track.xy[:, skeleton.NOSE])
    hidden = unseen(track, skeleton.NOSE)
    assert_allclose(face_centre(hidden, 0.3), track.xy[:, EARS].mean(axis=1))
    assert np.isnan(face_centre(unseen(hidden, skeleton.LEFT_EAR), 0.3)).all()


def test_no_face_is_seen_where_nobody_is_or_the_head_is_turned_away():
    track = swaying_track(6, missing=(2,))
    assert np.flatnonzero(np.isnan(face_centre(track, 0.3)).all(axis=1)).tolist() == [2]
    depth = track.depth.copy()
    depth[:, EARS], depth[:, skeleton.NOSE] = 0.0, -5.0
    depth[4, skeleton.NOSE] = 5.0  # behind the ears
    turning = replace(track, depth=depth)
    assert np.flatnonzero(~is_turned_to_camera(turning)).tolist() == [4]
    assert np.isnan(face_centre(turning, 0.3)[4]).all()


def test_without_depth_the_ears_tell_which_way_the_head_is_turned():
    track = swaying_track(3)
    xy = track.xy.copy()
    xy[1, EARS] = xy[1, EARS[::-1]]
    assert is_turned_to_camera(replace(track, xy=xy)).tolist() == [True, False, True]


def test_the_heads_middle_is_the_mean_of_what_is_seen():
    track = swaying_track(2)
    xy = track.xy.copy()
    xy[1, [skeleton.LEFT_EYE, skeleton.RIGHT_EYE, *EARS]] = np.nan
    middle = head_middle(xy)
    assert_allclose(middle[0], xy[0, list(skeleton.HEAD)].mean(axis=0))
    assert_allclose(middle[1], xy[1, skeleton.NOSE])
