"""Moving one layer: what it stays joined to, what is left behind, and what covers what."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from choreograft.body.surface import PARTS
from choreograft.performer import retrieve
from choreograft.performer.atlas import Atlas
from choreograft.performer.layers import LAYER_OF, LAYERS
from choreograft.performer.mover import LEAST_DEPTH_M, Laid, order_layers
from choreograft.performer.references import INNER_FACE
from choreograft.performer.region import Region
from choreograft.performer.retrieve import LIMB_MIRROR_COST, MIRROR_COST
from choreograft.performer.warp import Warper
from choreograft.performer.way import Spot, fit_face
from painted import draw_surfaces, painted_bank, pose, scene

SIDE = 48
SHAPE = (30, 60)


def points_at(at: np.ndarray, weight: np.ndarray) -> Spot:
    """Points (M, 2) of a layer in the box of a small canvas."""
    column, row = at.astype(np.int64).T
    maps = np.ones((SIDE, SIDE), np.float32)
    return Spot(
        0, Region(0, 0, SIDE, SIDE), np.arange(len(at)), np.column_stack([at, np.ones(len(at))]), row * SIDE + column,
        weight.astype(np.float32), maps, 1.0, (0.0, 0.0), maps > 0, maps > 0, 0 * maps, maps.astype(np.uint8),
    )  # fmt: skip


def test_a_hand_hangs_on_its_wrist_however_long_it_looks() -> None:
    fingers = np.array([[20.0, 20 + length] for length in range(1, 11)])
    here = np.vstack([[[20.0, 20.0]], fingers])
    points = points_at(here, np.array([0.5, *np.ones(10)]))
    there = np.array([30.0, 12.0]) + (here[:, ::-1] - here[0, ::-1]) * [0.3, 0.3]  # lying, and pointing at the lens
    affine, _, _ = points.find_way(there.astype(np.float32), np.ones(11, np.float32), 1.0)
    assert np.append(here[0], 1) @ affine == pytest.approx([30, 12], abs=0.3)
    assert np.append(here[-1], 1) @ affine == pytest.approx([40, 12], abs=0.3)  # as long as it is here


def test_a_head_is_laid_on_its_face_and_its_neck_stays_on_the_trunk() -> None:
    at = np.array([[x + 0.5, y + 0.5] for x in range(8, 40, 2) for y in range(4, 46, 2)])
    points, share = points_at(at, np.ones(len(at))), (at[:, 1] < 24).astype(np.float32)
    here, there = (np.full((68, 2), np.nan, np.float32) for _ in range(2))
    here[INNER_FACE:] = np.random.default_rng(0).uniform([14, 8], [34, 18], (68 - INNER_FACE, 2))
    there[INNER_FACE:] = here[INNER_FACE:] + np.array([0, 3])  # the head is lower in the reference
    affine, residual, _ = points.find_way(at.astype(np.float32), np.ones(len(at), np.float32), None)
    affine, residual = fit_face(affine, residual, points, share, here, there)
    for y, moved in ((10, 3.0), (42, 0.0)):
        place = np.array([24.5, y + 0.5, 1]) @ affine + residual[y, 24]
        assert place == pytest.approx([24.5, y + 0.5 + moved], abs=0.3)


def test_what_does_not_hang_together_with_a_layer_is_left_behind() -> None:
    atlas, surface = Atlas.of(painted_bank()), draw_surfaces(*scene()[:2])[6]
    atlas = replace(atlas, reach=np.full(len(PARTS), 0.16, np.float32))
    part = surface.part.numpy()
    edges = {row: int(np.flatnonzero(part[row] >= 0).max()) for row in np.flatnonzero((part >= 0).any(axis=1))}
    trunk = [row for row, right in edges.items() if LAYER_OF[part[row, right]] == LAYER_OF[PARTS.index("pelvis")]]
    row = trunk[len(trunk) // 2]
    right = edges[row]
    pictures = atlas.pictures.clone()
    pictures[2, row - 3 : row + 3, right + 4 : right + 7] = torch.tensor([255, 255, 255, 255], dtype=torch.uint8)
    choice = np.full((len(LAYERS), 3), 2)
    drawn = Warper(replace(atlas, pictures=pictures)).draw_from(surface, choice)
    scrap = np.s_[row - 2 : row + 2, right + 5 : right + 7]
    assert drawn.alpha[scrap].max() < 0.05
    pictures[2, row - 3 : row + 3, right - 2 : right + 7] = pictures[2, row, right - 4]  # cloth that hangs on the body
    pictures[2, row - 3 : row + 3, right - 2 : right + 7, 3] = 255
    assert Warper(replace(atlas, pictures=pictures)).draw_from(surface, choice).alpha[scrap].min() > 0.5


def test_arms_and_hands_are_mirrored_at_a_small_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    atlas, costs = Atlas.of(painted_bank()), {}
    for price in (0.0, LIMB_MIRROR_COST):

        def keep(each: np.ndarray, price: float = price) -> dict[int, list[int]]:
            costs[price] = each.copy()
            return {}

        monkeypatch.setattr(retrieve, "LIMB_MIRROR_COST", price)
        Warper(atlas).draw_layers(pose(7), keep)
    free, priced = costs.values()
    limbs, N = [layer.kind != "sheet" for layer in LAYERS], len(atlas.pictures)
    assert (priced - free)[N:, limbs] == pytest.approx(LIMB_MIRROR_COST, abs=1e-5)
    assert (priced - free)[:N] == pytest.approx(0)
    assert (priced - free)[N:, np.logical_not(limbs)] == pytest.approx(0)
    assert LIMB_MIRROR_COST < MIRROR_COST / 2


def test_a_hand_that_lies_on_the_hip_beside_the_fitted_one_is_no_part_of_the_hip() -> None:
    bank, hand, t = painted_bank(), PARTS.index("left_hand"), 2
    parts = [surface.part.numpy() for surface in draw_surfaces(bank.bodies[0], scene()[1])]
    frames, skin = np.full_like(bank.frames, 140), (200, 60, 180)
    for frame, part in zip(frames, parts, strict=True):
        frame[(part == hand) | (part == PARTS.index("right_hand"))] = skin
    trunk = (parts[t] >= 0) & (LAYER_OF[parts[t]] == LAYER_OF[PARTS.index("pelvis")])
    inner = cv2.erode(trunk.astype(np.uint8), np.ones((9, 9))) > 0
    away = cv2.distanceTransform((parts[t] != hand).astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(np.where(inner, away, np.inf).argmin(), away.shape)
    there = np.s_[row - 2 : row + 3, column - 2 : column + 3]
    bare = Atlas.of(replace(bank, frames=frames))
    assert (bare.nearest_part[t][there] != hand).all()
    clear = bare.clearness[t, LAYER_OF[PARTS.index("pelvis")]]
    frames[t][there] = skin
    atlas = Atlas.of(replace(bank, frames=frames))
    claimed = (atlas.nearest_part == hand).numpy()
    assert claimed[t][there].all()
    assert atlas.clearness[t, LAYER_OF[PARTS.index("pelvis")]] < 0.5 * clear  # the arm lies there too
    assert (claimed[t] & trunk).sum() < 9**2
    assert not (claimed & np.stack([LAYER_OF[part] == LAYER_OF[PARTS.index("pelvis")] for part in parts]))[:t].any()


def lie(left: int, width: int, depth_m: float) -> Laid:
    """A layer that fills some columns, so far away."""
    maps = np.ones((SHAPE[0], width), np.float32)
    nothing = np.zeros(maps.shape, np.uint8)
    return Laid((), Region(0, left, *maps.shape), depth_m * maps, maps, maps, nothing, nothing)


def order(*layers: Laid) -> list[int]:
    ordered = order_layers(list(layers), SHAPE)
    return [next(n for n, layer in enumerate(layers) if layer is placed) for placed in ordered]


def test_layers_that_are_equally_near_or_apart_keep_their_order() -> None:
    assert order(lie(0, 30, 3.0), lie(20, 20, 3.0 + LEAST_DEPTH_M / 2), lie(45, 10, 2.0)) == [0, 1, 2]
    assert order_layers([], SHAPE) == []


@pytest.mark.parametrize("between", [0, 1, 4])
def test_an_arm_behind_the_trunk_is_drawn_before_it_whatever_is_between_them_in_the_list(between: int) -> None:
    trunk, arm = lie(0, 20, 3.0), lie(10, 20, 3.3)
    others = [lie(40 + 3 * n, 3, 1.0) for n in range(between)]
    assert order(trunk, *others, arm)[-2:] == [between + 1, 0]


def test_of_layers_that_lie_behind_each_other_in_a_circle_the_clearest_are_right() -> None:
    tilted = np.linspace(2.0, 4.0, 60, dtype=np.float32)[None].repeat(SHAPE[0], 0)
    left, right = lie(0, 40, 3.0), lie(20, 40, 3.5)
    across = lie(0, 60, 0.0)
    across.depth[:] = tilted  # before the left one, behind the right one
    placed = order(left, right, across)
    assert placed.index(1) < placed.index(0)
    assert sorted(placed) == [0, 1, 2]
