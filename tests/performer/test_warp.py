"""Drawing from references, held against pictures of a body whose skin has a known colour at every point."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from choreograft.body.parts import PARTS
from choreograft.body.surface import SurfaceMap
from choreograft.performer.layers import LAYER_OF, LAYERS
from choreograft.performer.references import Atlas, part_turns
from choreograft.performer.warp import NOWHERE, Warper
from painted import GREY, draw_frame, draw_surfaces, paint, painted_bank, scene

L = len(LAYERS)
TORSO = PARTS.index("torso")


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas.of(painted_bank())


@pytest.fixture(scope="module")
def surfaces() -> list[SurfaceMap]:
    body, mesh, _ = scene()
    return draw_surfaces(body, mesh)


def widen(flags: torch.Tensor, side: int) -> NDArray[np.bool_]:
    return torch.nn.functional.max_pool2d(flags.float()[None], side, stride=1, padding=side // 2)[0].numpy() > 0


def test_a_pose_between_references_has_the_skins_colours(atlas: Atlas, surfaces: list[SurfaceMap]) -> None:
    t = 7  # not in the bank, whose frames are every third
    true = paint(surfaces[t], scene()[2])
    warped = draw_frame(Warper(atlas), t)
    covered = surfaces[t].covered.numpy()
    trusted = (warped.confidence > 0.8) & covered
    assert trusted.sum() > 0.5 * covered.sum()
    assert np.abs(warped.colour - true)[trusted].mean() < 12
    assert np.abs(warped.over(np.full_like(true, GREY)) - true).mean() < 4


def test_a_reference_of_the_very_frame_comes_back(atlas: Atlas, surfaces: list[SurfaceMap]) -> None:
    true, surface = paint(surfaces[6], scene()[2]), surfaces[6]
    warped = Warper(atlas).draw_from(surface, np.full((L, 3), 2))
    seen = (warped.confidence > 0.8) & surface.covered.numpy()
    assert seen.sum() > 0.6 * surface.covered.sum()
    assert np.abs(warped.colour - true)[seen].mean() < 3
    assert set(np.unique(warped.provenance)) <= {NOWHERE, 2}
    assert (warped.provenance[seen] == 2).mean() > 0.99
    assert {sheet.reference for sheet in warped.sheets} == {2}
    assert {sheet.layer for sheet in warped.sheets} == set(range(L))


def test_something_before_the_body_in_one_reference_is_not_taken_for_the_body(surfaces: list[SurfaceMap]) -> None:
    bank, t, side = painted_bank(), 2, 12
    frames = np.where(bank.masks[..., None] > 0, np.uint8(140), np.uint8(GREY)).repeat(3, axis=-1)
    rows, columns = np.nonzero((surfaces[3 * t].part == TORSO).numpy())
    top, left = int(np.median(rows)) - side // 2, int(np.median(columns)) - side // 2
    frames[t, top : top + side, left : left + side] = (255, 0, 255)  # a hand that the fitted body has elsewhere
    warper = Warper(Atlas.of(replace(bank, frames=frames)))
    inside = ~widen(surfaces[7].part != TORSO, 3)  # at the outline there is some of the background's grey
    drawn = warper.draw_from(surfaces[7], np.tile([t, t + 1, t - 1], (L, 1))).colour[inside]
    off = np.abs(drawn - 140.0).max(axis=-1)  # of the 140 that the hand differs by
    assert off.mean() < 8
    assert (off > 60).sum() < 0.2 * side**2  # its rim alone


def test_cloth_around_the_body_comes_along(atlas: Atlas, surfaces: list[SurfaceMap]) -> None:
    wide = torch.nn.functional.max_pool2d(atlas.pictures[..., 3].float()[:, None], 7, stride=1, padding=3)[:, 0]
    dressed = replace(atlas, pictures=torch.cat([atlas.pictures[..., :3], wide[..., None].byte()], -1))
    choice, covered = np.full((L, 3), 2), surfaces[6].covered
    warped = Warper(dressed).draw_from(surfaces[6], choice)
    ring = (wide[2] > 127).numpy() & ~covered.numpy()
    assert warped.alpha[ring].mean() > 0.7
    bare = Warper(atlas).draw_from(surfaces[6], choice)
    assert bare.alpha[~widen(covered, 3)].max() < 0.05  # beyond the mask's own edge
    assert warped.alpha[~widen(covered, 41)].max() == 0


def test_frames_that_are_not_allowed_are_not_used(atlas: Atlas) -> None:
    allowed = np.ones(len(atlas.pictures), np.bool_)
    allowed[[1, 2, 3]] = False
    warped = draw_frame(Warper(atlas), 6, allowed)
    assert not np.isin(warped.provenance, [1, 2, 3]).any()
    assert not {sheet.reference for sheet in warped.sheets} & {1, 2, 3}
    assert (warped.provenance >= 0).any()


def test_choices_are_steady_over_time(atlas: Atlas) -> None:
    warper = Warper(atlas)
    first, again = (draw_frame(warper, t).choice for t in (6, 7))
    assert first.shape == (L, 3)
    assert (first[:, 0] == again[:, 0]).mean() > 0.7
    warper.forget()
    assert_array_equal(draw_frame(warper, 7).choice, draw_frame(Warper(atlas), 7).choice)


def test_nobody_in_the_picture_draws_nothing(atlas: Atlas) -> None:
    body, _, _ = scene()
    vertices = body.camera.place(next(body.skin(np.array([0])))) + np.array([50.0, 0, 0])
    warped = Warper(atlas).draw(vertices, part_turns(body)[0], body.camera.focal_px, body.camera.size)
    assert warped.alpha.max() == 0
    assert not warped.unseen.any()
    assert (warped.provenance == NOWHERE).all()


def test_what_no_reference_shows_has_its_usual_colours_and_is_no_hole(atlas: Atlas, surfaces: list[SurfaceMap]) -> None:
    surface, trunk = surfaces[7], LAYER_OF[TORSO]
    hidden = atlas.vertex_parts[:, list(map(PARTS.index, LAYERS[trunk].parts))].sum(1) > 0
    blind = replace(atlas, quality=torch.where(hidden, 0.0, atlas.quality))
    warped = Warper(blind).draw_from(surface, np.tile([2, 3, 1], (L, 1)))
    part = surface.part.numpy()
    inside = ~widen(torch.from_numpy(np.where(part >= 0, LAYER_OF[part], -1) != trunk), 7)
    assert inside.sum() > 200
    corners = surface.mesh.faces[surface.face.clamp_min(0).long()].long()
    usual = (blind.colours[corners] * surface.barycentric[..., None]).sum(2).numpy()
    assert (warped.unseen[inside] == 255).all()
    assert (warped.provenance[inside] == NOWHERE).mean() > 0.99
    assert np.abs(warped.colour - usual)[inside].mean() < 1
    assert warped.alpha[inside].min() > 0.99
    assert np.abs(warped.usual - usual)[surface.covered.numpy()].max() < 0.01


def test_an_arm_before_the_trunk_is_drawn_from_its_own_reference(atlas: Atlas, surfaces: list[SurfaceMap]) -> None:
    arm = LAYER_OF[PARTS.index("left_forearm")]
    choice = np.full((L, 3), 2)
    choice[arm] = 4
    warped = Warper(atlas).draw_from(surfaces[6], choice)
    part = surfaces[6].part.numpy()
    own = ~widen(torch.from_numpy(part != PARTS.index("left_forearm")), 3)
    other = ~widen(torch.from_numpy(np.where(part >= 0, LAYER_OF[part], arm) == arm), 5) & (part >= 0)
    assert own.sum() > 10
    assert (warped.provenance[own] == 4).mean() > 0.9
    assert (warped.provenance[other] == 2).mean() > 0.97
