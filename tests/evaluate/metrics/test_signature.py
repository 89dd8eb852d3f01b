"""Tracing motions: limbs that swing in known rhythms, on other bodies, at other rates."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from choreograft.evaluate.metrics.signature import describe_windows, trace_sources
from choreograft.pose import skeleton
from choreograft.pose.track import PoseTrack, empty_arrays
from choreograft.video.size import Size

LIMBS = (
    (skeleton.LEFT_SHOULDER, skeleton.LEFT_ELBOW), (skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST),
    (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_ELBOW), (skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST),
    (skeleton.LEFT_SHOULDER, skeleton.LEFT_HIP), (skeleton.RIGHT_SHOULDER, skeleton.RIGHT_HIP),
    (skeleton.LEFT_HIP, skeleton.LEFT_KNEE), (skeleton.LEFT_KNEE, skeleton.LEFT_ANKLE),
    (skeleton.RIGHT_HIP, skeleton.RIGHT_KNEE), (skeleton.RIGHT_KNEE, skeleton.RIGHT_ANKLE),
)  # fmt: skip


def swinging(motion: int, seconds: float = 6.0, fps: int = 24, build: int = 0, noise_px: float = 0.0) -> PoseTrack:
    """A person whose limbs swing by rhythms that `motion` decides and whose limb lengths and place `build` decides."""
    rhythm, body = np.random.default_rng(motion), np.random.default_rng(1000 + build)
    time_s = np.arange(round(seconds * fps)) / fps
    arrays = empty_arrays(len(time_s))
    xy = arrays["xy"].astype(np.float64)
    place, beside = body.uniform(100, 300, 2), np.array([20, 0])
    xy[:, skeleton.LEFT_SHOULDER], xy[:, skeleton.RIGHT_SHOULDER] = place + beside, place - beside
    for start, end in LIMBS:
        swing, hertz, phase = rhythm.uniform(0.2, 0.8), rhythm.uniform(0.4, 1.6), rhythm.uniform(0, 2 * np.pi)
        angle = rhythm.uniform(-0.3, 0.3) + swing * np.sin(2 * np.pi * hertz * time_s + phase)
        xy[:, end] = xy[:, start] + body.uniform(30, 60) * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    xy += np.random.default_rng(7).normal(0, 1, xy.shape) * noise_px
    score = np.isfinite(xy).all(axis=-1).astype(np.float32)
    arrays |= {"xy": xy.astype(np.float32), "score": score}
    return PoseTrack(Size(400, 600), Fraction(fps), time_s, **arrays, present=np.ones(len(time_s), np.bool_))


def freeze(track: PoseTrack) -> PoseTrack:
    return replace(track, xy=np.repeat(track.xy[:1], len(track), axis=0))


SOURCES = [swinging(motion) for motion in range(4)]


def test_motions_are_traced_through_other_bodies_sizes_rates_and_noise() -> None:
    for options in ({"build": 1}, {"build": 2, "fps": 30}, {"build": 3, "noise_px": 1.5}):
        results = [(motion, swinging(motion, **options)) for motion in range(4)]
        right, chance = trace_sources(SOURCES, results)
        assert right > 0.95
        assert chance == 0.25
    larger = [(motion, source.on_canvas(Size(800, 1200))) for motion, source in enumerate(SOURCES)]
    assert trace_sources(SOURCES, larger)[0] == 1


def test_motions_of_none_of_the_sources_are_traced_by_chance() -> None:
    results = [(motion, swinging(100 + 7 * motion + take)) for motion in range(4) for take in range(6)]
    assert trace_sources(SOURCES, results)[0] < 0.45


def test_a_still_picture_of_the_right_pose_has_no_signature() -> None:
    results = [(motion, freeze(source)) for motion, source in enumerate(SOURCES)]
    assert trace_sources(SOURCES, results)[0] == 0
    # tracking jitter is no motion of theirs either
    shaking = [(m, replace(t, xy=t.xy + np.random.default_rng(m).normal(0, 1, t.xy.shape))) for m, t in results]
    assert trace_sources(SOURCES, shaking)[0] < 0.6


def test_a_mirrored_motion_is_another_one() -> None:
    def mirror(track: PoseTrack) -> PoseTrack:
        xy = track.xy[:, list(skeleton.MIRROR)] * [-1, 1] + [track.size.width, 0]
        return replace(track, xy=xy.astype(np.float32), score=track.score[:, list(skeleton.MIRROR)])

    results = [(motion, mirror(source)) for motion, source in enumerate(SOURCES)]
    assert trace_sources(SOURCES, results)[0] < 0.6


def test_windows_do_not_span_gaps_and_need_their_joints() -> None:
    whole = swinging(0, seconds=3.0)
    assert len(describe_windows(whole)) == 8  # windows of 1 s from 0 to 1.75 s: the last frame is at 2.96 s
    without = np.r_[0:30, 40:72]
    assert len(describe_windows(whole.select(without))) == 2 + 1  # from 0 and 0.25 s, and from 1.75 s
    blind = replace(whole, score=whole.score.copy())
    blind.score[:, skeleton.LEFT_KNEE] = 0
    assert len(describe_windows(blind)) == 0


def test_a_result_without_windows_counts_as_wrong() -> None:
    nobody = replace(SOURCES[1], present=np.zeros(len(SOURCES[1]), np.bool_))
    right, _ = trace_sources(SOURCES, [(0, SOURCES[0]), (1, nobody)])
    assert right == pytest.approx(0.5)


def test_fewer_than_two_sources_cannot_be_told_apart() -> None:
    assert np.isnan(trace_sources(SOURCES[:1], [(0, SOURCES[0])])).all()
    assert np.isnan(trace_sources([SOURCES[0], freeze(SOURCES[1])], [(0, SOURCES[0])])).all()
