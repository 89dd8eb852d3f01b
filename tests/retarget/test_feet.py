"""Feet of a carried motion: they stand on the floor and stay there; where nobody saw them, they lead nothing astray."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from choreograft.body.body_track import BodyTrack
from choreograft.body.rig import joint_index
from choreograft.pose import skeleton
from choreograft.retarget.body import BodyStage, describe_legs, retarget_body
from filmed import Filmed, feet, film, height_px, pixels


def from_the_waist_up(body: BodyTrack) -> BodyTrack:
    """The same dance, filmed by a camera whose picture ends above the knees."""
    camera = replace(body.camera, focal_px=2 * body.camera.focal_px, pitch_deg=-2.0)
    return replace(body, camera=camera)


def with_other_legs(body: BodyTrack) -> BodyTrack:
    """Legs as a fit may guess them that never saw one: each frame's anyhow, the floor with them."""
    noise = np.random.default_rng(3)
    turns = body.turns.copy()
    legs = [joint_index(f"{name}.{side}") for name in ("hip", "knee") for side in "LR"]
    turns[:, legs] += noise.normal(scale=0.2, size=(len(body), len(legs), 3)).astype(np.float32)
    camera = replace(body.camera, height_m=body.camera.height_m + 0.3)
    return replace(body, turns=turns, pelvis=body.pelvis + np.array([0, 0, 0.3], np.float32), camera=camera)


def test_standing_feet_stand_still_on_the_floor(carried: BodyTrack, squats: Filmed) -> None:
    both = carried.stands[1:] & carried.stands[:-1]
    assert both.mean() > 0.8
    speed = np.linalg.norm(np.diff(feet(carried), axis=0), axis=-1) / np.diff(carried.time_s)[:, None, None]
    assert speed[both].mean() < 0.01 * carried.shape.build().height_m
    lowest = feet(carried)[..., 2].min(2)  # (T, 2)
    assert_allclose(lowest[carried.stands], 0, atol=0.01)


def test_a_trembling_foot_is_steadied(carried: BodyTrack, squats: Filmed, stage: BodyStage) -> None:
    turns = squats.body.turns.copy()
    tremble = 0.1 * np.random.default_rng(0).standard_normal((len(turns), 2, 3)).astype(np.float32)
    turns[:, [joint_index("ankle.L"), joint_index("ankle.R")]] += tremble
    shaken = retarget_body(replace(squats.body, turns=turns), stage)

    def speed(body: BodyTrack) -> float:
        both = carried.stands[1:] & carried.stands[:-1]
        return float(np.linalg.norm(np.diff(feet(body), axis=0), axis=-1)[both].mean())

    still = replace(carried, turns=carried.turns.copy())
    still.turns[:, [joint_index("ankle.L"), joint_index("ankle.R")]] += tremble
    assert speed(shaken) < 0.25 * speed(still)


@pytest.mark.parametrize("routine", ["squats", "walk", "kicks"])
def test_nothing_sinks_into_the_floor(routine: str, stage: BodyStage) -> None:
    assert feet(retarget_body(film("ada", routine).body, stage))[..., 2].min() > -0.01


def test_a_jump_leaves_the_floor_in_leg_lengths(stage: BodyStage) -> None:
    body = film("ada", "squats", 3.0).body
    time_s = body.time_s - body.time_s[18]
    height = np.maximum(0.4 - 0.5 * 9.81 * time_s**2, 0)
    pelvis = body.pelvis + np.column_stack([0 * height, 0 * height, height]).astype(np.float32)
    jumping = replace(body, pelvis=pelvis, stands=body.stands & (height < 0.02)[:, None])
    lowest = feet(retarget_body(jumping, stage))[..., 2].min((1, 2))
    wanted = height * stage.shape.build().leg_m / body.shape.build().leg_m
    assert_allclose(lowest[16:21], wanted[16:21], atol=0.06)  # the smoothing rounds the flight
    assert_allclose(lowest[height == 0], 0, atol=0.03)


def test_legs_that_were_never_seen_move_nothing_above_them(squats: Filmed, stage: BodyStage) -> None:
    close = from_the_waist_up(squats.body)
    carried = retarget_body(close, stage)
    guessed = retarget_body(with_other_legs(close), stage)
    upper = [*range(skeleton.LEFT_HIP)]
    assert_allclose(guessed.points[:, upper], carried.points[:, upper], atol=2e-3)
    usual = np.median(carried.pelvis, axis=0)
    assert stage.pelvis_m is not None
    assert_allclose(usual, stage.pelvis_m, atol=0.02)
    trunk = stage.shape.build().trunk_m / squats.body.shape.build().trunk_m
    assert_allclose(np.ptp(carried.pelvis[:, 2]), trunk * np.ptp(squats.body.pelvis[:, 2]), rtol=0.02)


def test_legs_that_were_never_seen_stand_at_rest(stage: BodyStage) -> None:
    close = from_the_waist_up(film("ada", "gestures").body)
    soles = feet(retarget_body(with_other_legs(close), stage))
    assert_allclose(soles[..., 2], 0, atol=0.02)  # flat on the floor
    assert np.abs(np.diff(soles[..., :2], axis=0)).max() < 0.005
    assert stage.pelvis_m is not None
    assert_allclose(soles.mean((0, 1, 2))[:2], stage.pelvis_m[:2], atol=0.15)  # feet reach ahead of the hips


def test_a_source_without_feet_is_told_of(squats: Filmed) -> None:
    assert describe_legs("a.mp4", squats.body) is None
    note = describe_legs("a.mp4", from_the_waist_up(squats.body))
    assert note is not None
    assert note.startswith("a.mp4: the feet are hardly ever in the picture")


def test_a_target_without_feet_keeps_its_place_in_the_picture(squats: Filmed) -> None:
    close = from_the_waist_up(film("bruno", "gestures").body)
    one = retarget_body(squats.body, BodyStage.measure(close))
    other = retarget_body(squats.body, BodyStage.measure(with_other_legs(close)))
    hips = list(skeleton.HIPS)
    found, again = (np.median(pixels(body)[:, hips].mean(1), axis=0) for body in (one, other))
    assert_allclose(again, found, atol=2)
    assert_allclose(found, np.median(pixels(close)[:, hips].mean(1), axis=0), atol=0.03 * height_px(close))
