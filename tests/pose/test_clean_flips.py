"""Left and right are put right where they were exchanged, and left alone where they were not."""

import numpy as np
import pytest

from choreograft.pose import skeleton
from choreograft.pose.clean import clean_track
from choreograft.pose.flips import Flip, exchange_sides, repair_flips
from choreograft.pose.track import SEEN, PoseTrack
from dancing import HEIGHT_PX, LIMBED, dance, shaken

ARMS = np.array([*range(5, 11), *range(91, 133)])
LOWER_ARMS = np.array([*range(7, 11), *range(91, 133)])
LEGS = np.array(range(11, 23))
BODY = np.arange(skeleton.JOINTS)


def _repair(track: PoseTrack) -> tuple[PoseTrack, tuple[Flip, ...]]:
    fixed, _, flips = repair_flips(track, track.seen(SEEN), HEIGHT_PX)
    return fixed, flips


@pytest.mark.parametrize("noise_px", [0.0, 3.0])
@pytest.mark.parametrize("frames", [slice(40, 41), slice(40, 43), slice(30, 70), slice(0, 25)], ids=str)
@pytest.mark.parametrize(("group", "joints"), [("body", BODY), ("arms", ARMS), ("arms", LOWER_ARMS), ("legs", LEGS)])
def test_an_exchange_is_undone_wherever_it_is(group: str, joints: np.ndarray, frames: slice, noise_px: float) -> None:
    truth = shaken(dance(), noise_px, dropped=0.05 if noise_px else 0.0)
    stretch = np.arange(96)[frames]
    fixed, flips = _repair(exchange_sides(truth, stretch, joints))
    assert [(flip.group, flip.first_frame, flip.last_frame) for flip in flips] == [(group, stretch[0], stretch[-1])]
    for name in ("xy", "score", "depth", "world"):
        np.testing.assert_array_equal(getattr(fixed, name), getattr(truth, name))


@pytest.mark.parametrize("turning", [0.0, 0.3, 0.8, 1.5])
@pytest.mark.parametrize("fps", [12, 24, 60])
def test_a_dancer_who_turns_around_is_left_alone(turning: float, fps: float) -> None:
    track = shaken(dance(int(4 * fps), fps, turning), 1.0)
    fixed, flips = _repair(track)
    assert flips == ()
    np.testing.assert_array_equal(fixed.xy, track.xy)


def test_wrists_that_cross_are_known_by_their_speed() -> None:
    track = dance()
    across = 60 * np.cos(np.arange(96) / 8)
    for joint, side in ((skeleton.LEFT_WRIST, 1), (skeleton.RIGHT_WRIST, -1)):
        track.xy[:, joint] = np.stack([320 + side * across, np.full(96, 250)], axis=-1)
        track.world[:, joint] = np.nan
    assert _repair(track)[1] == ()


@pytest.mark.parametrize("share", [0.6, 1.0])
def test_a_clip_that_is_exchanged_for_the_most_part_is_known_by_its_anatomy(share: float) -> None:
    truth = dance()
    wrong = np.arange(round(96 * share))
    fixed, _ = _repair(exchange_sides(truth, wrong))
    np.testing.assert_array_equal(fixed.xy, truth.xy)


def test_a_body_seen_flat_keeps_what_is_seen_most_of_the_time() -> None:
    truth = dance()
    truth.world[:], truth.depth[:] = np.nan, np.nan
    fixed, flips = _repair(exchange_sides(truth, np.arange(60, 80)))
    assert flips == (Flip("body", 60, 79),)
    np.testing.assert_array_equal(fixed.xy, truth.xy)


def test_hands_and_face_go_with_the_body() -> None:
    track = dance()
    random = np.random.default_rng(0)
    carried = slice(skeleton.FACE.start, skeleton.JOINTS)
    track.xy[:, carried] = track.xy[:, [skeleton.NOSE]] + random.normal(0, 10, (1, 110, 2))
    track.score[:, carried] = random.uniform(0.3, 0.9, (96, 110))
    swapped = exchange_sides(track, np.array([50]))
    assert swapped.score[50, skeleton.LEFT_HAND].tolist() == track.score[50, skeleton.RIGHT_HAND].tolist()
    np.testing.assert_array_equal(_repair(swapped)[0].score, track.score)


def test_nothing_is_exchanged_across_a_cut() -> None:
    track = dance()
    track.xy[48:, :, 0] += 3000
    swapped = exchange_sides(track, np.arange(10, 14))
    cleaned, report = clean_track(swapped)
    assert len(report.cuts_s) == 1
    assert report.flips == (Flip("body", 10, 13),)
    np.testing.assert_allclose(cleaned.xy[:, LIMBED], track.xy[:, LIMBED], atol=1)


def test_the_report_tells_what_was_put_right() -> None:
    track = exchange_sides(exchange_sides(dance(), np.arange(20, 23)), np.array([60]), LEGS)
    _, report = clean_track(track)
    assert report.flips == (Flip("body", 20, 22), Flip("legs", 60, 60))
    assert report.frames_flipped("body") == 3
    assert "left and right of the body put right in 3 frames" in report.sentence()
    assert report.sentence().endswith("left and right of the legs put right in 1 frame")
