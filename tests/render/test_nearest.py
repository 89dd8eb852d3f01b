"""Retrieval: the frame that is nearest in pose, among those that show enough of it."""

import numpy as np
import pytest

from choreograft.pose import skeleton
from choreograft.render.session import NearestFrames
from swaying import swaying_track


@pytest.fixture
def library():
    """24 frames of one track."""
    track = swaying_track(24)
    return NearestFrames.of_tracks([track]), track


def test_every_pose_of_the_recording_finds_its_own_frame(library):
    nearest, track = library
    assert list(nearest.choose(track)) == list(range(24))


def test_a_new_pose_finds_what_an_exhaustive_search_finds(library):
    nearest, track = library
    wanted = track.xy[5, skeleton.BODY] + np.random.default_rng(0).normal(0, 3, (17, 2)).astype(np.float32)
    means = [np.linalg.norm(candidate[skeleton.BODY] - wanted, axis=1).mean() for candidate in track.xy]
    assert nearest.find(wanted, np.ones(17, bool)) == int(np.argmin(means))


def test_absence_has_no_frame_and_half_seen_frames_stand_back(library):
    absent = swaying_track(3, missing=(1,))
    nearest, track = library
    assert [n is None for n in nearest.choose(absent)] == [False, True, False]
    track.score[7, skeleton.BODY] = 0  # the twin of the wanted pose shows one joint only
    track.score[7, skeleton.NOSE] = 1
    found = NearestFrames.of_tracks([track]).find(track.xy[7, skeleton.BODY], np.ones(17, bool))
    others = [abs(np.sin(n / 3) - np.sin(7 / 3)) if n != 7 else np.inf for n in range(24)]
    assert found == int(np.argmin(others))
