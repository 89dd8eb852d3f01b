"""Where cloth lies beside the body: what a file keeps of it, and how it is drawn."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray

from choreograft.body.parts import PARTS
from choreograft.performer.atlas import Atlas
from choreograft.performer.layers import LAYER_OF, LAYERS
from choreograft.performer.references import ReferenceBank
from choreograft.performer.sway import SWAYING, Sway
from choreograft.performer.warp import Warper
from painted import GREY, draw_surfaces, paint, painted_bank, scene


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas.of(painted_bank())


def make_sway(atlas: Atlas) -> Sway:
    """A few points, and cloth that lies just where the body says."""
    points = np.flatnonzero(atlas.vertex_parts.numpy()[:, LAYER_OF == SWAYING].sum(axis=1) > 0.99)[::200]
    return Sway(points, np.zeros((len(atlas.focal_px), len(points), 2), np.float32))


def test_a_bank_keeps_its_sway_and_old_ones_have_none(atlas: Atlas) -> None:
    bank, sway = painted_bank(), make_sway(atlas)
    assert ReferenceBank.from_tensors(bank.tensors(), bank.describe()).sway is None
    sway.off[:] = np.random.default_rng(0).normal(size=sway.off.shape)
    again = ReferenceBank.from_tensors(replace(bank, sway=sway).tensors(), bank.describe()).sway
    assert again is not None
    assert_array_equal(again.points, sway.points)
    assert_array_equal(again.off, sway.off)


def test_vertices_sway_as_the_points_around_them_and_no_other_layer_does(atlas: Atlas) -> None:
    sway, shares = make_sway(atlas), atlas.vertex_parts.numpy()
    sway.off[3] = 0.02, -0.01
    spread = sway.spread(atlas.rest, shares)
    share = shares[:, LAYER_OF == SWAYING].sum(axis=1, keepdims=True)
    assert_allclose(spread[3], share * [0.02, -0.01], atol=1e-6)
    assert not spread[[0, 1, 2, 4]].any()


def test_cloth_that_lies_elsewhere_in_a_reference_is_drawn_in_its_place(atlas: Atlas) -> None:
    """In one reference all lies 4 px to the right and 3 px above."""
    body, mesh, colours = scene()
    bank, by, sway = painted_bank(), np.array([4, -3]), make_sway(atlas)
    frames, masks = bank.frames.copy(), bank.masks.copy()
    frames[2], masks[2] = (np.roll(picture[2], by[::-1], axis=(0, 1)) for picture in (frames, masks))
    sway.off[2] = by * float(atlas.vertices[2, sway.points, 2].mean()) / atlas.focal_px[2]
    true = paint(draw_surfaces(body, mesh)[6], colours)
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
