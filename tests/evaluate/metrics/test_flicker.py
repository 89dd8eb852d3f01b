"""Unexplained change of moving patterns whose motion is known."""

import itertools
from fractions import Fraction

import cv2
import numpy as np
import pytest

from choreograft.evaluate.metrics.flicker import (
    AskedMotion,
    Motion,
    MotionSearch,
    change_of_motion,
    own_change,
    unexplained_change,
    warp,
)
from choreograft.evaluate.metrics.measures import Steps
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack, empty_arrays
from choreograft.video.size import Size

STEP_PX = 3
SIZE = Size(160, 200)


def pattern(shift_px: float) -> np.ndarray:
    """Soft blotches that moved right by so many pixels."""
    random = np.random.default_rng(4)
    noise = cv2.GaussianBlur(random.normal(0, 1, (96, 160, 3)).astype(np.float32), (0, 0), 4)
    noise = 128 + 50 * noise / noise.std()
    move = np.array([[1, 0, shift_px], [0, 1, 0]], np.float32)
    return np.clip(cv2.warpAffine(noise, move, (160, 96), borderMode=cv2.BORDER_REFLECT), 0, 255).astype(np.uint8)


def inner(values: np.ndarray) -> float:
    return float(np.nanmean(values[16:-16, 16:-16]))


def test_flow_points_to_where_a_pixel_was() -> None:
    motion = MotionSearch().between(pattern(0), pattern(STEP_PX))
    assert np.median(motion.flow[16:-16, 16:-16, 0]) == pytest.approx(-STEP_PX, abs=0.1)
    assert np.median(motion.flow[16:-16, 16:-16, 1]) == pytest.approx(0, abs=0.1)
    assert motion.trusted[16:-16, 16:-16].mean() > 0.95


def test_warping_fetches_pixels() -> None:
    picture = np.arange(20, dtype=np.uint8).reshape(4, 5)
    flow = np.zeros((4, 5, 2), np.float32)
    flow[..., 0] = -1
    np.testing.assert_array_equal(warp(picture, flow)[:, 1:], picture[:, :-1])
    np.testing.assert_array_equal(warp(picture, flow)[:, 0], picture[:, 0])  # the border repeats


def test_the_truth_is_the_floor_a_constant_offset_is_none_and_a_still_picture_does_not_win() -> None:
    before, now = pattern(0), pattern(STEP_PX)
    motion = MotionSearch().between(before, now)
    noise = np.random.default_rng(0).normal(0, 2, (2, *now.shape))
    noisy = [np.clip(np.round(p + n), 0, 255).astype(np.uint8) for p, n in zip((before, now), noise, strict=True)]
    assert inner(unexplained_change(before, now, motion)) == 0
    darker = [(np.maximum(p, 9) - 9) for p in (before, now)]
    assert inner(unexplained_change(*darker, motion)) < 0.2
    still = inner(unexplained_change(before, before, motion))
    assert still > 2 * inner(unexplained_change(*noisy, motion))


def test_own_change_is_the_truths_for_what_moves_with_it_whatever_it_shows() -> None:
    before, now = pattern(0), pattern(STEP_PX)
    motion = MotionSearch().between(before, now)
    true = motion.change
    np.testing.assert_array_equal(own_change(before, now, motion), true)
    inverse = inner(own_change(255 - before, 255 - now, motion))
    assert inverse == pytest.approx(inner(true), rel=0.05)
    assert inner(unexplained_change(255 - before, 255 - now, motion)) > inner(true)
    flash = inner(own_change(before, np.clip(now.astype(int) + 10, 0, 255).astype(np.uint8), motion))
    assert flash == pytest.approx(10, abs=1)


def test_a_step_in_brightness_is_measured_in_grey_levels() -> None:
    before, now = np.clip(pattern(0), 20, 235), np.clip(pattern(STEP_PX), 20, 235)
    motion = MotionSearch().between(before, now)
    change = unexplained_change(before, now + np.uint8(7), motion)
    np.testing.assert_allclose(change[motion.trusted], 7, atol=1e-3)


def test_what_comes_into_view_is_not_judged() -> None:
    before, now = pattern(0), pattern(STEP_PX)
    now[30:60, 60:90] = (250, 10, 10)
    motion = MotionSearch().between(before, now)
    change = unexplained_change(before, now, motion)
    assert np.isnan(change[35:55, 65:85]).mean() > 0.9


def two_poses(turn_deg: float, move: tuple[float, float] = (0, 0)) -> PoseTrack:
    """A person whose left forearm, 40 px long, hangs down first and is then turned about the elbow; all moved."""
    places = {
        skeleton.NOSE: (80, 20), skeleton.LEFT_SHOULDER: (95, 50), skeleton.RIGHT_SHOULDER: (65, 50),
        skeleton.LEFT_HIP: (90, 100), skeleton.RIGHT_HIP: (70, 100), skeleton.LEFT_ANKLE: (90, 180),
        skeleton.RIGHT_ANKLE: (70, 180), skeleton.LEFT_ELBOW: (130, 60), skeleton.LEFT_WRIST: (130, 100),
    }  # fmt: skip
    arrays = empty_arrays(2)
    for joint, place in places.items():
        arrays["xy"][:, joint], arrays["score"][:, joint] = place, 1
    angle = np.deg2rad(turn_deg)
    arrays["xy"][1, skeleton.LEFT_WRIST] = (130 + 40 * np.sin(angle), 60 + 40 * np.cos(angle))
    arrays["xy"][1] += move
    return PoseTrack(SIZE, Fraction(24), np.arange(2) / 24, **arrays, present=np.ones(2, np.bool_))


def test_a_pixel_on_a_limb_goes_with_the_limb_and_the_room_stays() -> None:
    motion = AskedMotion(two_poses(20)).between(1)
    angle = np.deg2rad(20)
    for along in (15.0, 30.0):
        x, y = 130 + along * np.sin(angle), 60 + along * np.cos(angle)
        found = motion.flow[round(y - 0.5), round(x - 0.5)]
        np.testing.assert_allclose(found, [130 - x, 60 + along - y], atol=1.2)
    np.testing.assert_allclose(motion.flow[160:, 130:], 0, atol=1e-6)
    assert motion.trusted.all()


def test_a_person_who_moves_as_a_whole_moves_every_limb_alike() -> None:
    motion = AskedMotion(two_poses(0, move=(5, -2))).between(1)
    on_body = [(75, 80), (60, 95), (100, 95)]  # row, column
    for row, column in on_body:
        np.testing.assert_allclose(motion.flow[row, column], [-5, 2], atol=0.2)


def test_unseen_limbs_move_nothing() -> None:
    track = two_poses(30)
    track.score[0] = 0
    assert not AskedMotion(track).between(1).flow.any()


def test_only_trusted_pixels_have_a_value() -> None:
    picture = pattern(0)
    trusted = np.zeros(picture.shape[:2], np.bool_)
    trusted[10, 20] = True
    motion = Motion(np.zeros((*trusted.shape, 2), np.float32), trusted, np.zeros(picture.shape, np.float32))
    change = unexplained_change(picture, picture, motion)
    assert np.isfinite(change).sum() == 1
    assert change[10, 20] == 0


def test_motion_that_goes_on_evenly_does_not_change_and_a_jerk_is_as_long_as_it_is() -> None:
    places = 0.0, 3.0, 6.0, 7.0
    search = MotionSearch()
    steps = [search.between(pattern(a), pattern(b)) for a, b in itertools.pairwise(places)]
    assert inner(change_of_motion(steps[0], steps[1])) == pytest.approx(0, abs=0.15)
    assert inner(change_of_motion(steps[1], steps[2])) == pytest.approx(2, abs=0.2)


def test_a_result_beside_the_truth_is_as_steady_as_it_in_itself_and_one_that_flickers_or_trembles_is_not() -> None:
    def film(shake: float = 0.0, noise: float = 0.0, aside: int = 0) -> list[np.ndarray]:
        random, frames = np.random.default_rng(1), []
        for t in range(8):
            grain = random.normal(0, 3, (96, 160, 3))  # a camera's own, in the truth too
            moved = np.roll(pattern(2 * t + shake * (-1) ** t), aside, axis=0)
            frames.append(np.clip(moved + grain + noise * random.normal(0, 1, grain.shape), 0, 255).astype(np.uint8))
        return frames

    def steadiness(result: list[np.ndarray]) -> tuple[float, float]:
        size, nobody = Size(160, 96), np.zeros(8, np.bool_)
        track = PoseTrack(size, Fraction(25), np.arange(8) / 25, **empty_arrays(8), present=nobody)
        steps = Steps(track, track, size)
        for t, (ours, true) in enumerate(zip(result, film(), strict=True)):
            steps.look(t, ours, true)
        series = steps.finish()
        return tuple(float(np.nanmean(series["frame", name])) for name in ("own_warping", "tremble"))

    assert steadiness(film()) == pytest.approx((1, 1), abs=1e-6)
    assert steadiness(film(aside=5)) == pytest.approx((1, 1), abs=0.15)
    assert steadiness(film(noise=8))[0] > 1.5
    assert steadiness(film(shake=0.5))[1] > 1.5
