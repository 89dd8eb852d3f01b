"""Hands and faces are looked for in the right square of the frame and taken only where the body agrees."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from choreograft.pose import skeleton
from choreograft.pose.mediapipe import (
    BODY_FROM_POSE,
    COARSE_HAND_TRUST,
    FACE_FROM_MESH,
    FACE_POINTS,
    body_scale_px,
    erase_person,
    hand_crop,
    head_crop,
    hidden_share,
    person_from_pose,
    place_face,
    place_hand,
)
from choreograft.pose.track import Person
from choreograft.video.size import Crop, Size

WIDTH, HEIGHT = SIZE = Size(800, 600)
POSE_POINTS = 33
LEFT, LEFT_WRIST = skeleton.HANDS[0]
RIGHT, RIGHT_WRIST = skeleton.HANDS[1]


def pose_points() -> NDArray[np.float32]:
    """A person facing the camera, BlazePose's 33 points as shares of the frame: their left is on our right."""
    half = {0: (0, 0.15, -0.2), 2: (0.01, 0.14, -0.19), 7: (0.03, 0.15, -0.1), 11: (0.06, 0.25, -0.05)}
    half |= {13: (0.09, 0.37, 0), 15: (0.1, 0.5, 0), 17: (0.11, 0.55, 0), 19: (0.1, 0.56, 0), 21: (0.09, 0.53, 0)}
    half |= {23: (0.04, 0.5, 0), 25: (0.04, 0.7, 0), 27: (0.04, 0.9, 0), 29: (0.04, 0.92, 0), 31: (0.05, 0.94, 0)}
    mirrored = {
        0: 0,
        2: 5,
        7: 8,
        11: 12,
        13: 14,
        15: 16,
        17: 18,
        19: 20,
        21: 22,
        23: 24,
        25: 26,
        27: 28,
        29: 30,
        31: 32,
    }
    points = np.zeros((POSE_POINTS, 3), np.float32)
    for left, (x, y, z) in half.items():
        points[left], points[mirrored[left]] = (0.5 + x, y, z), (0.5 - x, y, z)
    return points


@pytest.fixture
def person() -> Person:
    return person_from_pose(
        pose_points(), np.full(POSE_POINTS, 0.9, np.float32), np.ones((POSE_POINTS, 3), np.float32), SIZE, None
    )


def on_crop(crop: Crop, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frame px to shares of a crop, worked out from where its corners lie in the frame."""
    corner, right, down = crop.to_frame(np.array([[0, 0], [1, 0], [0, 1]], np.float32))
    axes = np.column_stack([right - corner, down - corner])
    shares = np.linalg.solve(axes, (points - corner).T).T
    return np.column_stack([shares, np.zeros(len(points))]).astype(np.float32)


def hand_from(person: Person, hand: slice) -> NDArray[np.float32]:
    """21 points in frame px that meet the body's wrist and knuckles."""
    known = person.xy[hand]
    found = np.repeat(known[:1], 21, axis=0)
    for point in (2, 5, 17):
        found[point] = known[point]
    return found


def test_body_and_feet_land_on_their_own_side(person: Person) -> None:
    np.testing.assert_allclose(person.xy[skeleton.LEFT_WRIST], [0.6 * WIDTH, 0.5 * HEIGHT], atol=1e-3)
    np.testing.assert_allclose(person.xy[skeleton.RIGHT_BIG_TOE], [0.45 * WIDTH, 0.94 * HEIGHT], atol=1e-3)
    assert person.depth[skeleton.NOSE] == pytest.approx(-0.2 * WIDTH)
    for joint in BODY_FROM_POSE:
        assert person.xy[joint, 0] + person.xy[skeleton.MIRROR[joint], 0] == pytest.approx(WIDTH)


def test_what_the_body_model_does_not_know_stays_unseen(person: Person) -> None:
    for joint in (skeleton.LEFT_SMALL_TOE, skeleton.RIGHT_SMALL_TOE, skeleton.FACE.start, skeleton.LEFT_HAND.start + 8):
        assert np.isnan(person.xy[joint]).all()
        assert person.score[joint] == 0


def test_coarse_hands_are_trusted_less_than_the_body(person: Person) -> None:
    assert person.score[skeleton.LEFT_HAND.start + 5] == pytest.approx(0.9 * COARSE_HAND_TRUST)


def test_a_point_without_confidence_is_nan_and_not_a_place() -> None:
    score = np.full(POSE_POINTS, 0.9, np.float32)
    score[27] = 0.001
    person = person_from_pose(pose_points(), score, np.ones((POSE_POINTS, 3), np.float32), SIZE, None)
    assert np.isnan(person.xy[skeleton.LEFT_ANKLE]).all()
    assert person.score[skeleton.LEFT_ANKLE] == 0
    assert np.isnan(person.world[skeleton.LEFT_ANKLE]).all()


def test_the_face_table_is_symmetric_like_the_skeleton() -> None:
    """Mirroring iBUG's points swaps vertices, except on the middle line, which stays."""
    middle = {152, 168, 197, 5, 1, 2, 0, 17, 13, 14}
    for point, vertex in enumerate(FACE_FROM_MESH):
        other = FACE_FROM_MESH[skeleton.MIRROR[skeleton.FACE.start + point] - skeleton.FACE.start]
        assert (vertex == other) == (vertex in middle)
    assert len(set(FACE_FROM_MESH)) == 68
    assert max(FACE_FROM_MESH) < FACE_POINTS


@pytest.mark.parametrize("up", [(0.0, -1.0), (1.0, 0.0), (-0.6, -0.8), (0.0, 1.0)])
def test_a_crop_and_its_way_back_agree_about_where_a_dot_is(up: tuple[float, float]) -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[79:82, 139:142] = 255  # its middle is (140.5, 80.5)
    crop = Crop(np.array([150, 90], np.float32), 64.0, np.array(up, np.float32), out_px=256)
    cut = crop.cut(image)[..., 0].astype(float)
    rows, columns = np.mgrid[0:256, 0:256] + 0.5
    found = np.array([[(cut * columns).sum(), (cut * rows).sum()]]) / cut.sum() / 256
    np.testing.assert_allclose(crop.to_frame(found.astype(np.float32)), [[140.5, 80.5]], atol=0.05)


def test_up_in_a_crop_is_the_direction_asked_for() -> None:
    crop = Crop(np.array([50, 50], np.float32), 20.0, np.array([1, 0], np.float32))
    np.testing.assert_allclose(crop.to_frame(np.array([[0.5, 0.0]], np.float32)), [[60, 50]], atol=1e-4)


def test_a_crop_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        Crop(np.zeros(2, np.float32), 0.0, np.array([0, -1], np.float32))


def test_a_hand_is_looked_for_around_the_knuckles_at_the_body_scale(person: Person) -> None:
    crop = hand_crop(person, LEFT, LEFT_WRIST)
    assert crop is not None
    assert crop.side_px == pytest.approx(body_scale_px(person)) == pytest.approx(0.25 * HEIGHT)
    np.testing.assert_allclose(crop.centre, person.xy[LEFT][[5, 17]].mean(0))
    person.score[LEFT_WRIST] = 0.1
    assert hand_crop(person, LEFT, LEFT_WRIST) is None


def test_a_hand_that_meets_the_wrist_is_taken_with_the_wrists_score(person: Person) -> None:
    crop = hand_crop(person, LEFT, LEFT_WRIST)
    assert crop is not None
    truth = hand_from(person, LEFT)
    assert place_hand(person, on_crop(crop, truth), crop, LEFT, LEFT_WRIST)
    np.testing.assert_allclose(person.xy[LEFT], truth, atol=0.01)
    np.testing.assert_allclose(person.score[LEFT], 0.9, atol=1e-3)
    np.testing.assert_allclose(person.depth[LEFT], person.depth[LEFT_WRIST], atol=1e-3)


def test_the_other_hand_in_the_crop_is_not_taken(person: Person) -> None:
    before = person.xy.copy()
    crop = hand_crop(person, LEFT, LEFT_WRIST)
    assert crop is not None
    assert not place_hand(person, on_crop(crop, hand_from(person, RIGHT)), crop, LEFT, LEFT_WRIST)
    np.testing.assert_array_equal(person.xy, before)


def test_a_head_that_is_turned_away_is_not_searched(person: Person) -> None:
    assert head_crop(person) is not None
    unsure = replace(person, score=person.score.copy())
    unsure.score[skeleton.NOSE] = 0.3
    assert head_crop(unsure) is None
    behind = replace(person, depth=-person.depth)  # the nose is farther than the ears
    assert head_crop(behind) is None


def test_the_head_of_somebody_lying_down_is_turned_upright(person: Person) -> None:
    lying = replace(person, xy=person.xy[:, ::-1].copy())
    crop = head_crop(lying)
    assert crop is not None
    top = crop.to_frame(np.array([[0.5, 0.0]], np.float32))[0] - crop.centre
    assert top[0] < 0
    assert abs(top[1]) < 1e-3 * crop.side_px


def mesh_from(person: Person, shift_px: float) -> NDArray[np.float32]:
    """A face mesh in frame px, eyes and nose where the body has them, moved sideways."""
    mesh = np.repeat(person.xy[[skeleton.NOSE]], FACE_POINTS, axis=0)
    for first, joint in ((36, skeleton.RIGHT_EYE), (42, skeleton.LEFT_EYE)):
        mesh[list(FACE_FROM_MESH[first : first + 6])] = person.xy[joint]
    return mesh + np.array([shift_px, 0], np.float32)


def test_a_face_is_taken_where_eyes_and_nose_agree_and_left_where_they_do_not(person: Person) -> None:
    crop = head_crop(person)
    assert crop is not None
    assert not place_face(person, on_crop(crop, mesh_from(person, 60)), crop)
    assert person.score[skeleton.FACE].max() == 0
    assert place_face(person, on_crop(crop, mesh_from(person, 0)), crop)
    np.testing.assert_allclose(person.xy[skeleton.FACE.start + 30], person.xy[skeleton.NOSE], atol=0.01)
    np.testing.assert_allclose(person.score[skeleton.FACE], 0.9, atol=1e-3)


def test_an_erased_person_looks_like_the_surroundings_and_the_rest_is_untouched() -> None:
    image = np.full((240, 320, 3), (40, 120, 200), np.uint8)
    mask = np.zeros((120, 160), np.uint8)
    cv2.ellipse(mask, (80, 60), (20, 45), 0, 0, 360, 255, -1)
    image[cv2.resize(mask, (320, 240), interpolation=cv2.INTER_NEAREST) > 0] = (255, 0, 0)
    kept = image.copy()
    erased = erase_person(image, mask)
    np.testing.assert_array_equal(image, kept)
    np.testing.assert_allclose(erased.reshape(-1, 3), np.tile([40, 120, 200], (240 * 320, 1)), atol=3)
    np.testing.assert_array_equal(erased[:, :60], image[:, :60])


def test_a_find_among_the_remains_of_others_is_told_by_its_joints(person: Person) -> None:
    whole = np.full((60, 80), 255, np.uint8)
    half = whole.copy()
    half[:, :40] = 0
    assert hidden_share(person, SIZE, []) == 0
    assert hidden_share(person, SIZE, [whole]) == 1
    assert 0.4 < hidden_share(person, SIZE, [half]) < 0.6
