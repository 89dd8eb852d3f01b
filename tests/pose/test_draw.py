"""Stick figures show each joint where it is, at any size, and survive whatever an estimator returns."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from choreograft.config import StickFigureConfig
from choreograft.pose import skeleton
from choreograft.pose.draw import (
    DIM,
    FACE_COLOR,
    FINGER_COLORS,
    JOINT_COLORS,
    LIMB_COLORS,
    NECK_COLOR,
    draw_pose,
    draw_track_frame,
    overlay_pose,
)
from choreograft.video.size import Size

SIZES = [Size(144, 256), Size(455, 256), Size(288, 512), Size(1024, 1024), Size(1080, 1920)]
PERSON = {  # shares of the picture's width and height; a person facing the camera
    "nose": (0.5, 0.15), "left_eye": (0.52, 0.14), "right_eye": (0.48, 0.14),
    "left_ear": (0.55, 0.15), "right_ear": (0.45, 0.15),
    "left_shoulder": (0.62, 0.28), "right_shoulder": (0.38, 0.28), "left_elbow": (0.72, 0.4),
    "right_elbow": (0.28, 0.4), "left_wrist": (0.8, 0.5), "right_wrist": (0.2, 0.5),
    "left_hip": (0.58, 0.55), "right_hip": (0.42, 0.55), "left_knee": (0.6, 0.72), "right_knee": (0.4, 0.72),
    "left_ankle": (0.61, 0.9), "right_ankle": (0.39, 0.9), "left_heel": (0.59, 0.92), "right_heel": (0.41, 0.92),
    "left_big_toe": (0.65, 0.94), "right_big_toe": (0.35, 0.94), "left_small_toe": (0.67, 0.93),
    "right_small_toe": (0.33, 0.93),
}  # fmt: skip

Pose = tuple[NDArray[np.float32], NDArray[np.float32]]


def _nobody() -> Pose:
    return np.full((skeleton.JOINTS, 2), np.nan, np.float32), np.zeros(skeleton.JOINTS, np.float32)


def _person(size: Size) -> Pose:
    xy, score = _nobody()
    for name, share in PERSON.items():
        joint = skeleton.NAMES.index(name)
        xy[joint], score[joint] = np.multiply(share, size), 0.9
    return xy, score


def _only(points: dict[int, tuple[float, float]], score: float = 0.9) -> Pose:
    xy, scores = _nobody()
    for joint, point in points.items():
        xy[joint], scores[joint] = point, score
    return xy, scores


def _centroid(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Of the brightness, in px with pixel centres at + 0.5."""
    weight = image.sum(-1).astype(float)
    y, x = np.indices(weight.shape) + 0.5
    return np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("share", [(0.5, 0.5), (0.3137, 0.7219), (0.6402, 0.2003)])
def test_a_joint_is_found_where_it_was_drawn(size: Size, share: tuple[float, float]) -> None:
    point = (share[0] * size.width, share[1] * size.height)
    image = draw_pose(*_only({skeleton.LEFT_WRIST: point}), size)
    np.testing.assert_allclose(_centroid(image), point, atol=0.1)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_limb_lies_between_its_joints(size: Size) -> None:
    ends = np.array([(0.31, 0.42), (0.68, 0.57)]) * size
    config = StickFigureConfig(joint_dot=1e-9)
    image = draw_pose(*_only({skeleton.LEFT_HIP: ends[0], skeleton.LEFT_KNEE: ends[1]}), size, config)
    np.testing.assert_allclose(_centroid(image), ends.mean(0), atol=0.25)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_lines_and_dots_are_as_wide_as_configured(size: Size) -> None:
    config = StickFigureConfig(limb_width=0.02, joint_dot=0.05)
    points = {skeleton.LEFT_HIP: (0.5 * size.width, 0.2 * size.height)}
    dot = draw_pose(*_only(points), size, config).max(-1) / max(JOINT_COLORS[skeleton.LEFT_HIP])
    assert dot.sum() == pytest.approx(np.pi / 4 * (0.05 * size.height) ** 2, rel=0.06)
    points[skeleton.LEFT_KNEE] = (0.5 * size.width, 0.8 * size.height)
    row = draw_pose(*_only(points), size, config)[size.height // 2].max(-1) / 255
    assert row.sum() == pytest.approx(0.02 * size.height, rel=0.1)


def test_every_limb_shows_its_own_color() -> None:
    size = Size(1024, 1024)
    image = draw_pose(*_person(size), size)
    for (a, b), color in LIMB_COLORS.items():
        if a in skeleton.HEAD:
            continue  # thinner than the dots at its ends
        names = skeleton.NAMES[a], skeleton.NAMES[b]
        x, y = np.mean([PERSON[name] for name in names], axis=0) * size
        assert tuple(image[int(y), int(x)]) == color, names


def test_colors_are_all_different() -> None:
    assert len(set(LIMB_COLORS.values())) == len(skeleton.BODY_LIMBS)
    fingers = [color for colors in FINGER_COLORS.values() for color in colors]
    assert len(set(fingers)) == 10
    assert set(JOINT_COLORS) == {*range(23)} - {skeleton.LEFT_SMALL_TOE, skeleton.RIGHT_SMALL_TOE}


def test_the_neck_runs_from_the_shoulders_middle_to_the_nose() -> None:
    size = Size(1024, 1024)
    image = draw_pose(*_person(size), size)
    x, y = 0.5 * size.width, (0.28 + 0.15) / 2 * size.height
    assert tuple(image[int(y), int(x)]) == NECK_COLOR
    xy, score = _person(size)
    score[skeleton.LEFT_SHOULDER] = 0
    assert not draw_pose(xy, score, size)[int(y), int(x)].any()


@pytest.mark.parametrize("size", [Size(144, 256), Size(512, 512)], ids=str)
def test_the_figure_of_a_symmetric_person_is_symmetric_in_shape(size: Size) -> None:
    shape = draw_pose(*_person(size), size).max(-1) > 60
    both = shape | shape[:, ::-1]
    assert (shape ^ shape[:, ::-1]).sum() < 0.03 * both.sum()


def test_a_mirrored_person_is_not_the_mirrored_picture() -> None:
    size = Size(144, 256)
    xy, score = _person(size)
    xy[skeleton.LEFT_WRIST] = (0.8 * size.width, 0.2 * size.height)
    image = draw_pose(xy, score, size)
    mirrored = xy[list(skeleton.MIRROR)] * (-1, 1) + (size.width, 0)
    turned = draw_pose(mirrored.astype(np.float32), score[list(skeleton.MIRROR)], size)
    # the same shape, up to rounding ...
    assert ((turned.max(-1) > 60) ^ (image[:, ::-1].max(-1) > 60)).sum() < 0.03 * (image.max(-1) > 60).sum()
    # ... in the other side's colours
    assert np.abs(turned.astype(int) - image[:, ::-1]).max() > 200


def test_larger_pictures_show_the_same_figure() -> None:
    small, large = Size(144, 256), Size(576, 1024)
    shrunk = draw_pose(*_person(large), large).reshape(256, 4, 144, 4, 3).mean((1, 3))
    assert np.abs(draw_pose(*_person(small), small) - shrunk).mean() < 1


@pytest.mark.parametrize(("score", "drawn"), [(0.29, False), (0.31, True)])
def test_a_limb_needs_both_joints_above_the_threshold(score: float, drawn: bool) -> None:
    size = Size(144, 256)
    xy, scores = _only({skeleton.LEFT_HIP: (70, 80), skeleton.LEFT_KNEE: (70, 180)})
    scores[skeleton.LEFT_KNEE] = score
    image = draw_pose(xy, scores, size)
    assert image[130, 70].any() == drawn
    assert image[80, 70].any()


def test_hands_are_drawn_from_a_low_threshold_on() -> None:
    size = Size(256, 256)
    for hand in (skeleton.LEFT_HAND, skeleton.RIGHT_HAND):
        points = {hand.start: (128.0, 200.0), hand.start + 5: (128.0, 100.0)}
        image = draw_pose(*_only(points, score=0.06), size, StickFigureConfig(hand_width=0.02))
        assert tuple(image[150, 128]) == FINGER_COLORS[hand.start][1]
        assert not draw_pose(*_only(points, score=0.04), size).any()


def test_the_mean_score_of_the_face_decides_for_all_its_dots() -> None:
    size = Size(256, 256)
    xy, score = _nobody()
    xy[skeleton.FACE] = np.random.default_rng(0).uniform(100, 150, (68, 2))
    score[skeleton.FACE] = 0.18
    assert not draw_pose(xy, score, size).any()
    score[skeleton.FACE.start] = 1.0  # mean 0.19
    assert not draw_pose(xy, score, size).any()
    score[skeleton.FACE] = 0.21
    image = draw_pose(xy, score, size, StickFigureConfig(face_dot=0.02))
    for x, y in xy[skeleton.FACE]:
        assert tuple(image[int(y), int(x)]) == FACE_COLOR


@pytest.mark.parametrize("nearer", ["left", "right"])
def test_the_nearer_arm_lies_over_the_farther_one(nearer: str) -> None:
    size = Size(512, 512)
    left, right = (skeleton.LEFT_ELBOW, skeleton.LEFT_WRIST), (skeleton.RIGHT_ELBOW, skeleton.RIGHT_WRIST)
    pose = _only({left[0]: (200, 200), left[1]: (300, 300), right[0]: (300, 200), right[1]: (200, 300)})
    depth = np.full(skeleton.JOINTS, np.nan, np.float32)
    depth[list(left if nearer == "left" else right)] = -50
    image = draw_pose(*pose, size, depth=depth)
    assert tuple(image[250, 250]) == LIMB_COLORS[left if nearer == "left" else right]


@settings(max_examples=40, deadline=None)
@given(
    arrays(np.float32, (133, 2), elements=st.floats(width=32)),
    arrays(np.float32, 133, elements=st.floats(0, 1, width=32)),
    st.sampled_from([Size(1, 1), Size(16, 9), Size(64, 128)]),
)
def test_any_coordinates_can_be_drawn(xy: NDArray[np.float32], score: NDArray[np.float32], size: Size) -> None:
    image = draw_pose(xy, score, size, StickFigureConfig(supersample_to=256), depth=xy[:, 0])
    assert image.shape == (size.height, size.width, 3)
    assert image.dtype == np.uint8


def test_a_limb_to_a_joint_off_the_picture_runs_to_the_edge() -> None:
    size = Size(144, 256)
    image = draw_pose(*_only({skeleton.LEFT_ELBOW: (72, 128), skeleton.LEFT_WRIST: (1000, 128)}), size)
    assert image[128, 80:].any(-1).all()


@pytest.mark.parametrize("far", [1e6, 1e12, np.inf, -np.inf])
def test_a_joint_absurdly_far_off_is_left_out(far: float) -> None:
    size = Size(144, 256)
    with_far = draw_pose(*_only({skeleton.LEFT_ELBOW: (72, 128), skeleton.LEFT_WRIST: (far, 128)}), size)
    np.testing.assert_array_equal(with_far, draw_pose(*_only({skeleton.LEFT_ELBOW: (72, 128)}), size))


def test_a_frame_without_the_person_is_black(make_track) -> None:
    track = make_track(frames=2, size=Size(144, 256))
    assert draw_track_frame(track, 1).any()
    absent = replace(track, present=np.array([True, False]))
    assert not draw_track_frame(absent, 1).any()
    np.testing.assert_array_equal(draw_track_frame(absent, 0), draw_track_frame(track, 0))


def test_a_track_frame_is_its_pose_with_depth(make_track) -> None:
    track = make_track(frames=1, size=Size(144, 256))
    expected = draw_pose(track.xy[0], track.score[0], track.size, depth=track.depth[0])
    np.testing.assert_array_equal(draw_track_frame(track, 0), expected)


@pytest.mark.parametrize("size", [Size(144, 256), Size(100, 1100)], ids=str)
def test_an_overlay_leaves_the_picture_between_the_lines(size: Size) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (size.height, size.width, 3), dtype=np.uint8)
    kept = picture.copy()
    image = overlay_pose(picture, *_person(size))
    figure = draw_pose(*_person(size), size)
    free = ~figure.any(-1)
    np.testing.assert_allclose(image[free], DIM * picture[free], atol=0.51)
    covered = (figure == figure.max((0, 1))).all(-1)
    np.testing.assert_array_equal(image[covered], figure[covered])
    np.testing.assert_array_equal(picture, kept)
