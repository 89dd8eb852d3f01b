"""References in a mirror, held against bodies whose sides have known colours."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from choreograft.body.shape import MEAN_SHAPE
from choreograft.body.surface import MIRRORED_PARTS, PARTS, mirror_vertices, vertex_parts
from choreograft.performer.atlas import Atlas
from choreograft.performer.colours import carry_on
from choreograft.performer.layers import LAYER_OF, LAYERS, MIRRORED_LAYERS
from choreograft.performer.retrieve import Looks, turn_over
from choreograft.performer.warp import Warper
from filmed import posed
from painted import SIZE, draw_surfaces, paint, painted_bank, scene

L = len(LAYERS)


def test_the_mirrored_vertex_of_a_mirrored_vertex_is_itself_and_lies_where_its_image_does() -> None:
    body = MEAN_SHAPE.build()
    mirror, parts = mirror_vertices(body), vertex_parts(body)
    assert_array_equal(mirror[mirror], np.arange(len(mirror)))
    assert_allclose(body.vertices[mirror], body.vertices * [-1, 1, 1], atol=1e-6)
    assert_array_equal(parts[mirror], np.array(MIRRORED_PARTS)[parts])


def test_left_and_right_change_places() -> None:
    assert PARTS[MIRRORED_PARTS[PARTS.index("left_hand")]] == "right_hand"
    assert PARTS[MIRRORED_PARTS[PARTS.index("torso")]] == "torso"
    assert LAYERS[MIRRORED_LAYERS[LAYER_OF[PARTS.index("right_shin")]]].parts == ("left_shin", "left_foot")
    assert_array_equal(MIRRORED_LAYERS[MIRRORED_LAYERS], np.arange(L))


def test_a_way_turned_over_leads_to_the_mirrored_place() -> None:
    rng = np.random.default_rng(0)
    affine, residual = rng.normal(size=(3, 2)).astype(np.float32), rng.normal(size=(4, 5, 2)).astype(np.float32)
    at = np.array([7.0, 3.0, 1.0], np.float32)
    there = at @ affine + residual[2, 1]
    turned, off = turn_over(affine, residual, 120)
    assert_allclose(at @ turned + off[2, 1], [120 - there[0], there[1]], rtol=1e-5)
    for back, own in zip(turn_over(turned, off, 120), (affine, residual), strict=True):
        assert_allclose(back, own, atol=1e-4)


def test_a_mirrored_reference_is_turned_as_its_image_is() -> None:
    atlas = Atlas.of(painted_bank())
    looks, N = Looks.of(atlas), len(atlas.pictures)
    for side, other in (("left_shin", "right_shin"), ("torso", "torso")):
        own, there = looks.turns[N + 1, PARTS.index(side)], atlas.turns[1, PARTS.index(other)]
        ahead = np.array([0.1, -0.5, 0.9])
        assert_allclose(own @ ahead, (there @ (ahead * [-1, 1, 1])) * [-1, 1, 1], atol=1e-5)
    assert_allclose(np.linalg.det(looks.turns), 1, atol=1e-4)
    assert len(looks.quality) == len(looks.sharpness) == len(looks.clearness) == len(looks.faces) == 2 * N
    assert not np.isin(looks.moments[N:, 0], looks.moments[:N, 0]).any()


@pytest.fixture(scope="module")
def sided() -> tuple[Atlas, np.ndarray]:
    """A body at rest, one half of it red and the other blue, of which the left alone was seen; and its colours."""
    body, mesh, _ = scene()
    track = replace(body.select([0]), **{name: getattr(posed({}), name) for name in ("turns", "root")})
    left = body.shape.build().vertices[:, 0] > 0
    colours = np.where(left[:, None], [200, 40, 40], [40, 40, 200]).astype(np.float32)
    surface = draw_surfaces(track, mesh)[0]
    bank = painted_bank()
    frames, masks = paint(surface, colours)[None].astype(np.uint8), surface.covered.numpy()[None] * np.uint8(255)
    one = replace(bank, frames=frames, masks=masks, bodies=(track,), sharpness=bank.sharpness[:1], faces=bank.faces[:1])
    atlas = Atlas.of(one)
    hidden = torch.from_numpy(~left)
    return replace(atlas, quality=torch.where(hidden, 0.0, atlas.quality)), colours


def test_a_side_that_was_never_seen_is_drawn_from_the_other_ones_mirror_image(sided: tuple[Atlas, np.ndarray]) -> None:
    atlas, _ = sided
    surface = draw_surfaces(replace(scene()[0].select([0]), turns=posed({}).turns, root=posed({}).root), scene()[1])[0]
    warped = Warper(atlas).draw_from(surface, np.tile([0, 1], (L, 1)))
    part = surface.part.numpy()
    names = [index for index, name in enumerate(PARTS) if name in ("right_shin", "right_thigh")]
    inside = np.isin(part, names) & (np.abs(warped.colour - [120.0, 40, 120]).max(axis=-1) < 120)
    assert inside.sum() > 100
    red = np.abs(warped.colour - [200.0, 40, 40]).max(axis=-1) < 25
    assert red[inside].mean() > 0.85  # as the left is, not blue as the reference has the right
    assert {sheet.reference for sheet in warped.sheets} == {0}  # mirrored ones are looked up in the picture itself
    assert warped.sheets[0].member.shape == (SIZE.height, SIZE.width)


def test_colours_go_on_around_the_body_at_their_height_and_over_the_crown() -> None:
    body = MEAN_SHAPE.build()
    y, z = body.vertices[:, 1:].T
    head = vertex_parts(body) == PARTS.index("head")
    stripe = ~head & (np.abs(z - 1.1) < 0.1)
    crown = head & (z > z[head].min() + 0.8 * np.ptp(z[head]))
    true = np.where(stripe[:, None], 250.0, 100.0) * np.ones(3)
    true[head] = [180, 120, 90]
    true[crown | (head & (y > 0))] = 20
    seen = np.where(head, y < 0, y < np.median(y))
    found = carry_on(
        torch.from_numpy(np.where(seen[:, None], true, 0)).float(), torch.from_numpy(seen).float(), body.vertices,
        body.faces, head,
    ).numpy()  # fmt: skip
    off = np.abs(found - true).max(axis=1)
    trunk = ~seen & (vertex_parts(body) == PARTS.index("torso"))
    assert off[seen].max() < 1e-3
    assert np.median(off[trunk & stripe]) < 40  # of 150
    back = head & ~seen & (y > 0.02) & (z > z[head].min() + 0.4 * np.ptp(z[head]))
    assert np.median(off[back]) < 40
