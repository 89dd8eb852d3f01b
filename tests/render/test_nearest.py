"""Retrieval: the frame that is nearest in pose, among those that show enough of it."""

import numpy as np
import pytest

from choreograft.pose import skeleton
from choreograft.render.session import NearestFrames
from swaying import SIZE, swaying_track


@pytest.fixture
def library():
    """24 frames that carry their number as their grey level."""
    track = swaying_track(24)
    frames = np.stack([np.full((SIZE.height, SIZE.width, 3), n, np.uint8) for n in range(24)])
    return NearestFrames.of_tracks(frames, [track], np.full((SIZE.height, SIZE.width, 3), 255, np.uint8)), track


def test_every_pose_of_the_recording_finds_its_own_frame(library):
    nearest, track = library
    assert [int(image[0, 0, 0]) for image in nearest.draw(track)] == list(range(24))


def test_a_new_pose_finds_what_an_exhaustive_search_finds(library):
    nearest, track = library
    wanted = track.xy[5, skeleton.BODY] + np.random.default_rng(0).normal(0, 3, (17, 2)).astype(np.float32)
    means = [np.linalg.norm(candidate[skeleton.BODY] - wanted, axis=1).mean() for candidate in track.xy]
    assert nearest.find(wanted, np.ones(17, bool)) == int(np.argmin(means))


def test_absence_is_the_empty_picture_and_half_seen_frames_stand_back(library):
    absent = swaying_track(3, missing=(1,))
    nearest, track = library
    assert [int(image[0, 0, 0]) == 255 for image in nearest.draw(absent)] == [False, True, False]
    track.score[7, skeleton.BODY] = 0  # the twin of the wanted pose shows one joint only
    track.score[7, skeleton.NOSE] = 1
    frames = np.zeros((24, 2, 2, 3), np.uint8)
    found = NearestFrames.of_tracks(frames, [track], frames[0]).find(track.xy[7, skeleton.BODY], np.ones(17, bool))
    others = [abs(np.sin(n / 3) - np.sin(7 / 3)) if n != 7 else np.inf for n in range(24)]
    assert found == int(np.argmin(others))
