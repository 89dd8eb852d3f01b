"""Chain and Points against plain forward kinematics of all bones and skinning of the whole mesh."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from choreograft.body.body_track import BodyTrack
from choreograft.body.model import LENGTHS, Body
from choreograft.body.rig import JOINTS, joint_axes, limits_rad, rotation_matrices
from choreograft.body.shape import MEAN_SHAPE, PHENOTYPES, SOLES, BodyShape, load_shape_space
from choreograft.pose import skeleton
from filmed import posed

FRAMES = 3


def random_body(seed: int) -> BodyTrack:
    """Any turns within the limits, any place, any build."""
    random = np.random.default_rng(seed)
    shape = BodyShape(
        tuple(random.uniform(0.2, 0.8, len(PHENOTYPES)).tolist()),
        tuple(random.uniform(-0.1, 0.1, len(LENGTHS)).tolist()),
    )
    low, high = limits_rad()
    return replace(
        posed(*[{}] * FRAMES, shape=shape),
        root=Rotation.random(FRAMES, random_state=seed).as_matrix().astype(np.float32),
        pelvis=random.uniform(-2, 2, (FRAMES, 3)).astype(np.float32),
        turns=random.uniform(low, high, (FRAMES, *low.shape)).astype(np.float32),
    )


def plain_bones(track: BodyTrack, body: Body, t: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Every bone turns by its joint's share from where its parent is, and by nothing if no joint turns it."""
    axes = joint_axes(MEAN_SHAPE.build())
    rotations, origins = np.empty((len(body.bones), 3, 3)), np.empty((len(body.bones), 3))
    rotations[0], origins[0] = track.root[t], track.pelvis[t]
    for bone, (name, parent) in enumerate(zip(body.bones, body.parents, strict=True)):
        if parent < 0:
            continue
        local = np.eye(3)
        for index, joint in enumerate(JOINTS):
            if name in joint.bones:
                share = 1 / len(joint.bones) if joint.is_chain else 1
                local = Rotation.from_rotvec(share * axes[index] @ track.turns[t, index]).as_matrix()
        rotations[bone] = rotations[parent] @ local
        origins[bone] = origins[parent] + rotations[parent] @ (body.heads[bone] - body.heads[parent])
    return rotations, origins


@pytest.fixture(scope="module", params=[1, 2, 3])
def track(request: pytest.FixtureRequest) -> BodyTrack:
    return random_body(request.param)


def test_points_are_where_skinning_the_mesh_puts_them(track: BodyTrack) -> None:
    body = track.shape.build()
    soles = track.points[:, SOLES]
    for t in range(FRAMES):
        rotations, origins = plain_bones(track, body, t)
        skinned = body.skin(body.vertices, body.weights, rotations, origins)
        assert_allclose(track.points[t, : skeleton.JOINTS], body.joints(skinned, rotations, origins), atol=1e-5)
        for point in soles[t]:  # vertices themselves
            assert np.linalg.norm(skinned - point, axis=1).min() < 1e-5


def test_bones_are_those_of_plain_forward_kinematics(track: BodyTrack) -> None:
    rotations, origins = track.bones()
    for t in range(FRAMES):
        plain_rotations, plain_origins = plain_bones(track, track.shape.build(), t)
        assert_allclose(rotations[t], plain_rotations, atol=1e-5)
        assert_allclose(origins[t], plain_origins, atol=1e-5)


def test_a_chain_keeps_its_bone_lengths(track: BodyTrack) -> None:
    rig, body = load_shape_space().rig, track.shape.build()
    _, origins = track.segments
    for segment, parent in enumerate(rig.parents[1:], start=1):
        rest = body.heads[rig.segments[segment]] - body.heads[rig.segments[parent]]
        now = np.linalg.norm(origins[:, segment] - origins[:, parent], axis=1)
        assert_allclose(now, np.linalg.norm(rest), atol=1e-5)


def test_rotation_matrices_agree_with_scipy() -> None:
    vectors = np.random.default_rng(0).normal(size=(40, 3)) * 2
    made = rotation_matrices(torch.from_numpy(vectors)).numpy()
    assert_allclose(made, Rotation.from_rotvec(vectors).as_matrix(), atol=1e-9)


def test_no_rotation_has_a_gradient_too() -> None:
    vector = torch.zeros(1, 3, requires_grad=True)
    matrix = rotation_matrices(vector)
    assert_allclose(matrix.detach().numpy()[0], np.eye(3), atol=1e-6)
    matrix[0, 1, 0].backward()
    assert_allclose(vector.grad.numpy()[0], [0, 0, 1], atol=1e-3)  # turning about z moves x towards y


def test_gradients_of_points_agree_with_small_steps() -> None:
    chain, points = load_shape_space().of(MEAN_SHAPE, slice(0, 17))
    track = random_body(5)
    root, pelvis = torch.from_numpy(track.root[:1]), torch.from_numpy(track.pelvis[:1])
    turns = torch.from_numpy(track.turns[:1].copy()).requires_grad_()
    points.locate(*chain.place(root, pelvis, turns))[0, skeleton.LEFT_WRIST, 0].backward()
    step = 0.02
    joint = next(index for index, joint in enumerate(JOINTS) if joint.name == "shoulder.L")
    with torch.no_grad():
        ends = []
        for sign in (1, -1):
            other = turns.clone()
            other[0, joint, 0] += sign * step
            ends.append(float(points.locate(*chain.place(root, pelvis, other))[0, skeleton.LEFT_WRIST, 0]))
    assert_allclose(float(turns.grad[0, joint, 0]), (ends[0] - ends[1]) / (2 * step), atol=1e-3)
