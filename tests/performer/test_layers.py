"""The layers of a person, and limbs that are turned about themselves."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.transform import Rotation

from choreograft.body.shape import MEAN_SHAPE
from choreograft.body.surface import PARTS, vertex_parts
from choreograft.performer.layers import LAYER_OF, LAYERS, SIDED, Limb, adjoining_layers, find_limbs, turn_about
from choreograft.pose import skeleton


def test_every_part_is_in_exactly_one_layer() -> None:
    assert sorted(part for layer in LAYERS for part in layer.parts) == sorted(PARTS)
    for part, layer in zip(PARTS, LAYER_OF, strict=True):
        assert part in LAYERS[layer].parts


def test_only_arms_and_hands_look_alike_from_all_sides() -> None:
    assert {part for part, sided in zip(PARTS, SIDED, strict=True) if not sided} == {
        f"{side}_{name}" for side in ("left", "right") for name in ("upper_arm", "forearm", "hand")
    }
    assert all(layer.kind == "stiff" for layer in LAYERS if layer.parts[0].endswith("hand"))


def test_joints_of_a_layer_are_on_its_own_side() -> None:
    for layer in LAYERS:
        names = {skeleton.NAMES[joint].split("_")[0] for joint in layer.joints}
        side = layer.parts[0].split("_")[0]
        assert side not in ("left", "right") or names == {side}


def test_layers_adjoin_where_a_body_hangs_together() -> None:
    table = adjoining_layers()
    assert_array_equal(table, table.T)
    assert not table.diagonal().any()

    def joined(one: str, other: str) -> bool:
        return bool(table[LAYER_OF[PARTS.index(one)], LAYER_OF[PARTS.index(other)]])

    for side, far in (("left", "right"), ("right", "left")):
        chain = ("torso", f"{side}_upper_arm", f"{side}_forearm", f"{side}_hand")
        for one, other in pairwise(chain):
            assert joined(one, other)
        assert joined(f"{side}_shin", "torso")  # whose layer has the thighs
        for other in ("torso", f"{side}_shin", f"{far}_hand", f"{far}_forearm", "head"):
            assert not joined(f"{side}_hand", other)
        assert not joined(f"{side}_shin", f"{far}_shin")
    assert joined("head", "torso")


@pytest.fixture(scope="module")
def cylinder() -> tuple[Limb, np.ndarray]:
    """A limb along a slanting axis, 3 m before the camera: rings from one end to the other."""
    along, around = np.meshgrid(np.linspace(-0.15, 0.15, 9), np.arange(24) * np.pi / 12, indexing="ij")
    rest = np.stack([0.04 * np.cos(around), 0.04 * np.sin(around), along], axis=-1).reshape(-1, 3)
    index = np.arange(len(rest))
    limb = Limb(
        index[rest[:, 2] < -0.1], index[rest[:, 2] > 0.1], index[rest[:, 0] > 0.001], index[rest[:, 0] < -0.001]
    )
    turn = Rotation.from_rotvec([0.7, -0.4, 0.3]).as_matrix()
    return limb, (rest @ turn.T + [0.3, -0.2, 3.0]).astype(np.float32)


@pytest.mark.parametrize("angle", [-2.5, -0.6, 0.0, 0.3, 1.5, 3.0])
def test_a_limb_turned_about_its_axis_shows_another_side_and_nothing_else(
    cylinder: tuple[Limb, np.ndarray], angle: float
) -> None:
    limb, vertices = cylinder
    middle, axis, before = limb.stand(vertices)
    after = limb.stand(turn_about(vertices, middle, axis, angle))
    assert_allclose(after[0], middle, atol=1e-5)
    assert_allclose(after[1], axis, atol=1e-4)
    assert_allclose(np.angle(np.exp(1j * (after[2] - before - angle))), 0, atol=1e-3)


def test_a_turn_about_an_axis_is_that_of_the_rotation_vector() -> None:
    rng = np.random.default_rng(0)
    points, middle = rng.normal(size=(20, 3)).astype(np.float32), np.float32([0.1, 0.2, 3.0])
    axis = np.float32([2, -1, 2]) / 3
    turned = Rotation.from_rotvec(0.8 * axis).apply(points - middle) + middle
    assert_allclose(turn_about(points, middle, axis, 0.8), turned, atol=1e-5)


def test_the_bodys_arms_are_found_from_shoulder_to_wrist_and_turn() -> None:
    body = MEAN_SHAPE.build()
    limbs = find_limbs(body.vertices, vertex_parts(body))
    assert {LAYERS[layer].parts[0] for layer in limbs} == {
        f"{side}_{name}" for side in ("left", "right") for name in ("upper_arm", "forearm")
    }
    for layer, limb in limbs.items():
        side = LAYERS[layer].parts[0].split("_")[0]
        joints = [body.heads[body.bones.index(f"{bone}01.{side[0].upper()}")] for bone in ("upperarm", "lowerarm")]
        joints.append(body.heads[body.bones.index(f"wrist.{side[0].upper()}")])
        at = 0 if "upper" in LAYERS[layer].parts[0] else 1
        bone = (joints[at + 1] - joints[at]) / np.linalg.norm(joints[at + 1] - joints[at])
        vertices = (body.vertices @ np.diag([1, -1, -1]) + [0, 0, 4]).astype(np.float32)
        middle, axis, before = limb.stand(vertices)
        assert abs(axis @ (bone * [1, -1, -1])) > 0.97
        own = vertices[vertex_parts(body) == PARTS.index(LAYERS[layer].parts[0])]
        assert np.linalg.norm(middle - own.mean(axis=0)) < 0.03
        turned = limb.stand(turn_about(vertices, middle, axis, 0.5))[2]
        assert_allclose(np.angle(np.exp(1j * (turned - before - 0.5))), 0, atol=1e-3)
