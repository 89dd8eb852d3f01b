"""Retargeting in 3D, on the studio's true bodies and on bodies fitted to its true tracks."""

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.body.body_track import BodyTrack
from choreograft.errors import FileFormatError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack
from choreograft.retarget.body import BodyStage, find_headings, retarget_body, to_pose_track
from choreograft.retarget.limbs import reach_with_arms
from choreograft.video.size import Size
from filmed import Filmed, feet, film, fitted, height_px, pixels

BODY = skeleton.BODY
WRISTS = [skeleton.LEFT_WRIST, skeleton.RIGHT_WRIST]


def height_m(body: BodyTrack) -> float:
    return body.shape.build().height_m


def difference(one: BodyTrack, other: BodyTrack) -> float:
    """Mean distance of the joints in the picture, in shares of the person's height."""
    return float(np.linalg.norm(pixels(one) - pixels(other), axis=-1).mean() / height_px(one))


def turned(body: BodyTrack, angle_deg: float, far_m: float = 4.4) -> BodyTrack:
    """The same dance seen by a camera that walked around it."""
    cosine, sine = np.cos(np.deg2rad(angle_deg)), np.sin(np.deg2rad(angle_deg))
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    middle = np.array([0, far_m, 0])
    pelvis = (body.pelvis - middle) @ turn.T + middle
    return replace(body, root=(turn @ body.root).astype(np.float32), pelvis=pelvis.astype(np.float32))


@pytest.mark.parametrize("routine", ["squats", "walk", "kicks", "turns"])
def test_onto_its_own_stage_a_clip_comes_back_as_it_was(routine: str) -> None:
    body = film("ada", routine).body
    assert difference(body, retarget_body(body, BodyStage.measure(body))) < 0.01


def test_a_fitted_clip_comes_back_too() -> None:
    body = fitted("ada", "squats")  # in few steps, so its standing feet tremble, and they are held still in the result
    assert difference(body, retarget_body(body, BodyStage.measure(body))) < 0.015


def test_the_result_has_the_targets_body_and_the_sources_times(
    carried: BodyTrack, squats: Filmed, stage: BodyStage
) -> None:
    assert (carried.shape, carried.camera) == (stage.shape, stage.camera)
    assert_array_equal(carried.time_s, squats.body.time_s)
    assert_array_equal(carried.present, squats.body.present)
    assert carried.rate == squats.body.rate


def test_a_squat_stays_as_deep_in_leg_lengths(carried: BodyTrack, squats: Filmed, stage: BodyStage) -> None:
    depth = np.ptp(carried.pelvis[:, 2]) / stage.shape.build().leg_m
    assert_allclose(depth, np.ptp(squats.body.pelvis[:, 2]) / squats.body.shape.build().leg_m, rtol=0.1)


def test_joints_turn_as_in_the_source(carried: BodyTrack, squats: Filmed) -> None:
    def directions(body: BodyTrack, start: int, end: int) -> NDArray[np.float64]:
        way = body.points[:, end] - body.points[:, start]
        return way / np.linalg.norm(way, axis=1, keepdims=True)

    for start, end in (
        (skeleton.LEFT_SHOULDER, skeleton.LEFT_ELBOW),
        (skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST),
        (skeleton.RIGHT_HIP, skeleton.RIGHT_KNEE),
    ):
        cosine = (directions(carried, start, end) * directions(squats.body, start, end)).sum(1)
        assert np.median(np.rad2deg(np.arccos(np.clip(cosine, -1, 1)))) < 12


def test_the_size_of_the_sources_picture_does_not_matter(carried: BodyTrack, squats: Filmed, stage: BodyStage) -> None:
    body = replace(squats.body, camera=squats.body.camera.resized(Size(1080, 1440), 3.0))
    assert_array_equal(retarget_body(body, stage).points, carried.points)


def test_the_sources_height_does_not_matter_to_the_size(squats: Filmed, stage: BodyStage) -> None:
    small = retarget_body(film("bruno", "squats", 3.0).body, stage)
    large = retarget_body(squats.body, stage)
    assert_allclose(height_px(small), height_px(large), rtol=0.02)


@pytest.mark.parametrize("angle_deg", [30.0, -70.0, 180.0])
def test_a_camera_that_walked_around_the_source_sees_the_same_dance(
    angle_deg: float, carried: BodyTrack, squats: Filmed, stage: BodyStage
) -> None:
    assert difference(carried, retarget_body(turned(squats.body, angle_deg), stage)) < 0.01


def test_two_cameras_of_one_motion_lead_to_one_result(stage: BodyStage) -> None:
    results = [retarget_body(fitted("ada", "squats", azimuth), stage) for azimuth in (0.0, 30.0)]
    assert difference(*results) < 0.02


def test_feet_that_stand_on_both_sides_of_a_cut_stand_in_two_places(squats: Filmed, stage: BodyStage) -> None:
    body, half, pelvis = squats.body, len(squats.body) // 2, squats.body.pelvis.copy()
    pelvis[half:, 0] += 0.3
    stands, shot = np.ones((len(body), 2), np.bool_), (np.arange(len(body)) >= half).astype(np.int32)
    carried = retarget_body(replace(body, pelvis=pelvis, stands=stands, shot=shot), stage)
    stature = carried.shape.build().leg_m / body.shape.build().leg_m
    jump = np.diff(feet(carried)[half - 1 : half + 1], axis=0)
    assert_allclose(np.linalg.norm(jump[..., :2], axis=-1), 0.3 * stature, atol=0.02)
    assert_array_equal(carried.shot, shot)


def test_it_stands_on_the_targets_place_facing_its_way(squats: Filmed, stage: BodyStage) -> None:
    moved = replace(stage, place_m=(0.4, 5.0), near_m=4.8, far_m=5.2, heading_rad=float(np.deg2rad(35.0)))
    result = BodyStage.measure(retarget_body(squats.body, moved))
    assert_allclose(result.place_m, moved.place_m, atol=0.05)
    assert_allclose(np.rad2deg(result.heading_rad), 35.0, atol=3)


def test_whoever_turns_about_keeps_the_way_it_was_filmed(stage: BodyStage) -> None:
    body = film("ada", "squats").body
    spinning = replace(body, root=np.stack([turned(body, 15.0 * t).root[t] for t in range(len(body))]))
    measured = BodyStage.measure(spinning)
    assert measured.faces < 0.5
    result = retarget_body(spinning, replace(stage, heading_rad=1.0))
    off = np.angle(np.exp(1j * (find_headings(result) - find_headings(spinning))))
    assert_allclose(off, 0, atol=1e-4)


def test_distances_are_counted_in_leg_lengths(stage: BodyStage) -> None:
    walk = film("ada", "walk", 3.0).body
    wide = replace(stage, near_m=0.5, far_m=50.0)  # room enough
    result = retarget_body(walk, wide)
    ratio = stage.shape.build().leg_m / walk.shape.build().leg_m
    assert_allclose(np.ptp(result.pelvis[:, 1]), ratio * np.ptp(walk.pelvis[:, 1]), rtol=0.03)


def test_the_targets_depths_are_kept(stage: BodyStage, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = film("ada", "walk", 4.0).body
    monkeypatch.setattr("choreograft.retarget.body._DEPTH_SLACK_M", 0.1)
    result = retarget_body(walk, stage)
    hips_and_ankles = result.points[:, [*skeleton.HIPS, *skeleton.ANKLES], 1].mean(1)
    low, high = np.percentile(hips_and_ankles, (2, 98))
    assert low > stage.near_m - 0.1 - 0.03
    assert high < stage.far_m + 0.1 + 0.03
    assert np.ptp(hips_and_ankles) > 0.1  # it travels still


def test_the_trunk_stays_in_the_targets_picture(stage: BodyStage) -> None:
    walk = film("ada", "walk", 3.0).body
    sideways = turned(walk, 90.0)  # across the picture
    core = sideways.camera.project(sideways.points[:, [*skeleton.SHOULDERS, *skeleton.HIPS]])[..., 0]
    inside = ((core >= 0) & (core <= sideways.camera.size.width)).all(1)
    assert inside.sum() > 10
    slim = replace(stage, camera=replace(stage.camera, size=Size(160, 480)), faces=0.0, heading_rad=0.0)
    result = retarget_body(replace(sideways, present=inside), slim)
    at = result.camera.project(result.points[:, [*skeleton.SHOULDERS, *skeleton.HIPS]])[inside, :, 0]
    assert at.min() > -8
    assert at.max() < 160 + 8


def on_hips(body: BodyTrack) -> BodyTrack:
    """The same body with its wrists beside its hips."""
    hips = body.points[:, list(skeleton.HIPS)].astype(np.float64)
    return reach_with_arms(body, hips + np.array([[0.05, -0.02, 0.03], [-0.05, -0.02, 0.03]]))


def test_hands_on_hips_stay_there(squats: Filmed, stage: BodyStage) -> None:
    source = on_hips(squats.body)
    result = retarget_body(source, stage)
    for wrist, hip in zip(WRISTS, skeleton.HIPS, strict=True):
        before, after = (np.linalg.norm(b.points[:, wrist] - b.points[:, hip], axis=1) for b in (source, result))
        assert before.max() < 0.1
        assert np.median(after) < np.median(before) + 0.025
        assert after.max() < 0.14


def test_hands_off_the_body_are_not_pulled(squats: Filmed, stage: BodyStage, monkeypatch: pytest.MonkeyPatch) -> None:
    stretched = film("ada", "turns").body  # with the arms to the side now and then
    away = [
        np.linalg.norm(stretched.points[:, WRISTS] - stretched.points[:, None, joint], axis=-1).min(1)
        for joint in (skeleton.NOSE, *skeleton.SHOULDERS, *skeleton.HIPS, skeleton.LEFT_KNEE, skeleton.RIGHT_KNEE)
    ]
    free = np.min(away, axis=0) > 0.25
    arms = [index for index, name in enumerate(skeleton.NAMES[: BODY.stop]) if "shoulder" in name or "wrist" in name]
    result = retarget_body(stretched, stage)
    monkeypatch.setattr("choreograft.retarget.body._CONTACT_M", 1e-6)
    none = retarget_body(stretched, stage)
    settled = free & np.roll(free, 2) & np.roll(free, -2)
    assert settled.any()
    assert_allclose(result.points[settled][:, arms], none.points[settled][:, arms], atol=0.01)


def test_a_single_frame_is_carried_over(squats: Filmed, stage: BodyStage) -> None:
    result = retarget_body(squats.body.select([15]), stage)
    assert np.isfinite(result.points).all()
    assert_allclose(feet(result)[..., 2].min(), 0, atol=0.01)


def as_seen(body: BodyTrack, track: PoseTrack) -> PoseTrack:
    """The track of somebody whose joints are exactly where the body has them."""
    return replace(track, xy=body.camera.project(body.points[:, : skeleton.JOINTS]).astype(np.float32))


def test_the_stick_figure_is_the_bodys(carried: BodyTrack, squats: Filmed, stage: BodyStage) -> None:
    track = to_pose_track(carried, squats.body, as_seen(squats.body, squats.track))
    assert track.size == stage.camera.size
    assert track.rate == squats.track.rate
    assert_array_equal(track.time_s, squats.track.time_s)
    joints = carried.points[:, : skeleton.JOINTS]
    assert_allclose(track.xy, carried.camera.project(joints), atol=0.01)
    assert_allclose(track.world[:, list(skeleton.HIPS)].mean(1), 0, atol=1e-5)
    ways = [np.linalg.norm(p[:, skeleton.LEFT_KNEE] - p[:, skeleton.LEFT_ANKLE], axis=1) for p in (track.world, joints)]
    assert_allclose(ways[0], ways[1], atol=1e-5)
    hips = carried.camera.place(joints[:, list(skeleton.HIPS)])[..., 2].mean(1)
    px_m = carried.camera.focal_px / hips[:, None]
    assert_allclose(track.depth, track.world[..., 2] * px_m, atol=0.01)


def test_expressions_are_carried_over_in_the_size_of_the_result(
    carried: BodyTrack, squats: Filmed, stage: BodyStage
) -> None:
    neutral = as_seen(squats.body, squats.track)
    xy = neutral.xy.copy()
    mouth = skeleton.FACE.start + 57  # the lower lip
    xy[:, mouth, 1] += 6
    smiling = to_pose_track(carried, squats.body, replace(neutral, xy=xy)).xy
    plain = to_pose_track(carried, squats.body, neutral).xy
    px_m = [
        b.camera.focal_px / b.camera.place(b.points[:, list(skeleton.HIPS)])[..., 2].mean(1)
        for b in (carried, squats.body)
    ]
    assert_allclose(smiling[:, mouth, 1] - plain[:, mouth, 1], 6 * px_m[0] / px_m[1], rtol=0.02)
    others = np.delete(np.arange(skeleton.JOINTS), mouth)
    assert_array_equal(smiling[:, others], plain[:, others])


def test_an_arm_that_the_fit_missed_takes_its_hand_along(carried: BodyTrack, squats: Filmed) -> None:
    seen = as_seen(squats.body, squats.track)
    xy = seen.xy.copy()
    xy[:, skeleton.LEFT_WRIST] += 5
    xy[:, skeleton.LEFT_HAND] += 5
    moved = to_pose_track(carried, squats.body, replace(seen, xy=xy))
    assert_allclose(moved.xy, to_pose_track(carried, squats.body, seen).xy, atol=1e-3)


def test_onto_its_own_stage_hands_and_face_come_back_too(squats: Filmed) -> None:
    result = to_pose_track(retarget_body(squats.body, BodyStage.measure(squats.body)), squats.body, squats.track)
    parts = [skeleton.FACE, skeleton.LEFT_HAND, skeleton.RIGHT_HAND]
    away = [np.linalg.norm(result.xy[:, part] - squats.track.xy[:, part], axis=-1).mean() for part in parts]
    assert max(away) < 0.015 * squats.height_px


def test_what_was_not_seen_is_not_drawn(carried: BodyTrack, squats: Filmed) -> None:
    xy, score, present = squats.track.xy.copy(), squats.track.score.copy(), squats.track.present.copy()
    xy[:, skeleton.LEFT_HAND], score[:, skeleton.LEFT_HAND] = np.nan, 0
    score[:, skeleton.RIGHT_ELBOW] = 0.4
    present[5] = False
    xy[5], score[5] = np.nan, 0
    track = to_pose_track(carried, squats.body, replace(squats.track, xy=xy, score=score, present=present))
    assert_array_equal(track.present, present)
    assert_array_equal(track.score, score)
    for values in (track.xy, track.world, track.depth[..., None]):
        known = np.isfinite(values)
        assert_array_equal(known.all(-1), score > 0)
        assert_array_equal(known.any(-1), score > 0)
    assert track.xy.dtype == track.score.dtype == track.depth.dtype == track.world.dtype == np.float32


def test_a_stage_survives_json(stage: BodyStage) -> None:
    assert BodyStage.from_dict(json.loads(json.dumps(stage.as_dict()))) == stage


def test_a_stage_of_an_earlier_version_knows_feet_alone(squats: Filmed, stage: BodyStage) -> None:
    content = stage.as_dict()
    del content["pelvis_m"], content["legs_rad"], content["shows_feet"]
    earlier = BodyStage.from_dict(content)
    assert_array_equal(retarget_body(squats.body, earlier).turns, retarget_body(squats.body, stage).turns)


@pytest.mark.parametrize("change", [{"shape": None}, {"camera": {}}, {"place_m": [1.0]}, {"mood": 3}, "no heading"])
def test_a_damaged_stage_is_refused(change: object, stage: BodyStage) -> None:
    content = stage.as_dict()
    if isinstance(change, dict):
        content |= change
    else:
        del content["heading_rad"]
    with pytest.raises(FileFormatError, match=r"expected a body stage .* train the performer again") as error:
        BodyStage.from_dict(content)
    assert "\n" not in str(error.value)
