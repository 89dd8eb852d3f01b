"""Which frames of a clip are learned from; what is held out, and its near neighbours, are not."""

from dataclasses import replace

import numpy as np
import pytest

from choreograft.errors import OptionError
from choreograft.footage.split import check_hold_out, choose_frames, find_pairs, held_out_frames, hide_held_out
from swaying import swaying_track


def test_the_end_of_the_clip_is_kept_back_and_half_a_second_before_it_is_not_used():
    track = swaying_track(60, missing=(4,))  # 24 frames a second
    held = held_out_frames(track, 0.2)
    assert held.tolist() == list(range(48, 60))
    shown = np.flatnonzero(hide_held_out(track, 0.2).present)
    assert shown.tolist() == [t for t in range(36) if t != 4]  # frame 36 lies exactly 0.5 s before frame 48
    assert hide_held_out(track, 0.0) is track
    assert len(held_out_frames(track, 0.0)) == 0


@pytest.mark.parametrize("share", [-0.1, 0.51, float("nan")])
def test_a_share_that_leaves_nothing_to_learn_is_refused(share):
    with pytest.raises(OptionError, match="--hold-out"):
        check_hold_out(share)


def test_pairs_never_span_a_cut_an_absence_a_gap_in_time_or_two_clips():
    first, second = swaying_track(6, missing=(3,)), swaying_track(4)
    late = np.array([0, 1, 2, 4]) / 24  # one frame was lost between the third and the fourth
    second = replace(second, time_s=late)
    tracks = [first.select(choose_frames(first, 100)), second]
    # frames kept: 0 1 2 4 5 of the first clip, then the second's four
    assert find_pairs(tracks).tolist() == [0, 1, 3, 5, 6]
    cut = replace(first, shot=np.array([0, 0, 1, 1, 1, 1], np.int32))
    assert find_pairs([cut, second]).tolist() == [0, 4, 6, 7]


def test_long_footage_is_thinned_to_pairs_of_neighbours():
    track = swaying_track(200)
    kept = choose_frames(track, 40)
    assert 30 <= len(kept) <= 40
    assert len(find_pairs([track.select(kept)])) >= 19
    assert kept[0] == 0
    assert kept[-1] == 199
