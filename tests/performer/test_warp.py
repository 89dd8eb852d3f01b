"""Drawing from references, held against pictures of a body whose skin has a known colour at every point."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from choreograft.body.surface import PARTS, SurfaceMap
from choreograft.performer.atlas import ROOM, ROOM_M, Atlas
from choreograft.performer.layers import LAYER_OF, LAYERS
from choreograft.performer.warp import FADE_S, NOWHERE, SLOWEST, Warper, pose_frames
from choreograft.pose import skeleton
from choreograft.retarget.body import to_pose_track
from filmed import film
from painted import GREY, SIZE, draw_frame, draw_surfaces, paint, painted_bank, pose, scene

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


def test_cloth_around_the_body_comes_along_as_far_as_it_reaches(atlas: Atlas, surfaces: list[SurfaceMap]) -> None:
    bank = painted_bank()
    wide = torch.nn.functional.max_pool2d(atlas.pictures[..., 3].float()[:, None], 7, stride=1, padding=3)[:, 0]
    dressed = Atlas.of(replace(bank, masks=wide.byte().numpy()))
    metre = dressed.focal_px[0] / float(dressed.vertices[0, :, 2].median())
    trunk = PARTS.index("torso")
    assert dressed.reach[trunk] == pytest.approx(ROOM * 3 / metre + ROOM_M, rel=0.3)  # px, on either side
    assert atlas.reach[trunk] < 0.02
    choice, covered = np.full((L, 3), 2), surfaces[6].covered
    warped = Warper(dressed).draw_from(surfaces[6], choice)
    ring = (wide[2] > 127).numpy() & ~covered.numpy()
    assert warped.alpha[ring].mean() > 0.7
    bare = Warper(atlas).draw_from(surfaces[6], choice)
    assert bare.alpha[~widen(covered, 3)].max() < 0.05  # beyond the mask's own edge
    assert warped.alpha[~widen(covered, 25)].max() == 0


def test_frames_that_are_not_allowed_are_not_used(atlas: Atlas) -> None:
    allowed = np.ones(len(atlas.pictures), np.bool_)
    allowed[[1, 2, 3]] = False
    warped = draw_frame(Warper(atlas), 6, allowed)
    assert not np.isin(warped.provenance, [1, 2, 3]).any()
    assert not {sheet.reference for sheet in warped.sheets} & {1, 2, 3}
    assert (warped.provenance >= 0).any()


def test_a_dance_keeps_its_references_while_they_serve_and_fades_where_they_change(atlas: Atlas) -> None:
    fade = round(FADE_S * float(scene()[0].rate))
    assert fade == 1
    frames = list(Warper(atlas).draw_dance(lambda: map(pose, range(24))))
    chosen = np.stack([warped.choice[:, 0] for warped in frames])
    alone = np.stack([draw_frame(Warper(atlas), t).choice[:, 0] for t in range(24)])
    assert chosen.shape == (24, L)
    assert (np.diff(chosen, axis=0) != 0).sum() <= (np.diff(alone, axis=0) != 0).sum()
    for t, warped in enumerate(frames):
        near = chosen[max(0, t - fade) : t + fade + 1]
        for layer in range(L):
            own = [sheet for sheet in warped.sheets if sheet.layer == layer]
            if (near[:, layer] == chosen[t, layer]).all():
                assert not own or (own[0].reference, own[0].gate.max()) == (chosen[t, layer], 255)
            else:
                last = own[-1]  # on top of it all, and half of it at most
                assert last.reference in near[:, layer]
                assert 0 < last.gate.max() <= 128


def test_at_a_low_rate_nothing_fades_for_two_hands_would_be_seen(atlas: Atlas) -> None:
    slow = [replace(pose(t), time_s=t / 5) for t in range(24)]
    for warped in Warper(atlas).draw_dance(lambda: slow):
        layers = [(sheet.layer, sheet.gate.max()) for sheet in warped.sheets if LAYERS[sheet.layer].kind != "sheet"]
        assert len({layer for layer, _ in layers}) == len(layers)
        assert all(most == 255 for _, most in layers)


def test_where_nobody_is_a_dance_begins_anew(atlas: Atlas) -> None:
    there = [0, 1, 2, None, 12, 13]
    frames = list(Warper(atlas).draw_dance(lambda: (None if t is None else pose(t) for t in there)))
    assert [warped is None for warped in frames] == [t is None for t in there]
    parts = [list(Warper(atlas).draw_dance(lambda run=run: map(pose, run))) for run in (there[:3], there[4:])]
    for a, b in zip((*frames[:3], *frames[4:]), (*parts[0], *parts[1]), strict=True):
        assert_array_equal(a.colour, b.colour)


def test_after_a_cut_a_dance_begins_anew(atlas: Atlas) -> None:
    shots = [[replace(pose(t), time_s=t / 24, shot=n) for t in run] for n, run in enumerate([(0, 1, 2), (3, 4, 5)])]
    frames = list(Warper(atlas).draw_dance(lambda: [*shots[0], *shots[1]]))
    alone = [frame for shot in shots for frame in Warper(atlas).draw_dance(lambda shot=shot: shot)]
    for a, b in zip(frames, alone, strict=True):
        assert_array_equal(a.colour, b.colour)


@pytest.mark.parametrize(("times", "share"), [(1, 1.0), (5, 1.0), (0.25, 0.25)])  # footage that was thinned out
def test_layers_are_smeared_by_how_far_they_move_while_the_targets_shutter_is_open(
    atlas: Atlas, times: float, share: float
) -> None:
    atlas = replace(atlas, rate=SLOWEST * times)
    step_m, first = np.array([0.05, 0, 0]), pose(6)
    frame_s = 1 / atlas.rate
    moments = ((0, 0), (1, 1), (2, 1), (3, 3), (5, 1))  # when, in frames of the target's, and where, in steps
    poses = [
        replace(first, vertices=first.vertices + steps * step_m, time_s=frames * frame_s) for frames, steps in moments
    ]
    step_px = first.focal_px * step_m[0] / np.median(first.vertices[:, 2])
    shown = list(Warper(atlas).draw_dance(lambda: poses))
    for warped, steps in zip(shown, (0, 1, 0, 2, -1), strict=True):  # in a frame's time
        smears = np.array([sheet.smear for sheet in warped.sheets])
        assert np.abs(smears[:, 0] - atlas.shutter * share * steps * step_px).max() < 0.1 * abs(steps) + 1e-3
        assert np.abs(smears[:, 1]).max() < 1e-3


def test_a_body_comes_with_the_face_of_its_track_and_not_at_all_where_nobody_is() -> None:
    body, _, _ = scene()
    filmed = film("ada", "squats")
    track = to_pose_track(body, filmed.body, filmed.track)
    track = replace(track, present=np.arange(len(track)) != 3)
    poses = list(pose_frames(body, track))
    assert [posed is None for posed in poses] == [t == 3 for t in range(len(track))]
    for t in (0, 7):
        assert_array_equal(poses[t].vertices, pose(t).vertices)
        assert_array_equal(poses[t].face, track.xy[t, skeleton.FACE])


@pytest.mark.parametrize("shift", [(0.0, 0.0), (3.0, -2.0)])
def test_a_face_lies_where_its_points_are(surfaces: list[SurfaceMap], shift: tuple[float, float]) -> None:
    t, n = 6, 2
    head = np.flatnonzero(Atlas.of(painted_bank()).vertex_parts[:, PARTS.index("head")] > 0.99)
    xy = scene()[0].camera.project(next(scene()[0].skin(np.array([t])))[head])
    front = np.argsort(scene()[0].camera.place(next(scene()[0].skin(np.array([t])))[head])[:, 2])[:600]
    points = xy[np.random.default_rng(0).choice(front, 68, replace=False)].astype(np.float32)
    faces = np.full_like(painted_bank().faces, np.nan)
    faces[n] = points
    warper = Warper(Atlas.of(replace(painted_bank(), faces=faces)))
    shown = warper.draw_from(surfaces[t], np.full((L, 3), n), points + np.float32(shift)).colour
    true = paint(surfaces[t], scene()[2])
    matrix = np.float32([[1, 0, shift[0]], [0, 1, shift[1]]])
    part = (surfaces[t].part == PARTS.index("head")).numpy()
    inner = ~widen(torch.from_numpy(~(part & (cv2.warpAffine(part.astype(np.uint8), matrix, SIZE) > 0))), 3)
    moved = np.abs(shown - cv2.warpAffine(true, matrix, SIZE))[inner].mean()
    assert inner.sum() > 20
    assert moved < 8
    if any(shift):
        assert moved < 0.5 * np.abs(shown - true)[inner].mean()


def test_nobody_in_the_picture_draws_nothing(atlas: Atlas) -> None:
    posed = pose(0)
    warped = Warper(atlas).draw(replace(posed, vertices=posed.vertices + np.array([50.0, 0, 0])))
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
    assert np.abs(warped.colour - usual)[inside].mean() < 2  # the first reference's detail is laid over it
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
