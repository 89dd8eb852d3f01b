"""Inverse kinematics against the forward kinematics of the same body."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from choreograft.body.body_track import BodyTrack
from choreograft.body.rig import NAMES, joint_index
from choreograft.body.shape import SOLES, load_shape_space
from choreograft.pose import skeleton
from choreograft.retarget.limbs import reach_with_arms, reach_with_legs
from filmed import film, posed

ANKLES = list(skeleton.ANKLES)
WRISTS = [skeleton.LEFT_WRIST, skeleton.RIGHT_WRIST]


@pytest.fixture(scope="module")
def body() -> BodyTrack:
    """Squats and their arms."""
    return film("ada", "squats").body


def orientation(body: BodyTrack, joint: str) -> np.ndarray:
    """(T, 3, 3) in the world, of the segment that a joint turns."""
    rig = load_shape_space().rig
    return body.segments[0][:, rig.joints.index(joint_index(joint))]


def near(body: BodyTrack, joints: list[int], by_m: float, seed: int = 0) -> np.ndarray:
    """(T, 2, 3) goals around where the joints are, smooth in time."""
    random = np.random.default_rng(seed)
    swing = np.sin(np.linspace(0, 3, len(body)))[:, None, None] * random.uniform(-by_m, by_m, (1, 2, 3))
    return body.points[:, joints].astype(np.float64) + swing


def towards(body: BodyTrack, joints: list[int], roots: tuple[str, str], share: float) -> np.ndarray:
    """(T, 2, 3) goals at a share of the way from where the limbs begin to where they end: in reach."""
    rig = load_shape_space().rig
    origins = body.segments[1][:, [rig.joints.index(joint_index(root)) for root in roots]].astype(np.float64)
    return origins + share * (body.points[:, joints] - origins)


def test_ankles_land_on_goals_in_reach(body: BodyTrack) -> None:
    goals = towards(body, ANKLES, ("hip.L", "hip.R"), 0.9) + near(body, ANKLES, 0.05) - body.points[:, ANKLES]
    assert_allclose(reach_with_legs(body, goals).points[:, ANKLES], goals, atol=1e-3)


def test_wrists_land_on_goals_in_reach(body: BodyTrack) -> None:
    goals = (
        towards(body, WRISTS, ("shoulder.L", "shoulder.R"), 0.85) + near(body, WRISTS, 0.05) - body.points[:, WRISTS]
    )
    assert_allclose(reach_with_arms(body, goals).points[:, WRISTS], goals, atol=1e-3)


def test_feet_and_hands_keep_how_they_are_turned(body: BodyTrack) -> None:
    legs = reach_with_legs(body, towards(body, ANKLES, ("hip.L", "hip.R"), 0.9))
    arms = reach_with_arms(body, towards(body, WRISTS, ("shoulder.L", "shoulder.R"), 0.85))
    for side in "LR":
        assert_allclose(orientation(legs, f"ankle.{side}"), orientation(body, f"ankle.{side}"), atol=1e-5)
        assert_allclose(orientation(arms, f"wrist.{side}"), orientation(body, f"wrist.{side}"), atol=1e-5)


def test_nothing_else_moves(body: BodyTrack) -> None:
    moved = reach_with_legs(body, towards(body, ANKLES, ("hip.L", "hip.R"), 0.9))
    turned = {NAMES[j] for j in np.flatnonzero((moved.turns != body.turns).any((0, 2)))}
    assert turned <= {f"{name}.{side}" for name in ("hip", "knee", "ankle") for side in "LR"}
    assert_array_equal(moved.pelvis, body.pelvis)
    assert_array_equal(moved.points[:, WRISTS], body.points[:, WRISTS])


def test_goals_where_the_limbs_are_change_nothing(body: BodyTrack) -> None:
    assert_array_equal(reach_with_legs(body, body.points[:, ANKLES].astype(np.float64)).turns, body.turns)
    assert_array_equal(reach_with_arms(body, body.points[:, WRISTS].astype(np.float64)).turns, body.turns)


def test_one_limb_moves_without_the_other(body: BodyTrack) -> None:
    goals = body.points[:, ANKLES].astype(np.float64)
    goals[:, 1] = towards(body, ANKLES, ("hip.L", "hip.R"), 0.9)[:, 1]
    moved = reach_with_legs(body, goals)
    left = [index for index, name in enumerate(NAMES) if name.endswith(".L")]
    assert_array_equal(moved.turns[:, left], body.turns[:, left])
    assert_allclose(moved.points[:, ANKLES], goals, atol=1e-3)


@pytest.mark.parametrize("away_m", [1.2, 3.0])
def test_limbs_stretch_towards_goals_out_of_reach(away_m: float, body: BodyTrack) -> None:
    origins = towards(body, ANKLES, ("hip.L", "hip.R"), 0.0)
    direction = np.array([0.3, -0.5, -0.8]) / np.linalg.norm([0.3, -0.5, -0.8])
    moved = reach_with_legs(body, origins + away_m * direction)
    reached = moved.points[:, ANKLES] - origins
    length = np.linalg.norm(reached, axis=-1)
    assert_allclose(reached @ direction, length, atol=1e-4)  # straight at the goal
    knees = moved.points[:, [skeleton.LEFT_KNEE, skeleton.RIGHT_KNEE]]
    rig = load_shape_space().rig
    upper = [rig.joints.index(joint_index(f"hip.{side}")) for side in "LR"]
    lower = [rig.joints.index(joint_index(f"knee.{side}")) for side in "LR"]
    begins = moved.segments[1]
    thigh = np.linalg.norm(begins[:, lower] - begins[:, upper], axis=-1)
    shin = np.linalg.norm(moved.points[:, ANKLES] - begins[:, lower], axis=-1)
    assert (length > 0.99 * (thigh + shin)).all()
    assert np.isfinite(knees).all()


def test_goals_in_the_hip_itself_fold_the_leg(body: BodyTrack) -> None:
    moved = reach_with_legs(body, towards(body, ANKLES, ("hip.L", "hip.R"), 0.01))
    assert np.isfinite(moved.points).all()


def test_knees_stay_in_their_plane_and_bend_forward() -> None:
    body = posed(*[{}] * 5)
    goals = body.points[:, ANKLES].astype(np.float64)
    goals[..., 2] += np.linspace(0.05, 0.4, 5)[:, None]
    moved = reach_with_legs(body, goals)
    assert_allclose(moved.points[:, ANKLES], goals, atol=1e-3)
    for side, knee in (("L", skeleton.LEFT_KNEE), ("R", skeleton.RIGHT_KNEE)):
        bend = np.rad2deg(moved.turns[:, joint_index(f"knee.{side}"), 0])
        assert (np.diff(bend) > 0).all()
        assert (np.diff(moved.points[:, knee, 1]) < 0).all()  # the body faces -y
        assert_allclose(moved.points[:, knee, 0], body.points[:, knee, 0], atol=0.08)


def test_standing_feet_take_their_soles_along(body: BodyTrack) -> None:
    goals = near(body, ANKLES, 0.03, seed=2)
    goals[..., 2] = body.points[:, ANKLES, 2]
    goals = np.where(np.linalg.norm(goals - towards(body, ANKLES, ("hip.L", "hip.R"), 0.0), axis=-1, keepdims=True)
                     < 0.97 * np.linalg.norm(body.points[0, ANKLES[0]] - body.segments[1][0, 0]), goals,
                     body.points[:, ANKLES])  # fmt: skip
    moved = reach_with_legs(body, goals)
    shift = (moved.points[:, ANKLES] - body.points[:, ANKLES])[:, :, None]
    soles = (moved.points[:, SOLES] - body.points[:, SOLES]).reshape(len(body), 2, -1, 3)
    assert_allclose(soles, np.broadcast_to(shift, soles.shape), atol=4e-3)
