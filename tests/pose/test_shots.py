"""Shots: what a clip of several views is refused with."""

from dataclasses import replace

import numpy as np
import pytest

from choreograft.errors import VideoError
from choreograft.pose.shots import check_views, find_changes, frames_by_shot, tell_times


def test_the_frames_of_each_shot_in_order() -> None:
    shot = np.array([0, 0, 1, 3, 3], np.int32)
    assert [frames.tolist() for frames in frames_by_shot(shot)] == [[0, 1], [2], [3, 4]]
    assert find_changes(np.arange(5) / 4, shot) == (0.5, 0.75)


def test_times_are_told_up_to_a_few() -> None:
    assert tell_times([3.21]) == "3.2 s"
    assert tell_times([3.2, 7]) == "3.2 s and 7.0 s"
    assert tell_times(range(9)) == "0.0 s, 1.0 s, 2.0 s, 3.0 s, 4.0 s, 5.0 s and 3 more times"


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        ((50, 50), r"a\.mp4: the picture changes to another view at 2\.0 s; .*dance, or train on, each part by itself"),
        ((10, 90), r'at 0\.4 s; .*from 0\.40 s to the end, for example with "ffmpeg -ss 0\.40 -i IN OUT"'),
        ((10, 80, 10), r'at 0\.4 s and 3\.6 s; .*0\.40 s to 3\.60 s, .*"ffmpeg -ss 0\.40 -i IN -t 3\.20 OUT"'),
    ],
)
def test_a_clip_of_several_views_is_refused_with_the_part_to_keep(make_track, lengths, said) -> None:
    view = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
    with pytest.raises(VideoError, match=said) as caught:
        check_views("a.mp4", replace(make_track(frames=100), shot=view, view=view))
    assert "\n" not in str(caught.value)


def test_cuts_before_one_view_are_not_refused(make_track) -> None:
    check_views("a.mp4", replace(make_track(frames=4), shot=np.array([0, 1, 1, 2], np.int32)))
