import numpy as np
import pytest

from choreograft.body.surface import PARTS, face_parts, part_of_bone, vertex_parts
from choreograft.studio.costume import Costume


def test_every_bone_carries_a_part_of_its_own_side(ada: Costume) -> None:
    for bone in ada.body.bones:
        part = PARTS[part_of_bone(bone)]
        if part.startswith(("left", "right")):
            assert bone.endswith(".L" if part.startswith("left") else ".R")


def test_an_unknown_bone_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match=r"found bone 'tail\.L'"):
        part_of_bone("tail.L")


def test_parts_mirror_each_other(ada: Costume) -> None:
    parts, x = vertex_parts(ada.body), ada.body.vertices[:, 0]
    for label, name in enumerate(PARTS):
        assert (parts == label).sum() > 50
        if name.startswith("left_"):
            mirrored = PARTS.index(name.replace("left_", "right_"))
            assert (parts == label).sum() == pytest.approx((parts == mirrored).sum(), rel=0.02)
            assert np.median(x[parts == label]) > 0 > np.median(x[parts == mirrored])


def test_parts_lie_above_each_other_as_on_a_person(ada: Costume) -> None:
    parts, z = vertex_parts(ada.body), ada.body.vertices[:, 2]
    order = ["head", "neck", "torso", "pelvis", "left_thigh", "left_shin", "left_foot"]
    heights = [np.median(z[parts == PARTS.index(name)]) for name in order]
    assert (np.diff(heights) < 0).all()


def test_a_triangle_belongs_where_its_corners_belong(ada: Costume) -> None:
    corners, faces = vertex_parts(ada.body)[ada.body.faces], face_parts(ada.body)
    agreed = (corners == corners[:, :1]).all(axis=1)
    assert agreed.mean() > 0.95
    np.testing.assert_array_equal(faces[agreed], corners[agreed, 0])
    assert (faces[:, None] == corners).any(axis=1).mean() > 0.999
