"""A person who is carried over to where the picture does not reach is told of."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from choreograft import pipeline
from choreograft.footage.clip import Clip
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.retarget.body import BodyStage, describe_absence
from filmed import film, fitted
from listening import Listener


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


def test_it_is_told_before_anything_is_trained_or_drawn() -> None:
    body, listener = fitted("ada", "dance"), Listener()
    clip, stage = Clip(Path("a.mp4"), film("ada", "dance").track), BodyStage.measure(body)
    pipeline._retarget(clip, body, stage, listener)
    assert listener.said == []
    turned = replace(stage, camera=replace(stage.camera, pitch_deg=60.0))  # looks at the floor before the feet
    pipeline._retarget(clip, body, turned, listener)
    assert len(listener.said) == 1
    assert "outside of the picture in 100% of the frames" in listener.said[0]
