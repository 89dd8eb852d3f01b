import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from choreograft.config import ReferenceConfig
from choreograft.performer.references import Atlas, ReferenceBank, measure_sharpness, part_turns, project
from painted import SIZE, painted_bank, scene


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
    patches = atlas.patches()
    patch = int(atlas.patch_of[1234])
    inside = (atlas.patch_of == patch).numpy()
    assert_allclose(patches[2, patch], atlas.quality.numpy()[2, inside].mean(), rtol=1e-4)


def test_the_bank_holds_different_poses_and_leaves_the_blurred_out() -> None:
    bank = painted_bank()
    body = bank.bodies[0]
    frames = bank.frames.copy()
    frames[2] = frames[2].mean(axis=(0, 1), keepdims=True).astype(np.uint8)  # no detail at all
    chosen = ReferenceBank.choose(frames, bank.masks, [body], ReferenceConfig(count=3, blurred_share=0.2))[0]
    assert len(chosen) == 3
    assert len(chosen.bodies[0]) == 3
    assert not (chosen.frames == frames[2]).all(axis=(1, 2, 3)).any()
    turns = part_turns(body).reshape(len(body), -1)
    picked = part_turns(chosen.bodies[0]).reshape(3, -1)
    apart = min(np.linalg.norm(picked[a] - picked[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
    assert apart > np.median(np.linalg.norm(np.diff(turns, axis=0), axis=1))


def test_small_footage_is_taken_whole() -> None:
    bank = painted_bank()
    assert len(ReferenceBank.choose(bank.frames, bank.masks, bank.bodies)[0]) == len(bank)


def test_clips_of_one_person_make_one_bank() -> None:
    bank = painted_bank()
    half = len(bank) // 2
    body = bank.bodies[0]
    clips = [body.select(np.arange(half)), body.select(np.arange(half, len(body)))]
    joined = ReferenceBank.choose(bank.frames, bank.masks, clips)[0]
    assert [len(clip) for clip in joined.bodies] == [half, len(bank) - half]
    assert_allclose(Atlas.of(joined).xy.numpy(), Atlas.of(bank).xy.numpy())


def test_sharpness_is_a_rank_of_detail_on_the_person() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (3, 32, 32, 3))
    frames = np.stack([noise[0], noise[1] * 0.5, noise[2] * 0.1]).astype(np.uint8)
    masks = np.full((3, 32, 32), 255, np.uint8)
    assert measure_sharpness(frames, masks).tolist() == [1.0, 0.5, 0.0]
