from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from choreograft.body.placement import find_standing, measure_foot_speeds, measure_height_px
from choreograft.body.shape import SOLES
from choreograft.pose import skeleton
from filmed import SIZE, film

FPS = 24
STEP_S = 0.5
"""How long each foot stands, and how long it swings."""


def walk(steps: int, floor_m: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Soles (T, 8, 3) of somebody who walks along x, and where each foot stands (T, 2); the left foot swings first."""
    frames = round(STEP_S * FPS)
    T = steps * frames
    soles = np.zeros((T, 2, 4, 3))
    soles[..., 1] = [0.0, 0.1, 0.1, 0.2]
    soles[..., 2] = floor_m
    stands = np.ones((T, 2), bool)
    place = np.zeros(2)
    for step in range(steps):
        foot = step % 2
        for k in range(frames):
            t, share = step * frames + k, k / frames
            soles[t, :, :, 0] = place[:, None]
            soles[t, foot, :, 0] = place[foot] + 0.6 * (1 - np.cos(np.pi * share)) / 2
            soles[t, foot, :, 2] = floor_m + 0.12 * np.sin(np.pi * share)
            stands[t, foot] = False
        place[foot] += 0.6
    return soles.reshape(T, 8, 3).astype(np.float32), stands


def test_feet_of_a_walk_stand_in_turns() -> None:
    soles, stands = walk(6)
    found = find_standing(soles, np.arange(len(soles)) / FPS)
    assert found.shape == (len(soles), 2)
    assert set(np.unique(found)) <= {0.0, 1.0}
    assert np.mean(found[stands] == 1) > 0.9
    swinging = ~stands
    swinging[1:] &= ~stands[:-1]
    swinging[:-1] &= ~stands[1:]  # a foot leaves the floor, and lands, slowly
    assert np.mean(found[swinging] == 0) > 0.7


def test_frame_rates_see_the_same_walk() -> None:
    soles, _ = walk(6)
    time_s = np.arange(len(soles)) / FPS
    full, half = find_standing(soles, time_s), find_standing(soles[::2], time_s[::2])
    assert np.mean(full[::2] == half) > 0.85


def test_a_foot_that_slides_or_hovers_does_not_stand() -> None:
    soles = np.zeros((FPS, 8, 3), np.float32)
    time_s = np.arange(FPS) / FPS
    soles[:, :4, 0] = time_s[:, None] * 1.0  # m/s, left
    soles[:, 4:, 2] = 0.1
    assert not find_standing(soles, time_s).any()


def test_a_foot_that_rolls_over_its_tip_stands() -> None:
    soles = np.zeros((FPS, 8, 3), np.float32)
    time_s = np.arange(FPS) / FPS
    soles[:, [0, 4], 2] = 0.3 * time_s[:, None]  # the heels rise
    assert find_standing(soles, time_s).all()


def test_a_single_frame_stands_where_it_is_low() -> None:
    soles = np.zeros((1, 8, 3), np.float32)
    soles[:, 4:, 2] = 0.2
    assert find_standing(soles, np.zeros(1)).tolist() == [[1.0, 0.0]]


def test_the_studios_squats_stand_on_both_feet() -> None:
    clip = film("ada", "squats")
    after = clip.track.time_s > 0.5  # the routine begins with a step
    assert find_standing(clip.body.points[:, SOLES], clip.track.time_s)[after].all()


def test_the_height_is_that_from_nose_to_ankles_upright() -> None:
    clip = film("ada", "squats")
    assert_allclose(measure_height_px(clip.track), clip.height_px, rtol=0.03)


def test_without_feet_the_torso_tells_the_height() -> None:
    track = film("ada", "squats").track
    score = track.score.copy()
    score[:, list(skeleton.ANKLES)] = 0
    assert_allclose(measure_height_px(replace(track, score=score)), measure_height_px(track), rtol=0.15)


@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_the_height_grows_with_the_picture(scale: float) -> None:
    track = film("ada", "squats").track
    scaled = replace(track, xy=track.xy * np.float32(scale))
    assert_allclose(measure_height_px(scaled), scale * measure_height_px(track), rtol=1e-5)


def test_whoever_shows_neither_is_as_tall_as_the_picture() -> None:
    track = film("ada", "squats").track
    assert measure_height_px(replace(track, score=np.zeros_like(track.score))) == SIZE.height


def test_speeds_in_the_picture_are_in_body_heights() -> None:
    track = film("ada", "squats").track
    feet = [skeleton.LEFT_ANKLE, skeleton.LEFT_HEEL, skeleton.LEFT_BIG_TOE]
    xy = track.xy.copy()
    xy[:, feet] = xy[:1, feet] + (30 * track.time_s[:, None, None] * [0.6, 0.8]).astype(np.float32)  # 30 px a second
    score = track.score.copy()
    score[:, skeleton.RIGHT_HEEL] = 0
    speeds = measure_foot_speeds(replace(track, xy=xy, score=score), 60.0)
    assert_allclose(speeds[:, 0], 0.5, rtol=1e-3)
    assert np.isnan(speeds[:, 1]).all()  # a heel is not seen


def test_what_rests_in_the_picture_stands_though_its_depth_trembles() -> None:
    soles, time_s = np.zeros((FPS, 8, 3), np.float32), np.arange(FPS) / FPS
    soles[::2, :, 1] = 0.05  # 1.2 m a second, to and fro
    speeds = np.zeros((FPS - 1, 2))
    speeds[:, 1] = 0.5
    found = find_standing(soles, time_s, speeds)
    assert found[:, 0].all()
    assert not found[:, 1].any()
    soles[:, :4, 2] = 0.2  # lifted and held
    assert not find_standing(soles, time_s, speeds).any()


def test_a_foot_that_stands_goes_on_standing_while_it_is_restless() -> None:
    soles, time_s = np.zeros((6, 8, 3), np.float32), np.arange(6) / FPS
    speeds = np.full((5, 2), 0.15)
    speeds[2, 0] = 0.05
    speeds[4, 0] = 0.3
    assert find_standing(soles, time_s, speeds).tolist() == [[1, 0]] * 5 + [[0, 0]]
