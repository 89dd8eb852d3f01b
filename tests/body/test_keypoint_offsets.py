from collections.abc import Sequence

import numpy as np
import pytest
import torch

from choreograft.body.calibration import _usual_lean
from choreograft.body.energy import AS_SEEN, CHOSEN, LIMBS, POINTS, SEEN, Energy, Evidence, observe
from choreograft.body.keypoint_offsets import LIMB_DEPTHS, OFFSETS, WORLD_LEAN_DEG, WORLD_LEAN_PER_PITCH
from choreograft.body.placement import USUAL_HEIGHT_M, deepen
from choreograft.body.rig import BODY_COUNT, JOINTS
from choreograft.body.shape import MEAN_SHAPE, load_shape_space
from choreograft.pose import skeleton
from choreograft.pose.mediapipe import BODY_FROM_POSE

TURNED = {bone for joint in JOINTS for bone in joint.bones}


def test_every_joint_that_the_tracker_has_is_there_once_for_both_sides() -> None:
    kinds = {skeleton.NAMES[joint].removeprefix("left_").removeprefix("right_") for joint in BODY_FROM_POSE}
    assert set(OFFSETS) == kinds


def test_every_carrier_is_a_bone_that_the_rig_turns() -> None:
    for offset in OFFSETS.values():
        assert offset.bone in TURNED
        assert not offset.bone.endswith(".R")


def test_every_limb_has_a_depth() -> None:
    assert set(LIMB_DEPTHS) == {name for name, _, _ in LIMBS}


def test_the_nose_stays_between_left_and_right() -> None:
    assert OFFSETS["nose"].step[0] == 0


def test_joints_are_seen_a_step_beside_the_bodys_which_turns_with_the_bone() -> None:
    space = load_shape_space(BODY_COUNT)
    chain, points = space.of(MEAN_SHAPE, CHOSEN)
    quarter = torch.tensor([[[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]])
    placed = chain.place(quarter, torch.zeros(1, 3), torch.zeros(1, BODY_COUNT, 3))
    exact = observe(space, points, exact=True).locate(*placed)[0]
    assert torch.equal(exact[AS_SEEN], exact[SEEN])
    at = observe(space, points, exact=False).locate(*placed)[0].numpy()
    for column, joint in enumerate(POINTS[SEEN]):
        side, _, kind = skeleton.NAMES[joint].partition("_")
        known = OFFSETS.get(kind if side in ("left", "right") else skeleton.NAMES[joint])
        x, y, z = known.step if known else (0, 0, 0)
        x = -x if side == "right" else x
        assert at[AS_SEEN][column] - at[column] == pytest.approx(1.72 * np.array([-y, x, z]), abs=2e-6)


def evidence_of(landmarks: torch.Tensor, known: Sequence[int]) -> Evidence:
    """Of landmarks (T, 23, 3) m, of which some joints are known, and nothing else."""
    weight = torch.zeros(landmarks.shape[:2])
    weight[:, known] = 1
    nothing = torch.zeros(len(landmarks), SEEN.stop)
    return Evidence(nothing[..., None].repeat(1, 1, 2), nothing, landmarks, weight, torch.zeros(len(landmarks)), 200.0)


@pytest.mark.parametrize(("name", "starts", "ends"), [limb for limb in LIMBS if len(limb[1]) == len(limb[2]) == 1])
def test_a_limb_costs_least_as_deep_as_the_tracker_flattens_it(
    name: str, starts: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    points = torch.randn(1, len(POINTS), 3, generator=torch.Generator().manual_seed(0)) / 3
    landmarks = points[:, : skeleton.FEET.stop].clone()
    way = landmarks[:, ends, 1] - landmarks[:, starts, 1]

    def cost(deeper_m: float) -> float:
        landmarks[:, ends, 1] = (
            landmarks[:, starts, 1] + LIMB_DEPTHS[name].slope * way + LIMB_DEPTHS[name].offset * 1.72 + deeper_m
        )
        evidence = evidence_of(landmarks, [*starts, *ends])
        return float(Energy(0.008).landmarks(points, torch.tensor(1.0), torch.tensor(0.0), evidence))

    assert cost(0.0) == pytest.approx(0, abs=1e-6)
    assert min(cost(0.03), cost(-0.03)) > 0.1


def test_landmarks_that_lean_to_the_camera_cost_least_with_their_lean() -> None:
    points = torch.randn(1, len(POINTS), 3, generator=torch.Generator().manual_seed(0)) / 3
    sine, cosine = np.sin(np.deg2rad(5)), np.cos(np.deg2rad(5))
    nearer_above = torch.tensor([[1.0, 0, 0], [0, cosine, -sine], [0, sine, cosine]], dtype=torch.float32)
    evidence = evidence_of(points[:, : skeleton.FEET.stop] @ nearer_above.T, range(skeleton.FEET.stop))

    def cost(lean_deg: float) -> float:
        lean = torch.tensor(np.deg2rad(lean_deg), dtype=torch.float32)
        return float(Energy(0.008, exact=True).landmarks(points, torch.tensor(1.0), lean, evidence))

    assert cost(5) == pytest.approx(0, abs=1e-3)
    assert min(cost(0), cost(10), cost(-5)) > 5


def test_landmarks_lean_less_to_a_camera_that_looks_down() -> None:
    def lean_deg(pitch_deg: float) -> float:
        return float(_usual_lean(torch.tensor(pitch_deg).deg2rad(), exact=False).rad2deg())

    assert lean_deg(0) == pytest.approx(WORLD_LEAN_DEG)
    assert lean_deg(10) == pytest.approx(WORLD_LEAN_DEG + 10 * WORLD_LEAN_PER_PITCH)
    assert lean_deg(10) < lean_deg(0) < 10
    assert _usual_lean(torch.tensor(0.2), exact=True) == 0


def test_flattened_limbs_are_guessed_nearer_to_their_true_depth_and_feet_go_along() -> None:
    random, T = np.random.default_rng(0), 200
    true = random.normal(0, 0.3, (T, skeleton.JOINTS, 3))
    legs = [(side + "_hip", side + "_knee", side + "_ankle", side + "_big_toe") for side in ("left", "right")]
    seen = true.copy()
    for leg in legs:
        hip, knee, ankle, toe = (skeleton.NAMES.index(name) for name in leg)
        for name, start, end in (("thigh", hip, knee), ("shin", knee, ankle)):
            depth = LIMB_DEPTHS[name]
            way = random.normal(0, 0.15, T)
            true[:, end, 2] = true[:, start, 2] + way
            seen[:, end, 2] = seen[:, start, 2] + depth.slope * way + depth.offset * USUAL_HEIGHT_M
            seen[:, end, 1] = seen[:, start, 1]  # across the line of sight: the lean changes nothing
        seen[:, toe] = seen[:, ankle] + true[:, toe]
        found = deepen(seen)
        flat, deep = (np.abs(each[:, ankle, 2] - true[:, ankle, 2]).mean() for each in (seen, found))
        assert deep < 0.7 * flat
        assert found[:, toe] - found[:, ankle] == pytest.approx(true[:, toe])
        assert found[..., :2] == pytest.approx(seen[..., :2])
