import cv2
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from choreograft.body.calibration import Effort, Outlines, _read_outlines, find_outline, load_thinned
from choreograft.body.fit import fit_bodies
from choreograft.body.shape import MEAN_SHAPE, PHENOTYPES, BodyShape, load_shape_space
from choreograft.pose.track import MaskSequence, PoseTrack
from choreograft.studio.filming import Camera, true_track
from choreograft.video.size import Size
from filmed import RATE, SIZE, film
from swaying import swaying_track, without_masks

HEIGHT_PX = 300.0
FOCAL = torch.tensor(400.0)


def track_with(masks: list[NDArray[np.uint8]]) -> PoseTrack:
    blobs = [MaskSequence.pack(mask, SIZE) for mask in masks]
    track = film("ada", "squats").track.select(range(len(masks)))
    return PoseTrack(
        track.size, track.rate, track.time_s, track.xy, track.score, track.depth, track.world, track.present,
        MaskSequence.from_blobs(SIZE, blobs),
    )  # fmt: skip


def box(left: int, top: int, right: int, bottom: int) -> NDArray[np.uint8]:
    mask = np.zeros((SIZE.height, SIZE.width), np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


def grid(left: float, top: float, right: float, bottom: float) -> torch.Tensor:
    """(1, V, 3) points in the level frame 4 m away that fill a box of the picture."""
    x, y = np.meshgrid(np.linspace(left, right, 40), np.linspace(top, bottom, 40))
    at = (np.stack([x, y], -1).reshape(-1, 2) - np.asarray(SIZE) / 2) * [1, -1] * 4 / float(FOCAL)
    return torch.from_numpy(np.stack([at[:, 0], np.full(len(at), 4.0), at[:, 1]], 1)[None].astype(np.float32))


def test_outlines_are_those_of_frames_with_a_mask() -> None:
    track = without_masks(swaying_track(12), [0, 1, 2, 6])
    chosen = np.array([1, 2, 3, 6, 8, 11])
    frames, outlines = _read_outlines(track, chosen, 80.0, 10)
    assert frames.tolist() == [2, 4, 5]
    assert len(outlines.outline) == 3
    assert _read_outlines(track, chosen, 80.0, 2)[0].tolist() == [2, 5]
    assert _read_outlines(without_masks(track, range(12)), chosen, 80.0, 10) is None


def test_the_outline_runs_along_the_edge() -> None:
    mask = np.zeros((100, 80), bool)
    mask[20:70, 10:50] = True
    edge = find_outline(mask)
    assert edge is not None
    inside = np.minimum(edge - [10, 20], [50, 70] - edge)
    assert_allclose(inside.min(1), 0.5)  # the centres of the outermost pixels
    assert_allclose([edge.min(0), edge.max(0)], [[10.5, 20.5], [49.5, 69.5]], atol=1.5)
    step = np.linalg.norm(np.diff(edge, axis=0), axis=1)
    assert step.max() < 3  # evenly spread


def test_nothing_has_no_outline() -> None:
    assert find_outline(np.zeros((10, 10), bool)) is None


def test_a_track_without_masks_or_with_an_empty_one_has_no_outlines() -> None:
    assert Outlines.read(film("ada", "squats").track, HEIGHT_PX) is None
    assert Outlines.read(track_with([box(100, 100, 200, 300), box(0, 0, 0, 0)]), HEIGHT_PX) is None


def test_a_body_that_fills_its_mask_costs_least() -> None:
    outlines = Outlines.read(track_with([box(120, 100, 240, 400)]), HEIGHT_PX)
    assert outlines is not None
    fits = float(outlines.cost(grid(123, 103, 237, 397), FOCAL))
    smaller = float(outlines.cost(grid(135, 115, 225, 385), FOCAL))
    larger = float(outlines.cost(grid(108, 88, 252, 412), FOCAL))
    aside = float(outlines.cost(grid(143, 103, 257, 397), FOCAL))
    assert fits < 0.2 * min(smaller, larger)
    assert fits < 0.2 * aside


def test_cloth_far_from_the_body_costs_no_more_the_wider_it_is() -> None:
    body = grid(153, 103, 207, 397)
    costs = []
    for wide in (0, 60, 120):
        skirt = np.maximum(box(150, 100, 210, 400), box(150 - wide, 250, 210 + wide, 400))
        outlines = Outlines.read(track_with([skirt]), HEIGHT_PX)
        assert outlines is not None
        costs.append(float(outlines.cost(body, FOCAL)))
    assert costs[0] < 1
    assert costs[2] < 1.35 * costs[1]


def test_the_picture_scale_does_not_matter() -> None:
    outlines = Outlines.read(track_with([box(120, 100, 240, 400)]), HEIGHT_PX)
    assert outlines is not None
    points = grid(130, 110, 230, 390)
    farther = points * torch.tensor([2.0, 2.0, 2.0])
    assert_allclose(float(outlines.cost(farther, FOCAL)), float(outlines.cost(points, FOCAL)), rtol=1e-3)


def test_an_edge_that_is_the_pictures_asks_for_nothing() -> None:
    outlines = Outlines.read(track_with([box(120, 300, 240, SIZE.height)]), HEIGHT_PX)
    assert outlines is not None
    at_bottom = outlines.outline[0, :, 1] < -SIZE.height / 2 + 4
    assert at_bottom.any()
    assert (outlines.known[0][at_bottom] == 0).all()
    assert (outlines.known[0][~at_bottom] == 1).all()


def test_costs_have_gradients_towards_the_mask() -> None:
    outlines = Outlines.read(track_with([box(120, 100, 240, 400)]), HEIGHT_PX)
    assert outlines is not None
    shift = torch.tensor(0.1, requires_grad=True)  # m to the right, about 10 px
    points = grid(123, 103, 237, 397)
    outlines.cost(points + torch.stack([shift, shift * 0, shift * 0]), FOCAL).backward()
    assert float(shift.grad) > 0


def test_the_thinned_mesh_is_part_of_the_body() -> None:
    shape = BodyShape((0.3, 0.6, 0.7, 0.8, 0.4, 0.5), (0.05, 0.0, 0.1, 0.0, 0.0, 0.05, -0.05, 0.0))
    space = load_shape_space(21)
    coefficients = space.coefficients(torch.tensor(shape.phenotypes), torch.tensor(shape.lengths))
    chain, _ = space.skeleton(coefficients, slice(0, 0))
    placed = chain.place(torch.eye(3)[None], torch.zeros(1, 3), torch.zeros(1, 21, 3))
    points = load_thinned().points(coefficients, chain.heads).locate(*placed)[0].numpy()
    body = shape.build()
    vertices = body.vertices - body.heads[0]
    assert 800 < len(points) < 0.6 * len(vertices)
    away = np.array([np.linalg.norm(vertices - point, axis=1).min() for point in points[::20]])
    assert_allclose(away, 0, atol=1e-5)


def silhouettes(shape: BodyShape, camera: Camera, T: int) -> PoseTrack:
    """Somebody at rest, turned a little from frame to frame, with exact masks of the bare body."""
    body = shape.build()
    still = np.tile(np.eye(3), (len(body.bones), 1, 1))
    joints, masks = [], []
    for angle in np.linspace(-0.6, 0.6, T):
        turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        joints.append(body.joints(body.vertices, still, body.heads) @ turn.T)
        pixels = camera.project(body.vertices @ turn.T)
        mask = np.zeros((camera.size.height, camera.size.width), np.uint8)
        for face in body.faces[~body.hidden_faces]:
            cv2.fillConvexPoly(mask, np.round(16 * (pixels[face] - 0.5)).astype(np.int32), 255, shift=4)
        masks.append(MaskSequence.pack(mask, camera.size))
    return true_track(np.stack(joints), camera, RATE, MaskSequence.from_blobs(camera.size, masks))


@pytest.mark.parametrize("weight", [0.25, 0.8])
def test_masks_tell_how_heavy_somebody_is(weight: float) -> None:
    traits = dict(zip(PHENOTYPES, MEAN_SHAPE.phenotypes, strict=True)) | {"weight": weight}
    camera = Camera(Size(240, 320), height_m=1.2, distance_m=4.2, view_m=2.4, pitch_deg=3.0)
    track = silhouettes(BodyShape(tuple(traits.values())), camera, 3)
    effort = Effort(calibration_frames=4, calibration_steps=24, outline_steps=40, pose_steps=4, finger_steps=2)
    found = fit_bodies([track], effort, exact=True)[0].shape
    index = PHENOTYPES.index("weight")
    blind = MEAN_SHAPE.phenotypes[index]
    assert (found.phenotypes[index] - blind) * (weight - blind) > 0
    true, seen = waist_m(BodyShape(tuple(traits.values()))), waist_m(found)
    assert abs(seen - true) < 0.8 * abs(waist_m(MEAN_SHAPE) - true)


def waist_m(shape: BodyShape) -> float:
    """Breadth of the belly, in shares of the stature."""
    body = shape.build()
    belly = body.vertices[np.abs(body.vertices[:, 2] - body.head("spine04")[2]) < 0.02]
    belly = belly[np.abs(belly[:, 0]) < 0.3]
    return float(np.ptp(belly[:, 0])) / body.height_m
