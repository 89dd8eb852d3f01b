"""Fits to the studio's true tracks, whose bodies and cameras are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.body.body_track import ARRAYS, BodyTrack
from choreograft.body.calibration import choose_varied
from choreograft.body.energy import POINTS, Energy, Evidence
from choreograft.body.fit import fit_bodies
from choreograft.body.shape import SOLES
from choreograft.errors import PersonError
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack, empty_arrays
from filmed import QUICK, RATE, SIZE, Filmed, film, fitted

BODY = skeleton.BODY
LEGS = (*skeleton.ANKLES, skeleton.LEFT_KNEE, skeleton.RIGHT_KNEE, *range(skeleton.FEET.start, skeleton.FEET.stop))


@pytest.fixture(scope="module")
def clip() -> Filmed:
    """Two seconds of squats."""
    return film("ada", "squats")


@pytest.fixture(scope="module")
def body(clip: Filmed) -> BodyTrack:
    return fitted("ada", "squats")


def errors_2d(body: BodyTrack, clip: Filmed) -> NDArray[np.float64]:
    """(T, 17) distance of joints in the picture, in shares of the person's height."""
    off = body.camera.project(body.points[:, BODY]) - clip.track.xy[:, BODY]
    return np.linalg.norm(off, axis=-1) / clip.height_px


def errors_m(body: BodyTrack, clip: Filmed) -> NDArray[np.float64]:
    """(T, 17) distance from the true joints, hips on hips, the clip's metres scaled to the truth's."""
    found, true = body.camera.place(body.points[:, BODY]), clip.joints[:, BODY]
    found, true = (p - p[:, list(skeleton.HIPS)].mean(1, keepdims=True) for p in (found, true))
    return np.linalg.norm(found * ((found * true).sum() / (found * found).sum()) - true, axis=-1)


def hide(track: PoseTrack, joints: list[int] | tuple[int, ...]) -> PoseTrack:
    """The same track as if joints were never seen."""
    xy, score, world = track.xy.copy(), track.score.copy(), track.world.copy()
    xy[:, joints], score[:, joints], world[:, joints] = np.nan, 0, np.nan
    return replace(track, xy=xy, score=score, world=world)


def test_joints_lie_where_the_picture_shows_them(body: BodyTrack, clip: Filmed) -> None:
    assert errors_2d(body, clip).mean() < 0.01


def test_joints_are_as_far_apart_as_they_truly_are(body: BodyTrack, clip: Filmed) -> None:
    assert errors_m(body, clip).mean() < 0.04


def test_the_camera_is_found(body: BodyTrack, clip: Filmed) -> None:
    assert body.camera.size == SIZE
    assert_allclose(body.camera.pitch_deg, clip.camera.pitch_deg, atol=4)
    assert_allclose(body.camera.height_m, clip.camera.height_m, rtol=0.25)


def test_times_and_presence_are_those_of_the_track(body: BodyTrack, clip: Filmed) -> None:
    assert body.rate == RATE
    assert_array_equal(body.time_s, clip.track.time_s)
    assert body.present.all()


def test_squats_stand_on_the_floor(body: BodyTrack, clip: Filmed) -> None:
    later = clip.track.time_s > 0.5
    assert body.stands[later].mean() > 0.9
    soles = body.points[:, skeleton.JOINTS :, 2]
    assert soles.min() > -0.04
    assert_allclose(soles.min(1)[later], 0, atol=0.04)


def test_the_floor_is_where_feet_stand(body: BodyTrack) -> None:
    lowest = body.points[:, SOLES, 2].reshape(len(body), 2, -1).min(2)
    assert_allclose(np.median(lowest[body.stands]), 0, atol=1e-3)


def test_rotations_are_rotations(body: BodyTrack) -> None:
    assert_allclose(np.swapaxes(body.root, 1, 2) @ body.root, np.tile(np.eye(3), (len(body), 1, 1)), atol=1e-4)


def test_the_same_track_gives_the_same_body(body: BodyTrack, clip: Filmed) -> None:
    again = fit_bodies([clip.track], QUICK, exact=True)[0]
    assert (again.shape, again.camera) == (body.shape, body.camera)
    for name in ARRAYS:
        assert_array_equal(getattr(again, name), getattr(body, name))


def test_dropped_and_wrong_joints_change_little(body: BodyTrack, clip: Filmed) -> None:
    random = np.random.default_rng(4)
    xy, score = clip.track.xy.copy(), clip.track.score.copy()
    chance = random.random(score.shape)
    score[chance < 0.1] = 0
    xy[chance < 0.1] = np.nan
    angle = random.uniform(0, 2 * np.pi, score.shape)
    wrong = chance > 0.97
    xy[wrong] += 100 * np.stack([np.cos(angle), np.sin(angle)], -1)[wrong].astype(np.float32)
    disturbed = fit_bodies([replace(clip.track, xy=xy, score=score)], QUICK, exact=True)[0]
    assert errors_2d(disturbed, clip).mean() < errors_2d(body, clip).mean() + 0.004


def test_windows_leave_no_seam(body: BodyTrack, clip: Filmed) -> None:
    pieces = fit_bodies([clip.track], replace(QUICK, window_frames=8, window_overlap=4), exact=True)[0]
    assert errors_2d(pieces, clip).mean() < 0.01
    own, whole = (b.points[:, BODY] - b.pelvis[:, None] for b in (pieces, body))
    assert np.linalg.norm(own - whole, axis=-1).mean() < 0.015
    jerk = np.linalg.norm(np.diff(pieces.points[:, BODY], 2, axis=0), axis=-1).mean(1)  # of frames 1, 2, ...
    true = np.linalg.norm(np.diff(clip.body.points[:, BODY], 2, axis=0), axis=-1).mean(1)
    extra = jerk - true
    seams = [frame - 1 for seam in (8, 16) for frame in (seam - 1, seam)]
    assert extra[seams].max() < np.delete(extra, seams).max() + 0.025  # 0.04 without an overlap


def test_shots_are_fitted_apart(clip: Filmed) -> None:
    half, xy = len(clip.track) // 2, clip.track.xy.copy()
    xy[half:, :, 0] += 0.3 * clip.height_px  # they jump aside
    shot = (np.arange(len(clip.track)) >= half).astype(np.int32)
    body = fit_bodies([replace(clip.track, xy=xy, shot=shot)], QUICK, exact=True)[0]
    off = np.linalg.norm(body.camera.project(body.points[:, BODY]) - xy[:, BODY], axis=-1) / clip.height_px
    assert off[half - 1 : half + 1].mean() < 0.012
    assert body.stands[half - 1 : half + 1].all()  # squats
    assert_array_equal(body.shot, shot)


def test_clips_of_one_person_share_a_shape(clip: Filmed) -> None:
    other = film("ada", "walk", pitch_deg=12.0)
    squats, walk = fit_bodies([clip.track, other.track], QUICK, exact=True)
    assert squats.shape == walk.shape
    assert squats.camera.pitch_deg < walk.camera.pitch_deg
    for body, of in ((squats, clip), (walk, other)):
        assert len(body) == len(of.track)
        assert errors_2d(body, of).mean() < 0.01
        assert errors_m(body, of).mean() < 0.05


def test_without_metric_landmarks_the_picture_alone_is_met(clip: Filmed) -> None:
    flat = replace(clip.track, world=np.full_like(clip.track.world, np.nan))
    assert errors_2d(fit_bodies([flat], QUICK, exact=True)[0], clip).mean() < 0.025


def test_feet_out_of_the_picture_do_not_matter_to_the_rest(clip: Filmed) -> None:
    body = fit_bodies([hide(clip.track, LEGS)], QUICK, exact=True)[0]
    assert np.isfinite(body.points).all()
    shown = [joint for joint in range(BODY.stop) if joint not in LEGS]
    assert errors_2d(body, clip)[:, shown].mean() < 0.01


def test_one_frame_is_enough(clip: Filmed) -> None:
    track = clip.track.select([10])
    body = fit_bodies([track], QUICK, exact=True)[0]
    off = body.camera.project(body.points[:, BODY]) - track.xy[:, BODY]
    assert np.linalg.norm(off, axis=-1).mean() < 0.015 * clip.height_px


def test_a_person_may_leave_and_come_back(clip: Filmed) -> None:
    present = np.ones(len(clip.track), bool)
    present[[0, 1, 11, 12, 13, -1]] = False
    arrays = empty_arrays(len(clip.track))
    seen = {name: np.where(present.reshape(-1, *[1] * (empty.ndim - 1)), getattr(clip.track, name), empty)
            for name, empty in arrays.items()}  # fmt: skip
    body = fit_bodies([replace(clip.track, present=present, **seen)], QUICK, exact=True)[0]
    assert_array_equal(body.present, present)
    assert np.isfinite(body.points).all()
    assert errors_2d(body, clip)[present].mean() < 0.012
    step = np.linalg.norm(np.diff(body.pelvis, axis=0), axis=1)
    true = np.linalg.norm(np.diff(clip.body.pelvis, axis=0), axis=1)
    assert step.max() < 2 * true.max()  # filled in between, no jump


def test_nobody_is_no_body(clip: Filmed) -> None:
    nobody = replace(clip.track, present=np.zeros(len(clip.track), bool), **empty_arrays(len(clip.track)))
    with pytest.raises(PersonError, match="found nobody to fit a body to"):
        fit_bodies([clip.track, nobody], QUICK)


def test_as_many_frames_are_chosen_as_there_are(clip: Filmed) -> None:
    assert len(choose_varied(clip.track, 6)) == 6
    chosen = choose_varied(clip.track, 1000)
    assert (np.diff(chosen) > 0).all()


def test_varied_frames_are_seen_and_differ(clip: Filmed) -> None:
    present = np.ones(len(clip.track), bool)
    present[:8] = False
    chosen = choose_varied(replace(clip.track, present=present), 4)
    assert (chosen >= 8).all()
    hips = clip.joints[:, list(skeleton.HIPS), 1].mean(1)
    assert np.ptp(hips[chosen]) > 0.8 * np.ptp(hips[8:])  # deep and upright


def test_limbs_are_held_against_landmarks_at_their_scale(clip: Filmed) -> None:
    """Or else the smallest body would have the smallest errors."""
    evidence = Evidence.read(clip.track.select(np.arange(4)), 200.0)
    points, lean = torch.randn(4, len(POINTS), 3, generator=torch.Generator().manual_seed(0)), torch.tensor(0.05)
    small, large = (
        float(Energy(0.008).landmarks(size * points, torch.tensor(size), lean, evidence)) for size in (0.8, 1.6)
    )
    assert small == pytest.approx(large, rel=1e-5)
    assert small > 0
