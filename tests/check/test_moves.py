"""Kinds of movement, on poses that show them and poses that do not."""

from dataclasses import replace

import numpy as np
import pytest

from choreograft.check.moves import MOVES, PARTS, coarse_views, find_moves, name_moves, seconds_shown
from filmed_dancer import (
    APART,
    BACK,
    BENT,
    FORWARD,
    KEY_S,
    LEFT,
    OVERHEAD,
    RIGHT,
    SIDEWAYS,
    SQUAT,
    STAND,
    Key,
    dance_track,
)  # fmt: skip

NAMES = list(MOVES)


def shown(key: Key) -> set[str]:
    """What a frame in that pose shows."""
    moves = find_moves(dance_track((key, key)))
    return {name for name, flag in zip(NAMES, moves[3], strict=True) if flag}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (STAND, set()),
        (SIDEWAYS, {"arms_sideways"}),
        (OVERHEAD, {"arms_overhead"}),
        (FORWARD, {"arms_forward"}),
        (BENT, {"elbows_bent"}),
        (SQUAT, {"squat", "arms_forward"}),
        (APART, {"legs_apart"}),
        (RIGHT, {"turn_right"}),
        (LEFT, {"turn_left"}),
        (BACK, {"turn_back"}),
        (Key((-0.5, 0.5, 0.5), (-1, -0.2, 0.3)), {"arms_crossed"}),
    ],
)
def test_a_pose_shows_its_kind_of_movement_and_no_other(key, expected):
    found = shown(key)
    assert found >= expected
    assert found - expected <= {"hands_at_head", "elbows_bent"}


def test_steps_are_told_from_place_and_size():
    track = dance_track((STAND, STAND, STAND))
    off = np.where(track.time_s > 0.5, 60, 0)[:, None, None].astype(np.float32)
    aside = find_moves(replace(track, xy=track.xy + off * (1, 0)))
    nearer = find_moves(replace(track, xy=track.xy * np.where(off > 0, np.float32(1.5), np.float32(1))))
    assert aside[:, NAMES.index("walk_sideways")].any()
    assert not aside[:, NAMES.index("walk_in_depth")].any()
    assert nearer[:, NAMES.index("walk_in_depth")].any()


def test_nobody_shows_nothing():
    track = dance_track((OVERHEAD, OVERHEAD))
    gone = replace(track, present=np.zeros(len(track), bool), world=np.full_like(track.world, np.nan))
    assert not find_moves(gone).any()


def test_seconds_are_counted_by_the_clock():
    track = dance_track((STAND, OVERHEAD, OVERHEAD, OVERHEAD))
    seconds = dict(zip(NAMES, seconds_shown(find_moves(track), track.time_s), strict=True))
    assert seconds["arms_overhead"] == pytest.approx(2 * KEY_S + 0.25, abs=0.15)
    assert name_moves(np.array([name == "squat" for name in NAMES])) == ["squats"]


def test_the_camera_is_seen_from_the_side_that_is_turned_to_it():
    """In the part's own axes: left, up, forwards."""
    for key, expected in ((STAND, (0, 0, 1)), (BACK, (0, 0, -1)), (RIGHT, (-1, 0, 0)), (LEFT, (1, 0, 0))):
        views = coarse_views(dance_track((key, key)))
        assert views.shape[1:] == (len(PARTS), 3)
        np.testing.assert_allclose(views[5, 1:], [expected] * 2, atol=1e-6)
        assert views[5, 0] @ expected > 0.95
