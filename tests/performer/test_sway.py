"""Where cloth lies beside the body: what a file keeps of it, and how it is drawn."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from choreograft.body.surface import PARTS
from choreograft.performer.atlas import Atlas
from choreograft.performer.layers import (
    CARRIERS,
    LAYER_OF,
    LAYERS,
    SWAY_NAMES,
    SWAYING,
    TERM_M,
    Cloth,
    Sway,
    SwayTerms,
    find_motion,
)
from choreograft.performer.references import ReferenceBank
from choreograft.performer.warp import Warper
from painted import GREY, draw_surfaces, paint, painted_bank, scene


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas.of(painted_bank())


def make_sway(atlas: Atlas) -> Sway:
    """A few points, and cloth that lies just where the body says."""
    points = np.flatnonzero(atlas.vertex_parts.numpy()[:, LAYER_OF == SWAYING].sum(axis=1) > 0.99)[::200]
    N, C, K = len(atlas.focal_px), len(points), len(CARRIERS) + 8
    zeros = np.zeros((N, C, 2), np.float32), np.zeros((C, K), np.float32)
    return Sway(points, *zeros, np.ones(C, np.float32))


def test_a_bank_keeps_its_sway_and_old_ones_have_none(atlas: Atlas) -> None:
    bank, sway = painted_bank(), make_sway(atlas)
    assert ReferenceBank.from_tensors(bank.tensors(), bank.describe()).sway is None
    sway.off[:] = np.random.default_rng(0).normal(size=sway.off.shape)
    again = ReferenceBank.from_tensors(replace(bank, sway=sway).tensors(), bank.describe()).sway
    assert again is not None
    for name in SWAY_NAMES:
        assert_array_equal(getattr(again, name), getattr(sway, name))


def test_vertices_sway_as_the_points_around_them_and_no_other_layer_does(atlas: Atlas) -> None:
    sway, shares = make_sway(atlas), atlas.vertex_parts.numpy()
    sway.off[3] = 0.02, -0.01
    cloth = Cloth(sway, atlas.rest, shares)
    share = shares[:, LAYER_OF == SWAYING].sum(axis=1, keepdims=True)
    assert_allclose(cloth.measured(3), share * [0.02, -0.01], atol=1e-6)
    assert not cloth.measured(2).any()


def test_a_rigid_motion_is_found() -> None:
    rng = np.random.default_rng(0)
    turn, shift, points = Rotation.random(random_state=1).as_matrix(), rng.normal(size=3), rng.normal(size=(20, 3))
    found = find_motion(points, points @ turn.T + shift)
    assert_allclose(found[0], turn, atol=1e-9)
    assert_allclose(found[1], shift, atol=1e-9)


def test_terms_say_where_each_part_alone_would_carry_a_point(atlas: Atlas) -> None:
    body, _, _ = scene()
    shape, t, points = body.shape.build(), 12, make_sway(atlas).points
    vertices = body.camera.place(next(body.skin(np.array([t]))))
    terms = SwayTerms(atlas.rest, atlas.vertex_parts.numpy(), points).of(vertices.astype(np.float32))
    rotations, origins = body.bones()
    for part, name in (("left_thigh", "upperleg01.L"), ("right_shin", "lowerleg01.R")):
        bone = shape.bone(name)
        carried = (shape.vertices[points] - shape.heads[bone]) @ rotations[t, bone].T + origins[t, bone]
        true = (body.camera.place(carried) - vertices[points])[:, :2]
        assert np.abs(true).max() > 0.1
        assert_allclose(terms[:, CARRIERS.index(part)], true, atol=0.06)  # twist runs along a thigh


def test_no_way_is_longer_than_what_was_seen(atlas: Atlas) -> None:
    sway = make_sway(atlas)
    sway.weights[:], sway.most[:] = 1, 0.02
    terms = np.random.default_rng(0).normal(size=(*sway.weights.shape, 2)).astype(np.float32)
    assert_allclose(np.linalg.norm(sway.foretell(terms), axis=1), 0.02, rtol=1e-4)
    assert_allclose(sway.foretell(1e-4 * terms), 1e-4 * terms.sum(axis=1), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("foretold", [False, True])
def test_cloth_is_drawn_where_it_will_be(atlas: Atlas, foretold: bool) -> None:
    """Cloth lies 4 px right of the body and 3 px above it in a reference, but not in the new picture, or inversely."""
    body, mesh, colours = scene()
    bank, by, sway = painted_bank(), np.array([4, -3]), make_sway(atlas)
    frames, masks = bank.frames.copy(), bank.masks.copy()
    true = paint(draw_surfaces(body, mesh)[6], colours)
    by_m = by * float(atlas.vertices[2, sway.points, 2].mean()) / atlas.focal_px[2]
    if foretold:
        true = np.roll(true, by[::-1], axis=(0, 1))
        sway.weights[:, -2:] = by_m / TERM_M  # of the terms that are the picture's right and down
    else:
        frames[2], masks[2] = (np.roll(picture[2], by[::-1], axis=(0, 1)) for picture in (frames, masks))
        sway.off[2] = by_m
    without, drawn = (trunk_error(replace(bank, frames=frames, masks=masks, sway=some), true) for some in (None, sway))
    assert drawn < 3
    assert without > 20


def trunk_error(bank: ReferenceBank, true: NDArray[np.float32]) -> float:
    """The mean error, of 255, of frame 6 drawn from reference 2 in the middle of the trunk."""
    body, mesh, _ = scene()
    atlas = Atlas.of(bank)
    surface = draw_surfaces(body, mesh)[6]
    warped = Warper(atlas).draw_from(surface, np.full((len(LAYERS), 3), 2))
    torso = np.argwhere(surface.part.numpy() == PARTS.index("torso"))
    row, column = torso.mean(axis=0).astype(int)
    at = slice(row - 8, row + 8), slice(column - 5, column + 5)
    return float(np.abs(warped.over(np.full_like(true, GREY)) - true)[at].mean())
