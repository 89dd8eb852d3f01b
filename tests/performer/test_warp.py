from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from choreograft.body.parts import PARTS
from choreograft.config import WarpConfig
from choreograft.performer.atlas import Atlas
from choreograft.performer.references import part_turns
from choreograft.performer.retrieve import SKIRT
from choreograft.performer.warp import NOWHERE, Warper, draw_from
from painted import GREY, draw_surfaces, paint, painted_bank, scene
from plain_warp import draw_body


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas.of(painted_bank())


def test_kernels_do_what_their_twin_does(atlas: Atlas) -> None:
    body, mesh, _ = scene()
    surface = draw_surfaces(body, mesh)[7]
    choice = np.random.default_rng(0).integers(0, len(atlas.pictures), (atlas.vertex_parts.shape[1], 3))
    config = WarpConfig()
    warped = draw_from(surface, atlas, choice, config)
    colour, alpha, trust = draw_body(surface, atlas, choice, config.spare_share)
    on = surface.covered.numpy()
    assert_allclose(warped.colour.permute(1, 2, 0).numpy()[on], colour[on], atol=0.1)
    assert_allclose(warped.alpha.numpy()[on], alpha[on], atol=1e-3)
    assert_allclose(warped.confidence.numpy()[on], trust[on], atol=1e-3)


def test_a_pose_between_references_has_the_skins_colours(atlas: Atlas) -> None:
    body, mesh, colours = scene()
    t = 7  # not in the bank, whose frames are every third
    true = paint(draw_surfaces(body, mesh)[t], colours)
    warped = next(Warper(atlas).draw_track(body, np.array([t])))
    trusted = ((warped.confidence > 0.8) & warped.surface.covered).numpy()
    assert trusted.sum() > 0.5 * warped.surface.covered.sum()
    off = np.abs(warped.colour.permute(1, 2, 0).numpy() - true)[trusted]
    assert off.mean() < 12
    drawn = warped.over(torch.full((3, *trusted.shape), float(GREY))).permute(1, 2, 0).numpy()
    assert np.abs(drawn - true).mean() < 4


def test_a_reference_of_the_very_frame_comes_back(atlas: Atlas) -> None:
    body, mesh, colours = scene()
    true = paint(draw_surfaces(body, mesh)[6], colours)
    choice = np.full((atlas.vertex_parts.shape[1], 3), 2)
    warped = draw_from(draw_surfaces(body, mesh)[6], atlas, choice, WarpConfig())
    seen = (warped.confidence > 0.8).numpy() & warped.surface.covered.numpy()
    assert np.abs(warped.colour.permute(1, 2, 0).numpy() - true)[seen].mean() < 3
    assert set(np.unique(warped.provenance.numpy())) <= {NOWHERE, 2}


def test_something_before_the_body_in_one_reference_is_not_taken_for_the_body() -> None:
    body, mesh, _ = scene()
    bank = painted_bank()
    t, torso = 2, PARTS.index("torso")
    frames = np.where(bank.masks[..., None] > 0, np.uint8(140), np.uint8(GREY)).repeat(3, axis=-1)
    rows, columns = np.nonzero((draw_surfaces(bank.bodies[0], mesh)[t].part == torso).numpy())
    top, left = int(np.median(rows)) - 4, int(np.median(columns)) - 4
    frames[t, top : top + 8, left : left + 8] = (255, 0, 255)  # a hand that the fitted body has elsewhere
    surface = draw_surfaces(body, mesh)[7]
    choice = np.tile([t, t + 1, t - 1], (len(PARTS), 1))
    warped = draw_from(surface, Atlas.of(replace(bank, frames=frames)), choice, WarpConfig())
    drawn = warped.colour[:, surface.part == torso]
    assert (drawn - 140).abs().mean() < 5
    assert (drawn - 140).abs().max() < 60  # of the 140 that the hand differs by


def test_cloth_around_the_body_comes_along(atlas: Atlas) -> None:
    body, mesh, _ = scene()
    surface = draw_surfaces(body, mesh)[6]
    wide = torch.nn.functional.max_pool2d(atlas.pictures[..., 3].float()[:, None], 7, stride=1, padding=3)[:, 0]
    dressed = replace(atlas, pictures=torch.cat([atlas.pictures[..., :3], wide[..., None].byte()], -1))
    choice = np.full((atlas.vertex_parts.shape[1], 3), 2)
    warped = draw_from(surface, dressed, choice, WarpConfig())
    ring = (wide[2] > 127) & ~surface.covered
    assert warped.alpha[ring].mean() > 0.7
    bare = draw_from(surface, atlas, choice, WarpConfig())
    assert bare.alpha[~surface.covered].max() < 0.6  # the mask's own edge
    far = torch.nn.functional.max_pool2d(surface.covered.float()[None], 41, stride=1, padding=20)[0] == 0
    assert warped.alpha[far].max() == 0


def test_frames_that_are_not_allowed_are_not_used(atlas: Atlas) -> None:
    body, _, _ = scene()
    allowed = np.ones(len(atlas.pictures), np.bool_)
    allowed[[1, 2, 3]] = False
    vertices = body.camera.place(next(body.skin(np.array([6]))))
    warped = Warper(atlas).draw(vertices, part_turns(body)[6], body.camera.focal_px, body.camera.size, allowed)
    assert not np.isin(warped.provenance.numpy(), [1, 2, 3]).any()
    assert (warped.provenance.numpy() >= 0).any()


def test_choices_are_steady_over_time(atlas: Atlas) -> None:
    body, _, _ = scene()
    warper = Warper(atlas)
    first = next(warper.draw_track(body, np.array([6]))).choice
    again = next(warper.draw_track(body, np.array([7]))).choice
    assert (first[:, 0] == again[:, 0]).mean() > 0.7
    warper.forget()
    assert len(set(first[list(SKIRT), 0])) == 1


def test_nobody_in_the_picture_draws_nothing(atlas: Atlas) -> None:
    body, _, _ = scene()
    vertices = body.camera.place(next(body.skin(np.array([0])))) + np.array([50.0, 0, 0])
    warped = Warper(atlas).draw(vertices, part_turns(body)[0], body.camera.focal_px, body.camera.size)
    assert warped.alpha.max() == 0
    assert (warped.provenance == NOWHERE).all()
