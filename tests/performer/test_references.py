from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from choreograft.body.surface import NO_PART, PARTS, vertex_parts
from choreograft.performer import references
from choreograft.performer.atlas import CLEAR_PX, Atlas, measure_clearness, measure_wholeness
from choreograft.performer.colours import project
from choreograft.performer.layers import LAYER_OF, LAYERS
from choreograft.performer.references import (
    SMEAR_PX,
    SMEAR_ROWS,
    ReferenceBank,
    measure_layer_sharpness,
    measure_sharpness,
    part_turns,
)
from choreograft.performer.retrieve import Looks
from painted import SIZE, draw_surfaces, paint, painted_bank, scene, woven_bank


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return Atlas.of(painted_bank())


def test_vertices_are_seen_where_they_face_the_lens_and_nothing_is_before_them(atlas: Atlas) -> None:
    body, _mesh, _ = scene()
    quality = atlas.quality[0]
    assert quality.min() >= 0
    assert quality.max() <= 1
    posed = next(body.skin(np.array([0])))
    placed = body.camera.place(posed)
    nose = int(np.argmin(placed[:, 2] + 10 * (placed[:, 1] > np.quantile(placed[:, 1], 0.1))))  # the head's nearest
    spine = int(np.argmax(placed[:, 2] - 10 * (np.abs(placed[:, 1] - np.median(placed[:, 1])) > 0.1)))
    assert quality[nose] > 0.5
    assert quality[spine] == 0


def test_vertices_lie_where_the_camera_projects_them(atlas: Atlas) -> None:
    body, _, _ = scene()
    vertices = next(body.skin(np.array([3])))
    assert_allclose(atlas.xy[1].numpy(), body.camera.project(vertices), atol=1e-3)


def test_a_projected_point_on_the_axis_is_the_middle() -> None:
    assert project(torch.tensor([[0.0, 0.0, 2.0]]), 100.0, SIZE).tolist() == [[60.0, 80.0]]


def test_mean_colours_are_those_of_the_skin(atlas: Atlas) -> None:
    _, _, colours = scene()
    seen = (atlas.quality > 0.9).sum(0).numpy() >= 3
    assert seen.sum() > 500
    off = np.abs(atlas.colours.numpy()[seen] - colours[seen]).mean()
    assert off < 20  # the sine changes by that much within a pixel
    assert np.isfinite(atlas.colours.numpy()).all()


def test_patches_are_means_of_their_vertices(atlas: Atlas) -> None:
    patches = Looks.of(atlas).quality
    patch = int(atlas.patch_of[1234])
    inside = (atlas.patch_of == patch).numpy()
    assert_allclose(patches[2, patch], atlas.quality.numpy()[2, inside].mean(), rtol=1e-4)


def test_the_bank_holds_different_poses_and_leaves_the_blurred_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MOST", 3)
    monkeypatch.setattr(references, "BLURRED_SHARE", 0.2)
    bank = painted_bank()
    body = bank.bodies[0]
    frames = bank.frames.copy()
    faces = np.arange(bank.faces.size, dtype=np.float32).reshape(bank.faces.shape)
    frames[2] = frames[2].mean(axis=(0, 1), keepdims=True).astype(np.uint8)  # no detail at all
    chosen, which = ReferenceBank.choose(frames, bank.masks, [body], faces)
    assert len(chosen) == 3
    assert (np.diff(which) > 0).all()
    assert_allclose(chosen.frames, frames[which])
    assert_allclose(chosen.faces, faces[which])
    assert_allclose(chosen.bodies[0].time_s, body.time_s[which])
    whole = measure_sharpness(frames, bank.masks)[:, None] * measure_layer_sharpness(body, bank.shutter)
    assert_allclose(chosen.sharpness, whole[which])
    assert len(chosen.bodies[0]) == 3
    assert not (chosen.frames == frames[2]).all(axis=(1, 2, 3)).any()
    turns = part_turns(body).reshape(len(body), -1)
    picked = part_turns(chosen.bodies[0]).reshape(3, -1)
    apart = min(np.linalg.norm(picked[a] - picked[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert apart > np.median(np.linalg.norm(np.diff(turns, axis=0), axis=1))


def test_small_footage_is_taken_whole() -> None:
    bank = painted_bank()
    assert len(ReferenceBank.choose(bank.frames, bank.masks, bank.bodies, bank.faces)[0]) == len(bank)


def test_clips_of_one_person_make_one_bank() -> None:
    bank = painted_bank()
    half = len(bank) // 2
    body = bank.bodies[0]
    clips = [body.select(np.arange(half)), body.select(np.arange(half, len(body)))]
    joined = ReferenceBank.choose(bank.frames, bank.masks, clips, bank.faces)[0]
    assert [len(clip) for clip in joined.bodies] == [half, len(bank) - half]
    assert_allclose(Atlas.of(joined).xy.numpy(), Atlas.of(bank).xy.numpy())


def test_sharpness_is_a_rank_of_detail_on_the_person() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (3, 32, 32, 3))
    frames = np.stack([noise[0], noise[1] * 0.5, noise[2] * 0.1]).astype(np.uint8)
    masks = np.full((3, 32, 32), 255, np.uint8)
    assert measure_sharpness(frames, masks).tolist() == [1.0, 0.5, 0.0]


def test_a_layer_is_as_sharp_as_it_moves_little_in_the_picture() -> None:
    body, step_px = scene()[0].select(np.arange(1)), 1.5
    still = body.select(np.zeros(5, np.intp))
    depth = float(body.camera.place(body.points[0])[:, 2].mean())
    pelvis = still.pelvis.copy()
    pelvis[3:, 0] += step_px / SMEAR_ROWS * SIZE.height * depth / body.camera.focal_px
    sharpness = measure_layer_sharpness(replace(still, pelvis=pelvis), shutter=0.5)
    assert sharpness.shape == (5, len(LAYERS))
    smeared = 1 / (1 + (0.5 * step_px / SMEAR_PX) ** 2)
    for t, expected in enumerate([1, 1, smeared, smeared, 1]):  # the step lies between the third and the fourth
        assert_allclose(sharpness[t], expected, atol=0.05)


def test_a_hand_that_lies_on_the_trunk_is_less_clear_than_one_in_the_air() -> None:
    hand, forearm, torso = (PARTS.index(name) for name in ("left_hand", "left_forearm", "torso"))
    nearest = np.full((SMEAR_ROWS, 200), hand, np.int8)
    part = np.full(nearest.shape, NO_PART, np.int8)
    part[100:120, 100:120] = hand
    person = part == hand

    def measure() -> float:
        return float(measure_clearness(nearest, part, person)[LAYER_OF[hand]])

    assert measure() == pytest.approx(1)
    nearest[:, 120:], person[:, 120:] = forearm, True
    assert measure() == pytest.approx(1)  # they hang together
    nearest[:, 120:] = torso
    ring = (20 + 2 * CLEAR_PX) ** 2 - 20**2
    assert measure() == pytest.approx(1 - CLEAR_PX * (20 + 2 * CLEAR_PX) / ring)
    person[110:120, 100:120] = False  # the body was fitted beside the person
    ring = (20 + 2 * CLEAR_PX) * (10 + 2 * CLEAR_PX) - 10 * 20
    assert measure() == pytest.approx(0.5 * (1 - CLEAR_PX * (10 + 2 * CLEAR_PX) / ring))


def test_a_layer_is_as_whole_as_what_faces_the_lens_is_seen(atlas: Atlas) -> None:
    surface = draw_surfaces(*scene()[:2])[0]
    seen = torch.from_numpy(np.random.default_rng(0).random(len(atlas.mesh)) < 0.3)
    facing = np.einsum("vi,vi->v", surface.vertex_normals.numpy(), surface.vertices.numpy()) < 0
    whole, shares = measure_wholeness(surface, seen, atlas.vertex_parts), atlas.vertex_parts.numpy()
    for layer in range(len(LAYERS)):
        own = shares[:, layer == LAYER_OF].sum(axis=1)
        assert whole[layer] == pytest.approx(own[facing & seen.numpy()].sum() / own[facing].sum(), rel=1e-3)


def test_the_cutouts_colours_and_mattes_count_rather_than_the_frames() -> None:
    bank, cutouts = woven_bank()
    shown = Atlas.of(replace(bank, frames=0 * bank.frames, masks=0 * bank.masks + 255).refined(cutouts)).pictures
    for n in range(len(bank)):
        person = cv2.erode(bank.masks[n], np.ones((5, 5), np.uint8)) == 255
        colours = cv2.GaussianBlur(shown[n, ..., :3].numpy(), (0, 0), 1).astype(int)
        assert np.abs(colours - cv2.GaussianBlur(bank.frames[n], (0, 0), 1))[person].mean() < 6
        assert ((shown[n, ..., 3].numpy() > 127) ^ (bank.masks[n] > 127)).mean() < 0.01


def test_what_was_never_seen_has_the_colours_of_what_is_near_it() -> None:
    body, mesh, _ = scene()
    shape = body.shape.build()
    parts, behind = vertex_parts(shape), shape.vertices[:, 1]  # it looks along -y
    head = parts == PARTS.index("head")
    hair = head & (behind > np.median(behind[head]))
    colours = np.where(hair[:, None], [30, 30, 200], np.where(head[:, None], [200, 120, 90], [40, 160, 40]))
    bank = painted_bank()
    surfaces = draw_surfaces(bank.bodies[0], mesh)
    frames = np.stack([paint(surface, colours.astype(np.float32)) for surface in surfaces]).round().astype(np.uint8)
    atlas = Atlas.of(replace(bank, frames=frames))
    unseen = (atlas.quality.sum(0) == 0).numpy()
    back = unseen & head & (behind > np.quantile(behind[head], 0.7))
    assert back.sum() > 50
    off = np.abs(atlas.colours.numpy() - colours).max(axis=1)
    assert np.median(off[back]) < 40  # of 170 to the face
    assert np.median(off[unseen & ~head]) < 10
