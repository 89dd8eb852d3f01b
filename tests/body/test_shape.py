import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from choreograft.body.model import LENGTHS, Body
from choreograft.body.shape import MEAN_SHAPE, SOLE_POINTS, SOLES, BodyShape, load_shape_space
from choreograft.pose import skeleton
from filmed import posed

LIMBS = {
    "trunk": ("root", "neck01"),
    "neck": ("neck01", "head"),
    "shoulders": ("clavicle.L", "upperarm01.L"),
    "upper arms": ("upperarm01.L", "lowerarm01.L"),
    "forearms": ("lowerarm01.L", "wrist.L"),
    "hips": ("root", "upperleg01.L"),
    "thighs": ("upperleg01.L", "lowerleg01.L"),
    "shins": ("lowerleg01.L", "foot.L"),
}
SIDEWAYS = ("shoulders", "hips")


def with_length(name: str, value: float) -> BodyShape:
    return BodyShape(MEAN_SHAPE.phenotypes, tuple(value if other == name else 0.0 for other in LENGTHS))


def limb(body: Body, name: str) -> np.ndarray:
    start, end = LIMBS[name]
    return body.head(end) - body.head(start)


@pytest.mark.parametrize("name", LENGTHS)
def test_a_length_changes_its_part_alone(name: str) -> None:
    mean, longer = MEAN_SHAPE.build(), with_length(name, 0.1).build()
    for other in LENGTHS:
        grown = limb(longer, other) - limb(mean, other)
        if other != name:
            assert_allclose(grown, 0, atol=1e-9)
            continue
        way = limb(mean, other) * ([1, 0, 0] if other in SIDEWAYS else 1)
        # a step is a tenth of the part in Anny's own mean body, whose limbs point nearly alike
        assert_allclose(np.linalg.norm(grown) / np.linalg.norm(way), 0.1, atol=0.025)
        assert grown @ way > 0.95 * np.linalg.norm(grown) * np.linalg.norm(way)


@pytest.mark.parametrize("name", LENGTHS)
def test_left_and_right_change_together(name: str) -> None:
    longer, mean = with_length(name, 0.1).build(), MEAN_SHAPE.build()
    moved = longer.heads - longer.heads[0] - mean.heads + mean.heads[0]
    for bone, label in enumerate(mean.bones):
        if label.endswith(".L"):
            other = mean.bone(label[:-1] + "R")
            assert_allclose(moved[bone], moved[other] * [-1, 1, 1], atol=2e-3)


def test_skin_is_stretched_with_the_bone() -> None:
    shapes = (MEAN_SHAPE, with_length("shins", 0.2))
    ways = [
        p[skeleton.LEFT_ANKLE] - p[skeleton.LEFT_KNEE] for p in (posed({}, shape=shape).points[0] for shape in shapes)
    ]
    bones = [limb(shape.build(), "shins") for shape in shapes]
    assert_allclose(ways[1] - ways[0], bones[1] - bones[0], atol=0.008)


def test_the_linear_space_has_the_joints_of_the_built_body() -> None:
    shape = BodyShape((0.2, 0.6, 0.8, 0.3, 0.4, 0.6), (0.05, -0.1, 0.1, 0.0, 0.08, 0.1, -0.05, 0.02))
    body = shape.build()
    still = np.tile(np.eye(3), (len(body.bones), 1, 1))
    joints = body.joints(body.vertices, still, body.heads) - body.heads[0]
    track = posed({}, shape=shape)
    assert_allclose(track.points[0, : skeleton.JOINTS] - track.pelvis[0], joints, atol=1e-5)


def test_soles_touch_the_floor_from_heel_to_tip() -> None:
    soles = posed({}).points[0, SOLES].reshape(2, len(SOLE_POINTS), 3)
    assert (soles[..., 2] >= -1e-6).all()
    assert (soles[..., 2] < 0.02).all()
    heel, inner, outer, tip = soles.transpose(1, 0, 2)
    assert (heel[:, 1] > outer[:, 1]).all()  # the body faces -y
    assert (inner[:, 1] > tip[:, 1]).all()
    assert (np.abs(outer[:, 0]) > np.abs(inner[:, 0])).all()
    assert (soles[0, :, 0] > 0).all()
    assert (soles[1, :, 0] < 0).all()


def test_coefficients_have_gradients() -> None:
    space = load_shape_space()
    phenotypes = torch.tensor(MEAN_SHAPE.phenotypes, requires_grad=True)
    lengths = torch.zeros(len(LENGTHS), requires_grad=True)
    chain, _ = space.skeleton(space.coefficients(phenotypes, lengths), slice(0, 0))
    start, end = (space.rig.segments.index(space.rig.bones.index(bone)) for bone in ("lowerleg01.L", "foot.L"))
    torch.linalg.vector_norm(chain.heads[end] - chain.heads[start]).backward()
    taller, longer = phenotypes.grad, lengths.grad
    assert float(taller[4]) > 0.05  # metres of shin from the smallest to the tallest
    grown = limb(with_length("shins", 0.1).build(), "shins") - limb(MEAN_SHAPE.build(), "shins")
    assert_allclose(float(longer[LENGTHS.index("shins")]), 10 * np.linalg.norm(grown), rtol=0.01)
    assert_allclose(float(longer[LENGTHS.index("forearms")]), 0, atol=1e-6)


def test_a_shape_survives_json() -> None:
    shape = with_length("thighs", 0.07)
    assert BodyShape.from_dict(json.loads(json.dumps(shape.as_dict()))) == shape


def test_a_shape_without_a_trait_is_refused() -> None:
    content = MEAN_SHAPE.as_dict()
    del content["phenotypes"]["muscle"]
    with pytest.raises(KeyError):
        BodyShape.from_dict(content)
